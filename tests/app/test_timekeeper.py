"""One sleeper for the timers of all desks."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from hotdesk_daemon.app.timekeeper import Timekeeper
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.simulator import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

A, B = DeskId("a"), DeskId("b")


class Keeping:
    """A running timekeeper, and who was woken when (in seconds after the beginning)."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.keeper = Timekeeper(clock)
        self.woken: list[tuple[str, float]] = []

    def at(self, seconds: float) -> datetime:
        return self.clock.start + timedelta(seconds=seconds)

    def set(self, desk: DeskId, seconds: float | None) -> None:
        due = None if seconds is None else self.at(seconds)
        self.keeper.set(desk, due, lambda: self.woken.append((desk, self.clock.mono())))


@asynccontextmanager
async def keeping() -> AsyncIterator[Keeping]:
    one = Keeping(ManualClock())
    task = asyncio.create_task(one.keeper.run())
    await one.clock.settle()
    try:
        yield one
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_each_desk_is_woken_at_its_own_time_and_once() -> None:
    async with keeping() as time:
        time.set(A, 20)
        time.set(B, 10)
        await time.clock.advance(60)

        assert [("b", 10), ("a", 20)] == time.woken


async def test_what_was_told_last_counts() -> None:
    async with keeping() as time:
        for seconds in (20, 30, 10, 15):
            time.set(A, seconds)
        await time.clock.advance(60)

        assert [("a", 15)] == time.woken


async def test_a_timer_that_is_taken_back_wakes_nobody() -> None:
    async with keeping() as time:
        time.set(A, 20)
        time.set(A, None)
        time.set(B, None)
        await time.clock.advance(60)

        assert [] == time.woken


async def test_an_earlier_timer_set_while_sleeping_is_met() -> None:
    async with keeping() as time:
        time.set(A, 1000)
        await time.clock.advance(10)
        time.set(B, 20)
        await time.clock.advance(60)

        assert [("b", 20)] == time.woken


async def test_a_time_that_has_passed_wakes_at_once() -> None:
    async with keeping() as time:
        await time.clock.advance(50)
        time.set(A, 10)
        await time.clock.settle()

        assert [("a", 50)] == time.woken


async def test_many_changes_leave_a_short_list_and_the_right_order() -> None:
    rng = random.Random(7)
    async with keeping() as time:
        desks = [DeskId(f"desk {number}") for number in range(20)]
        told: dict[str, int] = {}
        for _ in range(5000):
            desk = rng.choice(desks)
            told[desk] = rng.randrange(1, 1000)
            time.set(desk, told[desk])

        assert len(time.keeper._heap) <= 2 * len(desks) + 256  # noqa: SLF001 - that it is bounded is what is tested

        await time.clock.advance(1001)

        assert {desk: float(due) for desk, due in told.items()} == dict(time.woken)
        assert sorted(when for _, when in time.woken) == [when for _, when in time.woken]
