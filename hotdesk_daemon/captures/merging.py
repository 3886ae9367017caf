"""Several captures of one journal as one recording: in the order of the journal, and what several have taken once."""

from __future__ import annotations

import heapq
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from hotdesk_daemon.core.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hotdesk_daemon.captures.lines import Header
    from hotdesk_daemon.captures.problems import Problems
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import Entry

_NUMBER = itemgetter(0)


class _Given(NamedTuple):
    """An entry, the state that it goes on from if that stands before it, and the file that has it."""

    number: int
    state: Desk | None
    entry: Entry
    file: str


def mismatch(first: Header, other: Header, *, file: str) -> str | None:
    """Why *other* is not of one recording with *first*, which is that of *file*; None if it is."""
    if first.journal is None or other.journal is None:
        return f"and {file} cannot be read as one recording: which journal they are of is not known of both"
    if first.journal != other.journal:
        return (
            f"is a capture of another installation: of journal {other.journal}, but {file} is of journal "
            f"{first.journal}; they cannot be read as one recording"
        )
    if first.redacted != other.redacted:
        which = "redacted" if other.redacted else "not redacted"
        return f"is {which}, unlike {file}: the same person would be two"
    if first.pseudonyms != other.pseudonyms:
        return f"has other pseudonyms than {file}: they were made with another key, and the same person would be two"
    return None


def merged(parts: Sequence[tuple[str, Iterable[Entry | Desk]]], *, problems: Problems) -> Iterator[Entry | Desk]:
    """
    One recording of *parts*, the name and the content of each file.

    Raises:
        CaptureError: two have different inputs under one number, and the reading is strict.
    """
    seqs: dict[DeskId, int] = {}
    everything = heapq.merge(*(_given(name, items) for name, items in parts), key=_NUMBER)
    for _, group in groupby(everything, key=_NUMBER):
        given = list(group)
        best = max(given, key=lambda one: (one.entry.reasons is not None, one.entry.raw is not None))
        entry = best.entry
        for other in given:
            if not _is_same(entry, other.entry):
                message = (
                    f"input {other.entry.seq} of desk {other.entry.desk_id} is another than the one that {best.file} "
                    f"has under number {best.number} of the journal"
                )
                problems.fault("disagreement", message, file=other.file)
        before = seqs.get(entry.desk_id, 0)
        if entry.seq <= before:
            message = f"input {entry.seq} of desk {entry.desk_id} stands behind {before} of another file"
            problems.fault("order", message, file=best.file)
            continue
        if entry.seq != before + 1:
            yield from (one.state for one in given if one.state is not None)
        seqs[entry.desk_id] = entry.seq
        yield entry


def _given(file: str, items: Iterable[Entry | Desk]) -> Iterator[_Given]:
    state: Desk | None = None
    for item in items:
        if isinstance(item, Desk):
            state = item
        else:
            yield _Given(item.journal_seq, state, item, file)
            state = None


def _is_same(one: Entry, other: Entry) -> bool:
    """Whether both are the same input; one of them may have been written without its step or its message."""
    return (one.desk_id, one.seq, one.at, one.source, one.kind, one.input) == (
        other.desk_id, other.seq, other.at, other.source, other.kind, other.input,
    )  # fmt: skip
