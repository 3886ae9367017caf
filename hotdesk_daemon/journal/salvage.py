"""
What can still be read from a damaged journal that was put aside: states, and commands that were open.

It reads desk by desk, and gives up on one at the first thing that is not as it was written. It changes nothing.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core.desk import SETTLED, OpenCommand
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import CommandId, DeskId
from hotdesk_daemon.core.inputs import Input
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.entries import input_of
from hotdesk_daemon.journal.loading import read_state
from hotdesk_daemon.journal.records import Stored, TailEntry
from hotdesk_daemon.journal.schema import from_micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How long a start may spend on it.
LIMIT_S: Final = 1.0
#: Inputs behind a desk's newest state that are worth deciding again.
_LONGEST_TAIL: Final = 10_000
_STEPS_BETWEEN_LOOKS: Final = 10_000
_SETTLED: Final = frozenset(state.value for state in SETTLED)
#: What a broken file, or a value in it that nobody wrote, is met with.
_BROKEN: Final = (sqlite3.Error, UndecodableError, ValueError, OverflowError, TypeError, KeyError)


@attrs.frozen(kw_only=True)
class OpenOne:
    """A command of the outbox that was not settled; ``open`` is all of it, where that can be read."""

    desk_id: DeskId
    command_id: CommandId
    kind: str
    state: str
    open: OpenCommand | None


@attrs.define
class Salvaged:
    """
    What was read.

    ``stored`` are the desks whose state can be rebuilt to the end that the file knows. ``open_commands`` are those of
    all desks; unless ``is_whole``, there may have been more. ``last_seq`` is the largest number of any desk.
    """

    stored: dict[DeskId, Stored] = attrs.field(factory=dict)
    open_commands: list[OpenOne] = attrs.field(factory=list)
    is_whole: bool = False
    last_seq: int = 0


def salvage(database: Path, *, limit_s: float = LIMIT_S) -> Salvaged:
    """Read what can be read of *database*, for so long at most; blocking."""
    found = Salvaged()
    end_mono = time.monotonic() + limit_s
    with suppress(*_BROKEN), closing(sqlite3.connect(database, timeout=0.0, isolation_level=None)) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(lambda: time.monotonic() > end_mono, _STEPS_BETWEEN_LOOKS)
        with suppress(*_BROKEN):
            for one in _open_commands(connection):
                found.open_commands.append(one)
            found.is_whole = True
        for desk_id in _desks(connection):
            with suppress(*_BROKEN):
                found.stored[desk_id] = _stored(connection, desk_id)
        found.last_seq = _last_seq(connection, found)
    return found


def _open_commands(connection: sqlite3.Connection) -> Iterator[OpenOne]:
    rows = connection.execute("SELECT desk_id, command_id, kind, state, body FROM outbox")
    for desk_id, command_id, kind, state, body in rows:
        if state not in _SETTLED:
            whole = None
            with suppress(*_BROKEN):
                whole = codec.decode_command(body)
            yield OpenOne(desk_id=desk_id, command_id=command_id, kind=str(kind), state=str(state), open=whole)


def _desks(connection: sqlite3.Connection) -> list[DeskId]:
    found: set[DeskId] = set()
    for table in ("snapshots", "bases"):
        with suppress(*_BROKEN):
            for (name,) in connection.execute(f"SELECT desk_id FROM {table}"):  # noqa: S608 - our own names
                found.add(DeskId(name))
    return sorted(found)


def _stored(connection: sqlite3.Connection, desk_id: DeskId) -> Stored:
    """
    The newest state of a desk and the inputs behind it.

    Raises:
        ValueError: it cannot be rebuilt to the end; so do the other errors of `_BROKEN`.
    """
    state = None
    for table in ("snapshots", "bases"):
        query = f"SELECT seq, version, state FROM {table} WHERE desk_id = ?"  # noqa: S608 - our own names
        row = connection.execute(query, (desk_id,)).fetchone()
        state = read_state(desk_id, *row) if row is not None else None
        if state is not None:
            break
    if state is None:
        raise ValueError(f"no state of desk {desk_id} can be read")
    rows = connection.execute(
        "SELECT seq, at, kind, input FROM records WHERE desk_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        (desk_id, state.seq, _LONGEST_TAIL + 1),
    ).fetchall()
    tail = tuple(TailEntry(seq, from_micros(at), input_of(kind, data)) for seq, at, kind, data in rows)
    stored = Stored(snapshot=state, tail=tail)
    is_read = all(isinstance(entry.input, Input) for entry in tail)
    if not is_read or stored.missing_seq is not None or len(tail) > _LONGEST_TAIL:
        raise ValueError(f"the history of desk {desk_id} is not whole")
    return stored


def _last_seq(connection: sqlite3.Connection, found: Salvaged) -> int:
    last = max((stored.last_seq for stored in found.stored.values()), default=0)
    for table in ("records", "snapshots"):
        with suppress(*_BROKEN):
            (seq,) = connection.execute(f"SELECT max(seq) FROM {table}").fetchone()  # noqa: S608 - our own names
            last = max(last, int(seq or 0))
    return last
