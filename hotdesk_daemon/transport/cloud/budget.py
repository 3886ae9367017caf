"""
What one organisation's cloud is asked of: so many requests per second, so many at once, none while it wants a pause.

The cloud does not publish its limits; it answers 429 and names a time. Everything that asks shares one budget, so that
the pause holds for all, and commands go before lists, so that a building that is being read stays usable.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_URGENT: Final = 0
_USUAL: Final = 1
#: What a sleep of exactly the missing time may leave after rounding.
_EPSILON: Final = 1e-6


class Budget:
    """
    A token bucket that holds one second's worth at most, a limit of concurrency, and a pause that anybody may call for.

    Args:
        rate_per_s: requests begun per second.
        concurrency: requests under way at once.
        mono: monotonic seconds.
        sleep: waits.
    """

    def __init__(
        self,
        *,
        rate_per_s: float,
        concurrency: int,
        mono: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._rate_per_s = rate_per_s
        self._burst = max(1.0, min(float(concurrency), rate_per_s))
        self._concurrency = concurrency
        self._mono = mono
        self._sleep = sleep
        self._tokens = self._burst
        self._counted_mono = mono()
        self._held_until_mono = -math.inf
        self._under_way = 0
        self._room = asyncio.Event()
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._pump: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(1 for _, _, turn in self._waiters if not turn.done())

    def hold(self, seconds: float) -> None:
        """Let nobody begin within the next *seconds*; the longest pause called for counts."""
        self._held_until_mono = max(self._held_until_mono, self._mono() + seconds)

    def held_s(self) -> float:
        """How much of a pause is left."""
        return max(0.0, self._held_until_mono - self._mono())

    @asynccontextmanager
    async def slot(self, device: object = None, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for one's turn; urgent ones go first. The wait ends because every request is bounded."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (_URGENT if urgent else _USUAL, next(self._numbers), turn))
        if self._pump is None:
            self._pump = asyncio.create_task(self._give_turns(), name="budget: turns")
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise
        try:
            yield
        finally:
            self._leave()

    async def spend(self) -> None:
        """
        Pay for one request more within the slot that one has, after any pause.

        It waits for no token: whoever comes next waits the longer, so that the rate holds. Waiting here could not end,
        for those who have no slot yet wait for ours.
        """
        while (wait_s := self.held_s()) > 0:
            await self._sleep(wait_s)
        self._missing_s()
        self._tokens -= 1.0

    def _leave(self) -> None:
        self._under_way -= 1
        self._room.set()

    async def _give_turns(self) -> None:
        """Let the waiters in, one by one, until nobody waits."""
        try:
            while self._first() is not None:
                if self._under_way >= self._concurrency:
                    self._room.clear()
                    await self._room.wait()
                elif (wait_s := self._missing_s()) > 0:
                    await self._sleep(wait_s)
                else:
                    self._tokens -= 1.0
                    self._under_way += 1
                    heapq.heappop(self._waiters)[2].set_result(None)
        finally:
            self._pump = None

    def _first(self) -> asyncio.Future[None] | None:
        """Whose turn is next; those that gave up are taken off."""
        while self._waiters and self._waiters[0][2].done():
            heapq.heappop(self._waiters)
        return self._waiters[0][2] if self._waiters else None

    def _missing_s(self) -> float:
        """How long nobody may begin yet."""
        now = self._mono()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_mono) * self._rate_per_s)
        self._counted_mono = now
        missing_s = 0.0 if self._tokens >= 1.0 - _EPSILON else (1.0 - self._tokens) / self._rate_per_s
        return max(missing_s, self._held_until_mono - now)
