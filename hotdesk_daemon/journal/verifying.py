"""
Whether a journal is sound, all of it: the file, the tables, every record, and that they agree with one another.

It reads everything and decides everything again, beside a running daemon if need be. What it finds is said with what to
do about it. A journal whose inputs were decided by other rules than today's is not unsound: there only the states are
not compared, and that is said too.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import SETTLED, CommandState, Desk, OpenCommand
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import CommandId, DeskId
from hotdesk_daemon.journal import codec, loading, queries
from hotdesk_daemon.journal.damage import is_damage
from hotdesk_daemon.journal.queries import own_entries
from hotdesk_daemon.journal.schema import FIRST_SEQ, HEAD, bases, marks, meta, metadata, outbox, snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hotdesk_daemon.journal.records import Entry

_AT_ONCE: Final = 1000
#: Faults of SQLite's that are told one by one.
_MOST_FAULTS: Final = 20
_SETTLED: Final = frozenset(state.value for state in SETTLED)
_RENEW: Final = "restart the daemon: it puts a damaged journal aside and lists every desk; or restore a backup"
_LISTED: Final = "nothing has to be done: the next start passes it over, and lists correct what it would have done"
_REBUILT: Final = "nothing has to be done: the next start rebuilds the state from the records"


@attrs.frozen(kw_only=True)
class Finding:
    """Something about a journal: what, of which desk, and what to do; unless ``is_wrong`` it is only to be known."""

    what: str
    remedy: str = ""
    desk: DeskId | None = None
    is_wrong: bool = True


@attrs.define
class Verified:
    """How far it was looked: desks, records and commands."""

    desks: int = 0
    records: int = 0
    commands: int = 0


def verify(
    connection: sa.Connection, verified: Verified, *, progress: Callable[[int], None] = lambda _records: None
) -> Iterator[Finding]:
    """Look at all of a journal, in *verified* how far; *progress* is told the records looked at."""
    sound = True
    with _broken("the file") as broken:
        for fault in _file_faults(connection):
            sound = False
            yield Finding(what=f"SQLite finds the file damaged: {fault}", remedy=_RENEW)
    yield from broken
    with _broken("the tables") as broken:
        faults = _table_faults(connection)
        yield from faults
        if faults or not (sound and not broken):
            return
    yield from broken
    with _broken("the records") as broken:
        known = _commands(connection)
        for desk_id in sorted(queries.last_seqs(connection)):
            verified.desks += 1
            look = _Look(connection, desk_id, known.pop(desk_id, {}), verified, progress)
            yield from look.findings()
        for desk_id, commands in known.items():
            yield Finding(what=f"{len(commands)} commands of a desk without records", desk=desk_id, remedy=_RENEW)
    yield from broken


@contextmanager
def _broken(what: str) -> Iterator[list[Finding]]:
    """Turn what a broken file is met with into findings, which are in the list afterwards."""
    found: list[Finding] = []
    try:
        yield found
    except (sa.exc.DBAPIError, ValueError, OverflowError, TypeError) as exc:
        if isinstance(exc, sa.exc.DBAPIError) and not is_damage(exc):
            raise
        found.append(Finding(what=f"{what} cannot be read: {getattr(exc, 'orig', None) or exc}", remedy=_RENEW))


def _file_faults(connection: sa.Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    told = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_FAULTS})").scalars().all()
    return [str(line).replace("\n", " ") for line in told if line != "ok"]


def _table_faults(connection: sa.Connection) -> list[Finding]:
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    version = None
    if "alembic_version" in there:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if version != HEAD:
        remedy = "a daemon of this version brings an older one up to date when it starts; a newer one is not for it"
        return [Finding(what=f"its schema is {version}, not {HEAD}", remedy=remedy)]
    found = []
    for table in metadata.sorted_tables:
        columns = {column["name"] for column in inspector.get_columns(table.name)} if table.name in there else set()
        lacking = sorted({column.name for column in table.columns} - columns)
        if lacking:
            found.append(Finding(what=f"the table {table.name} lacks {', '.join(lacking)}", remedy=_RENEW))
    return found


def _commands(connection: sa.Connection) -> dict[DeskId, dict[CommandId, str]]:
    """State of every command in the outbox, by desk."""
    found: dict[DeskId, dict[CommandId, str]] = {}
    for row in connection.execute(sa.select(outbox.c.desk_id, outbox.c.command_id, outbox.c.state)):
        found.setdefault(DeskId(row.desk_id), {})[CommandId(row.command_id)] = row.state
    return found


class _Look:
    """One desk, gone through from its base to its newest record."""

    def __init__(
        self,
        connection: sa.Connection,
        desk_id: DeskId,
        commands: Mapping[CommandId, str],
        verified: Verified,
        progress: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._desk_id = desk_id
        self._commands = commands
        self._verified = verified
        self._progress = progress
        self._newest: dict[CommandId, OpenCommand] = {}
        self._desk: Desk | None = None
        self._lost: str | None = None  # why states are not compared any more
        self._found: list[Finding] = []

    def findings(self) -> Iterator[Finding]:
        floor = self._begin()
        states = self._states()
        seq = floor
        for page in self._pages(floor):
            for entry in page:
                if entry.seq != seq + 1:
                    self._gap(seq, entry.seq)
                seq = entry.seq
                self._take(entry)
                self._compare(states.pop(seq, ()))
            self._verified.records += len(page)
            self._progress(self._verified.records)
            yield from self._told()
        self._compare(states.pop(floor, ()))
        for number, left in states.items():
            if number > seq:
                names = " and ".join(sorted({name for name, _, _ in left}))
                self._wrong(f"{names} at {number}, but the records end at {seq}", _RENEW)
        self._compare_commands(floor)
        if self._lost is not None:
            told = f"states are not compared any further: {self._lost}"
            self._found.append(Finding(what=told, desk=self._desk_id, is_wrong=False))
        yield from self._told()

    def _begin(self) -> int:
        """Start from the base; return the number behind which the history begins."""
        first = int(self._connection.scalar(sa.select(meta.c.value).where(meta.c.key == FIRST_SEQ)) or 0)
        row = self._connection.execute(sa.select(bases.c.seq).where(bases.c.desk_id == self._desk_id)).first()
        if row is None:
            self._desk = Desk(desk_id=self._desk_id, seq=first)
            return first
        floor, self._desk = loading.read_base(self._connection, self._desk_id)
        if self._desk is None:
            self._wrong(f"the state at {floor}, from which its history goes on, cannot be read", _LISTED)
            self._lost = "without that state nothing can be decided again"
        return floor

    def _states(self) -> dict[int, list[tuple[str, str, bytes]]]:
        """The stored states by number: where each stands, its version, and its bytes."""
        found: dict[int, list[tuple[str, str, bytes]]] = {}
        for name, table in (("the snapshot", snapshots), ("a mark", marks)):
            query = sa.select(table.c.seq, table.c.version, table.c.state).where(table.c.desk_id == self._desk_id)
            for seq, version, state in self._connection.execute(query):
                found.setdefault(seq, []).append((name, version, state))
        return found

    def _pages(self, floor: int) -> Iterator[Sequence[Entry]]:
        after = floor
        while page := own_entries(self._connection, self._desk_id, after, None, _AT_ONCE):
            yield page
            after = page[-1].seq

    def _gap(self, last: int, found: int) -> None:
        self._wrong(f"records {last + 1} to {found - 1} are missing", _LISTED)
        self._lost = self._lost or f"record {last + 1} is missing"

    # --- one record --------------------------------------------------------------------------------------------------

    def _take(self, entry: Entry) -> None:
        decoded = self._decode(entry)
        if self._lost is not None or self._desk is None or decoded is None:
            return
        given, reasons, commands = decoded
        try:
            step = decide(self._desk, given, now=entry.at)
        except Exception as exc:  # noqa: BLE001 - a mistake of ours, or a state that nobody wrote
            self._lost = f"record {entry.seq} cannot be decided: {type(exc).__name__}"
            return
        self._desk = step.desk
        if (step.reasons, step.commands) != (reasons, commands):
            self._lost = f"record {entry.seq} was decided by other rules; `replay` tells how"

    def _decode(self, entry: Entry) -> tuple[Any, Any, Any] | None:
        """Input, reasons and commands of a record; None if the input cannot be read."""
        reasons: tuple[Any, ...] = ()
        commands: tuple[OpenCommand, ...] = ()
        for what, read in (
            ("reasons", lambda: codec.decode_reasons(entry.reasons or b"[]")),
            ("commands", lambda: codec.decode_commands(entry.commands or b"[]")),
        ):
            try:
                if what == "reasons":
                    reasons = read()
                else:
                    commands = read()  # type: ignore[assignment]  # the other of the two
            except UndecodableError as exc:
                self._wrong(f"record {entry.seq}: {exc}", "nothing has to be done: `explain` shows less of it")
                self._lost = self._lost or f"record {entry.seq} is unreadable"
        self._newest.update((command.command_id, command) for command in commands)
        try:
            return codec.decode_input(entry.kind, entry.input), reasons, commands
        except UndecodableError as exc:
            self._wrong(f"record {entry.seq}: {exc}", _LISTED)
            self._lost = self._lost or f"record {entry.seq} is unreadable"
            return None

    # --- states and commands -----------------------------------------------------------------------------------------

    def _compare(self, states: Sequence[tuple[str, str, bytes]]) -> None:
        for name, version, data in states:
            try:
                stored = codec.decode_desk_of(version, data)
            except UndecodableError as exc:
                self._wrong(f"{name} cannot be read: {exc}", _REBUILT)
                continue
            if self._lost is not None or self._desk is None or version != codec.SNAPSHOT_VERSION:
                continue
            if codec.digest_desk(stored) != codec.digest_desk(self._desk):
                self._wrong(f"{name} at {stored.seq} is not what the records lead to", _LISTED)

    def _compare_commands(self, floor: int) -> None:
        for command_id, state in self._commands.items():
            self._verified.commands += 1
            newest = self._newest.pop(command_id, None)
            stored = self._stored(command_id)
            if stored is None:
                self._wrong(f"command {command_id} cannot be read in the outbox", "look at the desk if it is open")
            elif newest is None and not floor:
                self._wrong(f"command {command_id} is in the outbox and in no record", _RENEW)
            elif newest is not None and stored != newest and stored.state is not CommandState.DROPPED:
                told = f"is {stored.state.value} in the outbox and {newest.state.value} in the records"
                self._wrong(f"command {command_id} {told}", "the records count: the next start goes by them")
            elif state != stored.state.value:
                self._wrong(f"command {command_id} is listed as {state}, but is {stored.state.value}", _RENEW)
        open_ones = [key for key, command in self._newest.items() if command.state not in SETTLED]
        for command_id in open_ones:
            self._wrong(f"command {command_id} is open in the records and missing in the outbox", _RENEW)

    def _stored(self, command_id: CommandId) -> OpenCommand | None:
        body = self._connection.scalar(sa.select(outbox.c.body).where(outbox.c.command_id == command_id))
        try:
            return codec.decode_command(body or b"")
        except UndecodableError:
            return None

    def _wrong(self, what: str, remedy: str) -> None:
        self._found.append(Finding(what=what, remedy=remedy, desk=self._desk_id))

    def _told(self) -> Iterator[Finding]:
        yield from self._found
        self._found = []
