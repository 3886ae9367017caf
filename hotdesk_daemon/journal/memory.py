"""A journal without a disk, for tests, simulation and replay: what it holds is gone when it is."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

import attrs
import msgspec

from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.codec import check_snapshot
from hotdesk_daemon.journal.errors import JournalClosedError, JournalConflictError
from hotdesk_daemon.journal.records import (
    DEFAULT_LIMIT,
    Entry,
    OutboxRow,
    Reading,
    Record,
    Stats,
    Stored,
    StoredRecord,
    TailEntry,
    WriterStats,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from hotdesk_daemon.core.desk import CommandState, Desk
    from hotdesk_daemon.core.ids import CommandId, DeskId


_T = TypeVar("_T")


class MemoryJournal:
    """A `Journal` in memory. Values are kept as they are: they are frozen, so nothing has to be encoded."""

    def __init__(self) -> None:
        self._records: defaultdict[DeskId, list[StoredRecord]] = defaultdict(list)
        self._outbox: dict[CommandId, OutboxRow] = {}
        self._snapshots: dict[DeskId, Desk] = {}
        self._ends: tuple[StoredRecord, StoredRecord] | None = None
        self._writer = WriterStats()
        self._closed = False

    @property
    def writer_stats(self) -> WriterStats:
        return self._writer

    async def append(self, records: Sequence[Record], *, snapshots: Sequence[Desk] = ()) -> None:
        self._check_open()
        if not records and not snapshots:
            return
        self._check(records, snapshots)
        for record in records:
            self._keep(record)
        for desk in snapshots:
            self._snapshots[desk.desk_id] = desk
        size = len(records) + len(snapshots)
        self._writer = attrs.evolve(
            self._writer,
            commits=self._writer.commits + 1,
            records=self._writer.records + size,
            largest_commit=max(self._writer.largest_commit, size),
        )

    async def load(self) -> Mapping[DeskId, Stored]:
        self._check_open()
        return {desk_id: self._stored(desk_id) for desk_id in sorted(self._records)}

    async def history(
        self, desk_id: DeskId, *, since_seq: int = 0, until_seq: int | None = None, limit: int = DEFAULT_LIMIT
    ) -> list[StoredRecord]:
        self._check_open()
        known = self._records.get(desk_id, [])
        return known[since_seq:until_seq][:limit]

    async def outbox(
        self,
        *,
        desk_id: DeskId | None = None,
        states: Collection[CommandState] | None = None,
        limit: int = DEFAULT_LIMIT,
        before: CommandId | None = None,
    ) -> list[OutboxRow]:
        self._check_open()
        rows = sorted(self._outbox.values(), key=_age, reverse=True)
        if before is not None:
            last = self._outbox.get(before)
            rows = [row for row in rows if last is not None and _age(row) < _age(last)]
        return [row for row in rows if desk_id in {None, row.desk_id} and (states is None or row.state in states)][
            :limit
        ]

    async def look(self, look: Callable[[Reading], _T]) -> _T:
        self._check_open()
        return look(MemoryReading(self._records, self._snapshots))

    async def stats(self) -> Stats:
        self._check_open()
        states = [row.state for row in self._outbox.values()]
        return Stats(
            desks=len(self._records),
            snapshots=len(self._snapshots),
            last_journal_seq=self._ends[1].journal_seq if self._ends else 0,
            oldest_at=self._ends[0].at if self._ends else None,
            newest_at=self._ends[1].at if self._ends else None,
            outbox={state: states.count(state) for state in states},
            size_bytes=0,
            writer=self._writer,
        )

    async def close(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise JournalClosedError("the journal is closed")

    def _check(self, records: Sequence[Record], snapshots: Sequence[Desk]) -> None:
        """Refuse all of an append before any of it is kept."""
        ahead: dict[DeskId, int] = {}
        for record in records:
            expected = ahead.get(record.desk_id, len(self._records.get(record.desk_id, ()))) + 1
            JournalConflictError.check_next(record.desk_id, record.seq, expected=expected)
            ahead[record.desk_id] = record.seq
        for desk in snapshots:
            check_snapshot(desk)
            newest = ahead.get(desk.desk_id, len(self._records.get(desk.desk_id, ())))
            JournalConflictError.check_snapshot(desk.desk_id, desk.seq, newest=newest)

    def _keep(self, record: Record) -> None:
        fields = msgspec.structs.asdict(record)
        journal_seq = self._ends[1].journal_seq + 1 if self._ends else 1
        stored = StoredRecord(journal_seq=journal_seq, **fields)
        self._records[record.desk_id].append(stored)
        self._ends = (self._ends[0] if self._ends else stored, stored)
        for command in record.commands:
            self._outbox[command.command_id] = OutboxRow(
                command_id=command.command_id,
                desk_id=record.desk_id,
                kind=type(command.command).__name__,
                state=command.state,
                decided_at=command.decided_at,
                updated_at=record.at,
                open=command,
            )

    def _stored(self, desk_id: DeskId) -> Stored:
        snapshot = self._snapshots.get(desk_id)
        behind = self._records[desk_id][snapshot.seq if snapshot else 0 :]
        return Stored(snapshot=snapshot, tail=tuple(TailEntry(r.seq, r.at, r.input) for r in behind))


class MemoryReading:
    """What is held in memory of a history, as a journal's reading shows it."""

    def __init__(
        self, records: Mapping[DeskId, Sequence[StoredRecord]], snapshots: Mapping[DeskId, Desk] | None = None
    ) -> None:
        self._records = records
        self._snapshots = snapshots or {}

    def desks(self) -> list[DeskId]:
        return sorted(self._records)

    def entries(self, *, desks: Collection[DeskId] = (), until: datetime | None = None) -> Iterator[Entry]:
        wanted = desks or self._records.keys()
        chosen = [record for desk_id in wanted for record in self._records.get(desk_id, ())]
        for record in sorted(chosen, key=lambda record: record.journal_seq):
            if until is None or record.at <= until:
                yield _entry(record)

    def newest(self, desk_id: DeskId, *, until: datetime | None = None) -> Iterator[StoredRecord]:
        return (r for r in reversed(self._records.get(desk_id, ())) if until is None or r.at <= until)

    def record(self, desk_id: DeskId, seq: int) -> StoredRecord | None:
        of_desk = self._records.get(desk_id, ())
        return of_desk[seq - 1] if 0 < seq <= len(of_desk) else None

    def snapshot(self, desk_id: DeskId) -> Desk | None:
        return self._snapshots.get(desk_id)


def _entry(record: StoredRecord) -> Entry:
    return Entry(
        journal_seq=record.journal_seq,
        desk_id=record.desk_id,
        seq=record.seq,
        at=record.at,
        mono=record.mono,
        source=record.source,
        kind=record.kind,
        cause_seq=record.cause_seq,
        raw=record.raw,
        part=record.part,
        input=record.input.raw if isinstance(record.input, UndecodableError) else codec.encode_input(record.input),
        reasons=codec.encode_reasons(record.reasons),
        commands=codec.encode_commands(record.commands) if record.commands else None,
        refusal=record.refusal,
    )


def _age(row: OutboxRow) -> tuple[object, ...]:
    return row.decided_at, row.command_id
