"""Captures of a journal: which part of it, from which states, and what is said about them."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import pytest

from hotdesk_daemon.app.capture import Capture, Captured, InterruptedCaptureError, Stop, Wanted
from hotdesk_daemon.app.recordings import recorded_files
from hotdesk_daemon.app.replaying import Replay
from hotdesk_daemon.captures.errors import CaptureError
from hotdesk_daemon.captures.keys import kept_key, key_name
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import LinkUp, PeopleCount, Start
from hotdesk_daemon.journal import Entry, JournalUnavailableError, SqlJournal
from hotdesk_daemon.journal.codec import digest_desk
from tests.app.replaying.histories import PERSON, TITLE, History, in_turn, morning, write_journal
from tests.captures.made import read
from tests.core.story import M1, T0, A, after

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.app.replaying import Replayed
    from hotdesk_daemon.captures.lines import Header
    from hotdesk_daemon.journal import Record

FIRST, SECOND = DeskId("osl-4-014"), DeskId("osl-4-015")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two desks' morning."""
    return write_journal(tmp_path / "journal", in_turn(morning(FIRST), morning(SECOND)))


def url_of(journal: Path) -> str:
    return f"sqlite:///{journal}"


def captured(journal: Path, **wanted: Any) -> tuple[Path, Captured]:
    """A capture beside the journal, and what was said of it."""
    return captured_apart(journal, journal.with_name("capture"), **wanted)


def captured_apart(journal: Path, path: Path, **wanted: Any) -> tuple[Path, Captured]:
    """Another capture of it."""
    with path.open("wb") as file:
        told = Capture(url_of(journal), Wanted(**wanted)).write(file)
    return path, told


def header_of(path: Path) -> Header:
    with recorded_files([path]) as captures:
        return captures.header


def replayed(*paths: Path) -> list[Replayed]:
    with recorded_files(paths) as captures:
        return Replay(captures).run()


def spoken(path: Path) -> list[tuple[str, int]]:
    """The desks and numbers of its inputs."""
    return [(item.desk_id, item.seq) for item in read(path)[0] if isinstance(item, Entry)]


def test_a_whole_journal_replays_to_the_same(journal: Path) -> None:
    path, told = captured(journal)
    found = replayed(path)

    assert [("same", told.inputs)] == [("same", sum(one.inputs for one in found))]
    assert ["same", "same"] == [one.verdict for one in found]
    assert (2, None, path.stat().st_size) == (told.desks, told.cut, told.size_bytes)
    assert (T0, found[0].inputs + found[1].inputs) == (told.first_at, len(spoken(path)))


@pytest.mark.parametrize("minutes", [0, 1, 3, 5, 20, 40, 65, 66, 80])
def test_from_any_moment_on_it_replays_to_the_same(journal: Path, minutes: float) -> None:
    whole, _ = captured_apart(journal, journal.with_name("whole"), redacted=False)
    ends = {one.desk: one.digests.state for one in replayed(whole)}
    path, told = captured(journal, since=after(minutes), redacted=False)
    found = replayed(path)

    assert ends == {one.desk: one.digests.state for one in found}
    assert ["same", "same"] == [one.verdict for one in found]
    assert (header_of(path).since, []) == (after(minutes), read(path)[1])
    assert told.first_at is not None
    assert told.first_at >= after(minutes)
    assert (minutes == 0) == (len(spoken(whole)) == told.inputs)


def test_up_to_a_moment(journal: Path) -> None:
    path, told = captured(journal, since=after(10), until=after(66))

    assert told.last_at is not None
    assert (True, after(66)) == (told.last_at <= after(66), header_of(path).until)
    assert ["same", "same"] == [one.verdict for one in replayed(path)]
    assert told.inputs < captured(journal, since=after(10))[1].inputs


