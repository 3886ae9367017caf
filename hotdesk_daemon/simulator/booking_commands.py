"""
The commands below `xCommand Bookings`, as a device carries them out. Parameters have been checked by then.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from .calendar import Change
from .entries import BookingRequest, Effect, Entry, Person, parse_time
from .listing import page, render_booking, render_space_call, select, with_seconds
from .rpc import bad_argument, command_failed
from .statuses import CHECK_IN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from .device import Device
    from .tree import Json

Params = dict[str, "Json"]

_DEFAULT_MIN: Final = 30
_REFUSALS: Final[Mapping[str, str]] = {
    "overlap": "Booking overlaps with another booking",
    "past": "Booking lies in the past",
}


def _text(params: Params, name: str) -> str:
    return str(params.get(name, ""))


def _moment(params: Params, name: str) -> datetime | None:
    if name not in params:
        return None
    moment = parse_time(_text(params, name))
    if moment is None:
        raise bad_argument(name)
    return moment


def _number(params: Params, name: str) -> int | None:
    value = params.get(name)
    return value if isinstance(value, int) else None


def _organizer(device: Device, params: Params) -> Person | None:
    names = ("OrganizerEmail", "OrganizerName", "OrganizerId")
    if not any(name in params for name in names):
        return None
    known = device.calendar.directory.person(_text(params, "OrganizerEmail"))
    return Person(
        email=known.email,
        name=_text(params, "OrganizerName") or known.name,
        id=_text(params, "OrganizerId") or (known.id if device.is_hybrid else ""),
    )


def _named(device: Device, params: Params) -> Entry:
    entry = device.entry_of(meeting_id=_text(params, "MeetingId"), device_id=_text(params, "Id"))
    if entry is None:
        raise command_failed("Booking not found")
    return entry


def _book(device: Device, params: Params) -> Params:
    request = BookingRequest(
        uuid=_text(params, "BookingRequestUUID") or device.calendar.new_uuid(),
        title=_text(params, "Title"),
        start=_moment(params, "StartTime") or device.now().replace(microsecond=0),
        duration_min=_number(params, "Duration") or _DEFAULT_MIN,
        organizer=_organizer(device, params) or Person(email=""),
        platform=_text(params, "MeetingPlatform"),
        number=_text(params, "Number"),
        protocol=_text(params, "Protocol"),
        by="integration",
    )
    if device.calendar.refusal(request) == "error":
        past = request.end <= device.schedule.now()
        raise command_failed(_REFUSALS["past" if past else "overlap"])
    device.calendar.book(request, via=device)
    return {}


def _edit(device: Device, params: Params) -> Params:
    change = Change(
        start=_moment(params, "StartTime"),
        duration_min=_number(params, "Duration"),
        title=_text(params, "Title") if "Title" in params else None,
        organizer=_organizer(device, params),
    )
    device.calendar.change(_named(device, params), change, via=device, by="integration")
    return {}


def _extend(device: Device, params: Params) -> Params:
    minutes = _number(params, "Duration") or 0
    device.calendar.extend(_named(device, params), minutes, via=device, by="integration")
    return {}


def _delete(device: Device, params: Params) -> Params:
    device.calendar.delete(_named(device, params), cause="Deleted", via=device, by="integration")
    return {}


def _get(device: Device, params: Params) -> Params:
    entry = _named(device, params)
    booking = render_booking(entry, device_id=device.id_of(entry), row=1, hybrid=device.is_hybrid)
    return {"Booking": with_seconds(booking, entry, device.now())}


def _list(device: Device, params: Params) -> Params:
    account = params.get("AccountType", "SharedAndPersonal")
    now = device.now()
    rows: list[Params] = []
    if account != "Personal":
        call, began = device.activity.call, device.activity.call_began
        if device.activity.call_is_listed and call is not None and began is not None:
            name = device.signin.person.name if device.signin.person is not None else "Space"
            rows.append(render_space_call(began, device_id=f"webex-{900 + call}", row=1, name=name))
        for entry in select(device.calendar.in_order(), params, now):
            device_id = device.id_of(entry)
            rows.append(render_booking(entry, device_id=device_id, row=len(rows) + 1, hybrid=device.is_hybrid))
    if account != "Shared":
        # The signed-in person's own meetings, which are none of the desk's.
        for entry in select(device.signin.own_meetings, params, now):
            device_id = f"webex-{950 + entry.key}"
            rows.append(render_booking(entry, device_id=device_id, row=len(rows) + 1, hybrid=True))
    return page(rows, params, now)


def _check_in(device: Device, params: Params) -> Params:
    if device.configurations.get(CHECK_IN) != "True":
        raise command_failed("Check-in is not enabled")
    device.calendar.check_in(_named(device, params), via=device, by="integration")
    return {}


def _check_out(device: Device, params: Params) -> Params:
    if device.configurations.get(CHECK_IN) != "True":
        raise command_failed("Check-in is not enabled")
    device.calendar.delete(_named(device, params), cause="ManualCheckOut", via=device, by="integration")
    return {}


def _respond(device: Device, params: Params) -> Params:
    if not device.is_hybrid:
        raise command_failed("Not available for this calendar")
    entry = _named(device, params)
    device.calendar.note("answered", entry, via=device, by="integration", detail=_text(params, "Type"))
    if params.get("Type") == "Decline":
        device.calendar.delete(entry, cause="Deleted", via=device, by="integration")
    return {}


def _snooze(device: Device, params: Params) -> Params:
    named = _text(params, "MeetingId") or _text(params, "Id")
    entry = _named(device, params) if named else device.calendar.running(device.now())
    if entry is None:
        raise command_failed("Booking not found")
    device.calendar.note("snoozed", entry, via=device, by="integration")
    device.tell_booking("NotificationSnoozed", entry)
    return {}


def _clear(device: Device, _params: Params) -> Params:
    device.note(Effect(kind="cleared", by="integration", at=device.schedule.now()))
    if not device.is_hybrid:  # what the back end holds comes back with the next synchronisation
        device.calendar.entries.clear()
    device.calendar.tell(lambda watcher: watcher.hear_updated())
    device.sync_required()
    return {}


def _put(device: Device, params: Params) -> Params:
    requests = _parse_put(_text(params, "body"), device)
    device.note(Effect(kind="replaced", by="integration", at=device.schedule.now()))
    device.calendar.entries.clear()
    for request in requests:
        meeting_id = request.uuid or device.calendar.new_uuid()
        device.calendar.add(request, meeting_id=meeting_id, via=device, announced=False)
    device.calendar.tell(lambda watcher: watcher.hear_updated())
    return {}


def _parse_put(body: str, device: Device) -> list[BookingRequest]:
    try:
        rows = msgspec.json.decode(body)["Bookings"]
        return [_parse_row(row, device) for row in rows]
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise bad_argument("body") from exc


def _parse_row(row: dict[str, dict[str, Json]], device: Device) -> BookingRequest:
    start = parse_time(str(row["Time"]["StartTime"]))
    duration = timedelta(minutes=int(str(row["Time"]["Duration"])))
    if start is None or not timedelta(0) < duration <= timedelta(days=1):
        raise bad_argument("body")
    organizer = Person(
        email=str(row["Organizer"].get("Email", "")),
        name=str(row["Organizer"]["Name"]),
        id=str(row["Organizer"].get("Id", "")),
    )
    return BookingRequest(
        uuid=str(row.get("MeetingId", "")),
        title=str(row["Title"]),
        start=start,
        duration_min=int(duration / timedelta(minutes=1)),
        organizer=organizer,
        number=str(row["Number"]),
        protocol=str(row["Protocol"]),
        by="integration",
    )


BOOKING_COMMANDS: Final[Mapping[str, Callable[[Device, Params], Params]]] = {
    "Bookings Book": _book,
    "Bookings CheckIn": _check_in,
    "Bookings CheckOut": _check_out,
    "Bookings Clear": _clear,
    "Bookings Delete": _delete,
    "Bookings Edit": _edit,
    "Bookings Extend": _extend,
    "Bookings Get": _get,
    "Bookings List": _list,
    "Bookings NotificationSnooze": _snooze,
    "Bookings Put": _put,
    "Bookings Respond": _respond,
}
