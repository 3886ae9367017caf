"""
What can go wrong with the journal.

::

    JournalError
     ├── JournalUnavailableError  disk full, I/O error, too slow: nothing of this was kept, a later try may succeed
     │    └── JournalDamagedError     the file is broken: a later try succeeds once another was begun
     ├── JournalLockedError       another daemon writes to this database
     ├── JournalPlaceError        its directory cannot be used: permissions, or mounted read-only
     ├── JournalVersionError      the database was written by a newer version of this program
     ├── JournalConflictError     the record does not continue its desk's sequence: a mistake of the caller
     ├── JournalRefusedError      the record or snapshot cannot be stored as it is: a mistake of the caller
     └── JournalClosedError       the journal was closed, or its writer ended
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.core.errors import ConfigError, HotdeskError, PermanentError, TransientError

if TYPE_CHECKING:
    from hotdesk_daemon.core.ids import DeskId


class JournalError(HotdeskError):
    """Base of the journal's errors; whatever was being appended is not durable."""


class JournalUnavailableError(JournalError, TransientError):
    """The store could not do it now; it recovers by itself as soon as the cause is gone."""


class JournalDamagedError(JournalUnavailableError):
    """What is on the disk is not what was written; trying again helps only after the file was put aside."""


class JournalLockedError(JournalError, TransientError):
    """Somebody else has the database open for writing; ``holder`` is the process id they left, if any."""

    def __init__(self, message: str, *, holder: int | None = None) -> None:
        super().__init__(message)
        self.holder = holder


class JournalPlaceError(JournalError, ConfigError):
    """The place of the journal is not one; a person has to mend it."""


class JournalVersionError(JournalError, ConfigError):
    """The database has a schema that this version does not know; another version has to be run."""


class JournalConflictError(JournalError, PermanentError):
    """A desk's sequence would get a gap or a double."""

    @classmethod
    def check_next(cls, desk_id: DeskId, seq: int, *, expected: int) -> None:
        """Raise unless a record numbered *seq* continues the desk's sequence."""
        if seq != expected:
            raise cls(f"record {seq} of desk {desk_id} does not continue its sequence: {expected} is next")

    @classmethod
    def check_snapshot(cls, desk_id: DeskId, seq: int, *, newest: int) -> None:
        """Raise if a snapshot after *seq* inputs knows more than the journal."""
        if seq > newest:
            raise cls(f"the snapshot of desk {desk_id} is at {seq}, but its records end at {newest}")


class JournalRefusedError(JournalError, PermanentError):
    """A value cannot be stored; others appended at the same time are not affected."""


class JournalClosedError(JournalError):
    """Nothing can be appended or read any more."""
