"""The daemon's clocks run forwards, in UTC, at their speed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hotdesk_daemon.ops.clocks import Clock, ScaledClock, SystemClock

START = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)


def test_the_system_clock_is_the_machines_time_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)
    assert timedelta(0) == now.utcoffset()


def test_a_scaled_clock_begins_where_told_and_runs_at_its_speed() -> None:
    clock = ScaledClock(speed=1_000_000.0, start=START.astimezone())
    first = clock.now()
    while clock.mono() < 1000:  # a millisecond of the machine
        pass

    assert timedelta(0) == first.utcoffset()
    assert START <= first
    assert timedelta(seconds=1000) <= clock.now() - START
    assert 0.001 == clock.real_s(1000)


async def test_sleeping_ends_at_the_moment_and_not_before() -> None:
    clock = ScaledClock(speed=3600.0, start=START)
    due = clock.now() + timedelta(seconds=30)

    await clock.sleep_until(due)

    assert due <= clock.now()


@pytest.mark.parametrize("clock", [SystemClock(), ScaledClock(speed=2.0)], ids=["system", "scaled"])
async def test_sleeping_until_a_moment_that_has_passed_returns_at_once(clock: Clock) -> None:
    before = clock.mono()

    await clock.sleep_until(clock.now() - timedelta(hours=1))
    await clock.sleep_until(clock.now() + timedelta(milliseconds=5))

    assert clock.mono() >= before


def test_a_clock_that_would_stand_or_run_backwards_is_refused() -> None:
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="forwards"):
            ScaledClock(speed=speed)
