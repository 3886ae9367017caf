"""What retention takes out of a journal, and what it leaves: enough for every state, and for an exact replay."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import msgspec
import pytest

from hotdesk_daemon.core.desk import CommandState, Counters, Desk
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import Undecodable
from hotdesk_daemon.journal import SqlJournal
from hotdesk_daemon.journal.dialect import used_bytes
from hotdesk_daemon.journal.pruning import Horizons, Pruned, prune
from hotdesk_daemon.journal.reading import reading
from hotdesk_daemon.journal.schema import to_micros
from tests.journal.values import DESK, OTHER, T0, command, record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.journal import Record

DAY: Final = timedelta(days=1)
BIG: Final = b'"' + b"x" * 3000 + b'"'


@attrs.define
class Filled:
    """A journal with some days in it, and the clock that it goes by."""

    path: Path
    now: datetime = T0
    journal: SqlJournal = attrs.field(init=False)
    seqs: dict[DeskId, int] = attrs.field(factory=dict)

    async def live(self, days: int, *desks: DeskId, a_day: int = 4, raw: bytes = BIG) -> None:
        """Let days pass, with so many records and a snapshot a day on each desk."""
        for _ in range(days):
            self.now += DAY
            for desk in desks or (DESK,):
                await self.append(desk, a_day, raw=raw)
                await self.journal.append([], snapshots=[Desk(desk_id=desk, seq=self.seqs[desk])])

    async def append(self, desk: DeskId, count: int, *, raw: bytes = BIG) -> None:
        first = self.seqs.get(desk, 0) + 1
        self.seqs[desk] = first + count - 1
        rows = [self.dated(record(seq, desk_id=desk, raw=raw)) for seq in range(first, first + count)]
        await self.journal.append(rows)

    def dated(self, given: Record) -> Record:
        return msgspec.structs.replace(given, at=self.now)

    def before(self, days: float) -> int:
        return to_micros(self.now - days * DAY)

    async def prune(self, **limits: object) -> Pruned:
        slices = await self.journal.do(lambda held: prune(held, Horizons(**limits)))  # type: ignore[arg-type]  # as said
        last = Pruned()
        while (step := await self.journal.do(lambda _: next(slices, None))) is not None:
            last = step
        return last

    async def seqs_of(self, desk: DeskId = DESK) -> list[int]:
        return [r.seq for r in await self.journal.history(desk, limit=100_000)]


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Filled]:
    made = Filled(tmp_path / "journal.db")
    async with SqlJournal.open(f"sqlite:///{made.path}", clock=lambda: made.now) as journal:
        made.journal = journal
        yield made


def peek(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute(sql))


async def test_records_go_up_to_the_newest_mark_that_is_old_enough(filled: Filled) -> None:
    await filled.live(10, a_day=4)
    pruned = await filled.prune(records=filled.before(3))

    assert 28 == pruned.records
    assert list(range(29, 41)) == await filled.seqs_of()
    assert [(28, None)] == peek(filled.path, "SELECT seq, NULL FROM bases")


async def test_nothing_goes_of_a_desk_that_has_no_mark_that_is_old_enough(filled: Filled) -> None:
    filled.now += DAY
    await filled.append(DESK, 5)
    filled.now += 10 * DAY
    await filled.append(DESK, 5)

    assert 0 == (await filled.prune(records=filled.before(3))).records
    assert 10 == len(await filled.seqs_of())


async def test_the_state_of_every_desk_is_there_after_pruning_as_before(filled: Filled) -> None:
    await filled.live(6, DESK, OTHER)
    await filled.append(DESK, 3)
    before = await filled.journal.load()
    await filled.prune(records=filled.before(0))

    assert before == await filled.journal.load()


async def test_without_a_usable_snapshot_the_state_comes_from_the_base(filled: Filled) -> None:
    await filled.live(6)
    await filled.append(DESK, 3)
    await filled.prune(records=filled.before(2))
    with closing(sqlite3.connect(filled.path)) as connection, connection:
        connection.execute("UPDATE snapshots SET state = ?", (b"{}",))
    stored = (await filled.journal.load())[DESK]

    assert stored.snapshot is not None
    assert (16, list(range(17, 28))) == (stored.snapshot.seq, [entry.seq for entry in stored.tail])
    assert (None, False) == (stored.missing_seq, stored.is_begun_anew)


async def test_a_state_of_another_version_is_read_as_far_as_it_is_understood(filled: Filled) -> None:
    await filled.live(2)
    with closing(sqlite3.connect(filled.path)) as connection, connection:
        connection.execute("UPDATE snapshots SET version = '1-another'")
    stored = (await filled.journal.load())[DESK]

    assert stored.snapshot == Desk(desk_id=DESK, seq=8)
    assert () == stored.tail


async def test_a_desk_whose_states_cannot_be_read_and_whose_beginning_is_gone_begins_anew(filled: Filled) -> None:
    await filled.live(6)
    await filled.prune(records=filled.before(2))
    with closing(sqlite3.connect(filled.path)) as connection, connection:
        connection.execute("UPDATE snapshots SET version = '0-old'")
        connection.execute("UPDATE bases SET version = '0-old'")
    stored = (await filled.journal.load())[DESK]

    assert (Desk(desk_id=DESK, seq=24), (), True) == (stored.snapshot, stored.tail, stored.is_begun_anew)
    await filled.append(DESK, 1)


@pytest.mark.may_block(reason="reads as a verb does, beside the journal")
async def test_a_reader_begins_with_the_base_and_sees_nothing_before_it(filled: Filled) -> None:
    await filled.live(6, DESK, OTHER)
    await filled.prune(records=filled.before(2))
    with reading(f"sqlite:///{filled.path}") as journal:
        first, second, *others = journal.entries()
        newest = list(journal.newest(DESK))

        assert [Desk(desk_id=DESK, seq=16), Desk(desk_id=OTHER, seq=16)] == [first, second]
        assert {17} == {min(e.seq for e in others if not isinstance(e, Desk) and e.desk_id == d) for d in (DESK, OTHER)}
        assert ([24, 17], None) == ([newest[0].seq, newest[-1].seq], journal.record(DESK, 16))
        assert [DESK] == [one.desk_id for one in journal.entries(desks=[DESK]) if isinstance(one, Desk)]


async def test_messages_go_before_their_records_and_those_nobody_understood_with_them(filled: Filled) -> None:
    await filled.live(3, a_day=2)
    lost = filled.dated(record(7, raw=b"\xff gibberish"))
    given = Undecodable(device=DeviceId("room"), error="no JSON")
    await filled.journal.append([msgspec.structs.replace(lost, kind="Undecodable", input=given)])
    filled.seqs[DESK] = 7
    await filled.live(2, a_day=2)
    pruned = await filled.prune(raw=filled.before(1.5))
    records = await filled.journal.history(DESK)

    assert (6, 11) == (pruned.raw, len(records))
    assert [None] * 6 + [b"\xff gibberish"] + [BIG] * 4 == [r.raw for r in records]
    assert [] == [r for r in records if r.faults]


async def test_settled_commands_go_and_open_ones_stay(filled: Filled) -> None:
    filled.now += DAY
    states = {
        "c1": CommandState.DONE,
        "c2": CommandState.PARKED,
        "c3": CommandState.DROPPED,
        "c4": CommandState.PENDING,
    }
    commands = tuple(command(name, state=state) for name, state in states.items())
    await filled.journal.append([filled.dated(record(1, commands=commands))])
    pruned = await filled.prune(commands=to_micros(filled.now + DAY))

    assert 2 == pruned.commands
    assert {"c2", "c4"} == {row.command_id for row in await filled.journal.outbox()}


async def test_beyond_its_size_the_oldest_goes_and_it_is_told_from_when_on_it_is_kept(filled: Filled) -> None:
    await filled.live(20, DESK, OTHER, a_day=50)
    size = await filled.journal.do(lambda held: used_bytes(held.connection))
    pruned = await filled.prune(size_bytes=size // 2)
    left = await filled.seqs_of()

    assert pruned.shortened_to is not None
    assert 1000 == left[-1]
    assert 300 < left[0] < 700
    assert await filled.journal.do(lambda held: used_bytes(held.connection)) <= size // 2
    assert not pruned.is_too_large


async def test_what_states_are_rebuilt_from_stays_however_small_it_should_be(filled: Filled) -> None:
    await filled.live(3, a_day=10)
    await filled.append(DESK, 20)
    pruned = await filled.prune(size_bytes=1)

    assert pruned.is_too_large
    assert list(range(31, 51)) == await filled.seqs_of()


async def test_room_is_given_back_to_the_disk(filled: Filled) -> None:
    await filled.live(30, a_day=300)
    before = filled.path.stat().st_size
    pruned = await filled.prune(records=filled.before(1))
    await filled.journal.close()

    assert pruned.freed_bytes > 0.5 * before
    assert filled.path.stat().st_size < 0.5 * before


async def test_what_goes_is_overwritten(filled: Filled) -> None:
    await filled.live(2, raw=b'"the planted word"')
    await filled.live(10, raw=b'"other"')
    await filled.prune(records=filled.before(3))
    await filled.journal.close()

    assert b"the planted word" not in filled.path.read_bytes()


async def test_each_slice_is_short_and_commits_go_on_between_them(filled: Filled) -> None:
    await filled.live(10, a_day=100)
    slices = await filled.journal.do(lambda held: prune(held, Horizons(records=filled.before(0)), slice_s=0.0))
    seen = []
    while (step := await filled.journal.do(lambda _: next(slices, None))) is not None:
        seen.append(step.records)
        await filled.append(DESK, 1)

    assert 1000 == seen[-1]
    assert len(seen) > 5
    assert list(range(1001, 1001 + len(seen))) == await filled.seqs_of()


@pytest.mark.may_block(reason="reads as a verb does, beside the journal")
async def test_pruning_that_ends_in_the_middle_is_gone_on_with_by_the_next(filled: Filled) -> None:
    await filled.live(10, a_day=100)
    slices = await filled.journal.do(lambda held: prune(held, Horizons(records=filled.before(2)), slice_s=0.0))
    for _ in range(4):
        await filled.journal.do(lambda _: next(slices))
    with reading(f"sqlite:///{filled.path}") as journal:
        assert 801 == min(entry.seq for entry in journal.entries() if not isinstance(entry, Desk))
    await filled.prune(records=filled.before(2))

    assert list(range(801, 1001)) == await filled.seqs_of()


async def test_a_desk_that_nobody_serves_and_nothing_is_heard_of_is_forgotten(filled: Filled) -> None:
    await filled.live(2, DESK, OTHER)
    await filled.append(DESK, 1)
    await filled.journal.append([], snapshots=[Desk(desk_id=DESK, seq=9, counters=Counters(lists=7))])
    await filled.append(DESK, 2)
    await filled.live(10, OTHER)
    pruned = await filled.prune(records=filled.before(5), served={OTHER})
    loaded = await filled.journal.load()

    assert {DESK: 11} == pruned.forgotten
    assert (Desk(desk_id=DESK, seq=11), ()) == (loaded[DESK].snapshot, loaded[DESK].tail)
    assert [] == await filled.seqs_of()
    assert {} == (await filled.prune(records=filled.before(5), served={OTHER})).forgotten
    await filled.append(DESK, 1)


async def test_a_desk_with_commands_that_wait_for_a_person_is_not_forgotten(filled: Filled) -> None:
    await filled.live(1)
    parked = command("c1", state=CommandState.PARKED)
    state = Desk(desk_id=DESK, seq=4, commands={parked.command_id: parked})
    await filled.journal.append([], snapshots=[state])
    filled.now += 10 * DAY

    assert {} == (await filled.prune(records=filled.before(5), served=())).forgotten
    assert state == (await filled.journal.load())[DESK].snapshot


async def test_a_mark_is_kept_about_once_a_day_and_after_very_many_records(tmp_path: Path) -> None:
    made = Filled(tmp_path / "journal.db")
    async with SqlJournal.open(f"sqlite:///{made.path}", clock=lambda: made.now) as journal:
        made.journal = journal
        for _ in range(10):
            await made.append(DESK, 1)
            await journal.append([], snapshots=[Desk(desk_id=DESK, seq=made.seqs[DESK])])
            made.now += DAY / 4
        await made.append(DESK, 5000, raw=b"{}")
        await journal.append([], snapshots=[Desk(desk_id=DESK, seq=made.seqs[DESK])])

    assert [1, 5, 9, 5010] == [seq for (seq,) in peek(made.path, "SELECT seq FROM marks ORDER BY seq")]


@pytest.mark.parametrize("step", [timedelta(days=1), timedelta(days=-1), timedelta(days=-4000)], ids=str)
async def test_a_clock_that_is_set_does_not_keep_marks_from_coming(filled: Filled, step: timedelta) -> None:
    await filled.live(3)
    filled.now += step
    await filled.live(3)

    assert 5 <= len(peek(filled.path, "SELECT seq FROM marks"))


@pytest.mark.parametrize("wrong_by", [-9000 * DAY, 9000 * DAY])
async def test_what_a_wrong_clock_wrote_neither_takes_what_is_younger_nor_keeps_what_is_older(
    filled: Filled, wrong_by: timedelta
) -> None:
    """As a machine that keeps no time while it is off, before it has asked for the time."""
    await filled.live(2, a_day=4)
    right, filled.now = filled.now, filled.now + wrong_by
    await filled.live(1, a_day=4)
    filled.now = right
    await filled.live(8, a_day=4)
    right, filled.now = filled.now, filled.now + wrong_by
    await filled.live(1, a_day=4)
    filled.now = right
    await filled.live(1, a_day=4)

    await filled.prune(records=filled.before(3), now=filled.before(0))

    # Of the thirteen days, four records each: the eighth right one is four days old, and the tenth wrong.
    assert list(range(37, 53)) == await filled.seqs_of()


async def test_what_a_clock_far_behind_wrote_does_not_keep_history_from_being_shortened(filled: Filled) -> None:
    await filled.live(5, a_day=40)
    right, filled.now = filled.now, T0 - 9000 * DAY
    await filled.live(1, a_day=4)
    filled.now = right
    await filled.live(5, a_day=40)
    size = await filled.journal.do(lambda held: used_bytes(held.connection))

    pruned = await filled.prune(size_bytes=size // 2, now=filled.before(0))

    assert not pruned.is_too_large
    assert await filled.journal.do(lambda held: used_bytes(held.connection)) <= size // 2
    assert 404 == (await filled.seqs_of())[-1]
    assert len(await filled.seqs_of()) > 40
