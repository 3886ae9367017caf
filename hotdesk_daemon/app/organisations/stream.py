"""Whether an organisation is heard, and what its silences mean for its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.ops.logs import get_log

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.app.organisations.hearing import Hearing

#: A stream that is down for less than this has lost nothing by that: the cloud keeps the messages meanwhile.
GRACE_S: Final = 90.0


class Stream:
    """The stream of messages that *hearing* hears; its tasks are of `group`, which is set before it is used."""

    def __init__(
        self, hearing: Hearing, *, sleep: Callable[[float], Awaitable[None]], log: FilteringBoundLogger | None = None
    ) -> None:
        self.group: asyncio.TaskGroup | None = None
        self._hearing = hearing
        self._sleep = sleep
        self._log = log if log is not None else get_log()
        self._is_gap = False
        self._falling: asyncio.Task[None] | None = None

    def note_gap(self) -> None:
        """Messages may have been lost: once the stream stands, everything has to be looked at."""
        self._is_gap = True

    async def up(self) -> None:
        """It stands."""
        self._stay()
        was_up, is_gap, self._is_gap = self._hearing.is_up, self._is_gap, False
        if not was_up:
            self._log.info("org.up")
        if was_up and is_gap:
            self._log.warning("org.gap")
            await self._hearing.renew()
        else:
            await self._hearing.rise()

    async def down(self, cause: str, *, is_gap: bool, is_told_anyway: bool) -> None:
        """It does not; *is_told_anyway* says that what it would bring comes otherwise, too."""
        if is_told_anyway:
            return
        self._is_gap = self._is_gap or is_gap
        if not self._hearing.is_up or self._falling is not None or self.group is None:
            self._hearing.cause = cause
            return
        self._falling = self.group.create_task(self._fall_later(cause), name="an organisation's grace")

    async def fall(self, cause: str) -> None:
        """It is gone: no device is reached by it."""
        self._stay()
        if self._hearing.is_up:
            self._log.warning("org.down", reason=cause)
        await self._hearing.fall(cause)

    async def _fall_later(self, cause: str) -> None:
        await self._sleep(GRACE_S)
        self._falling = None
        await self.fall(cause)

    def _stay(self) -> None:
        """Whoever is about to fall does not."""
        if self._falling is not None:
            self._falling.cancel()
            self._falling = None
