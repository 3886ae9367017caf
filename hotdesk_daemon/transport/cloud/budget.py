"""
What one organisation's cloud is asked of: so many requests per second, so many at once, none while it wants a pause.

The cloud does not publish its limits; it answers 429 and names a time. Everything that asks shares one budget, so that
the pause holds for all, and commands go before lists, so that a building that is being read stays usable. After a pause
requests go at half the rate, which then grows back: else a rate that is too high would end in nothing but pauses.
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
#: Requests that may follow each other at once after a rest, in seconds' worth; one may always. So little that a limit
#: just above the rate is kept to.
_BURST_S: Final = 0.05
#: How long the rate takes from nothing to what is configured.
_RECOVERY_S: Final = 600.0
#: It never falls below this part of what is configured.
_LEAST: Final = 1 / 20


class _Line:
    """Those who wait for their turn: urgent ones first, else in order."""

    def __init__(self) -> None:
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return sum(1 for _, _, turn in self._waiters if not turn.done())

    def join(self, *, urgent: bool) -> asyncio.Future[None]:
        """Wait at the end of one's kind; the future is one's turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (_URGENT if urgent else _USUAL, next(self._numbers), turn))
        return turn

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits; those that gave up are taken off."""
        while self._waiters and self._waiters[0][2].done():
            heapq.heappop(self._waiters)
        return not self._waiters

    def call(self) -> bool:
        """Let the next one in, if there is one."""
        if self.is_empty:
            return False
        heapq.heappop(self._waiters)[2].set_result(None)
        return True


def _burst(rate_per_s: float, concurrency: int) -> float:
    return max(1.0, min(float(concurrency), rate_per_s * _BURST_S))


class Budget:
    """
    Places for requests under way, a bucket of tokens for those begun, and a pause that anybody may call for.

    Args:
        rate_per_s: requests begun per second, at most.
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
        self._most_per_s = self._rate_per_s = rate_per_s
        self._burst = _burst(rate_per_s, concurrency)
        self._mono = mono
        self._sleep = sleep
        self._tokens = self._burst
        self._counted_mono = mono()
        self._held_until_mono = -math.inf
        self._concurrency = self._places = concurrency
        self._for_places, self._for_tokens = _Line(), _Line()
        self._pump: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._for_places) + len(self._for_tokens)

    def change(self, *, rate_per_s: float, concurrency: int) -> None:
        """Let other numbers count from now on; what a pause has slowed down grows to the new rate."""
        self._refill(self._mono())
        was_slowed = self._rate_per_s < self._most_per_s
        self._rate_per_s = min(self._rate_per_s, rate_per_s) if was_slowed else rate_per_s
        self._most_per_s = rate_per_s
        self._burst = _burst(rate_per_s, concurrency)
        self._places += concurrency - self._concurrency
        self._concurrency = concurrency
        self._call_waiting()

    def hold(self, seconds: float) -> None:
        """Let nobody begin within the next *seconds*; the longest pause called for counts."""
        now = self._mono()
        if now >= self._held_until_mono:  # one pause, however many were told of it
            self._refill(now)
            self._rate_per_s = max(self._most_per_s * _LEAST, self._rate_per_s / 2)
        self._tokens = 0.0
        self._held_until_mono = max(self._held_until_mono, now + seconds)

    def held_s(self) -> float:
        """How much of a pause is left."""
        return max(0.0, self._held_until_mono - self._mono())

    @asynccontextmanager
    async def slot(self, device: object = None, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for one's turn to make one request, urgent ones first; it comes, since every request is bounded."""
        await self._take_place(urgent=urgent)
        try:
            await self._take_token(urgent=urgent)
            yield
        finally:
            self._give_place()

    async def spend(self) -> None:
        """Wait for one's turn to make one request more within the slot that one has."""
        await self._take_token(urgent=False)

    # --- places ------------------------------------------------------------------------------------------------------

    async def _take_place(self, *, urgent: bool) -> None:
        if self._places > 0 and self._for_places.is_empty:
            self._places -= 1
            return
        turn = self._for_places.join(urgent=urgent)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_place()
            raise

    def _give_place(self) -> None:
        self._places += 1
        self._call_waiting()

    def _call_waiting(self) -> None:
        while self._places > 0 and self._for_places.call():
            self._places -= 1

    # --- tokens ------------------------------------------------------------------------------------------------------

    async def _take_token(self, *, urgent: bool) -> None:
        turn = self._for_tokens.join(urgent=urgent)
        if self._pump is None:
            self._pump = asyncio.create_task(self._deal(), name="budget: tokens")
        try:
            await turn
        except asyncio.CancelledError:
            if self._for_tokens.is_empty and self._pump is not None:  # nobody is left whom it would deal to
                self._pump.cancel()
                self._pump = None
            raise

    async def _deal(self) -> None:
        """Deal the tokens out, one by one, until nobody waits."""
        try:
            while not self._for_tokens.is_empty:
                wait_s = self._missing_s()
                if wait_s > 0:
                    await self._sleep(wait_s)
                elif self._for_tokens.call():
                    self._tokens -= 1.0
        finally:
            if self._pump is asyncio.current_task():
                self._pump = None

    def _missing_s(self) -> float:
        """How long nobody may begin yet."""
        now = self._mono()
        if now < self._held_until_mono:
            self._counted_mono = self._held_until_mono  # a pause earns nothing
            return self._held_until_mono - now
        self._refill(now)
        return 0.0 if self._tokens >= 1.0 - _EPSILON else (1.0 - self._tokens) / self._rate_per_s

    def _refill(self, now: float) -> None:
        passed_s = max(0.0, now - self._counted_mono)
        self._counted_mono = max(self._counted_mono, now)
        self._tokens = min(self._burst, self._tokens + passed_s * self._rate_per_s)
        self._rate_per_s = min(self._most_per_s, self._rate_per_s + passed_s * self._most_per_s / _RECOVERY_S)
