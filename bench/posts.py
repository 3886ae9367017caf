"""
The load of the webhook: a process that posts signed messages over kept connections and measures the answers.

Each connection has one post under way and devices of its own, so that no device's messages overtake each other. The
requests are written by hand: an HTTP client of its own size would be the bottleneck of what is measured here.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import time
from array import array
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final, cast

import uvloop

from bench.messages import Speaker, messages
from bench.mix import stamped
from bench.wires import LIFE_S, Parent, order

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_POSTS: Final = 200_000
_TICK_S: Final = 0.001
_HEAD: Final = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    "X-Spark-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
)
_END: Final = b"\r\n\r\n"
_TAKEN: Final = b"HTTP/1.1 204"


class Connection(asyncio.Protocol):
    """One kept connection: `post` sends the next message, *answered* is told of the answer."""

    def __init__(self, bodies: list[bytes], *, given: dict[str, Any], answered: Callable[[Connection], None]) -> None:
        self.due_ns = 0
        self.status = b""
        self._bodies = deque(bodies)
        self._given = given
        self._key = hmac.new(given["secret"].encode(), digestmod=hashlib.sha1)
        self._answered = answered
        self._heard = b""

    @property
    def is_through(self) -> bool:
        """Whether it has posted everything."""
        return not self._bodies

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def post(self, due_ns: int) -> None:
        """Post the next message, which should have gone at *due_ns*."""
        self.due_ns = due_ns
        body = stamped(self._bodies.popleft(), time.monotonic_ns())
        mac = self._key.copy()
        mac.update(body)
        head = _HEAD.format(
            path=self._given["path"], port=self._given["port"], signature=mac.hexdigest(), length=len(body)
        )
        self._transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        """Take in an answer; one that is not a 204 is as good as none."""
        self._heard += data
        if self._heard.startswith(_TAKEN) and not self._heard.endswith(_END):
            return
        self.status, self._heard = self._heard[9:12], b""
        self._answered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count what was not answered as lost."""
        if self._bodies:
            self.status = b"---"
            self._answered(self)


class Load:
    """All connections and what came of their posts."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given
        self._waits_ns = array("q")
        self._statuses: Counter[str] = Counter()
        self._wanted = 0
        self._idle: deque[Connection] = deque()
        self._over = asyncio.Event()
        self._is_paced = False

    async def run(self, posts: int, *, connections: int, rate: float | None) -> dict[str, Any]:
        """Post *posts* in all, *rate* a second or as fast as they are answered; the figures."""
        self._wanted, self._is_paced = posts, rate is not None
        loop = asyncio.get_running_loop()
        speakers = [Speaker(device=d, workspace=w, organisation=o) for d, w, o in self._given["speakers"]]
        talk = [messages(speaker, seed=number) for number, speaker in enumerate(speakers)]
        for number in range(connections):
            turns = itertools.cycle(talk[number::connections])
            share = posts // connections + (number < posts % connections)
            bodies = [next(one) for one in itertools.islice(turns, share)]
            _, connection = await loop.create_connection(
                lambda bodies=bodies: Connection(bodies, given=self._given, answered=self._answered),  # type: ignore[misc]
                "127.0.0.1",
                self._given["port"],
            )
            self._idle.append(connection)
        began = time.monotonic()
        if rate is None:
            for connection in [*self._idle]:
                connection.post(time.monotonic_ns())
        else:
            await self._pace(posts, rate=rate)
        await self._over.wait()
        took_s = time.monotonic() - began
        waits = sorted(self._waits_ns)
        return {
            "took_s": took_s,
            "p50_ms": waits[len(waits) // 2] / 1e6,
            "p99_ms": waits[len(waits) * 99 // 100] / 1e6,
            "statuses": dict(self._statuses),
        }

    async def _pace(self, posts: int, *, rate: float) -> None:
        began_ns = time.monotonic_ns()
        sent = 0
        while sent < posts and not self._over.is_set():
            due = min(posts, int((time.monotonic_ns() - began_ns) * rate / 1e9))
            while sent < due and self._idle:
                connection = self._idle.popleft()
                if not connection.is_through:
                    connection.post(began_ns + int(sent / rate * 1e9))
                    sent += 1
            await asyncio.sleep(_TICK_S)

    def _answered(self, connection: Connection) -> None:
        self._waits_ns.append(time.monotonic_ns() - connection.due_ns)
        self._statuses[connection.status.decode()] += 1
        if connection.status != b"204" or len(self._waits_ns) == self._wanted:
            self._over.set()
        elif self._is_paced:
            self._idle.append(connection)
        elif not connection.is_through:
            connection.post(time.monotonic_ns())


async def main() -> None:
    """Post as the parent says, once, and tell how it went."""
    parent, given = await Parent.meet(), order()
    posts = min(MOST_POSTS, given["posts"])
    async with asyncio.timeout(LIFE_S):
        parent.say(**await Load(given).run(posts, connections=given["connections"], rate=given.get("rate")))
        await parent.hear()


if __name__ == "__main__":
    uvloop.run(main())