def test_the_last_minutes_are_counted_from_the_newest_input(journal: Path) -> None:
    newest = captured(journal)[1].last_at
    assert newest is not None
    path, _ = captured(journal, last_s=1200.0)

    assert newest - timedelta(minutes=20) == header_of(path).since


def test_longer_than_anything_lasted_is_from_the_beginning(journal: Path) -> None:
    assert captured(journal)[1].inputs == captured(journal, last_s=1e17)[1].inputs


def test_only_the_desks_named(journal: Path) -> None:
    path, told = captured(journal, desks=(SECOND,), since=after(60))

    assert ({SECOND}, (SECOND,), 1) == ({desk for desk, _ in spoken(path)}, header_of(path).desks, told.desks)
    assert ["same"] == [one.verdict for one in replayed(path)]


def test_only_some_kinds_cannot_be_compared_and_it_says_so(journal: Path) -> None:
    path, told = captured(journal, kinds=("PeopleCount",))
    found = replayed(path)

    assert {"PeopleCount"} == {item.kind for item in read(path)[0] if isinstance(item, Entry)}
    assert [(0, False)] * 2 == [(one.compared, one.divergence is not None) for one in found]
    assert "only some kinds of input are here, so steps cannot be compared" in header_of(path).notes == told.notes


def test_without_steps_and_messages(journal: Path) -> None:
    path, _ = captured(journal, steps=False, raw=False)

    assert (False, [None, None]) == (header_of(path).steps, [one.divergence for one in replayed(path)])
    assert [(None, None, None)] == list(
        {(item.raw, item.reasons, item.commands) for item in read(path)[0] if isinstance(item, Entry)}
    )


def waiting() -> History:
    """A desk that was asked for its list, has heard two events since, and got the list later."""
    history = morning(FIRST)
    history.wait(20)
    history.feed(LinkUp(device=A))
    history.wait(seconds=1)
    history.feed(Start(device=A, meeting_id=M1), Start(device=A, meeting_id=M1))
    history.wait(seconds=1)
    history.answer_list()
    history.wait(5)
    return history


def test_a_beginning_that_waits_for_a_list_is_put_a_little_earlier(tmp_path: Path) -> None:
    history = waiting()
    record = next(record for record in reversed(history.records) if record.kind == "Start")
    journal = write_journal(tmp_path / "journal", [*in_turn(history, morning(SECOND))])
    path, told = captured(journal, since=record.at + timedelta(milliseconds=500))
    items, _ = read(path)

    # The two events are from before, and one desk's earlier inputs stand before the other's.
    assert [record.seq - 1, record.seq] == [item.seq for item in items if item.desk_id == FIRST][1:3]
    assert [record.seq - 2] == [item.seq for item in items if isinstance(item, Desk) and item.desk_id == FIRST]
    assert f"desk {FIRST} begins 2 inputs earlier, for it waited for a list" in header_of(path).notes == told.notes
    assert {"same"} == {one.verdict for one in replayed(path)}


def pruned(path: Path, history: History, *, kept: int) -> Path:
    """A journal that has lost the inputs before number *kept*, and has a snapshot of a little later."""
    state = history.steps[kept + 1].desk
    assert kept + 2 == state.seq

    async def write() -> None:
        async with SqlJournal.open(url_of(path), clock=lambda: T0) as journal:
            await journal.append(history.records[: state.seq], snapshots=[state])
            await journal.append(history.records[state.seq :])

    asyncio.run(write())
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM records WHERE seq < ?", (kept,))
    database.close()
    return path


def test_a_snapshot_stands_for_what_is_not_in_the_journal_any_more(tmp_path: Path) -> None:
    history = morning(FIRST)
    kept = next(record.seq for record in history.records if record.at > after(40))
    journal = pruned(tmp_path / "journal", history, kept=kept)
    path, told = captured(journal, since=history.records[kept + 4].at, redacted=False)
    (found,) = replayed(path)

    assert ("same", ()) == (found.verdict, told.notes)
    assert digest_desk(history.desk) == found.digests.state


