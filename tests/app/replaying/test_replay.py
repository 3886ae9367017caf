"""Histories replayed: what is counted, digested and compared, and what is made of missing or other parts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from hotdesk_daemon.app.recordings import recorded_files
from hotdesk_daemon.app.replaying import Replay, digest_of_all
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal.codec import digest_desk
from tests.app.replaying.histories import in_turn, morning, opened, write_capture, write_journal
from tests.core.story import DESK, after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hotdesk_daemon.app.replaying import Replayed
    from hotdesk_daemon.journal import Entry, Record

#: The input of `morning` at which a booking is rejected.
REJECTED = 24


class Changed:
    """A recording as it would be if *change* had been done to its entries; None leaves one out."""

    def __init__(self, recording: Any, change: Callable[[Entry], Entry | Desk | None]) -> None:
        self._recording = recording
        self._change = change

    def entries(self, **which: Any) -> Iterator[Entry | Desk]:
        for entry in self._recording.entries(**which):
            changed = self._change(entry)
            if changed is not None:
                yield changed


def replayed(
    directory: Path, records: Sequence[Record], change: Callable[[Entry], Any] = lambda entry: entry, **how: Any
) -> list[Replayed]:
    """What comes of a journal that holds *records*."""
    with opened(write_journal(directory / "journal.sqlite3", records)) as recording:
        return Replay(Changed(recording, change), **how).run()  # type: ignore[arg-type]  # `entries` is all it needs


def at(seq: int, **members: Any) -> Callable[[Entry], Entry]:
    """Change one entry's members."""
    return lambda entry: msgspec.structs.replace(entry, **members) if entry.seq == seq else entry


def reasons(entry: Entry, *, change: dict[str, str], of: int) -> bytes:
    """The recorded reasons of *entry*, one of them changed."""
    told = msgspec.json.decode(entry.reasons or b"[]")
    told[of] |= change
    return msgspec.json.encode(told)


def test_the_same_comes_of_it(tmp_path: Path) -> None:
    histories = [morning(name) for name in ("osl-1", "osl-2")]
    found = replayed(tmp_path, in_turn(*histories))

    assert [(each.desk.desk_id, len(each.records)) for each in histories] == [(one.desk, one.steps) for one in found]
    assert ["same", "same"] == [one.verdict for one in found]
    assert [digest_desk(each.desk) for each in histories] == [one.digests.state for one in found]


def test_a_digest_is_that_of_what_came_and_of_nothing_else(tmp_path: Path) -> None:
    runs = []
    for name, allowed in (("one", 60), ("same", 60), ("other", None)):
        (tmp_path / name).mkdir()
        runs.append(replayed(tmp_path / name, morning(max_duration_min=allowed).records))
    one, same, other = runs

    assert one[0].digests == same[0].digests
    assert digest_of_all(one) == digest_of_all(same)
    assert one[0].digests.steps != other[0].digests.steps
    assert one[0].digests.commands != other[0].digests.commands
    assert one[0].digests.state != other[0].digests.state
    assert digest_of_all(one) != digest_of_all(other)


@pytest.mark.parametrize("packed", [False, True])
def test_a_capture_has_the_digest_of_its_journal(tmp_path: Path, *, packed: bool) -> None:
    journal = write_journal(tmp_path / "journal.sqlite3", morning().records)
    capture = write_capture(tmp_path / "day.jsonl", journal, packed=packed)
    with opened(journal) as recording, recorded_files([capture]) as captured:
        found = [Replay(each).run() for each in (recording, captured)]

    assert found[0] == found[1]
    assert "same" == found[0][0].verdict


def test_without_recorded_steps_there_is_nothing_to_compare(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "journal.sqlite3", morning().records)
    with (
        opened(journal) as recording,
        recorded_files([write_capture(tmp_path / "day.jsonl", journal, steps=False)]) as captured,
    ):
        whole, inputs_alone = (Replay(each).run()[0] for each in (recording, captured))

    assert "not_compared" == inputs_alone.verdict
    assert whole.digests == inputs_alone.digests


