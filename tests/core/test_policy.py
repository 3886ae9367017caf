"""Rules: the longest duration, and opening hours over midnight and over changes of daylight saving time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest

from hotdesk_daemon.core.policy import Hours, Policy, forbidding, objection

OSLO = "Europe/Oslo"
MONDAY, TUESDAY, SATURDAY, SUNDAY = 0, 1, 5, 6


def hours(weekday: int, opens: str, closes: str) -> Hours:
    def minute(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Hours(weekday=weekday, opens_min=minute(opens), closes_min=minute(closes))


def local(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(OSLO), fold=fold).astimezone(UTC)


def allows(policy: Policy, start: datetime, minutes: int) -> bool:
    return objection(policy, start=start, duration_min=minutes) is None


@pytest.mark.parametrize("minutes", [0, 1, 1440, 1441, 1_000_000])
def test_the_default_accepts_everything(minutes: int) -> None:
    assert allows(Policy(), local("2026-05-04T10:00"), minutes)


@pytest.mark.parametrize(("minutes", "is_allowed"), [(0, True), (120, True), (121, False), (1441, False)])
def test_the_longest_duration(minutes: int, is_allowed: bool) -> None:  # noqa: FBT001
    assert is_allowed is allows(Policy(max_duration_min=120), local("2026-05-04T10:00"), minutes)


def test_the_objection_names_the_rule_and_its_values() -> None:
    start = local("2026-05-04T10:00")
    closed = Policy(opening_hours=(hours(TUESDAY, "08:00", "16:00"),), time_zone=OSLO)

    assert "maximum duration: 90 min asked, 60 min allowed" == objection(
        Policy(max_duration_min=60), start=start, duration_min=90
    )
    assert "opening hours: not open from start to end in Europe/Oslo" == objection(closed, start=start, duration_min=5)


def test_the_rule_that_forbids_is_told_apart_with_what_it_goes_by() -> None:
    start = local("2026-05-04T10:00")
    both = Policy(max_duration_min=60, opening_hours=(hours(TUESDAY, "08:00", "16:00"),), time_zone=OSLO)
    long, short = (forbidding(both, start=start, duration_min=minutes) for minutes in (90, 30))

    assert long is not None
    assert short is not None
    assert ("maximum duration", {"max_duration_min": 60}) == (long.rule, long.limits)
    assert ("opening hours", {"time_zone": OSLO}) == (short.rule, short.limits)
    assert [objection(both, start=start, duration_min=minutes) for minutes in (90, 30)] == [str(long), str(short)]


WORKDAY = Policy(
    opening_hours=(hours(MONDAY, "12:30", "16:00"), hours(MONDAY, "08:00", "12:00"), hours(MONDAY, "12:00", "12:15")),
    time_zone=OSLO,
)


@pytest.mark.parametrize(
    ("start", "minutes", "is_allowed"),
    [
        ("2026-05-04T08:00", 240, True),
        ("2026-05-04T08:00", 255, True),
        ("2026-05-04T08:00", 256, False),
        ("2026-05-04T07:59", 2, False),
        ("2026-05-04T12:15", 1, False),
        ("2026-05-04T12:30", 210, True),
        ("2026-05-04T16:00", 1, False),
        ("2026-05-05T10:00", 1, False),
    ],
    ids=[
        "opening",
        "over joined periods",
        "into the break",
        "too early",
        "in the break",
        "to closing",
        "at closing",
        "closed day",
    ],
)
def test_a_booking_lies_within_opening_hours_from_start_to_end(start: str, minutes: int, is_allowed: bool) -> None:  # noqa: FBT001
    assert is_allowed is allows(WORKDAY, local(start), minutes)


def test_periods_that_meet_at_midnight_are_one() -> None:
    policy = Policy(opening_hours=(hours(MONDAY, "20:00", "24:00"), hours(TUESDAY, "00:00", "02:00")), time_zone=OSLO)

    assert allows(policy, local("2026-05-04T22:00"), 240)
    assert not allows(policy, local("2026-05-04T22:00"), 241)
    assert not allows(policy, local("2026-05-05T22:00"), 1)


def test_open_round_the_clock_over_many_days() -> None:
    always = Policy(opening_hours=tuple(hours(day, "00:00", "24:00") for day in range(7)), time_zone=OSLO)

    assert allows(always, local("2026-03-27T09:00"), 5 * 1440)


@pytest.mark.parametrize(
    ("day", "open_minutes"),
    [("2026-03-29", 60), ("2026-10-25", 180), ("2026-05-03", 120)],
    ids=["the clock goes forward", "the clock goes back", "any Sunday"],
)
def test_hours_follow_the_wall_clock_when_daylight_saving_time_changes(day: str, open_minutes: int) -> None:
    night = Policy(opening_hours=(hours(SUNDAY, "01:30", "03:30"),), time_zone=OSLO)
    start = local(f"{day}T01:30")

    assert allows(night, start, open_minutes)
    assert not allows(night, start, open_minutes + 1)


def test_a_booking_over_the_change_of_the_clock_is_judged_by_where_it_ends() -> None:
    weekend = Policy(opening_hours=(hours(SATURDAY, "08:00", "24:00"), hours(SUNDAY, "00:00", "08:00")), time_zone=OSLO)
    start = local("2026-03-28T20:00")

    assert allows(weekend, start, 11 * 60), "the night has eleven hours, not twelve"
    assert not allows(weekend, start, 11 * 60 + 1)


def test_a_rule_looks_at_the_day_in_its_own_time_zone() -> None:
    policy = Policy(opening_hours=(hours(MONDAY, "00:00", "24:00"),), time_zone="Pacific/Auckland")
    sunday_evening = datetime(2026, 5, 3, 13, 0, tzinfo=UTC)

    assert allows(policy, sunday_evening, 60)
    assert not allows(policy, sunday_evening + timedelta(days=1), 60)


def test_a_booking_of_centuries_is_judged_at_once() -> None:
    always = Policy(opening_hours=tuple(hours(day, "00:00", "24:00") for day in range(7)), time_zone=OSLO)
    centuries = 900 * 365 * 1440
    began = time.process_time()

    assert allows(always, local("2026-03-27T09:00"), centuries)
    assert not allows(
        attrs.evolve(always, opening_hours=always.opening_hours[1:]), local("2026-03-27T09:00"), centuries
    )
    assert time.process_time() - began < 0.5
