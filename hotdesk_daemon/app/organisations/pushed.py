"""What the cloud pushes of that which we live on; what it does not is looked at instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.core.errors import HotdeskError
from hotdesk_daemon.transport.cloud import Supported, read_supported, supported_url
from hotdesk_daemon.xapi.cloud import WANTED_EVENTS, WANTED_STATUSES

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.app.organisations.membership import Membership
    from hotdesk_daemon.app.organisations.tools import Tools
    from hotdesk_daemon.transport.cloud import Budget, CloudHttp, Installation


class Pushed:
    """Learns it, tells once what is missing, and has *membership* tell the desks."""

    def __init__(
        self, tools: Tools, *, http: CloudHttp, budget: Budget, membership: Membership, log: FilteringBoundLogger
    ) -> None:
        self._tools = tools
        self._http = http
        self._budget = budget
        self._membership = membership
        self._log = log
        self._was_missing: tuple[str, ...] | None = None

    async def learn(self, installation: Installation) -> None:
        """Ask what is pushed."""
        url = self._tools.wanted.supported_url or supported_url(installation.app_url)
        missing = await not_pushed(self._http, self._budget, url, installation=installation, log=self._log)
        if missing != self._was_missing and missing:
            self._log.warning("org.unsupported", missing=", ".join(missing))
        self._was_missing = missing
        is_pushed = missing == ()
        if is_pushed != self._membership.is_pushed:
            self._membership.is_pushed = is_pushed
            await self._membership.retell()


async def not_pushed(
    http: CloudHttp, budget: Budget, url: str, *, installation: Installation, log: FilteringBoundLogger
) -> tuple[str, ...] | None:
    """
    What of that which we live on is not pushed; None when that cannot be had.

    The cloud says at *url* what it pushes at all; an installation gets of that what it was granted.
    """
    try:
        async with budget.slot():
            supported = await read_supported(http, url)
    except HotdeskError as exc:
        log.info("org.supported_unknown", error=str(exc))
        return None
    granted = Supported(statuses=frozenset(installation.statuses), events=frozenset(installation.events))
    lacking = [some.missing(statuses=WANTED_STATUSES, events=WANTED_EVENTS) for some in (supported, granted)]
    return tuple(dict.fromkeys((*lacking[0], *lacking[1])))
