"""
What is to happen on the site, and when: one heap and one task for the whole floor.

Simulated devices, calendars and people are plain objects without tasks of their own; whatever they put off they put
here. Thousands of idle devices therefore cost no task and no timer of the event loop.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from .clock import Clock

_log = logging.getLogger(__name__)
_KEPT_FAILURES: Final = 100


@attrs.define(order=True)
class Appointment:
    """Something put off; `cancel` it when it shall not happen any more."""

    due: datetime
    order: int
    action: Callable[[], object] | None = attrs.field(order=False, repr=False)

    def cancel(self) -> None:
        """Never do it; without effect when it has been done."""
        self.action = None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.action is not None


class Schedule:
    """
    The floor's list of things to do, done in order of time, then of being put down.

    `run` must be running for anything to happen; it does so until it is cancelled.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._heap: list[Appointment] = []
        self._order = itertools.count()
        self._earlier = asyncio.Event()
        self.failures: list[Exception] = []

    def now(self) -> datetime:
        """Return the site's present moment."""
        return self.clock.now()

    def at(self, due: datetime, action: Callable[[], object]) -> Appointment:
        """Do *action* at *due*; as soon as the loop turns when that has passed."""
        appointment = Appointment(due=due, order=next(self._order), action=action)
        heapq.heappush(self._heap, appointment)
        if self._heap[0] is appointment:
            self._earlier.set()
        return appointment

    def after(self, seconds: float, action: Callable[[], object]) -> Appointment:
        """Do *action* in *seconds*."""
        return self.at(self.now() + timedelta(seconds=seconds), action)

    def __len__(self) -> int:
        return sum(1 for appointment in self._heap if appointment.is_open)

    async def run(self) -> None:
        """Do everything at its time, for ever."""
        while True:
            self._earlier.clear()
            self.do_due()
            if not self._heap:
                await self._earlier.wait()  # without limit: with nothing to do there is nothing to be late for
            else:
                await self._wait_until(self._heap[0].due)

    def do_due(self) -> None:
        """Do everything whose time has come."""
        while self._heap and (not self._heap[0].is_open or self._heap[0].due <= self.now()):
            appointment = heapq.heappop(self._heap)
            action, appointment.action = appointment.action, None
            if action is not None:
                self._do(action)

    def _do(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as exc:  # noqa: BLE001  # the guard of every simulated device: one that fails must not stop the floor
            self.report(exc)

    def report(self, failure: Exception) -> None:
        """Log a mistake of the simulator itself and keep it in `failures`; the floor goes on."""
        _log.error("simulated action failed", exc_info=failure)
        if len(self.failures) < _KEPT_FAILURES:
            self.failures.append(failure)

    async def _wait_until(self, due: datetime) -> None:
        """Return at *due*, or earlier when something earlier has been put down."""
        loop = asyncio.get_running_loop()
        sleeper = loop.create_task(self.clock.sleep_until(due), name="simulator schedule: sleep")
        earlier = loop.create_task(self._earlier.wait(), name="simulator schedule: earlier")
        try:
            await asyncio.wait((sleeper, earlier), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            earlier.cancel()
            await asyncio.wait((sleeper, earlier))
