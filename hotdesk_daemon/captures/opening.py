"""The beginning of a capture: whether it is one, and whether this version reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from hotdesk_daemon.captures.errors import CaptureError
from hotdesk_daemon.captures.files import DamagedError
from hotdesk_daemon.captures.lines import FORMAT, VERSION, Header, line_decoder

if TYPE_CHECKING:
    from hotdesk_daemon.captures.blocks import Stream
    from hotdesk_daemon.captures.problems import Problems

#: A header has a few hundred bytes, and a name for each desk that was asked for.
_LONGEST_HEADER: Final = 1024 * 1024
#: What is assumed of a capture without a header.
_UNKNOWN: Final = Header(
    format=FORMAT,
    version=VERSION,
    written_at=datetime(1970, 1, 1, tzinfo=UTC),
    software="unknown",
    origin="unknown",
    redacted=False,
    steps=False,
)


class _Opening(msgspec.Struct):
    """As much of a header as every version has."""

    type: str
    format: str
    version: int


def read_header(stream: Stream, *, file: str, problems: Problems) -> tuple[Header, bool]:
    """
    The header of *stream*, and whether it is there: a lenient reading goes on without.

    Raises:
        CaptureError: it is no capture, or none that can be read.
    """
    try:
        first = stream.readline(_LONGEST_HEADER).removeprefix(b"\xef\xbb\xbf")
    except DamagedError as exc:
        raise CaptureError(f"is damaged: {exc}", file=file) from exc
    try:
        opening = msgspec.json.decode(first, type=_Opening)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _without(first, file=file, problems=problems)
    if opening.type != "header" or opening.format != FORMAT:
        raise CaptureError(f"is no capture: its first line says it is {opening.format!r}", file=file, line=1)
    if opening.version > VERSION:
        message = f"written by format {opening.version}; this version reads up to {VERSION}"
        problems.fault("newer format", message, file=file, line=1)
    return _decoded(first, file=file, problems=problems), True


def _decoded(first: bytes, *, file: str, problems: Problems) -> Header:
    try:
        header = line_decoder.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        problems.fault("header", f"the header cannot be understood: {exc}", file=file, line=1)
        return _UNKNOWN
    if isinstance(header, Header):
        return header
    raise AssertionError("its type is header")


def _without(first: bytes, *, file: str, problems: Problems) -> tuple[Header, bool]:
    """What is to be made of a first line that is no header."""
    try:
        line_decoder.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise CaptureError("is no capture: its first line is no header", file=file, line=1) from exc
    problems.fault("no header", "the header is missing: the beginning was cut off", file=file, line=1)
    return _UNKNOWN, False
