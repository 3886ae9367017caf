"""Noticing that somebody set the wall clock, and having every desk notice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Never

import attrs

from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.worker import CLOCK_STEP_S, offset_s
from hotdesk_daemon.ops.clocks import Clock
from hotdesk_daemon.ops.logs import get_log

#: How long a desk with nothing to do may go on by a clock that was set.
LOOK_EVERY_S: Final = 15.0


@attrs.define(eq=False, kw_only=True)
class ClockWatch:
    """
    Compares the wall clock with the steady one.

    A desk's own worker does the same before it decides anything; a desk at rest has to be woken for that, for what it
    waits for may be far away by the clock as it is now.
    """

    clock: Clock
    fleet: Fleet
    sleep: Callable[[float], Awaitable[None]]

    async def run(self) -> Never:
        """Look again and again, until cancelled."""
        before_s = offset_s(self.clock)
        while True:
            await self.sleep(LOOK_EVERY_S)
            now_s = offset_s(self.clock)
            if abs(now_s - before_s) >= CLOCK_STEP_S:
                get_log().warning("clock.stepped", by_s=round(now_s - before_s))
                for worker in self.fleet.workers.values():
                    worker.mailbox.wake.set()
            before_s = now_s
