"""A stream of lines in blocks of many whole ones, which are decoded together; what is too long a line is not held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is read at once; more is slower, for it leaves the processor's cache.
BLOCK_BYTES: Final = 128 * 1024
#: No line may be longer than this and a block: eight times what a device may say in one message, as shipped.
LONGEST_LINE: Final = 32 * 1024 * 1024


class Stream(Protocol):
    """What can be read, in pieces or by lines; both give nothing at the end."""

    def read(self, size: int, /) -> bytes:
        """At most *size* bytes."""

    def readline(self, size: int, /) -> bytes:
        """The rest of the line with its newline, or *size* bytes of it."""


class Block(NamedTuple):
    """
    Whole lines: the number of the first, from 1, its place in the stream in bytes, how many lines, and their text.

    ``data`` is None for one line that is too long. Only the last block may lack the newline at its end.
    """

    line: int
    offset: int
    lines: int
    data: bytes | None


def blocks(stream: Stream, *, longest: int = LONGEST_LINE) -> Iterator[Block]:
    """The lines of *stream*; a line that is longer than *longest* and a block is none of them."""
    line, offset = 1, 0
    while data := stream.read(BLOCK_BYTES):
        rest = b"" if data.endswith(b"\n") else stream.readline(longest)
        if len(rest) < longest or rest.endswith(b"\n"):
            whole, too_long = data + rest, 0
        else:
            whole = data[: data.rfind(b"\n") + 1]
            too_long = len(data) - len(whole) + len(rest) + _pass_line(stream)
        if whole:
            count = whole.count(b"\n") + (not whole.endswith(b"\n"))
            yield Block(line, offset, count, whole)
            line += count
            offset += len(whole)
        if too_long:
            yield Block(line, offset, 1, None)
            line += 1
            offset += too_long


def _pass_line(stream: Stream) -> int:
    """Read up to the end of the line; how many bytes that were."""
    passed = 0
    while data := stream.readline(BLOCK_BYTES):
        passed += len(data)
        if data.endswith(b"\n"):
            break
    return passed
