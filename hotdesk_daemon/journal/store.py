"""
The database as the writer thread holds it: opened and migrated, one transaction per group of appends.

Everything in here blocks and belongs to that one thread. A file that turns out to be broken takes nothing more: `Store`
puts it aside when it is opened, and refuses everything from then on when that shows later, until `begin_anew`.
"""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import attrs
import msgspec
import sqlalchemy as sa

from hotdesk_daemon.core.desk import CommandState
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import CommandId, DeskId
from hotdesk_daemon.journal import damage, dialect, queries
from hotdesk_daemon.journal.codec import decode_command, encode_command
from hotdesk_daemon.journal.errors import (
    JournalConflictError,
    JournalDamagedError,
    JournalError,
    JournalPlaceError,
    JournalRefusedError,
    JournalUnavailableError,
)
from hotdesk_daemon.journal.migrate import migrate
from hotdesk_daemon.journal.schema import (
    ASIDE,
    COPIED_AT,
    FIRST_SEQ,
    JOURNAL_ID,
    bases,
    marks,
    meta,
    outbox,
    snapshots,
    to_micros,
)
from hotdesk_daemon.journal.work import Work, base_row, command_row, snapshot_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hotdesk_daemon.core.desk import Desk

RETRY_AFTER_S = 1.0
#: Records of a desk between two marks, however quick they come.
MARK_AFTER: Final = 4096

#: What a value does to the database that it cannot take; anything else that a driver raises is the database's trouble.
_REFUSALS = (
    sa.exc.DataError,
    sa.exc.InterfaceError,
    sa.exc.ProgrammingError,
    OverflowError,
    TypeError,
    ValueError,
)
#: What passes by itself, or is not the place's fault; any other error of the system needs a person.
_PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EINTR})

Outcome = tuple[Work, JournalError | None]
Row = dict[str, Any]


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """A damaged file that was put aside: where it is, and what was wrong with it."""

    file: str
    fault: str


@contextmanager
def opened(
    url: sa.URL,
    *,
    created_at: datetime,
    max_size_bytes: int | None = None,
    mark_every: timedelta = timedelta(days=1),
    may_put_aside: bool = True,
) -> Iterator[Store]:
    """
    Own the database at *url*; a damaged one is put aside, and another begun, unless that is not wanted.

    Raises:
        JournalLockedError: another process owns it.
        JournalVersionError: it is newer than this program.
        JournalPlaceError: nothing can be written there, or it is something else's file.
        JournalUnavailableError: it cannot be opened now.
    """
    try:
        with dialect.held(url):
            store = Store(url, created_at=created_at, max_size_bytes=max_size_bytes, mark_every=mark_every)
            store.open(may_put_aside=may_put_aside)
            try:
                yield store
            finally:
                store.close()
    except (sa.exc.SQLAlchemyError, OSError) as exc:
        raise _not_opened(url, exc) from exc


def unavailable(what: str, exc: BaseException) -> JournalUnavailableError:
    """The journal's error for a driver's or the system's, where the file is one of ours."""
    cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) and exc.orig else exc
    kind = JournalDamagedError if dialect.is_damage(exc) else JournalUnavailableError
    return kind(f"the journal cannot be {what}: {cause}", retry_after_s=RETRY_AFTER_S)


def _not_opened(url: sa.URL, exc: BaseException) -> JournalError:
    """Why *url* cannot be opened, and which file that is."""
    file = dialect.file_of(url)
    error = unavailable("opened", exc)
    if file is None:
        return error
    text = f"{file}: {error}"
    if damage.is_damage(exc):
        return JournalDamagedError(f"{text}; start the daemon, which puts it aside, or restore a backup")
    is_barred = isinstance(exc, OSError) and exc.errno not in _PASSING
    if is_barred or dialect.error_kind(exc) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return JournalPlaceError(f"{text}; let the daemon's user write there, or choose another daemon.state_dir")
    return JournalUnavailableError(text, retry_after_s=error.retry_after_s)


