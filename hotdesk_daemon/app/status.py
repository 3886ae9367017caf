"""
What the service manager is told: that we start, how we are in one line, and that work gets done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Never

import attrs

from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.organisations import Organisations
from hotdesk_daemon.app.reload import Reload
from hotdesk_daemon.app.vitals import Vitals
from hotdesk_daemon.ops.logs import Fold, get_log
from hotdesk_daemon.ops.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_STATUS_EVERY_S: Final = 5.0
#: A start that takes long is granted so much more, again and again, for no longer than the last of these.
_EXTEND_EVERY_S: Final = 10.0
_EXTEND_BY_S: Final = 30.0
_START_MOST_S: Final = 900.0
_DAY_S: Final = 86_400.0


@attrs.define(eq=False, kw_only=True)
class Status:
    """
    Keeps the service manager informed while the daemon serves.

    *sleep* is by the machine's time.
    """

    notifier: Notifier
    fleet: Fleet
    organisations: Organisations
    reload: Reload
    vitals: Vitals
    last_stop: str  # how the run before ended, in words; may be empty
    sleep: Callable[[float], Awaitable[None]]
    _fold: Fold = attrs.field(factory=lambda: Fold(get_log()))

    def line(self) -> str:
        """One line that answers the first question: "487/500 desks live, 2 parked, token 61 d"."""
        parts = [self.fleet.summary(), *self._tokens(), *(one.rstrip(".") for one in self.fleet.troubles())]
        if self.reload.trouble is not None:
            parts.append(f"the configuration was not reloaded: {self.reload.trouble}")
        return ", ".join([*parts, self.last_stop] if self.last_stop else parts)

    def _tokens(self) -> list[str]:
        """How long the first refresh token lasts that ends, and who needs a person."""
        left_s = min((s for one in self.organisations if (s := one.standing.token_left_s()) is not None), default=None)
        lasting = [] if left_s is None else [f"token {max(0, int(left_s // _DAY_S))} d"]
        return [*lasting, *(f"activate {one.id}" for one in self.organisations if one.standing.needs_activation)]

    async def run(self) -> Never:
        """Tell for ever, if anybody listens."""
        if not self.notifier.is_heard:
            await asyncio.Event().wait()  # for ever: nobody wants to know
        pause_s = min(_STATUS_EVERY_S, self.notifier.watchdog_interval_s or _STATUS_EVERY_S)
        while True:
            self.tell()
            await self.sleep(pause_s)

    def tell(self) -> None:
        """Say how we are now; where work does not get done, say so and leave the watchdog hungry."""
        trouble = self.vitals.trouble()
        if trouble is None:
            self._fold.up("work", "daemon.works")
            self.notifier.status(self.line(), alive=True)
        else:
            self._fold.down("work", "daemon.stuck", error=trouble)
            self.notifier.status(f"STUCK: {trouble}; {self.line()}")


@asynccontextmanager
async def patience(notifier: Notifier, *, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
    """Have the service manager wait for a start that takes long, while the context is open, but not for ever."""

    async def extend() -> None:
        for _ in range(int(_START_MOST_S / _EXTEND_EVERY_S)):
            notifier.extend(_EXTEND_BY_S, status="starting: reading the journal")
            await sleep(_EXTEND_EVERY_S)

    if not notifier.is_heard:
        yield
        return
    task = asyncio.create_task(extend(), name="patience of the service manager")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
