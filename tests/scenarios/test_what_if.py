"""What would have been otherwise under other rules, and what of that is certain; the command line that tells it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.app.whatif import Tally, compare, grouping
from hotdesk_daemon.core.policy import Hours, Policy, Stage
from hotdesk_daemon.ops.settings import DeskRules, PolicySettings
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.site import OpenSite, Site

HOUR = Policy(max_duration_min=60)
CANARY = "Canary meeting"
PERSON = "canary.person@example.com"
#: What a comparison says of a verdict: on what, how many minutes, what was, what would have been, certain or not.
Row = tuple[str, int, str, str, bool]


async def asked(
    site: Site, policy: Policy | None, *, stage: Stage | None = None, since: datetime | None = None, **more: Any
) -> Tally:
    """The site's history so far, compared with these rules on every desk."""
    await site.quiet()
    rules = DeskRules(policy=policy, stage=stage, origin="policy")

    def run() -> Tally:
        with recorded(site.settings.journal_url) as recording:
            by_calendar = grouping("calendar", tags={})
            return compare(recording, lambda _: rules, groups_of=by_calendar, since=since, **more)

    return await asyncio.to_thread(run)


def rows(tally: Tally) -> list[Row]:
    return [
        (one.subject.value, one.duration_min, one.was.value, one.would_be.value, one.is_certain)
        for one in tally.differences
    ]


def counts(tally: Tally) -> dict[tuple[str, str, str, bool], int]:
    return {
        (verdict.subject.value, verdict.was.value, verdict.would_be.value, verdict.is_certain): count
        for verdict, count in tally.verdicts.items()
    }


async def booked(site: Site, minutes: int, *, at: float, **more: Any) -> str:
    """Have somebody book at the device, so many minutes after the beginning; give what names the booking."""
    known = {booking.booking_id for booking in site.bookings()}
    site.device.people.book(minutes, CANARY, PERSON, start=site.at(at), **more)
    await site.advance(20)
    return next(b.meeting_id or "" for b in site.bookings() if b.booking_id not in known)


async def edited(site: Site, meeting: str, **change: Any) -> None:
    site.device.people.edit(meeting, **change)
    await site.advance(20)


