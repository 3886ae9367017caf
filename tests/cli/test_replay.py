"""``replay`` as people and programs use it: what it shows, where it stops, what it compares."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hotdesk_daemon.core.desk import BookingState, SignInState
from hotdesk_daemon.core.steps import Life
from tests.app.replaying.histories import PERSON, TITLE, History, in_turn, morning, write_capture, write_journal

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal

REJECTED = 24


@pytest.fixture
def history() -> History:
    return morning()


@pytest.fixture
def journal(tmp_path: Path, history: History) -> Path:
    return write_journal(tmp_path / "journal.sqlite3", history.records)


@pytest.fixture
def capture(tmp_path: Path, journal: Path) -> Path:
    return write_capture(tmp_path / "day.jsonl", journal)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_a_capture_and_its_journal_say_the_same(
    alone: Terminal, journal: Path, tmp_path: Path, *, packed: bool
) -> None:
    capture = write_capture(tmp_path / "packed.jsonl", journal, packed=packed)
    runs = [alone("replay", *words) for words in ((str(capture),), ("--journal", str(journal)))]

    assert [(0, ""), (0, "")] == [(run.exit_code, run.stderr) for run in runs]
    assert runs[0].stdout == runs[1].stdout
    assert "the same" in runs[0].stdout


def test_the_configured_journal_is_replayed_where_nothing_is_named(
    alone: Terminal, tmp_path: Path, history: History
) -> None:
    (tmp_path / "state").mkdir()
    write_journal(tmp_path / "state" / "journal.sqlite3", history.records)
    (tmp_path / "hotdesk.toml").write_text(f'[daemon]\nstate_dir = "{tmp_path / "state"}"\n')
    run = alone("replay", "--config", str(tmp_path / "hotdesk.toml"))

    assert (0, True) == (run.exit_code, "osl-4-014" in run.stdout)


def test_programs_read_one_line_for_each_desk_and_one_for_all(alone: Terminal, capture: Path, history: History) -> None:
    head, desk, total = lines(alone("replay", str(capture), "--format", "json").stdout)

    assert ("replay", 1) == (head["type"], head["version"])
    assert ("osl-4-014", "same", len(history.records)) == (desk["desk"], desk["verdict"], desk["steps"])
    assert {"steps", "commands", "state"} == desk["digests"].keys()
    assert (1, len(history.records), 0) == (total["desks"], total["inputs"], total["diverging"])


def test_the_digest_is_the_same_however_it_is_shown(alone: Terminal, capture: Path) -> None:
    ways = ((), ("--steps",), ("--names",), ("--speed", "1000000"), ("--break", "nothing.at_all"))
    runs = [lines(alone("replay", str(capture), "--format", "json", *way).stdout)[-1] for way in ways]

    assert 1 == len({run["digest"] for run in runs})


def test_each_step_is_shown_with_what_it_said_changed_and_ordered(
    alone: Terminal, capture: Path, history: History
) -> None:
    steps = [
        each
        for each in lines(alone("replay", str(capture), "--steps", "--format", "json").stdout)
        if each["type"] == "step"
    ]
    rejected = steps[REJECTED - 1]

    assert [(record.seq, record.kind) for record in history.records] == [(each["seq"], each["kind"]) for each in steps]
    assert ["booking.created", "booking.rejected", "command.decided"] == [r["code"] for r in rejected["reasons"]]
    assert [("Bookings Delete", "pending")] == [(each["path"], each["state"]) for each in rejected["commands"]]
    changed = {each["path"]: (each.get("before"), each.get("after")) for each in rejected["changes"]}
    assert ("requested", "created") == changed["bookings/osl-4-014.b23/state"]
    assert ("undecided", "rejected") == changed["bookings/osl-4-014.b23/verdict"]


def test_a_step_is_one_line_for_programs_that_read_text(alone: Terminal, capture: Path, history: History) -> None:
    shown = alone("replay", str(capture), "--steps").stdout.splitlines()
    cells = shown[REJECTED - 1].split("\t")

    assert ["2026-05-04 09:05:00", "osl-4-014", str(REJECTED), "device:osl-4-014-a", "BookingCreated"] == cells[:5]
    assert "booking.created requested → created of osl-4-014.b23" in cells[5]
    assert "Bookings Delete pending osl-4-014.c24.1" in cells[7]
    assert "" == shown[len(history.records)]


@pytest.mark.parametrize("form", ["text", "json"])
def test_titles_and_persons_are_shown_to_who_asks_alone(alone: Terminal, capture: Path, form: str) -> None:
    words = ("replay", str(capture), "--steps", "--format", form)
    unasked = alone(*words).stdout + alone("replay", str(capture), "--at", str(REJECTED), "--format", form).stdout

    assert TITLE not in unasked
    assert PERSON not in unasked
    assert TITLE in alone(*words, "--names").stdout
    assert TITLE in alone("replay", str(capture), "--at", str(REJECTED), "--format", form, "--names").stdout


def test_only_the_desks_that_are_named_are_replayed(alone: Terminal, tmp_path: Path) -> None:
    histories = [morning(name) for name in ("osl-1", "osl-2", "osl-3")]
    journal = write_journal(tmp_path / "journal.sqlite3", in_turn(*histories))
    run = alone(
        "replay", "--journal", str(journal), "--desk", "osl-3", "--desk", "osl-1", "--desk", "osl-9", "--format", "json"
    )

    assert ["osl-1", "osl-3"] == [line["desk"] for line in lines(run.stdout) if line["type"] == "desk"]
    assert "nothing is recorded of osl-9" in run.stderr


# --- state -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [str(REJECTED), "2026-05-04T11:05:00+02:00"])
def test_the_state_is_shown_at_a_number_or_a_moment(alone: Terminal, capture: Path, history: History, at: str) -> None:
    state = next(
        each
        for each in lines(alone("replay", str(capture), "--at", at, "--format", "json").stdout)
        if each["type"] == "state"
    )
    last = REJECTED if at == str(REJECTED) else REJECTED + 2

    assert last == state["seq"]
    assert "rejected" == state["state"]["bookings"]["osl-4-014.b23"]["verdict"]
    assert history.steps[last - 1].desk.commands.keys() == state["state"]["commands"].keys()


def test_the_state_is_text_that_a_person_reads(alone: Terminal, capture: Path) -> None:
    shown = alone("replay", str(capture), "--at", "2026-05-04T09:05:00Z").stdout

    assert "osl-4-014 after input 26, 2026-05-04 09:05:00 UTC: local calendar, stage enforce, not stale" in shown
    assert "osl-4-014-a: live, listed 09:03:35, shared, personalized no, people 1" in shown
    assert "osl-4-014.b23: created, 09:10:00 for 240 min, heard of by device, rejected by maximum duration" in shown
    assert "osl-4-014.c24.1: Bookings Delete, taken, for osl-4-014.b23" in shown


@pytest.mark.parametrize("words", [("--until", "2020-01-01T00:00:00Z"), ("--desk", "osl-9")])
def test_where_there_is_nothing_that_is_said(alone: Terminal, capture: Path, words: tuple[str, str]) -> None:
    run = alone("replay", str(capture), *words)

    assert (78, "") == (run.exit_code, run.stdout)
    assert "there is nothing to replay" in run.stderr


def test_what_can_be_used_of_a_capture_that_was_cut_off_is_used_when_asked_for(alone: Terminal, capture: Path) -> None:
    capture.write_text("".join(capture.read_text().splitlines(keepends=True)[:11]) + '{"type":"inp')
    strict, lenient = alone("replay", str(capture)), alone("replay", str(capture), "--lenient", "--format", "json")

    assert (78, True) == (strict.exit_code, "day.jsonl:12: the last line is not whole" in strict.stderr)
    assert (0, 10) == (lenient.exit_code, lines(lenient.stdout)[-1]["inputs"])
    assert "day.jsonl:12: the last line is not whole" in lenient.stderr


# --- where it stops --------------------------------------------------------------------------------------------------


def test_it_stops_at_a_reason_and_shows_step_and_state(alone: Terminal, capture: Path) -> None:
    run = alone("replay", str(capture), "--break", "booking.rej*")

    assert 3 == run.exit_code
    assert f"stopped at input {REJECTED} of osl-4-014: booking.rejected" in run.stderr
    assert "\tBookingCreated\t" in run.stdout.splitlines()[0]
    assert f"osl-4-014 after input {REJECTED}, 2026-05-04 09:05:00 UTC" in run.stdout


def test_programs_are_told_where_it_stopped(alone: Terminal, capture: Path) -> None:
    run = alone("replay", str(capture), "--break", "booking.rejected", "--format", "json")

    assert [("replay", None), ("step", REJECTED), ("state", REJECTED)] == [
        (line["type"], line.get("seq")) for line in lines(run.stdout)
    ]


def test_what_is_never_met_is_said_and_the_run_goes_to_its_end(alone: Terminal, capture: Path) -> None:
    run = alone("replay", str(capture), "--break", "booking.teleported")

    assert (0, "nothing met booking.teleported\n") == (run.exit_code, run.stderr)
    assert "the same" in run.stdout


# --- divergences -----------------------------------------------------------------------------------------------------

#: A row that is changed: of which life, in which state, for which column; and the first input that meets it.
ROWS = {
    "a booking": ("BOOKING", "BookingState.REQUESTED", "BookingCreated", Life.BOOKING, BookingState.REQUESTED),
    "a sign-in": ("SIGN_IN", "SignInState.UNKNOWN", "Personalized/false", Life.SIGN_IN, SignInState.UNKNOWN),
}


def other_program(path: Path, table: str, state: str, column: str) -> Path:
    """A hotdesk-daemon of which one row of a table is another: it says something else."""
    path.write_text(
        textwrap.dedent(f"""\
        #!{sys.executable}
        import sys
        sys.path.insert(0, {str(Path.cwd())!r})
        import attrs
        from hotdesk_daemon.core.desk import *
        from hotdesk_daemon.core.transitions import {table} as table
        row = table[{state}, {column!r}]
        table[{state}, {column!r}] = attrs.evolve(row, code="row.changed", quiet=False)
        from hotdesk_daemon.cli import main
        main()
        """)
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("row", sorted(ROWS))
def test_a_changed_row_of_a_table_is_found_at_its_first_effect(
    tmp_path: Path, capture: Path, history: History, row: str
) -> None:
    table, state, column, life, before = ROWS[row]
    program = other_program(tmp_path / "hotdesk-daemon", table, state, column)
    kind = column.partition("/")[0]
    first = next(
        record
        for record in history.records
        if record.kind == kind and any((r.life, r.before) == (life, before) for r in record.reasons)
    )
    run = subprocess.run([program, "replay", capture], capture_output=True, text=True, timeout=10, check=False)

    assert 1 == run.returncode, run.stderr
    assert f"osl-4-014 diverges at input {first.seq}, " in run.stdout
    assert f"{kind} from {first.source}" in run.stdout
    assert "    got       row.changed" in run.stdout


def test_programs_are_told_of_a_divergence_member_by_member(tmp_path: Path, alone: Terminal, journal: Path) -> None:
    capture = write_capture(tmp_path / "other.jsonl", journal)
    capture.write_text(capture.read_text().replace("booking.rejected", "booking.shunned"))
    run = alone("replay", str(capture), "--format", "json")
    found = lines(run.stdout)[1]["divergence"]

    assert (1, REJECTED, "BookingCreated") == (run.exit_code, found["seq"], found["kind"])
    assert "booking.rejected instead of booking.shunned" == found["reason"]
    assert "(hidden)" == found["input"]["title"]
    ((path, expected, got),) = [(d["path"], d["expected"]["code"], d["got"]["code"]) for d in found["differences"]]
    assert ("reasons[1]", "booking.shunned", "booking.rejected") == (path, expected, got)


# --- against another -------------------------------------------------------------------------------------------------


def test_two_recordings_are_compared(tmp_path: Path, alone: Terminal, journal: Path, capture: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(capture.read_text().replace('"duration_min":240', '"duration_min":180'))
    same = alone("replay", str(capture), "--against", str(journal))
    differs = alone("replay", str(other), "--against", str(journal), "--format", "json")

    assert (0, True) == (same.exit_code, "the same" in same.stdout)
    found = lines(differs.stdout)[0]["divergence"]
    assert (1, 23, "the two were given other inputs") == (differs.exit_code, found["seq"], found["reason"])
    assert [{"path": "input/duration_min", "expected": 240, "got": 180}] == found["differences"]


def test_a_step_that_cannot_be_read_is_not_called_the_same(
    tmp_path: Path, alone: Terminal, capture: Path, history: History
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(capture.read_text().replace('"reasons":[', '"reasons":[{"code":"of another program"},', 1))
    run = alone("replay", str(capture), "--against", str(other))

    assert 0 == run.exit_code
    row = [cell.strip() for cell in run.stdout.splitlines()[1].split("\t")]
    assert [str(len(history.records) - 1), "the same as far as it can be compared"] == row[-2:]


def test_two_versions_are_compared(tmp_path: Path, alone: Terminal, capture: Path, history: History) -> None:
    program = other_program(tmp_path / "hotdesk-daemon", *ROWS["a booking"][:3])
    run = alone("replay", str(capture), "--against-version", str(program), "--format", "json")
    (found,) = lines(run.stdout)

    assert (1, len(history.records)) == (run.exit_code, found["steps"])
    assert (7, "booking.created instead of row.changed") == (found["divergence"]["seq"], found["divergence"]["reason"])


def test_the_same_version_is_no_other(alone: Terminal, journal: Path) -> None:
    run = alone("replay", "--journal", str(journal), "--against-version", sys.executable)

    assert (0, True) == (run.exit_code, "the same" in run.stdout), run.stderr


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("exit 3", 1, "ended with status 3: it said nothing"),
        ('echo \'{"desk":"osl-4-014","seq":1}\'', 78, "tells its steps in no way that this version knows"),
        ('echo \'{"type":"replay","version":1}\'; echo no journal >&2; exit 78', 1, "ended with status 78: no journal"),
        ('echo \'{"type":"replay","version":1}\'', 1, "came to its end where this one has input 1 of osl-4-014"),
    ],
)
def test_another_version_that_cannot_be_compared_is_told(
    tmp_path: Path, alone: Terminal, capture: Path, script: str, code: int, said: str
) -> None:
    program = tmp_path / "hotdesk-daemon"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    run = alone("replay", str(capture), "--against-version", str(program))

    assert (code, True) == (run.exit_code, said in run.stderr), run.stderr


# --- what cannot be done ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--journal", "/nonexistent/journal"), 78, "there is no journal"),
        (("/nonexistent/capture",), 78, "cannot be read"),
        (("--until", "yesterday"), 2, "is no time with offset"),
        (("--since", "2026-05-04T12:00:00"), 2, "is no time with offset"),
        (("--at", "noon"), 2, "is no time with offset"),
        (("--at", "3", "--until", "2026-05-04T12:00:00Z"), 2, "leave out --until"),
        (("--step", "--format", "json"), 2, "does not go with JSON"),
        (("--against", "a", "--steps"), 2, "--steps does not go with a comparison"),
        (("-", "--against-version", sys.executable), 2, "put the capture into a file"),
        (("--against", "a", "--against-version", sys.executable), 2, "not both"),
        (("a", "--journal", "b"), 2, "either a journal or captures"),
        (("--speed", "0"), 2, "is not in the range"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_a_line(
    alone: Terminal, words: tuple[str, ...], code: int, said: str
) -> None:
    run = alone("replay", *words)

    assert (code, True) == (run.exit_code, said in run.stderr), run.stderr
    assert "Traceback" not in run.stderr