def test_a_beginning_that_nobody_knows_is_said(tmp_path: Path) -> None:
    history = morning(FIRST)
    kept = next(record.seq for record in history.records if record.at > after(40))
    path, told = captured(pruned(tmp_path / "journal", history, kept=kept), redacted=False)
    (found,) = replayed(path)

    assert (kept, 0) == (found.begins, found.compared)
    assert [f"desk {FIRST} begins at input {kept} without the state before it: nothing can be compared"] == [
        line.split(": ", 1)[1] for line in read(path)[1]
    ]
    assert () == told.notes


def test_persons_and_titles_are_gone_unless_it_is_spelled_out(journal: Path) -> None:
    redacted, told = captured(journal)
    shown = redacted.read_bytes()
    apart, _ = captured_apart(journal, journal.with_name("apart"), redacted=False)

    assert [False, False] == [word.encode() in shown for word in (PERSON, TITLE)]
    assert [True, True] == [word.encode() in apart.read_bytes() for word in (PERSON, TITLE)]
    assert (True, False) == (header_of(redacted).redacted, header_of(apart).redacted)
    assert ["the pseudonyms are of this capture alone; another one has others for the same persons"] == [*told.notes]


def test_an_installation_keeps_its_pseudonyms(journal: Path, tmp_path: Path) -> None:
    first, told = captured(journal, state_dir=tmp_path)
    second, _ = captured_apart(journal, tmp_path / "second", state_dir=tmp_path)
    other, _ = captured_apart(journal, tmp_path / "other")

    assert () == told.notes
    assert key_name(kept_key(tmp_path)) == header_of(first).pseudonyms == header_of(second).pseudonyms
    assert read(first)[0] == read(second)[0] != read(other)[0]
    with pytest.raises(CaptureError, match="has other pseudonyms than"):
        read(first, other)


