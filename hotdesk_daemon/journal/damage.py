"""
A journal whose file is not what was written: how it is told, and how it is put aside.

Nothing here repairs or deletes. A damaged file is renamed with the moment of it, its write-ahead log too, and stays for
a person; however many there are, none is removed. SQLite keeps no checksums: what it cannot notice, a changed letter in
a message, is met where it is read.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from hotdesk_daemon.journal import dialect
from hotdesk_daemon.journal.errors import JournalDamagedError, JournalPlaceError
from hotdesk_daemon.journal.schema import HEAD, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

#: How long a start looks for damage; a second reads about a gigabyte.
LIMIT_S: Final = 1.0

#: What SQLite says of broken files while a journal is opened: a statement of ours that is wrong means a broken schema
#: then, and a row that is there already a broken index.
_KINDS: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_INTERNAL,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_CONSTRAINT,
    }
)
_MAGIC: Final = b"SQLite format 3\0"
#: What a journal has in it, whatever of it is left: its tables, and states.
_OURS: Final = (*(f"CREATE TABLE {name} ".encode() for name in ("alembic_version", *metadata.tables)), b'{"kinds":{')
_LOOKED_AT: Final = 1 << 20
_STEPS_BETWEEN_LOOKS: Final = 10_000
#: Small ones first: what the desks' states are rebuilt from is looked at even where the records take longer.
_SMALL_FIRST: Final = ("alembic_version", "meta", "snapshots", "bases", "outbox", "marks")
_DIALECT: Final = sqlite.dialect()
_SUFFIXES: Final = ("", "-wal", "-shm")


def is_damage(exc: BaseException) -> bool:
    """Whether *exc*, met while a journal of ours was opened, says that its file is broken."""
    if isinstance(exc, JournalDamagedError | UnicodeDecodeError):  # the latter of SQLite's own messages
        return True
    kind = dialect.error_kind(exc)
    if kind is None:
        return "Could not decode to UTF-8" in str(exc)  # the driver's own error, which has no code
    return kind in _KINDS


def examine(database: Path, *, limit_s: float = LIMIT_S) -> None:
    """
    Look at a journal before it is used, for so long at most; blocking.

    Raises:
        JournalDamagedError: it is broken.
        JournalPlaceError: it is something else's file.
        sqlite3.Error: it cannot be looked at now.
    """
    if not database.exists() and not _log_of(database).exists():
        return
    if not database.exists() or not database.stat().st_size:
        raise JournalDamagedError("it is empty" if database.exists() else "its log is there and itself is not")
    try:
        with closing(sqlite3.connect(database, timeout=5.0, isolation_level=None)) as connection:
            found = _first_fault(connection, time.monotonic() + limit_s)
    except (sqlite3.Error, UnicodeDecodeError) as exc:
        if dialect.error_kind(exc) == sqlite3.SQLITE_READONLY and os.access(database, os.W_OK):
            found = "its header says that it must not be written"
        elif is_damage(exc):
            found = str(exc)
        else:
            raise
    if found is None:
        return
    if not _is_ours(database):
        raise JournalPlaceError(f"{database} is no journal; choose another journal.path")
    raise JournalDamagedError(found)


def _first_fault(connection: sqlite3.Connection, end_mono: float) -> str | None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None  # the last start ended before it made them
    if "alembic_version" not in tables:
        return "the number of its schema is missing"
    versions = [str(row[0]) for row in connection.execute("SELECT version_num FROM alembic_version")]
    if len(versions) != 1 or not (versions[0].isdigit() and len(versions[0]) == len(HEAD)):
        return "the number of its schema is unreadable"
    if versions[0] > HEAD:
        return None  # that version knows what is wrong with it
    altered = _altered_tables(connection) if versions[0] == HEAD else []
    return f"its table {altered[0]} is another" if altered else _check(connection, tables, end_mono)


def _altered_tables(connection: sqlite3.Connection) -> list[str]:
    """The tables whose columns or indexes are not as we make them: their description is text like any other."""
    with closing(sqlite3.connect(":memory:")) as reference:
        for table in metadata.sorted_tables:
            reference.execute(str(sa.schema.CreateTable(table).compile(dialect=_DIALECT)))
            for index in table.indexes:
                reference.execute(str(sa.schema.CreateIndex(index).compile(dialect=_DIALECT)))
        return [name for name in sorted(metadata.tables) if _shape(connection, name) != _shape(reference, name)]


def _shape(connection: sqlite3.Connection, table: str) -> tuple[object, ...]:
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    indexes = set()
    for _, name, is_unique, origin, is_partial in connection.execute(f"PRAGMA index_list({table})").fetchall():
        members = connection.execute("SELECT name FROM pragma_index_info(?)", (name,)).fetchall()
        indexes.add((is_unique, origin, is_partial, tuple(members)))
    return columns, indexes


def _check(connection: sqlite3.Connection, tables: set[str], end_mono: float) -> str | None:
    """What SQLite finds wrong until its time is over."""
    connection.set_progress_handler(lambda: time.monotonic() > end_mono, _STEPS_BETWEEN_LOOKS)
    try:
        for check in _checks(tables):
            fault: str = connection.execute(check).fetchone()[0]
            if fault != "ok":
                return fault.removeprefix("*** in database main ***").strip().replace("\n", " ")
    except sqlite3.OperationalError as exc:
        if dialect.error_kind(exc) != sqlite3.SQLITE_INTERRUPT:
            raise
    return None


def _checks(tables: set[str]) -> Iterator[str]:
    yield from (f"PRAGMA quick_check({table})" for table in _SMALL_FIRST if table in tables)
    yield "PRAGMA quick_check(1)"


def _is_ours(database: Path) -> bool:
    """Whether a file that cannot be used was a journal once, and not something that the configuration names wrongly."""
    with database.open("rb") as file:
        start = file.read(_LOOKED_AT)
    begins = start[: len(_MAGIC)]
    if _MAGIC.startswith(begins) or not begins.strip(b"\0"):
        return b"CREATE TABLE" not in start or any(mark in start for mark in _OURS)
    return any(mark in start for mark in _OURS)


def put_aside(database: Path, *, at: datetime) -> Path:
    """
    Rename *database* with its log, so that a new one can begin; return where it is now. Blocking.

    The database goes first: a log that is left alone is put aside by the next start, but without its log a database
    would be taken for whole.

    Raises:
        OSError: it cannot be renamed.
    """
    target = _free_name(database, at)
    for suffix in _SUFFIXES:
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    sync_directory(database.parent)
    return target


def remove(database: Path) -> None:
    """Delete a new journal that was never finished."""
    for suffix in _SUFFIXES:
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def damaged_files(database: Path) -> list[Path]:
    """The files that were put aside so far, oldest first."""
    found = database.parent.glob(f"{database.name}.damaged-*")
    return sorted(path for path in found if not path.name.endswith(_SUFFIXES[1:]))


def _free_name(database: Path, at: datetime) -> Path:
    stem = f"{database.name}.damaged-{at:%Y%m%dT%H%M%SZ}"
    number, target = 1, database.with_name(stem)
    while any(target.with_name(target.name + suffix).exists() for suffix in _SUFFIXES):
        number += 1
        target = database.with_name(f"{stem}.{number}")
    return target


def _log_of(database: Path) -> Path:
    return database.with_name(database.name + "-wal")


def sync_directory(directory: Path) -> None:
    """Make names in *directory* durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
