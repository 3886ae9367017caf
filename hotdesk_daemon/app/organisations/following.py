"""Reading an organisation's directory, again and again, while it is set up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never

from hotdesk_daemon.app.organisations.waits import LONGEST_WAIT_S, backoff_s, happens_within
from hotdesk_daemon.core.errors import HotdeskError
from hotdesk_daemon.transport.cloud import Selection, read_directory, uuid_of

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.app.organisations.hearing import Hearing
    from hotdesk_daemon.app.organisations.membership import Membership
    from hotdesk_daemon.app.organisations.tools import Tools
    from hotdesk_daemon.transport.cloud import CloudRest

#: A stranger among the devices has the directory read again, but not more often than this.
_STRANGER_S: Final = 60.0


class DirectoryKeeper:
    """Keeps *membership* in step with the directory that *rest* reads, from `open` on."""

    def __init__(
        self, tools: Tools, *, rest: CloudRest, membership: Membership, hearing: Hearing, log: FilteringBoundLogger
    ) -> None:
        self._tools = tools
        self._rest = rest
        self._membership = membership
        self._hearing = hearing
        self._log = log
        self._is_open = False
        self._wish = asyncio.Event()
        self.trouble: str | None = None  # why it was never read since the start
        self._was_read = False
        self._told_unusable: frozenset[str] = frozenset()

    def open(self) -> None:
        """The directory can be read from now on; read it soon."""
        self._is_open = True
        self._wish.set()

    def wish(self) -> None:
        """Read it soon: there is something that we do not know."""
        self._wish.set()

    async def run(self) -> Never:
        """Read it, at its intervals and when wished for, until cancelled."""
        failures = 0
        while True:
            if not self._is_open:
                self._wish.clear()
                await happens_within(self._wish, LONGEST_WAIT_S, sleep=self._tools.sleep)
                continue
            self._wish.clear()
            try:
                await self._read()
                if failures:
                    self._log.info("org.directory_recovered")
                failures, self._was_read, self.trouble = 0, True, None
                wait_s = self._tools.clock.real_s(self._tools.wanted.directory_interval_s)
            except (HotdeskError, OSError, TimeoutError) as exc:
                failures += 1
                self.trouble = None if self._was_read else str(exc)
                (self._log.warning if failures == 1 else self._log.debug)("org.directory_failed", error=str(exc))
                wait_s = backoff_s(failures, exc, rng=self._tools.rng)
            await self._hearing.directory_was_read()
            await self._tools.sleep(min(wait_s, _STRANGER_S))
            await happens_within(self._wish, max(0.0, wait_s - _STRANGER_S), sleep=self._tools.sleep)

    async def _read(self) -> None:
        select = self._tools.wanted.select
        selection = Selection(
            tags=frozenset(select.tags),
            locations=frozenset(uuid_of(one) for one in select.locations),
            workspaces=frozenset(uuid_of(one) for one in select.workspaces),
            hotdesking_only=select.hotdesking_only,
        )
        read = await read_directory(self._rest, selection)
        for name, why in read.unusable:
            if name not in self._told_unusable:
                self._log.info("org.device_unusable", webex_id=name, reason=why)
        self._told_unusable = frozenset(name for name, _ in read.unusable)
        await self._membership.follow(read)
        self._log.debug("org.directory", desks=len(read.desks), unusable=len(read.unusable))
