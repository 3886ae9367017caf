from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.xapi.times import parse_instant, render_instant

EIGHT = datetime(2026, 5, 4, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-05-04T08:00:00Z", EIGHT),
        ("2026-05-04T08:00:00", EIGHT),
        ("2026-05-04T10:00:00+02:00", EIGHT),
        ("2026-05-04T18:00:00+1000", EIGHT),
        ("2026-05-04T08:00:00-0000", EIGHT),
        ("2026-05-04T08:00:00.3Z", EIGHT.replace(microsecond=300_000)),
        ("2026-05-04T08:00:00.123Z", EIGHT.replace(microsecond=123_000)),
        ("2026-05-04T08:00:00.123456Z", EIGHT.replace(microsecond=123_456)),
        ("2026-05-04T08:00:00.123456789Z", EIGHT.replace(microsecond=123_456)),
        ("2026-05-04T08:00:00.999999999+02:00", datetime(2026, 5, 4, 6, 0, 0, 999_999, tzinfo=UTC)),
    ],
)
def test_instants_of_every_form_are_read_as_utc(text: str, instant: datetime) -> None:
    read = parse_instant(text)

    assert instant == read
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "2026-05-04",
        "20260504",
        "08:00:00Z",
        "2026-13-04T08:00:00Z",
        "2026-05-04T25:00:00Z",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00",
        "1969-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
    ],
)
def test_what_is_no_usable_instant_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_instant(text)


def test_the_refusal_does_not_repeat_the_text() -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_instant("person1@example.com")

    assert "person1" not in str(caught.value)


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    with suppress(ProtocolError):
        assert parse_instant(text).tzinfo is UTC


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2998, 12, 31), timezones=st.sampled_from([UTC])),  # noqa: DTZ001 # hypothesis wants naive bounds
    st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_survives_the_way_to_a_device_and_back(instant: datetime, offset_min: int) -> None:
    abroad = instant.astimezone(timezone(timedelta(minutes=offset_min)))

    assert instant.replace(microsecond=0) == parse_instant(render_instant(abroad))


def test_instants_are_written_in_utc_and_whole_seconds() -> None:
    berlin = datetime(2026, 5, 4, 10, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert "2026-05-04T08:00:00Z" == render_instant(berlin)


def test_an_instant_without_zone_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="time zone"):
        render_instant(EIGHT.replace(tzinfo=None))
