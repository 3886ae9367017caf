"""
From the core's values to the API's JSON shapes.

Persons (titles and organizers) are left out unless the reader may see them, and other people's words are quoted, for
they may name somebody; everything else is shown to everybody who can reach the port.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET

from hotdesk_daemon.api import wire
from hotdesk_daemon.core.desk import SETTLED, Booking, BookingState, CommandState, Desk, Device, SignInState

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.api.site import CommandView, StreamItem
    from hotdesk_daemon.core.commands import Command
    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.core.steps import Reason

#: Makes text fit for who may not see persons.
Quote: TypeAlias = Callable[[str], str]
_Text = TypeVar("_Text", str, "str | None")
#: Members of inputs and commands that may tell who somebody is or what somebody does.
PERSONAL: Final = frozenset(
    {"title", "organizer", "organizer_name", "organizer_email", "organizer_id", "text", "comment"}
)
#: Members of inputs that hold what devices and the cloud said in their own words.
FOREIGN: Final = frozenset({"cause", "error", "failure_cause", "message", "software"})
_SIGNED_IN: Final = frozenset(SignInState) - {SignInState.UNKNOWN, SignInState.SHARED}
_RUNNING_FIRST: Final = (BookingState.STARTED, BookingState.CREATED, BookingState.REQUESTED)


def current_booking(desk: Desk, *, now: datetime) -> Booking | None:
    """The booking that holds the desk now: a started one before a confirmed one before one only asked for."""
    held = [
        booking
        for booking in desk.bookings.values()
        if booking.state is BookingState.STARTED or (not booking.is_over and booking.start <= now < booking.end)
    ]
    return min(held, key=lambda b: (_RUNNING_FIRST.index(b.state), b.start, b.booking_id), default=None)


def next_booking(desk: Desk, *, now: datetime) -> Booking | None:
    """The first booking that is still to come."""
    coming = [
        booking
        for booking in desk.bookings.values()
        if booking.state is not BookingState.STARTED and not booking.is_over and booking.start > now
    ]
    return min(coming, key=lambda b: (b.start, b.booking_id), default=None)


def occupancy(desk: Desk, *, now: datetime) -> wire.Occupancy:
    """Whether somebody is at the desk, or has a right to it now, as far as we know."""
    if any(device.sign_in in _SIGNED_IN or device.in_call for device in desk.devices.values()):
        return wire.Occupancy.IN_USE
    return wire.Occupancy.FREE if current_booking(desk, now=now) is None else wire.Occupancy.BOOKED


def render_booking(booking: Booking, *, desk_id: str, quote: Quote | None) -> wire.Booking:
    """One booking; *quote* is None for who may see its title and organizer."""
    organizer = booking.organizer
    return wire.Booking(
        id=booking.booking_id,
        desk=desk_id,
        state=booking.state,
        origin=booking.origin,
        start=booking.start,
        end=booking.end,
        duration_min=booking.duration_min,
        title=booking.title if quote is None else UNSET,
        organizer=(
            wire.Organizer(name=organizer.name, email=organizer.email, id=organizer.id) if quote is None else UNSET
        ),
        verdict=booking.verdict,
        verdict_why=_said(booking.verdict_why, quote),
        change=booking.change,
        meeting_id=booking.meeting_id,
        booking_request_uuid=booking.booking_request_uuid,
        checked_in=booking.checked_in,
        signed_in=booking.signed_in,
        end_cause=_said(booking.end_cause, quote),
        changed_at=booking.changed_at,
        changed_seq=booking.changed_seq,
    )


def render_desk(desk: Desk, *, now: datetime, quote: Quote | None) -> wire.Desk:
    """One desk as it is, with the bookings that matter now."""

    def show(booking: Booking | None) -> wire.Booking | None:
        return None if booking is None else render_booking(booking, desk_id=desk.desk_id, quote=quote)

    counters = desk.counters
    return wire.Desk(
        id=desk.desk_id,
        seq=desk.seq,
        calendar=desk.calendar,
        stage=desk.stage,
        maintenance_until=desk.maintenance_until,
        state=occupancy(desk, now=now),
        stale=desk.is_stale,
        devices=[_device(desk.devices[device_id], quote) for device_id in sorted(desk.devices)],
        current=show(current_booking(desk, now=now)),
        next=show(next_booking(desk, now=now)),
        bookings=sum(not booking.is_over for booking in desk.bookings.values()),
        commands=_open_commands(desk),
        counters=wire.Counters(
            surprises=counters.surprises,
            drift=counters.drift,
            undecodable=counters.undecodable,
            lists=counters.lists,
            refused=counters.refused,
        ),
    )


def render_command(view: CommandView, *, quote: Quote | None) -> wire.Command:
    """One command with its parameters."""
    command = view.command
    return wire.Command(
        id=command.command_id,
        desk=view.desk_id,
        path=command.command.path,
        parameters=_members(command.command, quote=quote),
        state=command.state,
        why=_said(command.why, quote),
        message=_said(command.message, quote),
        booking=command.booking_id,
        device=command.device,
        attempts=command.attempts,
        cause_seq=command.cause_seq,
        decided_at=command.decided_at,
        answered_at=command.answered_at,
        deadline=command.deadline,
        updated_at=view.updated_at,
    )


def render_event(item: StreamItem, *, quote: Quote | None) -> wire.Event:
    """One step with its reasons; the desk's state in short is as of the step's own time."""
    return wire.Event(
        desk=item.desk_id,
        seq=item.seq,
        at=item.at,
        source=item.source,
        kind=item.kind,
        input=_members(item.input, quote=quote),
        reasons=[_reason(reason, quote) for reason in item.reasons],
        refusal=_said(item.refusal, quote),
        state=None if item.desk is None else _summary(item.desk, now=item.at),
    )


def _device(device: Device, quote: Quote | None) -> wire.Device:
    return wire.Device(
        id=device.device_id,
        link=device.link,
        link_cause=_said(device.link_cause, quote),
        software=_said(device.software, quote),
        listed_at=device.listed_at,
        sign_in=device.sign_in,
        signed_in_to=device.signed_in_to,
        personalized=device.personalized,
        session_status=device.session_status,
        availability=device.availability,
        in_call=device.in_call,
        active_calls=device.active_calls,
        system_state=device.system_state,
        standby=device.standby,
        people_count=device.people_count,
        people_presence=device.people_presence,
        room_in_use=device.room_in_use,
    )


def _open_commands(desk: Desk) -> wire.OpenCommands:
    states = [command.state for command in desk.commands.values() if command.state not in SETTLED]
    return wire.OpenCommands(
        open=len(states),
        parked=states.count(CommandState.PARKED),
        unknown=states.count(CommandState.UNKNOWN),
    )


def _summary(desk: Desk, *, now: datetime) -> wire.Summary:
    current, coming = current_booking(desk, now=now), next_booking(desk, now=now)
    return wire.Summary(
        state=occupancy(desk, now=now),
        stale=desk.is_stale,
        current=None if current is None else current.booking_id,
        next=None if coming is None else coming.booking_id,
    )


def _reason(reason: Reason, quote: Quote | None) -> wire.Reason:
    return wire.Reason(
        life=reason.life,
        code=reason.code,
        text=_said(reason.text, quote),
        before=reason.before,
        after=reason.after,
        booking=reason.booking_id,
        device=reason.device,
        command=reason.command_id,
        cause_seq=reason.cause_seq,
    )


def _said(text: _Text, quote: Quote | None) -> _Text:
    return text if quote is None or text is None else quote(text)


def _members(fact: Input | Command, *, quote: Quote | None) -> dict[str, Any]:
    """The members of an input or a command as JSON values."""
    members: dict[str, Any] = msgspec.to_builtins(fact)
    return members if quote is None else _impersonal(members, quote)


def _impersonal(value: Any, quote: Quote) -> Any:  # noqa: ANN401 - JSON
    """*value* without personal members, at any depth, and with other people's words quoted."""
    if isinstance(value, dict):
        return {
            name: quote(member) if name in FOREIGN and isinstance(member, str) else _impersonal(member, quote)
            for name, member in value.items()
            if name not in PERSONAL
        }
    if isinstance(value, list | tuple):
        return [_impersonal(member, quote) for member in value]
    return value
