"""A day drawn with characters: readable at any width, by signs alone, with everything where it belongs."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdesk_daemon.app.timeline import Axis, Matter, Span, Start, Timeline, Track, busy, day_axis, draw
from hotdesk_daemon.core.desk import BookingState, CommandState, Verdict
from tests.app.timeline.days import ODD_DAYS, OSLO, any_day, booking, command, oslo, timeline

if TYPE_CHECKING:
    from datetime import datetime

GUTTER = 8
DAY = day_axis(date(2026, 5, 4), OSLO)
some = settings(max_examples=60)


def drawn(day: Timeline, *, width: int = 80, unicode: bool = True, axis: Axis | None = None) -> list[str]:
    lines = draw(day, axis or Axis(since=day.since, until=day.until, zone=day.zone), width=width, unicode=unicode)
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def row(lines: list[str], name: str) -> str:
    """The cells of the row of that name."""
    return next(line[GUTTER:] for line in lines if line[:GUTTER].rstrip() == name)


def rows(lines: list[str], name: str) -> list[str]:
    """The cells of all rows of that name, further lanes included."""
    (first,) = [number for number, line in enumerate(lines) if line.startswith(f"{name} ")][:1]
    found = [lines[first][GUTTER:]]
    for line in lines[first + 1 :]:
        if not line.startswith(" " * GUTTER):
            break
        found.append(line[GUTTER:])
    return found


# --- any day ---------------------------------------------------------------------------------------------------------


@some
@given(day=any_day(), width=st.integers(20, 200), unicode=st.booleans())
def test_no_line_is_wider_than_the_terminal_and_plain_ones_are_ascii(
    day: Timeline, width: int, *, unicode: bool
) -> None:
    for axis in (None, busy(day)):
        lines = drawn(day, width=width, unicode=unicode, axis=axis)

        assert max(map(len, lines)) <= max(40, width)
        assert unicode or all(line.isascii() for line in lines)


@some
@given(any_day())
def test_every_booking_of_the_day_is_told_and_the_first_ones_have_a_letter(day: Timeline) -> None:
    lines = drawn(day, width=160)
    axis = Axis(since=day.since, until=day.until, zone=day.zone)
    inside = [bar for bar in day.bookings if axis.holds(bar.start, bar.end)]
    told = "\n".join(lines)

    for bar in inside:
        assert f" {bar.booking_id.removeprefix('osl-4-014.')};" in told
    shown = "".join(rows(lines, "booked")) if inside else ""
    more = re.search(r"and (\d+) more at the same times", told)
    letters = "".join(re.findall("[A-Za-z]", shown.partition("and ")[0]))
    assert len(inside) == len(letters) + (int(more[1]) if more else 0)
    assert len(letters) == len(set(letters))


@some
@given(any_day())
def test_what_is_trimmed_away_held_nothing(day: Timeline) -> None:
    part = busy(day)
    whole = Axis(since=day.since, until=day.until, zone=day.zone)

    assert day.since <= part.since < part.until <= day.until
    assert min(timedelta(hours=6), whole.length) <= part.length
    for bar in day.bookings:
        assert part.holds(bar.start, bar.end) == whole.holds(bar.start, bar.end)
    for mark in day.commands:
        moment = mark.decided_at
        assert part.since <= moment <= part.until or not day.since <= moment <= day.until


# --- the axis --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "zone"), ODD_DAYS)
def test_hours_stand_where_they_are_on_days_of_any_length(day: date, zone: str) -> None:
    axis = day_axis(day, ZoneInfo(zone))
    lines = drawn(timeline(axis), width=8 + 25 * 6)
    labels, ticks = lines[2][GUTTER:], lines[3][GUTTER:]
    hours = [(at, hour) for at, hour in axis.hours() if at < axis.until]
    columns = round(axis.length / timedelta(hours=1) * 6)

    assert len(hours) == ticks.count("│")
    for at, hour in hours:
        column = int(axis.place(at) * columns)
        assert (f"{hour:02}", "│") == (labels[column : column + 2], ticks[column])


@pytest.mark.parametrize(("width", "minutes"), [(80, 20.0), (56, 30.0), (200, 10.0)])
def test_an_hour_has_a_whole_number_of_columns(width: int, minutes: float) -> None:
    lines = drawn(timeline(DAY), width=width)

    assert any(f"one column: {minutes:g} min" in line for line in lines)


def test_several_days_have_the_day_where_each_begins() -> None:
    axis = Axis(since=oslo(0), until=oslo(24 * 7), zone=OSLO)
    labels = drawn(timeline(axis), axis=axis)[2]

    assert ["04", "12", "05", "12", "06", "12", "07", "12", "08", "12", "09", "12", "10", "12"] == labels.split()


# --- bookings --------------------------------------------------------------------------------------------------------


def lived(start: datetime, *lives: tuple[float, float, BookingState]) -> tuple[Span, ...]:
    return tuple(Span(since=oslo(since), until=oslo(until), state=state.value) for since, until, state in lives)


def test_a_booking_shows_what_was_of_it_and_what_is_to_come() -> None:
    created, started, deleted = BookingState.CREATED, BookingState.STARTED, BookingState.DELETED
    asked = BookingState.REQUESTED
    bars = (
        booking(1, oslo(2), 120, state=started, lives=lived(oslo(2), (1, 3, created), (3, 3.5, started))),
        booking(
            2, oslo(8), 180, state=deleted, over_at=oslo(10), end_cause="ManualCheckOut",
            lives=lived(oslo(8), (7, 8, created), (8, 10, started), (10, 12, deleted)),
        ),
        booking(3, oslo(14), 60, state=asked, lives=lived(oslo(14), (13, 14.2, asked))),
    )  # fmt: skip
    lines = drawn(timeline(DAY, bookings=bars))
    plain = drawn(timeline(DAY, bookings=bars), unicode=False)

    assert "      A──██─" == row(lines, "booked")[:12]
    assert "B█████···" == row(lines, "booked")[24:33]
    assert "C??" == row(lines, "booked")[42:45]
    assert "A--==-" == row(plain, "booked")[6:12]
    text = " ".join(" ".join(lines).split())
    assert "B 08:00–11:00 b2; at the device; deleted 10:00: ManualCheckOut" in text


def test_bookings_at_the_same_time_stand_below_each_other_and_too_many_are_counted() -> None:
    bars = tuple(booking(number, oslo(9), 60) for number in range(11))
    lines = drawn(timeline(DAY, bookings=bars))
    lanes = rows(lines, "booked")

    assert ["A──", "B──", "C──", "D──", "E──", "F──", "G──", "H──"] == [lane[27:30] for lane in lanes[:8]]
    assert "and 3 more at the same times" == lanes[8]
    assert sum("; at the device; " in line for line in lines) == 11


def test_a_booking_says_why_it_is_as_it_is() -> None:
    bar = booking(
        17, oslo(9), 480, state=BookingState.DELETED, over_at=oslo(9.2), verdict=Verdict.REJECTED,
        verdict_why="maximum duration: 480 min asked, 240 min allowed",
        ours="rejected by maximum duration: 480 min asked, 240 min allowed", earlier=((oslo(9), 60),),
    )  # fmt: skip
    text = " ".join(" ".join(drawn(timeline(DAY, bookings=(bar,)))).split())

    assert (
        "A 09:00–17:00 b17; at the device; deleted 09:12 by us: rejected by maximum duration: 480 min asked, "
        "240 min allowed; moved, was 09:00–10:00"
    ) in text


# --- what lasts, and what happens ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matter", "name", "states", "signs", "plain"),
    [
        (Matter.SIGN_IN, "user", ["signed in to booking", "signed in without booking", "staying on"], "█▒░", "#%~"),
        (Matter.CALL, "calls", ["in call"], "█", "C"),
        (Matter.PEOPLE, "people", ["1", "9", "10", "somebody"], "19+p", "19+p"),
        (Matter.STALE, "stale", ["stale"], "!", "!"),
    ],
)
def test_each_state_has_a_sign_of_its_own(matter: Matter, name: str, states: list[str], signs: str, plain: str) -> None:
    spans = tuple(
        Span(since=oslo(3 + 2 * number), until=oslo(4 + 2 * number), state=state) for number, state in enumerate(states)
    )
    day = timeline(DAY, tracks=(Track(matter=matter, name="a", spans=spans),))

    expected = [sign * 3 for sign in signs]
    assert expected == row(drawn(day), name).split()
    assert [sign * 3 for sign in plain] == row(drawn(day, unicode=False), name).split()
    assert len(set(signs)) == len(signs)


def test_what_is_too_short_for_a_column_shows_in_it() -> None:
    spans = (Span(since=oslo(9.1), until=oslo(9.1) + timedelta(seconds=1), state="stale"),)
    day = timeline(DAY, tracks=(Track(matter=Matter.STALE, name="osl-4-014", spans=spans),))

    assert " " * 27 + "!" == row(drawn(day), "stale")


def test_several_devices_are_numbered_and_named() -> None:
    call = (Span(since=oslo(9), until=oslo(10), state="in call"),)
    day = timeline(DAY, tracks=tuple(Track(matter=Matter.CALL, name=name, spans=call) for name in ("left", "right")))
    lines = drawn(day)

    assert ("███", "███") == (row(lines, "calls 1").strip(), row(lines, "calls 2").strip())
    assert any("1 is left, 2 is right" in line for line in lines)


def test_hundreds_of_commands_fold_into_counts_and_hide_nothing_that_went_otherwise() -> None:
    marks = [command(number, oslo(9 + number / 1000)) for number in range(300)]
    marks += [command(400 + number, oslo(11)) for number in range(4)]
    marks += [command(500, oslo(11), CommandState.PARKED, attempts=5, settled_at=None, message="no answer")]
    marks += [command(600 + number, oslo(13), CommandState.REFUSED) for number in range(20)]
    lines = drawn(timeline(DAY, commands=tuple(marks)))
    text = " ".join(" ".join(lines).split())

    assert ["#", "P", "x"] == row(lines, "sent").split()
    assert "1 parked, 304 done, 20 refused" in text
    assert "11:00 Bookings Delete of b500: asked by a person; parked after 5 attempts: no answer" in text
    assert "and 9 more that went otherwise" in text
    assert len(lines) < 60


def test_our_starts_show_with_the_silence_before() -> None:
    starts = (Start(at=oslo(6), silent_since=None), Start(at=oslo(12), silent_since=oslo(11)))
    lines = drawn(timeline(DAY, starts=starts))

    assert " " * 18 + "^" + " " * 14 + "╌╌╌^" == row(lines, "daemon")
    assert any("12:00, nothing recorded for 1 h before" in line for line in lines)


def test_the_present_is_marked_and_the_rest_of_the_day_is_plans() -> None:
    bar = booking(1, oslo(15), 60)
    lines = drawn(timeline(DAY, bookings=(bar,), known_until=oslo(12.5)))

    assert "▼" == lines[3][GUTTER + 37]
    assert any("to come" in line for line in lines)


def test_the_legend_tells_what_is_there_and_nothing_else() -> None:
    spans = (Span(since=oslo(9), until=oslo(10), state="in call"),)
    lines = drawn(timeline(DAY, tracks=(Track(matter=Matter.CALL, name="a", spans=spans),)))
    text = " ".join(lines)

    assert "calls: █ in a call" in text
    assert not [word for word in ("booked", "user", "people", "stale", "sent", "daemon") if word in text]


def test_notes_stand_at_the_end() -> None:
    more: dict[str, Any] = {"notes": ("3 inputs cannot be read by this version.",), "elsewhen": 2}
    lines = drawn(timeline(DAY, **more))

    assert "3 inputs cannot be read by this version." == lines[-1].strip()
    assert any("made for other times: 2" in line for line in lines)
