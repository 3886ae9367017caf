"""
From the core's values to the API's JSON shapes.

Persons (titles and organizers) are left out unless the reader may see them; everything else is shown to everybody who
can reach the port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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

#: Members of inputs and commands that may tell who somebody is or what somebody does.
PERSONAL: Final = frozenset(
    {"title", "organizer", "organizer_name", "organizer_email", "organizer_id", "text", "comment"}
)
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


def render_booking(booking: Booking, *, desk_id: str, persons: bool) -> wire.Booking:
    """One booking; *persons* says whether its title and organizer may be seen."""
    organizer = booking.organizer
    return wire.Booking(
        id=booking.booking_id,
        desk=desk_id,
        state=booking.state,
        origin=booking.origin,
        start=booking.start,
        end=booking.end,
        duration_min=booking.duration_min,
        title=booking.title if persons else UNSET,
        organizer=(wire.Organizer(name=organizer.name, email=organizer.email, id=organizer.id) if persons else UNSET),
        verdict=booking.verdict,
        verdict_why=booking.verdict_why,
        change=booking.change,
        meeting_id=booking.meeting_id,
        booking_request_uuid=booking.booking_request_uuid,
        checked_in=booking.checked_in,
        signed_in=booking.signed_in,
        end_cause=booking.end_cause,
        changed_at=booking.changed_at,
        changed_seq=booking.changed_seq,
    )


def render_desk(desk: Desk, *, now: datetime, persons: bool) -> wire.Desk:
    """One desk as it is, with the bookings that matter now."""

    def show(booking: Booking | None) -> wire.Booking | None:
        return None if booking is None else render_booking(booking, desk_id=desk.desk_id, persons=persons)

    counters = desk.counters
    return wire.Desk(
        id=desk.desk_id,
        seq=desk.seq,
        calendar=desk.calendar,
        stage=desk.stage,
        maintenance_until=desk.maintenance_until,
        state=occupancy(desk, now=now),
        stale=desk.is_stale,
        devices=[_device(desk.devices[device_id]) for device_id in sorted(desk.devices)],
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


def render_command(view: CommandView, *, persons: bool) -> wire.Command:
    """One command with its parameters."""
    command = view.command
    return wire.Command(
        id=command.command_id,
        desk=view.desk_id,
        path=command.command.path,
        parameters=_members(command.command, persons=persons),
        state=command.state,
        why=command.why,
        message=command.message,
        booking=command.booking_id,
        device=command.device,
        attempts=command.attempts,
        cause_seq=command.cause_seq,
        decided_at=command.decided_at,
        answered_at=command.answered_at,
        deadline=command.deadline,
        updated_at=view.updated_at,
    )


def render_event(item: StreamItem, *, persons: bool) -> wire.Event:
    """One step with its reasons; the desk's state in short is as of the step's own time."""
    return wire.Event(
        desk=item.desk_id,
        seq=item.seq,
        at=item.at,
        source=item.source,
        kind=item.kind,
        input=_members(item.input, persons=persons),
        reasons=[_reason(reason) for reason in item.reasons],
        refusal=item.refusal,
        state=None if item.desk is None else _summary(item.desk, now=item.at),
    )


def _device(device: Device) -> wire.Device:
    return wire.Device(
        id=device.device_id,
        link=device.link,
        link_cause=device.link_cause,
        software=device.software,
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


def _reason(reason: Reason) -> wire.Reason:
    return wire.Reason(
        life=reason.life,
        code=reason.code,
        text=reason.text,
        before=reason.before,
        after=reason.after,
        booking=reason.booking_id,
        device=reason.device,
        command=reason.command_id,
        cause_seq=reason.cause_seq,
    )


def _members(fact: Input | Command, *, persons: bool) -> dict[str, Any]:
    """The members of an input or a command as JSON values."""
    members: dict[str, Any] = msgspec.to_builtins(fact)
    return members if persons else {name: _impersonal(m) for name, m in members.items() if name not in PERSONAL}


def _impersonal(value: object) -> object:
    """*value* without personal members, at any depth."""
    if isinstance(value, dict):
        return {name: _impersonal(member) for name, member in value.items() if name not in PERSONAL}
    if isinstance(value, list | tuple):
        return [_impersonal(member) for member in value]
    return value