@pytest.mark.parametrize("packed", [False, True])
def test_a_bound_on_its_size_is_kept_and_told(journal: Path, *, packed: bool) -> None:
    path, told = captured(journal, max_bytes=4_000, packed=packed)

    assert ("size", True) == (told.cut, path.stat().st_size == told.size_bytes <= 4_000)
    assert 0 < told.inputs < captured_apart(journal, journal.with_name("whole"))[1].inputs
    assert {"same"} == {one.verdict for one in replayed(path)}


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"desks": (DeskId("osl-4-999"),)}, "the journal has nothing of a desk 'osl-4-999'"),
        (
            {"since": after(10_000)},
            "nothing since 2026-05-11T06:40:00Z: its newest input is of 2026-05-04",
        ),
    ],
)
def test_what_there_is_nothing_of_is_said(journal: Path, wanted: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        captured(journal, **wanted)


def test_an_empty_journal_is_said(tmp_path: Path) -> None:
    async def make() -> None:
        async with SqlJournal.open(url_of(tmp_path / "journal"), clock=lambda: T0):
            pass

    asyncio.run(make())
    with pytest.raises(ConfigError, match="the journal is empty"):
        captured(tmp_path / "journal")


def test_one_that_is_stopped_is_nothing(journal: Path) -> None:
    stop = Stop()
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(capture.progress)
        if len(ticks) == 3:
            stop.set()

    capture = Capture(url_of(journal), Wanted(since=T0), stop=stop, tick=tick)
    with pytest.raises(InterruptedCaptureError):
        capture.write(io.BytesIO())

    assert 3 == len(ticks)


# --- live ------------------------------------------------------------------------------------------------------------


class Live:
    """A live capture in a thread of its own, and the journal that it follows."""

    def __init__(
        self, journal: Path, records: list[Record], *, failed: list[Exception] | None = None, **wanted: Any
    ) -> None:
        self._failed = failed
        self.path = journal.with_name("live")
        self.told: list[Captured] = []
        self.stop = Stop()
        self._journal = journal
        self._records = iter(records)
        self._looks = 0
        self._looked = threading.Condition()
        self._capture = Capture(url_of(journal), Wanted(live=True, **wanted), stop=self.stop, tick=self._tick)
        self._thread = threading.Thread(target=self._run, name="live capture")

    def __enter__(self) -> Self:
        self.write(20)
        self._thread.start()
        self.look()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.join()

    def _run(self) -> None:
        try:
            with self.path.open("wb") as file:
                self.told.append(self._capture.write(file))
        except JournalUnavailableError as exc:
            assert self._failed is not None
            self._failed.append(exc)

    def join(self) -> None:
        """Wait until it has ended by itself."""
        self._thread.join(5)
        assert not self._thread.is_alive()

    def write(self, count: int) -> None:
        """So many more records come into the journal."""

        async def append() -> None:
            async with SqlJournal.open(url_of(self._journal), clock=lambda: T0) as journal:
                await journal.append([record for _, record in zip(range(count), self._records, strict=False)])

        asyncio.run(append())

    def look(self) -> None:
        """Return when it has looked into the journal again, twice: one look may be under way."""
        with self._looked:
            wanted = self._looks + 2
            assert self._looked.wait_for(lambda: self._looks >= wanted, timeout=5)

    def _tick(self) -> None:
        with self._looked:
            self._looks += 1
            self._looked.notify_all()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotdesk_daemon.app.capture.POLL_S", 0.005)


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("packed", [False, True])
def test_a_live_one_has_what_comes_from_then_on(tmp_path: Path, *, packed: bool) -> None:
    records = in_turn(morning(FIRST), morning(SECOND))
    with Live(tmp_path / "journal", records, packed=packed) as live:
        live.write(10)
        live.look()
        so_far = len(read(live.path, lenient=True)[0])
        live.write(len(records))
    (told,) = live.told
    whole, _ = captured(tmp_path / "journal")

    assert 10 == sum(isinstance(item, Entry) for item in read(live.path)[0][:so_far])
    assert ("stopped", len(records) - 20) == (told.cut, told.inputs)
    assert ("live", None) == (header_of(live.path).origin, header_of(live.path).since)
    assert {"same"} == {one.verdict for one in replayed(live.path)}
    assert [one.ends for one in replayed(whole)] == [one.ends for one in replayed(live.path)]


@pytest.mark.usefixtures("no_waiting")
def test_a_live_one_of_one_desk_and_kind_ends_at_its_size(tmp_path: Path) -> None:
    people = History(desk=Desk(desk_id=FIRST))
    people.feed(*(PeopleCount(device=A, value=count % 7) for count in range(500)))
    with Live(tmp_path / "journal", people.records, desks=(FIRST,), kinds=("PeopleCount",), max_bytes=20_000) as live:
        live.write(1)
        live.look()
        live.write(500)
        live.join()
    (told,) = live.told

    assert ("size", True) == (told.cut, 0 < told.inputs < 440)
    assert 19_000 < live.path.stat().st_size <= 20_000
    assert told.inputs == len(spoken(live.path))


@pytest.mark.usefixtures("no_waiting")
def test_a_live_one_whose_journal_is_replaced_ends_and_says_so(tmp_path: Path) -> None:
    failed: list[Exception] = []
    with Live(tmp_path / "journal", morning(FIRST).records, failed=failed) as live:
        live.write(5)
        live.look()
        (tmp_path / "journal").rename(tmp_path / "moved")
        live.join()

    assert ["moved away, or replaced"] == [str(exc).split("was ")[1] for exc in failed]
    assert [5, True] == [len(spoken(live.path)), b'"cut":"journal"' in live.path.read_bytes()]


@pytest.mark.usefixtures("no_waiting")
def test_a_live_one_ends_after_its_time(tmp_path: Path) -> None:
    with Live(tmp_path / "journal", morning(FIRST).records, live_s=0.05) as live:
        live.join()

    assert ["duration"] == [told.cut for told in live.told]
