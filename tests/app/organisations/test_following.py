"""When the directory is read."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import structlog

from hotdesk_daemon.app.organisations import following
from hotdesk_daemon.app.organisations.following import DirectoryKeeper
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.ops.settings import SelectSettings
from hotdesk_daemon.simulator import ManualClock
from hotdesk_daemon.transport.cloud.directory import DirectoryRead

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INTERVAL_S = 600.0


class Office:
    """A directory keeper, and how often it read and slept."""

    def __init__(self) -> None:
        self.clock = ManualClock(yields=20)
        self.read_at: list[float] = []
        self.sleeps = 0
        self.error: Exception | None = None
        tools = SimpleNamespace(
            wanted=SimpleNamespace(select=SelectSettings(), directory_interval_s=INTERVAL_S),
            clock=self.clock,
            sleep=self._sleep,
            rng=random.Random(1),
        )
        doubles = SimpleNamespace(follow=self._nothing, directory_was_read=self._nothing)
        self.keeper = DirectoryKeeper(
            cast("Any", tools),
            rest=cast("Any", None),
            membership=cast("Any", doubles),
            hearing=cast("Any", doubles),
            log=structlog.get_logger(),
        )

    async def _nothing(self, *_: object) -> None:
        pass

    async def _sleep(self, seconds: float) -> None:
        self.sleeps += 1
        await self.clock.sleep(max(seconds, 1e-6))

    async def read(self, *_: object) -> DirectoryRead:
        self.read_at.append(self.clock.mono())
        if self.error is not None:
            raise self.error
        return DirectoryRead(desks=())


@pytest.fixture
async def office(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    office = Office()
    monkeypatch.setattr(following, "read_directory", office.read)
    task = asyncio.create_task(office.keeper.run(), name="the directory under test")
    await office.clock.settle()
    yield office
    task.cancel()
    await asyncio.wait([task])


async def test_a_wish_before_it_can_be_read_keeps_nobody_busy(office: Office) -> None:
    for _ in range(3):
        office.keeper.wish()
        await office.clock.settle()
    sleeps = office.sleeps
    for _ in range(500):
        await asyncio.sleep(0)

    assert sleeps == office.sleeps <= 10
    assert [] == office.read_at


async def test_it_is_read_at_once_at_its_interval_and_when_wished_for(office: Office) -> None:
    office.keeper.open()
    await office.clock.advance(INTERVAL_S + 1)
    assert [0.0, INTERVAL_S] == office.read_at

    office.keeper.wish()
    await office.clock.advance(58.0)  # one was read just now
    assert 2 == len(office.read_at)
    await office.clock.advance(2.0)
    assert [INTERVAL_S + 60.0] == office.read_at[2:]


async def test_a_failure_is_tried_again_ever_later_and_is_a_trouble_until_it_was_read_once(office: Office) -> None:
    office.error = TransientError("out of reach")
    office.keeper.open()
    await office.clock.advance(3600.0)
    assert 12 <= len(office.read_at) <= 40
    assert "out of reach" == office.keeper.trouble

    office.error = None
    await office.clock.advance(300.0)
    assert office.keeper.trouble is None
    office.error = TransientError("again")
    await office.clock.advance(1200.0)
    assert office.keeper.trouble is None
