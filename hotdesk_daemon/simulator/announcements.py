"""
The fields of booking events, as far as a device's release has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.xapi.capabilities import EVENTS

from .entries import render_time

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.xapi.capabilities import Capabilities

    from .entries import Entry
    from .tree import Json


def booking_fields(entry: Entry, *, device_id: str, now: datetime, hybrid: bool) -> dict[str, Json]:
    """Return everything a booking event may tell about *entry*."""
    organizer = entry.organizer
    freed = (entry.end - max(now, entry.start)).total_seconds() // 60
    fields: dict[str, Json] = {
        "Id": device_id,
        "MeetingId": entry.meeting_id,
        "OriginalMeetingId": entry.meeting_id,
        "Title": entry.title,
        "StartTime": render_time(entry.start),
        "EndTime": render_time(entry.end),
        "Duration": entry.duration_min,
        "ScheduledDuration": entry.duration_min,
        "MinutesFreed": max(0, min(entry.duration_min, int(freed))),
        "MinuteOffset": int((now - entry.start).total_seconds() // 60),
        "TimeStamp": render_time(now),
        "OrganizerId": organizer.id if hybrid or organizer.id else "",
    }
    optional = {
        "BookingRequestUUID": entry.request_uuid,
        "OrganizerName": organizer.name,
        "OrganizerEmail": organizer.email,
    }
    return fields | {name: value for name, value in optional.items() if value}


def fit(name: str, fields: dict[str, Json], capabilities: Capabilities, *, lean: bool) -> dict[str, Json] | None:
    """
    Return the fields that event *name* has on this release, None when the release lacks the event.

    *lean* leaves out the MeetingId where the schema does not require it.
    """
    path = f"Bookings {name}"
    if path not in capabilities.events:
        return None
    members = capabilities.event_members[path]
    spec = EVENTS[path]
    dropped = {one.name for one in spec.members if lean and one.name == "MeetingId" and not one.required}
    chosen = {
        one.name: fields[one.name]
        for one in spec.members
        if one.name in members and one.name in fields and one.name not in dropped
    }
    if chosen.get("Cause", "Deleted") not in capabilities.delete_causes:
        chosen["Cause"] = "Deleted"
    return chosen
