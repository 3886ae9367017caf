"""The first answer: one sentence for each thing of a desk, why it is as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.app.explain.words import Since, Words, said, span
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.commands import Book, Delete
from hotdesk_daemon.core.desk import (
    BookingState,
    ChangeState,
    CommandState,
    LinkState,
    Origin,
    SignInState,
    Verdict,
)
from hotdesk_daemon.core.policy import Stage, objection
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hotdesk_daemon.app.explain.moves import Move
    from hotdesk_daemon.core.desk import Booking, Desk, Device, OpenCommand

#: A booking that is confirmed so soon was made at that moment.
_AT_ONCE: Final = timedelta(minutes=1)
_ORIGINS: Final[Mapping[str, str]] = {
    Origin.DEVICE: "at the device",
    Origin.INTEGRATION: "by a person through us",
    Origin.CALENDAR: "in the calendar",
    Origin.LIST: "by whom is not known: a list showed it",
}


def of_desk(*, stale: bool, since: Move | None, state: Desk | None) -> Words:
    """Whether its picture can be relied on, and since what; and whether it is left alone."""
    words: Words = ("the picture may be wrong" if stale else "the picture is true",)
    words += (", for longer than was looked at",) if since is None else (" since ", Since(since.at), ": ", *_why(since))
    if stale and state is not None and state.devices:
        words += (f"; {_links(state)}; the rules delete and move nothing until a list is there",)
    if state is not None and state.maintenance_until is not None:
        words += ("; a person wants the desk left alone until ", state.maintenance_until)
    elif state is not None and state.stage is not Stage.ENFORCE:
        words += (f"; its stage is {state.stage}",)
    return words


def _links(state: Desk) -> str:
    return ", ".join(f"{device.device_id} {device.link}" for device in state.devices.values())


def of_link(name: str, state: str, last: Move | None, device: Device | None) -> Words:
    told: Mapping[str, str] = {
        LinkState.LIVE: f"{name} is connected and listed",
        LinkState.SYNCING: f"{name} is connected, its first list is not there yet",
        LinkState.STALE: f"{name} is connected, but its list changed in a way that no event told",
        LinkState.DOWN: f"{name} is not connected",
    }
    words: Words = (told.get(state, f"{name} is {state}"), *_since(last))
    if device is not None and device.link is LinkState.DOWN:
        told_so = any(isinstance(word, str) and device.link_cause in word for word in words)
        words += () if told_so else (f"; now: {device.link_cause}",)
    if device is not None and device.listed_at is not None:
        words += ("; last list ", Since(device.listed_at))
    return words


def of_sign_in(name: str, state: str, last: Move | None, device: Device | None) -> Words:
    booking = f" {device.signed_in_to}" if device is not None and device.signed_in_to else " a booking"
    told: Mapping[str, str] = {
        SignInState.SHARED: f"nobody is signed in at {name}",
        SignInState.UNKNOWN: f"whether somebody is signed in at {name} is not known",
        SignInState.UNBOOKED: f"somebody is signed in at {name}, without a booking",
        SignInState.CHECKING: f"somebody signed in at {name} to{booking}; whether it is its user shows in seconds",
        SignInState.BOOKED: f"somebody is signed in at {name} to{booking}",
        SignInState.LEAVING: f"somebody is still signed in at {name} after{booking}, and about to be signed out",
        SignInState.STAYING: f"somebody stays signed in at {name} after{booking}, for a call is running",
    }
    return (told.get(state, f"{name}: {state}"), *_since(last))


def _since(last: Move | None) -> Words:
    return () if last is None else (", since ", Since(last.at), ": ", *_why(last))


def _why(move: Move) -> Words:
    """What happened last before a move, and why that was, where it was no message by itself."""
    last = move.chain.causes[-1]
    words = said(last)
    root = move.chain.causes[0]
    if root.seq != last.seq and last.kind in {"TimerFired", "BookingsListed"}:
        words += (", because ", *said(root))
    return words


# --- bookings --------------------------------------------------------------------------------------------------------


def of_booking(
    name: str, booking: Booking | None, moves: Sequence[Move], commands: Sequence[OpenCommand], state: Desk | None
) -> Words:
    """
    What became of a booking.

    Args:
        name: its id.
        booking: as it is held; None if it is forgotten, or if the desk's state is not known.
        moves: its rows, oldest first, as far as they were looked at.
        commands: those that were decided about it, in their newest form.
        state: the desk's.
    """
    times = span(booking.start, booking.duration_min) if booking is not None else _told_times(moves)
    lives = [move for move in moves if move.life is Life.BOOKING and move.is_move]
    after = booking.state.value if booking is not None else lives[-1].after if lives else "not known"
    words: Words = (name, *((" ", *times) if times else ()), " ", *_state(after, booking, moves, lives, commands))
    if booking is None:
        return words
    if not booking.is_over:
        words += ("; ", *_verdict(booking, commands, state))
    elif booking.verdict is Verdict.REJECTED and not any(command.by_rule for command in commands):
        words += (f"; it was against the rules: {booking.verdict_why}",)
    if booking.change is not ChangeState.NONE:
        words += (f"; {_CHANGES[booking.change]}",)
        if booking.change_end is not None:
            words += (", until ", booking.change_end)
    return (*words, *_use(booking))


_CHANGES: Final[Mapping[ChangeState, str]] = {
    ChangeState.EDIT_ASKED: "another time is asked for and not answered yet",
    ChangeState.EXTENSION_ASKED: "an extension is asked for and not answered yet",
    ChangeState.REVERTING: "we put it back to the time that was accepted last",
}


def _told_times(moves: Sequence[Move]) -> Words:
    """The times of a booking that is not held any more: those that were told last."""
    for move in reversed(moves):
        for cause in reversed(move.chain.causes):
            start, minutes = getattr(cause.given, "start", None), getattr(cause.given, "duration_min", None)
            if start is not None and minutes is not None and cause.seq == move.seq:
                return span(start, minutes)
    return ()


def _state(  # noqa: PLR0911 - one per state
    after: str,
    booking: Booking | None,
    moves: Sequence[Move],
    lives: Sequence[Move],
    commands: Sequence[OpenCommand],
) -> Words:
    at: Words = (Since(lives[-1].at),) if lives else (Since(booking.changed_at),) if booking is not None else ()
    when: Words = (" ", *at) if at else ()
    match after:
        case BookingState.REQUESTED:
            return ("was asked for", *when, *_by(booking, lives), ", and is not confirmed yet", *_open(commands, Book))
        case BookingState.CREATED:
            return ("is confirmed, since", *when, *_by(booking, lives))
        case BookingState.STARTED:
            return ("is running, since", *when, *_by(booking, lives))
        case BookingState.ENDED:
            cause = booking.end_cause if booking is not None else None
            return ("ended", *when, "" if cause in {None, "End"} else f": {quoted(cause)}")
        case BookingState.DELETED:
            return ("was deleted", *when, *_deleted(booking, lives, commands))
        case BookingState.FAILED:
            return ("failed", *when, ": ", *_ended_by(booking, lives), *_open(commands, Book))
        case _:
            return (after, *when)


def _by(booking: Booking | None, lives: Sequence[Move]) -> Words:
    """How it came to be."""
    if booking is None:
        return ()
    born = lives[0] if lives and lives[0].before == BookingState.ABSENT else None
    if born is not None and lives[-1].at - born.at > _AT_ONCE:
        return ("; made ", _ORIGINS[booking.origin], " ", born.at)
    return (", ", _ORIGINS[booking.origin]) if booking.origin is not Origin.LIST else (", as a list showed",)


def _deleted(booking: Booking | None, lives: Sequence[Move], commands: Sequence[OpenCommand]) -> Words:
    """By us, and then why and how; or by whom else."""
    last = lives[-1] if lives else None
    causes = {cause.seq for cause in last.chain.causes} if last is not None else set()
    ours = next((c for c in commands if isinstance(c.command, Delete) and c.cause_seq in causes), None)
    if ours is not None:
        return (f" by us: {ours.why}; {_outcome(ours)}",)
    if last is not None and last.chain.causes[-1].kind == "DeleteAsked":
        return (" by a person, before it was sent",)
    return (": ", *_ended_by(booking, lives))


def _ended_by(booking: Booking | None, lives: Sequence[Move]) -> Words:
    cause = booking.end_cause if booking is not None else None
    if not lives:
        return (quoted(cause or "why is not known"),)
    last = lives[-1].chain.causes[-1]
    if last.kind == "BookingsListed":
        return (quoted(cause or lives[-1].text),)
    return said(last)


def _verdict(booking: Booking, commands: Sequence[OpenCommand], state: Desk | None) -> Words:
    match booking.verdict:
        case Verdict.UNDECIDED:
            stale = state is not None and state.is_stale
            return ("not judged yet: the next list comes first" if stale else "not judged until it is confirmed",)
        case Verdict.ACCEPTED:
            return (_accepted(booking, state),)
        case Verdict.REJECTED:
            words: Words = (f"against the rules: {booking.verdict_why}",)
            acted = [command for command in commands if command.by_rule]
            if acted:
                return (*words, f"; {acted[-1].command.path}: {_outcome(acted[-1])}")
            return (*words, f"; nothing was sent{_stage(booking)}")


def _stage(booking: Booking) -> str:
    """Why nothing is sent, where the stage of then is the reason."""
    stage = booking.rejected_at
    return f", for the stage was {stage}" if stage not in {None, Stage.ENFORCE} else ""


def _accepted(booking: Booking, state: Desk | None) -> str:
    """By what counted when it was accepted, and what the rules of now would say if that is something else."""
    against = objection(state.policy, start=booking.start, duration_min=booking.duration_min) if state else None
    now = f", though the rules of now are against it ({against})" if against is not None else ""
    return (booking.accepted_why or "accepted; by which rules was not kept") + now


def _use(booking: Booking) -> Words:
    used = [
        text
        for is_so, text in (
            (booking.checked_in, "checked in"),
            (booking.signed_in, "its user signed in"),
            (booking.reverts > 0, f"put back {booking.reverts} time{'' if booking.reverts == 1 else 's'}"),
        )
        if is_so
    ]
    if booking.state is BookingState.STARTED and not booking.signed_in:
        used.append("nobody signed in to it so far")
    return (f"; {', '.join(used)}",) if used else ()


# --- commands --------------------------------------------------------------------------------------------------------


def of_command(command: OpenCommand, moves: Sequence[Move]) -> Words:
    about = f" of {command.booking_id}" if command.booking_id else f" at {command.device}" if command.device else ""
    words: Words = (
        f"{command.command_id} {command.command.path}{about} was decided ",
        Since(command.decided_at),
        f": {command.why}; {_outcome(command)}",
    )
    last = next((move for move in reversed(moves) if move.is_move), None)
    if command.state is CommandState.DONE and last is not None:
        words += (" ", last.at, ": ", *said(last.chain.causes[-1]))
    elif command.state in {CommandState.PENDING, CommandState.SENDING, CommandState.TAKEN, CommandState.UNKNOWN}:
        words += ("; its time is over ", command.deadline)
    return words


def _outcome(command: OpenCommand) -> str:  # noqa: PLR0911 - one per state
    attempts = f"{command.attempts} attempt{'' if command.attempts == 1 else 's'}"
    more = f": {quoted(command.message)}" if command.message else ""
    match command.state:
        case CommandState.DONE:
            return f"done after {attempts}" if command.attempts else "done before it had to be sent"
        case CommandState.PENDING:
            return f"waits to be sent{f', after {attempts}' if command.attempts else ''}{more}"
        case CommandState.SENDING:
            return f"is being sent, attempt {command.attempts}"
        case CommandState.TAKEN:
            return f"the device took it after {attempts}; its effect does not show yet"
        case CommandState.UNKNOWN:
            return f"what became of it is not known after {attempts}{more}; a list is asked"
        case CommandState.PARKED:
            return f"parked, waits for a person after {attempts}{more}"
        case CommandState.REFUSED:
            return f"refused{more}"
        case CommandState.DROPPED:
            return f"dropped{more}"


def _open(commands: Sequence[OpenCommand], kind: type[Book]) -> Words:
    """What became of the command that was to bring a booking about."""
    asked = [command for command in commands if isinstance(command.command, kind)]
    return (f"; {asked[-1].command.path}: {_outcome(asked[-1])}",) if asked else ()
