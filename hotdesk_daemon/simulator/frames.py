"""
Frames that no device should send, for clients that must survive them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .faults import Fault

_HEAD = b'{"jsonrpc":"2.0","method":"xFeedback/Event","params":{"Id":0,'


def strange_frames(fault: Fault) -> Iterator[bytes]:
    """Yield the frames of one fault."""
    match fault.name:
        case "malformed_frame":
            yield b'{"jsonrpc":"2.0","method":"xFeedback/Event","params":{"Id":0,"Event":{"Bookings":'
        case "huge_frame":
            tail = b'"}}}}}'
            head = _HEAD + b'"Event":{"Bookings":{"Updated":{"Padding":"'
            yield head + b"x" * max(0, int(fault.number("size")) - len(head) - len(tail)) + tail
        case "null_frame":
            yield b"null"
            yield b'{"jsonrpc":"2.0","method":"xFeedback/Event","params":null}'
            yield _HEAD + b'"Status":null}}'
            yield _HEAD + b'"Event":{"Bookings":{"BookingCreated":null}}}}'
            yield _HEAD + b'"Event":{"Bookings":{"Start":{"Id":null,"MeetingId":null}}}}}'
        case "deep_frame":
            depth = int(fault.number("depth"))
            yield _HEAD + b'"Event":' + b'{"a":' * depth + b"{}" + b"}" * depth + b"}}"
        case _:
            return
