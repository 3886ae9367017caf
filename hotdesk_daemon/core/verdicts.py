"""
What the rules say of a booking, and what follows.

A booking whose times nobody has judged yet is judged at the end of the step that brought it, unless the desk is stale:
then after the next list. A new booking against the rules is deleted; a moved one is put back to the times last
accepted (F06, F16, F21). At stage `warn` people at the device are told instead, and at `off` every booking is right.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core import orders, settlement
from hotdesk_daemon.core.commands import AlertDisplay, Delete, Edit
from hotdesk_daemon.core.desk import Booking, BookingState, ChangeState, Verdict, altered, is_stale
from hotdesk_daemon.core.policy import Policy, Stage, objection
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft

#: A device that moves a booking again and again is not fought for ever.
MAX_REVERTS: Final = 3

_LEFT_ALONE: Final = "accepted unasked: maintenance was going on"

#: How long a warning is shown, and how long it may be waiting to be.
_SHOWN_S: Final = 60
_WARN_WITHIN: Final = timedelta(seconds=120)

_JUDGED = frozenset({BookingState.CREATED, BookingState.STARTED})


def judge(draft: Draft) -> None:
    """Judge every booking that waits for it; one that is over by its times, and came late, is not worth a command."""
    undecided = (b for b in draft.living.values() if b.verdict is Verdict.UNDECIDED)
    waiting = [b for b in undecided if b.state in _JUDGED and draft.now < b.end]
    if not waiting or is_stale(draft.devices.values()):
        return
    for booking in waiting:
        why = None
        if draft.stage is not Stage.OFF:
            why = objection(draft.base.policy, start=booking.start, duration_min=booking.duration_min)
        if why is None:
            _accept_move(draft, accept(booking, why=_unopposed(draft)))
        elif booking.accepted_start is None:
            draft.put_booking(_reject_new(draft, booking, why))
        else:
            draft.put_booking(_reject_move(draft, booking, why))


def reconsider(draft: Draft) -> None:
    """Other rules may allow what is to be deleted or put back: then it is judged anew, and nothing more is sent."""
    concerned = {c.booking_id for c in draft.commands.values() if c.by_rule}
    for booking in [b for b in draft.bookings.values() if b.booking_id in concerned]:
        if objection(draft.base.policy, start=booking.start, duration_min=booking.duration_min) is None:
            draft.put_booking(altered(booking, verdict=Verdict.UNDECIDED))


def within(policy: Policy) -> str:
    """Why a booking is accepted that *policy* has nothing against."""
    return f"within the rules ({policy})"


def _unopposed(draft: Draft) -> str:
    if draft.stage is not Stage.OFF:
        return within(draft.base.policy)
    return "accepted unasked: the stage was off" if draft.maintenance_until is None else _LEFT_ALONE


def accept(booking: Booking, *, why: str) -> Booking:
    """Its present times are those to go back to if a later change is rejected; *why* is kept, for rules may change."""
    return altered(
        booking,
        accepted_why=why,
        verdict=Verdict.ACCEPTED,
        verdict_why=None,
        accepted_start=booking.start,
        accepted_duration_min=booking.duration_min,
    )


def _accept_move(draft: Draft, booking: Booking) -> None:
    """Times that are allowed end our trying to put older ones back."""
    draft.put_booking(booking)
    if booking.change is ChangeState.REVERTING:
        settlement.end_change(draft, booking, "change.closed", "moved to times that are allowed")


def _reject_new(draft: Draft, booking: Booking, why: str) -> Booking:
    booking = attrs.evolve(booking, verdict=Verdict.REJECTED, verdict_why=why, rejected_at=draft.stage)
    draft.because(Life.BOOKING, "booking.rejected", why, before=booking.state, after=booking.state, booking=booking)
    if draft.stage is Stage.WARN:
        _warn(draft, booking, why)
    elif draft.stage is Stage.ENFORCE and orders.open_for(draft, booking.booking_id, Delete) is None:
        orders.order(draft, Delete(), why=f"rejected by {why}", booking=booking, by_rule=True)
    return booking


def _warn(draft: Draft, booking: Booking, why: str) -> None:
    """Tell whoever is at the desk; a message that could only be shown much later is not worth showing."""
    alert = AlertDisplay(title="Desk booking", text=f"Not allowed here: {why}", duration_s=_SHOWN_S)
    orders.order(draft, alert, why=f"warned of {why}", booking=booking, by_rule=True, within=_WARN_WITHIN)


def _reject_move(draft: Draft, booking: Booking, why: str) -> Booking:
    rejected = attrs.evolve(booking, verdict=Verdict.REJECTED, verdict_why=why, rejected_at=draft.stage)
    draft.because(Life.BOOKING, "booking.rejected", why, before=booking.state, after=booking.state, booking=booking)
    if draft.stage is Stage.WARN:
        _warn(draft, booking, why)
    if draft.stage is not Stage.ENFORCE:
        return rejected
    if booking.reverts >= MAX_REVERTS:
        draft.because(
            Life.CHANGE, "change.given_up", f"put back {MAX_REVERTS} times already: left as it is", booking=booking
        )
        return rejected
    draft.because(
        Life.CHANGE, "booking.reverted", f"put back to the accepted time: {why}",
        before=booking.change, after=ChangeState.REVERTING, booking=booking,
    )  # fmt: skip
    edit = Edit(start=booking.accepted_start, duration_min=booking.accepted_duration_min)
    orders.order(draft, edit, why=f"rejected by {why}", booking=booking, by_rule=True)
    return attrs.evolve(rejected, change=ChangeState.REVERTING, reverts=booking.reverts + 1)
