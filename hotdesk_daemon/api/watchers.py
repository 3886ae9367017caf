"""
Live steps for everybody who watches, bounded for each of them.

Publishing never waits: a watcher whose queue is full loses the newest items and is told how many when it reads on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.api.site import Lost, StreamItem
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.ids import DeskId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@attrs.define(eq=False)
class _Watcher:
    """One reader's queue. Iterating ends after `close`, once what was queued has been read."""

    desks: frozenset[DeskId] | None
    kinds: frozenset[str] | None
    bound: int
    items: deque[StreamItem | Lost] = attrs.field(factory=deque)
    lost: int = 0
    closed: bool = False
    wake: asyncio.Event = attrs.field(factory=asyncio.Event)

    def wants(self, item: StreamItem) -> bool:
        return (self.desks is None or item.desk_id in self.desks) and (self.kinds is None or item.kind in self.kinds)

    def offer(self, item: StreamItem) -> None:
        if len(self.items) >= self.bound:
            self.lost += 1
            return
        if self.lost:  # room again: first say what is missing at this very place
            self.items.append(Lost(count=self.lost))
            self.lost = 0
        self.items.append(item)
        self.wake.set()

    def close(self) -> None:
        self.closed = True
        self.wake.set()

    def __aiter__(self) -> AsyncIterator[StreamItem | Lost]:
        return self

    async def __anext__(self) -> StreamItem | Lost:
        while True:
            if self.items:
                return self.items.popleft()
            if self.lost:
                lost, self.lost = Lost(count=self.lost), 0
                return lost
            if self.closed:
                raise StopAsyncIteration
            self.wake.clear()
            await self.wake.wait()  # may last: a quiet desk is no error, and whoever reads sends heartbeats


@attrs.define(eq=False)
class Watchers:
    """
    Everybody who watches.

    Args:
        bound: Items kept for one watcher that does not read.
        limit: Watchers at the same time; one more is told to come back later.
    """

    bound: int = 1024
    limit: int = 64
    _watchers: set[_Watcher] = attrs.field(factory=set, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._watchers)

    def publish(self, item: StreamItem) -> None:
        """Hand *item* to everybody who wants it, at once; call it after the item's commit."""
        for watcher in self._interested(item):
            watcher.offer(item)

    @asynccontextmanager
    async def watch(
        self, *, desks: frozenset[DeskId] | None = None, kinds: frozenset[str] | None = None
    ) -> AsyncIterator[AsyncIterator[StreamItem | Lost]]:
        """
        Steps from now on, of these desks and kinds (``None``: all), until the context closes.

        Raises:
            TransientError: Too many watch already.
        """
        if len(self._watchers) >= self.limit:
            raise TransientError(f"{self.limit} watchers already follow the stream", retry_after_s=30)
        watcher = _Watcher(desks=desks, kinds=kinds, bound=self.bound, closed=self._closed)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """End every watcher's stream; later ones end at once."""
        self._closed = True
        for watcher in self._watchers:
            watcher.close()

    def _interested(self, item: StreamItem) -> Iterator[_Watcher]:
        return (watcher for watcher in self._watchers if watcher.wants(item))
