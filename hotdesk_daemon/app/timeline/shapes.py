"""A timeline as JSON: what the picture is drawn from."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from hotdesk_daemon.app.timeline.tracks import BookingBar, Timeline


def to_json(timeline: Timeline) -> str:
    """One document in one line; times are RFC 3339 in UTC."""
    return msgspec.json.encode(
        {
            "desk": timeline.desk,
            "time_zone": getattr(timeline.zone, "key", None) or timeline.since.astimezone(timeline.zone).tzname(),
            "since": timeline.since.astimezone(UTC),
            "until": timeline.until.astimezone(UTC),
            "known_since": timeline.known_since.astimezone(UTC),
            "known_until": timeline.known_until.astimezone(UTC),
            "inputs": timeline.inputs,
            "bookings": [_booking(bar) for bar in timeline.bookings],
            "bookings_for_other_times": timeline.elsewhen,
            "tracks": timeline.tracks,
            "commands": timeline.commands,
            "starts": timeline.starts,
            "notes": timeline.notes,
        }
    ).decode()


def _booking(bar: BookingBar) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.to_builtins(bar)
    members["end"] = bar.end
    members["earlier"] = [{"start": start, "duration_min": minutes} for start, minutes in bar.earlier]
    return members