@pytest.mark.parametrize(
    ("change", "of", "path", "why"),
    [
        ({"code": "booking.other"}, 1, "reasons[1]", "booking.rejected instead of booking.other"),
        ({"text": "else"}, 1, "reasons[1]/text", "its reasons say something else"),
        ({"after": "deleted"}, 1, "reasons[1]/after", "its reasons say something else"),
    ],
)
def test_a_reason_that_is_recorded_otherwise_is_found(
    tmp_path: Path, change: dict[str, str], of: int, path: str, why: str
) -> None:
    def changed(entry: Entry) -> Entry:
        return at(REJECTED, reasons=reasons(entry, change=change, of=of))(entry) if entry.seq == REJECTED else entry

    (found,) = replayed(tmp_path, morning().records, changed)

    assert found.divergence is not None
    assert (REJECTED, "BookingCreated", why) == (found.divergence.seq, found.divergence.kind, found.divergence.why)
    assert [path] == [each.path for each in found.divergence.differences]
    assert "diverges" == found.verdict


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"reasons": b"[]"}, "booking.created, booking.rejected, command.decided is new"),
        ({"commands": None}, "the command Bookings Delete is new"),
        ({"refusal": "too late"}, "it is refused otherwise"),
    ],
)
def test_what_is_missing_or_more_is_named(tmp_path: Path, members: dict[str, Any], why: str) -> None:
    (found,) = replayed(tmp_path, morning().records, at(REJECTED, **members))

    assert found.divergence is not None
    assert why == found.divergence.why


def test_a_quiet_step_that_said_something_is_found(tmp_path: Path) -> None:
    quiet = next(record.seq for record in morning().records if record.kind == "PeopleCount")
    (found,) = replayed(tmp_path, morning().records, at(quiet, refusal="too late"))

    assert found.divergence is not None
    assert (quiet, "it is refused otherwise") == (found.divergence.seq, found.divergence.why)


def test_only_the_first_divergence_of_a_desk_is_told(tmp_path: Path) -> None:
    histories = [morning(name) for name in ("osl-1", "osl-2")]

    def changed(entry: Entry) -> Entry:
        return msgspec.structs.replace(entry, reasons=b"[]") if entry.desk_id == "osl-1" else entry

    found = replayed(tmp_path, in_turn(*histories), changed)

    assert [1, None] == [one.divergence.seq if one.divergence else None for one in found]
    assert [len(each.records) for each in histories] == [one.steps for one in found]


def test_what_this_version_cannot_read_is_counted(tmp_path: Path) -> None:
    quiet = next(record.seq for record in morning().records if record.kind == "PeopleCount")
    (found,) = replayed(tmp_path, morning().records, at(quiet, kind="TeleportAsked"))

    assert (1, len(morning().records) - 1) == (found.unreadable, found.steps)
    assert "partly_same" == found.verdict


def test_a_recorded_step_that_cannot_be_read_is_no_divergence(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, morning().records, at(REJECTED, reasons=b'[{"life":"afterlife"}]'))

    assert None is found.divergence
    assert len(morning().records) - 1 == found.compared
    assert "partly_same" == found.verdict


def test_members_that_a_later_version_added_to_a_step_are_no_divergence(tmp_path: Path) -> None:
    def changed(entry: Entry) -> Entry:
        return (
            msgspec.structs.replace(entry, reasons=reasons(entry, change={"mood": "good"}, of=0))
            if entry.seq == 1
            else entry
        )

    (found,) = replayed(tmp_path, morning().records, changed)

    assert "same" == found.verdict


def test_from_a_gap_on_nothing_is_compared(tmp_path: Path) -> None:
    (found,) = replayed(tmp_path, morning().records, lambda entry: None if entry.seq == REJECTED else entry)

    assert (1, REJECTED - 1, None) == (found.gaps, found.compared, found.divergence)
    assert "partly_same" == found.verdict


