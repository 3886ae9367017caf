"""
Waits when the wall clock was set.

Timers stand in the state as moments. Most of them mean "so long after something": when the clock is set, they are moved
with it, or a day back would hold up every list for a day, and a day ahead would give every command up at once. What
means a moment of the calendar, a booking's end or until when a desk is left alone, stays where it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft
    from hotdesk_daemon.core.inputs import ClockSet

#: Timers that stand for a moment of the calendar; all others are waits.
_MOMENTS: Final = frozenset({"watch", "maintenance"})


def shift(draft: Draft, given: ClockSet) -> None:
    """Move every wait that is under way by as much as the clock was set."""
    _move(draft, timedelta(seconds=given.by_s))
    draft.because(Life.DESK, "clock.set", f"the clock was set by {given.by_s:+d} s: what is waited for moves with it")


def resume(draft: Draft) -> None:
    """
    Take the waits of an earlier run over; what it began cannot lie ahead, so a clock behind that was set meanwhile.

    By how much nobody knows exactly, for nobody was there: at least by so much.
    """
    began = draft.sync.started_at
    if began is not None and began > draft.now:
        _move(draft, draft.now - began)
        draft.because(
            Life.DESK, "clock.set", "the clock was set back while nobody ran: what is waited for moves with it"
        )


def _move(draft: Draft, by: timedelta) -> None:
    draft.timers = {
        key: timer if key.partition(":")[0] in _MOMENTS else attrs.evolve(timer, due=timer.due + by)
        for key, timer in draft.timers.items()
    }
    draft.sync = attrs.evolve(draft.sync, started_at=_moved(draft.sync.started_at, by))
    for command in [*draft.commands.values()]:
        draft.put_command(
            attrs.evolve(
                command,
                decided_at=command.decided_at + by,
                deadline=command.deadline + by,
                answered_at=_moved(command.answered_at, by),
                asked=_moved(command.asked, by),
            )
        )


def _moved(moment: datetime | None, by: timedelta) -> datetime | None:
    return None if moment is None else moment + by
