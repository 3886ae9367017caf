"""
From blocks to lines, many at once; only where that fails the lines of a block are looked at one by one.

What is wrong with a line is told with its number; a lenient reading goes on without it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from hotdesk_daemon.captures.blocks import LONGEST_LINE
from hotdesk_daemon.captures.lines import TYPES, InputLine, Line, line_decoder
from hotdesk_daemon.journal import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hotdesk_daemon.captures.blocks import Block
    from hotdesk_daemon.captures.problems import Problems

_BOM: Final = b"\xef\xbb\xbf"
#: What stands where an input has no reasons although they were recorded.
_NOTHING: Final = b"[]"
_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Typed(msgspec.Struct):
    type: str


def lines_of(block: Block, *, file: str, problems: Problems) -> Iterable[tuple[int, Line]]:
    """
    The lines of *block* with their numbers.

    Raises:
        CaptureError: one is wrong, and the reading is strict.
    """
    data = block.data
    if data is None:
        message = f"is longer than {LONGEST_LINE >> 20} MiB: no line of a capture is"
        problems.fault("too long", message, file=file, line=block.line)
        return ()
    try:
        if not data.isascii():
            data.decode()
        lines = line_decoder.decode_lines(data)
    except _UNDECODABLE:
        return _one_by_one(block.line, data, file=file, problems=problems)
    if len(lines) != block.lines:
        return _one_by_one(block.line, data, file=file, problems=problems)
    return zip(range(block.line, block.line + block.lines), lines, strict=True)


def entry_of(line: InputLine, *, steps: bool) -> Entry:
    """The entry that *line* is; *steps* says whether steps were recorded, also where it has none."""
    raw, reasons, commands = line.raw, line.reasons, line.commands
    return Entry(
        journal_seq=line.journal_seq,
        desk_id=line.desk,
        seq=line.seq,
        at=line.at if line.at.tzinfo is UTC else _in_utc(line.at),
        mono=line.mono,
        source=line.source,
        kind=line.kind,
        cause_seq=line.cause_seq,
        raw=raw.encode() if raw is not None else line.raw_base64,
        part=line.part,
        input=bytes(line.input),
        reasons=bytes(reasons) if reasons is not UNSET else _NOTHING if steps else None,
        commands=bytes(commands) if commands is not UNSET else None,
        refusal=line.refusal,
    )


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:  # an end of the calendar, which the going-through refuses
        return at.replace(tzinfo=UTC)


def _one_by_one(number: int, data: bytes, *, file: str, problems: Problems) -> Iterator[tuple[int, Line]]:
    parts = data.split(b"\n")
    is_cut = bool(parts[-1])
    for place, part in enumerate(parts, start=number):
        text = part.removeprefix(_BOM) if place == 1 else part
        if not text.strip():
            continue
        try:
            text.decode()
            yield place, line_decoder.decode(text)
        except _UNDECODABLE as exc:
            is_last = is_cut and place == number + len(parts) - 1
            _tell(text, exc, is_last=is_last, line=place, file=file, problems=problems)


def _tell(text: bytes, exc: Exception, *, is_last: bool, line: int, file: str, problems: Problems) -> None:
    """Say what is wrong with *text*; a line of a type that came later is nothing wrong."""
    if is_last:
        problems.fault("cut line", "the last line is not whole: the capture was cut off here", file=file, line=line)
    elif isinstance(exc, UnicodeDecodeError):
        problems.fault("not UTF-8", "is no UTF-8 text", file=file, line=line)
    elif isinstance(exc, RecursionError):
        problems.fault("nesting", "is nested too deeply", file=file, line=line)
    elif (other := _other_type(text)) is not None:
        message = f"lines of type {other!r} are not known to this version, and passed over"
        problems.note("unknown type", message, file=file, line=line)
    else:
        is_json = isinstance(exc, msgspec.ValidationError)
        message = f"is no line of a capture: {exc}" if is_json else f"is no JSON: {exc}"
        problems.fault("no line" if is_json else "no JSON", message, file=file, line=line)


def _other_type(text: bytes) -> str | None:
    """The type of a line of a type that this version does not know."""
    try:
        found = msgspec.json.decode(text, type=_Typed).type
    except _UNDECODABLE:
        return None
    return None if found in TYPES else found
