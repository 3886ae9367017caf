from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
import pytest

from hotdesk_daemon.api import Lost, StreamItem, Streams, Watchers, serve
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.inputs import PeopleCount, ResyncAsked
from tests.api.memory_site import EMAIL, HYBRID, LOCAL, NOW, PANEL, TITLE, TOKEN, MemorySite, booked

if TYPE_CHECKING:
    from tests.api.conftest import Caller


async def read_event(reader: aiohttp.StreamReader) -> dict[str, Any]:
    """The next event of a server-sent stream; comments are left out."""
    event: dict[str, Any] = {}
    while True:
        line = (await reader.readline()).decode().rstrip("\n")
        if not line and "data" in event:
            return event
        name, colon, value = line.partition(": ")
        if name in {"id", "event"} and colon:
            event[name] = value
        elif name == "data":
            event["data"] = json.loads(value)


async def read_line(reader: aiohttp.StreamReader) -> bytes:
    async with asyncio.timeout(2):
        return await reader.readline()


async def test_steps_are_sent_as_they_happen(call: Caller, site: MemorySite) -> None:
    async with call.stream() as reader:
        booking_id = booked(site)
        event = await read_event(reader)

    assert ("step", f"{LOCAL}:4") == (event["event"], event["id"])
    assert (LOCAL, 4, "BookingCreated", "device:panel") == tuple(
        event["data"][name] for name in ("desk", "seq", "kind", "source")
    )
    assert TITLE == event["data"]["input"]["title"]
    assert {"state": "free", "stale": False, "current": None, "next": booking_id} == event["data"]["state"]
    assert [("absent", "created", booking_id)] == [
        (r["before"], r["after"], r["booking"]) for r in event["data"]["reasons"] if r["life"] == "booking"
    ]


async def test_nobody_is_named_in_the_stream_without_a_token(call: Caller, site: MemorySite) -> None:
    async with call.stream(token=None) as reader:
        booked(site)
        text = json.dumps(await read_event(reader))

    assert "BookingCreated" in text
    assert TITLE not in text
    assert EMAIL not in text


async def test_the_stream_is_filtered_by_desk_and_kind(call: Caller, site: MemorySite) -> None:
    async with call.stream(f"?desk={LOCAL}&kind=peoplecount,ResyncAsked") as reader:
        site.feed(HYBRID, PeopleCount(device=PANEL, value=1))
        booked(site, LOCAL)
        site.feed(LOCAL, PeopleCount(device=PANEL, value=2))
        site.feed(LOCAL, ResyncAsked(), source="api")
        events = [await read_event(reader), await read_event(reader)]

    assert [(LOCAL, "PeopleCount"), (LOCAL, "ResyncAsked")] == [(e["data"]["desk"], e["data"]["kind"]) for e in events]


async def test_silence_is_filled_with_heartbeats(call: Caller) -> None:
    async with call.stream() as reader:
        lines = [await read_line(reader) for _ in range(7)]

    assert [b": connected\n", b"retry: 3000\n", b"\n", b": heartbeat\n", b"\n", b": heartbeat\n", b"\n"] == lines


async def test_a_slow_reader_is_told_how_many_it_lost(call: Caller, site: MemorySite) -> None:
    site.watchers.bound = 3
    async with call.stream(f"?desk={LOCAL}") as reader:
        for value in range(10):  # without a pause the server cannot send any of them
            site.feed(LOCAL, PeopleCount(device=PANEL, value=value))
        events = [await read_event(reader) for _ in range(4)]

    assert [0, 1, 2] == [event["data"]["input"]["value"] for event in events[:3]]
    assert ("lost", {"lost": 7}) == (events[3]["event"], events[3]["data"])


async def test_a_reader_that_leaves_is_forgotten(call: Caller, site: MemorySite) -> None:
    async with call.stream() as reader:
        await read_line(reader)
        watching = len(site.watchers)
    async with asyncio.timeout(2):
        await site.left.wait()

    assert (1, 0) == (watching, len(site.watchers))


async def test_a_reader_that_never_reads_is_cut_off(site: MemorySite) -> None:
    site.watchers.bound = 100_000
    async with serve(site, host="127.0.0.1", port=0, token=TOKEN, streams=Streams(stuck_s=0.05)) as listening:
        reader, writer = await asyncio.open_connection(listening.host, listening.port, limit=1)
        writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readexactly(1)
        for seq in range(2_000):  # 20 MB, more than the buffers on the way hold
            site.watchers.publish(attrs.evolve(item(seq), source="x" * 10_000))
        async with asyncio.timeout(4):
            await site.left.wait()
        writer.close()

    assert 0 == len(site.watchers)


async def test_one_watcher_too_many_is_told_to_come_back(call: Caller, site: MemorySite) -> None:
    site.watchers.limit = 1
    async with call.stream():
        reply = await call("GET", "/api/v1/stream")

    assert (503, "30") == (reply.status, reply.headers["Retry-After"])
    assert "application/problem+json" == reply.headers["Content-Type"]


async def test_streams_end_when_the_server_stops(site: MemorySite) -> None:
    async with aiohttp.ClientSession() as session:
        async with serve(site, host="127.0.0.1", port=0, token=TOKEN) as listening:
            response = await session.get(f"{listening.url}/api/v1/stream")
            await response.content.readline()
        async with asyncio.timeout(2):
            rest = await response.read()

    assert b"step" not in rest
    assert 0 == len(site.watchers)


async def test_streams_end_when_the_watchers_close(call: Caller, site: MemorySite) -> None:
    async with call.stream() as reader:
        site.watchers.close()
        async with asyncio.timeout(2):
            rest = await reader.read()

    assert b"event" not in rest


def item(seq: int) -> StreamItem:
    return StreamItem(desk_id=LOCAL, seq=seq, at=NOW, source="api", kind="ResyncAsked", input=ResyncAsked(), reasons=())


async def test_the_gap_is_told_where_it_is() -> None:
    watchers = Watchers(bound=2)
    async with watchers.watch() as items:
        for seq in (1, 2, 3, 4):
            watchers.publish(item(seq))
        first = await anext(items)
        watchers.publish(item(5))
        rest = [await anext(items) for _ in range(3)]

    assert [item(1), item(2), Lost(count=2), item(5)] == [first, *rest]


async def test_watchers_that_are_closed_end_at_once() -> None:
    watchers = Watchers()
    watchers.close()
    async with watchers.watch() as items:
        seen = [i async for i in items]

    assert [] == seen


async def test_cancelled_reading_loses_nothing() -> None:
    watchers = Watchers()
    async with watchers.watch() as items:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(items)
        watchers.publish(item(1))

        assert item(1) == await anext(items)


async def test_there_is_a_bound_to_watchers() -> None:
    watchers = Watchers(limit=1)
    async with watchers.watch():
        with pytest.raises(TransientError):
            async with watchers.watch():
                pass
    async with watchers.watch():
        pass
