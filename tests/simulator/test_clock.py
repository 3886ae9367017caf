"""The clocks, and the schedule that lives by them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hotdesk_daemon.simulator import ManualClock, ScaledClock, Schedule

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


async def test_sleepers_wake_at_their_own_time_in_order() -> None:
    clock, woken = ManualClock(NOON), list[tuple[str, float]]()

    async def sleep(name: str, seconds: float, *, again: float = 0) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.mono()))
        if again:
            await sleep(f"{name} again", again)

    async with asyncio.TaskGroup() as group:
        group.create_task(sleep("late", 50))
        group.create_task(sleep("chained", 10, again=15))
        group.create_task(sleep("early", 5))
        await clock.advance(49)
        before = list(woken)
        await clock.advance(1)

    assert [("early", 5.0), ("chained", 10.0), ("chained again", 25.0)] == before
    assert ("late", 50.0) == woken[-1]
    assert NOON + timedelta(seconds=50) == clock.now()


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock(NOON)
    task = asyncio.create_task(clock.sleep(10))
    await clock.settle()

    task.cancel()
    await asyncio.wait((task,))

    assert None is clock.next_due
    await clock.advance(20)


async def test_settlers_are_awaited_before_time_moves_on() -> None:
    clock, settled = ManualClock(NOON), list[float]()

    async def settle() -> None:
        settled.append(clock.mono())

    clock.settle_with(settle)
    sleeper = asyncio.create_task(clock.sleep(3))
    await clock.advance(5)
    await sleeper

    assert [0.0, 3.0, 5.0] == settled


async def test_advancing_until_something_holds_stops_there_or_says_that_it_does_not() -> None:
    clock = ManualClock(NOON)
    task = asyncio.create_task(clock.sleep(7.5))

    await clock.advance_until(task.done, step_s=5)
    assert 7.5 == clock.mono()
    with pytest.raises(TimeoutError):
        await clock.advance_until(lambda: False, limit_s=30)
    assert 37.5 == clock.mono()


async def test_a_running_clock_moves_while_the_body_waits() -> None:
    clock = ManualClock(NOON)

    async with clock.running(step_s=60):
        await clock.sleep(3600)

    assert clock.now() >= NOON + timedelta(hours=1)


async def test_a_scaled_clock_runs_at_its_speed() -> None:
    clock = ScaledClock(speed=100_000, start=NOON)

    await clock.sleep_until(NOON + timedelta(minutes=10))

    assert clock.now() >= NOON + timedelta(minutes=10)
    assert 0.01 == clock.real_s(1000)
    with pytest.raises(ValueError, match="must run forwards"):
        ScaledClock(speed=0)


async def test_the_schedule_does_things_in_order_and_takes_earlier_ones_in() -> None:
    clock, done = ManualClock(NOON), list[tuple[str, float]]()
    schedule = Schedule(clock)
    runner = asyncio.create_task(schedule.run())

    schedule.after(30, lambda: done.append(("late", clock.mono())))
    schedule.after(40, lambda: done.append(("never", clock.mono()))).cancel()
    await clock.advance(10)
    schedule.after(5, lambda: done.append(("earlier", clock.mono())))
    schedule.at(NOON, lambda: done.append(("overdue", clock.mono())))
    await clock.advance(60)
    runner.cancel()
    await asyncio.wait((runner,))

    assert [("overdue", 10.0), ("earlier", 15.0), ("late", 30.0)] == done
    assert 0 == len(schedule)


async def test_something_that_fails_stops_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    clock, done = ManualClock(NOON), list[str]()
    schedule = Schedule(clock)
    failure = ValueError("broken")

    def fail() -> None:
        raise failure

    schedule.after(0, fail)
    schedule.after(0, lambda: done.append("next"))
    schedule.do_due()

    assert (["next"], [failure]) == (done, schedule.failures)
    assert "simulated action failed" in caplog.text
