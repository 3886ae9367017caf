"""
Recorded history under other rules: at every input that the rules have a word on, both sets of rules are asked.

The history is gone through once, under the rules that it was recorded with. Wherever they are asked, the same input is
decided a second time from the very same state, under the other rules, and what came of it is held against what was
recorded; then the recorded history goes on. So each answer is that of the daemon's own core to times that were really
asked for, and nothing has to be made up: no event that would have come, nobody who would have behaved otherwise. What
may be a consequence of an earlier difference is marked by `doubt`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.app.replaying import Replay
from hotdesk_daemon.app.whatif.doubt import Doubt, Span
from hotdesk_daemon.app.whatif.rulings import paired
from hotdesk_daemon.app.whatif.tally import Judged, Tally
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.inputs import DeskConfigured
from hotdesk_daemon.journal import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.app.replaying import Taken
    from hotdesk_daemon.app.whatif.rulings import Ruling
    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.ops.settings import DeskRules

#: One less than how many inputs there are between two ticks, a power of two.
_BETWEEN_TICKS: Final = 4095


def compare(
    recording: Recording,
    rules_of: Callable[[DeskId], DeskRules],
    *,
    groups_of: Callable[[Desk], tuple[str, ...]],
    desks: Collection[DeskId] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 1000,
    tick: Callable[[], object] | None = None,
) -> Tally:
    """
    Hold the recorded rules of each desk against those of *rules_of*.

    Args:
        recording: the history.
        rules_of: the other rules of a desk.
        groups_of: in which groups a desk is counted.
        desks: these desks; all, if none is named.
        since: before this moment the recorded rules hold in both cases, and nothing is counted.
        until: not what comes after this moment.
        limit: how many differences and spans of doubt are listed; all are counted.
        tick: called now and then.
    """
    replay = Replay(recording, desks=desks, since=since, until=until)
    tally = Tally(limit=limit)
    courses: dict[DeskId, _Course] = {}
    for taken in replay.steps():
        if tick is not None and not replay.met & _BETWEEN_TICKS:
            tick()
        desk_id = taken.entry.desk_id
        course = courses.get(desk_id)
        if course is None:
            course = courses[desk_id] = _Course(rules_of(desk_id))
        tally.met(desk_id, taken.entry.at)
        for judged in course.take(taken):
            tally.count(judged, groups=groups_of(taken.before))
        tally.doubted(desk_id, course.doubt.retire(taken.entry.at))
    for desk_id, course in courses.items():
        tally.doubted(desk_id, course.doubt.retire(None))
    tally.close(replay.results(), rules_of=rules_of, groups={key: groups_of(one) for key, one in replay.states.items()})
    return tally


class _Course:
    """One desk on its way through its recorded history."""

    def __init__(self, rules: DeskRules) -> None:
        self.doubt = Doubt()
        self._changes: dict[str, Any] = {
            name: value for name, value in (("policy", rules.policy), ("stage", rules.stage)) if value is not None
        }

    def take(self, taken: Taken) -> Iterator[Judged]:
        """What the rules said of an input, and the other rules would have."""
        step = taken.step
        if step is None or (step.desk.bookings is taken.before.bookings and step.refusal is None):
            return  # nothing for a rule to judge
        before = attrs.evolve(taken.before, seq=taken.entry.seq - 1)
        given = codec.decode_input(taken.entry.kind, taken.entry.input)
        otherwise = self._otherwise(before, given, step, now=taken.entry.at)
        for was, would_be, is_certain in self._weighed(before, list(paired(before, given, step, otherwise))):
            yield Judged(entry=taken.entry, was=was, would_be=would_be, is_certain=is_certain)
        self.doubt.follow(step.desk)

    def _otherwise(self, before: Desk, given: Any, step: Step, *, now: datetime) -> Step:  # noqa: ANN401 - an input
        """What the other rules make of the same input in the same state."""
        if isinstance(given, DeskConfigured):
            return decide(before, attrs.evolve(given, **self._changes), now=now)
        if all(getattr(before, name) == value for name, value in self._changes.items()):
            return step
        return decide(attrs.evolve(before, **self._changes), given, now=now)

    def _weighed(self, before: Desk, pairs: list[tuple[Ruling, Ruling]]) -> Iterator[tuple[Ruling, Ruling, bool]]:
        """Each pair with whether it is certain; of what was judged in one moment nothing follows from the rest."""
        affected = []
        for was, would_be in pairs:
            booking_id = was.booking_id or would_be.booking_id
            spans = [Span(ruling.start, ruling.end) for ruling in (was, would_be)]
            held = before.bookings.get(booking_id) if booking_id is not None else None
            if held is not None and held.accepted_start is not None and held.accepted_duration_min is not None:
                minutes = timedelta(minutes=held.accepted_duration_min)
                spans.append(Span(held.accepted_start, held.accepted_start + minutes))
            in_doubt = self.doubt.touches(booking_id, spans)
            if in_doubt or was.outcome is not would_be.outcome:
                affected.append((booking_id, spans))
            yield was, would_be, not in_doubt
        for booking_id, spans in affected:
            self.doubt.spread(booking_id, spans)
