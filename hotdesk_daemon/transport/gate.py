"""
The fleet's door: how many links may connect per second, and how many at once.

Behind a Protocol, so that a fleet spread over several processes can bring a shared one.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

#: Failures in a row from which on it does not matter how many more there were: some minutes, longer than a reboot.
#: So one that has just failed is not kept waiting by those that are gone for good, nor those by it for ever.
_OFTEN: Final = 10


class ConnectGate(Protocol):
    """Asked by every link before it connects."""

    def admission(self, *, failures: int) -> AbstractAsyncContextManager[None]:
        """
        Wait for one's turn; the context is left when the handshake succeeded or failed.

        Those whose last tries failed, *failures* of them in a row, may be kept waiting for those who have better
        prospects.
        """
        ...


class FleetGate:
    """
    At most ``per_s`` connects begin per second, at most ``at_once`` are under way.

    A host that swallows what is sent to it holds its place until the handshake times out; many of them would keep the
    others waiting for minutes. So whoever failed less often goes first, and a quarter of the places is for those that
    did not fail when they tried last. Among equals, and all who failed often are equal, it is first come, first served.

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
        self._at_once = self._free = at_once
        self._kept = at_once // 4
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []  # a heap; every link waits here once
        self._order = itertools.count()
        self._turn = asyncio.Lock()
        self._next_mono = float("-inf")
        self._clock = clock
        self._sleep = sleep

    def change(self, *, per_s: float, at_once: int) -> None:
        """Let other numbers count from now on; who is in stays in."""
        self._interval_s = 1.0 / per_s
        self._free += at_once - self._at_once
        self._at_once, self._kept = at_once, at_once // 4
        self._hand_out()

    @asynccontextmanager
    async def admission(self, *, failures: int) -> AsyncIterator[None]:
        """Wait for a place, then for the moment."""
        # The place comes first: waiting for it after the moment would let the moments pile up and burst.
        place = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (min(failures, _OFTEN), next(self._order), place))
        self._hand_out()
        try:
            await place
            async with self._turn:
                while (wait_s := self._next_mono - self._clock()) > 0:
                    await self._sleep(wait_s)
                self._next_mono = self._clock() + self._interval_s
            yield
        finally:
            if not place.cancelled():
                self._free += 1
                self._hand_out()

    def _hand_out(self) -> None:
        """Give the free places to those who wait, as far as they may have them."""
        while self._waiting:
            failures, _, place = self._waiting[0]
            if not place.cancelled():
                if self._free <= (self._kept if failures else 0):
                    return
                self._free -= 1
                place.set_result(None)
            heapq.heappop(self._waiting)
