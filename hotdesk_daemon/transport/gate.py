"""
The fleet's door: how many links may connect per second, and how many at once.

Behind a Protocol, so that a fleet spread over several processes can bring a shared one.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


class ConnectGate(Protocol):
    """Asked by every link before it connects."""

    def admission(self) -> AbstractAsyncContextManager[None]:
        """Wait for one's turn; the context is left when the handshake succeeded or failed."""
        ...


class FleetGate:
    """
    First come, first served: at most ``per_s`` connects begin per second, at most ``at_once`` are under way.

    The wait has no limit of its own: it ends because every handshake before it is bounded. A cancelled waiter gives up
    its turn without using one.
    """

    def __init__(
        self,
        *,
        per_s: float,
        at_once: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval_s = 1.0 / per_s
        self._places = asyncio.Semaphore(at_once)
        self._turn = asyncio.Lock()
        self._next_mono = float("-inf")
        self._clock = clock
        self._sleep = sleep

    @asynccontextmanager
    async def admission(self) -> AsyncIterator[None]:
        """Wait for a place, then for the moment; both queues are fair."""
        # The place comes first: waiting for it after the moment would let the moments pile up and burst.
        async with self._places:
            async with self._turn:
                while (wait_s := self._next_mono - self._clock()) > 0:
                    await self._sleep(wait_s)
                self._next_mono = self._clock() + self._interval_s
            yield
