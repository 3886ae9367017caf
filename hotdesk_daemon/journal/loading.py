"""
What the desks' states are rebuilt from, as blocking functions on a connection.

A desk's newest snapshot and the few inputs behind it, whatever version stored it, as long as its state can be read.
Deciding old inputs again is the second choice: rules that have changed since would find commands that nobody sent. It
begins at the desk's base, or at its first record. Where neither is to be had, or history is too long to be decided
again at a start, the desk begins anew behind its last number: lists tell what is booked, its open commands are lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.damage import is_damage
from hotdesk_daemon.journal.entries import input_of
from hotdesk_daemon.journal.errors import JournalDamagedError
from hotdesk_daemon.journal.queries import last_seqs
from hotdesk_daemon.journal.records import Stored, TailEntry
from hotdesk_daemon.journal.schema import bases, from_micros, records, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Inputs that are decided again for want of snapshots, over all desks: about a minute, and a gigabyte.
MOST_REPLAYED: Final = 1_000_000

_Tails = dict[DeskId, list[TailEntry]]
_States = dict[DeskId, Desk]


def load(connection: sa.Connection, *, most_replayed: int = MOST_REPLAYED) -> dict[DeskId, Stored]:
    """
    What every desk's state is rebuilt from.

    Raises:
        JournalDamagedError: what is stored contradicts itself, or was never written.
    """
    try:
        return _load(connection, most_replayed)
    except (OverflowError, ValueError, TypeError) as exc:
        raise JournalDamagedError(f"the journal holds a value that cannot be: {exc}") from exc
    except sa.exc.DBAPIError as exc:
        if not is_damage(exc):
            raise
        raise JournalDamagedError(f"the journal cannot be read: {exc.orig}") from exc


def _load(connection: sa.Connection, most_replayed: int) -> dict[DeskId, Stored]:
    newest = last_seqs(connection)
    states = _read_snapshots(connection)
    tails: _Tails = {}
    _read_tails(connection.execute(tail_query()), tails)
    begun_anew: set[DeskId] = set()
    left = most_replayed
    for desk_id in sorted(newest.keys() - states.keys()):
        tails.pop(desk_id, None)
        left -= _replayable(connection, desk_id, states, tails, left)
        if desk_id not in tails and desk_id not in states:
            begun_anew.add(desk_id)
            states[desk_id] = Desk(desk_id=desk_id, seq=newest.get(desk_id, 0))
    found = {
        desk_id: Stored(
            snapshot=states.get(desk_id), tail=tuple(tails.get(desk_id, ())), is_begun_anew=desk_id in begun_anew
        )
        for desk_id in sorted(states.keys() | tails.keys())
    }
    _check_ends(found, newest)
    return found


def _check_ends(found: dict[DeskId, Stored], newest: dict[DeskId, int]) -> None:
    for desk_id, seq in newest.items():
        end = found[desk_id].last_seq if desk_id in found else 0
        if end != seq:
            raise JournalDamagedError(f"the journal contradicts itself: desk {desk_id} ends at {end} and at {seq}")


def _read_snapshots(connection: sa.Connection) -> _States:
    """The snapshots that can be read."""
    states: _States = {}
    query = sa.select(snapshots.c.desk_id, snapshots.c.seq, snapshots.c.version, snapshots.c.state)
    for name, seq, version, data in connection.execute(query):
        state = read_state(DeskId(name), seq, version, data)
        if state is not None:
            states[state.desk_id] = state
    return states


def read_state(desk_id: DeskId, seq: int, version: str, data: bytes) -> Desk | None:
    """A stored state; None if it cannot be read, or is not that of this desk after *seq* inputs."""
    try:
        state = codec.decode_desk_of(version, data)
    except UndecodableError:
        return None
    return state if (state.desk_id, state.seq) == (desk_id, seq) else None


def read_base(connection: sa.Connection, desk_id: DeskId) -> tuple[int, Desk | None]:
    """Behind which number a desk's history begins, and the state there; None if it cannot be read."""
    row = connection.execute(sa.select(bases).where(bases.c.desk_id == desk_id)).first()
    if row is None:
        return 0, Desk(desk_id=desk_id)
    return row.seq, read_state(desk_id, row.seq, row.version, row.state)


def _replayable(connection: sa.Connection, desk_id: DeskId, states: _States, tails: _Tails, most: int) -> int:
    """Read a desk's history from its base on, unless there is none or more than *most*; return how much it is."""
    floor, base = read_base(connection, desk_id)
    behind = (records.c.desk_id == desk_id, records.c.seq > floor)
    count = connection.scalar(sa.select(sa.func.count()).select_from(records).where(*behind)) or 0
    if base is None or count > most:
        return 0
    if floor:
        states[desk_id] = base
    query = sa.select(records.c.desk_id, records.c.seq, records.c.at, records.c.kind, records.c.input)
    _read_tails(connection.execute(query.where(*behind).order_by(records.c.seq)), tails)
    return count


def tail_query() -> sa.Select[str, int, int, str, bytes]:
    """The inputs behind the snapshots, in the order of desks and numbers."""
    behind = sa.and_(records.c.desk_id == snapshots.c.desk_id, records.c.seq > snapshots.c.seq)
    return (
        sa.select(records.c.desk_id, records.c.seq, records.c.at, records.c.kind, records.c.input)
        .select_from(snapshots.join(records, behind))
        .order_by(records.c.desk_id, records.c.seq)
    )


def _read_tails(rows: Iterable[sa.Row[str, int, int, str, bytes]], tails: _Tails) -> None:
    for desk_id, seq, at, kind, data in rows:
        entry = TailEntry(seq, from_micros(at), input_of(kind, data))
        tails.setdefault(DeskId(desk_id), []).append(entry)
