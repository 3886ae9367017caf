"""The durable store: inputs, steps, snapshots and the outbox."""

from hotdesk_daemon.journal.errors import (
    JournalClosedError,
    JournalConflictError,
    JournalDamagedError,
    JournalError,
    JournalLockedError,
    JournalPlaceError,
    JournalRefusedError,
    JournalUnavailableError,
    JournalVersionError,
)
from hotdesk_daemon.journal.memory import MemoryJournal, MemoryReading
from hotdesk_daemon.journal.records import (
    Entry,
    Journal,
    OutboxRow,
    Reading,
    Record,
    Stats,
    Stored,
    StoredRecord,
    TailEntry,
    WriterStats,
)
from hotdesk_daemon.journal.sql import SqlJournal

__all__ = [
    "Entry",
    "Journal",
    "JournalClosedError",
    "JournalConflictError",
    "JournalDamagedError",
    "JournalError",
    "JournalLockedError",
    "JournalPlaceError",
    "JournalRefusedError",
    "JournalUnavailableError",
    "JournalVersionError",
    "MemoryJournal",
    "MemoryReading",
    "OutboxRow",
    "Reading",
    "Record",
    "SqlJournal",
    "Stats",
    "Stored",
    "StoredRecord",
    "TailEntry",
    "WriterStats",
]
