"""Statuses that are mirrored: which field of a `Device` each one fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core.desk import Device, altered
from hotdesk_daemon.core.inputs import (
    ActiveCalls,
    Availability,
    CurrentBooking,
    PeopleCount,
    PeoplePresence,
    Personalized,
    Presentation,
    RoomInUse,
    SessionStatus,
    StandbyState,
    StatusInput,
    SystemState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The field of `Device` that the one value of a status fills, and the value's name in the status.
FIELDS: Final[Mapping[type[StatusInput], tuple[str, str]]] = {
    Personalized: ("personalized", "value"),
    SessionStatus: ("session_status", "value"),
    CurrentBooking: ("current_id", "id"),
    ActiveCalls: ("active_calls", "value"),
    SystemState: ("system_state", "value"),
    StandbyState: ("standby", "value"),
    PeopleCount: ("people_count", "value"),
    PeoplePresence: ("people_presence", "value"),
    RoomInUse: ("room_in_use", "value"),
}

#: Statuses that no life looks at: nothing follows from them but that they are mirrored.
PLAIN: Final = frozenset({*FIELDS, Availability, Presentation}) - {Personalized, ActiveCalls, SystemState}


def mirrored(device: Device, status: StatusInput) -> Device:
    """*device* showing what *status* says; the same object when it shows that already."""
    field = FIELDS.get(type(status))
    if field is not None:
        ours, theirs = field
        value = getattr(status, theirs)
        return device if getattr(device, ours) == value else altered(device, **{ours: value})
    if isinstance(status, Availability):
        return _with_availability(device, status)
    if isinstance(status, Presentation):
        return _with_presentation(device, status)
    raise AssertionError(f"{type(status).__name__} is a status without a place in the mirror")


def _with_availability(device: Device, told: Availability) -> Device:
    """A field that the notification did not carry keeps what it was."""
    status = device.availability if told.status is None else told.status
    timestamp = device.availability_timestamp if told.timestamp is None else told.timestamp
    return altered(device, availability=status, availability_timestamp=timestamp)


def _with_presentation(device: Device, told: Presentation) -> Device:
    shown = {key: mode for key, mode in device.presentations.items() if key != told.instance}
    if told.sending_mode is not None:
        shown[told.instance] = told.sending_mode
    return altered(device, presentations=shown)
