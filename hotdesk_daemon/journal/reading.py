"""Reading a journal that may be in use by a daemon, or be a copy: blocking, and without owning it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.journal import dialect, loading, queries
from hotdesk_daemon.journal.schema import FIRST_SEQ, HEAD, JOURNAL_ID, meta, records
from hotdesk_daemon.journal.store import unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal.records import Entry, StoredRecord

#: Records that are held at once.
_AT_ONCE = 1000


class JournalReading:
    """
    What `reading` gives.

    Where the beginning of a desk's history was pruned, or is in an earlier journal, ``floors`` is the number behind
    which it begins, and its base the state there.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._first_seq = int(connection.scalar(sa.select(meta.c.value).where(meta.c.key == FIRST_SEQ)) or 0)
        self.floors: Mapping[DeskId, int] = queries.floors(connection)

    def desks(self) -> list[DeskId]:
        """Every desk that has records, by name."""
        return sorted(queries.last_seqs(self._connection))

    @property
    def journal_id(self) -> str | None:
        """The journal's own name; None if no daemon of this version has opened it yet."""
        return self._connection.scalar(sa.select(meta.c.value).where(meta.c.key == JOURNAL_ID))

    def base(self, desk_id: DeskId) -> Desk | None:
        """The state from which a desk's history goes on; None if that begins with the desk, or cannot be read."""
        if desk_id in self.floors:
            return loading.read_base(self._connection, desk_id)[1]
        return Desk(desk_id=desk_id, seq=self._first_seq) if self._first_seq else None

    def entries(
        self, *, desks: Collection[DeskId] = (), after: int = 0, until: datetime | None = None
    ) -> Iterator[Entry | Desk]:
        """
        Records in the order of their commits, a few at a time: of *desks*, or of all, each desk's own in their order.

        From the beginning on, the bases of the desks come first.

        Args:
            desks: whose; all, if none is named.
            after: from behind this number of the journal.
            until: not those of a later moment than this.
        """
        if not after:
            yield from self._bases(desks, until)
        floors = self.floors
        while page := queries.entries(self._connection, desks, after, until, _AT_ONCE):
            yield from (entry for entry in page if entry.seq > floors.get(entry.desk_id, 0)) if floors else page
            after = page[-1].journal_seq

    def _bases(self, desks: Collection[DeskId], until: datetime | None) -> Iterator[Desk]:
        wanted = sorted(desks) if desks else self.desks()
        too_late = queries.bases_after(self._connection, until) if until is not None else frozenset()
        for desk_id in wanted:
            base = self.base(desk_id) if desk_id not in too_late else None
            if base is not None:
                yield base

    def newest(self, desk_id: DeskId, *, until: datetime | None = None) -> Iterator[StoredRecord]:
        """The records of a desk from the newest, or the newest at *until*, backwards."""
        before: int | None = None
        floor = self.floors.get(desk_id, 0)
        while page := queries.backwards(self._connection, desk_id, before, until, _AT_ONCE):
            for record in page:
                if record.seq <= floor:
                    return
                yield record
            before = page[-1].seq

    def record(self, desk_id: DeskId, seq: int) -> StoredRecord | None:
        """One record; None if it is not there (any more)."""
        if seq <= self.floors.get(desk_id, 0):
            return None
        page = queries.history(self._connection, desk_id, seq - 1, seq, 1)
        return page[0] if page else None


@contextmanager
def reading(url: str) -> Iterator[JournalReading]:
    """
    The journal at *url*, read only.

    Raises:
        ConfigError: there is none, or one of another version.
        JournalUnavailableError: it cannot be read.
    """
    with connected(url) as connection:
        yield JournalReading(connection)


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """
    A connection to the journal at *url* that can only read.

    Raises:
        ConfigError: there is none, or one of another version.
        JournalUnavailableError: it cannot be read.
    """
    parsed = dialect.parse_url(url)
    file = dialect.file_of(parsed)
    if file is not None and not file.is_file():
        raise ConfigError(f"{file}: there is no journal; name another with --journal")
    try:
        with dialect.make_engine(parsed, read_only=True).connect() as connection:
            _check(connection, where=str(file or url))
            yield connection
    except sa.exc.SQLAlchemyError as exc:
        raise unavailable("read", exc) from exc


def _check(connection: sa.Connection, *, where: str) -> None:
    """
    See that what is there is a journal of this version.

    Raises:
        ConfigError: it is none.
    """
    version = None
    if sa.inspect(connection).has_table(records.name):
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    connection.rollback()
    if version != HEAD:
        found = "no journal" if version is None else f"a journal of version {version}"
        raise ConfigError(f"{where}: is {found}; this version reads {HEAD}, which a daemon brings older ones to")
