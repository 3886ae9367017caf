"""
Making a capture of a journal: of what it holds, or live, of what comes into it from now on.

The journal is read beside a daemon that may be writing it. Whatever is written is redacted, unless the one who asks
says that it is not to be.
"""

from __future__ import annotations

import contextlib
import math
import time
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon import __version__
from hotdesk_daemon.app.beginnings import beginning
from hotdesk_daemon.captures.keys import KEY_FILE, fresh_key, kept_key, key_name
from hotdesk_daemon.captures.lines import FORMAT, VERSION, Header
from hotdesk_daemon.captures.redaction import Redactor
from hotdesk_daemon.captures.writing import CaptureWriter, capture_file
from hotdesk_daemon.core.errors import ConfigError, HotdeskError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import Entry, JournalUnavailableError
from hotdesk_daemon.journal.reading import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.journal.reading import JournalReading

__all__ = ["Capture", "Captured", "InterruptedCaptureError", "Stop", "Wanted", "capture_file", "has_key"]

#: Between two looks of a live capture into the journal, in real seconds.
POLL_S: Final = 0.5
#: What a header may have to say to people.
_MOST_NOTES: Final = 20
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@attrs.frozen(kw_only=True)
class Wanted:
    """
    What is to be captured.

    ``since`` and ``until`` are moments of the site; ``last_s``, where there is no ``since``, are seconds before the
    newest input. ``live`` is from now on instead, for ``live_s`` real seconds if that is not None. ``max_bytes`` bounds
    the file. ``state_dir`` is where the key of the pseudonyms is kept; None if that of the journal is not known.
    """

    desks: tuple[DeskId, ...] = ()
    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    last_s: float | None = None
    live: bool = False
    live_s: float | None = None
    steps: bool = True
    raw: bool = True
    redacted: bool = True
    packed: bool = False
    max_bytes: int | None = None
    state_dir: Path | None = None


@attrs.frozen(kw_only=True)
class Captured:
    """
    What was written: how many inputs of how many desks, and their first and last moment.

    ``cut`` is why it ends where more was asked for, as in an end line; ``notes`` are to be told to people.
    """

    inputs: int
    desks: int
    size_bytes: int
    first_at: datetime | None
    last_at: datetime | None
    cut: str | None
    notes: tuple[str, ...]


class Stop:
    """A wish to end, which a signal handler or another thread may state at any time."""

    def __init__(self) -> None:
        self.is_set = False
        # Unlike an event of threading's it may be told by a handler that interrupts the one who waits.
        self._told: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        self.is_set = True
        self._told.put(None)

    def wait(self, seconds: float) -> None:
        """Return when it is set, or after so many seconds."""
        with contextlib.suppress(Empty):
            self._told.get(timeout=seconds)


class InterruptedCaptureError(HotdeskError):
    """It was to stop before it was whole; what is there is of no use."""


def has_key(directory: Path) -> bool:
    """Whether the key of an installation's pseudonyms is kept in *directory*."""
    return (directory / KEY_FILE).is_file()


