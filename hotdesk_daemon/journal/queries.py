"""
What is read from the journal, as blocking functions on a connection.

No query walks through all records: which desks there are is found by hopping from one to the next in the index.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hotdesk_daemon.core.desk import CommandState, OpenCommand
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import CommandId, DeskId
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.entries import read_back
from hotdesk_daemon.journal.records import Entry, OutboxRow, Stats, StoredRecord, WriterStats
from hotdesk_daemon.journal.schema import bases, from_micros, marks, outbox, records, snapshots, to_micros

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from hotdesk_daemon.core.desk import Desk


_STATES: Final = frozenset(state.value for state in CommandState)


def desks_with_records() -> sa.CTE:
    """Every desk that has records: the smallest name, then the smallest behind it, and so on."""
    others = records.alias("others")
    desks = sa.select(sa.func.min(records.c.desk_id).label("desk_id")).cte("desks", recursive=True)
    behind = sa.select(sa.func.min(others.c.desk_id)).where(others.c.desk_id > desks.c.desk_id)
    return desks.union_all(sa.select(behind.scalar_subquery()).where(desks.c.desk_id.is_not(None)))


def last_seqs(connection: sa.Connection) -> dict[DeskId, int]:
    """The newest number of every desk, also of those whose records are all gone and whose state is left."""
    desks = desks_with_records()
    newest = sa.select(sa.func.max(records.c.seq)).where(records.c.desk_id == desks.c.desk_id).scalar_subquery()
    found = {
        DeskId(desk_id): int(seq)
        for desk_id, seq in connection.execute(sa.select(desks.c.desk_id, newest).where(desks.c.desk_id.is_not(None)))
    }
    for states in (snapshots, bases):
        for desk_id, seq in connection.execute(sa.select(states.c.desk_id, states.c.seq)):
            found[DeskId(desk_id)] = max(seq, found.get(DeskId(desk_id), 0))
    return found


def floors(connection: sa.Connection) -> dict[DeskId, int]:
    """Behind which number each desk's history begins, where it does not begin with the desk."""
    found = connection.execute(sa.select(bases.c.desk_id, bases.c.seq))
    return {DeskId(row.desk_id): row.seq for row in found}


def bases_after(connection: sa.Connection, moment: datetime) -> frozenset[DeskId]:
    """The desks whose history begins after *moment*."""
    late = sa.select(bases.c.desk_id).where(bases.c.at > to_micros(moment))
    return frozenset(map(DeskId, connection.scalars(late)))


def newest_marks(connection: sa.Connection) -> dict[DeskId, tuple[int, int]]:
    """Number and moment (microseconds) of each desk's newest mark, or of its base if it has none."""
    found: dict[DeskId, tuple[int, int]] = {}
    for states in (bases, marks):
        newest = sa.select(states.c.desk_id, sa.func.max(states.c.seq).label("seq")).group_by(states.c.desk_id)
        ends = newest.subquery()
        query = sa.select(states.c.desk_id, states.c.seq, states.c.at).join(
            ends, sa.and_(ends.c.desk_id == states.c.desk_id, ends.c.seq == states.c.seq)
        )
        found.update((DeskId(desk_id), (seq, at)) for desk_id, seq, at in connection.execute(query))
    return found


def history(
    connection: sa.Connection, desk_id: DeskId, since_seq: int, until_seq: int | None, limit: int
) -> list[StoredRecord]:
    query = (
        sa.select(records)
        .where(records.c.desk_id == desk_id, records.c.seq > since_seq)
        .order_by(records.c.seq)
        .limit(limit)
    )
    if until_seq is not None:
        query = query.where(records.c.seq <= until_seq)
    return [_stored_record(row) for row in connection.execute(query)]


def backwards(connection: sa.Connection, desk_id: DeskId, before_seq: int | None, limit: int) -> list[StoredRecord]:
    """A desk's newest records first, from before *before_seq*."""
    query = sa.select(records).where(records.c.desk_id == desk_id).order_by(records.c.seq.desc()).limit(limit)
    if before_seq is not None:
        query = query.where(records.c.seq < before_seq)
    return [_stored_record(row) for row in connection.execute(query)]


