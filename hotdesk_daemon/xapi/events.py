"""
The events below ``Event Bookings`` to inputs, each in its own shape.

The ids are read alike for all of them, for releases and calendar kinds differ in which they send. Required members
of a shape are those without which its input would say nothing; what the schema requires beyond differs by release.
What is there must be readable, except that words which nobody knows are kept, and ids may be numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from hotdesk_daemon.core import inputs
from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.xapi.leaves import read_integer, require_object, unwrapped
from hotdesk_daemon.xapi.times import parse_instant

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.core.inputs import Input

_LARGEST: Final = 1_000_000  # minutes or seconds: nearly two years of the one, eleven days of the other
_Amount = Annotated[int, Meta(ge=0, le=_LARGEST)]
_Offset = Annotated[int, Meta(ge=-_LARGEST, le=_LARGEST)]
_UNKNOWN: Final = "unknown"


def _said(text: str) -> str | None:
    """*text*, unless it is blank: devices write an empty string for what they do not know."""
    return text if text and not text.isspace() else None


def _instant(text: str) -> datetime | None:
    said = _said(text)
    return None if said is None else parse_instant(said)


class _Shape(Struct, gc=False, rename="pascal"):
    """The members of one event by their names in the schema; no other members are looked at."""

    booking_request_uuid: str = msgspec.field(default="", name="BookingRequestUUID")
    meeting_id: str = ""
    id: str = ""

    def to_input(self, device: DeviceId) -> Input:
        """The input that the event is; raises `ProtocolError` when its members say no such thing."""
        raise NotImplementedError


class _BookingRequested(_Shape, kw_only=True):
    start_time: str
    duration: _Amount
    title: str = ""

    def to_input(self, device: DeviceId) -> Input:
        return inputs.BookingRequested(
            device=device,
            booking_request_uuid=_said(self.booking_request_uuid),
            meeting_id=_said(self.meeting_id),
            id=_said(self.id),
            start=parse_instant(self.start_time),
            duration_min=self.duration,
            title=self.title,
        )


class _BookingCreated(_Shape, kw_only=True):
    start_time: str
    duration: _Amount
    title: str = ""
    organizer_name: str = ""
    organizer_email: str = ""
    organizer_id: str = ""

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.BookingCreated(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.meeting_id),
                id=_said(self.id),
                start=parse_instant(self.start_time),
                duration_min=self.duration,
                title=self.title,
                organizer_name=_said(self.organizer_name),
                organizer_email=_said(self.organizer_email),
                organizer_id=_said(self.organizer_id),
            )
        )


class _BookingFailed(_Shape, kw_only=True):
    failure_cause: str = ""

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.BookingFailed(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.meeting_id),
                id=_said(self.id),
                failure_cause=_said(self.failure_cause) or _UNKNOWN,
            )
        )


class _BookingMoved(_Shape, kw_only=True):
    start_time: str
    duration: _Amount

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.BookingMoved(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.meeting_id),
                id=_said(self.id),
                start=parse_instant(self.start_time),
                duration_min=self.duration,
            )
        )


class _EditFailed(_Shape, kw_only=True):
    failure_cause: str = ""

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.EditFailed(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.meeting_id),
                id=_said(self.id),
                failure_cause=_said(self.failure_cause) or _UNKNOWN,
            )
        )


class _ExtensionRequested(_Shape, kw_only=True):
    # Every id is optional here from 11.23 on, so nothing is demanded of them.
    new_end_time: str
    duration: _Amount | None = None
    original_meeting_id: str = ""

    def to_input(self, device: DeviceId) -> Input:
        return inputs.ExtensionRequested(
            device=device,
            booking_request_uuid=_said(self.booking_request_uuid),
            meeting_id=_said(self.meeting_id),
            id=_said(self.id),
            new_end=parse_instant(self.new_end_time),
            duration_min=self.duration,
            original_meeting_id=_said(self.original_meeting_id),
        )


class _ExtensionFailed(_Shape, kw_only=True):
    original_meeting_id: str = ""
    extension_start: str = ""
    failure_cause: str = ""

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.ExtensionFailed(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.original_meeting_id) or _said(self.meeting_id),
                id=_said(self.id),
                failure_cause=_said(self.failure_cause) or _UNKNOWN,
                extension_start=_instant(self.extension_start),
            )
        )


class _End(_Shape, kw_only=True):
    start_time: str = ""
    end_time: str = ""
    scheduled_duration: _Amount | None = None

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.End(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.meeting_id),
                id=_said(self.id),
                start=_instant(self.start_time),
                end=_instant(self.end_time),
                scheduled_duration_min=self.scheduled_duration,
            )
        )


class _CheckedIn(_Shape, kw_only=True):
    start_time: str = ""
    end_time: str = ""
    minute_offset: _Offset | None = None

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.CheckedIn(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.meeting_id),
                id=_said(self.id),
                start=_instant(self.start_time),
                end=_instant(self.end_time),
                minute_offset=self.minute_offset,
            )
        )


class _Deleted(_Shape, kw_only=True):
    cause: str = ""
    organizer_id: str = ""
    start_time: str = ""
    end_time: str = ""
    time_stamp: str = ""
    scheduled_duration: _Amount | None = None
    minutes_freed: _Offset | None = None

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.Deleted(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.meeting_id),
                id=_said(self.id),
                cause=_said(self.cause) or _UNKNOWN,
                organizer_id=_said(self.organizer_id),
                start=_instant(self.start_time),
                end=_instant(self.end_time),
                timestamp=_instant(self.time_stamp),
                scheduled_duration_min=self.scheduled_duration,
                minutes_freed=self.minutes_freed,
            )
        )


class _TimeRemaining(_Shape, kw_only=True):
    seconds: _Amount

    def to_input(self, device: DeviceId) -> Input:
        return _identified(
            inputs.TimeRemaining(
                device=device,
                booking_request_uuid=_said(self.booking_request_uuid),
                meeting_id=_said(self.meeting_id),
                id=_said(self.id),
                seconds=self.seconds,
            )
        )


class _Plain(_Shape):
    """An event that carries ids only; each of its subclasses names its input."""

    def bare(self, kind: type[inputs.BookingEvent], device: DeviceId) -> inputs.BookingEvent:
        return kind(
            device=device,
            booking_request_uuid=_said(self.booking_request_uuid),
            meeting_id=_said(self.meeting_id),
            id=_said(self.id),
        )


class _EditRequested(_Plain):
    def to_input(self, device: DeviceId) -> Input:
        return _identified(self.bare(inputs.EditRequested, device))


class _Start(_Plain):
    def to_input(self, device: DeviceId) -> Input:
        return _identified(self.bare(inputs.Start, device))


class _StartTimeBuffer(_Plain):
    def to_input(self, device: DeviceId) -> Input:
        return _identified(self.bare(inputs.StartTimeBuffer, device))


class _EndTimeBuffer(_Plain):
    def to_input(self, device: DeviceId) -> Input:
        return _identified(self.bare(inputs.EndTimeBuffer, device))


class _NotificationSnoozed(_Plain):
    # All its ids are optional from 11.23 on.
    def to_input(self, device: DeviceId) -> Input:
        return self.bare(inputs.NotificationSnoozed, device)


class _SyncRequired(Struct):
    """No member is looked at."""

    def to_input(self, device: DeviceId) -> Input:
        return inputs.SyncRequired(device=device)


class _Updated(Struct):
    """No member is looked at."""

    def to_input(self, device: DeviceId) -> Input:
        return inputs.Updated(device=device)


def _identified(event: inputs.BookingEvent) -> Input:
    if event.meeting_id is None and event.id is None and event.booking_request_uuid is None:
        raise ProtocolError("no booking is named")
    return event


_AnyShape = _Shape | _SyncRequired | _Updated
_Decode = Callable[[Raw], _AnyShape]

_SHAPES: Final[dict[str, type[_AnyShape]]] = {
    "BookingRequested": _BookingRequested,
    "BookingCreated": _BookingCreated,
    "BookingFailed": _BookingFailed,
    "BookingMoved": _BookingMoved,
    "EditRequested": _EditRequested,
    "EditFailed": _EditFailed,
    "ExtensionRequested": _ExtensionRequested,
    "ExtensionFailed": _ExtensionFailed,
    "Start": _Start,
    "End": _End,
    "StartTimeBuffer": _StartTimeBuffer,
    "EndTimeBuffer": _EndTimeBuffer,
    "CheckedIn": _CheckedIn,
    "Deleted": _Deleted,
    "TimeRemaining": _TimeRemaining,
    "NotificationSnoozed": _NotificationSnoozed,
    "SyncRequired": _SyncRequired,
    "Updated": _Updated,
}
_DECODERS: Final[dict[str, _Decode]] = {name: msgspec.json.Decoder(shape).decode for name, shape in _SHAPES.items()}
_DECODE_ANY: Final = msgspec.json.Decoder().decode
_INTEGERS: Final = frozenset({"Duration", "ScheduledDuration", "MinutesFreed", "MinuteOffset", "Seconds"})


def parse_event(name: str, body: Raw, *, device: DeviceId) -> Input:
    """
    The input that the event ``Event Bookings <name>`` is.

    Raises:
        ProtocolError: when there is no such event or its members cannot be understood.
        msgspec.MsgspecError, UnicodeError, RecursionError: when *body* is no JSON after all.
    """
    decode = _DECODERS.get(name)
    if decode is None:
        raise ProtocolError(f"unknown event Bookings {name[:64]}")
    try:
        shape = decode(body)
    except msgspec.ValidationError:
        shape = _tolerantly(_SHAPES[name], _DECODE_ANY(body))
    return shape.to_input(device)


def _tolerantly(shape: type[_AnyShape], body: object) -> _AnyShape:
    """*body* read once more, slowly: numbers as strings, ids as numbers, wrapped leaves, nulls for nothing."""
    if not issubclass(shape, _Shape):
        return shape()
    members: dict[str, object] = {}
    for name, wrapped in require_object(body, what="the event").items():
        value = unwrapped(wrapped)
        if value is None or (value == "" and name in _INTEGERS):
            continue
        if name in _INTEGERS:
            value = read_integer(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        members[name] = value
    return msgspec.convert(members, shape)
