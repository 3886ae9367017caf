"""The journal in a database: one thread writes in groups, another reads, the event loop waits for neither."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from hotdesk_daemon.journal import dialect, loading, queries, store
from hotdesk_daemon.journal.errors import JournalUnavailableError
from hotdesk_daemon.journal.reader import Reader
from hotdesk_daemon.journal.reading import JournalReading
from hotdesk_daemon.journal.records import (
    DEFAULT_LIMIT,
    OutboxRow,
    Reading,
    Record,
    Stats,
    Stored,
    StoredRecord,
    WriterStats,
)
from hotdesk_daemon.journal.store import Aside
from hotdesk_daemon.journal.work import encode_work
from hotdesk_daemon.journal.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

    from hotdesk_daemon.core.desk import CommandState, Desk
    from hotdesk_daemon.core.ids import CommandId, DeskId
    from hotdesk_daemon.journal.store import Store

Clock = Callable[[], datetime]
_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class Opening:
    """
    How a journal was found.

    ``aside`` is the damaged file that was in its place, if one was, ``first_seq`` the number behind which desks begin
    that it does not know, ``is_copy`` whether it is a backup that was put back.
    """

    aside: Aside | None
    first_seq: int
    is_copy: bool


class SqlJournal:
    """
    A `Journal` at a database URL, made by `SqlJournal.open`.

    ``damaged`` is set when its file turns out to be broken: from then on it takes nothing, until `begin_anew`.
    """

    def __init__(self, url: sa.URL, *, clock: Clock, close_timeout_s: float) -> None:
        self.damaged: Final = asyncio.Event()
        self.fault = ""
        self._url: Final = url
        self._clock: Final = clock
        self._close_timeout_s: Final = close_timeout_s
        self._writer: Writer
        self._reader: Reader
        self._looker: Reader

    @classmethod
    @asynccontextmanager
    async def open(  # noqa: PLR0913 - each has a default and its line below
        cls,
        url: str,
        *,
        clock: Clock,
        max_waiting: int = 16_384,
        max_commit: int = 4096,
        max_size_bytes: int | None = None,
        mark_every: timedelta = timedelta(days=1),
        read_timeout_s: float = 60.0,
        look_timeout_s: float = 10.0,
        close_timeout_s: float = 30.0,
    ) -> AsyncIterator[SqlJournal]:
        """
        The journal at *url*, brought to this version's schema and owned by this process until the end of the block.

        Args:
            url: an SQLAlchemy URL, such as ``sqlite:////var/lib/hotdesk-daemon/journal.db``.
            clock: dates what is not dated by a record.
            max_waiting: records not durable yet, beyond which appends wait in line.
            max_commit: records in one transaction, about.
            max_size_bytes: of the database file; a full one refuses appends until something was deleted.
            mark_every: how far apart the states are from which a pruned history can go on.
            read_timeout_s: limit of one read.
            look_timeout_s: limit of one look at the history.
            close_timeout_s: limit for committing what was appended when the block ends.

        Raises:
            ConfigError: no journal can be at *url*.
            JournalLockedError: another daemon owns it.
            JournalVersionError: it was written by a newer version.
            JournalPlaceError: nothing can be written there, or it is something else's file.
            JournalUnavailableError: it cannot be opened.
        """
        parsed = await asyncio.to_thread(dialect.parse_url, url)  # it looks for drivers on disk
        created_at = clock()
        journal = cls(parsed, clock=clock, close_timeout_s=close_timeout_s)
        journal._writer = Writer(
            lambda: store.opened(parsed, created_at=created_at, max_size_bytes=max_size_bytes, mark_every=mark_every),
            max_waiting=max_waiting,
            max_commit=max_commit,
            on_damage=journal._note_damage,
        )
        journal._reader = Reader(parsed, timeout_s=read_timeout_s, on_damage=journal._note_damage)
        journal._looker = Reader(parsed, timeout_s=look_timeout_s, on_damage=journal._note_damage)
        try:
            await journal._writer.start()
            yield journal
        finally:
            await journal.close()

    @property
    def file(self) -> Path | None:
        """The database's file, if it is one."""
        return dialect.file_of(self._url)

    @property
    def writer_stats(self) -> WriterStats:
        return self._writer.stats

    async def append(self, records: Sequence[Record], *, snapshots: Sequence[Desk] = ()) -> None:
        if not records and not snapshots:
            return
        work = encode_work(records, snapshots, now=self._clock(), done=self._writer.new_future())
        await self._writer.write(work)

    async def load(self) -> Mapping[DeskId, Stored]:
        return await self._reader.run(loading.load)

    async def history(
        self, desk_id: DeskId, *, since_seq: int = 0, until_seq: int | None = None, limit: int = DEFAULT_LIMIT
    ) -> list[StoredRecord]:
        return await self._reader.run(queries.history, desk_id, since_seq, until_seq, limit)

    async def outbox(
        self,
        *,
        desk_id: DeskId | None = None,
        states: Collection[CommandState] | None = None,
        limit: int = DEFAULT_LIMIT,
        before: CommandId | None = None,
    ) -> list[OutboxRow]:
        return await self._reader.run(queries.outbox_page, desk_id, states, limit, before)

    async def look(self, look: Callable[[Reading], _T]) -> _T:
        # On a thread of its own: what looks far back must hold up no short read.
        is_wanted = True

        def go_on() -> None:
            if not is_wanted:
                raise JournalUnavailableError("nobody waits for it any more")

        try:
            return await self._looker.run(lambda connection: look(JournalReading(connection, go_on=go_on)))
        finally:
            is_wanted = False

    async def stats(self) -> Stats:
        return await self._reader.run(self._stats)

    async def opening(self) -> Opening:
        """How it was found."""
        return await self.do(lambda held: Opening(aside=held.aside, first_seq=held.first_seq, is_copy=held.is_copy))

    async def do(self, action: Callable[[Store], _T]) -> _T:
        """
        What *action* returns, done between two commits: something short, such as a slice of pruning.

        Raises:
            JournalError: it could not be done.
        """
        return await self._writer.do(action)

    async def last_seqs(self) -> Mapping[DeskId, int]:
        """How far each desk's durable records go."""
        return await self.do(lambda held: held.last_seqs())

    async def size_bytes(self) -> int:
        """The size of the database with what SQLite keeps beside it."""
        path = dialect.file_of(self._url)
        return await asyncio.to_thread(_size, path) if path is not None else 0

    async def give_up(self, commands: Sequence[CommandId]) -> None:
        """Mark open commands as dropped whose desk knows of them no more."""
        await self.do(lambda held: held.give_up(commands))

    async def begin_with(self, states: Sequence[Desk], *, first_seq: int) -> None:
        """Make *states* what the histories of a journal that was just begun begin with; see `begin_anew`."""
        await self.do(lambda held: held.begin_with(states, first_seq=first_seq))

    async def begin_anew(self, states: Sequence[Desk], *, first_seq: int = 0) -> Aside:
        """
        Put the file aside and go on in a new one, in which *states* are what the desks' histories begin with.

        They have to be what the journal has acknowledged (`Store.last_seqs`). *first_seq* is the number behind which
        desks begin that are not among them.

        Raises:
            JournalUnavailableError: that cannot be done now; nothing is taken until it is.
        """
        aside = await self.do(lambda held: held.begin_anew(states, fault=self.fault, first_seq=first_seq))
        self._reader.reopen()
        self._looker.reopen()
        self.damaged.clear()
        return aside

    async def condemn(self, fault: str) -> None:
        """Take nothing more until `begin_anew`: what is stored is not what was."""
        self._note_damage(fault)
        await self.do(lambda held: held.condemn(fault))

    async def close(self) -> None:
        try:
            # First: whoever closes last takes the log into the database.
            await asyncio.gather(self._reader.close(), self._looker.close())
        finally:
            await self._writer.close(timeout_s=self._close_timeout_s)

    def _note_damage(self, fault: str) -> None:
        if not self.damaged.is_set():
            self.fault = fault
            self.damaged.set()

    def _stats(self, connection: sa.Connection) -> Stats:
        path = dialect.file_of(self._url)
        return queries.stats(connection, _size(path) if path else 0, self._writer.stats)


def _size(database: Path) -> int:
    """The database with what SQLite keeps beside it."""
    parts = (database, database.with_name(database.name + "-wal"), database.with_name(database.name + "-shm"))
    return sum(part.stat().st_size for part in parts if part.exists())
