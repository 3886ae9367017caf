"""
The end of commands: a command is settled by the picture.

At the end of every step `settle` looks whether what an open command was to bring about holds, whoever brought it about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core import handout
from hotdesk_daemon.core.commands import AlertDisplay, Book, Delete, Edit, Logout
from hotdesk_daemon.core.desk import (
    Booking,
    BookingState,
    ChangeState,
    CommandState,
    OpenCommand,
    SignInState,
    Verdict,
)
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdesk_daemon.core.draft import Draft


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
            if device is None or device.sign_in is SignInState.SHARED:
                return True
            return device.sign_in is SignInState.UNKNOWN and command.state is CommandState.TAKEN
        case AlertDisplay():
            return command.state is CommandState.TAKEN
        case _:
            raise AssertionError(f"core decides no {command.command.path}")


def _holds(booking: Booking, edit: Edit, command: OpenCommand) -> bool:
    if edit.start is None and edit.duration_min is None:
        return command.state is CommandState.TAKEN  # no event tells of a title
    return edit.start in (None, booking.start) and edit.duration_min in (None, booking.duration_min)


def settle(draft: Draft) -> None:
    """End every open command whose effect holds or that the rules no longer ask for, and every ``Book`` that failed."""
    for command in list(draft.commands.values()):
        if is_fulfilled(draft, command):
            end(draft, command, CommandState.DONE, "command.done", "its effect holds")
        elif _is_unasked(draft, command):
            _withdraw(draft, command)
        elif isinstance(command.command, Book) and command.state is not CommandState.PARKED:
            booking = draft.bookings.get(command.booking_id) if command.booking_id else None
            if booking is not None and booking.state is BookingState.FAILED:
                why = f"the booking failed: {booking.end_cause}"
                end(draft, command, CommandState.REFUSED, "command.refused", why)
        elif isinstance(command.command, AlertDisplay):
            _give_up_message(draft, command)


def _give_up_message(draft: Draft, command: OpenCommand) -> None:
    """A message is worth no list, no second showing and no person's time."""
    if command.state is CommandState.UNKNOWN and command.refused:
        end(draft, command, CommandState.REFUSED, "command.refused", f"the device refused it: {command.message}")
    elif command.state is CommandState.UNKNOWN:
        end(draft, command, CommandState.DONE, "command.done", "it may have been shown: not shown again")
    elif command.state is CommandState.PARKED:
        end(draft, command, CommandState.DROPPED, "command.dropped", "too late to be shown")


def end(draft: Draft, command: OpenCommand, state: CommandState, code: str, text: str) -> None:
    draft.because(Life.COMMAND, code, text, before=command.state, after=state, command=command)
    message = text if state is CommandState.DROPPED else command.message  # what was dropped, nobody else explains
    draft.put_command(attrs.evolve(command, state=state, message=message, answered_at=command.answered_at or draft.now))


def fail_request(draft: Draft, command: OpenCommand, text: str, *, end_cause: str) -> None:
    """The booking that a ``Book`` asked for will not come, unless the command is retried."""
    turn(draft, command, BookingState.REQUESTED, BookingState.FAILED, "booking.failed", text, end_cause=end_cause)


def turn(
    draft: Draft,
    command: OpenCommand,
    before: BookingState,
    after: BookingState,
    code: str,
    text: str,
    *,
    end_cause: str | None,
) -> None:
    """Move the booking of a ``Book`` from *before* to *after*, if it stands there."""
    booking = draft.bookings.get(command.booking_id) if command.booking_id else None
    if booking is None or booking.state is not before or not isinstance(command.command, Book):
        return
    draft.because(Life.BOOKING, code, text, before=before, after=after, booking=booking, cause_seq=command.cause_seq)
    draft.clear_timer(f"request:{booking.booking_id}")
    draft.put_booking(
        attrs.evolve(booking, state=after, end_cause=end_cause, changed_at=draft.now, changed_seq=draft.seq)
    )


def end_change(draft: Draft, booking: Booking, code: str, text: str) -> Booking:
    """The open change of *booking* is not waited for any more."""
    draft.because(Life.CHANGE, code, text, before=booking.change, after=ChangeState.NONE, booking=booking)
    draft.clear_timer(f"change:{booking.booking_id}")
    booking = attrs.evolve(booking, change=ChangeState.NONE, change_end=None)
    draft.put_booking(booking)
    return booking


def _is_unasked(draft: Draft, command: OpenCommand) -> bool:
    """Whether *command* has not left us and carries out a verdict that does not stand, or is not to be carried out."""
    booking = draft.bookings.get(command.booking_id) if command.booking_id else None
    if not command.by_rule or command.state is not CommandState.PENDING or booking is None:
        return False
    stage = Stage.WARN if isinstance(command.command, AlertDisplay) else Stage.ENFORCE
    return booking.verdict is not Verdict.REJECTED or draft.base.stage is not stage


def _withdraw(draft: Draft, command: OpenCommand) -> None:
    end(draft, command, CommandState.DROPPED, "command.dropped", "the rules no longer ask for it")
    booking = draft.bookings[command.booking_id] if command.booking_id else None
    if booking is not None and booking.change is ChangeState.REVERTING:
        end_change(draft, booking, "change.closed", "the rules no longer ask to put it back")


def _spare_call(draft: Draft, command: OpenCommand) -> None:
    # As a wish during a call is refused: nobody else has to look at it, and whoever still wants it asks again.
    end(draft, command, CommandState.DROPPED, "command.dropped", handout.CALL_RUNS)


def _give_up(draft: Draft, command: OpenCommand) -> None:
    why = handout.TOO_LATE
    end(draft, command, CommandState.DROPPED, "command.dropped", why)
    fail_request(draft, command, why, end_cause=why)
    booking = draft.bookings.get(command.booking_id) if command.booking_id else None
    if booking is not None and booking.change is ChangeState.EDIT_ASKED:
        end_change(draft, booking, "change.dropped", why)


#: What becomes of a command that is not to leave, by the reason, where waiting cannot help.
FOR_GOOD: Final[Mapping[str, Callable[[Draft, OpenCommand], None]]] = {
    handout.CALL_RUNS: _spare_call,
    handout.TOO_LATE: _give_up,
}
