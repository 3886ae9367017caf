"""
The bare loop: the same libraries with nothing of ours around them, as the measure of what is possible.

It receives with websockets on uvloop, decodes into typed structs with msgspec, keeps the last word on everything in
dictionaries, and has one thread that commits whatever waits in one transaction (SQLite, WAL, synchronous=FULL). It has
no order of things, no reasons, no commands, no timers, no truth.
"""

from __future__ import annotations

import asyncio
import gc
import queue
import sqlite3
import ssl
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import uvloop
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.mix import sent_ns
from bench.tally import Tally
from bench.wires import Parent, order, private_kib

if TYPE_CHECKING:
    from collections.abc import Callable

HANDSHAKES: Final = 64
_MOST_WAITING: Final = 16_384
_MOST_A_COMMIT: Final = 4096


class Booking(Struct, gc=False, rename="pascal"):
    """The members of booking events, whichever there are."""

    id: str = ""
    meeting_id: str = ""
    title: str = ""
    start_time: str = ""
    end_time: str = ""
    duration: int = 0
    seconds: int = 0
    organizer_name: str = ""
    organizer_email: str = ""


class Event(Struct, gc=False):
    Bookings: dict[str, Booking] = {}


class Params(Struct, gc=False):
    Event: Event | None = None
    Status: dict[str, dict[str, object]] = {}


class Frame(Struct, gc=False):
    method: str = ""
    params: Params | None = None


Row = tuple[int, int, float, bytes]


class Committer:
    """The writer thread: takes all that waits, commits it, and says how much is durable now."""

    def __init__(self, path: Path, durable: Callable[[list[Row]], None]) -> None:
        self._queue: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._durable = durable
        self._thread = threading.Thread(target=self._run, name="writer")
        self._thread.start()

    def put(self, row: Row) -> None:
        """Have *row* written."""
        self._queue.put(row)

    @property
    def is_full(self) -> bool:
        """Whether readers should wait a little."""
        return self._queue.qsize() >= _MOST_WAITING

    def close(self) -> None:
        """Write what waits and end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        base = sqlite3.connect(self._path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 4000"):
            base.execute(f"PRAGMA {pragma}")
        base.execute("CREATE TABLE inputs (n INTEGER PRIMARY KEY, device INTEGER, seq INTEGER, at REAL, raw BLOB)")
        ends = False
        while not ends:
            rows = [self._queue.get()]
            while len(rows) < _MOST_A_COMMIT and not self._queue.empty():
                rows.append(self._queue.get())
            ends = rows[-1] is None
            kept = [row for row in rows if row is not None]
            base.execute("BEGIN IMMEDIATE")
            base.executemany("INSERT INTO inputs (device, seq, at, raw) VALUES (?, ?, ?, ?)", kept)
            base.execute("COMMIT")
            self._loop.call_soon_threadsafe(self._durable, kept)
        base.close()


class Client:
    """One socket, and the last word on everything that it said; without a *committer* it only hears."""

    def __init__(self, number: int, *, committer: Committer | None, tally: Tally) -> None:
        self._number = number
        self._committer = committer
        self._tally = tally
        self._status: dict[str, object] = {}
        self._bookings: dict[str, Booking] = {}
        self._seq = 0

    async def read(self, socket: ClientConnection) -> None:
        """Take everything in until the socket closes."""
        try:
            while True:
                message = await socket.recv(decode=False)
                if self._committer is None:
                    self._tally.durable(sent_ns(message) or 0, time.monotonic_ns())
                    continue
                self._take(message, self._committer)
                while self._committer.is_full:  # noqa: ASYNC110 - hardly ever: as bare as that
                    await asyncio.sleep(0.001)
        except ConnectionClosed:
            return

    def _take(self, message: bytes, committer: Committer) -> None:
        params = _DECODE(message).params
        if params is not None and params.Event is not None:
            for name, booking in params.Event.Bookings.items():
                if name == "End":
                    self._bookings.pop(booking.meeting_id, None)
                else:
                    self._bookings[booking.meeting_id] = booking
        elif params is not None:
            for group, tree in params.Status.items():
                self._status[group] = tree
        self._seq += 1
        committer.put((self._number, self._seq, time.time(), message))


_DECODE: Final = msgspec.json.Decoder(Frame).decode


async def _connect_all(urls: list[str]) -> list[ClientConnection]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    places = asyncio.Semaphore(HANDSHAKES)

    async def one(url: str) -> ClientConnection:
        async with places:
            return await connect(
                url, ssl=context if url.startswith("wss") else None, compression=None, proxy=None, max_queue=16
            )

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(url)) for url in urls]
    return [task.result() for task in tasks]


async def main() -> None:
    """Connect, then read and commit, and answer the parent's questions until it goes."""
    parent, given = await Parent.meet(), order()
    tally = Tally()

    def durable(rows: list[Row]) -> None:
        now_ns = time.monotonic_ns()
        for row in rows:
            sent = sent_ns(row[3])
            if sent is not None:
                tally.durable(sent, now_ns)

    committer = Committer(Path(given["dir"]) / "bare.sqlite3", durable) if given["commits"] else None
    empty_kib = private_kib()
    began = time.monotonic()
    sockets = await _connect_all([device["url"] for device in given["devices"]])
    parent.say(connect_s=time.monotonic() - began)
    async with asyncio.TaskGroup() as group:
        for number, socket in enumerate(sockets):
            group.create_task(Client(number, committer=committer, tally=tally).read(socket))
        while (wish := await parent.hear()) is not None:
            if "memory" in wish:
                gc.collect()
                parent.say(empty_kib=empty_kib, kib=private_kib())
            else:
                parent.say(**await tally.until(wish["events"]))
        for socket in sockets:
            socket.transport.abort()
    if committer is not None:
        await asyncio.to_thread(committer.close)


if __name__ == "__main__":
    uvloop.run(main())
