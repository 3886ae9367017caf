"""The state of a desk at a moment: from a state that is kept and the inputs behind it, or by deciding all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

import attrs

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.steps import Step
from hotdesk_daemon.journal import TailEntry
from hotdesk_daemon.journal.entries import input_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hotdesk_daemon.app.explain.past import Past
    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import Entry

#: So many inputs are decided again to know a state.
MOST_DECIDED: Final = 20_000


@runtime_checkable
class KeepsStates(Protocol):
    """A recording that keeps states of its desks on the way, so that not all history has to be decided again."""

    def kept_state(self, desk_id: DeskId, *, last_seq: int) -> Desk | None:
        """The newest one that the input *last_seq* or an earlier one led to; None if there is none."""

    def entries_behind(self, state: Desk, *, until: datetime | None = None) -> Iterator[Entry]:
        """The records of a desk that go on from *state*."""


def state_at(
    recording: Recording, past: Past, *, until: datetime | None, most: int | None = MOST_DECIDED
) -> Desk | None:
    """The state after the newest record of *past*; None if it is not known, or *most* inputs do not lead to it."""
    if past.newest is None:
        return None
    last = past.newest.seq
    desk: Desk | None = None
    for item in history(recording, past.desk_id, last_seq=last, until=until):
        if isinstance(item, Desk):
            desk = item
        elif item.seq > last:
            break
        elif desk is None and item.seq > 1:
            return None
        else:
            desk = desk or Desk(desk_id=past.desk_id)
            if most is not None and item.seq <= last - most:
                return None
            desk = step_on(desk, TailEntry(item.seq, item.at, input_of(item.kind, item.input))).desk
    return desk


def history(
    recording: Recording, desk_id: DeskId, *, last_seq: int, until: datetime | None = None
) -> Iterator[Entry | Desk]:
    """A desk's records, from the newest state that is kept of it up to its input *last_seq*, else all of them."""
    if isinstance(recording, KeepsStates):
        kept = recording.kept_state(desk_id, last_seq=last_seq)
        if kept is not None:
            yield kept
            yield from recording.entries_behind(kept, until=until)
            return
    yield from recording.entries(desks=[desk_id], until=until)


def step_on(desk: Desk, entry: TailEntry) -> Step:
    """What one more input does; what cannot be read or decided is passed over, as a start does."""
    if desk.seq != entry.seq - 1:
        desk = attrs.evolve(desk, seq=entry.seq - 1)
    if not isinstance(entry.input, UndecodableError):
        try:
            return decide(desk, entry.input, now=entry.at)
        except Exception:  # noqa: BLE001, S110 - `replay` tells of it; here it must not hide everything else
            pass
    return Step(desk=attrs.evolve(desk, seq=entry.seq))
