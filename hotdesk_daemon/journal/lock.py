"""
One process per database, and per state directory: an exclusive lock on a file beside it that names its holder.

The kernel lets go of the lock when the process ends, however it ends: a file that a killed process left is no obstacle.
"""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from hotdesk_daemon.journal.errors import JournalLockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST: Final = 1024


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock: process id, the machine's name, and since when."""

    pid: int
    host: str
    since: datetime

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def exclusive(held: Path, *, what: str = "journal") -> Iterator[None]:
    """
    Hold *held*, a file or a directory, for this process alone; *what* it is, for who is refused.

    The lock's file stays, because removing it would let two processes lock two files of the same name.

    Raises:
        JournalLockedError: somebody holds it already.
        OSError: the lock's file cannot be made.
    """
    path = held / "daemon.lock" if held.is_dir() else held.with_name(held.name + ".lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(handle, f"the {what} {held}")
        me = Holder(pid=os.getpid(), host=socket.gethostname(), since=datetime.now(UTC).replace(microsecond=0))
        with suppress(OSError):  # a full disk: then nobody is told who we are
            os.ftruncate(handle, 0)
            os.pwrite(handle, msgspec.json.encode(me) + b"\n", 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _lock(handle: int, what: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _named(os.pread(handle, _LONGEST, 0))
        by = str(holder) if holder else "another process"
        told = f"{what} is in use by {by}; stop that, or choose another daemon.state_dir"
        raise JournalLockedError(told, holder=holder.pid if holder else None) from None


def _named(written: bytes) -> Holder | None:
    """Who wrote the file; None if it has not (yet), or is of another version."""
    try:
        return msgspec.json.decode(written, type=Holder)
    except (msgspec.DecodeError, ValueError):
        return None
