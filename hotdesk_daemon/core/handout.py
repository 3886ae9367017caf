"""Handing commands to the dispatcher: one at a time, by the alias that holds when it leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core.commands import Book, BookingCommand, Edit, Logout
from hotdesk_daemon.core.desk import Booking, CommandState, LinkState, OpenCommand
from hotdesk_daemon.core.steps import SendCommand

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft
    from hotdesk_daemon.core.inputs import CommandSending

#: Why a sign-out does not leave.
CALL_RUNS: Final = "a call is running: signing out would end it"
#: Why a booking or an edit that a person asked for does not leave.
TOO_LATE: Final = "its time was over before it could be sent"
_UNANSWERED: Final = frozenset({CommandState.PENDING, CommandState.SENDING, CommandState.UNKNOWN})


def pump(draft: Draft) -> None:
    """
    Hand the oldest unanswered command to the dispatcher if it is to be sent; the others wait for it.

    Not in the step in which the dispatcher is told not to send: it forgets the command only when it hears of that.
    """
    if draft.sends_nothing is not None or "hand" in draft.timers:
        return
    head = next((c for c in draft.commands.values() if c.state in _UNANSWERED), None)
    if head is None or head.state is not CommandState.PENDING or head.handed:
        return
    aimed = _aim(draft, head)
    if aimed is None:
        return  # no alias that a connected device understands: the next list brings one
    aimed = attrs.evolve(aimed, handed=True)
    draft.put_command(aimed)
    draft.effects.append(SendCommand(command=aimed))


def _aim(draft: Draft, opened: OpenCommand) -> OpenCommand | None:
    """Name the booking by the alias that holds now: its MeetingId, else the Id that one connected device gave it."""
    command = opened.command
    if not isinstance(command, BookingCommand):
        return opened
    booking = draft.bookings.get(opened.booking_id) if opened.booking_id else None
    if booking is None:
        return None
    if booking.meeting_id is not None and not _is_of_series(draft, booking):
        aimed = attrs.evolve(command, meeting_id=booking.meeting_id, id=None)
        return attrs.evolve(opened, command=aimed, device=None)
    for device_id, own_id in booking.ids.items():
        device = draft.devices.get(device_id)
        if device is not None and device.link is not LinkState.DOWN:
            return attrs.evolve(opened, command=attrs.evolve(command, meeting_id=None, id=own_id), device=device_id)
    return None


def _is_of_series(draft: Draft, booking: Booking) -> bool:
    """Whether the MeetingId of *booking* would name others too."""
    return any(
        b.meeting_id == booking.meeting_id and b is not booking and not b.is_over for b in draft.bookings.values()
    )


def would_end_call(draft: Draft, command: OpenCommand) -> bool:
    """Whether *command* would end a call that began after the wish for it, without the wish having said so."""
    device = draft.devices.get(command.device) if command.device else None
    is_spared = isinstance(command.command, Logout) and not command.even_in_call
    return is_spared and device is not None and device.in_call


def is_too_late(draft: Draft, command: OpenCommand) -> bool:
    """Whether the times that a person asked for are over."""
    match command.command:
        case Book(start=start, duration_min=minutes) | Edit(start=datetime() as start, duration_min=int() as minutes):
            return not command.by_rule and start + timedelta(minutes=minutes) <= draft.now
        case _:
            return False


def unfit(draft: Draft, command: OpenCommand, sending: CommandSending) -> str | None:
    """Why a command may not leave as it was handed out."""
    if draft.sends_nothing is not None:
        return draft.sends_nothing
    told = command.command
    if would_end_call(draft, command):
        return CALL_RUNS
    if is_too_late(draft, command):
        return TOO_LATE
    if not isinstance(told, BookingCommand):
        return None
    booking = draft.bookings.get(command.booking_id) if command.booking_id else None
    known = booking is not None and (
        told.meeting_id == booking.meeting_id if told.meeting_id else told.id == booking.ids.get(sending.device)
    )
    return None if known else "the booking is known by another name now"
