"""
What retention takes out of a journal, a slice at a time.

Only what no state is rebuilt from goes. A desk's history is cut at a mark: the mark becomes the desk's base first, in a
transaction of its own, and what is older is nobody's from then on; so a process that ends in the middle leaves nothing
behind but room that the next one frees. What goes is overwritten (``secure_delete``), not only forgotten.

`prune` is a generator, each step of which is one short transaction: a daemon takes one between two commits, a person's
verb takes one after the other. Everything here blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Final, Protocol

import attrs
import sqlalchemy as sa

from hotdesk_daemon.core.desk import SETTLED, Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import dialect, loading
from hotdesk_daemon.journal.queries import last_seqs
from hotdesk_daemon.journal.schema import RAW_DROPPED, bases, from_micros, marks, meta, outbox, records, snapshots
from hotdesk_daemon.journal.work import base_row, snapshot_row

#: How long a slice may take: less than anybody notices who waits for a commit.
SLICE_S: Final = 0.005
_ROWS: Final = 100
_DESKS: Final = 20
#: By how much history is shortened at once where it is too large, in microseconds: a quarter of a day.
_AT_ONCE: Final = 6 * 3600 * 1_000_000
#: Pages given back to the disk at once, 4 KB each.
_PAGES: Final = 64
#: Free pages that are kept for what comes: giving them back and taking them again costs more than they do.
_SPARE_PAGES: Final = 2048
#: What is the only trace of a message is not dropped before its record.
_KEEPS_RAW: Final = "Undecodable"
_SETTLED: Final = sorted(state.value for state in SETTLED)


class Held(Protocol):
    """A journal's database, held for writing."""

    @property
    def connection(self) -> sa.Connection:
        """The connection, outside of a transaction."""


@attrs.frozen(kw_only=True)
class Horizons:
    """
    What is older goes, in microseconds since 1970; None keeps all.

    ``records`` is for whole records, ``raw`` for the messages as they came, ``commands`` for settled ones. Beyond
    ``size_bytes`` the oldest records go, however young. ``served`` are the desks whose state somebody holds: any other
    whose newest record is too old is forgotten, and begins anew should it come back; None forgets no desk. What is
    dated after ``now`` was written by a clock that was ahead.
    """

    records: int | None = None
    raw: int | None = None
    commands: int | None = None
    size_bytes: int | None = None
    served: Collection[DeskId] | None = None
    now: int | None = None


@attrs.define
class Pruned:
    """
    What went: rows of each class, and bytes given back to the disk.

    ``shortened_to`` is from when on records are kept, where the size and not the age said so. ``forgotten`` are desks
    that begin anew at this number. ``is_too_large`` says that the rest is still larger than it may be.
    """

    records: int = 0
    raw: int = 0
    commands: int = 0
    freed_bytes: int = 0
    shortened_to: datetime | None = None
    forgotten: dict[DeskId, int] = attrs.field(factory=dict)
    is_too_large: bool = False


def prune(held: Held, horizons: Horizons, *, slice_s: float = SLICE_S) -> Iterator[Pruned]:
    """Take out what is beyond *horizons*; each step is a slice, and yields what has gone so far."""
    pruned = Pruned()
    raw, commands = horizons.raw, horizons.commands
    if horizons.records is not None and horizons.served is not None:
        yield from _forget(held, horizons.records, horizons.served, pruned)
    if horizons.records is not None:
        yield from _cut(held, horizons.records, horizons.now, pruned, slice_s)
    if raw is not None:
        yield from _in_slices(held, lambda: _drop_raw(held.connection, raw, pruned), pruned, slice_s)
    if commands is not None:
        yield from _in_slices(held, lambda: _drop_commands(held.connection, commands, pruned), pruned, slice_s)
    if horizons.size_bytes is not None:
        yield from _shorten(held, horizons.size_bytes, horizons.now, pruned, slice_s)
    yield from _give_back(held, pruned)


def _in_slices(held: Held, step: Callable[[], bool], pruned: Pruned, slice_s: float) -> Iterator[Pruned]:
    """Repeat *step* until it says that nothing is left; what fits into a slice is one transaction."""
    is_more = True
    while is_more:
        end_mono = time.monotonic() + slice_s
        with held.connection.begin():
            is_more = step()
            while is_more and time.monotonic() < end_mono:
                is_more = step()
        yield pruned


