from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.cli.door import Door
from hotdesk_daemon.cli.waiting import follow_booking
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.inputs import (
    BookAsked,
    DeleteAsked,
    EditAsked,
    Personalized,
    ResyncAsked,
    SignOutAsked,
)
from tests.api.memory_site import EMAIL, HYBRID, LOCAL, PANEL, TITLE, MemorySite, booked, full

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hotdesk_daemon.core.ids import BookingId, DeskId
    from tests.cli.conftest import Running, Terminal


def confirm(site: MemorySite) -> None:
    """The calendar says yes to whatever is asked for."""
    for booking_id, desk_id in _requested(site):
        site.confirm(booking_id, desk_id)


def decline(site: MemorySite) -> None:
    """The calendar says no to whatever is asked for."""
    for booking_id, desk_id in _requested(site):
        site.decline(booking_id, desk_id)


def _requested(site: MemorySite) -> list[tuple[BookingId, DeskId]]:
    return [(b.booking_id, d.desk_id) for d in site.desks() for b in d.bookings.values() if b.state == "requested"]


def states(output: str) -> list[str]:
    return [line.split("\t")[1] for line in output.splitlines()]


def test_book_prints_the_requested_booking_and_does_not_wait_when_piped(terminal: Terminal, running: Running) -> None:
    words = ["--duration", "45", "--title", TITLE, "--organizer-email", EMAIL, "--organizer-name", "Person One"]

    result = terminal("book", HYBRID, *words)

    assert 0 == result.exit_code
    assert [f"{HYBRID}.b4", "requested", "08:00–08:45"] == result.stdout.strip().split("\t")
    (wish,) = running.site.wishes
    assert isinstance(wish, BookAsked)
    assert (45, TITLE, EMAIL, "Person One") == (
        wish.duration_min,
        wish.title,
        wish.organizer_email,
        wish.organizer_name,
    )


@pytest.mark.parametrize(
    ("answer", "last", "code"), [(confirm, "created", 0), (decline, "failed", 1)], ids=["confirmed", "declined"]
)
def test_book_waits_for_what_the_calendar_says(
    terminal: Terminal, running: Running, answer: Callable[[MemorySite], None], last: str, code: int
) -> None:
    running.site.after_wish = answer

    result = terminal("book", HYBRID, "--wait")

    assert (["requested", last], code) == (states(result.stdout), result.exit_code)


def test_what_a_device_answers_cannot_command_the_terminal(terminal: Terminal, running: Running) -> None:
    def decline_rudely(site: MemorySite) -> None:
        for booking_id, desk_id in _requested(site):
            site.decline(booking_id, desk_id, cause="\x1b[2J\u202eno")

    running.site.after_wish = decline_rudely
    result = terminal("book", HYBRID, "--wait")

    assert "·[2J·no" in result.stdout
    assert "\x1b" not in result.output


def test_book_as_json_prints_one_booking_per_state(terminal: Terminal, running: Running) -> None:
    running.site.after_wish = confirm

    result = terminal("book", HYBRID, "--wait", "--format", "json")

    assert ["requested", "created"] == [json.loads(line)["state"] for line in result.stdout.splitlines()]


@pytest.mark.parametrize("heartbeat_s", [0.01, 3600.0])
def test_waiting_for_a_calendar_that_does_not_answer_ends_in_time(terminal: Terminal, running: Running) -> None:
    booking = json.loads(terminal("book", HYBRID, "--format", "json").stdout)
    door = Door(url=running.url)
    with door.stream({"desk": HYBRID}, limit_s=0.1) as events, pytest.raises(TransientError, match="still requested"):
        list(follow_booking(door, events, booking, limit_s=0.1))


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("now", "2026-05-04T08:00:00Z"),
        ("+30m", "2026-05-04T08:30:00Z"),
        ("+1h30m", "2026-05-04T09:30:00Z"),
        ("+2h", "2026-05-04T10:00:00Z"),
        ("2026-05-04T12:00:00+02:00", "2026-05-04T10:00:00Z"),
        ("2026-05-04T12:00Z", "2026-05-04T12:00:00Z"),
    ],
)
def test_a_start_is_read_against_the_sites_clock(
    terminal: Terminal, running: Running, start: str, expected: str
) -> None:
    terminal("book", LOCAL, "--start", start, "--duration", "5")

    (wish,) = running.site.wishes
    assert isinstance(wish, BookAsked)
    assert datetime.fromisoformat(expected).astimezone(UTC) == wish.start


