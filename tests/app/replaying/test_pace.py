"""How fast history goes by; nobody waits for real here."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hotdesk_daemon.app.replaying.pace import LONGEST_S, Pace
from tests.core.story import T0


class Clock:
    """A clock that moves by being slept on, or by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def mono(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def waits(speed: float, *moments_s: float) -> list[float]:
    clock = Clock()
    pace = Pace(speed, sleep=clock.sleep, mono=clock.mono)
    for moment in moments_s:
        pace.wait(T0 + timedelta(seconds=moment))
    return clock.slept


@pytest.mark.parametrize(("speed", "expected"), [(1, [2.0, 3.0]), (2, [1.0, 1.5]), (0.5, [4.0, 6.0])])
def test_it_waits_as_long_as_there_was_between(speed: float, expected: list[float]) -> None:
    assert expected == waits(speed, 0, 2, 5)


def test_no_wait_is_longer_than_the_limit() -> None:
    assert [LONGEST_S, 1.0] == waits(1, 0, 3600, 3601)


def test_a_clock_that_was_set_back_is_not_waited_for() -> None:
    assert [5.0, 1.0] == waits(1, 0, 5, 2, 4, 6)


def test_who_is_late_does_not_wait() -> None:
    clock = Clock()
    pace = Pace(1, sleep=clock.sleep, mono=clock.mono)
    pace.wait(T0)
    clock.now_s += 10
    pace.wait(T0 + timedelta(seconds=4))
    pace.wait(T0 + timedelta(seconds=12))

    assert [2.0] == clock.slept