# --- records ---------------------------------------------------------------------------------------------------------


def _cut(held: Held, horizon: int, now: int | None, pruned: Pruned, slice_s: float) -> Iterator[Pruned]:
    """Move the bases to the newest marks that are older than *horizon*, and delete the records before them."""
    with held.connection.begin():
        places = iter(cuts(held.connection, horizon, now))
    while some := list(islice(places, _DESKS)):
        _move_bases(held.connection, some)
        yield pruned
    floors, bound = _floors(held.connection)
    after = 0

    def step() -> bool:
        nonlocal after
        after = _delete_records(held.connection, after, bound, floors, pruned)
        return after < bound

    if bound:
        yield from _in_slices(held, step, pruned, slice_s)


def cuts(connection: sa.Connection, horizon: int, now: int | None) -> list[tuple[str, int, sa.Table]]:
    """
    Where each desk's history may be cut: desk, number, and the table that holds the state there.

    States follow each other in the order of their numbers. One that is dated before an earlier one was written by a
    clock that was behind, and one that lies ahead by a clock that was ahead: by neither is anything old.
    """
    states: list[tuple[str, int, int, sa.Table]] = []
    # A snapshot that is so old is the last of a desk that is quiet, and as good as a mark.
    for table, at in ((bases, bases.c.at), (marks, marks.c.at), (snapshots, snapshots.c.written_at)):
        rows = connection.execute(sa.select(table.c.desk_id, table.c.seq, at))
        states += [(desk_id, seq, dated, table) for desk_id, seq, dated in rows]
    newest: dict[str, tuple[int, sa.Table]] = {}
    latest: dict[str, int] = {}
    for desk_id, seq, dated, table in sorted(states, key=itemgetter(0, 1)):
        if dated < latest.get(desk_id, 0) or (now is not None and dated > max(now, horizon)):
            continue
        latest[desk_id] = dated
        if table is bases or dated <= horizon:
            newest[desk_id] = (seq, table)
    return [(desk_id, seq, table) for desk_id, (seq, table) in newest.items() if table is not bases]


def _move_bases(connection: sa.Connection, cuts: Sequence[tuple[str, int, sa.Table]]) -> None:
    put_base = dialect.upsert(connection.dialect.name, bases)
    with connection.begin():
        for desk_id, seq, table in cuts:
            here = (table.c.desk_id == desk_id, table.c.seq == seq)
            row = connection.execute(sa.select(table).where(*here)).mappings().first()
            if row is None:
                continue  # a newer snapshot has taken its place
            state = {name: row[name] for name in ("desk_id", "seq", "version", "state")}
            at = row["at"] if "at" in row else row["written_at"]
            connection.execute(put_base, {**state, "at": at})
            connection.execute(marks.delete().where(marks.c.desk_id == desk_id, marks.c.seq <= seq))


def _floors(connection: sa.Connection) -> tuple[dict[str, int], int]:
    """Up to where each desk's records go, and the number of the journal behind which none of them is."""
    there = sa.and_(records.c.desk_id == bases.c.desk_id, records.c.seq == bases.c.seq)
    with connection.begin():
        floors = {row.desk_id: row.seq for row in connection.execute(sa.select(bases.c.desk_id, bases.c.seq))}
        # Records go in the order of the journal: while some of a desk's are left, the one at its floor is.
        last = sa.select(sa.func.max(records.c.journal_seq)).select_from(bases.join(records, there))
        return floors, connection.scalar(last) or 0


def _delete_records(connection: sa.Connection, after: int, bound: int, floors: dict[str, int], pruned: Pruned) -> int:
    """Look at some records behind *after*, delete those below their desk's floor, and return how far it looked."""
    number = records.c.journal_seq
    query = sa.select(number, records.c.desk_id, records.c.seq).where(number > after, number <= bound)
    rows = connection.execute(query.order_by(number).limit(_ROWS)).all()
    doomed = [row.journal_seq for row in rows if row.seq <= floors.get(row.desk_id, -1)]
    if doomed:
        connection.execute(records.delete().where(number.in_(doomed)))
    pruned.records += len(doomed)
    return rows[-1].journal_seq if len(rows) == _ROWS else bound