def test_a_history_that_begins_late_goes_on_from_its_state(tmp_path: Path) -> None:
    history = morning()
    states = [Desk(desk_id=DESK), *(step.desk for step in history.steps)]
    begin = REJECTED - 1

    def late(entry: Entry) -> Entry | None:
        return entry if entry.seq > begin else None

    class Late(Changed):
        def entries(self, **which: Any) -> Iterator[Entry | Desk]:
            yield states[begin]
            yield from super().entries(**which)

    (unknown,) = replayed(tmp_path, history.records, late)
    with opened(tmp_path / "journal.sqlite3") as recording:
        (known,) = Replay(Late(recording, late)).run()  # type: ignore[arg-type]  # as above

    assert ("not_compared", REJECTED) == (unknown.verdict, unknown.begins)
    assert ("same", REJECTED, 0) == (known.verdict, known.begins, known.gaps)
    assert digest_desk(history.desk) == known.digests.state


def test_an_input_that_comes_again_is_passed_over(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "journal.sqlite3", morning().records)
    with opened(journal) as recording:

        class Twice:
            def entries(self, **which: Any) -> Iterator[Entry | Desk]:
                for entry in recording.entries(**which):
                    yield from (entry, entry)

        (once,) = Replay(recording).run()
        (twice,) = Replay(Twice()).run()  # type: ignore[arg-type]  # as above

    assert (once.inputs, once.digests) == (twice.repeated, twice.digests)


def test_an_input_that_cannot_be_decided_any_more_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(desk: Desk, given: Any, **now: Any) -> Any:
        if desk.seq == REJECTED - 1:
            raise ZeroDivisionError("ours")
        return decide(desk, given, **now)

    monkeypatch.setattr("hotdesk_daemon.app.replaying.track.decide", broken)
    (found,) = replayed(tmp_path, morning().records)

    assert found.divergence is not None
    assert REJECTED == found.divergence.seq
    assert "ZeroDivisionError: ours" == found.divergence.differences[0].new


def test_since_counts_and_shows_only_what_comes_from_then_on(tmp_path: Path) -> None:
    history = morning()
    since = after(60)
    later = [record for record in history.records if record.at >= since]
    with opened(write_journal(tmp_path / "journal.sqlite3", history.records)) as recording:
        replay = Replay(recording, since=since)
        shown = [taken.entry.seq for taken in replay.steps()]
        (found,) = replay.results()

    assert [record.seq for record in later] == shown
    assert (len(later), later[0].seq, "same") == (found.steps, found.begins, found.verdict)
    assert digest_desk(history.desk) == found.digests.state


def test_a_desk_without_anything_since_then_has_its_state_and_no_steps(tmp_path: Path) -> None:
    history = morning()
    (found,) = replayed(tmp_path, history.records, since=after(10_000))

    assert (0, 0, "not_compared") == (found.inputs, found.steps, found.verdict)
    assert digest_desk(history.desk) == found.digests.state


@pytest.mark.parametrize("how", [{"until": after(5)}, {"until_seq": 12}])
def test_it_ends_where_it_is_told_to(tmp_path: Path, how: dict[str, Any]) -> None:
    (found,) = replayed(tmp_path, morning().records, **how)

    assert 12 == found.steps
    assert digest_desk(morning().steps[11].desk) == found.digests.state


def test_nothing_is_read_behind_the_number_that_it_ends_at(tmp_path: Path) -> None:
    read: list[int] = []

    def noted(entry: Entry) -> Entry:
        read.append(entry.seq)
        return entry

    replayed(tmp_path, morning().records, noted, desks=[DESK], until_seq=12)

    assert 13 == read[-1]


def test_only_the_desks_that_are_named_are_replayed(tmp_path: Path) -> None:
    histories = [morning(name) for name in ("osl-1", "osl-2", "osl-3")]
    found = replayed(tmp_path, in_turn(*histories), desks=[DeskId("osl-2")])

    assert ["osl-2"] == [one.desk for one in found]


def test_each_step_comes_with_the_desk_before_it(tmp_path: Path) -> None:
    history = morning()
    with opened(write_journal(tmp_path / "journal.sqlite3", history.records)) as recording:
        taken = list(Replay(recording).steps())

    assert [digest_desk(one.before) for one in taken[1:]] == [digest_desk(step.desk) for step in history.steps[:-1]]
    assert history.records[0].at + timedelta(0) == taken[0].entry.at
