"""Waiting for what becomes of a booking: the stream says when to look, the booking says what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon.cli.door import API, Door, ServerEvent, part
from hotdesk_daemon.core.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECIDED: Final = frozenset({"created", "started", "ended", "failed", "deleted"})


def is_decided(booking: dict[str, Any]) -> bool:
    """Whether the calendar has answered and we do not mean to undo its answer."""
    settled: bool = booking["state"] in _DECIDED
    return settled and (booking["verdict"] != "rejected" or booking["state"] in {"ended", "failed", "deleted"})


def follow_booking(
    door: Door,
    events: Iterator[ServerEvent],
    booking: dict[str, Any],
    *,
    limit_s: float,
) -> Iterator[dict[str, Any]]:
    """
    The booking in each new state, the decided one last; *events* end after ``limit_s``.

    Raises:
        TransientError: It was still open then, or the stream broke.
    """
    for event in events:
        if event.name == "step" and not _concerns(event, booking["id"]):
            continue
        newer = door.get(f"{API}/bookings/{part(booking['id'])}")
        if newer["state"] != booking["state"]:
            yield newer
        booking = newer
        if is_decided(booking):
            return
    raise TransientError(f"{booking['id']} is still {booking['state']} after {limit_s:g} s; it may be decided later")


def _concerns(event: ServerEvent, booking_id: str) -> bool:
    return any(reason["booking"] == booking_id for reason in json.loads(event.data)["reasons"])
