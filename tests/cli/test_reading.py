from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.inputs import BookAsked, BookingCreated, LinkDown, Personalized, Start
from tests.api.memory_site import EMAIL, HYBRID, LOCAL, NOW, PANEL, TITLE, MemorySite, booked

if TYPE_CHECKING:
    from tests.cli.conftest import Running, Terminal


def table(text: str) -> list[dict[str, str]]:
    """Rows of piped output by their headers."""
    lines = [[cell.strip() for cell in line.split("\t")] for line in text.splitlines()]
    return [dict(zip(lines[0], line + [""] * len(lines[0]), strict=False)) for line in lines[1:]]


def test_desks_are_shown_in_aligned_columns_with_tabs(terminal: Terminal, running: Running) -> None:
    running.do(booked, running.site)
    running.feed(LOCAL, Personalized(device=PANEL, value=True))
    running.feed(HYBRID, LinkDown(device=PANEL, cause="gone"))

    result = terminal("desks")

    first, second = table(result.stdout)
    assert 0 == result.exit_code
    assert (LOCAL, "in use", "09:00–09:30") == (first["DESK"], first["STATE"], first["NEXT"])
    assert (HYBRID, "free (stale)", "down", "hybrid") == tuple(second[n] for n in ("DESK", "STATE", "LINK", "CALENDAR"))
    assert "2 shown; the site's time is 2026-05-04 08:00:00 UTC\n" == result.stderr
    assert 1 == len({line.index("\t") for line in result.stdout.splitlines()})


def test_desks_can_be_filtered_and_read_as_json(terminal: Terminal, running: Running) -> None:
    running.feed(HYBRID, LinkDown(device=PANEL, cause="gone"))

    stale = json.loads(terminal("desks", "--stale", "--format", "json").stdout)
    fresh = json.loads(terminal("desks", "--not-stale", "--state", "free", "--format", "json").stdout)

    assert "2026-05-04T08:00:00.250000Z" == stale["now"]
    assert ([HYBRID], [LOCAL]) == ([d["id"] for d in stale["items"]], [d["id"] for d in fresh["items"]])


def test_a_named_desk_shows_its_devices(terminal: Terminal, running: Running) -> None:
    running.feed(HYBRID, LinkDown(device=PANEL, cause="reset"))

    (row,) = table(terminal("desks", HYBRID).stdout)

    assert (HYBRID, "panel", "down", "reset") == (row["DESK"], row["DEVICE"], row["LINK"], row["CAUSE"])


def test_bookings_are_shown_with_dates_only_when_not_today(terminal: Terminal, running: Running) -> None:
    running.do(booked, running.site)
    tomorrow = 24 * 60
    running.do(lambda: booked(running.site, HYBRID, in_min=tomorrow, number=2))

    rows = table(terminal("bookings").stdout)

    assert [(LOCAL, "09:00", "Person One", TITLE), (HYBRID, "2026-05-05 08:00", "Person One", TITLE)] == [
        (row["DESK"], row["START"], row["ORGANIZER"], row["TITLE"]) for row in rows
    ]


def test_bookings_that_are_over_are_shown_when_asked_for(terminal: Terminal, running: Running) -> None:
    result = terminal("book", LOCAL)
    running.do(running.site.decline, result.stdout.split("\t")[0], LOCAL)

    assert [] == table(terminal("bookings", LOCAL).stdout)
    assert ["failed"] == [row["STATE"] for row in table(terminal("bookings", LOCAL, "--all").stdout)]
    assert ["failed"] == [row["STATE"] for row in table(terminal("bookings", "--state", "failed").stdout)]


def test_without_a_token_nobody_is_named(alone: Terminal, running: Running) -> None:
    running.do(booked, running.site)

    result = alone("bookings", "--url", running.url)

    assert 0 == result.exit_code
    assert TITLE not in result.output
    assert EMAIL not in result.output


def test_a_title_cannot_command_the_terminal(terminal: Terminal, running: Running) -> None:
    evil = "\x1b[2J\x07\u202egnp"
    created = BookingCreated(device=PANEL, meeting_id="m", id="9", start=NOW, duration_min=10, title=evil)
    running.feed(LOCAL, created)

    result = terminal("bookings")

    assert "·[2J··gnp" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("words", [["commands"], ["commands", "list"], ["commands", "--state", "pending"]])
def test_commands_are_listed_newest_first(terminal: Terminal, words: list[str]) -> None:
    terminal("book", LOCAL, "--start", "+1h")
    terminal("book", HYBRID, "--start", "+1h")

    rows = table(terminal(*words).stdout)

    assert {LOCAL, HYBRID} == {row["DESK"] for row in rows}
    assert {"Bookings Book"} == {row["PATH"] for row in rows}


def test_parked_commands_are_listed_shown_retried_and_dropped(terminal: Terminal, running: Running) -> None:
    terminal("book", LOCAL, "--title", TITLE)
    (command_id,) = running.do(running.site.park_all)

    listed = table(terminal("parked").stdout)
    shown = terminal("commands", "show", command_id)
    as_json = json.loads(terminal("commands", "show", command_id, "--format", "json").stdout)
    retried = terminal("commands", "retry", command_id)
    running.do(running.site.park_all)
    dropped = terminal("commands", "drop", command_id)

    assert [(command_id, "parked")] == [(row["COMMAND"], row["STATE"]) for row in listed]
    assert f"title={TITLE}" in shown.stdout
    assert (command_id, "parked") == (as_json["id"], as_json["state"])
    assert [0, 0] == [retried.exit_code, dropped.exit_code]
    assert [] == table(terminal("parked").stdout)


