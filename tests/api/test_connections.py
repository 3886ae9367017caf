"""Who reaches the port cannot take the files that devices and the journal need."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hotdesk_daemon.api import Listening, serve
from hotdesk_daemon.api.connections import MOST
from tests.api.memory_site import TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.api.memory_site import MemorySite

ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def connected(listening: Listening) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    address = urlsplit(listening.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(listening: Listening) -> bytes:
    """The first line of what a new caller is told."""
    async with asyncio.timeout(10), connected(listening) as (reader, writer):
        writer.write(ASK)
        return await reader.readline()


async def test_more_connections_than_there_is_room_for_are_refused_until_others_end(site: MemorySite) -> None:
    async with serve(site, host="127.0.0.1", port=0, token=TOKEN) as listening:
        async with AsyncExitStack() as held:
            for _ in range(MOST):
                await held.enter_async_context(connected(listening))
            while b" 503 " not in await answer(listening):  # noqa: ASYNC110 - the server decides
                await asyncio.sleep(0)
        while b" 503 " in (told := await answer(listening)):  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0)

    assert b" 200 " in told


async def test_a_connection_that_asks_for_nothing_is_closed_and_one_that_asked_is_not(site: MemorySite) -> None:
    async with (
        serve(site, host="127.0.0.1", port=0, token=TOKEN, silent_s=0.05) as listening,
        asyncio.timeout(10),
        connected(listening) as (silent, _),
        connected(listening) as (reader, writer),
    ):
        writer.write(ASK)
        first = await reader.readuntil(b"\r\n")
        ended = await silent.read()
        writer.write(ASK)
        await reader.readuntil(b"HTTP/1.1 ")
        second = await reader.readuntil(b"\r\n")

    assert (b"", first.removeprefix(b"HTTP/1.1 ")) == (ended, second)


async def test_a_body_that_does_not_come_is_408(site: MemorySite) -> None:
    head = f"POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n"
    async with (
        serve(site, host="127.0.0.1", port=0, token=TOKEN, body_s=0.05) as listening,
        asyncio.timeout(10),
        connected(listening) as (reader, writer),
    ):
        writer.write(head.encode())
        told = await reader.readline()
        writer.write(b"x" * 9)  # what is late is read and forgotten
        writer.write(ASK)
        await reader.readuntil(b"HTTP/1.1 ")

    assert b" 408 " in told
