"""
The load: a process of device sockets on loopback that answer what a client asks and talk as fast as they are told.

They take any credentials and hold no state: a simulated floor would be the bottleneck of what is measured here.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.mix import STATUS, bookings_list, frames, stamped
from bench.wires import LIFE_S, Parent, order
from hotdesk_daemon.simulator.certificates import make_certificate

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence

    from websockets.typing import Subprotocol

MOST_EVENTS: Final = 2_000_000
_CHUNK: Final = 64
_BACKLOG: Final = 256 << 10
_TICK_S: Final = 0.001


class Devices:
    """Everybody who is connected, and what they have to say."""

    def __init__(self) -> None:
        self._lines: dict[ServerConnection, Iterator[bytes]] = {}
        self._seeds = itertools.count()

    async def converse(self, line: ServerConnection) -> None:
        """Answer one client until it goes."""
        self._lines[line] = frames(seed=next(self._seeds))
        try:
            async for message in line:
                for answer in _answers(msgspec.json.decode(message)):
                    await line.send(answer, text=True)
        except ConnectionClosed:
            pass
        finally:
            del self._lines[line]

    async def flood(self, events: int) -> None:
        """Send *events* in all, as fast as they are taken."""
        async with asyncio.TaskGroup() as group:
            for line, talk in self._lines.items():
                group.create_task(self._pour(line, talk, events // len(self._lines)))

    @staticmethod
    async def _pour(line: ServerConnection, talk: Iterator[bytes], events: int) -> None:
        unstamped = list(itertools.islice(talk, events))  # made before the first is sent: making them takes time
        for start in range(0, events, _CHUNK):
            now_ns = time.monotonic_ns()
            line.transport.write(b"".join(stamped(frame, now_ns) for frame in unstamped[start : start + _CHUNK]))
            while line.transport.get_write_buffer_size() > _BACKLOG:  # noqa: ASYNC110 - a transport has no event for it
                await asyncio.sleep(_TICK_S)
            await asyncio.sleep(0)

    async def pace(self, events: int, *, rate: float) -> None:
        """Send *events* in all, *rate* a second, each by the next device."""
        turns = itertools.cycle(self._lines.items())
        began = time.monotonic()
        sent = 0
        while sent < events:
            due = min(events, int((time.monotonic() - began) * rate))
            for line, talk in itertools.islice(turns, due - sent):
                line.transport.write(stamped(next(talk), time.monotonic_ns()))
            sent = due
            await asyncio.sleep(_TICK_S)


def _answers(request: dict[str, Any]) -> Iterator[bytes]:
    """The answer to a request, and the current values after that to a subscription."""
    method, params = request["method"], request.get("params", {})
    path: list[str] = params.get("Path") or params.get("Query") or []
    match method:
        case "xFeedback/Subscribe":
            yield _reply(request, {"Id": 1})
            if path[0] == "Status":
                yield _note({"Id": 1, "Status": {path[1]: STATUS[path[1]]}})
        case "xGet" if path[0] == "Configuration":
            yield _reply(request, 60)
        case "xGet" if path[-1] == "Version":
            yield _reply(request, "26.4.1")
        case "xGet":
            yield _reply(request, STATUS[path[1]])
        case "xCommand/Bookings/List":
            yield _reply(request, bookings_list(datetime.now(UTC)))
        case _:
            yield _reply(request, {"status": "OK"})


def _reply(request: dict[str, Any], result: object) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request["id"], "result": result})


def _note(params: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "xFeedback/Event", "params": params})


def _echo(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return offered[0] if offered else None


async def main() -> None:
    """Listen, tell where, and do as the parent says until it goes."""
    parent, devices = await Parent.meet(), Devices()
    context: ssl.SSLContext | None = None
    fingerprint = None
    if order()["tls"]:
        certificate = await asyncio.to_thread(make_certificate)
        context, fingerprint = certificate.context, certificate.fingerprint
    async with (
        asyncio.timeout(LIFE_S),
        serve(
            devices.converse, "127.0.0.1", 0, ssl=context, compression=None, ping_interval=None,
            select_subprotocol=_echo, backlog=4096,
        ) as server,
    ):  # fmt: skip
        port = next(iter(server.sockets)).getsockname()[1]
        parent.say(url=f"{'wss' if context else 'ws'}://127.0.0.1:{port}/ws", fingerprint=fingerprint)
        while (wish := await parent.hear()) is not None:
            events = min(MOST_EVENTS, wish["events"])
            if "rate" in wish:
                await devices.pace(events, rate=wish["rate"])
            else:
                await devices.flood(events)


if __name__ == "__main__":
    uvloop.run(main())
