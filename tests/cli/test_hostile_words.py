"""What devices and captures say cannot command the terminal of whoever looks back, whatever verb shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.parsers import expat

import pytest

from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import BookingCreated, BookingFailed, LinkDown, SystemState
from tests.app.replaying.histories import History, write_capture, write_journal
from tests.core.story import T0, U1, U2, A, requested

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Terminal

EVIL = "\x1b]0;title\x07\x1b[2J\x7f\x9b31m\u202egnp\u2066\u2028\r<script>"
DESK = f"desk{EVIL}"
OBEYED = {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x2028, *range(0x202A, 0x202F), 0x2066)} - {"\n", "\t"}


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A day of a device that says nothing but what a terminal obeys."""
    history = History(desk=Desk(desk_id=DeskId(DESK)))
    history.start()
    history.feed(requested(U1, at=5, last=30, title=EVIL))
    history.feed(BookingFailed(device=A, booking_request_uuid=U1, failure_cause=EVIL))
    history.feed(SystemState(device=A, value=EVIL), LinkDown(device=A, cause=EVIL))
    return write_capture(tmp_path / "day.jsonl", write_journal(tmp_path / "day.sqlite3", history.records))


@pytest.mark.parametrize("words", [
    "explain DESK --from DAY --all", "explain DESK --from DAY --all --format json", "explain nobody --from DAY",
    "timeline DESK --from DAY --day 2026-05-04", "timeline DESK --from DAY --day 2026-05-04 --format json",
    "replay DAY --steps --names", "replay DAY --steps --names --format json", "replay DAY --at 2026-05-04T09:00:00Z",
    "replay DAY --break booking.*", "replay DAY --break LinkDown --format json", "replay DAY --desk DESK --desk DESK2",
    "replay --against DAY DAY", "what-if DESK --from DAY --policy POLICY", "what-if DESK2 --from DAY --policy POLICY",
])  # fmt: skip
def test_no_verb_passes_on_what_a_terminal_obeys(alone: Terminal, tmp_path: Path, capture: Path, words: str) -> None:
    (tmp_path / "policy.toml").write_text('[policy]\nmax_duration = "10m"\n')
    named = {"DESK": DESK, "DESK2": f"{DESK}2", "DAY": str(capture), "POLICY": str(tmp_path / "policy.toml")}
    run = alone(*(named.get(word, word) for word in words.split()))

    assert set() == OBEYED & set(run.output + run.stderr)
    assert "Traceback" not in run.stderr
    if "json" in words:
        assert any(EVIL in text for text in _texts([json.loads(line) for line in run.stdout.splitlines()]))


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for member in value.values() for text in _texts(member)]
    if isinstance(value, list):
        return [text for member in value for text in _texts(member)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Adak"])
@pytest.mark.parametrize("words", ["explain osl-4-014 --all", "timeline osl-4-014", "what-if --policy policy.toml"])
def test_the_ends_of_the_calendar_are_times_as_others(alone: Terminal, tmp_path: Path, words: str, zone: str) -> None:
    history = History()
    history.start()
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 29, tzinfo=UTC)
    for uuid, start in ((U1, first), (U2, last)):
        history.feed(BookingCreated(device=A, meeting_id=uuid, start=start, duration_min=30))
    day = write_capture(tmp_path / "day.jsonl", write_journal(tmp_path / "day.sqlite3", history.records))
    (tmp_path / "policy.toml").write_text('[policy]\nmax_duration = "10m"\n')
    run = alone(*words.split(), "--from", str(day), "--time-zone", zone)

    assert (0, "") == (run.exit_code, run.stderr)
    assert "timeline" in words or "9999" in run.stdout


@pytest.mark.parametrize("suffix", ["html", "svg"])
def test_a_picture_holds_no_markup_of_others(alone: Terminal, tmp_path: Path, capture: Path, suffix: str) -> None:
    path = tmp_path / f"day.{suffix}"
    run = alone("timeline", DESK, "--from", str(capture), "--day", f"{T0:%Y-%m-%d}", "--output", str(path))

    assert 0 == run.exit_code, run.output
    text = path.read_text("utf-8")
    assert "gnp" in text
    assert "<script" not in text
    assert set() == OBEYED & set(text)
    if suffix == "svg":
        expat.ParserCreate().Parse(text, True)  # noqa: FBT003 - its own signature


@pytest.mark.parametrize(
    ("desk", "code", "said"),
    [(DESK, 78, "no configuration can name a desk or device"), ("nobody", 78, "nothing is recorded of nobody")],
)
def test_what_a_capture_calls_its_desks_becomes_no_configuration(
    alone: Terminal, tmp_path: Path, capture: Path, desk: str, code: int, said: str
) -> None:
    (tmp_path / "hotdesk.toml").touch()
    run = alone("simulate", "-c", "hotdesk.toml", "--from", str(capture), "--desk", desk)

    assert (code, "", True) == (run.exit_code, run.stdout, said in run.stderr), run.stderr
    assert set() == OBEYED & set(run.stderr)
