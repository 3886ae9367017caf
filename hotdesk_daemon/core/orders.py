"""
Acts of the command life: deciding a command, and what becomes of it.

A command is *settled by the picture*: at the end of every step ``settlement`` looks whether what a command was to
bring about holds, whoever brought it about. So a repeated or late event, a list, or an answer all end it in the same
way, ``Delete`` of what is gone is done, and ``Edit`` to what holds is done. Only when the picture, asked after the
doubt arose, says that the effect is missing, is a command sent again or parked for a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core import handout, settlement, sync
from hotdesk_daemon.core.bookings import answer_time
from hotdesk_daemon.core.commands import Book, Command, Edit, Logout
from hotdesk_daemon.core.desk import (
    Booking,
    BookingState,
    ChangeState,
    CommandState,
    OpenCommand,
)
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
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft

#: A command whose answer was lost may still be on its way through the device for this long.
SETTLING: Final = timedelta(seconds=10)
#: After so many attempts with a lost answer a person has to look.
MAX_ATTEMPTS: Final = 5
#: When a command that the dispatcher was told not to send is handed out anew.
HAND_AGAIN: Final = timedelta(seconds=1)


def order(
    draft: Draft,
    command: Command,
    *,
    why: str,
    booking: Booking | None = None,
    device: DeviceId | None = None,
    by_rule: bool = False,
    even_in_call: bool = False,
    within: timedelta | None = None,
) -> OpenCommand:
    """Decide a command. It leaves once the step is durable and it is its turn; *within* bounds how late that may be."""
    stem = f"{draft.base.desk_id}.c{draft.seq}"
    number = sum(1 for key in draft.commands.keys() | draft.changed_commands if key.startswith(f"{stem}."))
    patience = timedelta(seconds=draft.base.deadline_s)
    opened = OpenCommand(
        command_id=CommandId(f"{stem}.{number + 1}"),
        command=command,
        state=CommandState.PENDING,
        cause_seq=draft.seq,
        decided_at=draft.now,
        deadline=draft.now + (patience if within is None else min(within, patience)),
        booking_id=booking.booking_id if booking else None,
        device=device,
        moved_from=(booking.start, booking.duration_min) if booking is not None and isinstance(command, Edit) else None,
        why=why,
        by_rule=by_rule,
        even_in_call=even_in_call,
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
    """
    The dispatcher is about to send, once more if it knows that nothing was done before.

    From the commit of this step on it may have been carried out. An alias that means another booking by now (Ids are
    valid for one boot) or nothing at all must not leave: the command is handed out anew, by the alias that holds then.
    One that would end a call, or whose times are over, ends here.
    """
    why = handout.unfit(draft, command, sending)
    if why is not None:
        draft.refuse(why)
        if command.state is CommandState.PENDING and why in settlement.FOR_GOOD:
            settlement.FOR_GOOD[why](draft, command)
            return command
        draft.detail = why
        draft.set_timer("hand", draft.now + HAND_AGAIN)
        return attrs.evolve(command, state=CommandState.PENDING, handed=False)
    return attrs.evolve(
        command,
        state=CommandState.SENDING,
        device=sending.device,
        attempts=sending.attempt,
        refused=False,
        message="",
    )


def too_late(draft: Draft, command: OpenCommand, _: CommandSending) -> OpenCommand:
    draft.refuse(f"the command is {command.state} and no longer to be sent")
    return command


def accepted(draft: Draft, command: OpenCommand, _: CommandAnswered) -> OpenCommand:
    """OK means done on a local calendar and "taken" on a hybrid one; either way the effect has to show."""
    draft.set_timer(f"command:{command.command_id}", draft.now + _patience(draft), cause_seq=command.cause_seq)
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


def not_done(draft: Draft, command: OpenCommand, answer: CommandAnswered) -> OpenCommand:
    """The dispatcher keeps it and tries again; its deadline, which stood still while it was sent, counts anew."""
    draft.detail = answer.message
    draft.set_timer(f"command:{command.command_id}", command.deadline, cause_seq=command.cause_seq)
    return attrs.evolve(command, message=answer.message)


def gave_up(draft: Draft, command: OpenCommand, answer: CommandAnswered) -> OpenCommand:
    draft.detail = answer.message
    return attrs.evolve(command, message=answer.message)


def lost_at_restart(draft: Draft, command: OpenCommand, _: Input) -> OpenCommand:
    draft.set_timer(f"command:{command.command_id}", draft.now + _patience(draft), cause_seq=command.cause_seq)
    return attrs.evolve(command, asked=draft.now, message="the daemon ended while it was being sent")


def hand_again(draft: Draft, command: OpenCommand, _: Input) -> OpenCommand:
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
    if not _asked_before_this_list(draft, command) or settlement.is_fulfilled(draft, command):
        return command
    return attrs.evolve(command, state=CommandState.PARKED, message="the device took it, but it was never carried out")


def settle_doubt(draft: Draft, command: OpenCommand, _: BookingsListed) -> OpenCommand:
    """
    A list came for a command whose fate is unknown.

    It counts only when it was asked for after the doubt, and to conclude that nothing was done also after the time in
    which the device or calendar could still be at it. A refused one is parked, and one that may have been done and
    undone since (`_why_not_again`); all else is sent again.
    """
    if not _asked_before_this_list(draft, command) or settlement.is_fulfilled(draft, command):
        return command
    if command.refused:
        return _park(draft, command, command.message or "refused")
    started = draft.sync.started_at
    if command.asked is None or started is None or started < command.asked + _patience(draft):
        return command
    why = _why_not_again(draft, command)
    if why is not None:
        return _park(draft, command, why)
    draft.detail = "not done: sent again"
    draft.set_timer(f"command:{command.command_id}", command.deadline, cause_seq=command.cause_seq)
    return attrs.evolve(command, state=CommandState.PENDING, handed=False, asked=None)


def _why_not_again(draft: Draft, command: OpenCommand) -> str | None:
    """
    Why a command whose effect the list does not show is not sent again.

    On a hybrid calendar nothing but its content tells a lost ``Book``. Who is signed in may be somebody else by now.
    A booking that stands elsewhere than both before and after an ``Edit`` was moved by somebody since.
    """
    if command.attempts >= MAX_ATTEMPTS:
        return f"no answer to {command.attempts} attempts, and no effect"
    match command.command:
        case Book() if draft.base.calendar is CalendarKind.HYBRID:
            return "the answer was lost and no single booking in the list fits"
        case Logout() if _other_sign_in(draft, command):
            return "the answer was lost and nobody knows who is signed in now"
        case Edit() if command.moved_from is not None and command.moved_from != _times(draft, command):
            return "the answer was lost and somebody else has moved the booking"
    return None


def _times(draft: Draft, command: OpenCommand) -> tuple[datetime, int] | None:
    booking = draft.bookings.get(command.booking_id) if command.booking_id else None
    return None if booking is None else (booking.start, booking.duration_min)


def _park(draft: Draft, command: OpenCommand, message: str) -> OpenCommand:
    draft.detail = message
    if command.refused:
        settlement.fail_request(draft, command, f"the device refused it: {message}", end_cause="refused")
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
    seconds = draft.base.deadline_s
    deadline = draft.now + timedelta(seconds=seconds)
    draft.set_timer(f"command:{command.command_id}", deadline)
    settlement.turn(
        draft,
        command,
        BookingState.FAILED,
        BookingState.REQUESTED,
        "booking.requested",
        "asked for anew",
        end_cause=None,
    )
    return attrs.evolve(command, deadline=deadline, attempts=0, handed=False, refused=False, asked=None, message="")


def drop(draft: Draft, command: OpenCommand, _: DropAsked) -> OpenCommand:
    settlement.fail_request(draft, command, "a person dropped the command", end_cause="dropped")
    booking = draft.bookings.get(command.booking_id) if command.booking_id else None
    moving = isinstance(command.command, Edit) and command.command.start is not None
    if booking is not None and moving and booking.change is not ChangeState.NONE:
        settlement.end_change(draft, booking, "change.dropped", "a person dropped the command")
    return attrs.evolve(command, message="dropped by a person")


def cannot(draft: Draft, command: OpenCommand, _: RetryAsked | DropAsked) -> OpenCommand:
    draft.refuse(f"the command is {command.state}: only a parked one can be retried, and one under way not dropped")
    return command


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


def by_decision(command: OpenCommand) -> tuple[datetime, str]:
    """Sort key: the order in which commands were decided."""
    return (command.decided_at, command.command_id)
