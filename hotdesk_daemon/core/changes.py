"""Acts of the change life: an edit or extension of a booking that is asked for and not yet answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core import orders, sync
from hotdesk_daemon.core.bookings import answer_time
from hotdesk_daemon.core.commands import Edit
from hotdesk_daemon.core.desk import Booking, ChangeState, Verdict
from hotdesk_daemon.core.inputs import (
    BookingsListed,
    EditAsked,
    EditFailed,
    EditRequested,
    ExtensionFailed,
    ExtensionRequested,
    Input,
    ListCause,
)
from hotdesk_daemon.core.policy import objection

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft


def open_edit(draft: Draft, booking: Booking, _: EditRequested) -> Booking:
    draft.set_timer(f"change:{booking.booking_id}", draft.now + answer_time(draft))
    return booking


def open_extension(draft: Draft, booking: Booking, event: ExtensionRequested) -> Booking:
    draft.set_timer(f"change:{booking.booking_id}", draft.now + answer_time(draft))
    return attrs.evolve(booking, change_end=event.new_end)


def close(draft: Draft, booking: Booking, _: Input) -> Booking:
    draft.clear_timer(f"change:{booking.booking_id}")
    return attrs.evolve(booking, change_end=None)


def fail(draft: Draft, booking: Booking, event: EditFailed | ExtensionFailed) -> Booking:
    """Refused by the calendar: the booking stays as it was."""
    draft.detail = event.failure_cause
    orders.park_failed_edit(draft, booking, event.failure_cause)
    return close(draft, booking, event)


def fail_revert(draft: Draft, booking: Booking, event: EditFailed) -> Booking:
    """We could not put the old time back: the booking keeps times that the rules reject, and a person has to look."""
    return fail(draft, booking, event)


def overdue(draft: Draft, booking: Booking, _: Input) -> Booking:
    sync.want_any_list(draft, ListCause.UNANSWERED)
    return booking


def compare(draft: Draft, booking: Booking, listed: BookingsListed) -> Booking:
    """A list came while a change is open: moved means answered; unmoved and overdue means not done."""
    if booking.verdict is Verdict.UNDECIDED or f"change:{booking.booking_id}" not in draft.timers:
        draft.detail = "moved" if booking.verdict is Verdict.UNDECIDED else "not answered in time"
        return attrs.evolve(close(draft, booking, listed), change=ChangeState.NONE)
    return booking


def compare_revert(draft: Draft, booking: Booking, _: Input) -> Booking:
    """Back at the accepted time: the change was undone."""
    if (booking.start, booking.duration_min) != (booking.accepted_start, booking.accepted_duration_min):
        return booking
    draft.clear_timer(f"change:{booking.booking_id}")
    return attrs.evolve(booking, change=ChangeState.NONE, verdict=Verdict.ACCEPTED, change_end=None)


def busy(draft: Draft, booking: Booking, _: EditAsked) -> Booking:
    draft.refuse(f"a change of this booking is open already: {booking.change}")
    return booking


def edit_by_wish(draft: Draft, booking: Booking, wish: EditAsked) -> Booking:
    """A person asks for other times or another title."""
    start = booking.start if wish.start is None else wish.start
    duration = booking.duration_min if wish.duration_min is None else wish.duration_min
    moved = (start, duration) != (booking.start, booking.duration_min)
    text = wish_objection(draft, start=start, duration_min=duration, moved=moved)
    if text is not None:
        draft.refuse(text)
        return booking
    draft.wish_booking = booking.booking_id
    if not moved and wish.title in (None, booking.title):
        draft.detail = "it holds already"
        return booking
    # Start and duration travel together: an edit of one alone leaves the other to the device's guess.
    edit = Edit(
        start=start if moved else None,
        duration_min=duration if moved else None,
        title=None if wish.title == booking.title else wish.title,
    )
    orders.order(draft, edit, why="asked by a person", booking=booking)
    if wish.title is not None:
        booking = attrs.evolve(booking, title=wish.title)
    if not moved:
        return booking
    draft.set_timer(f"change:{booking.booking_id}", draft.now + answer_time(draft))
    return attrs.evolve(booking, change=ChangeState.EDIT_ASKED)


#: Years that a booking may lie in; no sum of such a time and a duration leaves what ``datetime`` holds.
_YEARS: Final = range(1970, 3000)


def wish_objection(draft: Draft, *, start: datetime, duration_min: int, moved: bool = True) -> str | None:
    """Why a person's wish for these times cannot be taken, before anything is sent."""
    if draft.sends_nothing is not None:
        return draft.sends_nothing
    if start.year not in _YEARS:
        return f"start: the year {start.year} is not within {_YEARS[0]}–{_YEARS[-1]}"
    if not 1 <= duration_min <= 1440:  # noqa: PLR2004 - value space of Bookings Book and Edit, RoomOS xAPI schema
        return f"duration: {duration_min} min is not within 1–1440"
    if start + timedelta(minutes=duration_min) <= draft.now:
        return "the booking would be over already"
    why = objection(draft.base.policy, start=start, duration_min=duration_min) if moved else None
    return f"against the rules: {why}" if why else None
