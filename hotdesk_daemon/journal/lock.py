"""One daemon per database: an exclusive lock on a file beside it that names the holder's process."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hotdesk_daemon.journal.errors import JournalLockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def exclusive(database: Path) -> Iterator[None]:
    """
    Hold *database* for this process alone.

    The kernel lets go of the lock when the process ends, however it ends; the file stays, because removing it would
    let two processes lock two files of the same name.

    Raises:
        JournalLockedError: somebody holds it already.
    """
    path = database.with_name(database.name + ".lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(handle, database)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _lock(handle: int, database: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.pread(handle, 32, 0).strip()
        holder = int(written) if written.isdigit() else None
        by = f"process {holder}" if holder else "another process"
        told = f"the journal {database} is in use by {by}; stop that, or choose another daemon.state_dir"
        raise JournalLockedError(told, holder=holder) from None
