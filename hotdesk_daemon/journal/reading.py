"""Reading a journal that may be in use by a daemon, or be a copy: blocking, and without owning it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.journal import dialect, loading, queries
from hotdesk_daemon.journal.errors import JournalUnavailableError
from hotdesk_daemon.journal.schema import FIRST_SEQ, HEAD, JOURNAL_ID, meta, records
from hotdesk_daemon.journal.store import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal.records import Entry, StoredRecord

#: Records that are held at once.
_AT_ONCE = 1000
#: Of these, backwards, most readers need only the newest few.
_AT_FIRST = 100


class JournalReading:
    """
    What `reading` gives; *go_on*, called before every read, may raise to end what takes too long.

    Where the beginning of a desk's history was pruned, or is in an earlier journal, ``floors`` is the number behind
    which it begins, and its base the state there.
    """

    def __init__(
        self, connection: sa.Connection, *, file: Path | None = None, go_on: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._file = file
        self._number = _number(file)
        self._go_on = go_on
        self._passed = 0
        self._first_seq = int(connection.scalar(sa.select(meta.c.value).where(meta.c.key == FIRST_SEQ)) or 0)
        self.floors: Mapping[DeskId, int] = queries.floors(connection)

    def desks(self) -> list[DeskId]:
        """Every desk that has records, by name."""
        return sorted(queries.last_seqs(self._connection))

    @property
    def journal_id(self) -> str | None:
        """The journal's own name; None if no daemon of this version has opened it yet."""
        return self._connection.scalar(sa.select(meta.c.value).where(meta.c.key == JOURNAL_ID))

    @property
    def progress(self) -> float:
        """How much of the journal the newest going-through by `entries` has behind it, from 0 to 1."""
        newest, _ = self.end()
        return self._passed / newest if newest else 0.0

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
        if len(desks) == 1 and not after:
            yield from self._own_entries(next(iter(desks)), until)
            return
        floors = self.floors
        while page := queries.entries(self._connection, desks, after, until, _AT_ONCE):
            yield from (entry for entry in page if entry.seq > floors.get(entry.desk_id, 0)) if floors else page
            after = self._passed = page[-1].journal_seq
            self._go_on()

    def kept_state(self, desk_id: DeskId, *, last_seq: int) -> Desk | None:
        """The newest state that is kept of a desk, and that its input *last_seq* or an earlier one led to."""
        return queries.kept_state(self._connection, desk_id, last_seq)

    def entries_behind(self, state: Desk, *, until: datetime | None = None) -> Iterator[Entry]:
        """The records of a desk that go on from *state*."""
        return self._own_entries(state.desk_id, until, after_seq=state.seq)

    def _own_entries(self, desk_id: DeskId, until: datetime | None, *, after_seq: int = 0) -> Iterator[Entry]:
        """One desk's own records, found by its numbers: the journal's would lead through those of all the others."""
        end = None if until is None else queries.seq_after(self._connection, desk_id, until)
        seq = max(after_seq, self.floors.get(desk_id, 0))
        while page := queries.own_entries(self._connection, desk_id, seq, end, _AT_ONCE):
            yield from page
            seq, self._passed = page[-1].seq, page[-1].journal_seq
            self._go_on()

    def entries_of(self, desk_id: DeskId, *, after_seq: int, before: int) -> Iterator[Entry]:
        """A desk's records behind its number *after_seq* that stand before number *before* of the journal."""
        while page := queries.entries_of(self._connection, desk_id, after_seq, before, _AT_ONCE):
            yield from page
            after_seq = page[-1].seq

    def last_seq_before(self, desk_id: DeskId, journal_seq: int) -> int:
        """The number of a desk's newest record before number *journal_seq* of the journal; 0 if there is none."""
        return queries.last_seq_before(self._connection, desk_id, journal_seq)

    def first_since(self, since: datetime) -> int | None:
        """The number in the journal of the first record of *since* or later; None if there is none."""
        return queries.first_journal_seq_since(self._connection, since)

    def end(self) -> tuple[int, datetime | None]:
        """The number in the journal of its newest record, and its moment; 0 and None if it is empty."""
        return queries.newest(self._connection)

    def snapshot(self, desk_id: DeskId) -> Desk | None:
        """A desk's snapshot, if there is one that this version understands."""
        return queries.snapshot(self._connection, desk_id)

    def refresh(self) -> None:
        """
        See from now on what was committed meanwhile; until then it is one moment that is looked at.

        Raises:
            JournalUnavailableError: its file is gone, or is another one: nothing will come into this one any more.
        """
        if _number(self._file) != self._number:
            raise JournalUnavailableError(f"{self._file}: the journal was moved away, or replaced")
        self._connection.rollback()

    def _bases(self, desks: Collection[DeskId], until: datetime | None) -> Iterator[Desk]:
        wanted = sorted(desks) if desks else self.desks()
        too_late = queries.bases_after(self._connection, until) if until is not None else frozenset()
        for desk_id in wanted:
            base = self.base(desk_id) if desk_id not in too_late else None
            if base is not None:
                yield base

    def newest(self, desk_id: DeskId, *, until: datetime | None = None) -> Iterator[StoredRecord]:
        """The records of a desk from the newest, or the newest at *until*, backwards."""
        before = None if until is None else queries.seq_after(self._connection, desk_id, until)
        floor = self.floors.get(desk_id, 0)
        size = _AT_FIRST
        while page := queries.backwards(self._connection, desk_id, before, size):
            for record in page:
                if record.seq <= floor:
                    return
                yield record
            before, size = page[-1].seq, _AT_ONCE
            self._go_on()

    def record(self, desk_id: DeskId, seq: int) -> StoredRecord | None:
        """One record; None if it is not there (any more)."""
        self._go_on()
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
        yield JournalReading(connection, file=dialect.file_of(dialect.parse_url(url)))


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


def _number(file: Path | None) -> int | None:
    """The number of *file* in its file system; None if there is none."""
    try:
        return file.stat().st_ino if file is not None else None
    except OSError:
        return None


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
