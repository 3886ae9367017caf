"""
The live stream: server-sent events, one per step.

``event: step`` carries an `Event` and has the id ``<desk>:<seq>``; ``event: lost`` says how many steps this reader
missed because it was too slow. Silence is filled with comments, so that a reader can tell a quiet site from a dead
connection. There is no resuming: who reconnects reads ``/api/v1/events`` from the last ``seq`` it saw.
"""

from __future__ import annotations

import asyncio
import difflib
from typing import TYPE_CHECKING, Final

from aiohttp import web

from hotdesk_daemon.api import wire
from hotdesk_daemon.api.problems import Flaw, invalid, unavailable
from hotdesk_daemon.api.render import Quote, render_event
from hotdesk_daemon.api.site import Lost, StreamItem
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.inputs import KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.api.asks import StreamQuery
    from hotdesk_daemon.api.calls import Call, Streams

MEDIA_TYPE: Final = "text/event-stream"
_HELLO: Final = b": connected\nretry: 3000\n\n"
_HEARTBEAT: Final = b": heartbeat\n\n"


async def follow(call: Call[StreamQuery, None]) -> web.StreamResponse:
    """Send steps until the reader leaves, is stuck, or the daemon stops."""
    desks = frozenset(call.desk_named(name).desk_id for name in call.query.desk) or None
    kinds = frozenset(_kind(name) for name in call.query.kind) or None
    response = web.StreamResponse(headers={"Content-Type": MEDIA_TYPE, "X-Accel-Buffering": "no"})
    try:
        async with call.site.watch(
            desks=desks, kinds=kinds
        ) as items:  # watch first: nothing after the headers is missed
            await response.prepare(call.request)
            await _pump(items, response, call)
    except TransientError as exc:
        raise unavailable(str(exc), retry_after_s=exc.retry_after_s) from exc
    except ConnectionResetError:
        pass  # the reader left
    except TimeoutError:
        if call.request.transport is not None:  # stuck: a polite end would have to wait for the reader, too
            call.request.transport.abort()
    return response


async def _pump(
    items: AsyncIterator[StreamItem | Lost], response: web.StreamResponse, call: Call[StreamQuery, None]
) -> None:
    """Write items as they come, heartbeats when none come."""
    streams = call.streams
    await _write(response, _HELLO, streams)
    closing = asyncio.create_task(call.closing.wait(), name="http stream: wait for the end")
    coming = asyncio.create_task(_next(items), name="http stream: next item")
    try:
        while not closing.done():
            await asyncio.wait((coming, closing), timeout=streams.heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                await _write(response, _HEARTBEAT, streams)
                continue
            item = coming.result()
            if item is None:
                return
            await _write(response, _frame(item, quote=call.quote), streams)
            coming = asyncio.create_task(_next(items), name="http stream: next item")
    finally:
        coming.cancel()
        closing.cancel()
        await asyncio.gather(coming, closing, return_exceptions=True)


async def _next(items: AsyncIterator[StreamItem | Lost]) -> StreamItem | Lost | None:
    """The next item; ``None`` at the end (a task cannot end with StopAsyncIteration)."""
    return await anext(items, None)


async def _write(response: web.StreamResponse, data: bytes, streams: Streams) -> None:
    async with asyncio.timeout(streams.stuck_s):
        await response.write(data)


def _frame(item: StreamItem | Lost, *, quote: Quote | None) -> bytes:
    """One server-sent event; JSON has no raw line feeds, so it is one data line."""
    if isinstance(item, Lost):
        return b"event: lost\ndata: " + wire.encode(wire.LostItems(lost=item.count)) + b"\n\n"
    data = wire.encode(render_event(item, quote=quote))
    return f"event: step\nid: {item.desk_id}:{item.seq}\ndata: ".encode() + data + b"\n\n"


def _kind(name: str) -> str:
    """The input kind of this name, however it is capitalised, or a 422 that suggests one."""
    known = {kind.lower(): kind for kind in KINDS}
    if name.lower() in known:
        return known[name.lower()]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f", did you mean {known[near[0]]}?" if near else ""
    raise invalid(Flaw(detail=f"kind: there is no input {name!r}{hint}", parameter="kind"))
