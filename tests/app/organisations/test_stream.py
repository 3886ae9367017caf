"""Whether an organisation is heard, and when its silences count."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from hotdesk_daemon.app.organisations.stream import GRACE_S, Stream
from hotdesk_daemon.simulator import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.app.organisations.hearing import Hearing


class Heard:
    """A hearing that notes what it is told."""

    def __init__(self) -> None:
        self.is_up = False
        self.cause = ""
        self.news: list[str] = []

    async def rise(self) -> None:
        self.is_up = True
        self.news.append("rise")

    async def renew(self) -> None:
        self.news.append("renew")

    async def fall(self, cause: str) -> None:
        self.is_up, self.cause = False, cause
        self.news.append(f"fall: {cause}")


class Line:
    def __init__(self) -> None:
        self.clock, self.heard = ManualClock(yields=20), Heard()
        self.stream = Stream(cast("Hearing", self.heard), sleep=self.clock.sleep)

    async def down(self, *, is_gap: bool = False, is_told_anyway: bool = False) -> None:
        await self.stream.down("502", is_gap=is_gap, is_told_anyway=is_told_anyway)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    async with asyncio.TaskGroup() as group:
        line.stream.group = group
        await line.stream.up()
        yield line
        await line.stream.fall("the end")


async def test_a_short_silence_is_none(line: Line) -> None:
    await line.down()
    await line.clock.advance(GRACE_S - 1)
    await line.stream.up()
    await line.clock.advance(2 * GRACE_S)

    assert ["rise", "rise"] == line.heard.news


async def test_a_long_one_is_told_once(line: Line) -> None:
    for _ in range(3):
        await line.down()
    await line.clock.advance(3 * GRACE_S)
    assert ["rise", "fall: 502"] == line.heard.news

    await line.down()
    await line.clock.advance(3 * GRACE_S)
    await line.stream.up()
    assert ["rise", "fall: 502", "rise"] == line.heard.news


@pytest.mark.parametrize("when", ["with the fall", "before"])
async def test_after_a_gap_everything_is_looked_at_once(line: Line, when: str) -> None:
    if when == "before":
        line.stream.note_gap()
    await line.down(is_gap=when != "before")
    await line.clock.advance(1)
    for _ in range(2):
        await line.stream.up()

    assert ["rise", "renew", "rise"] == line.heard.news


async def test_a_gap_is_no_news_where_the_same_comes_otherwise(line: Line) -> None:
    await line.down(is_gap=True, is_told_anyway=True)
    await line.clock.advance(2 * GRACE_S)
    await line.stream.up()

    assert ["rise", "rise"] == line.heard.news


async def test_whoever_falls_lists_anyway_when_it_rises(line: Line) -> None:
    await line.down(is_gap=True)
    await line.clock.advance(2 * GRACE_S)
    await line.stream.up()
    await line.stream.up()

    assert ["rise", "fall: 502", "rise", "rise"] == line.heard.news
