"""The picture of a day: one file that needs no other, with everything on its axis and in words, too."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from hotdesk_daemon.app.timeline import Axis, Matter, Span, Start, Timeline, Track, day_axis
from hotdesk_daemon.app.timeline.page import html
from hotdesk_daemon.app.timeline.picture import WIDTH, svg
from hotdesk_daemon.core.desk import BookingState, CommandState, Verdict
from tests.app.timeline.days import ODD_DAYS, OSLO, any_day, booking, command, oslo, timeline

if TYPE_CHECKING:
    from collections.abc import Iterator

SVG = "{http://www.w3.org/2000/svg}"
LEFT, RIGHT = 130.0, WIDTH - 20.0
DAY = day_axis(date(2026, 5, 4), OSLO)
BARS = {"planned", "running", "asked", "gone"}


def picture(day: Timeline) -> ET.Element:
    return ET.fromstring(svg(day, Axis(since=day.since, until=day.until, zone=day.zone)))  # noqa: S314 - our own


def boxes(root: ET.Element, *classes: str) -> Iterator[tuple[float, float, float, float]]:
    """Left, right, top and bottom of each box of these classes; those of the legend are none."""
    for box in root.iter(f"{SVG}rect"):
        if box.get("class") in classes and box.get("width") != "22":
            x, y, width, height = (float(box.get(name, 0)) for name in ("x", "y", "width", "height"))
            yield x, x + width, y, y + height


@settings(max_examples=40)
@given(any_day())
def test_nothing_is_drawn_outside_of_the_axis_and_no_bookings_overlap(day: Timeline) -> None:
    root = picture(day)
    height = float(root.get("height", 0))
    found = list(boxes(root, *BARS, "at_booking", "call", "people", "stale", "down", "silence", "veil"))

    assert all(
        LEFT <= left <= right <= RIGHT + 1.5 and 0 <= top <= bottom <= height for left, right, top, bottom in found
    )
    lanes: dict[float, list[tuple[float, float]]] = {}
    for group in root.iter(f"{SVG}g"):
        parts = list(boxes(group, *BARS))
        if parts:
            span = (min(left for left, *_ in parts), max(right for _, right, *_ in parts))
            lanes.setdefault(parts[0][2], []).append(span)
    for lane in lanes.values():
        assert all(end <= start + 1.5 for (_, end), (start, _) in pairwise(sorted(lane)))


@settings(max_examples=20)
@given(any_day())
def test_the_page_loads_nothing_and_runs_nothing(day: Timeline) -> None:
    text = html(day, Axis(since=day.since, until=day.until, zone=day.zone))
    addresses = re.findall(r"""(?:href|src|url)\s*[=(]\s*["']?([^"')>]+)""", text)

    assert all(address.startswith("#") for address in addresses)
    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\"'\s]+", text))
    assert "<script" not in text
    assert "default-src 'none'" in text


@pytest.mark.parametrize(("day", "zone"), ODD_DAYS)
def test_each_hour_has_its_line_on_days_of_any_length(day: date, zone: str) -> None:
    axis = day_axis(day, ZoneInfo(zone))
    root = picture(timeline(axis))
    lines = sorted(float(line.get("x1", 0)) for line in root.iter(f"{SVG}line") if line.get("class") == "grid")

    assert [round(LEFT + axis.place(at) * (RIGHT - LEFT), 1) for at, _ in axis.hours()] == lines


def test_everything_has_its_words_under_the_pointer() -> None:
    bar = booking(
        17, oslo(9), 480, state=BookingState.DELETED, over_at=oslo(9.2), verdict=Verdict.REJECTED,
        verdict_why="maximum duration", ours="rejected by maximum duration",
    )  # fmt: skip
    tracks = (
        Track(matter=Matter.SIGN_IN, name="a", spans=(Span(since=oslo(9), until=oslo(10), state="staying on"),)),
        Track(matter=Matter.PEOPLE, name="a", spans=(Span(since=oslo(9), until=oslo(10), state="3"),)),
        Track(matter=Matter.STALE, name="d", spans=(Span(since=oslo(9), until=oslo(9.5), state="stale", text="cut"),)),
    )
    marks = tuple(
        command(number, oslo(9), CommandState.PARKED if number == 7 else CommandState.DONE) for number in range(30)
    )
    starts = (Start(at=oslo(9), silent_since=oslo(8)),)
    root = picture(timeline(DAY, bookings=(bar,), tracks=tracks, commands=marks, starts=starts, known_until=oslo(12)))
    words = [title.text or "" for title in root.iter(f"{SVG}title")]

    expected = [
        "osl-4-014, Mon 4 May 2026 00:00 to Tue 5 May 00:00, CEST (UTC+02:00)",
        "09:00–17:00 b17; at the device; deleted 09:12 by us: rejected by maximum duration",
        "staying on, 09:00–10:00 (1 h)",
        "3 people, 09:00–10:00 (1 h)",
        "stale, 09:00–09:30 (30 min): cut",
        "nothing recorded for 1 h",
        "the daemon started 09:00",
        "recorded until here",
    ]
    assert [] == [text for text in expected if text not in words]
    (folded,) = [text for text in words if "Bookings Delete" in text]
    assert folded.endswith("and 20 more")
    assert 1 == sum(
        path.get("class") == "parked" for group in root.iter(f"{SVG}g") for path in group.iter(f"{SVG}path")
    )


def test_what_is_said_is_text_and_no_markup() -> None:
    bar = booking(1, oslo(9), 60, state=BookingState.FAILED, over_at=oslo(9), end_cause="<script>alert(1)</script>&")
    day = timeline(DAY, bookings=(bar,), notes=("<b>",))
    text = html(day, DAY)

    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in text
    assert "<li>&lt;b&gt;</li>" in text


def test_bookings_without_end_stay_countable() -> None:
    bars = tuple(booking(number, oslo(9), 60) for number in range(30))
    root = picture(timeline(DAY, bookings=bars))
    told = [text.text for text in root.iter(f"{SVG}text")]

    assert "and 14 more" in told
    assert 16 == len(list(boxes(root, "planned")))


def test_light_and_dark_have_colours_of_their_own() -> None:
    text = svg(timeline(DAY), DAY)

    assert 1 == text.count("@media(prefers-color-scheme:dark)")
    assert len(re.findall(r"--text:#", text)) == 2


def test_it_is_as_wide_as_it_says_and_wraps_its_legend() -> None:
    spans = tuple(
        Span(since=oslo(number), until=oslo(number + 0.5), state=state)
        for number, state in enumerate(("down", "syncing", "stale"))
    )
    day = timeline(DAY, tracks=(Track(matter=Matter.LINK, name="a", spans=spans),))
    root = picture(day)
    legend = [text for text in root.iter(f"{SVG}text") if (text.text or "").startswith("link: ")]

    assert 3 == len(legend)
    assert all(float(text.get("x", 0)) < RIGHT for text in legend)
    assert timedelta(hours=24) == DAY.length
