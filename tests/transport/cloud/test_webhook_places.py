"""Strangers at the door: whatever they hold open, who proves to be the cloud is heard, and their number is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hotdesk_daemon.core.errors import PermanentError
from hotdesk_daemon.transport.cloud import webhook
from tests.transport.cloud.answering import BODY, Door, a_door, sign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PLACES = 4


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    async with a_door() as door:
        yield door


@pytest.fixture(autouse=True)
def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AT_ONCE", "ACTIONS_AT_ONCE", "READING_AT_ONCE"):
        monkeypatch.setattr(webhook, name, PLACES)


class Slow:
    """A connection on which only a part of a post has come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._is_whole = False

    @classmethod
    async def begin(cls, door: Door, what: str = "events", *, org: str = "org-1", signature: str = "x") -> Slow:
        host, port = door.url.removeprefix("http://").split(":")
        slow = cls(*await asyncio.open_connection(host, int(port)))
        head = f"POST /webex/{org}/{what} HTTP/1.1\r\nHost: a\r\nX-Spark-Signature: {signature}\r\n"
        door.came.clear()
        slow._writer.write(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:5])
        await door.came.wait()
        return slow

    def end(self) -> None:
        self._is_whole = True
        self._writer.write(BODY[5:])

    async def status(self) -> int:
        """What it is answered."""
        return int((await self._reader.readuntil(b"\r\n\r\n")).split()[1])

    async def close(self) -> None:
        """Hang up, with everything sent: the door looks for the rest of what it has answered."""
        if not self._is_whole:
            self.end()
        self._writer.write_eof()
        await self._reader.read()
        self._writer.close()
        await self._writer.wait_closed()


Begin = Callable[..., Awaitable[Slow]]


@pytest_asyncio.fixture
async def begin(door: Door) -> AsyncIterator[Begin]:
    """Begins a post; all connections close with the test."""
    async with AsyncExitStack() as stack:

        async def begin(what: str = "events", **options: str) -> Slow:
            slow = await Slow.begin(door, what, **options)
            stack.push_async_callback(slow.close)
            return slow

        yield begin


@pytest_asyncio.fixture
async def strangers(begin: Begin) -> list[Slow]:
    """As many as there are places, each with a body that does not come."""
    return [await begin() for _ in range(PLACES)]


async def test_strangers_who_send_nothing_keep_nobody_out(door: Door, strangers: list[Slow]) -> None:
    assert [204] * 10 == [(await door.post()).status for _ in range(10)]

    assert ["taken"] * 10 == door.port.outcomes  # and the strangers are still waited for
    for stranger in strangers:
        stranger.end()
    assert [401] * PLACES == [await stranger.status() for stranger in strangers]


async def test_who_has_been_sending_longest_makes_way(door: Door, strangers: list[Slow], begin: Begin) -> None:
    genuine = [await begin(signature=sign()) for _ in range(2)]
    for one in genuine:
        one.end()

    assert [204, 204] == [await one.status() for one in genuine]
    assert [408, 408] == [await stranger.status() for stranger in strangers[:2]]
    for stranger in strangers[2:]:
        stranger.end()
    assert [401, 401] == [await stranger.status() for stranger in strangers[2:]]
    assert {"taken": 2, "busy": 2, "refused": 2} == {
        each: door.port.outcomes.count(each) for each in door.port.outcomes
    }


async def test_however_many_begin_to_send_no_more_are_waited_for_than_there_are_places(begin: Begin) -> None:
    begun = [await begin() for _ in range(10 * PLACES)]
    for one in begun[-PLACES:]:
        one.end()

    assert [408] * 9 * PLACES + [401] * PLACES == [await one.status() for one in begun]


async def test_who_came_and_went_leaves_a_place(begin: Begin) -> None:
    for _ in range(3 * PLACES):
        slow = await begin(signature=sign())
        slow.end()
        assert 204 == await slow.status()
    waits = await begin(signature=sign())
    for _ in range(PLACES - 1):
        await begin()
    waits.end()

    assert 204 == await waits.status()


async def test_those_of_another_organisation_and_of_another_kind_have_their_own_places(
    strangers: list[Slow], begin: Begin
) -> None:
    others = [await begin("actions") for _ in range(PLACES)]
    others += [await begin(org="org-2") for _ in range(PLACES)]
    for one in [*strangers, *others]:
        one.end()

    assert {401} == {await one.status() for one in [*strangers, *others]}


async def test_forged_actions_that_wait_for_keys_keep_no_message_out(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys_come, asked = asyncio.Event(), []

    async def act(token: str) -> Mapping[str, str] | None:
        asked.append(token)
        await keys_come.wait()
        raise PermanentError("forged")

    monkeypatch.setattr(door.port, "act", act)
    forged = [asyncio.create_task(door.act(b'{"jwt": "a.b.c"}')) for _ in range(PLACES)]
    while len(asked) < PLACES:  # noqa: ASYNC110 - the door itself is looked for
        await asyncio.sleep(0)

    one_more = await door.act(b'{"jwt": "a.b.c"}')
    assert (503, "5") == (one_more.status, one_more.headers["Retry-After"])
    assert [204] * PLACES == [(await door.post()).status for _ in range(PLACES)]

    keys_come.set()
    assert [401] * PLACES == [(await one).status for one in forged]


async def test_who_proved_it_needs_no_place_of_those_who_did_not(door: Door, begin: Begin) -> None:
    door.port.hold.clear()
    proven = [asyncio.create_task(door.post()) for _ in range(PLACES)]
    await door.port.until(lambda: len(door.port.offered) == PLACES)
    slow = [await begin() for _ in range(PLACES)]
    for one in slow:
        one.end()

    assert [401] * PLACES == [await one.status() for one in slow]
    assert 503 == (await door.post()).status
    door.port.hold.set()
    assert [204] * PLACES == [(await one).status for one in proven]
