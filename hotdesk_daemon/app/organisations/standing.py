"""How an organisation stands, for whoever asks: our own readiness, the cloud's health checks, the gauges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.app.organisations.measuring import measure_tokens
from hotdesk_daemon.transport.cloud import TokenState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hotdesk_daemon.app.organisations.following import DirectoryKeeper
    from hotdesk_daemon.app.organisations.hearing import Hearing
    from hotdesk_daemon.app.organisations.tools import Tools
    from hotdesk_daemon.transport.cloud import CloudHttp, TokenKeeper


class Standing:
    """
    Tells how the organisation of *tools* stands, by what its parts know.

    *is_healthy* says whether the daemon is.
    """

    def __init__(
        self,
        tools: Tools,
        *,
        keeper: TokenKeeper,
        hearing: Hearing,
        directory: DirectoryKeeper,
        http: CloudHttp,
        is_healthy: Callable[[], bool],
    ) -> None:
        self._tools = tools
        self._keeper = keeper
        self._hearing = hearing
        self._directory = directory
        self._http = http
        self._is_healthy = is_healthy
        self._throttled_told = 0

    def reasons_against(self) -> Sequence[str]:
        """Why this organisation is not served, in whole sentences."""
        name = f"Organisation {self._tools.wanted.id}"
        match self._keeper.state:
            case TokenState.NONE:
                return (f"{name} is not activated: run hotdesk-daemon activate.",)
            case TokenState.REAUTHORISE:
                return (f"{name} must be activated anew: the cloud refuses its refresh token.",)
            case TokenState.FAILING:
                return (f"{name}: the access token cannot be renewed: {self._keeper.cause}.",)
            case _ if not self._hearing.is_up:
                return (f"{name} is not heard: {self._hearing.cause}.",)
            case _ if self._directory.trouble is not None:
                return (f"{name}: its directory cannot be read: {self._directory.trouble}.",)
            case _:
                return ()

    def health(self) -> Mapping[str, str]:
        """How we are, in the cloud's words; from the same source as our own readiness."""
        is_good = self._keeper.has_good_token
        desks = {member.desk for member in self._hearing.members.values()}
        held = [self._tools.fleet.desk(desk) for desk in desks]
        is_served = not held or any(desk is not None and not desk.is_stale for desk in held)
        is_well = self._is_healthy() and is_served and not self.reasons_against()
        state = "operational" if is_well else "impaired" if is_good else "token_invalid"
        return {"operationalState": state, "tokensState": "valid" if is_good else "invalid"}

    @property
    def needs_activation(self) -> bool:
        """Whether only a person can have us get tokens."""
        return self._keeper.state in (TokenState.NONE, TokenState.REAUTHORISE)

    def token_left_s(self) -> float | None:
        """How long the refresh token lasts unless it is used; None when that is not known."""
        installation = self._keeper.installation
        if installation is None or installation.refresh_expires_at is None or self.needs_activation:
            return None
        return (installation.refresh_expires_at - self._tools.clock.now()).total_seconds()

    def measure(self) -> None:
        """Set the gauges of this organisation."""
        metrics, org = self._tools.metrics, self._tools.wanted.id
        measure_tokens(metrics, self._keeper, org=org, now=self._tools.clock.now())
        metrics.throttled.labels(org=org).inc(self._http.throttled - self._throttled_told)
        self._throttled_told = self._http.throttled
        metrics.cloud_up.labels(org=org).set(float(self._hearing.is_up))
