"""Times as a terminal tells them, and as people type them there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click
import pytest

from hotdesk_daemon.cli.zones import Clockface, lasted, named_zone, own_zone, present, span_of, zoned_time

NOW = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)
OSLO = ZoneInfo("Europe/Oslo")


@pytest.mark.parametrize("name", ["Europe/Oslo", ":Europe/Oslo", "/usr/share/zoneinfo/Europe/Oslo"])
def test_the_terminals_zone_is_that_of_its_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)

    assert timedelta(hours=2) == NOW.astimezone(own_zone()).utcoffset()


def test_a_zone_that_cannot_be_used_is_told_and_utc_instead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")

    assert UTC is own_zone()
    assert "is no time zone that can be used here: times are in UTC" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Europe/Olso", "../etc/passwd", "", "\0"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time zone"):
        named_zone(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("2026-05-04T10:00:00Z", datetime(2026, 5, 4, 10, tzinfo=UTC)),
        ("2026-05-04T10:00:00-05:00", datetime(2026, 5, 4, 15, tzinfo=UTC)),
        ("2026-05-04T10:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04 10:00", datetime(2026, 5, 4, 8, tzinfo=UTC)),
        ("2026-05-04", datetime(2026, 5, 3, 22, tzinfo=UTC)),
        ("2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # there twice: the first
    ],
)
def test_a_time_without_offset_is_one_of_the_zone(text: str | None, expected: datetime | None) -> None:
    assert expected == zoned_time(text, zone=OSLO, option="--at")


@pytest.mark.parametrize("text", ["9999-12-31T23:59Z", "1969-12-31", "0001-01-02T00:00Z"])
def test_a_time_without_any_history_is_out_of_reach(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is out of reach"):
        zoned_time(text, zone=OSLO, option="--at")


@pytest.mark.parametrize("text", ["noon", "", "2026-13-01", "0001-01-01", "10:00"])
def test_what_is_no_time_is_refused_with_the_option(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time such as") as caught:
        zoned_time(text, zone=OSLO, option="--at")

    assert "--at" == caught.value.param_hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", timedelta(hours=2)), ("1h30m", timedelta(minutes=90)), ("90s", timedelta(seconds=90)),
        ("", None), ("h", None), ("2", None), ("2h ago", None), ("-2h", None), ("m5", None), ("0s", None),
    ],
)  # fmt: skip
def test_a_length_of_time_is_one_or_none(text: str, expected: timedelta | None) -> None:
    assert expected == span_of(text)


def test_moments_have_the_date_where_it_is_another() -> None:
    face = Clockface(OSLO, now=NOW)
    moments = [
        NOW,
        NOW.replace(second=5, microsecond=7),
        NOW - timedelta(days=1),
        NOW.replace(year=2025),
        NOW.replace(hour=22, minute=30),
    ]

    assert ["12:30", "12:30:05", "Sun 3 May 12:30", "Sun 4 May 2025 12:30", "Tue 5 May 00:30"] == [
        face.tell(moment) for moment in moments
    ]
    assert "Mon 4 May 2026 12:30:00 CEST (UTC+02:00)" == face.heading()
    assert "Mon 4 May 2026 10:30:00 UTC" == Clockface(UTC, now=NOW).heading()


def test_a_span_has_its_date_once() -> None:
    face = Clockface(OSLO, now=NOW)
    tomorrow = NOW + timedelta(days=1)

    assert "12:30–13:00" == face.span(NOW, NOW + timedelta(minutes=30))
    assert "Tue 5 May 12:30–13:00" == face.span(tomorrow, tomorrow + timedelta(minutes=30))
    assert "12:30–Tue 5 May 12:30" == face.span(NOW, tomorrow)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_000, "1 d 1 h"), (86_460, "1 d")],
)  # fmt: skip
def test_how_long_is_told_in_two_units(seconds: int, text: str) -> None:
    assert text == lasted(seconds)


def test_how_far_a_moment_is_is_told_in_either_direction() -> None:
    face = Clockface(UTC, now=NOW)

    assert " (5 min ago)" == face.age(NOW - timedelta(minutes=5))
    assert " (in 5 min)" == face.age(NOW + timedelta(minutes=5))


def test_the_present_is_now_unless_the_history_is_an_old_one_or_of_another_time() -> None:
    now = datetime.now(UTC)
    recent, old, ahead = now - timedelta(hours=1), now - timedelta(days=30), now + timedelta(days=1)

    assert now <= present(recent) <= now + timedelta(minutes=1)
    assert (old, ahead) == (present(old), present(ahead))
