"""Acts of the booking life that a person starts: book and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core import orders, settlement
from hotdesk_daemon.core.bookings import answer_time, new_booking
from hotdesk_daemon.core.changes import wish_objection
from hotdesk_daemon.core.commands import Book, Delete
from hotdesk_daemon.core.desk import Booking, BookingState, CommandState, Organizer, Origin
from hotdesk_daemon.core.steps import Life
from hotdesk_daemon.core.verdicts import accept, within

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft
    from hotdesk_daemon.core.inputs import BookAsked, DeleteAsked, EditAsked


def book(draft: Draft, _: Booking | None, wish: BookAsked) -> Booking | None:
    """Ask the device for a booking under a BookingRequestUUID of our own, by which its answer is recognised."""
    text = wish_objection(draft, start=wish.start, duration_min=wish.duration_min)
    if text is not None:
        draft.refuse(text)
        return None
    booking = new_booking(
        draft,
        state=BookingState.REQUESTED,
        origin=Origin.INTEGRATION,
        start=wish.start,
        duration_min=wish.duration_min,
        title=wish.title,
        organizer=Organizer(name=wish.organizer_name, email=wish.organizer_email, id=wish.organizer_id),
    )
    booking = attrs.evolve(booking, booking_request_uuid=wish.booking_request_uuid)
    booking = accept(booking, why=within(draft.base.policy))
    draft.wish_booking = booking.booking_id
    draft.set_timer(f"request:{booking.booking_id}", draft.now + answer_time(draft))
    command = Book(
        booking_request_uuid=wish.booking_request_uuid,
        start=wish.start,
        duration_min=wish.duration_min,
        title=wish.title or None,
        organizer_email=wish.organizer_email,
        organizer_name=wish.organizer_name,
        organizer_id=wish.organizer_id,
    )
    orders.order(draft, command, why="asked by a person", booking=booking)
    return booking


def repeated(draft: Draft, booking: Booking, _: BookAsked) -> Booking:
    """The same BookingRequestUUID again is the same wish: it is answered with the booking that stands."""
    draft.wish_booking = booking.booking_id
    return booking


def delete(draft: Draft, booking: Booking, _: DeleteAsked) -> Booking:
    if draft.sends_nothing is not None:
        draft.refuse(draft.sends_nothing)
        return booking
    draft.wish_booking = booking.booking_id
    under_way = orders.open_for(draft, booking.booking_id, Delete)
    if under_way is not None and under_way.by_rule and under_way.state is CommandState.PENDING:
        # What people ask for is neither held back by the breaker nor given up with the rules.
        settlement.end(draft, under_way, CommandState.DROPPED, "command.dropped", "asked by a person")
    elif under_way is not None:
        if under_way.by_rule:
            draft.put_command(attrs.evolve(under_way, by_rule=False))
        draft.detail = "a deletion is under way already"
        return booking
    orders.order(draft, Delete(), why="asked by a person", booking=booking)
    return booking


def cancel(draft: Draft, booking: Booking, _: DeleteAsked) -> Booking:
    """A request that has not left us can be taken back; one that has must be confirmed before it can be deleted."""
    command = orders.open_for(draft, booking.booking_id, Book)
    if command is None or command.state is not CommandState.PENDING:
        draft.refuse("the booking is still being confirmed and cannot be deleted yet")
        return booking
    draft.wish_booking = booking.booking_id
    draft.because(
        Life.COMMAND, "command.dropped", "its booking was taken back before it was sent",
        before=command.state, after=CommandState.DROPPED, booking=booking, command=command,
    )  # fmt: skip
    draft.put_command(attrs.evolve(command, state=CommandState.DROPPED))
    return attrs.evolve(booking, state=BookingState.DELETED, end_cause="taken back before it was sent")


def refuse_absent(draft: Draft, booking: Booking | None, _: EditAsked | DeleteAsked) -> Booking | None:
    draft.refuse("no such booking on this desk")
    return booking


def refuse_over(draft: Draft, booking: Booking, _: EditAsked | DeleteAsked) -> Booking:
    draft.refuse(f"the booking is {booking.state}")
    return booking


def refuse_requested(draft: Draft, booking: Booking, _: EditAsked) -> Booking:
    draft.refuse("the booking is still being confirmed and cannot be changed yet")
    return booking
