"""
Everything that differs between databases, so that nothing else does.

SQLite today. PostgreSQL becomes a URL when its driver is installed: it has no file to protect, no pragmas, and takes
the plain insert.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.journal.lock import exclusive
from hotdesk_daemon.journal.schema import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Row = tuple[object, ...]

#: In the order of the tuples that the hot insert takes.
RECORD_COLUMNS: Final = tuple(column.name for column in records.columns if column.name != "journal_seq")

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
#: SQLite's extended codes keep the kind of error in their lowest byte.
_KIND: Final = 0xFF
_READING: Final = ("PRAGMA busy_timeout = 5000", "PRAGMA query_only = ON")
_WRITING: Final = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # counts before the first table only: room can be given back to the disk
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit survives a loss of power, not only of the process
    "PRAGMA wal_autocheckpoint = 4000",  # a checkpoint every 16 MB: the slowest commits become nine times faster
    "PRAGMA journal_size_limit = 67108864",  # a log that grew while somebody read for long shrinks again
    "PRAGMA secure_delete = ON",  # what is pruned or erased is overwritten, not only forgotten
    "PRAGMA busy_timeout = 5000",
)

#: Rows per statement: the most of these that there are, the rest in one. sqlite3 gives up the interpreter lock and has
#: to win it back for every statement it steps, not for every row: beside a busy event loop, many rows per statement are
#: what keeps the writer going. There is a statement for each number of rows, few enough that all of them stay prepared
#: (it keeps 128).
_ROWS_PER_STATEMENT: Final = (256, 128, 64, 32)

#: What `PRAGMA auto_vacuum` says of a database that can give room back a little at a time.
_INCREMENTAL: Final = 2

#: Steps of SQLite's machine between two looks whether a read is still wanted: a millisecond or so.
_STEPS_BETWEEN_LOOKS: Final = 10_000


def parse_url(url: str) -> sa.URL:
    """The parsed *url*, or `ConfigError` if no journal can be there."""
    try:
        parsed = sa.make_url(url)
        parsed.get_dialect()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as exc:
        raise ConfigError(f"journal URL: {exc}") from exc
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigError("journal URL: sqlite needs a file, such as sqlite:////var/lib/hotdesk-daemon/journal.db")
    return parsed


@contextmanager
def held(url: sa.URL) -> Iterator[None]:
    """Own the database for writing: its directory exists, for us alone, and no other daemon writes to it."""
    path = file_of(url)
    if path is None:
        # TODO: an advisory lock does this on a database server, as soon as one is supported.
        yield
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(path):
        yield


def make_file(url: sa.URL) -> None:
    """See that the database's file is there, and for us alone."""
    path = file_of(url)
    if path is not None:
        # SQLite gives the files beside it (-wal, -shm) the mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def file_of(url: sa.URL) -> Path | None:
    """The database's file, if it is one."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def is_damage(exc: BaseException) -> bool:
    """Whether *exc* says that the file is broken: trying again cannot help."""
    return error_kind(exc) in _DAMAGE


def error_kind(exc: BaseException) -> int | None:
    """SQLite's kind of error, such as `sqlite3.SQLITE_FULL`, that *exc* is or carries; None if it is another."""
    cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) else exc
    code: int | None = getattr(cause, "sqlite_errorcode", None) if isinstance(cause, sqlite3.Error) else None
    return None if code is None else code & _KIND


