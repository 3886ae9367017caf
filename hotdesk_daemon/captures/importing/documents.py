"""
The JSON in a file, whatever is around it: one document, one a line, or lines of a log with JSON in them.

A document may be written over several lines. Nothing is held but the document at hand.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.captures.blocks import BLOCK_BYTES, LONGEST_LINE, blocks
from hotdesk_daemon.captures.files import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.captures.blocks import Stream
    from hotdesk_daemon.captures.files import CaptureFile
    from hotdesk_daemon.captures.problems import Problems

#: A document of its own may be no larger, and one in a log no larger than a line of a capture.
LARGEST_FILE: Final = 64 * 1024 * 1024

_BOM: Final = b"\xef\xbb\xbf"
#: Where JSON begins in a line: an object or a list of them; a log has other brackets too.
_BEGINS: Final = re.compile(rb'\{\s*(?:"|$)|\[\s*(?:\{|$)')
#: A bracket, or a string, also one that the end of the line cuts off: nothing behind its beginning is a bracket.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\]]')
#: What stands before an object within another one.
_WITHIN: Final = re.compile(rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"\s*+:|[\[\]{},\s])*+')
_BAD: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
_LONGEST_PREFIX: Final = 200
_decode: Final = msgspec.json.Decoder().decode


@attrs.frozen(kw_only=True)
class Document:
    """One JSON value, as it stands at ``line`` of ``file`` behind ``prefix``."""

    file: str
    line: int
    raw: bytes
    value: object
    prefix: str = ""


def documents(file: CaptureFile, *, problems: Problems) -> Iterator[Document]:
    """
    The documents in *file*, in order.

    Raises:
        CaptureError: it cannot be read, or there is something wrong in it and *problems* is strict.
    """
    try:
        with file.open() as stream:
            whole = _whole(stream, file.name)
        if whole is not None:
            yield whole
            return
        with file.open() as stream:
            yield from _Gathering(file.name, problems).documents(stream)
    except DamagedError as exc:
        problems.fault("damaged", f"cannot be unpacked: {exc}", file=file.name)


def _whole(stream: Stream, name: str) -> Document | None:
    """All that is in *stream* as one document; None if it is none, or too large to try."""
    parts, size = [], 0
    with contextlib.suppress(DamagedError):  # met again when what is before it is gathered
        while size <= LARGEST_FILE and (data := stream.read(BLOCK_BYTES)):
            parts.append(data)
            size += len(data)
    raw = b"".join(parts).removeprefix(_BOM).strip()
    if size > LARGEST_FILE or raw[:1] not in (b"{", b"["):
        return None
    try:
        return Document(file=name, line=1, raw=raw, value=_decode(raw))
    except _BAD:
        return None


class _Gathering:
    """Documents out of lines."""

    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._parts: list[bytes] = []  # of a document that goes on in the next line
        self._size = self._depth = self._begun = 0
        self._prefix = ""

    def documents(self, stream: Stream) -> Iterator[Document]:
        found = False
        for number, line in self._lines(stream):
            for document in self._take(line, number):
                found = True
                yield document
        if self._parts:
            self._fault("the JSON that begins here is not whole", self._begun)
        if not found:
            self._problems.fault("no JSON", "has no JSON in it", file=self._file)

    def _lines(self, stream: Stream) -> Iterator[tuple[int, bytes]]:
        for block in blocks(stream):
            if block.data is None:
                self._fault(f"is longer than {LONGEST_LINE >> 20} MiB", block.line)
                continue
            for number, line in enumerate(block.data.splitlines(), start=block.line):
                if number == 1:
                    line = line.removeprefix(_BOM)  # noqa: PLW2901 - the same line, without its mark
                yield number, line

    def _take(self, line: bytes, number: int) -> Iterator[Document]:
        """The documents that end in a line."""
        begin = _BEGINS.search(line)
        if self._parts:
            if begin is None or not self._stands_alone(line, begin.start()):
                yield from self._go_on(line, number)
                return
            self._fault("the JSON that begins here is not whole", self._begun)
            self._parts = []
        if begin is not None:
            self._prefix = line[: begin.start()][-_LONGEST_PREFIX:].decode(errors="replace").strip()
            yield from self._start(line[begin.start() :].strip(), number)

    def _start(self, text: bytes, number: int) -> Iterator[Document]:
        """Begin a document; mostly it is all that *text* is."""
        try:
            yield Document(file=self._file, line=number, raw=text, value=_decode(text), prefix=self._prefix)
        except _BAD:
            self._begun, self._depth, self._size, self._parts = number, 0, 0, []
            yield from self._go_on(text, number)

    def _go_on(self, line: bytes, number: int) -> Iterator[Document]:
        """Take a line more of the document at hand; where it ends others may follow."""
        begin = 0
        while (end := self._end_in(line, begin)) is not None:
            raw = b"\n".join((*self._parts, line[begin:end]))
            self._parts = []
            yield from self._whole(raw)
            another = _BEGINS.search(line, end)
            if another is None:
                return
            begin, self._begun, self._size = another.start(), number, 0
        self._parts.append(line[begin:])
        self._size += len(line) - begin
        if self._size > LONGEST_LINE:
            self._parts = []
            self._fault(f"the JSON that begins here is larger than {LONGEST_LINE >> 20} MiB", self._begun)

    def _end_in(self, line: bytes, begin: int) -> int | None:
        """Where the document at hand ends, if that is in *line*."""
        for token in _TOKEN.finditer(line, begin):
            if token[0] in (b"{", b"["):
                self._depth += 1
            elif token[0] in (b"}", b"]"):
                self._depth -= 1
                if not self._depth:
                    return token.end()
        return None

    def _whole(self, raw: bytes) -> Iterator[Document]:
        try:
            value = _decode(raw)
        except UnicodeError:
            self._fault("is no UTF-8 text", self._begun)
        except (msgspec.DecodeError, RecursionError) as exc:
            self._fault(f"the JSON that begins here cannot be read: {exc}", self._begun)
        else:
            yield Document(file=self._file, line=self._begun, raw=raw, value=value, prefix=self._prefix)

    def _fault(self, message: str, line: int) -> None:
        self._problems.fault("JSON", message, file=self._file, line=line)

    def _stands_alone(self, line: bytes, begin: int) -> bool:
        """Whether a line within a document over several lines is one of its own: that one was cut off, then."""
        is_first = not begin and self._parts[0][:1] == b"{"
        if not is_first and _WITHIN.fullmatch(line, 0, begin):
            return False
        try:
            _decode(line[begin:].strip())
        except _BAD:
            return False
        return True
