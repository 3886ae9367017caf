"""
Acts of the command life: deciding a command, and what becomes of it.

A command is *settled by the picture*: at the end of every step `settle` looks whether what a command was to bring
about holds, whoever brought it about. So a repeated or late event, a list, or an answer all end it in the same way,
``Delete`` of what is gone is done, and ``Edit`` to what holds is done. Only when the picture, asked after the
doubt arose, says that the effect is missing, is a command sent again or parked for a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import attrs

from hotdesk_daemon.core import sync
from hotdesk_daemon.core.bookings import answer_time
from hotdesk_daemon.core.commands import Book, BookingCommand, Command, Delete, Edit, Logout
from hotdesk_daemon.core.desk import (
    Booking,
    BookingState,
    CommandState,
    LinkState,
    OpenCommand,
)
from hotdesk_daemon.core.draft import Draft
from hotdesk_daemon.core.ids import BookingId, CommandId, DeviceId
from hotdesk_daemon.core.inputs import (
    BookingsListed,
    CalendarKind,
    CommandAnswered,
    CommandSending,
    DropAsked,
    Input,
    ListCause,
    RetryAsked,
)
from hotdesk_daemon.core.steps import Life, SendCommand

#: A command whose answer was lost may still be on its way through the device for this long.
SETTLING: Final = timedelta(seconds=10)
#: After so many attempts with a lost answer a person has to look.
MAX_ATTEMPTS: Final = 5

_UNANSWERED = frozenset({CommandState.PENDING, CommandState.SENDING, CommandState.UNKNOWN})


def order(  # noqa: PLR0913 - the parts of a command, all named
    draft: Draft,
    command: Command,
    *,
    why: str,
    booking: Booking | None = None,
    device: DeviceId | None = None,
) -> OpenCommand:
    """Decide a command. It leaves once the step is durable and it is its turn."""
    stem = f"{draft.base.desk_id}.c{draft.seq}"
    number = sum(1 for key in (*draft.commands, *draft.changed_commands) if key.startswith(f"{stem}."))
    seconds = draft.settings.get("deadline_s", draft.base.deadline_s)
    opened = OpenCommand(
        command_id=CommandId(f"{stem}.{number + 1}"),
        command=command,
        state=CommandState.PENDING,
        cause_seq=draft.seq,
        decided_at=draft.now,
        deadline=draft.now + timedelta(seconds=seconds),
        booking_id=booking.booking_id if booking else None,
        device=device,
        why=why,
    )
    draft.put_command(opened)
    draft.set_timer(f"command:{opened.command_id}", opened.deadline)
    draft.because(
        Life.COMMAND, "command.decided", f"{command.path}: {why}", after=opened.state, booking=booking, command=opened
    )
    return opened


def open_for(draft: Draft, booking_id: BookingId, kind: type[Command]) -> OpenCommand | None:
    """The unsettled command of one kind for one booking."""
    matching = (c for c in draft.open_commands() if c.booking_id == booking_id and isinstance(c.command, kind))
    return next(matching, None)


# --- acts ------------------------------------------------------------------------------------------------------------


def claim(draft: Draft, command: OpenCommand, sending: CommandSending) -> OpenCommand:
    """The dispatcher is about to send: from the commit of this step on it may have been carried out."""
    return attrs.evolve(command, device=sending.device, attempts=sending.attempt, refused=False, message="")


def too_late(draft: Draft, command: OpenCommand, _: CommandSending) -> OpenCommand:
    draft.refuse(f"the command is {command.state} and no longer to be sent")
    return command


def accepted(draft: Draft, command: OpenCommand, _: CommandAnswered) -> OpenCommand:
    """OK means done on a local calendar and "taken" on a hybrid one; either way the effect has to show."""
    patience = answer_time(draft) if draft.base.calendar is CalendarKind.HYBRID else SETTLING
    draft.set_timer(f"command:{command.command_id}", draft.now + patience, cause_seq=command.cause_seq)
    return attrs.evolve(command, answered_at=draft.now)


def doubt(draft: Draft, command: OpenCommand, answer: CommandAnswered) -> OpenCommand:
    """Whether it was done is unknown: a list will tell, and another one once it cannot be under way any more."""
    draft.detail = answer.message
    sync.want_any_list(draft, ListCause.LOST_ANSWER)
    draft.set_timer(f"command:{command.command_id}", draft.now + _patience(draft), cause_seq=command.cause_seq)
    return attrs.evolve(command, asked=draft.now, message=answer.message)


def refused(draft: Draft, command: OpenCommand, answer: CommandAnswered) -> OpenCommand:
    """The device said no. That may mean "gone already" or "holds already", so a list decides; it is not sent again."""
    draft.count(refused=1)
    return attrs.evolve(doubt(draft, command, answer), refused=True)


def gave_up(draft: Draft, command: OpenCommand, answer: CommandAnswered) -> OpenCommand:
    draft.detail = answer.message
    return attrs.evolve(command, message=answer.message)


def lost_at_restart(draft: Draft, command: OpenCommand, _: Input) -> OpenCommand:
    draft.set_timer(f"command:{command.command_id}", draft.now + _patience(draft), cause_seq=command.cause_seq)
    return attrs.evolve(command, asked=draft.now, message="the daemon ended while it was being sent")


def hand_again(draft: Draft, command: OpenCommand, _: Input) -> OpenCommand:  # noqa: ARG001 - an act's signature
    return attrs.evolve(command, handed=False)


def _patience(draft: Draft) -> timedelta:
    return answer_time(draft) if draft.base.calendar is CalendarKind.HYBRID else SETTLING


def expire(draft: Draft, command: OpenCommand, _: Input) -> OpenCommand:
    """It waited for its turn or for a link until its deadline."""
    return attrs.evolve(command, message="its deadline passed before it could be sent", handed=False)


def ask_for_effect(draft: Draft, command: OpenCommand, _: Input) -> OpenCommand:
    """The effect is overdue: ask for a list, and again for as long as none comes."""
    sync.want_any_list(draft, ListCause.UNANSWERED)
    draft.set_timer(f"command:{command.command_id}", draft.now + timedelta(seconds=60), cause_seq=command.cause_seq)
    return attrs.evolve(command, asked=command.asked or draft.now)


def ask_again(draft: Draft, command: OpenCommand, _: Input) -> OpenCommand:
    if draft.now >= command.deadline:
        return attrs.evolve(command, state=CommandState.PARKED, message="no list could settle it before its deadline")
    return ask_for_effect(draft, command, _)


def look_for_effect(draft: Draft, command: OpenCommand, _: BookingsListed) -> OpenCommand:
    """Taken, overdue, and a list asked for since then does not show the effect: nobody did it."""
    if not _asked_before_this_list(draft, command) or is_fulfilled(draft, command):
        return command
    return attrs.evolve(command, state=CommandState.PARKED, message="the device took it, but it was never carried out")


def settle_doubt(draft: Draft, command: OpenCommand, _: BookingsListed) -> OpenCommand:
    """
    A list came for a command whose fate is unknown.

    It counts only when it was asked for after the doubt, and to conclude that nothing was done also after the time in
    which the device or calendar could still be at it. A refused one is parked; on a hybrid calendar a ``Book`` that
    cannot be found is parked too, because nothing but its content could have told it; all else is sent again.
    """
    if not _asked_before_this_list(draft, command) or is_fulfilled(draft, command):
        return command
    if command.refused:
        return _park(draft, command, command.message or "refused")
    started = draft.sync.started_at
    if command.asked is None or started is None or started < command.asked + _patience(draft):
        return command
    if command.attempts >= MAX_ATTEMPTS:
        return _park(draft, command, f"no answer to {command.attempts} attempts, and no effect")
    if isinstance(command.command, Book) and draft.base.calendar is CalendarKind.HYBRID:
        return _park(draft, command, "the answer was lost and no single booking in the list fits")
    if isinstance(command.command, Logout) and _other_sign_in(draft, command):
        return _park(draft, command, "the answer was lost and nobody knows who is signed in now")
    draft.detail = "not done: sent again"
    draft.set_timer(f"command:{command.command_id}", command.deadline, cause_seq=command.cause_seq)
    return attrs.evolve(command, state=CommandState.PENDING, handed=False, asked=None)


def _park(draft: Draft, command: OpenCommand, message: str) -> OpenCommand:
    draft.detail = message
    if isinstance(command.command, Book) and command.booking_id in draft.bookings and command.refused:
        booking = draft.bookings[command.booking_id]
        if booking.state is BookingState.REQUESTED:
            draft.because(
                Life.BOOKING, "booking.failed", f"the device refused it: {message}",
                before=booking.state, after=BookingState.FAILED, booking=booking, cause_seq=command.cause_seq,
            )  # fmt: skip
            draft.put_booking(attrs.evolve(booking, state=BookingState.FAILED, end_cause="refused"))
    return attrs.evolve(command, state=CommandState.PARKED, message=message)


def _asked_before_this_list(draft: Draft, command: OpenCommand) -> bool:
    started = draft.sync.started_at
    return command.asked is not None and started is not None and started >= command.asked


def _other_sign_in(draft: Draft, command: OpenCommand) -> bool:
    """Whether who is signed in now may be somebody else than when the sign-out was decided."""
    booking = draft.bookings.get(command.booking_id) if command.booking_id else None
    return booking is None or booking.is_over


def retry(draft: Draft, command: OpenCommand, _: RetryAsked) -> OpenCommand:
    """A person wants it tried again, with a new deadline and new attempts."""
    seconds = draft.settings.get("deadline_s", draft.base.deadline_s)
    deadline = draft.now + timedelta(seconds=seconds)
    draft.set_timer(f"command:{command.command_id}", deadline)
    if isinstance(command.command, Book) and command.booking_id in draft.bookings:
        booking = draft.bookings[command.booking_id]
        if booking.state is BookingState.FAILED:
            draft.put_booking(attrs.evolve(booking, state=BookingState.REQUESTED, end_cause=None))
    return attrs.evolve(command, deadline=deadline, attempts=0, handed=False, refused=False, asked=None, message="")


def drop(draft: Draft, command: OpenCommand, _: DropAsked) -> OpenCommand:
    if isinstance(command.command, Book) and command.booking_id in draft.bookings:
        booking = draft.bookings[command.booking_id]
        if booking.state is BookingState.REQUESTED:
            draft.put_booking(attrs.evolve(booking, state=BookingState.FAILED, end_cause="dropped"))
    return attrs.evolve(command, message="dropped by a person")


def cannot(draft: Draft, command: OpenCommand, _: RetryAsked | DropAsked) -> OpenCommand:
    draft.refuse(f"the command is {command.state}: only a parked one can be retried, and one under way not dropped")
    return command


# --- the end of every step -------------------------------------------------------------------------------------------


def is_fulfilled(draft: Draft, command: OpenCommand) -> bool:
    """Whether the picture shows what *command* was to bring about."""
    booking = draft.bookings.get(command.booking_id) if command.booking_id else None
    match command.command:
        case Book():
            return booking is not None and booking.state not in (BookingState.REQUESTED, BookingState.FAILED)
        case Delete():
            return booking is None or booking.is_over
        case Edit() as edit:
            return booking is None or booking.is_over or _holds(booking, edit, command)
        case Logout():
            device = draft.devices.get(command.device) if command.device else None
            if device is None or device.personalized is False:
                return True
            return device.personalized is None and command.state is CommandState.TAKEN
        case _:
            return command.state is CommandState.TAKEN


def _holds(booking: Booking, edit: Edit, command: OpenCommand) -> bool:
    if edit.start is None and edit.duration_min is None:
        return command.state is CommandState.TAKEN  # no event tells of a title
    return edit.start in (None, booking.start) and edit.duration_min in (None, booking.duration_min)


def settle(draft: Draft) -> None:
    """End every open command whose effect holds, and every ``Book`` whose booking failed."""
    for command in list(draft.commands.values()):
        if is_fulfilled(draft, command):
            _end(draft, command, CommandState.DONE, "command.done", "its effect holds")
        elif isinstance(command.command, Book) and command.state is not CommandState.PARKED:
            booking = draft.bookings.get(command.booking_id) if command.booking_id else None
            if booking is not None and booking.state is BookingState.FAILED:
                why = f"the booking failed: {booking.end_cause}"
                _end(draft, command, CommandState.REFUSED, "command.refused", why)


def _end(draft: Draft, command: OpenCommand, state: CommandState, code: str, text: str) -> None:
    draft.because(Life.COMMAND, code, text, before=command.state, after=state, command=command)
    draft.put_command(attrs.evolve(command, state=state, answered_at=command.answered_at or draft.now))


def park_failed_edit(draft: Draft, booking: Booking, cause: str) -> None:
    """The calendar refused an edit of ours: it is kept for a person."""
    command = open_for(draft, booking.booking_id, Edit)
    if command is None or command.state is CommandState.PENDING:
        return
    draft.because(
        Life.COMMAND, "command.parked", f"the edit failed: {cause}",
        before=command.state, after=CommandState.PARKED, booking=booking, command=command,
    )  # fmt: skip
    draft.put_command(attrs.evolve(command, state=CommandState.PARKED, message=f"the edit failed: {cause}"))


def pump(draft: Draft) -> None:
    """Hand the oldest unanswered command to the dispatcher if it is to be sent; the others wait for it."""
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
    if booking.meeting_id is not None:
        aimed = attrs.evolve(command, meeting_id=booking.meeting_id, id=None)
        return attrs.evolve(opened, command=aimed, device=None)
    for device_id, own_id in booking.ids.items():
        device = draft.devices.get(device_id)
        if device is not None and device.link is not LinkState.DOWN:
            return attrs.evolve(opened, command=attrs.evolve(command, meeting_id=None, id=own_id), device=device_id)
    return None


def by_decision(command: OpenCommand) -> tuple[datetime, str]:
    """Sort key: the order in which commands were decided."""
    return (command.decided_at, command.command_id)