@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_a_stricter_rule_names_what_it_would_have_deleted_and_put_back(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await booked(site, 90, at=60)
    short = await booked(site, 30, at=180)
    await edited(site, short, duration_min=75)
    await booked(site, 60, at=300)
    tally = await asked(site, HOUR)

    assert [("booking", 90, "accepted", "deleted", True), ("move", 75, "accepted", "put back", True)] == rows(tally)
    assert counts(tally) == {
        ("booking", "accepted", "accepted", True): 2,
        ("booking", "accepted", "deleted", True): 1,
        ("move", "accepted", "put back", True): 1,
    }
    first, second = tally.differences
    held = {booking.duration_min: booking for booking in site.bookings()}
    assert (held[90].booking_id, held[90].start) == (first.booking_id, first.start)
    assert (held[75].booking_id, held[75].start) == (second.booking_id, second.start)
    assert "maximum duration: 75 min asked, 60 min allowed" == str(second.objection)
    assert {("maximum duration", (("max_duration_min", 60),), False)} == {tuple(cause) for cause, _ in tally.causes}


async def test_the_rules_that_were_recorded_change_nothing(open_site: OpenSite) -> None:
    site = await open_site("local", policy=PolicySettings(max_duration_s=3600.0))
    await booked(site, 90, at=60)
    await booked(site, 30, at=180)
    same, unsaid = await asked(site, HOUR), await asked(site, None)

    assert [] == rows(same)
    assert {("booking", "deleted", "deleted", True): 1, ("booking", "accepted", "accepted", True): 1} == counts(same)
    assert counts(same) == counts(unsaid)


@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_a_looser_rule_names_what_it_would_have_let_through(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind, policy=PolicySettings(max_duration_s=3600.0))
    await booked(site, 90, at=60)
    short = await booked(site, 30, at=240)
    await edited(site, short, duration_min=75)
    tally = await asked(site, Policy(max_duration_min=80))

    assert [("move", 75, "put back", "accepted", True)] == rows(tally)
    assert 1 == counts(tally)["booking", "deleted", "deleted", True]
    assert [(True, (("max_duration_min", 60),))] == [(cause.is_recorded, cause.limits) for cause, _ in tally.causes]


async def test_what_follows_in_the_same_time_is_marked_and_the_rest_is_certain(open_site: OpenSite) -> None:
    """
    A booking that would have been deleted leaves its time unknown, and the time that it is moved to as well.
    """
    site = await open_site("local")
    long = await booked(site, 90, at=60)
    await booked(site, 75, at=140)  # begins ten minutes before the first one's end
    await booked(site, 30, at=210)  # in the second one's time, not in the first one's
    await booked(site, 61, at=240)  # from the end of that on
    await edited(site, long, start=site.at(600))
    await booked(site, 62, at=650)
    await booked(site, 63, at=700)
    tally = await asked(site, HOUR)

    assert [
        ("booking", 90, "accepted", "deleted", True),
        ("booking", 75, "accepted", "deleted", False),
        ("booking", 61, "accepted", "deleted", True),
        ("move", 90, "accepted", "put back", False),
        ("booking", 62, "accepted", "deleted", False),
        ("booking", 63, "accepted", "deleted", False),
    ] == rows(tally)
    assert 1 == counts(tally)["booking", "accepted", "accepted", False]
    spans = [(span.start, span.end) for _, span in tally.spans]
    assert [(site.at(60), site.at(301)), (site.at(600), site.at(763))] == spans
    assert [timedelta(minutes=241 + 163)] == [one.doubtful for one in tally.desks]


async def test_a_booking_that_would_have_stood_leaves_what_took_its_place_unknown(open_site: OpenSite) -> None:
    site = await open_site("local", policy=PolicySettings(max_duration_s=3600.0))
    await booked(site, 90, at=60)
    await booked(site, 60, at=60)
    await booked(site, 60, at=150)
    tally = await asked(site, Policy())

    assert [("booking", 90, "deleted", "accepted", True)] == rows(tally)
    assert (1, 1) == tuple(counts(tally)["booking", "accepted", "accepted", known] for known in (False, True))


async def test_one_desk_says_nothing_about_another(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    for desk in range(2):
        site.station(desk).people.book(90 + desk, start=site.at(60))
        await site.advance(20)

    assert [90, 91] == [minutes for _, minutes, _, _, certain in rows(await asked(site, HOUR)) if certain]


@pytest.mark.parametrize(
    ("day", "rejected"),
    [(24, [(13, 30, 60)]), (25, [(6, 30, 30)])],
    ids=["the day before the clock goes back", "the day it does"],
)
async def test_other_opening_hours_follow_the_wall_clock(
    open_site: OpenSite, day: int, rejected: list[tuple[int, int, int]]
) -> None:
    site = await open_site("local", begins=datetime(2026, 10, 23, 8, tzinfo=UTC))
    for hour, minute, minutes in [(6, 30, 30), (7, 30, 30), (13, 30, 60), (14, 30, 30)]:
        if (day, hour) != (24, 14):  # after closing already
            site.device.people.book(minutes, start=datetime(2026, 10, day, hour, minute, tzinfo=UTC))
            await site.advance(20)
    hours = tuple(Hours(weekday=weekday, opens_min=8 * 60, closes_min=16 * 60) for weekday in range(7))
    tally = await asked(site, Policy(opening_hours=hours, time_zone="Europe/Oslo"))

    assert rejected == [(one.start.hour, one.start.minute, one.duration_min) for one in tally.differences]
    assert {"opening hours"} == {cause.rule for cause, _ in tally.causes}


@pytest.mark.parametrize(
    ("was", "stage", "expected"),
    [
        (Stage.OBSERVE, None, []),
        (Stage.OBSERVE, Stage.ENFORCE, ["left", "deleted"]),
        (Stage.OBSERVE, Stage.WARN, ["left", "warned"]),
        (Stage.OBSERVE, Stage.OFF, ["left", "accepted"]),
        (Stage.ENFORCE, Stage.OBSERVE, ["deleted", "left"]),
    ],
)
async def test_another_stage_does_otherwise_what_the_rules_say(
    open_site: OpenSite, was: Stage, stage: Stage | None, expected: list[str]
) -> None:
    site = await open_site("local", policy=PolicySettings(max_duration_s=3600.0), stage=was.value)
    await booked(site, 90, at=60)
    tally = await asked(site, HOUR, stage=stage)

    assert expected == [each.value for one in tally.differences for each in (one.was, one.would_be)]


async def test_a_wish_at_our_own_door_is_judged_too(open_site: OpenSite) -> None:
    site = await open_site("local", policy=PolicySettings(max_duration_s=80 * 60.0))
    path = f"/api/v1/desks/{site.desk_id()}/bookings"
    long = await site.book(begins_in_min=60, minutes=75)
    for minutes in (90, 200):
        start = site.at(300).isoformat()
        assert 202 != (await site.call("POST", path, {"start": start, "duration_min": minutes}))[0]
    await site.edit(long["id"], duration_min=70)
    await site.advance(20)
    stricter, looser = await asked(site, HOUR), await asked(site, Policy(max_duration_min=100))

    assert ("booking", 75, "accepted", "refused", True) == rows(stricter)[0]
    assert [long["id"]] * 3 == [one.booking_id for one in stricter.differences]
    assert [("move", 70, "accepted", "refused", False), ("move", 70, "accepted", "put back", False)] == rows(stricter)[
        1:
    ]
    assert [("booking", 90, "refused", "accepted", True)] == rows(looser)
    assert 1 == counts(looser)["booking", "refused", "refused", False], "the second wish was for the same time"


async def test_the_rules_hold_from_a_moment_on(open_site: OpenSite) -> None:
    site = await open_site("local")
    await booked(site, 90, at=60)
    await site.advance(60)
    since = site.clock.now()
    await booked(site, 75, at=60)
    tally = await asked(site, HOUR, since=since)

    assert [("booking", 75, "accepted", "deleted", True)] == rows(tally)
    assert 1 == sum(tally.verdicts.values())


async def test_what_is_listed_is_bounded_and_the_rest_counted(open_site: OpenSite) -> None:
    site = await open_site("local")
    for number in range(5):
        await booked(site, 90, at=60 + 100 * number)
    tally = await asked(site, HOUR, limit=2)

    assert (2, 3) == (len(tally.differences), tally.left_out)
    assert (2, 3) == (len(tally.spans), tally.spans_left_out)
    assert 5 == counts(tally)["booking", "accepted", "deleted", True]
    assert timedelta(minutes=5 * 90) == tally.desks[0].doubtful


# --- the command line ------------------------------------------------------------------------------------------------


def typed(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hotdesk_daemon", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=15, check=False, env={**os.environ, **environ}
    )


def what_if(tmp_path: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The verb, about the journal of the site."""
    return typed("what-if", "--journal", str(tmp_path / "journal.sqlite3"), *words, **environ)


@pytest.fixture
def stricter(tmp_path: Path) -> str:
    path = tmp_path / "stricter.toml"
    path.write_text('[policy]\nmax_duration = "1h"\n')
    return str(path)


async def small_history(open_site: OpenSite) -> Site:
    """A long booking, another that overlaps it, and a short one that is made longer, at a desk of each kind."""
    site = await open_site("local", "hybrid")
    await booked(site, 90, at=60)
    await booked(site, 75, at=120)
    short = await booked(site, 30, at=300)
    await edited(site, short, duration_min=61)
    site.station(1).people.book(120, CANARY, PERSON, start=site.at(60))
    await site.advance(30)
    return site


@over_socket
async def test_text_and_json_say_the_same_and_name_nobody(open_site: OpenSite, tmp_path: Path, stricter: str) -> None:
    await small_history(open_site)
    text, shown = [
        await asyncio.to_thread(what_if, tmp_path, "--policy", stricter, "--utc", "--format", form)
        for form in ("text", "json")
    ]

    assert (0, "", 0, "") == (text.returncode, text.stderr, shown.returncode, shown.stderr)
    told = json.loads(shown.stdout)
    assert (5, 3, 0, 1) == tuple(
        told[key] for key in ("judged", "rejected_instead", "accepted_instead", "consequences")
    )
    assert ["certain", "consequence", "certain", "certain"] == [one["known"] for one in told["differences"]]
    assert "Certainly otherwise would have been 3:\n  3 rejected that were accepted\n" in text.stdout
    listed = text.stdout.split("What would have been otherwise\n")[1].splitlines()[1:]
    assert [[one["desk"], one["booking"], str(one["duration_min"]), one["known"]] for one in told["differences"]] == [
        [line.split("\t")[column].strip() for column in (1, 2, 5, 9)] for line in listed
    ]
    assert [("hybrid", 1, 1), ("local", 4, 2)] == [
        (group["group"], group["judged"], group["rejected_instead"]) for group in told["groups"]
    ]
    for output in (text.stdout, shown.stdout):
        assert CANARY not in output
        assert "canary" not in output.lower()


@over_socket
async def test_the_same_question_has_the_same_answer_on_every_machine(
    open_site: OpenSite, tmp_path: Path, stricter: str
) -> None:
    await small_history(open_site)
    runs = [
        await asyncio.to_thread(
            what_if, tmp_path, "--policy", stricter, "--format", "json", PYTHONHASHSEED=seed, TZ=zone
        )
        for seed, zone in (("1", "UTC"), ("2", "Asia/Kathmandu"), ("3", "America/New_York"))
    ]

    assert 1 == len({run.stdout for run in runs})
    assert json.loads(runs[0].stdout)["differences"]


@over_socket
async def test_a_redacted_capture_gives_the_same_answer(open_site: OpenSite, tmp_path: Path, stricter: str) -> None:
    site = await small_history(open_site)
    await site.stop()
    capture = str(tmp_path / "day.jsonl")
    made = await asyncio.to_thread(
        typed, "capture", "--journal", str(tmp_path / "journal.sqlite3"), "--output", capture
    )
    assert 0 == made.returncode, made.stderr
    shown = ["--policy", stricter, "--format", "json"]
    of_capture = await asyncio.to_thread(typed, "what-if", "--from", capture, *shown)
    of_journal = await asyncio.to_thread(what_if, tmp_path, *shown)

    assert (0, 0) == (of_capture.returncode, of_journal.returncode)
    told, expected = json.loads(of_capture.stdout), json.loads(of_journal.stdout)
    assert capture == told.pop("history")
    assert expected.pop("history").endswith("journal.sqlite3")
    assert expected == told


@over_socket
async def test_tags_of_the_file_give_stages_and_groups(open_site: OpenSite, tmp_path: Path) -> None:
    await small_history(open_site)
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[policy]\nmax_duration = "1h"\n'
        '[[stage]]\ntag = "pilot"\nstage = "observe"\n'
        '[[desk]]\nid = "desk-1"\ntags = ["pilot"]\n'
        '[[desk]]\nid = "desk-2"\n[desk.policy]\nmax_duration = "8h"\n'
        '[[desk]]\nid = "desk-99"\n[desk.policy]\nmax_duration = "8h"\n'
    )
    run = await asyncio.to_thread(what_if, tmp_path, "--policy", str(rules), "--format", "json")

    told = json.loads(run.stdout)
    assert "tag" == told["group_by"]
    assert [("(no tag)", 0), ("pilot", 2)] == [(group["group"], group["rejected_instead"]) for group in told["groups"]]
    assert {"left"} == {one["would_be"] for one in told["differences"]}
    assert ["policy", "desk"] == [one["rules_of"] for one in told["desks"]]
    assert "the rules for desk-99 are not used: nothing is recorded of that" in run.stderr


@over_socket
async def test_a_whole_configuration_will_do_and_needs_none_of_its_secrets(open_site: OpenSite, tmp_path: Path) -> None:
    await small_history(open_site)
    config = tmp_path / "whole.toml"
    config.write_text(
        '[http]\nport = 1\n[policy]\nmax_duration = "100m"\n'
        '[[desk]]\nid = "desk-1"\ncalendar = "local"\n'
        '[[desk.device]]\nid = "a"\nurl = "wss://desk.example.com/ws"\npassword = "credential:nobody-has-it"\n'
    )
    run = await asyncio.to_thread(what_if, tmp_path, "--policy", str(config), "--format", "json")

    assert (0, "") == (run.returncode, run.stderr)
    assert [120] == [one["duration_min"] for one in json.loads(run.stdout)["differences"]]


@over_socket
async def test_what_was_recorded_otherwise_than_it_is_decided_today_is_said(
    open_site: OpenSite, tmp_path: Path, stricter: str
) -> None:
    site = await small_history(open_site)
    await site.stop()
    with sqlite3.connect(tmp_path / "journal.sqlite3") as database:
        (seq,) = database.execute(
            "SELECT min(seq) FROM records WHERE desk_id = 'desk-1' AND instr(reasons, 'booking.created')"
        ).fetchone()
        database.execute(
            "UPDATE records SET reasons = CAST(replace(CAST(reasons AS TEXT), 'booking.created', 'booking.other') "
            "AS BLOB) WHERE desk_id = 'desk-1' AND seq = ?",
            (seq,),
        )
    database.close()
    run = await asyncio.to_thread(what_if, tmp_path, "--policy", stricter, "--format", "json")

    assert 0 == run.returncode
    assert f"desk-1: from input {seq} on this version decides otherwise than is recorded" in run.stderr
    assert [seq, None] == [one["diverges_at"] for one in json.loads(run.stdout)["desks"]]


@over_socket
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("desk-1", "desk-98", "desk-99"), 1, "nothing is recorded of desk-98, desk-99"),
        (("--since", "2027-01-01", "--until", "2026-01-01"), 2, "nothing lies between"),
        (("--since", "noon"), 2, "is no time"),
        (("--group-by", "colour"), 2, "'colour' is not one of"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(
    open_site: OpenSite, tmp_path: Path, stricter: str, words: tuple[str, ...], code: int, said: str
) -> None:
    await open_site("local")
    run = await asyncio.to_thread(what_if, tmp_path, "--policy", stricter, *words)

    assert (code, "") == (run.returncode, run.stdout)
    assert said in run.stderr
    assert "Traceback" not in run.stderr


@over_socket
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "2027-01-01"), "nothing is recorded in that time"),
        (("--until", "2026-05-04T08:01Z"), "no booking and no move was judged"),
    ],
)
async def test_an_empty_range_is_an_answer(
    open_site: OpenSite, tmp_path: Path, stricter: str, words: tuple[str, ...], said: str
) -> None:
    await open_site("local")
    text, shown = [
        await asyncio.to_thread(what_if, tmp_path, "--policy", stricter, *words, "--format", form)
        for form in ("text", "json")
    ]

    assert (0, 0) == (text.returncode, shown.returncode)
    assert said in text.stdout
    assert (0, []) == (json.loads(shown.stdout)["judged"], json.loads(shown.stdout)["differences"])


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ('[policy]\nmax_duration = "1 parsec"\n', 'rules.toml:2: policy.max_duration: "1 parsec" is no duration'),
        ("[policy]\nmax_durations = 3\n", 'rules.toml:2: policy.max_durations: is no setting (did you mean "max_dur'),
        ('[policy]\ntime_zone = "Europe/Olso"\n', "rules.toml:2: policy.time_zone:"),
        ("[policy\n", "rules.toml:1: is no TOML"),
        ("[http]\nport = 1\n", "rules.toml: says nothing of rules"),
        (None, "rules.toml: cannot be read"),
    ],
)
def test_a_file_of_rules_that_cannot_be_used_is_told_by_file_and_line(
    tmp_path: Path, rules: str | None, said: str
) -> None:
    path = tmp_path / "rules.toml"
    if rules is not None:
        path.write_text(rules)
    run = what_if(tmp_path, "--policy", str(path))

    assert (78, "") == (run.returncode, run.stdout)
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_a_history_that_cannot_be_used_is_told_apart_from_the_rules(tmp_path: Path, stricter: str) -> None:
    (tmp_path / "broken.jsonl").write_text('{"type":"nothing"}\n')
    missing = what_if(tmp_path, "--policy", stricter)
    broken = typed("what-if", "--policy", stricter, "--from", str(tmp_path / "broken.jsonl"))

    assert (1, 1) == (missing.returncode, broken.returncode)
    assert "there is no journal" in missing.stderr
    assert "broken.jsonl:1" in broken.stderr
