"""What can be asked for. Every wish is recorded before it is answered; what comes of it is seen in the stream."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import UNSET

from hotdesk_daemon.api.asks import BookingChange, Maintenance, NewBooking, Nothing, SignOut, parse_start
from hotdesk_daemon.api.problems import Flaw, invalid
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import (
    BookAsked,
    DeleteAsked,
    DropAsked,
    EditAsked,
    MaintenanceAsked,
    ResyncAsked,
    RetryAsked,
    SignOutAsked,
)

if TYPE_CHECKING:
    from hotdesk_daemon.api.calls import Answer, Call


async def book(call: Call[None, NewBooking]) -> Answer:
    desk, body = call.desk(), call.body
    asked = await call.ask(
        desk.desk_id,
        BookAsked(
            booking_request_uuid=body.booking_request_uuid or call.new_uuid(),
            start=parse_start(body.start, now=call.now),
            duration_min=body.duration_min,
            title=body.title,
            organizer_name=body.organizer.name or None,
            organizer_email=body.organizer.email,
            organizer_id=body.organizer.id or None,
        ),
    )
    location = f"/api/v1/bookings/{quote(asked.booking_id, safe='')}" if asked.booking_id else None
    return call.taken(desk.desk_id, asked, headers={"Location": location} if location else None)


async def edit(call: Call[None, BookingChange]) -> Answer:
    desk, booking = call.booking()
    body = call.body
    if body == BookingChange():
        raise invalid(Flaw(detail="nothing to change: give start, duration_min or title", pointer="#"))
    wish = EditAsked(
        booking_id=booking.booking_id,
        start=None if body.start is UNSET else parse_start(body.start, now=call.now),
        duration_min=None if body.duration_min is UNSET else body.duration_min,
        title=None if body.title is UNSET else body.title,
    )
    return call.taken(desk.desk_id, await call.ask(desk.desk_id, wish))


async def delete(call: Call[None, Nothing]) -> Answer:
    desk, booking = call.booking()
    asked = await call.ask(desk.desk_id, DeleteAsked(booking_id=booking.booking_id))
    return call.taken(desk.desk_id, asked)


async def sign_out(call: Call[None, SignOut]) -> Answer:
    desk, body = call.desk(), call.body
    device = None if body.device is None else DeviceId(body.device)
    if device is not None and device not in desk.devices:
        raise invalid(Flaw(detail=f"device: the desk has no device {device!r}", pointer="#/device"))
    wish = SignOutAsked(device=device, even_in_call=body.even_in_call)
    return call.taken(desk.desk_id, await call.ask(desk.desk_id, wish))


async def resync(call: Call[None, Nothing]) -> Answer:
    desk = call.desk()
    return call.taken(desk.desk_id, await call.ask(desk.desk_id, ResyncAsked()))


async def maintain(call: Call[None, Maintenance]) -> Answer:
    desk = call.desk()
    wish = MaintenanceAsked(until=call.now + timedelta(minutes=call.body.minutes))
    return call.taken(desk.desk_id, await call.ask(desk.desk_id, wish))


async def end_maintenance(call: Call[None, Nothing]) -> Answer:
    desk = call.desk()
    return call.taken(desk.desk_id, await call.ask(desk.desk_id, MaintenanceAsked()))


async def retry(call: Call[None, Nothing]) -> Answer:
    view = await call.command()
    wish = RetryAsked(command_id=view.command.command_id)
    return call.taken(view.desk_id, await call.ask(view.desk_id, wish))


async def drop(call: Call[None, Nothing]) -> Answer:
    view = await call.command()
    wish = DropAsked(command_id=view.command.command_id)
    return call.taken(view.desk_id, await call.ask(view.desk_id, wish))