def seq_after(connection: sa.Connection, desk_id: DeskId, moment: datetime) -> int:
    """
    The number of a desk's first record after *moment*, or the one behind its last.

    It is found by halving, for a desk's times rise with its numbers; there is no index of times.
    """
    of_desk = sa.select(sa.func.min(records.c.seq), sa.func.max(records.c.seq)).where(records.c.desk_id == desk_id)
    first, last = connection.execute(of_desk).one()
    if first is None:
        return 1
    low, high = int(first), int(last) + 1
    micros = to_micros(moment)
    at = sa.select(records.c.at).where(records.c.desk_id == desk_id, records.c.seq >= sa.bindparam("seq"))
    at = at.order_by(records.c.seq).limit(1)
    while low < high:
        middle = (low + high) // 2
        if (connection.scalar(at, {"seq": middle}) or 0) <= micros:
            low = middle + 1
        else:
            high = middle
    return low


def entries(
    connection: sa.Connection,
    desks: Collection[DeskId],
    after: int,
    until: datetime | None,
    limit: int,
) -> list[Entry]:
    """Records behind number *after* of the journal in the order of their commits; of *desks*, or of all."""
    query = sa.select(records).where(records.c.journal_seq > after).order_by(records.c.journal_seq).limit(limit)
    if desks:
        query = query.where(records.c.desk_id.in_(sorted(desks)))
    if until is not None:
        query = query.where(records.c.at <= to_micros(until))
    return [_entry(row) for row in connection.execute(query)]


def own_entries(
    connection: sa.Connection, desk_id: DeskId, since_seq: int, before_seq: int | None, limit: int
) -> list[Entry]:
    """A desk's records behind number *since_seq* and before *before_seq*, in their order."""
    query = (
        sa.select(records)
        .where(records.c.desk_id == desk_id, records.c.seq > since_seq)
        .order_by(records.c.seq)
        .limit(limit)
    )
    if before_seq is not None:
        query = query.where(records.c.seq < before_seq)
    return [_entry(row) for row in connection.execute(query)]


def entries_of(
    connection: sa.Connection, desk_id: DeskId, after_seq: int, before_journal_seq: int, limit: int
) -> list[Entry]:
    """A desk's records behind *after_seq* that stand before a number of the journal."""
    query = (
        sa.select(records)
        .where(records.c.desk_id == desk_id, records.c.seq > after_seq, records.c.journal_seq < before_journal_seq)
        .order_by(records.c.seq)
        .limit(limit)
    )
    return [_entry(row) for row in connection.execute(query)]


def last_seq_before(connection: sa.Connection, desk_id: DeskId, before_journal_seq: int) -> int:
    """The number of a desk's newest record before a number of the journal; 0 if there is none."""
    query = (
        sa.select(records.c.seq)
        .where(records.c.desk_id == desk_id, records.c.journal_seq < before_journal_seq)
        .order_by(records.c.seq.desc())
        .limit(1)
    )
    return connection.scalar(query) or 0


def first_journal_seq_since(connection: sa.Connection, since: datetime) -> int | None:
    """The number in the journal of the first record of *since* or later; None if there is none."""
    query = sa.select(records.c.journal_seq).where(records.c.at >= to_micros(since))
    return connection.scalar(query.order_by(records.c.journal_seq).limit(1))


def newest(connection: sa.Connection) -> tuple[int, datetime | None]:
    """The number in the journal of its newest record, and its moment; 0 and None if it is empty."""
    query = sa.select(records.c.journal_seq, records.c.at).order_by(records.c.journal_seq.desc()).limit(1)
    row = connection.execute(query).first()
    return (0, None) if row is None else (row[0], from_micros(row[1]))


def snapshot(connection: sa.Connection, desk_id: DeskId) -> Desk | None:
    """A desk's snapshot, if there is one that this version understands."""
    query = sa.select(snapshots.c.state).where(
        snapshots.c.desk_id == desk_id, snapshots.c.version == codec.SNAPSHOT_VERSION
    )
    state = connection.scalar(query)
    try:
        return codec.decode_desk(state) if state is not None else None
    except UndecodableError:
        return None


