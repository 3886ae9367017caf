"""
The database as the writer thread holds it: opened and migrated, one transaction per group of appends.

Everything in here blocks and belongs to that one thread.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import attrs
import sqlalchemy as sa

from hotdesk_daemon.core.ids import CommandId, DeskId
from hotdesk_daemon.journal import dialect, queries
from hotdesk_daemon.journal.errors import (
    JournalConflictError,
    JournalError,
    JournalRefusedError,
    JournalUnavailableError,
)
from hotdesk_daemon.journal.migrate import migrate
from hotdesk_daemon.journal.schema import JOURNAL_ID, meta, outbox, snapshots
from hotdesk_daemon.journal.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RETRY_AFTER_S = 1.0

#: What a value does to the database that it cannot take; anything else that a driver raises is the database's trouble.
_REFUSALS = (
    sa.exc.IntegrityError,
    sa.exc.DataError,
    sa.exc.InterfaceError,
    sa.exc.ProgrammingError,
    OverflowError,
    TypeError,
    ValueError,
)

Outcome = tuple[Work, JournalError | None]


@contextmanager
def opened(url: sa.URL, *, created_at: str, max_size_bytes: int | None) -> Iterator[Store]:
    """
    Own the database at *url*.

    Raises:
        JournalLockedError: another process owns it.
        JournalVersionError: it is newer than this program.
        JournalUnavailableError: it cannot be opened.
    """
    try:
        with dialect.held(url), dialect.make_engine(url, max_size_bytes=max_size_bytes).connect() as connection:
            migrate(connection)
            yield Store(connection, last_seqs=_begin(connection, created_at=created_at))
    except (sa.exc.SQLAlchemyError, OSError) as exc:
        raise _not_opened(url, exc) from exc


def _begin(connection: sa.Connection, *, created_at: str) -> dict[DeskId, int]:
    """Date and name a new journal; tell how far each desk's records go."""
    with connection.begin():
        known = set(connection.scalars(sa.select(meta.c.key)))
        for key, value in (("created_at", created_at), (JOURNAL_ID, str(uuid4()))):
            if key not in known:
                connection.execute(meta.insert().values(key=key, value=value))
        return queries.last_seqs(connection)


def unavailable(what: str, exc: Exception) -> JournalUnavailableError:
    """The journal's error for a driver's or the system's."""
    cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) and exc.orig else exc
    return JournalUnavailableError(f"the journal cannot be {what}: {cause}", retry_after_s=RETRY_AFTER_S)


def _not_opened(url: sa.URL, exc: Exception) -> JournalUnavailableError:
    """Why *url* cannot be opened, which file that is, and what helps against damage."""
    file = dialect.file_of(url)
    error = unavailable("opened", exc)
    if file is None:
        return error
    text = f"{file}: {error}"
    if dialect.is_damage(exc):
        text += (
            f"; restore a copy, or move {file.name} and {file.name}-wal away: a new journal begins, and every desk is "
            "listed again"
        )
    return JournalUnavailableError(text, retry_after_s=error.retry_after_s)


@attrs.define(eq=False)
class _Undo:
    """The desks' last numbers before an append, in case it does not become durable."""

    before: dict[DeskId, int] = attrs.field(factory=dict)

    def apply(self, last_seqs: dict[DeskId, int]) -> None:
        last_seqs.update(self.before)


class Store:
    """Commits groups of appends and watches that no desk's sequence gets a gap."""

    def __init__(self, connection: sa.Connection, *, last_seqs: dict[DeskId, int]) -> None:
        self._connection = connection
        self._last_seqs = last_seqs
        name = connection.dialect.name
        self._put_command = dialect.upsert(name, outbox)
        self._put_snapshot = dialect.upsert(name, snapshots)

    def commit(self, works: Sequence[Work]) -> list[Outcome]:
        """Make *works* durable in one transaction and say for each whether it is."""
        outcomes: list[Outcome] = []
        admitted: list[tuple[Work, _Undo]] = []
        for work in works:
            try:
                admitted.append((work, self._advance(work)))
            except JournalConflictError as exc:
                outcomes.append((work, exc))
        if not admitted:
            return outcomes
        error: JournalError | None = None
        try:
            self._transaction([work for work, _ in admitted])
        except _REFUSALS as exc:
            error = JournalRefusedError(f"the database refuses a record: {exc}")
            error.__cause__ = exc
        except sa.exc.SQLAlchemyError as exc:
            error = unavailable("written", exc)
            error.__cause__ = exc
        if error is not None:
            for _, undo in reversed(admitted):
                undo.apply(self._last_seqs)
            if isinstance(error, JournalRefusedError) and len(admitted) > 1:
                # One of them is to blame: the others must not pay for it.
                return outcomes + [outcome for work, _ in admitted for outcome in self.commit([work])]
        return outcomes + [(work, error) for work, _ in admitted]

    def _advance(self, work: Work) -> _Undo:
        """Count the rows of *work* as the desks' newest, or refuse all of them."""
        last, undo = self._last_seqs, _Undo()
        try:
            for desk_id, seq in work.seqs:
                JournalConflictError.check_next(desk_id, seq, expected=last.get(desk_id, 0) + 1)
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
        commands: dict[CommandId, dict[str, object]] = {}
        states: dict[DeskId, dict[str, object]] = {}
        for work in works:
            commands.update(work.commands)
            states.update(work.snapshots)
        with self._connection.begin():
            dialect.insert_records(self._connection, rows)
            if commands:
                self._connection.execute(self._put_command, list(commands.values()))
            if states:
                self._connection.execute(self._put_snapshot, list(states.values()))
