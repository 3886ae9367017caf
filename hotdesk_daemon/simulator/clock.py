"""
The clocks a simulated site can live by.

Nothing in this package asks the operating system for the time: a clock is handed in. `ScaledClock` runs the site alone
at any speed, `ManualClock` stands still until a test moves it. Both also offer `mono`, `real_s` and `sleep`, so that
the same clock can drive whatever is connected to the site.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_DEFAULT_YIELDS: Final = 24
"""
Turns of the event loop that count as "everybody has reacted": a frame over loopback and its answer need about ten.
"""


class Clock(Protocol):
    """The time of the site: aware UTC, never running backwards."""

    def now(self) -> datetime:
        """Return the present moment."""
        ...

    async def sleep_until(self, when: datetime) -> None:
        """Return at *when*, at once if it has passed."""
        ...


class ScaledClock:
    """
    A clock that runs *speed* times as fast as the event loop's own.

    Args:
        speed: simulated seconds for each real one.
        start: the moment shown when the clock is made; default is the machine's present time.

    """

    def __init__(self, *, speed: float = 1.0, start: datetime | None = None) -> None:
        if speed <= 0:
            message = f"a clock must run forwards: speed is {speed}"
            raise ValueError(message)
        self.speed = speed
        self.start = start or datetime.now(UTC)
        self._origin_mono = asyncio.get_running_loop().time()

    def mono(self) -> float:
        """Return simulated seconds since the clock was made."""
        return (asyncio.get_running_loop().time() - self._origin_mono) * self.speed

    def real_s(self, seconds: float) -> float:
        """Return *seconds* of simulated time in seconds of the machine."""
        return seconds / self.speed

    def now(self) -> datetime:
        """Return the simulated moment."""
        return self.start + timedelta(seconds=self.mono())

    async def sleep_until(self, when: datetime) -> None:
        """Return at *when* of simulated time."""
        # A timer may fire a hair early by this clock's arithmetic: look again rather than return before the time.
        while (left_s := (when - self.now()).total_seconds()) > 0:  # noqa: ASYNC110  # nobody could set an event
            await asyncio.sleep(left_s / self.speed)

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds* of simulated time."""
        await self.sleep_until(self.now() + timedelta(seconds=seconds))


class ManualClock:
    """
    A clock that stands still until it is advanced, and then wakes every sleeper at that sleeper's own time.

    Between two wake-ups it lets the event loop turn, so that what a sleeper causes (frames over sockets, further
    sleeps) has happened before the time moves on. Work on threads is invisible to the loop: register an awaitable for
    it with `settle_with`.
    """

    def __init__(
        self,
        start: datetime = datetime(2026, 5, 4, 8, 0, tzinfo=UTC),
        *,
        yields: int = _DEFAULT_YIELDS,
    ) -> None:
        self.start = start
        self.yields = yields
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._settlers: list[Callable[[], Awaitable[object]]] = []

    def now(self) -> datetime:
        """Return the moment the clock stands at."""
        return self._now

    def mono(self) -> float:
        """Return the seconds by which the clock has been advanced."""
        return (self._now - self.start).total_seconds()

    def real_s(self, seconds: float) -> float:
        """Return *seconds*: what is timed by the machine takes its own time."""
        return seconds

    async def sleep_until(self, when: datetime) -> None:
        """Return when the clock has been advanced to *when*."""
        if when <= self._now:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when, next(self._order), waiter))
        await waiter

    async def sleep(self, seconds: float) -> None:
        """Return when the clock has been advanced by *seconds*."""
        await self.sleep_until(self._now + timedelta(seconds=seconds))

    def settle_with(self, settler: Callable[[], Awaitable[object]]) -> None:
        """Await *settler* too, each time the clock waits for everybody to have reacted."""
        self._settlers.append(settler)

    @property
    def next_due(self) -> datetime | None:
        """The time of the earliest sleeper; None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def settle(self) -> None:
        """Let everything that can run without time passing run."""
        for _ in range(self.yields):
            await asyncio.sleep(0)
        for settler in self._settlers:
            await settler()
        if self._settlers:
            for _ in range(self.yields):
                await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Move the clock by *seconds*, waking sleepers in order of their times."""
        await self.advance_to(self._now + timedelta(seconds=seconds))

    async def advance_to(self, when: datetime) -> None:
        """Move the clock to *when*, waking sleepers in order of their times."""
        await self.settle()
        while (due := self.next_due) is not None and due <= when:
            await self._wake(due)
        self._now = max(self._now, when)
        await self.settle()

    async def advance_until(self, reached: Callable[[], bool], *, limit_s: float = 3600.0, step_s: float = 1.0) -> None:
        """
        Move the clock until *reached* holds, looking at every wake-up and at least each *step_s*.

        Raises:
            TimeoutError: it did not hold within *limit_s* of simulated time.

        """
        await self.settle()
        end = self._now + timedelta(seconds=limit_s)
        while not reached():
            if self._now >= end:
                message = f"not reached within {limit_s} s of simulated time"
                raise TimeoutError(message)
            stop = min(end, self._now + timedelta(seconds=step_s))
            due = self.next_due
            if due is not None and due <= stop:
                await self._wake(due)
            else:
                self._now = stop
                await self.settle()

    @contextlib.asynccontextmanager
    async def running(self, *, step_s: float = 1.0) -> AsyncIterator[None]:
        """Keep advancing, as fast as the loop allows, while the body runs."""

        async def run() -> None:
            while True:
                await self.advance(step_s)

        task = asyncio.get_running_loop().create_task(run(), name="manual clock running")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _wake(self, due: datetime) -> None:
        """Move to *due* and wake everybody who waits for that very moment, first come first served."""
        self._now = max(self._now, due)
        while self._sleepers and self._sleepers[0][0] <= due:
            waiter = heapq.heappop(self._sleepers)[2]
            if not waiter.done():
                waiter.set_result(None)
        await self.settle()
