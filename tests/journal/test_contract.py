"""What every journal promises, whatever it is made of."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from hotdesk_daemon.core.desk import CommandState, Desk, Held
from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
from hotdesk_daemon.core.inputs import SyncRequired
from hotdesk_daemon.journal import (
    Journal,
    JournalClosedError,
    JournalConflictError,
    JournalRefusedError,
    MemoryJournal,
    Reading,
    Record,
    SqlJournal,
    StoredRecord,
)
from tests.journal.values import DESK, OTHER, T0, command, now, record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
        return
    async with SqlJournal.open(f"sqlite:///{tmp_path}/journal.db", clock=now) as opened:
        yield opened


def fields_of(value: Record | StoredRecord) -> dict[str, object]:
    return {name: getattr(value, name) for name in Record.__struct_fields__}


async def test_a_record_comes_back_with_everything_in_it(journal: Journal) -> None:
    given = record(1, commands=(command("c1"),), raw=b"\x00 not even text \xff")

    await journal.append([given, record(2)])
    first, second = await journal.history(DESK)

    assert fields_of(given) == fields_of(first)
    assert fields_of(record(2)) == fields_of(second)
    assert (1, 2, ()) == (first.journal_seq, second.journal_seq, first.faults)


async def test_an_empty_append_does_nothing(journal: Journal) -> None:
    await journal.append([])

    assert {} == await journal.load()


async def test_desks_have_their_own_sequences_and_share_one_order(journal: Journal) -> None:
    await journal.append([record(1), record(1, desk_id=OTHER)])
    await journal.append([record(2, desk_id=OTHER), record(2)])

    assert [1, 4] == [r.journal_seq for r in await journal.history(DESK)]
    assert [2, 3] == [r.journal_seq for r in await journal.history(OTHER)]


@pytest.mark.parametrize("seq", [0, 1, 2, 4, 9])
async def test_a_record_that_does_not_continue_the_sequence_is_refused_with_all_beside_it(
    journal: Journal, seq: int
) -> None:
    await journal.append([record(1), record(2)])

    with pytest.raises(JournalConflictError, match=rf"record {seq} of desk osl-4-014 .* 3 is next"):
        await journal.append([record(1, desk_id=OTHER), record(seq)])
    await journal.append([record(1, desk_id=OTHER), record(3)])

    assert [1, 2, 3] == [r.seq for r in await journal.history(DESK)]
    assert [1] == [r.seq for r in await journal.history(OTHER)]


async def test_appends_of_many_desks_at_once_are_all_there(journal: Journal) -> None:
    desks = [DeskId(f"desk-{n}") for n in range(50)]

    async def busy(desk_id: DeskId) -> None:
        for seq in range(1, 11):
            await journal.append([record(seq, desk_id=desk_id)])

    async with asyncio.TaskGroup() as group:
        for desk_id in desks:
            group.create_task(busy(desk_id))
    loaded = await journal.load()

    assert sorted(desks) == list(loaded)
    assert {tuple(range(1, 11))} == {tuple(entry.seq for entry in stored.tail) for stored in loaded.values()}
    assert (500, 0) == (journal.writer_stats.records, journal.writer_stats.waiting)


async def test_loading_without_a_snapshot_gives_the_whole_history(journal: Journal) -> None:
    await journal.append([record(1), record(2)])
    stored = (await journal.load())[DESK]

    assert stored.snapshot is None
    assert [(r.seq, r.at, r.input) for r in (record(1), record(2))] == list(stored.tail)
    assert stored.missing_seq is None


async def test_loading_gives_the_newest_snapshot_and_what_came_after_it(journal: Journal) -> None:
    opened = command("c1")
    desk = Desk(desk_id=DESK, seq=3, commands={opened.command_id: opened})
    await journal.append([record(1)], snapshots=[Desk(desk_id=DESK, seq=1)])
    await journal.append([record(2), record(3)], snapshots=[desk])
    await journal.append([record(4), record(1, desk_id=OTHER)])
    loaded = await journal.load()

    assert desk == loaded[DESK].snapshot
    assert [4] == [entry.seq for entry in loaded[DESK].tail]
    assert (None, [1]) == (loaded[OTHER].snapshot, [entry.seq for entry in loaded[OTHER].tail])
    assert loaded[DESK].missing_seq is None


async def test_a_snapshot_can_come_alone(journal: Journal) -> None:
    await journal.append([record(1)])
    await journal.append([], snapshots=[Desk(desk_id=DESK, seq=1)])

    assert (1, ()) == ((await journal.stats()).snapshots, (await journal.load())[DESK].tail)


async def test_a_snapshot_ahead_of_its_records_is_refused_with_them(journal: Journal) -> None:
    with pytest.raises(JournalConflictError, match="is at 2, but its records end at 1"):
        await journal.append([record(1)], snapshots=[Desk(desk_id=DESK, seq=2)])

    assert [] == await journal.history(DESK)


async def test_a_look_at_the_history_sees_what_is_durable(journal: Journal) -> None:
    await journal.append([record(seq) for seq in range(1, 6)])
    await journal.append([record(1, desk_id=OTHER)], snapshots=[Desk(desk_id=DESK, seq=4)])
    until = T0 + timedelta(seconds=3)

    def look(history: Reading) -> list[object]:
        return [
            history.desks(),
            [entry.seq for entry in history.entries(desks=[DESK], until=until)],
            [(entry.desk_id, entry.seq) for entry in history.entries()][-2:],
            [one.seq for one in history.newest(DESK, until=until)],
            [one.seq for one in history.newest(DESK)],
            history.record(DESK, 2),
            history.record(DESK, 6),
            history.snapshot(OTHER),
        ]

    found = await journal.look(look)
    (second,) = await journal.history(DESK, since_seq=1, until_seq=2)

    assert [
        [DESK, OTHER], [1, 2, 3], [(DESK, 5), (OTHER, 1)], [3, 2, 1], [5, 4, 3, 2, 1], second, None, None,
    ] == found  # fmt: skip


async def test_a_snapshot_with_buffered_events_is_refused_with_its_records(journal: Journal) -> None:
    held = Held(seq=1, event=record(1).input)  # type: ignore[arg-type]  # it is a booking event

    with pytest.raises(JournalRefusedError, match="while events wait for a list"):
        await journal.append([record(1)], snapshots=[Desk(desk_id=DESK, seq=1, buffer=(held,))])

    assert [] == await journal.history(DESK)


@pytest.mark.parametrize(
    ("since", "until", "limit", "expected"),
    [
        (0, None, 100, [1, 2, 3, 4, 5]),
        (2, None, 100, [3, 4, 5]),
        (0, 2, 100, [1, 2]),
        (1, 4, 2, [2, 3]),
        (5, None, 100, []),
        (3, 2, 100, []),
    ],
)
async def test_history_is_read_in_pages(
    journal: Journal, since: int, until: int | None, limit: int, expected: list[int]
) -> None:
    await journal.append([record(seq) for seq in range(1, 6)])
    found = await journal.history(DESK, since_seq=since, until_seq=until, limit=limit)

    assert expected == [r.seq for r in found]


async def test_the_history_of_an_unknown_desk_is_empty(journal: Journal) -> None:
    assert [] == await journal.history(DeskId("nowhere"))


async def test_the_outbox_holds_the_newest_form_of_each_command(journal: Journal) -> None:
    done = command("c1", state=CommandState.DONE)
    await journal.append([record(1, commands=(command("c1"), command("c2")))])
    await journal.append([record(2, commands=(done,))])
    rows = {row.command_id: row for row in await journal.outbox()}

    assert {"c1", "c2"} == rows.keys()
    assert (done, CommandState.DONE, "Book", DESK) == (
        rows[CommandId("c1")].open,
        rows[CommandId("c1")].state,
        rows[CommandId("c1")].kind,
        rows[CommandId("c1")].desk_id,
    )
    assert (T0, record(2).at) == (rows[CommandId("c1")].decided_at, rows[CommandId("c1")].updated_at)


async def test_two_forms_of_a_command_in_one_append_leave_the_later(journal: Journal) -> None:
    sending = command("c1", state=CommandState.SENDING)
    await journal.append([record(1, commands=(command("c1"),)), record(2, commands=(sending,))])

    assert [sending] == [row.open for row in await journal.outbox()]


async def test_the_outbox_is_read_newest_first_in_pages_that_do_not_overlap(journal: Journal) -> None:
    seconds = {"c1": 1, "c2": 3, "c3": 2, "c4": 3, "c5": 0}
    await journal.append([record(1, commands=tuple(command(n, decided_s=s) for n, s in seconds.items()))])
    pages: list[list[str]] = []
    before: CommandId | None = None
    while page := await journal.outbox(limit=2, before=before):
        pages.append([row.command_id for row in page])
        before = page[-1].command_id

    assert [["c4", "c2"], ["c3", "c1"], ["c5"]] == pages


async def test_the_outbox_is_filtered_by_desk_and_state(journal: Journal) -> None:
    parked = command("c2", state=CommandState.PARKED)
    await journal.append([record(1, commands=(command("c1"), parked))])
    await journal.append([record(1, desk_id=OTHER, commands=(command("c3"),))])

    async def names(desk_id: DeskId | None, states: set[CommandState] | None) -> list[str]:
        return [row.command_id for row in await journal.outbox(desk_id=desk_id, states=states)]

    assert ["c3"] == await names(OTHER, None)
    assert ["c2"] == await names(None, {CommandState.PARKED})
    assert [] == await names(OTHER, {CommandState.PARKED})
    assert [] == await names(None, set())
    assert [] == await journal.outbox(before=CommandId("unheard of"))


async def test_stats_tell_what_is_in_the_journal(journal: Journal) -> None:
    empty = await journal.stats()
    await journal.append([record(1, commands=(command("c1"),)), record(2)], snapshots=[Desk(desk_id=DESK, seq=2)])
    await journal.append([record(1, desk_id=OTHER)])
    stats = await journal.stats()

    assert (0, 0, None) == (empty.desks, empty.last_journal_seq, empty.newest_at)
    assert (2, 1, 3) == (stats.desks, stats.snapshots, stats.last_journal_seq)
    assert (record(1).at, record(1).at) == (stats.oldest_at, stats.newest_at)
    assert {CommandState.PENDING: 1} == stats.outbox
    assert (2, 4, 3) == (stats.writer.commits, stats.writer.records, stats.writer.largest_commit)


async def test_a_closed_journal_takes_and_gives_nothing_and_may_be_closed_again(journal: Journal) -> None:
    await journal.append([record(1)])
    await journal.close()
    await journal.close()

    with pytest.raises(JournalClosedError):
        await journal.append([record(2)])
    with pytest.raises(JournalClosedError):
        await journal.load()


async def test_the_parts_of_one_message_keep_it_once(journal: Journal) -> None:
    whole = record(1, raw=b"a list of two")
    same = SyncRequired(device=DeviceId("room"))
    part = msgspec.structs.replace(record(2), raw=None, part=1, kind="SyncRequired", input=same)
    await journal.append([whole, part])

    assert [(b"a list of two", 0), (None, 1)] == [(r.raw, r.part) for r in await journal.history(DESK)]
