"""
What the rules said in one step: about which booking, and what followed from it.

It is read from the step alone, so it holds for whatever the core does; a rule that it comes to know later needs a line
in `_FOLLOWED` at most.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core.commands import AlertDisplay, Command, Delete, Edit
from hotdesk_daemon.core.desk import Booking, Desk, Origin, Verdict
from hotdesk_daemon.core.ids import BookingId
from hotdesk_daemon.core.inputs import BookAsked, EditAsked
from hotdesk_daemon.core.policy import Objection, forbidding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.core.steps import Step

#: What the core says of a wish that a rule forbids, before the rule's own words.
_AGAINST: Final = "against the rules: "
#: The key of a ruling on a wish for a new booking: whether it becomes one is what was ruled.
_WISH: Final = BookingId("")


class Subject(StrEnum):
    """What was judged."""

    BOOKING = "booking"  # a new one
    MOVE = "move"  # other times of one that was accepted: an edit or an extension


class Outcome(StrEnum):
    """What came of it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # a person's wish, before anything was sent
    DELETED = "deleted"
    PUT_BACK = "put back"
    WARNED = "warned"  # against the rules, and the people at the device are told
    LEFT = "left"  # against the rules, and nothing is done about it


#: What the rules order when they forbid something, and what that amounts to.
_FOLLOWED: Final[Mapping[type[Command], Outcome]] = {
    Delete: Outcome.DELETED,
    Edit: Outcome.PUT_BACK,
    AlertDisplay: Outcome.WARNED,
}


@attrs.frozen(kw_only=True)
class Ruling:
    """One verdict on times: on those of ``booking_id``, or of a wish that became no booking."""

    subject: Subject
    outcome: Outcome
    booking_id: BookingId | None
    start: datetime
    duration_min: int
    objection: Objection | None = None

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.duration_min)


def paired(before: Desk, given: Input, recorded: Step, other: Step) -> Iterator[tuple[Ruling, Ruling]]:
    """What was ruled when *given* met *before* in two ways, each ruling of the one with that of the other."""
    ones, others = _rulings(before, given, recorded), _rulings(before, given, other)
    for key in dict.fromkeys((*ones, *others)):
        one, another = ones.get(key), others.get(key)
        if one is not None:
            yield one, another or _unsaid(one, other)
        elif another is not None:
            yield _unsaid(another, recorded), another


def _unsaid(ruling: Ruling, step: Step) -> Ruling:
    """What *step* amounts to, which said nothing about what *ruling* is about: nothing stood against it."""
    outcome = Outcome.ACCEPTED if step.refusal is None else Outcome.REFUSED
    return attrs.evolve(ruling, outcome=outcome, objection=None)


def _rulings(before: Desk, given: Input, step: Step) -> dict[BookingId, Ruling]:
    found = dict(_verdicts(before, step))
    if isinstance(given, BookAsked):
        made = found.pop(step.booking_id, None) if step.booking_id is not None else None
        wished = made or _refused(before, given, step)
        return found if wished is None else {**found, _WISH: wished}
    if isinstance(given, EditAsked):
        refused = _refused(before, given, step)
        return found if refused is None else {**found, given.booking_id: refused}
    return found


def _verdicts(before: Desk, step: Step) -> Iterator[tuple[BookingId, Ruling]]:
    rejected = {r.booking_id: r.text for r in step.reasons if r.code == "booking.rejected"}
    for booking_id, booking in step.desk.bookings.items():
        old = before.bookings.get(booking_id)
        if booking is old:
            continue
        if booking_id in rejected:
            subject = Subject.BOOKING if booking.accepted_start is None else Subject.MOVE
            objection = _objection(step.desk, booking.start, booking.duration_min, rejected[booking_id])
            yield booking_id, _ruling(booking, subject, _followed(step, booking_id), objection)
        elif _is_accepted_now(before, old, booking, seq=step.desk.seq):
            subject = Subject.BOOKING if old is None or old.accepted_start is None else Subject.MOVE
            yield booking_id, _ruling(booking, subject, Outcome.ACCEPTED, None)


def _ruling(booking: Booking, subject: Subject, outcome: Outcome, objection: Objection | None) -> Ruling:
    return Ruling(
        subject=subject,
        outcome=outcome,
        booking_id=booking.booking_id,
        start=booking.start,
        duration_min=booking.duration_min,
        objection=objection,
    )


def _is_accepted_now(before: Desk, old: Booking | None, booking: Booking, *, seq: int) -> bool:
    """Whether a rule was asked of these times and had nothing against them."""
    if booking.verdict is not Verdict.ACCEPTED:
        return False
    if old is None:
        adopted = booking.origin is Origin.LIST and booking.changed_seq == seq
        return not (adopted and all(device.listed_at is None for device in before.devices.values()))
    # Back at times that were accepted before, it is not judged again.
    return (old.accepted_start, old.accepted_duration_min) != (booking.accepted_start, booking.accepted_duration_min)


def _followed(step: Step, booking_id: BookingId) -> Outcome:
    orders = (c.command for c in step.commands if c.booking_id == booking_id and c.cause_seq == step.desk.seq)
    return next((_FOLLOWED[type(order)] for order in orders if type(order) in _FOLLOWED), Outcome.LEFT)


def _objection(desk: Desk, start: datetime, duration_min: int, text: str) -> Objection:
    """The rule behind *text*: by name and values, else by what stands before its first colon."""
    found = forbidding(desk.policy, start=start, duration_min=duration_min)
    if found is not None and str(found) == text:
        return found
    rule, _, detail = text.partition(": ")
    return Objection(rule=rule, limits={}, detail=detail)


def _refused(before: Desk, wish: BookAsked | EditAsked, step: Step) -> Ruling | None:
    """A wish that was not taken because of the rules, or because nothing may be sent to the desk."""
    text = step.refusal
    if text is None:
        return None
    sends = step.desk.stage.sends and step.desk.maintenance_until is None
    if not text.startswith(_AGAINST) and sends:
        return None
    booking = before.bookings.get(wish.booking_id) if isinstance(wish, EditAsked) else None
    start = wish.start if wish.start is not None else booking.start if booking is not None else None
    minutes = wish.duration_min if wish.duration_min is not None else booking.duration_min if booking else None
    if start is None or minutes is None:
        return None  # of a booking that is not there
    return Ruling(
        subject=Subject.BOOKING if isinstance(wish, BookAsked) else Subject.MOVE,
        outcome=Outcome.REFUSED,
        booking_id=None if booking is None else booking.booking_id,
        start=start,
        duration_min=minutes,
        objection=_objection(step.desk, start, minutes, text.removeprefix(_AGAINST)),
    )
