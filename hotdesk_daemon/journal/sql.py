"""The journal in a database: one thread writes in groups, another reads, the event loop waits for neither."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from hotdesk_daemon.journal import dialect, queries, store
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
from hotdesk_daemon.journal.work import encode_work
from hotdesk_daemon.journal.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

    from hotdesk_daemon.core.desk import CommandState, Desk
    from hotdesk_daemon.core.ids import CommandId, DeskId

Clock = Callable[[], datetime]
_T = TypeVar("_T")


class SqlJournal:
    """A `Journal` at a database URL, made by `SqlJournal.open`."""

    def __init__(
        self, url: sa.URL, *, clock: Clock, writer: Writer, reader: Reader, looker: Reader, close_timeout_s: float
    ) -> None:
        self._url: Final = url
        self._clock: Final = clock
        self._writer: Final = writer
        self._reader: Final = reader
        self._looker: Final = looker
        self._close_timeout_s: Final = close_timeout_s

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        clock: Clock,
        max_waiting: int = 16_384,
        max_commit: int = 4096,
        max_size_bytes: int | None = None,
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
            read_timeout_s: limit of one read.
            look_timeout_s: limit of one look at the history.
            close_timeout_s: limit for committing what was appended when the block ends.

        Raises:
            ConfigError: no journal can be at *url*.
            JournalLockedError: another daemon owns it.
            JournalVersionError: it was written by a newer version.
            JournalUnavailableError: it cannot be opened.
        """
        parsed = await asyncio.to_thread(dialect.parse_url, url)  # it looks for drivers on disk
        created_at = clock().isoformat()
        journal = cls(
            parsed,
            clock=clock,
            writer=Writer(
                lambda: store.opened(parsed, created_at=created_at, max_size_bytes=max_size_bytes),
                max_waiting=max_waiting,
                max_commit=max_commit,
            ),
            reader=Reader(parsed, timeout_s=read_timeout_s),
            looker=Reader(parsed, timeout_s=look_timeout_s),
            close_timeout_s=close_timeout_s,
        )
        try:
            await journal._writer.start()
            yield journal
        finally:
            await journal.close()

    @property
    def writer_stats(self) -> WriterStats:
        return self._writer.stats

    async def append(self, records: Sequence[Record], *, snapshots: Sequence[Desk] = ()) -> None:
        if not records and not snapshots:
            return
        work = encode_work(records, snapshots, now=self._clock(), done=self._writer.new_future())
        await self._writer.write(work)

    async def load(self) -> Mapping[DeskId, Stored]:
        return await self._reader.run(queries.load)

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

    async def close(self) -> None:
        try:
            await self._writer.close(timeout_s=self._close_timeout_s)
        finally:
            await asyncio.gather(self._reader.close(), self._looker.close())

    def _stats(self, connection: sa.Connection) -> Stats:
        path = dialect.file_of(self._url)
        return queries.stats(connection, _size(path) if path else 0, self._writer.stats)


def _size(database: Path) -> int:
    """The database with what SQLite keeps beside it."""
    parts = (database, database.with_name(database.name + "-wal"), database.with_name(database.name + "-shm"))
    return sum(part.stat().st_size for part in parts if part.exists())
