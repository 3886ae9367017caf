"""
Captures as history that can be gone through, looked at backwards, and asked for one input.

Going through is streaming: memory does not grow with the file. Looking backwards makes an index first, of where in the
file each desk's inputs are: a few bytes for each desk in each block.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.captures.files import CaptureFile
from hotdesk_daemon.captures.index import Index
from hotdesk_daemon.captures.lines import Header
from hotdesk_daemon.captures.merging import merged, mismatch
from hotdesk_daemon.captures.opening import read_header
from hotdesk_daemon.captures.passing import Pass
from hotdesk_daemon.captures.problems import Problems
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.journal.entries import read_back

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from hotdesk_daemon.captures.blocks import Stream
    from hotdesk_daemon.captures.passing import Passed
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import Entry, StoredRecord

_seq = attrgetter("seq")


@attrs.frozen(kw_only=True)
class _Part:
    """One of the files, and how it begins."""

    file: CaptureFile
    header: Header
    is_headed: bool

    def blocks(self, problems: Problems) -> Iterator[Passed]:
        with self.file.open() as stream:
            name, header = self.file.name, self.header
            yield from Pass(stream, header=header, is_headed=self.is_headed, file=name, problems=problems).blocks()

    def items(self, problems: Problems) -> Iterator[Entry | Desk]:
        return itertools.chain.from_iterable(map(attrgetter("items"), self.blocks(problems)))

    def index(self, problems: Problems) -> Index:
        self.file.random()
        return Index(self.file, header=self.header, passed=self.blocks(problems))


class CaptureReading:
    """
    What `read_captures` gives: a recording.

    Whatever goes through the files finds what is wrong with them only then: it raises `CaptureError`, or, where the
    reading is lenient, goes on.
    """

    def __init__(self, parts: Sequence[_Part], *, problems: Problems) -> None:
        self._parts = parts
        self._opening = self._most = self._newest = problems

    @property
    def problems(self) -> Problems:
        """Those of the going-through that found most: others may have ended early."""
        return max(self._newest, self._most, key=attrgetter("total"))

    @property
    def header(self) -> Header:
        """The header; of the file that was named first, if there are several."""
        return self._parts[0].header

    @property
    def headers(self) -> tuple[Header, ...]:
        """The header of each file."""
        return tuple(part.header for part in self._parts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever wrote them has to say to people."""
        return tuple(dict.fromkeys(note for header in self.headers for note in header.notes))

    @property
    def progress(self) -> float:
        """How much of the files the newest going-through has behind it, from 0 to 1."""
        size = sum(part.file.size_bytes for part in self._parts)
        return sum(part.file.read_bytes for part in self._parts) / size if size else 0.0

    def desks(self) -> list[DeskId]:
        """Every desk that has inputs, by name."""
        return sorted({desk for index in self._indexes for desk in index.desks()})

    def entries(self, *, desks: Collection[DeskId] = (), until: datetime | None = None) -> Iterator[Entry | Desk]:
        """The inputs of *desks*, or of all, oldest first; a state before the desk's input that goes on from it."""
        problems = self._anew()
        if len(self._parts) == 1:
            items = self._parts[0].items(problems)
        else:
            items = merged([(part.file.name, part.items(problems)) for part in self._parts], problems=problems)
        return _chosen(items, frozenset(desks), until) if desks or until is not None else items

    def newest(self, desk_id: DeskId, *, until: datetime | None = None) -> Iterator[StoredRecord]:
        """The inputs of a desk from the newest, or the newest at *until*, backwards."""
        last: int | None = None
        for entry in heapq.merge(*(index.backwards(desk_id) for index in self._indexes), key=_seq, reverse=True):
            if entry.seq != last and (until is None or entry.at <= until):
                yield read_back(entry)
            last = entry.seq

    def record(self, desk_id: DeskId, seq: int) -> StoredRecord | None:
        """One input with its step; None if it is not there."""
        for index in self._indexes:
            entry = index.entry(desk_id, seq)
            if entry is not None:
                return read_back(entry)
        return None

    def _anew(self) -> Problems:
        self._most, self._newest = self.problems, self._opening.again()
        return self._newest

    @functools.cached_property
    def _indexes(self) -> list[Index]:
        problems = self._anew()
        return [part.index(problems) for part in self._parts]


@contextmanager
def read_captures(paths: Sequence[Path], *, lenient: bool = False) -> Iterator[CaptureReading]:
    """
    The captures at *paths* as one recording; ``-`` is standard input.

    Args:
        paths: one or more, of one journal.
        lenient: use what can be used; what cannot is counted in ``problems``.

    Raises:
        CaptureError: one is no capture, cannot be read, or does not belong to the others.
    """
    problems = Problems(is_lenient=lenient)
    parts: list[_Part] = []
    with ExitStack() as stack:
        for path in paths:
            file = CaptureFile(path)
            stack.callback(file.close)
            part = _opened(file, problems)
            why_not = mismatch(parts[0].header, part.header, file=parts[0].file.name) if parts else None
            if why_not is not None:
                problems.fault("another recording", why_not, file=file.name)
            else:
                parts.append(part)
        yield CaptureReading(parts, problems=problems)


def _opened(file: CaptureFile, problems: Problems) -> _Part:
    found: list[tuple[Header, bool]] = []

    def look(stream: Stream) -> None:
        found.append(read_header(stream, file=file.name, problems=problems))

    file.prepare(accept=look)
    header, is_headed = found[0]
    return _Part(file=file, header=header, is_headed=is_headed)


def _chosen(items: Iterator[Entry | Desk], desks: frozenset[DeskId], until: datetime | None) -> Iterator[Entry | Desk]:
    state: Desk | None = None
    for item in items:
        if isinstance(item, Desk):
            state = item
            continue
        if (not desks or item.desk_id in desks) and (until is None or item.at <= until):
            if state is not None:
                yield state
            yield item
        state = None
