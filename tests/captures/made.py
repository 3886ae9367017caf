"""Captures to read: made of lines, of entries, or of any entries at all."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import zstandard
from hypothesis import strategies as st

from hotdesk_daemon.captures.lines import FORMAT, VERSION, EndLine, Header, encode_line
from hotdesk_daemon.captures.reading import read_captures
from hotdesk_daemon.captures.writing import CaptureWriter
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hotdesk_daemon.core.desk import Desk

T0: Final = datetime(2026, 5, 4, 8, tzinfo=UTC)
DESK, OTHER = DeskId("osl-4-014"), DeskId("osl-4-015")
HEADER: Final = Header(
    format=FORMAT,
    version=VERSION,
    written_at=T0,
    software="tests",
    origin="journal",
    redacted=True,
    steps=True,
    journal="journal-1",
    pseudonyms="key-1",
)


def header(**changes: Any) -> Header:
    return msgspec.structs.replace(HEADER, **changes)


def entry(seq: int, *, desk: DeskId = DESK, journal_seq: int | None = None, **changes: Any) -> Entry:
    """One that people are counted by; its number in the journal is its own unless told otherwise."""
    at = T0 + timedelta(seconds=seq)
    given = Entry(
        journal_seq=journal_seq or seq,
        desk_id=desk,
        seq=seq,
        at=at,
        mono=seq + 0.5,
        source="device:panel",
        kind="PeopleCount",
        raw=b'{"people": %d}' % seq,
        input=b'{"value":%d,"device":"panel"}' % seq,
        reasons=b"[]",
    )
    return msgspec.structs.replace(given, **changes)


def text(*items: Entry, head: Header | None = HEADER, end: int | None = None, cut: str | None = None) -> bytes:
    """A capture of *items*, whole; *end* is what its end line counts if not them."""
    sink = io.BytesIO()
    writer = CaptureWriter(sink, head or HEADER)
    for item in items:
        assert writer.write(item)
    writer.flush()
    lines = sink.getvalue() + encode_line(EndLine(inputs=len(items) if end is None else end, cut=cut)) + b"\n"
    return lines if head is not None else lines.split(b"\n", 1)[1]


def put(path: Path, *parts: bytes, packed: bool = False) -> Path:
    """A file of *parts*."""
    data = b"".join(parts)
    path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(data) if packed else data)
    return path


def read(*paths: Path, lenient: bool = False, **how: Any) -> tuple[list[Entry | Desk], list[str]]:
    """What is in them, and what is told about them."""
    with read_captures(paths, lenient=lenient) as captures:
        items = list(captures.entries(**how))
        return items, captures.problems.told()


def seqs(items: Iterable[Entry | Desk]) -> Sequence[int]:
    return [item.seq for item in items if isinstance(item, Entry)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_OBJECTS = st.dictionaries(st.text(max_size=8), _JSON, max_size=4).map(msgspec.json.encode)
_ARRAYS = st.lists(_JSON, min_size=1, max_size=3).map(msgspec.json.encode)
_NAMES = st.text(min_size=1, max_size=12)
_COUNTS = st.integers(0, 2**63 - 1)

#: Any entry at all that could be in a journal, as the first of its desk.
entries: Final = st.builds(
    Entry,
    journal_seq=st.integers(1, 2**63 - 1),
    desk_id=_NAMES.map(DeskId),
    seq=st.just(1),
    # hypothesis adds the zone
    at=st.datetimes(datetime(1970, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    mono=st.floats(allow_nan=False, allow_infinity=False),
    source=_NAMES,
    kind=_NAMES,
    cause_seq=st.none() | _COUNTS,
    raw=st.none() | st.binary(max_size=40) | st.text(max_size=40).map(str.encode),
    part=_COUNTS,
    input=_OBJECTS,
    reasons=st.just(b"[]") | _ARRAYS,
    commands=st.none() | _ARRAYS,
    refusal=st.none() | st.text(max_size=20),
)