def _shorten(held: Held, size_bytes: int, now: int | None, pruned: Pruned, slice_s: float) -> Iterator[Pruned]:
    """Cut at the oldest marks until the rest fits, or none is left to cut at."""
    before = -1
    while dialect.used_bytes(held.connection) > size_bytes:
        with held.connection.begin():
            oldest = held.connection.scalar(sa.select(sa.func.min(marks.c.at)).where(marks.c.at > before))
        if oldest is None:
            pruned.is_too_large = True
            return
        before = oldest
        pruned.shortened_to = from_micros(oldest + _AT_ONCE)
        yield from _cut(held, oldest + _AT_ONCE, now, pruned, slice_s)


# --- desks that are gone ---------------------------------------------------------------------------------------------


def _forget(held: Held, horizon: int, served: Collection[DeskId], pruned: Pruned) -> Iterator[Pruned]:
    """Replace the state of desks that nothing was heard of since *horizon* by that of a desk that begins."""
    with held.connection.begin():
        desks = iter(sorted(last_seqs(held.connection).keys() - {*served}))
    while some := list(islice(desks, _DESKS)):
        with held.connection.begin():
            for desk_id in some:
                _forget_if_silent(held.connection, desk_id, horizon, pruned)
        yield pruned


def _forget_if_silent(connection: sa.Connection, desk_id: DeskId, horizon: int, pruned: Pruned) -> None:
    newest = sa.select(records.c.seq, records.c.at).where(records.c.desk_id == desk_id)
    last = connection.execute(newest.order_by(records.c.seq.desc()).limit(1)).first()
    row = connection.execute(sa.select(snapshots).where(snapshots.c.desk_id == desk_id)).first()
    seq = max(last.seq if last else 0, row.seq if row else 0)
    at = max(last.at if last else 0, row.written_at if row else 0)
    state = loading.read_state(desk_id, row.seq, row.version, row.state) if row else None
    empty = Desk(desk_id=desk_id, seq=seq)
    # One that has been forgotten already stays as it is; commands that are open wait for a person.
    if at > horizon or state == empty or (state is not None and state.commands):
        return
    name = connection.dialect.name
    connection.execute(dialect.upsert(name, bases), base_row(empty, from_micros(at)))
    connection.execute(dialect.upsert(name, snapshots), snapshot_row(empty, from_micros(at)))
    connection.execute(marks.delete().where(marks.c.desk_id == desk_id))
    pruned.forgotten[desk_id] = seq


# --- messages and commands -------------------------------------------------------------------------------------------


def _drop_raw(connection: sa.Connection, horizon: int, pruned: Pruned) -> bool:
    """Drop the messages of some records older than *horizon*; return whether there may be more."""
    number = records.c.journal_seq
    after = int(connection.scalar(sa.select(meta.c.value).where(meta.c.key == RAW_DROPPED)) or 0)
    query = sa.select(number, records.c.at).where(number > after).order_by(number).limit(_ROWS)
    old = []
    for row in connection.execute(query).all():
        if row.at > horizon:
            break
        old.append(row.journal_seq)
    if not old:
        return False
    between = (number > after, number <= old[-1], records.c.raw.is_not(None), records.c.kind != _KEEPS_RAW)
    found = connection.execute(records.update().where(*between).values(raw=None))
    put = dialect.upsert(connection.dialect.name, meta)
    connection.execute(put, {"key": RAW_DROPPED, "value": str(old[-1])})
    pruned.raw += found.rowcount
    return len(old) == _ROWS


def _drop_commands(connection: sa.Connection, horizon: int, pruned: Pruned) -> bool:
    """Delete some settled commands older than *horizon*; return whether there may be more."""
    old = (outbox.c.decided_at <= horizon, outbox.c.updated_at <= horizon, outbox.c.state.in_(_SETTLED))
    doomed = connection.scalars(sa.select(outbox.c.command_id).where(*old).limit(_ROWS)).all()
    if doomed:
        connection.execute(outbox.delete().where(outbox.c.command_id.in_(doomed)))
    pruned.commands += len(doomed)
    return len(doomed) == _ROWS


# --- room ------------------------------------------------------------------------------------------------------------


def _give_back(held: Held, pruned: Pruned) -> Iterator[Pruned]:
    """Give room back to the disk, but for some that will be needed soon."""
    while freed := dialect.give_back(held.connection, pages=_PAGES, spare_pages=_SPARE_PAGES):
        pruned.freed_bytes += freed
        yield pruned
