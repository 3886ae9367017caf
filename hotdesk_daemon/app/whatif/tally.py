"""What a comparison comes to: counts of verdicts by what became of them, by rule and by group, and the differences."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import attrs

from hotdesk_daemon.app.replaying import Replayed
from hotdesk_daemon.app.whatif.doubt import Span
from hotdesk_daemon.app.whatif.rulings import Outcome, Ruling, Subject
from hotdesk_daemon.core.ids import BookingId, DeskId
from hotdesk_daemon.core.policy import Objection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hotdesk_daemon.journal import Entry
    from hotdesk_daemon.ops.settings import DeskRules


class Judged(NamedTuple):
    """One verdict: what it was, what it would have been, and whether the latter is certain."""

    entry: Entry
    was: Ruling
    would_be: Ruling
    is_certain: bool


class Verdicts(NamedTuple):
    """Verdicts that are alike; a key to count them by."""

    subject: Subject
    was: Outcome
    would_be: Outcome
    is_certain: bool

    @property
    def differ(self) -> bool:
        return self.was is not self.would_be


class Cause(NamedTuple):
    """The rule behind differences: its values as (name, value), and whether it is one of the recorded rules."""

    rule: str
    limits: tuple[tuple[str, int | str], ...]
    is_recorded: bool


@attrs.frozen(kw_only=True)
class Difference:
    """
    A verdict that would have been another.

    ``at`` and ``seq`` are those of the input that brought it, ``start`` and ``duration_min`` the times that were asked
    for. ``objection`` is the rule: of the other rules if they forbid it, else the recorded one, with ``is_recorded``.
    Unless ``is_certain`` it may be a consequence of an earlier one: the times might not have been asked for at all.
    """

    desk: DeskId
    booking_id: BookingId | None
    at: datetime
    seq: int
    subject: Subject
    start: datetime
    duration_min: int
    was: Outcome
    would_be: Outcome
    objection: Objection | None
    is_recorded: bool
    is_certain: bool


@attrs.define(kw_only=True)
class DeskTally:
    """
    One desk's part: its groups, where its other rules are from, and how its history was found.

    ``doubtful`` is how long in all nobody can know what the desk would have seen.
    """

    desk: DeskId
    groups: tuple[str, ...]
    origin: str
    replayed: Replayed
    verdicts: Counter[Verdicts]
    doubtful: timedelta


@attrs.define(kw_only=True)
class Tally:
    """
    What would have been otherwise: counted, and up to ``limit`` listed in the order of the records.

    ``left_out`` and ``spans_left_out`` count what is beyond the limit. ``begins`` and ``ends`` are the times of the
    first and last input that counts.
    """

    limit: int
    begins: datetime | None = None
    ends: datetime | None = None
    desks: tuple[DeskTally, ...] = ()
    verdicts: Counter[Verdicts] = attrs.field(factory=Counter)
    causes: Counter[tuple[Cause, Verdicts]] = attrs.field(factory=Counter)
    groups: Counter[tuple[str, Verdicts]] = attrs.field(factory=Counter)
    differences: list[Difference] = attrs.field(factory=list)
    left_out: int = 0
    spans: list[tuple[DeskId, Span]] = attrs.field(factory=list)
    spans_left_out: int = 0
    _by_desk: dict[DeskId, Counter[Verdicts]] = attrs.field(factory=dict)
    _doubtful: Counter[DeskId] = attrs.field(factory=Counter)

    def met(self, desk: DeskId, at: datetime) -> None:
        """An input that counts."""
        self.begins = at if self.begins is None else min(self.begins, at)
        self.ends = at if self.ends is None else max(self.ends, at)

    def count(self, judged: Judged, *, groups: tuple[str, ...]) -> None:
        """Count a verdict, and list it if it would have been another."""
        was, would_be = judged.was, judged.would_be
        verdict = Verdicts(was.subject, was.outcome, would_be.outcome, judged.is_certain)
        self.verdicts[verdict] += 1
        self._by_desk.setdefault(judged.entry.desk_id, Counter())[verdict] += 1
        for group in groups:
            self.groups[group, verdict] += 1
        if not verdict.differ:
            return
        objection = would_be.objection or was.objection
        if objection is not None:
            cause = Cause(objection.rule, tuple(objection.limits.items()), would_be.objection is None)
            self.causes[cause, verdict] += 1
        if len(self.differences) < self.limit:
            self.differences.append(_difference(judged, objection))
        else:
            self.left_out += 1

    def doubted(self, desk: DeskId, spans: Iterable[Span]) -> None:
        """Times of a desk of which nothing can be known."""
        for span in spans:
            self._doubtful[desk] += round((span.end - span.start).total_seconds())
            if len(self.spans) < self.limit:
                self.spans.append((desk, span))
            else:
                self.spans_left_out += 1

    def close(
        self,
        found: Iterable[Replayed],
        *,
        rules_of: Callable[[DeskId], DeskRules],
        groups: Mapping[DeskId, tuple[str, ...]],
    ) -> None:
        """Take in how each desk's history was found."""
        self.desks = tuple(
            DeskTally(
                desk=one.desk,
                groups=groups[one.desk],
                origin=rules_of(one.desk).origin,
                replayed=one,
                verdicts=self._by_desk.get(one.desk, Counter()),
                doubtful=timedelta(seconds=self._doubtful[one.desk]),
            )
            for one in found
        )


def _difference(judged: Judged, objection: Objection | None) -> Difference:
    entry, was, would_be = judged.entry, judged.was, judged.would_be
    return Difference(
        desk=entry.desk_id,
        booking_id=was.booking_id or would_be.booking_id,
        at=entry.at,
        seq=entry.seq,
        subject=was.subject,
        start=was.start,
        duration_min=was.duration_min,
        was=was.outcome,
        would_be=would_be.outcome,
        objection=objection,
        is_recorded=would_be.objection is None,
        is_certain=judged.is_certain,
    )
