"""
One going-through of one file: its lines in their order, held to what the format promises.

Per desk the numbers go on without gaps, from 1 or from a state; over all desks `journal_seq` rises; an end line counts
the inputs. A fault ends a strict reading. A clock that was set back is none: clocks are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from hotdesk_daemon.captures.blocks import blocks
from hotdesk_daemon.captures.decoding import entry_of, lines_of
from hotdesk_daemon.captures.files import CutError, DamagedError
from hotdesk_daemon.captures.lines import EndLine, Header, InputLine, StateLine
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.journal import Entry, codec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.captures.blocks import Block, Stream
    from hotdesk_daemon.captures.lines import Line
    from hotdesk_daemon.captures.problems import Problems
    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.core.ids import DeskId

_ORDER: Final = "order"
#: Moments of inputs; within, none is near the ends of the calendar.
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Passed(NamedTuple):
    """What a block holds: entries, with the states that some go on from before them."""

    block: Block
    items: list[Entry | Desk]


class Pass:
    """Goes through *stream*, the content of *file*, once; its first line is *header* if it *is_headed*."""

    def __init__(self, stream: Stream, *, header: Header, is_headed: bool, file: str, problems: Problems) -> None:
        self._stream = stream
        self._header = header
        self._is_headed = is_headed
        self._file = file
        self._problems = problems
        self._last: dict[DeskId, Entry | Desk] = {}
        self._states: dict[DeskId, Desk] = {}
        self._newest = 0
        self._line = 0
        self._inputs = 0
        self._is_ended = False

    def blocks(self) -> Iterator[Passed]:
        """
        The file, block after block.

        Raises:
            CaptureError: something is wrong, and the reading is strict; or the file cannot be read any more.
        """
        try:
            for block in blocks(self._stream):
                yield Passed(block, self._items(block))
        except CutError:
            pass  # as of any capture that was cut off: its end is missing
        except DamagedError as exc:
            message = f"is damaged behind here and cannot be unpacked: {exc}"
            self._fault("damaged", message, line=self._line)
        if not self._is_ended:
            message = "ends here without an end line: it was cut off, or is still being written"
            self._fault("no end", message, line=self._line)

    def _items(self, block: Block) -> list[Entry | Desk]:
        items: list[Entry | Desk] = []
        last, states, steps = self._last, self._states, self._header.steps
        for number, line in lines_of(block, file=self._file, problems=self._problems):
            self._line = number
            given = line if type(line) is InputLine and not self._is_ended else self._other(line, number)
            if given is None:
                continue
            entry = entry_of(given, steps=steps)
            if not _FIRST <= entry.at < _LAST:
                self._fault("no line", f"is of the year {entry.at.year}, which no daemon lived in", line=number)
                continue
            before = last.get(entry.desk_id)
            if (
                type(before) is not Entry
                or entry.seq != before.seq + 1
                or entry.at < before.at
                or entry.journal_seq <= self._newest
            ) and not self._is_taken(entry, before, number):
                continue
            if states and entry.desk_id in states:
                items.append(states.pop(entry.desk_id))
            last[entry.desk_id] = entry
            self._newest = entry.journal_seq
            self._inputs += 1
            items.append(entry)
        return items

    def _is_taken(self, entry: Entry, before: Entry | Desk | None, number: int) -> bool:
        """Look closer at an entry that does not simply go on; False if it cannot be used."""
        desk, seq = entry.desk_id, entry.seq
        if entry.journal_seq <= self._newest:
            message = f"number {entry.journal_seq} of the journal stands behind {self._newest}: lines are out of order"
            self._fault(_ORDER, message, line=number)
            return False
        expected = before.seq + 1 if before is not None else 1
        if seq < expected:
            self._fault(_ORDER, f"input {seq} of desk {desk} stands behind {expected - 1}", line=number)
            return False
        if seq > expected and not self._header.kinds:
            if before is None:
                message = f"desk {desk} begins at input {seq} without the state before it: nothing can be compared"
                self._problems.note("beginning", message, file=self._file, line=number)
            else:
                missing = f"input {expected}" if seq == expected + 1 else f"inputs {expected} to {seq - 1}"
                self._fault("gap", f"{missing} of desk {desk} missing before {seq}", line=number)
        if isinstance(before, Entry) and entry.at < before.at:
            back_s = (before.at - entry.at).total_seconds()
            message = f"the clock of desk {desk} was set back by {back_s:g} s before input {seq}"
            self._problems.note("clock", message, file=self._file, line=number)
        return True

    def _other(self, line: Line, number: int) -> InputLine | None:
        """Take a line that is no input, or stands behind the end; what comes back is used all the same."""
        if isinstance(line, Header):
            if number != 1 or not self._is_headed:
                self._second(line, number)
            return None
        if self._is_ended:
            self._fault("behind the end", "stands behind the end line", line=number)
        if isinstance(line, InputLine):
            return line
        if isinstance(line, EndLine):
            self._end(line, number)
        else:
            self._begin(line, number)
        return None

    def _second(self, header: Header, number: int) -> None:
        """A second header: what is behind it may still go on from what is before."""
        version = f" of format {header.version}" if header.version != self._header.version else ""
        message = f"a second header{version}: captures are not joined into one file, but named one after the other"
        self._fault("second header", message, line=number)
        self._inputs = 0
        self._is_ended = False

    def _end(self, end: EndLine, number: int) -> None:
        if end.inputs != self._inputs:
            message = f"the end line counts {end.inputs} inputs, but {self._inputs} stand above"
            self._fault("count", message, line=number)
        self._is_ended = True

    def _begin(self, line: StateLine, number: int) -> None:
        desk = line.desk
        before = self._last.get(desk)
        if before is not None and line.seq < before.seq:
            self._fault(_ORDER, f"the state after input {line.seq} of desk {desk} stands behind it", line=number)
            return
        try:
            state = codec.decode_desk(bytes(line.state))
        except UndecodableError as exc:
            message = f"the state of desk {desk} is not understood, so that nothing can be compared: {exc}"
            self._problems.note("state", message, file=self._file, line=number)
            return
        if (state.desk_id, state.seq) != (desk, line.seq):
            found = f"desk {state.desk_id} after input {state.seq}"
            self._fault("state", f"is the state of {found}, but says desk {desk}, {line.seq}", line=number)
            return
        if before is None or before.seq != state.seq:
            self._last[desk] = self._states[desk] = state

    def _fault(self, kind: str, message: str, *, line: int) -> None:
        self._problems.fault(kind, message, file=self._file, line=line or None)
