"""
A stretch of history to look at: a journal's, or a capture's. What looks back (`replay`, `explain`, …) knows no other.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from hotdesk_daemon.captures.reading import read_captures
from hotdesk_daemon.journal.reading import reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from hotdesk_daemon.captures.reading import CaptureReading
    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import Entry, StoredRecord


class Recording(Protocol):
    """
    What was recorded, to be gone through as often as one likes.

    `entries` goes through all desks in the order of the commits, in constant memory: a `Desk` is the state from which
    its entries behind it go on, where they do not begin at number 1. `newest` and `record` look at one desk.
    """

    def desks(self) -> list[DeskId]:
        """Every desk that has records, by name."""

    def entries(self, *, desks: Collection[DeskId] = (), until: datetime | None = None) -> Iterator[Entry | Desk]:
        """The records of *desks*, or of all, oldest first."""

    def newest(self, desk_id: DeskId, *, until: datetime | None = None) -> Iterator[StoredRecord]:
        """The records of a desk from the newest, or the newest at *until*, backwards."""

    def record(self, desk_id: DeskId, seq: int) -> StoredRecord | None:
        """One record; None if it is not there (any more)."""


class StoredRecording(Recording, Protocol):
    """A recording that is read from a disk, so that going through it may take long."""

    @property
    def progress(self) -> float:
        """How much of it the newest going-through by `entries` has behind it, from 0 to 1."""


@contextmanager
def recorded(url: str) -> Iterator[StoredRecording]:
    """
    The history in the journal at *url*; a daemon that uses it is not disturbed.

    Raises:
        ConfigError: there is no such journal, or it is of another version.
        JournalUnavailableError: it cannot be read.
    """
    with reading(url) as journal:
        yield journal


@contextmanager
def recorded_files(paths: Sequence[Path], *, lenient: bool = False) -> Iterator[CaptureReading]:
    """
    The history in captures, of which several are one recording; ``-`` is standard input.

    What is wrong with a line is found when it is come to: with *lenient* it is passed over and put among ``problems``.

    Raises:
        CaptureError: one cannot be used; also while it is gone through.
    """
    with read_captures(paths, lenient=lenient) as captures:
        yield captures
