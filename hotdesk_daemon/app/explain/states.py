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
    from datetime import datetime

    from hotdesk_daemon.app.explain.past import Past
    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.core.ids import DeskId

#: So many inputs are decided again to know a state.
MOST_DECIDED: Final = 20_000


@runtime_checkable
class KeepsStates(Protocol):
    """A recording that holds newer states of its desks than those that it begins with."""

    def snapshot(self, desk_id: DeskId) -> Desk | None:
        """The newest one that this version understands; None if there is none."""


def state_at(
    recording: Recording, past: Past, *, until: datetime | None, most: int | None = MOST_DECIDED
) -> Desk | None:
    """The state after the newest record of *past*; None if it is not known, or *most* inputs do not lead to it."""
    if past.newest is None:
        return None
    last = past.newest.seq
    kept = recording.snapshot(past.desk_id) if isinstance(recording, KeepsStates) else None
    if kept is not None and kept.seq <= last and (most is None or last - kept.seq <= most):
        for number in range(kept.seq + 1, last + 1):
            record = recording.record(past.desk_id, number)
            if record is not None:
                kept = step_on(kept, TailEntry(record.seq, record.at, record.input)).desk
        return kept
    if most is None or last <= most:
        return _replayed(recording, past.desk_id, until=until, last=last)
    return None


def _replayed(recording: Recording, desk_id: DeskId, *, until: datetime | None, last: int) -> Desk | None:
    """Everything from where the recording begins; None if that is neither the desk's beginning nor a known state."""
    desk: Desk | None = None
    for item in recording.entries(desks=[desk_id], until=until):
        if isinstance(item, Desk):
            desk = item
            continue
        if item.seq > last:
            break
        desk = Desk(desk_id=desk_id) if desk is None and item.seq == 1 else desk
        if desk is not None:
            desk = step_on(desk, TailEntry(item.seq, item.at, input_of(item.kind, item.input))).desk
    return desk


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
