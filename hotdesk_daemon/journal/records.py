"""
What goes into the journal and what comes out, and the interface that both journals fulfil.

One `Record` is one input with the step that it caused; they are committed together or not at all. A desk's records are
numbered 1, 2, 3, … without gaps: that number is the desk's ``seq``, so a snapshot after ``seq`` inputs plus the records
behind it give the desk's state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

import attrs
import msgspec

from hotdesk_daemon.core.desk import CommandState, Desk, OpenCommand
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import CommandId, DeskId
from hotdesk_daemon.core.inputs import Input
from hotdesk_daemon.core.steps import Reason

DEFAULT_LIMIT = 1000

_T = TypeVar("_T")


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    One input and its step; a struct of msgspec's, which is made in a tenth of the time, because every input makes one.

    ``at`` is the wall time that was handed to core, ``mono`` the monotonic clock in seconds. ``source`` is
    ``device:<id>``, ``timer``, ``api``, ``daemon`` or ``dispatch``. ``raw`` is the message as it came; ``None`` if
    there was none, or if it is the one of the record before (then ``part`` counts 1, 2, …). ``commands`` are all
    commands that the step changed, in their new form.
    """

    desk_id: DeskId
    seq: int
    at: datetime
    mono: float
    source: str
    kind: str
    cause_seq: int | None = None
    raw: bytes | None = None
    part: int = 0
    input: Input
    reasons: tuple[Reason, ...] = ()
    commands: tuple[OpenCommand, ...] = ()
    refusal: str | None = None


@attrs.frozen(kw_only=True)
class StoredRecord:
    """
    A record as it was read back; ``journal_seq`` orders the records of all desks as they were committed.

    ``input`` is an error, with the stored bytes in its ``raw``, when this version does not understand it. ``faults``
    are all such errors of the record, its reasons and commands included.
    """

    journal_seq: int
    desk_id: DeskId
    seq: int
    at: datetime
    mono: float
    source: str
    kind: str
    cause_seq: int | None
    raw: bytes | None
    part: int
    input: Input | UndecodableError
    reasons: tuple[Reason, ...]
    commands: tuple[OpenCommand, ...]
    refusal: str | None
    faults: tuple[UndecodableError, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    A record as its stored bytes, for who goes through many: of each, only what is needed is decoded (`read_back`).

    ``input`` is the JSON of the input, ``reasons`` and ``commands`` are JSON arrays; ``reasons`` is ``None`` where
    steps were not recorded, ``commands`` where the step changed none.
    """

    journal_seq: int
    desk_id: DeskId
    seq: int
    at: datetime
    mono: float
    source: str
    kind: str
    cause_seq: int | None = None
    raw: bytes | None = None
    part: int = 0
    input: bytes
    reasons: bytes | None = None
    commands: bytes | None = None
    refusal: str | None = None


class TailEntry(NamedTuple):
    """One input to apply after a snapshot; a tuple, for there may be a hundred thousand at start-up."""

    seq: int
    at: datetime
    input: Input | UndecodableError


@attrs.frozen(kw_only=True)
class Stored:
    """
    What a desk's state is rebuilt from: the newest usable snapshot and the inputs after it.

    Without a snapshot the tail is the whole history. ``missing_seq`` is the first number that should be in the tail
    and is not; then the state cannot be rebuilt to the end. ``is_begun_anew`` says that the state could not be rebuilt
    at all: the snapshot is an empty one, and what was open is lost.
    """

    snapshot: Desk | None = None
    tail: tuple[TailEntry, ...] = ()
    is_begun_anew: bool = False

    @property
    def last_seq(self) -> int:
        """The number of the newest input."""
        if self.tail:
            return self.tail[-1].seq
        return self.snapshot.seq if self.snapshot else 0

    @property
    def missing_seq(self) -> int | None:
        first = self.snapshot.seq + 1 if self.snapshot else 1
        for expected, entry in enumerate(self.tail, start=first):
            if entry.seq != expected:
                return expected
        return None


@attrs.frozen(kw_only=True)
class OutboxRow:
    """One command in its newest form, settled or not; ``kind`` is the command's class name."""

    command_id: CommandId
    desk_id: DeskId
    kind: str
    state: CommandState
    decided_at: datetime
    updated_at: datetime
    open: OpenCommand | UndecodableError


@attrs.frozen(kw_only=True)
class WriterStats:
    """Since the journal was opened; ``waiting`` are the records not durable yet, and other work not done, now."""

    commits: int = 0
    records: int = 0
    failures: int = 0
    largest_commit: int = 0
    waiting: int = 0


@attrs.frozen(kw_only=True)
class Stats:
    """Size and contents; ``outbox`` counts the commands by state, ``size_bytes`` is 0 where it cannot be known."""

    desks: int
    snapshots: int
    last_journal_seq: int
    oldest_at: datetime | None
    newest_at: datetime | None
    outbox: Mapping[CommandState, int]
    size_bytes: int
    writer: WriterStats


class Reading(Protocol):
    """A journal as it stood at one moment, to look at; blocking, so not for the event loop."""

    def desks(self) -> list[DeskId]:
        """Every desk that has records, by name."""

    def entries(self, *, desks: Collection[DeskId] = (), until: datetime | None = None) -> Iterator[Entry | Desk]:
        """
        The records of *desks*, or of all, in the order of their commits.

        Before them comes the state from which a desk's records go on where they do not begin with the desk.
        """

    def newest(self, desk_id: DeskId, *, until: datetime | None = None) -> Iterator[StoredRecord]:
        """The records of a desk from the newest, or the newest at *until*, backwards."""

    def record(self, desk_id: DeskId, seq: int) -> StoredRecord | None:
        """One record; None if it is not there (any more)."""

    def snapshot(self, desk_id: DeskId) -> Desk | None:
        """A desk's snapshot, if there is one that this version understands."""


class Journal(Protocol):
    """The durable store as the daemon sees it; one event loop uses it."""

    @property
    def writer_stats(self) -> WriterStats:
        """How writing goes; costs nothing."""

    async def append(self, records: Sequence[Record], *, snapshots: Sequence[Desk] = ()) -> None:
        """
        Make *records* and *snapshots* durable, all or none, and return when they are.

        A snapshot needs an empty ``buffer`` and may not be ahead of its desk's records. Who is cancelled while waiting
        must assume nothing: the records may become durable or not. There is no time limit: a step whose durability
        is unknown could be neither performed nor forgotten.

        Raises:
            JournalUnavailableError: nothing was kept; the same records may be appended again.
            JournalError: nothing was kept and never will be.
        """

    async def load(self) -> Mapping[DeskId, Stored]:
        """Everything that the desks' states are rebuilt from."""

    async def history(
        self, desk_id: DeskId, *, since_seq: int = 0, until_seq: int | None = None, limit: int = DEFAULT_LIMIT
    ) -> list[StoredRecord]:
        """The records of one desk after *since_seq* up to and including *until_seq*, oldest first."""

    async def outbox(
        self,
        *,
        desk_id: DeskId | None = None,
        states: Collection[CommandState] | None = None,
        limit: int = DEFAULT_LIMIT,
        before: CommandId | None = None,
    ) -> list[OutboxRow]:
        """Commands, newest decision first; *before* is the last command of the page before this one."""

    async def look(self, look: Callable[[Reading], _T]) -> _T:
        """
        What *look* finds in the history, beside everything else: one after another, and within a limit.

        Raises:
            JournalUnavailableError: it cannot be read, or that takes too long.
        """

    async def stats(self) -> Stats:
        """Size and contents."""

    async def close(self) -> None:
        """Finish what was appended and let go of the store; may be called twice."""