class Capture:
    """
    One capture of the journal at *url*.

    *stop* may be set by anybody at any time; *tick* is called again and again while it is under way. ``progress`` tells
    how much is done, from 0 to 1, ``inputs`` and ``size_bytes`` what is written.
    """

    def __init__(
        self, url: str, wanted: Wanted, *, stop: Stop | None = None, tick: Callable[[], None] | None = None
    ) -> None:
        self.progress = 0.0
        self._url = url
        self._wanted = wanted
        self._stop = stop or Stop()
        self._tick = tick
        self._redactor: Redactor | None = None
        self._notes: list[str] = []
        self._output: _Output | None = None

    @property
    def inputs(self) -> int:
        """How many inputs are written."""
        return self._output.writer.inputs if self._output is not None else 0

    @property
    def size_bytes(self) -> int:
        """How much is written."""
        return self._output.writer.size_bytes if self._output is not None else 0

    def write(self, sink: IO[bytes]) -> Captured:
        """
        Write it to *sink*; once.

        Raises:
            ConfigError: there is no such journal, or nothing in it of what is wanted.
            InterruptedCaptureError: it was stopped, and is not a live one.
            JournalUnavailableError: the journal cannot be read (any more); what is there of a live one is whole.
        """
        try:
            with reading(self._url) as journal:
                return self._write(journal, sink)
        except JournalUnavailableError:
            if self._output is not None and self._wanted.live:
                self._output.writer.end(cut="journal")
            raise

    def _write(self, journal: JournalReading, sink: IO[bytes]) -> Captured:
        wanted = self._wanted
        self._check_desks(journal)
        first, since = self._range(journal)
        pseudonyms = self._redact() if wanted.redacted else None
        states, held = ({}, []) if wanted.kinds else self._begin(journal, wanted.desks or journal.desks(), first)
        header = self._header(journal, since=since, pseudonyms=pseudonyms)
        writer = CaptureWriter(sink, header, packed=wanted.packed, max_bytes=wanted.max_bytes)
        self._output = output = _Output(writer, wanted, redactor=self._redactor, states=states)
        cut = None if all(map(output.put, held)) else "size"
        if cut is None:
            cut = self._follow(journal, output, first) if wanted.live else self._copy(journal, output, first)
        writer.end(cut=cut)
        if writer.shortened:
            self._notes.append(f"{writer.shortened} messages are left out: their lines would have been too long")
        return Captured(
            inputs=writer.inputs,
            desks=len(output.desks),
            size_bytes=writer.size_bytes,
            first_at=output.first_at,
            last_at=output.last_at,
            cut=cut,
            notes=tuple(self._notes),
        )

    # --- what is to be written ---------------------------------------------------------------------------------------

    def _check_desks(self, journal: JournalReading) -> None:
        known = set(journal.desks()) if self._wanted.desks else set()
        unknown = [desk for desk in self._wanted.desks if desk not in known]
        if unknown:
            raise ConfigError(*(f"the journal has nothing of a desk {desk!r}" for desk in unknown))

    def _range(self, journal: JournalReading) -> tuple[int, datetime | None]:
        """The number in the journal to begin at, and the moment that it was asked for."""
        newest, newest_at = journal.end()
        if self._wanted.live:
            return newest + 1, None
        if newest_at is None:
            raise ConfigError("the journal is empty")
        since = self._wanted.since
        if since is None and self._wanted.last_s is not None:
            # Longer than anything lasted is from the beginning.
            since = newest_at - timedelta(seconds=min(self._wanted.last_s, newest_at.timestamp()))
        if since is None:
            return 1, None
        first = journal.first_since(since)
        if first is None:
            raise ConfigError(
                f"the journal has nothing since {since.astimezone(UTC):{_TIME}}: its newest input is of "
                f"{newest_at:{_TIME}}"
            )
        return first, since

    def _redact(self) -> str:
        """Take the key of the pseudonyms; what it is called."""
        if self._wanted.state_dir is not None:
            key = kept_key(self._wanted.state_dir)
        else:
            key = fresh_key()
            self._notes.append("the pseudonyms are of this capture alone; another one has others for the same persons")
        self._redactor = Redactor(key=key)
        return key_name(key)

    def _begin(
        self, journal: JournalReading, desks: Sequence[DeskId], first: int
    ) -> tuple[dict[DeskId, Desk], list[Entry]]:
        """What each desk goes on from, and what has to be written before number *first* because of that."""
        states: dict[DeskId, Desk] = {}
        held: list[Entry] = []
        for count, desk in enumerate(desks, start=1):
            found = beginning(journal, desk, journal_seq=first, tick=self._go_on)
            if found.state is not None:
                states[desk] = found.state
            if found.note is not None:
                self._notes.append(f"desk {self._shown(desk)} {found.note}")
            held.extend(found.held)
            self.progress = count / len(desks) / 2
        return states, sorted(held, key=attrgetter("journal_seq"))

    def _header(self, journal: JournalReading, *, since: datetime | None, pseudonyms: str | None) -> Header:
        wanted = self._wanted
        if wanted.kinds:
            self._notes.append("only some kinds of input are here, so steps cannot be compared")
        if not wanted.raw:
            self._notes.append("the messages as they came were left out")
        more = len(self._notes) - _MOST_NOTES
        return Header(
            format=FORMAT,
            version=VERSION,
            written_at=datetime.now(UTC),
            software=f"hotdesk-daemon {__version__}",
            origin="live" if wanted.live else "journal",
            redacted=wanted.redacted,
            steps=wanted.steps,
            journal=journal.journal_id,
            pseudonyms=pseudonyms,
            desks=tuple(map(self._shown, wanted.desks)),
            kinds=wanted.kinds,
            since=since,
            until=wanted.until,
            notes=(*self._notes[:_MOST_NOTES], *([f"and {more} more notes like these"] if more > 0 else [])),
        )

    def _shown(self, desk: DeskId) -> DeskId:
        return self._redactor.desk_id(desk) if self._redactor is not None else desk

    # --- writing -----------------------------------------------------------------------------------------------------

    def _copy(self, journal: JournalReading, output: _Output, first: int) -> str | None:
        """Write what the journal holds; why it ends early, if it does."""
        newest, _ = journal.end()
        until = self._wanted.until
        for entry in self._entries(journal, first, before=newest + 1):
            if until is not None and entry.at > until:
                break
            self._go_on()
            self.progress = 0.5 + (entry.journal_seq - first) / (newest - first + 1) / 2
            if not output.put(entry):
                return "size"
        return None

    def _entries(self, journal: JournalReading, first: int, *, before: int) -> Iterator[Entry]:
        desks = self._wanted.desks
        if len(desks) != 1:
            return (one for one in journal.entries(desks=desks, after=first - 1) if isinstance(one, Entry))
        # One desk's own are found by their numbers, without going through those of all the others.
        return journal.entries_of(desks[0], after_seq=journal.last_seq_before(desks[0], first), before=before)

    def _follow(self, journal: JournalReading, output: _Output, first: int) -> str:
        """Write what comes into the journal; why it ended."""
        after = first - 1
        end_mono = time.monotonic() + self._wanted.live_s if self._wanted.live_s is not None else math.inf
        while True:
            is_stopped, is_over = self._stop.is_set, time.monotonic() >= end_mono
            journal.refresh()
            newest, _ = journal.end()
            for entry in journal.entries(desks=self._wanted.desks, after=after):
                if isinstance(entry, Entry) and not output.put(entry):
                    return "size"
            # Not the last entry's number: where few desks are followed, what others did would be read again each time.
            after = max(newest, after)
            output.flush()
            if self._tick is not None:
                self._tick()
            if is_stopped or is_over:
                return "stopped" if is_stopped else "duration"
            self._stop.wait(max(0.0, min(POLL_S, end_mono - time.monotonic())))

    def _go_on(self) -> None:
        if self._stop.is_set:
            raise InterruptedCaptureError("interrupted: nothing was captured")
        if self._tick is not None:
            self._tick()


