"""
One sleeper for the timers of all desks.

A desk's timers are part of its state; here only the next moment of each desk is known, and its worker is woken then.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Any, Final, Never

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.ops.clocks import Clock


#: Entries of the heap that no longer hold, before it is built anew.
_STALE_KEPT: Final = 256


class Timekeeper:
    """Wakes each desk at the moment last told for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[DeskId, datetime] = {}
        self._wakers: dict[DeskId, Callable[[], None]] = {}
        self._heap: list[tuple[datetime, DeskId]] = []
        self._earlier = asyncio.Event()

    def set(self, desk: DeskId, due: datetime | None, wake: Callable[[], None]) -> None:
        """Wake *desk* at *due* instead of what was told before; ``None`` means not at all."""
        if self._due.get(desk) == due:
            return
        if due is None:
            del self._due[desk]
            return
        self._due[desk] = due
        self._wakers[desk] = wake
        if not self._heap or due < self._heap[0][0]:
            self._earlier.set()
        heapq.heappush(self._heap, (due, desk))
        if len(self._heap) > 2 * len(self._due) + _STALE_KEPT:
            self._heap = [(moment, one) for one, moment in self._due.items()]
            heapq.heapify(self._heap)

    async def run(self) -> Never:
        """Keep time until cancelled."""
        while True:
            self._fire()
            self._earlier.clear()
            await self._pause()

    async def _pause(self) -> None:
        """Until the next moment or an earlier one that is set meanwhile; for ever while no desk has a timer."""
        earlier = asyncio.create_task(self._earlier.wait(), name="timekeeper: an earlier timer")
        waits: list[asyncio.Task[Any]] = [earlier]
        if self._heap:
            until = self._clock.sleep_until(self._heap[0][0])
            waits.append(asyncio.create_task(until, name="timekeeper: the next timer"))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.wait(waits)

    def _fire(self) -> None:
        now = self._clock.now()
        while self._heap and (self._heap[0][0] <= now or self._due.get(self._heap[0][1]) != self._heap[0][0]):
            due, desk = heapq.heappop(self._heap)
            if self._due.get(desk) == due:
                del self._due[desk]
                self._wakers[desk]()
