"""
Bookings as `Bookings List` and `Bookings Get` show them.

The shape, member order and oddities are those of real replies: on a hybrid calendar the organizer's whole name stands
in `FirstName` and there is no address; a running call of a space is listed like a booking; an empty list has no
`Booking`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from .agenda import START_BUFFER_S
from .entries import Entry, Person, render_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .tree import Json

_WEBEX: Final[Mapping[str, Json]] = {
    "DialInNumbers": {},
    "Enabled": "False",
    "HostKey": "",
    "MeetingNumber": "",
    "Password": "",
    "Url": "",
}
_SPACE_CALL: Final = timedelta(hours=25)
_PROTOCOLS: Final[Mapping[str, str]] = {"GoogleMeet": "WebRTC", "MicrosoftTeams": "WebRTC"}


def render_booking(entry: Entry, *, device_id: str, row: int, hybrid: bool) -> dict[str, Json]:
    """Write one booking as an element of a list."""
    booking: dict[str, Json] = {
        "Agenda": "",
        "BookingStatus": "OK",
        "BookingStatusMessage": "",
        "Cancellable": "True" if entry.ad_hoc else "False",
        "DialInfo": {"Calls": _calls(entry), "ConnectMode": "OBTP" if entry.number else "Manual"},
        "Encryption": "BestEffort",
        "Id": device_id,
        "MaximumMeetingExtension": 30,
        "MeetingExtensionAvailability": "Guaranteed",
        "MeetingId": entry.meeting_id,
    }
    if entry.platform:
        booking["MeetingPlatform"] = entry.platform
    booking |= {
        "Organizer": _organizer(entry.organizer, hybrid=hybrid),
        "Privacy": "Private" if hybrid else "Public",
        "Recording": "Disabled",
    }
    if hybrid:
        booking["Spark"] = _spark("Scheduled")
    booking["Time"] = _time(entry)
    booking["Title"] = entry.title
    if hybrid:
        booking["Webex"] = dict(_WEBEX)
    booking["id"] = row
    return booking


def render_space_call(began: datetime, *, device_id: str, row: int, name: str) -> dict[str, Json]:
    """Write a running call of a space, which is listed like a booking and is none."""
    entry = Entry(
        key=0,
        meeting_id="",
        title=name,
        start=began,
        duration_min=int(_SPACE_CALL / timedelta(minutes=1)),
        organizer=Person(email="", name=name),
        number="00000000-0000-4000-8000-000000000000",
        protocol="Spark",
    )
    return render_booking(entry, device_id=device_id, row=row, hybrid=True) | {"Spark": _spark("Adhoc")}


def _calls(entry: Entry) -> Json:
    if not entry.number:
        return {}
    protocol = entry.protocol or _PROTOCOLS.get(entry.platform, "SIP")
    return {"Call": [{"Number": entry.number, "Protocol": protocol, "id": 1}]}


def _organizer(person: Person, *, hybrid: bool) -> Json:
    email = "" if hybrid else person.email
    return {"Email": email, "FirstName": person.name, "Id": person.id, "LastName": ""}


def _spark(kind: str) -> Json:
    scheduled = kind == "Scheduled"
    return {
        "Alert": "True" if scheduled else "False",
        "LocusActive": "False" if scheduled else "True",
        "MeetingType": kind,
        "Participants": {},
        "Pending": "False",
    }


def _time(entry: Entry) -> dict[str, Json]:
    return {
        "EndTime": render_time(entry.end),
        "EndTimeBuffer": entry.end_buffer_s,
        "StartTime": render_time(entry.start),
        "StartTimeBuffer": START_BUFFER_S,
    }


def with_seconds(booking: dict[str, Json], entry: Entry, now: datetime) -> dict[str, Json]:
    """Add what `Get` tells beyond `List`."""
    until_start = int((entry.start - now).total_seconds())
    seconds: dict[str, Json] = {
        "SecondsUntilStart": max(0, until_start),
        "SecondsSinceStart": max(0, -until_start),
        "SecondsUntilEnd": max(0, int((entry.end - now).total_seconds())),
    }
    return booking | {"Time": _time(entry) | seconds}


def select(entries: Iterable[Entry], params: Mapping[str, Json], now: datetime) -> list[Entry]:
    """
    Return the entries `Bookings List` was asked for, before paging.

    Without `DayOffset` and `Days` that is everything, past included; `DayOffset` alone leaves out the days before.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    chosen = list(entries)
    offset, days = params.get("DayOffset"), params.get("Days")
    if isinstance(offset, int) or isinstance(days, int):
        first = today + timedelta(days=offset if isinstance(offset, int) else 0)
        chosen = [entry for entry in chosen if entry.end > first]
        if isinstance(days, int):
            last = first + timedelta(days=days)
            chosen = [entry for entry in chosen if entry.start < last]
    match params.get("ScheduleType"):
        case "Current":
            chosen = [entry for entry in chosen if entry.runs_at(now)]
        case "Upcoming":
            chosen = [entry for entry in chosen if entry.start > now]
        case _:
            pass
    return chosen


def page(rows: Sequence[dict[str, Json]], params: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """Write the reply to `Bookings List`; `TotalRows` counts all rows that match, not those on the page."""
    limit, offset = params.get("Limit"), params.get("Offset")
    begin = offset if isinstance(offset, int) else 0
    shown = rows[begin : begin + limit] if isinstance(limit, int) else rows[begin:]
    reply: dict[str, Json] = {}
    if shown:
        reply["Booking"] = list(shown)
        reply["LastUpdated"] = render_time(now)
    return reply | {"ResultInfo": {"TotalRows": len(rows)}, "status": "OK"}
