"""A desk's day drawn from its journal: what really happened, on a terminal and as a picture."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from hotdesk_daemon.app.explain import NotRecordedError, explain
from hotdesk_daemon.app.explain.states import KeepsStates
from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.app.timeline import Axis, Matter, Timeline, day_axis, gather
from hotdesk_daemon.cli import main
from hotdesk_daemon.core.desk import BookingState, CommandState, Verdict
from hotdesk_daemon.core.ids import DeskId
from tests.scenarios.rules import rule
from tests.scenarios.site import MONDAY
from tests.scenarios.transports import over

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.app.recordings import Recording
    from tests.scenarios.site import OpenSite, Site

OSLO = ZoneInfo("Europe/Oslo")
DAY = day_axis(date(2026, 5, 4), OSLO)


async def gathered(path: Path, axis: Axis = DAY, desk: str = "desk-1", *, now: datetime | None = None) -> Timeline:
    def run() -> Timeline:
        with recorded(f"sqlite:///{path / 'journal.sqlite3'}") as recording:
            return gather(recording, DeskId(desk), axis, now=now)

    return await asyncio.to_thread(run)


async def busy_day(site: Site) -> None:
    """Bookings that run, end, are rejected and deleted, a sign-in, a call, a lost link and a restart."""
    await site.play("F04")
    await site.play("F28", "in_call")
    await site.play("F21")
    await site.advance(600)
    site.device.faults.enable("cut")
    await site.advance(1200)
    await site.stop()
    await site.advance(900)
    await site.start()
    asked = await site.book(begins_in_min=90, title="Ides of March", organizer={"email": "person1@example.com"})
    await site.book(begins_in_min=24 * 60)
    await site.advance(60)
    await site.delete(asked["id"])
    await site.advance(60)


@over("socket")
async def test_a_day_is_gathered_as_it_was(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=40))
    await busy_day(site)
    found = await gathered(tmp_path)

    states = {bar.booking_id: bar.state for bar in found.bookings}
    held = {name: booking.state for name, booking in site.state().bookings.items()}
    assert {name: state for name, state in held.items() if name in states} == states
    assert 1 == found.elsewhen  # tomorrow's
    assert [(BookingState.DELETED, "asked by a person")] == [(bar.state, bar.ours) for bar in found.bookings[-1:]]
    moved = [bar for bar in found.bookings if bar.earlier]
    assert [(Verdict.ACCEPTED, 1)] == [(bar.verdict, len(bar.earlier)) for bar in moved]  # put back
    ended = next(bar for bar in found.bookings if bar.state is BookingState.ENDED)
    assert ["requested", "created", "started", "ended"] == [life.state for life in ended.lives]
    (sign_ins,), (calls,) = found.of(Matter.SIGN_IN), found.of(Matter.CALL)
    assert {"signed in to booking", "staying on"} <= {span.state for span in sign_ins.spans}
    assert ["in call"] * len(calls.spans) == [span.state for span in calls.spans]
    staying = next(span for span in sign_ins.spans if span.state == "staying on")
    assert calls.spans[0].since <= staying.since <= staying.until <= calls.spans[0].until + timedelta(seconds=130)
    (stale,) = found.of(Matter.STALE)
    assert any(span.text.startswith("connection lost") for span in stale.spans)
    assert 2 == len(found.starts)
    assert (None, True) == (found.starts[0].silent_since, found.starts[1].silent_since is not None)
    assert {CommandState.DONE} == {mark.state for mark in found.commands}
    assert await site.outbox() == [(mark.path, mark.state.value) for mark in found.commands]
    assert (MONDAY, ()) == (found.known_since, found.notes)
    assert found.known_until <= site.clock.now()


async def test_a_later_stretch_knows_what_stood_before_it(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    await site.play("F03")
    asked = await site.book(begins_in_min=120)
    await site.advance(600)
    then = site.clock.now()
    await site.advance(600)
    found = await gathered(tmp_path, Axis(since=then, until=then + timedelta(hours=6), zone=UTC), now=site.clock.now())

    running, later = found.bookings
    assert (BookingState.STARTED, then) == (running.state, running.lives[0].since)
    assert (asked["id"], None) == (later.booking_id, later.made_at)
    assert (then, site.clock.now()) == (found.known_since, found.known_until)
    assert [] == [span for track in found.tracks for span in track.spans if span.since < then]


class _Plain:
    """A recording of which nothing is known but what every recording has."""

    def __init__(self, recording: Recording) -> None:
        self.desks = recording.desks
        self.entries = recording.entries
        self.newest = recording.newest
        self.record = recording.record


async def test_states_that_are_kept_on_the_way_change_nothing_but_the_time_it_takes(
    open_site: OpenSite, tmp_path: Path
) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=40))
    while site.state().seq < 200:
        await site.play("F06")
        await site.play("F25")
        await site.advance(900)
    await site.book()

    def both(since: datetime) -> tuple[list[object], list[object]]:
        axis = Axis(since=since, until=since + timedelta(hours=2), zone=UTC)
        with recorded(f"sqlite:///{tmp_path / 'journal.sqlite3'}") as recording:
            assert isinstance(recording, KeepsStates)
            kept = recording.kept_state(DeskId("desk-1"), last_seq=199)
            assert kept is not None
            assert 0 < kept.seq < 200
            quick, plain = [
                [gather(one, DeskId("desk-1"), axis), explain(one, DeskId("desk-1"), at=since)]
                for one in (recording, _Plain(recording))
            ]
            return quick, plain

    for minutes in (20, 45, 90):
        quick, plain = await asyncio.to_thread(both, MONDAY + timedelta(minutes=minutes))

        assert quick == plain


async def test_what_came_after_the_stretch_is_not_in_it(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    await site.advance(3600)
    await site.play("F06")
    until = MONDAY + timedelta(minutes=30)
    found = await gathered(tmp_path, Axis(since=MONDAY, until=until, zone=UTC))

    assert ((), until) == (found.bookings, found.known_until)


async def test_a_desk_or_a_time_of_which_nothing_is_recorded_is_said(open_site: OpenSite, tmp_path: Path) -> None:
    await open_site("local")
    with pytest.raises(NotRecordedError, match="nothing is recorded of desk nobody"):
        await gathered(tmp_path, desk="nobody")
    with pytest.raises(NotRecordedError, match="before the end of that time"):
        await gathered(tmp_path, day_axis(date(2026, 5, 3), OSLO))


# --- the command line ------------------------------------------------------------------------------------------------


def program(path: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hotdesk_daemon", "timeline", *words, "--journal", str(path / "journal.sqlite3")]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=10, check=False, env={**os.environ, "COLUMNS": "80", **environ}
    )


@over("socket")
async def test_the_command_line_draws_and_writes_it(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=40))
    await busy_day(site)
    await site.stop()
    zone = ("--time-zone", "Europe/Oslo")
    text, plain, data, page, picture = await asyncio.gather(
        asyncio.to_thread(program, tmp_path, "desk-1", *zone),
        asyncio.to_thread(program, tmp_path, "desk-1", "--whole-day", *zone, PYTHONIOENCODING="ascii"),
        asyncio.to_thread(program, tmp_path, "desk-1", "--format", "json", *zone),
        asyncio.to_thread(program, tmp_path, "desk-1", "--output", str(tmp_path / "day.html"), *zone),
        asyncio.to_thread(program, tmp_path, "desk-1", "--output", str(tmp_path / "day.svg"), *zone),
    )

    assert [(0, "")] * 3 == [(ended.returncode, ended.stderr) for ended in (text, plain, data)]
    lines = text.stdout.splitlines()
    assert lines[0] == "desk-1, Mon 4 May 2026 00:00 to Tue 5 May 00:00, CEST (UTC+02:00)"
    assert max(map(len, lines)) <= 80
    assert all(any(line.startswith(name) for line in lines) for name in ("booked", "user", "calls", "sent", "daemon"))
    assert plain.stdout.isascii()
    assert "00 01 02" in plain.stdout
    told = json.loads(data.stdout)
    found = await gathered(tmp_path)
    assert [bar.booking_id for bar in found.bookings] == [bar["booking_id"] for bar in told["bookings"]]
    assert ("Europe/Oslo", found.inputs) == (told["time_zone"], told["inputs"])
    assert [(0, ""), (0, "")] == [(ended.returncode, ended.stdout) for ended in (page, picture)]
    assert (tmp_path / "day.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "day.svg").read_text().startswith("<svg ")
    written = "".join((tmp_path / name).read_text() for name in ("day.html", "day.svg"))
    for shown in (text.stdout, plain.stdout, data.stdout, written):
        assert not re.search("Ides|March|person1|example", shown)


@over("socket")
async def test_the_command_line_says_what_it_cannot_draw_in_a_line(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local")
    await site.stop()
    words: list[tuple[tuple[str, ...], int, str]] = [
        (("desk-2",), 1, "did you mean desk-1?"),
        (("desk-1", "--day", "2026-05-03"), 1, "nothing is recorded of desk desk-1"),
        (("desk-1", "--day", "someday"), 2, "is no day such as 2026-05-04"),
        (("desk-1", "--day", "0001-01-01"), 2, "out of reach"),
        (("desk-1", "--day", "today", "--since", "2026-05-04"), 2, "either --day or --since"),
        (("desk-1", "--since", "2026-05-04T10:00", "--until", "2026-05-04T10:00"), 2, "has no length"),
        (("desk-1", "--since", "2026-01-01", "--until", "2026-05-04"), 2, "longer than 31 days"),
        (
            ("desk-1", "--since", "2025-10-01", "--until", "2025-11-01", "--time-zone", "Europe/Oslo"),
            1,
            "is recorded of",
        ),
        (("desk-1", "--day", "2011-12-30", "--time-zone", "Pacific/Apia"), 2, "has no length"),
        (("desk-1", "--output", "day.png"), 2, "writes .html or .svg"),
        (("desk-1", "--output", "/nonexistent/day.svg"), 1, "cannot be written: No such file"),
    ]
    for given, code, told in words:
        journal = str(tmp_path / "journal.sqlite3")
        ended = await asyncio.to_thread(CliRunner().invoke, main, ["timeline", *given, "--journal", journal])

        assert (code, "") == (ended.exit_code, ended.stdout), ended.stderr
        assert told in ended.stderr


@over("socket")
async def test_the_present_day_is_that_of_the_journal_and_a_stretch_may_be_named(
    open_site: OpenSite, tmp_path: Path
) -> None:
    site = await open_site("local")
    await site.play("F03")
    await site.stop()
    today = await asyncio.to_thread(program, tmp_path, "desk-1", "--utc")
    stretch = await asyncio.to_thread(program, tmp_path, "desk-1", "--utc", "--since", "2026-05-04T08:00", "--until",
                                      "2026-05-04T09:00")  # fmt: skip
    plain: dict[str, Any] = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    explained = await asyncio.to_thread(program, tmp_path, "desk-1", "--utc", **plain)

    assert "desk-1, Mon 4 May 2026 00:00 to Tue 5 May 00:00, UTC" == today.stdout.splitlines()[0]
    assert "desk-1, Mon 4 May 2026 08:00 to 09:00, UTC" == stretch.stdout.splitlines()[0]
    assert "one column: 1 min" in stretch.stdout
    assert (0, True) == (explained.returncode, explained.stdout.isascii())