def test_a_desk_counts_each_waiting_command_once(terminal: Terminal, running: Running) -> None:
    terminal("book", LOCAL, "--start", "+1h")
    running.do(running.site.park_all)
    terminal("book", LOCAL, "--start", "+2h")

    (row, _) = table(terminal("desks").stdout)
    top = terminal("top", "--once").stdout

    assert "1 parked, 1 open" == row["COMMANDS"]
    assert "1 parked, 1 open" in top


def test_all_parked_commands_are_retried_or_dropped_at_once(terminal: Terminal, running: Running) -> None:
    for start in ("+1h", "+2h", "+3h"):
        terminal("book", LOCAL, "--start", start, "--duration", "5")
    running.do(running.site.park_all)

    elsewhere = terminal("commands", "retry", "--all-parked", "--desk", HYBRID)
    other = terminal("commands", "retry", "--all-parked", "--path", "Bookings Delete")
    retried = terminal("commands", "retry", "--all-parked", "--path", "Bookings Book")
    running.do(running.site.park_all)
    dropped = terminal("commands", "drop", "--all-parked")

    assert [0, 0, 0, 0] == [result.exit_code for result in (elsewhere, other, retried, dropped)]
    assert [0, 0, 3, 3] == [len(result.stdout.splitlines()) for result in (elsewhere, other, retried, dropped)]
    assert [] == table(terminal("parked").stdout)


def test_one_that_is_refused_does_not_keep_the_others(terminal: Terminal, running: Running) -> None:
    terminal("book", LOCAL, "--start", "+1h")
    (command_id,) = running.do(running.site.park_all)

    result = terminal("commands", "retry", "no-such.c1.1", command_id)

    assert 1 == result.exit_code
    assert "no-such.c1.1: " in result.stderr
    assert f"retry of {command_id} asked for" in result.stdout


@pytest.mark.parametrize("words", [(), ("a.c1.1", "--all-parked"), ("a.c1.1", "--desk", LOCAL)])
def test_commands_are_chosen_in_one_way(terminal: Terminal, words: tuple[str, ...]) -> None:
    result = terminal("commands", "drop", *words)

    assert 2 == result.exit_code
    assert "name commands, or choose with --all-parked" in result.stderr


def test_a_large_site_is_read_page_by_page(
    terminal: Terminal, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotdesk_daemon.cli.door.PAGE", 1)

    assert [LOCAL, HYBRID] == [row["DESK"] for row in table(terminal("desks").stdout)]


def test_no_more_commands_are_read_than_asked_for(terminal: Terminal) -> None:
    for start in ("+1h", "+2h", "+3h"):
        terminal("book", LOCAL, "--start", start, "--duration", "5")

    assert 2 == len(table(terminal("commands", "list", "--limit", "2").stdout))


def test_tap_shows_what_happens_and_leaves_after_so_many(terminal: Terminal, running: Running) -> None:
    def happen(site: MemorySite) -> None:
        booked(site)
        site.feed(LOCAL, Start(device=PANEL, id="1", meeting_id="meeting-1"))

    running.site.after_watch = happen

    result = terminal("tap", "--desk", LOCAL, "--kind", "bookingcreated", "--kind", "Start", "--count", "2")

    first, second = (line.split("\t") for line in result.stdout.splitlines())
    assert 0 == result.exit_code
    assert ["08:00:00", LOCAL, "BookingCreated", "device:panel"] == first[:4]
    assert f"title={TITLE}" in first[4]
    assert "absent → created" in first[5]
    assert "Start" == second[2]


def test_tap_as_json_is_one_object_a_line(terminal: Terminal, running: Running) -> None:
    running.site.after_watch = booked

    step = json.loads(terminal("tap", "--count", "1", "--format", "json").stdout)

    assert (LOCAL, "BookingCreated") == (step["desk"], step["kind"])


def test_tap_says_what_it_lost_and_that_the_stream_ended(terminal: Terminal, running: Running) -> None:
    def flood_and_stop(site: MemorySite) -> None:
        for number in range(3):
            site.feed(LOCAL, LinkDown(device=PANEL, cause=str(number)))
        site.watchers.close()

    running.site.watchers.bound = 1
    running.site.after_watch = flood_and_stop

    result = terminal("tap")

    assert ["LinkDown"] == [line.split("\t")[2] for line in result.stdout.splitlines()]
    assert "2 lost: too much for this reader" in result.stderr
    assert (75, True) == (result.exit_code, "the daemon ended the stream" in result.stderr)


def test_debug_shows_what_is_asked(terminal: Terminal) -> None:
    assert "GET /api/v1/desks → 200" in terminal("desks", "--log-level", "debug").stderr


def test_a_booking_asked_for_elsewhere_is_seen(terminal: Terminal, running: Running) -> None:
    running.feed(LOCAL, BookAsked(booking_request_uuid="u", start=NOW, duration_min=10))

    assert ["requested"] == [row["STATE"] for row in table(terminal("bookings").stdout)]
