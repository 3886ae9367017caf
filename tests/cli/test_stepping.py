"""``replay`` at a terminal: going through it step by step, and the bar of a long run."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.inputs import PeopleCount
from tests.app.replaying.histories import History, morning, write_capture, write_journal
from tests.core.story import A

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Terminal

PROGRAM = (sys.executable, "-m", "hotdesk_daemon")


@pytest.fixture
def history() -> History:
    return morning()


@pytest.fixture
def capture(tmp_path: Path, history: History) -> Path:
    return write_capture(tmp_path / "day.jsonl", write_journal(tmp_path / "journal.sqlite3", history.records))


class Person:
    """Somebody at a terminal who types to ``replay --step``."""

    def __init__(self, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        environ = {**os.environ, "TERM": "dumb", "COLUMNS": "200"}
        command = [*PROGRAM, "replay", "--step", *words]
        self._run = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
        os.close(theirs)
        self._seen = ""

    def sees(self, text: str) -> str:
        """What is on the screen when *text* has come."""
        while text not in self._seen:
            try:
                more = os.read(self._ours, 65536).decode()
            except OSError as exc:
                raise AssertionError(f"ended without {text!r}: {self._seen}") from exc
            self._seen += more
        shown, _, self._seen = self._seen.partition(text)
        return shown

    def types(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())

    def leaves(self) -> int:
        code = self._run.wait(10)
        os.close(self._ours)
        return code


def test_a_person_goes_through_it_step_by_step(capture: Path) -> None:
    person = Person(str(capture), "--break", "booking.rejected")
    person.sees("osl-4-014 1> ")
    person.types("")
    assert "DaemonStarted" in person.sees("osl-4-014 2> ")
    person.types("3")
    assert "BookingsListed" in person.sees("osl-4-014 5> ")
    person.types("what")
    person.sees("q: quit")
    person.types("b BookingRequested")
    person.types("c")
    person.sees("stopped: BookingRequested")
    person.types("c")
    person.sees("stopped: BookingRequested")
    person.types("c")
    person.sees("stopped: booking.rejected")
    person.sees("osl-4-014 24> ")
    person.types("s")
    assert "rejected by maximum duration" in person.sees("osl-4-014 24> ")
    person.types("q")

    assert 0 == person.leaves()


def test_a_person_who_goes_on_to_the_end_is_told_what_was_found(capture: Path) -> None:
    person = Person(str(capture))
    person.sees("osl-4-014 1> ")
    person.types("c")
    person.sees("the same")

    assert 0 == person.leaves()


def test_going_step_by_step_needs_a_terminal(alone: Terminal, capture: Path) -> None:
    run = alone("replay", str(capture), "--step")

    assert (2, True) == (run.exit_code, "asks at a terminal, and this is none" in run.stderr)


def test_a_bar_shows_a_person_how_far_a_long_run_is(tmp_path: Path, history: History) -> None:
    for count in range(300):
        history.feed(PeopleCount(device=A, value=count))
    journal = write_journal(tmp_path / "long.sqlite3", history.records)
    script = "from hotdesk_daemon.cli import main, progress; progress._PATIENCE_S = 0.0; main()"
    ours, theirs = pty.openpty()
    run = subprocess.run(
        [sys.executable, "-c", script, "replay", "--journal", str(journal)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=10,
        check=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)

    assert "%" in shown
    assert b"the same" in run.stdout
