"""
``xFeedback/Event`` to inputs. This is the hot path: a typical event takes two decodes and one object.

Nothing here raises: what cannot be understood becomes an `Undecodable` input, and what is not mirrored nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Raw, Struct

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.inputs import Input, Undecodable
from hotdesk_daemon.xapi.events import parse_event
from hotdesk_daemon.xapi.statuses import MIRRORED_STATUS_PATHS, parse_status, read_statuses

if TYPE_CHECKING:
    from hotdesk_daemon.core.ids import DeviceId

__all__ = ["MIRRORED_STATUS_PATHS", "SUBSCRIPTIONS", "parse_feedback", "parse_status"]

#: What a session subscribes to: few parents, for devices limit the number of subscriptions, not their width.
SUBSCRIPTIONS: Final = (("Event", "Bookings"), *MIRRORED_STATUS_PATHS)


class _Event(Struct, gc=False):
    Bookings: dict[str, Raw] | None = None


class _Params(Struct, gc=False):
    Event: _Event | None = None
    Status: dict[str, object] | None = None


_DECODE: Final = msgspec.json.Decoder(_Params).decode


def parse_feedback(params: bytes | Raw, *, device: DeviceId, raw: bytes) -> tuple[Input, ...]:
    """
    The inputs that one notification is: mostly one, none when nothing in it is mirrored.

    Args:
        params: the notification's ``params``, as JSON.
        device: who sent it.
        raw: the whole frame. The caller keeps it beside an `Undecodable`, whose text only tells its size.
    """
    found: list[Input] = []
    try:
        content = _DECODE(params)
        if content.Event is not None and content.Event.Bookings is not None:
            _read_events(content.Event.Bookings, device, raw, found)
        if content.Status is not None:
            read_statuses(device, content.Status, found)
    except (ProtocolError, msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        found.append(_undecodable(device, exc, raw))
    return tuple(found)


def _read_events(events: dict[str, Raw], device: DeviceId, raw: bytes, found: list[Input]) -> None:
    for name, body in events.items():
        try:
            found.append(parse_event(name, body, device=device))
        except (ProtocolError, msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            # A stray lower-case member of the group, such as "id", is no event.
            if name[:1].isupper():
                found.append(_undecodable(device, exc, raw, event=name[:64]))


def _undecodable(device: DeviceId, exc: Exception, raw: bytes, *, event: str | None = None) -> Undecodable:
    where = "notification" if event is None else f"event Bookings {event}"
    return Undecodable(device=device, error=f"{where} in a frame of {len(raw)} bytes: {exc}")