def kept_state(connection: sa.Connection, desk_id: DeskId, last_seq: int) -> Desk | None:
    """The newest state of a desk after no more than *last_seq* inputs, of those that this version understands."""
    found: list[tuple[int, bytes]] = []
    for kept in (snapshots, marks):
        query = (
            sa.select(kept.c.seq, kept.c.state)
            .where(kept.c.desk_id == desk_id, kept.c.seq <= last_seq, kept.c.version == codec.SNAPSHOT_VERSION)
            .order_by(kept.c.seq.desc())
            .limit(1)
        )
        found += [(row.seq, row.state) for row in connection.execute(query)]
    for _, state in sorted(found, reverse=True):
        with suppress(UndecodableError):
            return codec.decode_desk(state)
    return None


def _stored_record(row: sa.Row[*tuple[object, ...]]) -> StoredRecord:
    return read_back(_entry(row))


def _entry(row: sa.Row[*tuple[object, ...]]) -> Entry:
    return Entry(
        journal_seq=row.journal_seq,
        desk_id=DeskId(row.desk_id),
        seq=row.seq,
        at=from_micros(row.at),
        mono=row.mono,
        source=row.source,
        kind=row.kind,
        cause_seq=row.cause_seq,
        raw=row.raw,
        part=row.part,
        input=row.input,
        reasons=row.reasons,
        commands=row.commands,
        refusal=row.refusal,
    )


def outbox_page(
    connection: sa.Connection,
    desk_id: DeskId | None,
    states: Collection[CommandState] | None,
    limit: int,
    before: CommandId | None,
) -> list[OutboxRow]:
    query = outbox_query(desk_id=desk_id, states=states, limit=limit, before=before)
    return [
        OutboxRow(
            command_id=CommandId(row.command_id),
            desk_id=DeskId(row.desk_id),
            kind=row.kind,
            state=CommandState(row.state),
            decided_at=from_micros(row.decided_at),
            updated_at=from_micros(row.updated_at),
            open=_open(row.body),
        )
        for row in connection.execute(query)
        if row.state in _STATES  # else it is damaged: `verify` tells of it
    ]


def outbox_query(
    *, desk_id: DeskId | None, states: Collection[CommandState] | None, limit: int, before: CommandId | None
) -> sa.Select[*tuple[object, ...]]:
    query: sa.Select[*tuple[object, ...]] = sa.select(outbox)
    if desk_id is not None:
        query = query.where(outbox.c.desk_id == desk_id)
    if states is not None:
        query = query.where(outbox.c.state.in_(sorted(state.value for state in states)))
    if before is not None:
        last = outbox.alias("last")
        cursor = sa.select(last.c.decided_at, last.c.command_id).where(last.c.command_id == before)
        query = query.where(sa.tuple_(outbox.c.decided_at, outbox.c.command_id) < cursor.scalar_subquery())
    return query.order_by(outbox.c.decided_at.desc(), outbox.c.command_id.desc()).limit(limit)


def _open(body: bytes) -> OpenCommand | UndecodableError:
    try:
        return codec.decode_command(body)
    except UndecodableError as exc:
        return exc


def stats(connection: sa.Connection, size_bytes: int, writer: WriterStats) -> Stats:
    desks = desks_with_records()
    by_state: Sequence[sa.Row[str, int]] = connection.execute(
        sa.select(outbox.c.state, sa.func.count()).group_by(outbox.c.state)
    ).all()
    oldest, newest = _ends(connection)
    return Stats(
        desks=connection.scalar(sa.select(sa.func.count(desks.c.desk_id))) or 0,
        snapshots=connection.scalar(sa.select(sa.func.count()).select_from(snapshots)) or 0,
        last_journal_seq=connection.scalar(sa.select(sa.func.max(records.c.journal_seq))) or 0,
        oldest_at=from_micros(oldest) if oldest is not None else None,
        newest_at=from_micros(newest) if newest is not None else None,
        outbox={CommandState(state): count for state, count in by_state if state in _STATES},
        size_bytes=size_bytes,
        writer=writer,
    )


def _ends(connection: sa.Connection) -> tuple[int | None, int | None]:
    by_age = sa.select(records.c.at).limit(1)
    return (
        connection.scalar(by_age.order_by(records.c.journal_seq)),
        connection.scalar(by_age.order_by(records.c.journal_seq.desc())),
    )