def make_engine(url: sa.URL, *, read_only: bool = False, max_size_bytes: int | None = None) -> sa.Engine:
    """An engine whose connections live in one thread each and keep what they promise about durability."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, poolclass=sa.NullPool)
    path = file_of(url)
    if read_only and path is not None:
        # Not only a promise: a writer that closes last deletes the log by its name, and a damaged journal may have been
        # put aside meanwhile, whose name, and log, are another's by then.
        engine = sa.create_engine("sqlite://", poolclass=sa.NullPool, creator=lambda: _connect_for_reading(path))
    else:
        engine = sa.create_engine(url, poolclass=sa.NullPool)

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        # The driver's own way of beginning transactions leaves out reads and changes of tables; we begin them.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _READING if read_only else _WRITING:
            cursor.execute(pragma)
        if max_size_bytes is not None:
            (page_size,) = cursor.execute("PRAGMA page_size").fetchone()
            cursor.execute(f"PRAGMA max_page_count = {max_size_bytes // page_size}")
        cursor.close()

    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", begin)
    return engine


def used_bytes(connection: sa.Connection) -> int:
    """How much of the database is in use: its size without what is free in it."""
    if connection.dialect.name != "sqlite":
        raise NotImplementedError("a limit of size is SQLite's")
    used = pragma(connection, "page_count") - pragma(connection, "freelist_count")
    return used * pragma(connection, "page_size")


def give_back(connection: sa.Connection, *, pages: int, spare_pages: int = 0) -> int:
    """
    Give some free pages back to the disk, but keep *spare_pages*; return how many bytes that was.

    A database that was made without it (``auto_vacuum``) keeps its room and uses it again.
    """
    if connection.dialect.name != "sqlite":
        return 0
    free = pragma(connection, "freelist_count")
    if pragma(connection, "auto_vacuum") != _INCREMENTAL or free <= spare_pages:
        return 0
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    # Each step of the statement moves one page, and only a script is stepped to its end.
    driver.executescript(f"PRAGMA incremental_vacuum({min(pages, free - spare_pages)})")
    return (free - pragma(connection, "freelist_count")) * pragma(connection, "page_size")


def compact(connection: sa.Connection) -> int:
    """Write the database anew without free room, and its log empty; return how many bytes that gave back."""
    if connection.dialect.name != "sqlite":
        return 0
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    before = pragma(connection, "page_count")
    driver.execute("PRAGMA auto_vacuum = INCREMENTAL")  # a journal of an early version learns it here
    driver.execute("VACUUM")
    empty_log(connection)
    return (before - pragma(connection, "page_count")) * pragma(connection, "page_size")


def empty_log(connection: sa.Connection) -> None:
    """Take all of the log into the database, and leave nothing in its file."""
    if connection.dialect.name == "sqlite":
        driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def pragma(connection: sa.Connection, name: str) -> int:
    """A number that SQLite tells of its database."""
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    (number,) = driver.execute(f"PRAGMA {name}").fetchone()  # by the driver: it needs no transaction
    return int(number)


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)


@contextmanager
def while_wanted(connection: sa.Connection, is_wanted: Callable[[], bool]) -> Iterator[None]:
    """Break off what *connection* does in here when *is_wanted* no longer holds, which another thread may decide."""
    if connection.dialect.name != "sqlite":
        # TODO: a limit of the server's own (statement_timeout) does this, as soon as one is supported.
        yield
        return
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    # Not interrupt(): it would miss a read that is between two of its statements, and could hit the next read.
    driver.set_progress_handler(lambda: not is_wanted(), _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)


def insert_records(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """The hot path: *rows* in the order of ``RECORD_COLUMNS``."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.insert(records), [dict(zip(RECORD_COLUMNS, row, strict=True)) for row in rows])
        return
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    most = driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(RECORD_COLUMNS)
    start = 0
    while start < len(rows):
        left = len(rows) - start
        some = rows[start : start + next((size for size in _ROWS_PER_STATEMENT if size <= min(left, most)), left)]
        connection.exec_driver_sql(_insert_statement(len(some)), tuple(itertools.chain.from_iterable(some)))
        start += len(some)


@cache
def _insert_statement(rows: int) -> str:
    one = f"({','.join('?' * len(RECORD_COLUMNS))})"
    names = ",".join(f'"{name}"' for name in RECORD_COLUMNS)
    return f"INSERT INTO {records.name} ({names}) VALUES {','.join([one] * rows)}"  # noqa: S608  # our own names


def upsert(dialect: str, table: sa.Table) -> sa.Insert:
    """An insert that replaces the row with the same primary key."""
    insert: sqlite.Insert | postgresql.Insert
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    keys = [column.name for column in table.primary_key]
    new: Mapping[str, object] = {
        column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys
    }
    return insert.on_conflict_do_update(index_elements=keys, set_=new)
