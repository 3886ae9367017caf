"""A reader of the queue that polls, and whoever takes what it brings."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs

from hotdesk_daemon.transport.cloud import QueueReader, QueueSettings
from tests.transport.cloud.answering import AMPLE_S, AnsweringCloud, Caller, Reply, reply
from tests.transport.doubles import Longest, Noted, Waits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.core.errors import TransientError

PATH = "/queue"
EMPTY = reply({"messages": []})


def batch(*numbers: int, **members: Any) -> Reply:
    return reply({"messages": [{"type": "healthCheck", "n": number} for number in numbers], **members})


class TakingSink(Noted):
    """Keeps the news in order; ``hold`` lets a test keep it from taking, ``troubles`` are raised instead."""

    def __init__(self) -> None:
        super().__init__()
        self.news: list[tuple[Any, ...]] = []
        self.troubles: list[TransientError] = []
        self.hold = asyncio.Event()
        self.hold.set()

    def kinds(self) -> list[str]:
        return [entry[0] for entry in self.news]

    def taken(self) -> list[list[int]]:
        return [entry[1] for entry in self.news if entry[0] == "taken"]

    async def tell(self, *entry: Any) -> None:
        self.news.append(entry)
        await self.note()

    async def take(self, messages: tuple[bytes, ...]) -> None:
        numbers = [json.loads(raw)["n"] for raw in messages]
        await self.tell("offered", numbers)
        await self.hold.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        await self.tell("taken", numbers)

    async def garbled(self, body: bytes, error: str) -> None:
        await self.tell("garbled", body, error)

    async def stream_up(self) -> None:
        await self.tell("up")

    async def stream_down(self, cause: str, *, is_gap: bool = False) -> None:
        await self.tell("gap" if is_gap else "down", cause)

    async def queue_gone(self) -> None:
        await self.tell("gone")

    async def comes(self, kind: str, times: int = 1) -> None:
        await self.until(lambda: self.kinds().count(kind) >= times)


@attrs.define(eq=False)
class Polling:
    """A reader that polls, and everything around it."""

    cloud: AnsweringCloud
    caller: Caller
    sink: TakingSink = attrs.field(factory=TakingSink)
    waits: Waits = attrs.field(factory=Waits)
    timeout_s: float = AMPLE_S
    poll_s: float = 20.0
    _passed_s: float = 0.0

    def _mono(self) -> float:
        """Looked at before and after each poll, which takes ``poll_s``."""
        self._passed_s += self.poll_s
        return self._passed_s

    @asynccontextmanager
    async def run(self, url: str | None = "") -> AsyncIterator[QueueReader]:
        reader = QueueReader(
            http=self.caller.http,
            sink=self.sink,
            mono=self._mono,
            sleep=self.waits,
            rng=Longest(),
            settings=QueueSettings(timeout_s=self.timeout_s),
        )
        reader.go_to(self.cloud.url + PATH if url == "" else url)
        task = asyncio.create_task(reader.run(), name="queue under test")
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def sleeps(self, times: int = 1) -> None:
        """Return when it sleeps for the n-th time."""
        await self.waits.begun(times)

    async def wakes_until(self, times: int) -> None:
        """End every sleep until the n-th has begun."""
        for number in range(1, times):
            await self.sleeps(number)
            self.waits.end_one()
        await self.sleeps(times)