@pytest.mark.parametrize(
    "start", ["", "soon", "+", "+m", "-30m", "12:00", "2026-05-04T12:00", "0001-01-01T00:00+14:00"]
)
def test_a_start_that_is_none_is_a_usage_error(terminal: Terminal, running: Running, start: str) -> None:
    result = terminal("book", LOCAL, "--start", start)

    assert (2, []) == (result.exit_code, running.site.wishes)
    assert "--start" in result.stderr


@pytest.mark.parametrize("minutes", ["0", "1441", "an hour"])
def test_a_duration_out_of_range_is_a_usage_error(terminal: Terminal, minutes: str) -> None:
    assert 2 == terminal("book", LOCAL, "--duration", minutes).exit_code


def test_what_the_daemon_finds_invalid_is_a_usage_error(terminal: Terminal) -> None:
    result = terminal("book", LOCAL, "--organizer-email", "nobody")

    assert (2, True) == (result.exit_code, "organizer/email" in result.stderr)


def test_what_a_rule_forbids_is_refused(terminal: Terminal) -> None:
    result = terminal("book", LOCAL, "--duration", "600")

    assert (77, "") == (result.exit_code, result.stdout)
    assert "maximum duration: 600 min asked, 120 min allowed" in result.stderr


def test_a_desk_that_is_not_there_is_a_failure(terminal: Terminal) -> None:
    result = terminal("book", "none")

    assert (1, "hotdesk-daemon: no such desk: none\n") == (result.exit_code, result.stderr)


def test_edit_sends_what_is_given(terminal: Terminal, running: Running) -> None:
    booking_id = running.do(booked, running.site)

    result = terminal("edit", booking_id, "--start", "+2h", "--title", "other")

    assert [EditAsked(booking_id=booking_id, start=datetime(2026, 5, 4, 10, tzinfo=UTC), title="other")] == (
        running.site.wishes
    )
    assert (0, True) == (result.exit_code, "change: edit asked" in result.stdout)


def test_edit_of_nothing_is_a_usage_error(terminal: Terminal) -> None:
    assert 2 == terminal("edit", "x.b1").exit_code


def test_delete_asks_for_the_end(terminal: Terminal, running: Running) -> None:
    booking_id = running.do(booked, running.site)

    result = terminal("delete", booking_id)

    assert (0, [DeleteAsked(booking_id=booking_id)]) == (result.exit_code, running.site.wishes)
    assert result.stdout.startswith(f"{LOCAL}\tinput 5\tdeletion of {booking_id} asked for")


def test_sign_out_names_device_and_call(terminal: Terminal, running: Running) -> None:
    running.feed(LOCAL, Personalized(device=PANEL, value=True))

    results = [terminal("sign-out", LOCAL, "--device", "panel", "--even-in-call"), terminal("sign-out", LOCAL)]

    assert [0, 0] == [result.exit_code for result in results]
    assert [SignOutAsked(device=PANEL, even_in_call=True), SignOutAsked()] == running.site.wishes


def test_resync_can_be_read_as_json(terminal: Terminal, running: Running) -> None:
    result = terminal("resync", HYBRID, "--format", "json")

    assert [ResyncAsked()] == running.site.wishes
    assert {"desk": HYBRID, "seq": 4, "booking": None} == json.loads(result.stdout)


def test_a_full_mailbox_is_temporary(terminal: Terminal, running: Running) -> None:
    running.site.trouble = full()

    result = terminal("resync", LOCAL)

    assert (75, "hotdesk-daemon: the desk's mailbox is full\n") == (result.exit_code, result.stderr)


def test_without_the_token_nothing_is_changed(alone: Terminal, running: Running, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")

    results = [
        alone("resync", LOCAL, "--url", running.url),
        alone("resync", LOCAL, "--url", running.url, "--token-file", str(wrong)),
    ]

    assert [77, 77] == [result.exit_code for result in results]
    assert [] == running.site.wishes