class _Output:
    """What is written, and how: *states* are those that desks go on from, before their first input here."""

    def __init__(
        self, writer: CaptureWriter, wanted: Wanted, *, redactor: Redactor | None, states: dict[DeskId, Desk]
    ) -> None:
        self.writer = writer
        self.desks: set[DeskId] = set()
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self._wanted = wanted
        self._redactor = redactor
        self._states = states
        self._flushed = 0

    def put(self, entry: Entry) -> bool:
        """Write one input if it is wanted; False if there is no room for it."""
        wanted, redactor = self._wanted, self._redactor
        if wanted.kinds and entry.kind not in wanted.kinds:
            return True
        if not wanted.steps:
            entry = msgspec.structs.replace(entry, reasons=None, commands=None, refusal=None)
        if not wanted.raw:
            entry = msgspec.structs.replace(entry, raw=None)
        state = self._states.pop(entry.desk_id, None)
        if redactor is not None:
            entry = redactor.entry(entry)
            state = redactor.state(state) if state is not None else None
        if not self.writer.write(entry, state=state):
            return False
        self.desks.add(entry.desk_id)
        self.first_at = self.first_at or entry.at
        self.last_at = entry.at
        return True

    def flush(self) -> None:
        """Give away what was put since, so that it can be read."""
        if self.writer.inputs != self._flushed or not self._flushed:
            self._flushed = self.writer.inputs
            self.writer.flush()
