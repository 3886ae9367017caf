"""
The fleet's allowance: how many requests per second, and how many at once.

Behind a Protocol, so that a fleet spread over several processes can bring a shared one.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from hotdesk_daemon.core.ids import DeviceId


@attrs.frozen(kw_only=True)
class Limits:
    """Over the whole fleet: requests per second on average, at once after a pause, and under way together."""

    rate_per_s: float = 50.0
    burst: int = 20
    concurrency: int = 50


class Limiter(Protocol):
    """Asked before every request."""

    def slot(self, device: DeviceId, *, urgent: bool = False) -> AbstractAsyncContextManager[None]:
        """
        Wait for the turn of a request to *device*; the context is left when the answer came or will not come.

        What is urgent (a command) may go before what is not (a list).
        """
        ...


class FleetLimiter:
    """
    A token bucket behind a semaphore, both first come, first served: neither device nor urgency makes a difference.

    The bucket holds ``burst`` tokens and gains ``rate_per_s`` each second. A wait ends because every request before it
    is bounded; a cancelled waiter takes no token.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._places = asyncio.Semaphore(limits.concurrency)
        self._turn = asyncio.Lock()
        self._tokens = float(limits.burst)
        self._counted_mono = clock()

    def change(self, limits: Limits) -> None:
        """Let other limits count from now on; requests that are under way or wait for a place count apart."""
        self._refill()
        self._limits = limits
        self._places = asyncio.Semaphore(limits.concurrency)

    @asynccontextmanager
    async def slot(self, device: DeviceId, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for a place, then for a token."""
        async with self._places:
            async with self._turn:
                await self._take_token()
            yield

    async def _take_token(self) -> None:
        while self._refill() < 1.0:
            await self._sleep((1.0 - self._tokens) / self._limits.rate_per_s)
        self._tokens -= 1.0

    def _refill(self) -> float:
        now = self._clock()
        gained = (now - self._counted_mono) * self._limits.rate_per_s
        self._tokens = min(float(self._limits.burst), self._tokens + gained)
        self._counted_mono = now
        if self._tokens > 1.0 - 1e-9:  # what a sleep of exactly the missing time leaves after rounding
            self._tokens = max(self._tokens, 1.0)
        return self._tokens