@attrs.define(eq=False)
class _Undo:
    """The desks' last numbers before an append, in case it does not become durable."""

    before: dict[DeskId, int] = attrs.field(factory=dict)

    def apply(self, last_seqs: dict[DeskId, int]) -> None:
        last_seqs.update(self.before)


class Store:
    """
    Commits groups of appends and watches that no desk's sequence gets a gap.

    ``aside`` is the damaged file that was found in its place, until `begin_with` has taken over what could be;
    ``first_seq`` the number behind which desks begin that it does not know; ``is_copy`` says that it is a backup that
    was put back.
    """

    def __init__(self, url: sa.URL, *, created_at: datetime, max_size_bytes: int | None, mark_every: timedelta) -> None:
        self.aside: Aside | None = None
        self.first_seq = 0
        self.is_copy = False
        self._url = url
        self._created_at = created_at
        self._max_size_bytes = max_size_bytes
        self._mark_every_us = mark_every // timedelta(microseconds=1)
        self._fault: str | None = None
        self._half_begun: Aside | None = None
        self._connection: sa.Connection = None  # type: ignore[assignment]  # until `open`
        self._last_seqs: dict[DeskId, int] = {}
        self._marks: dict[DeskId, tuple[int, int]] = {}

    @property
    def connection(self) -> sa.Connection:
        """
        The connection, outside of a transaction.

        Raises:
            JournalDamagedError: the file is not to be used any more.
        """
        if self._fault is not None or self._connection is None:
            raise JournalDamagedError(self._fault or "no journal stands", retry_after_s=RETRY_AFTER_S)
        return self._connection

    # --- the file ----------------------------------------------------------------------------------------------------

    def open(self, *, may_put_aside: bool = True) -> None:
        """Open the database, or put it aside and begin another."""
        file = dialect.file_of(self._url)
        try:
            if file is not None:
                damage.examine(file)
            self._connect()
        except (JournalDamagedError, sa.exc.SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as exc:
            if file is None or not (may_put_aside and damage.is_damage(exc)):
                self.close()
                raise _not_opened(self._url, exc) from exc
            self.aside = self._put_aside(file, fault=str(getattr(exc, "orig", None) or exc))
            self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        dialect.make_file(self._url)
        engine = dialect.make_engine(self._url, max_size_bytes=self._max_size_bytes)
        self._connection = engine.connect()
        name = self._connection.dialect.name
        self._put_command = dialect.upsert(name, outbox)
        self._put_snapshot = dialect.upsert(name, snapshots)
        migrate(self._connection)
        self._begin()

    def _begin(self) -> None:
        """Date and name a new journal; learn how far each desk's records go."""
        with self._connection.begin():
            known = {row.key: row.value for row in self._connection.execute(sa.select(meta))}
            for key, value in (("created_at", self._created_at.isoformat()), (JOURNAL_ID, str(uuid4()))):
                if key not in known:
                    self._connection.execute(meta.insert().values(key=key, value=value))
            if self.aside is not None:
                text = msgspec.json.encode(self.aside).decode()
                self._connection.execute(meta.insert().values(key=ASIDE, value=text))
            elif ASIDE in known:
                self.aside = msgspec.json.decode(known[ASIDE], type=Aside)
            self.first_seq = int(known.get(FIRST_SEQ, 0))
            self.is_copy = COPIED_AT in known
            self._last_seqs = queries.last_seqs(self._connection)
            self._marks = queries.newest_marks(self._connection)

    def _put_aside(self, file: Path, *, fault: str) -> Aside:
        self.close()
        return Aside(file=str(damage.put_aside(file, at=datetime.now(UTC))), fault=fault)

    def close(self) -> None:
        """Let go of the database; may be called twice."""
        connection, self._connection = self._connection, None  # type: ignore[assignment]  # not used any more
        if connection is not None:
            with suppress(sa.exc.SQLAlchemyError):  # a broken one may not close in order either
                connection.close()

    def begin_anew(self, states: Sequence[Desk], *, fault: str, first_seq: int) -> Aside:
        """
        Put the database aside and go on in a new one, with *states* as the beginnings of the desks' histories.

        Raises:
            JournalUnavailableError: that cannot be done now; nothing is taken until it is.
        """
        file = dialect.file_of(self._url)
        if file is None:
            raise AssertionError("a database that is no file is not put aside")
        self._fault = fault
        try:
            aside = self._half_begun or self._put_aside(file, fault=fault)
            if self._half_begun is not None:
                damage.remove(file)
            self._half_begun = aside
            self._connect()
            self.begin_with(states, first_seq=first_seq)
        except (sa.exc.SQLAlchemyError, OSError) as exc:
            self.close()
            raise _not_opened(self._url, exc) from exc
        self._fault = self._half_begun = None
        return aside

    def begin_with(self, states: Sequence[Desk], *, first_seq: int) -> None:
        """Make *states* the beginnings of the histories of desks that have none yet."""
        now = datetime.now(UTC)
        with self._connection.begin():
            name = self._connection.dialect.name
            for desk in states:
                self._connection.execute(dialect.upsert(name, bases), base_row(desk, now))
                if not desk.buffer:
                    self._connection.execute(self._put_snapshot, snapshot_row(desk, now))
                for command in desk.commands.values():
                    row = command_row(desk.desk_id, command, updated_at=command.answered_at or command.decided_at)
                    self._connection.execute(self._put_command, row)
            self._connection.execute(dialect.upsert(name, meta), {"key": FIRST_SEQ, "value": str(first_seq)})
            self._connection.execute(meta.delete().where(meta.c.key == ASIDE))
        self.aside = None
        self.first_seq = first_seq
        self._last_seqs = {desk.desk_id: desk.seq for desk in states}
        self._marks = {desk.desk_id: (desk.seq, to_micros(now)) for desk in states}

    def trust(self) -> None:
        """What was open in a copy has been taken up: from now on it is a journal like any other."""
        with self.connection.begin():
            self.connection.execute(meta.delete().where(meta.c.key == COPIED_AT))
        self.is_copy = False

    def give_up(self, commands: Sequence[CommandId]) -> None:
        """Mark open commands as dropped whose desk knows of them no more."""
        with self.connection.begin():
            for command_id in commands:
                here = outbox.c.command_id == command_id
                body = self.connection.scalar(sa.select(outbox.c.body).where(here))
                with suppress(UndecodableError):
                    given_up = attrs.evolve(
                        decode_command(body or b""), state=CommandState.DROPPED, message="lost with its desk's state"
                    )
                    self.connection.execute(outbox.update().where(here).values(body=encode_command(given_up)))
                self.connection.execute(outbox.update().where(here).values(state=CommandState.DROPPED.value))

    def condemn(self, fault: str) -> None:
        """Take nothing more: the file is broken, as somebody else has found."""
        self._fault = self._fault or fault

    def last_seqs(self) -> dict[DeskId, int]:
        """How far each desk's durable records go."""
        return dict(self._last_seqs)

    # --- committing --------------------------------------------------------------------------------------------------

    def commit(self, works: Sequence[Work]) -> list[Outcome]:
        """Make *works* durable in one transaction and say for each whether it is."""
        if self._fault is not None:
            return [(work, JournalDamagedError(self._fault, retry_after_s=RETRY_AFTER_S)) for work in works]
        outcomes: list[Outcome] = []
        admitted: list[tuple[Work, _Undo]] = []
        for work in works:
            try:
                admitted.append((work, self._advance(work)))
            except JournalConflictError as exc:
                outcomes.append((work, exc))
        if not admitted:
            return outcomes
        error = self._error_of([work for work, _ in admitted])
        if error is not None:
            for _, undo in reversed(admitted):
                undo.apply(self._last_seqs)
            if isinstance(error, JournalRefusedError) and len(admitted) > 1:
                # One of them is to blame: the others must not pay for it.
                return outcomes + [outcome for work, _ in admitted for outcome in self.commit([work])]
        return outcomes + [(work, error) for work, _ in admitted]

    def _error_of(self, works: Sequence[Work]) -> JournalError | None:
        """Write *works*; return why they could not be."""
        error: JournalError
        try:
            self._transaction(works)
        except UnicodeDecodeError as exc:  # of SQLite's own message, which tells of a name that nobody gave
            error = JournalDamagedError(f"the journal cannot be written: {exc}", retry_after_s=RETRY_AFTER_S)
            error.__cause__ = exc
            self.condemn(str(error))
        except _REFUSALS as exc:
            error = JournalRefusedError(f"the database refuses a record: {exc}")
            error.__cause__ = exc
        except sa.exc.IntegrityError as exc:
            # The sequence was looked at, and nobody else writes: a row that is there already is in a broken index.
            error = JournalDamagedError(f"the journal cannot be written: {exc.orig}", retry_after_s=RETRY_AFTER_S)
            error.__cause__ = exc
            self.condemn(str(error))
        except sa.exc.SQLAlchemyError as exc:
            error = self.failed("written", exc)
            error.__cause__ = exc
        else:
            return None
        return error

    def failed(self, what: str, exc: sa.exc.SQLAlchemyError) -> JournalUnavailableError:
        """The journal's error for *exc*; after one that tells of damage nothing more is taken."""
        error = unavailable(what, exc)
        if isinstance(error, JournalDamagedError):
            self.condemn(str(error))
        return error

    def _advance(self, work: Work) -> _Undo:
        """Count the rows of *work* as the desks' newest, or refuse all of them."""
        last, undo = self._last_seqs, _Undo()
        try:
            for desk_id, seq in work.seqs:
                JournalConflictError.check_next(desk_id, seq, expected=last.get(desk_id, self.first_seq) + 1)
                undo.before.setdefault(desk_id, seq - 1)
                last[desk_id] = seq
            for desk_id, seq in work.snapshot_seqs:
                JournalConflictError.check_snapshot(desk_id, seq, newest=last.get(desk_id, 0))
        except JournalConflictError:
            undo.apply(last)
            raise
        return undo

    def _transaction(self, works: Sequence[Work]) -> None:
        rows = [row for work in works for row in work.rows]
        commands: dict[CommandId, Row] = {}
        states: dict[DeskId, Row] = {}
        for work in works:
            commands.update(work.commands)
            states.update(work.snapshots)
        due = [self._mark_of(row) for row in states.values() if self._is_mark_due(row)]
        with self._connection.begin():
            dialect.insert_records(self._connection, rows)
            if commands:
                self._connection.execute(self._put_command, list(commands.values()))
            if states:
                self._connection.execute(self._put_snapshot, list(states.values()))
            if due:
                self._connection.execute(marks.insert(), due)
        self._marks.update((DeskId(row["desk_id"]), (row["seq"], row["at"])) for row in due)

    # --- marks -------------------------------------------------------------------------------------------------------

    def _is_mark_due(self, snapshot: Mapping[str, Any]) -> bool:
        """Whether a snapshot is kept as a mark; a clock that was set, either way, must not keep marks from coming."""
        seq, at = self._marks.get(snapshot["desk_id"], (-1, 0))
        if snapshot["seq"] <= seq:
            return False
        is_far = snapshot["seq"] - seq >= MARK_AFTER or seq < 0
        return is_far or abs(snapshot["written_at"] - at) >= self._mark_every_us

    @staticmethod
    def _mark_of(snapshot: Mapping[str, Any]) -> Row:
        return {
            "desk_id": snapshot["desk_id"],
            "seq": snapshot["seq"],
            "at": snapshot["written_at"],
            "version": snapshot["version"],
            "state": snapshot["state"],
        }
