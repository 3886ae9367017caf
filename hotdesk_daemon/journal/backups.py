"""
A copy of a journal, made beside a running daemon: whole, of one moment, verified, and then at its place at once.

It is made in steps with pauses, so that the disk is not taken from the daemon; a read transaction keeps the moment, so
that what is written meanwhile neither gets in nor makes it begin again. The price is that the write-ahead log cannot
shrink until it is done.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import attrs

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.journal.damage import sync_directory
from hotdesk_daemon.journal.errors import JournalDamagedError, JournalUnavailableError
from hotdesk_daemon.journal.schema import COPIED_AT, HEAD

if TYPE_CHECKING:
    from collections.abc import Callable

#: 4 MB a step.
_PAGES: Final = 1024
_PAUSE_S: Final = 0.01


@attrs.frozen(kw_only=True)
class Backup:
    """What was copied."""

    file: Path
    size_bytes: int
    records: int
    desks: int


def back_up(
    source: Path,
    target: Path,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    pause: Callable[[float], None] = time.sleep,
) -> Backup:
    """
    Copy the journal *source* to *target*, which it replaces; *progress* is told pages done and in all. Blocking.

    Raises:
        ConfigError: there is no journal of this version, or *target* cannot be written.
        JournalDamagedError: the copy is not sound, so the journal is not either; *target* stays as it was.
        JournalUnavailableError: it cannot be done now.
    """
    if not source.is_file():
        raise ConfigError(f"{source}: there is no journal; name another with --journal")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise ConfigError(f"{target}: the backup cannot be written there: {exc.strerror}") from exc
    try:
        _copy(source, draft, progress, pause)
        found = _verify(draft, target)
        draft.replace(target)
        sync_directory(target.parent)
    except (sqlite3.Error, OSError) as exc:
        raise JournalUnavailableError(f"the backup cannot be made: {exc}") from exc
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    return found


def _copy(source: Path, draft: Path, progress: Callable[[int, int], None], pause: Callable[[float], None]) -> None:
    def step(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)
        if remaining:
            pause(_PAUSE_S)

    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True, isolation_level=None)) as journal,
        closing(sqlite3.connect(draft, isolation_level=None)) as copy,
    ):
        journal.execute("PRAGMA busy_timeout = 5000")
        journal.execute("BEGIN")
        _check(journal, source)  # reads, and with that the moment is chosen
        journal.backup(copy, pages=_PAGES, progress=step)
        journal.execute("ROLLBACK")
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        moment = datetime.now(UTC).isoformat()
        copy.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (COPIED_AT, moment))


def _check(journal: sqlite3.Connection, source: Path) -> None:
    version = None
    with suppress(sqlite3.OperationalError):
        row = journal.execute("SELECT version_num FROM alembic_version").fetchone()
        version = row[0] if row is not None else None
    if version != HEAD:
        found = "no journal" if version is None else f"a journal of version {version}"
        raise ConfigError(f"{source}: is {found}; this version copies {HEAD}, which a daemon brings older ones to")


#: A desk has no snapshot before its first stop or its 64th input, and after pruning perhaps no records.
_DESKS: Final = (
    "SELECT count(*) FROM "
    "(SELECT desk_id FROM records UNION SELECT desk_id FROM snapshots UNION SELECT desk_id FROM bases)"
)


def _verify(draft: Path, target: Path) -> Backup:
    with closing(sqlite3.connect(f"file:{quote(str(draft))}?mode=ro", uri=True)) as copy:
        (told,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if told != "ok":
            raise JournalDamagedError(f"the journal is damaged, and so would be its copy: {told}")
        (records,) = copy.execute("SELECT count(*) FROM records").fetchone()
        (desks,) = copy.execute(_DESKS).fetchone()
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    return Backup(file=target, size_bytes=draft.stat().st_size, records=records, desks=desks)
