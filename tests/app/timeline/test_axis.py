"""The axis of a day is real time, whatever the clocks on the wall do."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.app.timeline import Axis, day_axis
from tests.app.timeline.days import ODD_DAYS, OSLO, oslo

HOURS = {
    "Europe/Oslo": {date(2026, 3, 29): 23.0, date(2026, 10, 25): 25.0},
    "Asia/Kathmandu": {date(2026, 5, 4): 24.0},
    "Australia/Lord_Howe": {date(2026, 4, 5): 24.5, date(2026, 10, 4): 23.5},
    "America/Sao_Paulo": {date(2018, 11, 4): 23.0},
    "America/Havana": {date(2026, 11, 1): 25.0},
}


@pytest.mark.parametrize(("day", "zone"), ODD_DAYS)
def test_a_day_is_as_long_as_it_was(day: date, zone: str) -> None:
    axis = day_axis(day, ZoneInfo(zone))

    assert HOURS[zone][day] == axis.length / timedelta(hours=1)
    assert day == axis.since.astimezone(axis.zone).date()
    assert day == (axis.until - timedelta(microseconds=1)).astimezone(axis.zone).date()


def test_the_hour_that_is_there_twice_stands_there_twice_and_the_missing_one_not() -> None:
    longer = [hour for _, hour in day_axis(date(2026, 10, 25), OSLO).hours()]
    shorter = [hour for _, hour in day_axis(date(2026, 3, 29), OSLO).hours()]

    assert [0, 1, 2, 2, 3] == longer[:5]
    assert [0, 1, 3, 4, 5] == shorter[:5]
    assert (26, 24) == (len(longer), len(shorter))


@given(
    st.dates(date(1980, 1, 1), date(2037, 12, 30)),
    st.sampled_from(sorted(available_timezones() - {"Pacific/Apia", "Pacific/Fakaofo"})),  # they left out a whole day
)
def test_any_day_anywhere_is_whole_and_its_hours_rise(day: date, zone: str) -> None:
    axis = day_axis(day, ZoneInfo(zone))
    hours = list(axis.hours())

    assert timedelta(hours=22) <= axis.length <= timedelta(hours=26)
    assert day_axis(day + timedelta(days=1), ZoneInfo(zone)).since == axis.until
    assert all(timedelta(minutes=15) < later - at <= timedelta(hours=2) for (at, _), (later, _) in pairwise(hours))
    for at, hour in hours:
        local = at.astimezone(axis.zone)
        assert (hour, 0, 0) == (local.hour, local.minute, local.second)
        assert axis.since <= at <= axis.until


def test_a_moment_has_its_place_and_what_is_outside_the_nearer_end() -> None:
    axis = Axis(since=oslo(8), until=oslo(16), zone=OSLO)

    assert [0.0, 0.0, 0.25, 1.0, 1.0] == [axis.place(oslo(hour)) for hour in (0, 8, 10, 16, 23)]


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [(6, 8, False), (6, 9, True), (8, 8, True), (15, 17, True), (16, 17, False), (16, 16, False), (0, 23, True)],
)
def test_what_touches_the_axis_is_on_it(since: float, until: float, *, held: bool) -> None:
    assert held == Axis(since=oslo(8), until=oslo(16), zone=OSLO).holds(oslo(since), oslo(until))


def test_hours_between_two_moments_begin_with_a_full_one() -> None:
    axis = Axis(since=oslo(8.4), until=oslo(10.2), zone=OSLO)
    expected: list[tuple[datetime, int]] = [(oslo(9), 9), (oslo(10), 10)]

    assert expected == list(axis.hours())
