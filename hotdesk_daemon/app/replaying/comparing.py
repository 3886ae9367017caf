"""
Two recordings held against each other: the first input or step of each desk that is not the same in both.

Both are read once, side by side. What the one has already and the other not yet is kept until it comes, up to a limit;
where desks stand in quite another order, they are compared in several goings, of fewer desks each.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.app.replaying.differing import differences
from hotdesk_daemon.app.replaying.divergence import Divergence, told, why_other
from hotdesk_daemon.app.replaying.facts import Fact, is_personal, step_fact
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal.entries import read_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.journal import Entry

#: Inputs that are kept for the other recording to come to them.
MOST_KEPT: Final = 50_000
_NOTHING: Final = b"[]"


class _TooManyError(Exception):
    """The two stand in too different an order to be compared in one going."""


@attrs.define(eq=False, kw_only=True)
class Compared:
    """
    What was found of one desk.

    ``common`` inputs are in both, ``only_old`` and ``only_new`` in one. ``steps`` of the common ones were recorded in
    both, and could be compared. ``divergence`` is the first difference, of an input or a step: expected is *old*.
    """

    desk: DeskId
    common: int = 0
    only_old: int = 0
    only_new: int = 0
    steps: int = 0
    divergence: Divergence | None = None


def compare(
    old: Recording,
    new: Recording,
    *,
    desks: Sequence[DeskId] = (),
    until: datetime | None = None,
    but_for_persons: bool = False,
    most_kept: int = MOST_KEPT,
    tick: Callable[[], object] | None = None,
) -> list[Compared]:
    """
    Compare the *desks*, or all that either has, by name.

    With *but_for_persons* titles and persons make no difference: one of the two has pseudonyms.
    """
    chosen = list(desks)
    meet = _Meeting(but_for_persons=but_for_persons).hold_against
    try:
        return _Comparison(meet, most_kept).run(_entries(old, chosen, until), _entries(new, chosen, until), tick)
    except _TooManyError:
        chosen = chosen or sorted({*old.desks(), *new.desks()})
    half = len(chosen) // 2
    if not half:  # one desk's inputs stand in one order: it is far behind in one of the two, and that is how it is
        return _Comparison(meet, None).run(_entries(old, chosen, until), _entries(new, chosen, until), tick)
    parts = (chosen[:half], chosen[half:])
    found = [
        compare(old, new, desks=part, until=until, but_for_persons=but_for_persons, most_kept=most_kept, tick=tick)
        for part in parts
    ]
    return [*found[0], *found[1]]


def _entries(recording: Recording, desks: Sequence[DeskId], until: datetime | None) -> Iterator[Entry]:
    return (item for item in recording.entries(desks=desks, until=until) if not isinstance(item, Desk))


class _Comparison:
    """One going through both."""

    def __init__(self, meet: Callable[[Compared, Entry, Entry], None], most_kept: int | None) -> None:
        self._hold_against = meet
        self._most_kept = most_kept
        self._found: dict[DeskId, Compared] = {}
        self._waiting: dict[DeskId, tuple[deque[Entry], deque[Entry]]] = {}
        self._kept = 0

    def run(self, old: Iterator[Entry], new: Iterator[Entry], tick: Callable[[], object] | None) -> list[Compared]:
        sides = [old, new]
        left = [0, 1]
        while left:
            for side in list(left):
                entry = next(sides[side], None)
                if entry is None:
                    left.remove(side)
                else:
                    self._take(side, entry)
            if tick is not None:
                tick()
        for desk_id, (olds, news) in self._waiting.items():
            self._found[desk_id].only_old += len(olds)
            self._found[desk_id].only_new += len(news)
        return [self._found[desk_id] for desk_id in sorted(self._found)]

    def _take(self, side: int, entry: Entry) -> None:
        waiting = self._waiting.get(entry.desk_id)
        if waiting is None:
            waiting = self._waiting[entry.desk_id] = (deque(), deque())
            self._found[entry.desk_id] = Compared(desk=entry.desk_id)
        waiting[side].append(entry)
        self._kept += 1
        self._meet(self._found[entry.desk_id], *waiting)
        if self._most_kept is not None and self._kept > self._most_kept:
            raise _TooManyError

    def _meet(self, found: Compared, olds: deque[Entry], news: deque[Entry]) -> None:
        """Compare what both have; numbers that one has gone past are in the other alone."""
        while olds and news:
            if olds[0].seq == news[0].seq:
                found.common += 1
                self._hold_against(found, olds.popleft(), news.popleft())
                self._kept -= 2
            elif olds[0].seq < news[0].seq:
                olds.popleft()
                found.only_old += 1
                self._kept -= 1
            else:
                news.popleft()
                found.only_new += 1
                self._kept -= 1


@attrs.frozen(kw_only=True)
class _Meeting:
    """The same input of a desk in both."""

    but_for_persons: bool

    def hold_against(self, found: Compared, old: Entry, new: Entry) -> None:
        if found.divergence is None and (old.kind, old.at, old.input) != (new.kind, new.at, new.input):
            found.divergence = self._other_input(old, new)
        if found.divergence is not None or old.reasons is None or new.reasons is None:
            return
        found.steps += 1
        if (old.reasons, old.commands or _NOTHING, old.refusal) != (new.reasons, new.commands or _NOTHING, new.refusal):
            one, other = read_back(old), read_back(new)
            if one.faults or other.faults:
                found.steps -= 1  # nobody knows whether they say the same
                return
            found.divergence = self._told(old, step_fact(one), step_fact(other))

    def _other_input(self, old: Entry, new: Entry) -> Divergence | None:
        one, other = ({"kind": entry.kind, "at": entry.at.isoformat(), "input": _given(entry)} for entry in (old, new))
        return self._told(old, one, other, why="the two were given other inputs")

    def _told(self, entry: Entry, old: Fact, new: Fact, *, why: str | None = None) -> Divergence | None:
        found = tuple(
            each
            for each in differences(old, new, only_common=True)
            if not (self.but_for_persons and is_personal(each.path))
        )
        return told(read_back(entry), found, why=why or why_other(found)) if found else None


def _given(entry: Entry) -> object:
    try:
        return msgspec.json.decode(entry.input)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return entry.input.decode(errors="replace")
