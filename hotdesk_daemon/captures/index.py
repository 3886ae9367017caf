"""Where in a capture each desk's inputs are, so that it can be looked at backwards and for single inputs."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.captures.decoding import entry_of, lines_of
from hotdesk_daemon.captures.lines import InputLine
from hotdesk_daemon.captures.problems import Problems
from hotdesk_daemon.journal import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hotdesk_daemon.captures.blocks import Block
    from hotdesk_daemon.captures.files import CaptureFile
    from hotdesk_daemon.captures.lines import Header
    from hotdesk_daemon.captures.passing import Passed
    from hotdesk_daemon.core.ids import DeskId

#: Decoded blocks that are kept: who asks for one input mostly asks for one near it next.
_KEPT: Final = 8


@attrs.define(eq=False)
class _Stretch:
    """One desk's inputs: the numbers of the blocks that have some, and the first and last input in each."""

    blocks: array[int] = attrs.field(factory=lambda: array("L"))
    firsts: array[int] = attrs.field(factory=lambda: array("q"))
    lasts: array[int] = attrs.field(factory=lambda: array("q"))

    def extend(self, block: int, seq: int) -> None:
        if self.blocks and self.blocks[-1] == block:
            self.lasts[-1] = seq
            return
        self.blocks.append(block)
        self.firsts.append(seq)
        self.lasts.append(seq)


class Index:
    """The index of one file, which must be one that can be jumped about in."""

    def __init__(self, file: CaptureFile, *, header: Header, passed: Iterable[Passed]) -> None:
        self._file = file
        self._header = header
        self._places: list[tuple[Block, int]] = []
        self._desks: dict[DeskId, _Stretch] = {}
        self._decoded: dict[int, dict[DeskId, dict[int, Entry]]] = {}
        for block, items in passed:
            for item in items:
                if isinstance(item, Entry):
                    self._desks.setdefault(item.desk_id, _Stretch()).extend(len(self._places), item.seq)
            self._places.append((block._replace(data=None), len(block.data or b"")))

    def desks(self) -> list[DeskId]:
        """Every desk that has inputs."""
        return sorted(self._desks)

    def backwards(self, desk: DeskId) -> Iterator[Entry]:
        """A desk's inputs, the newest first."""
        stretch = self._desks.get(desk, _Stretch())
        for place in reversed(range(len(stretch.blocks))):
            entries = self._entries(stretch.blocks[place]).get(desk, {})
            for seq in sorted(entries, reverse=True):
                if stretch.firsts[place] <= seq <= stretch.lasts[place]:
                    yield entries[seq]

    def entry(self, desk: DeskId, seq: int) -> Entry | None:
        """One input, if it is there."""
        stretch = self._desks.get(desk, _Stretch())
        place = bisect_right(stretch.firsts, seq) - 1
        if place < 0 or seq > stretch.lasts[place]:
            return None
        return self._entries(stretch.blocks[place]).get(desk, {}).get(seq)

    def _entries(self, block: int) -> dict[DeskId, dict[int, Entry]]:
        """A block's inputs by desk and number."""
        if block in self._decoded:
            # Last used, last to go.
            self._decoded[block] = found = self._decoded.pop(block)
            return found
        place, size = self._places[block]
        again = place._replace(data=self._read(place.offset, size))
        found = {}
        for _, given in lines_of(again, file=self._file.name, problems=Problems(is_lenient=True)):
            if isinstance(given, InputLine):
                entry = entry_of(given, steps=self._header.steps)
                # Of two with one number the first was taken when it was gone through.
                found.setdefault(entry.desk_id, {}).setdefault(entry.seq, entry)
        if len(self._decoded) >= _KEPT:
            self._decoded.pop(next(iter(self._decoded)))
        self._decoded[block] = found
        return found

    def _read(self, offset: int, size: int) -> bytes:
        data = b""
        with self._file.open(offset=offset) as stream:
            while len(data) < size and (more := stream.read(size - len(data))):
                data += more
        return data
