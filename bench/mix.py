"""
What the devices of a measurement say: the notifications of desks in steady use.

One cycle of sixty stands for one booking, from the request on the screen to the end, and what the sensors tell
meanwhile. Booking events come far more often in it than in life, where a desk has a few bookings a day: they are the
costly ones. The cycle is consistent, so that nothing in it surprises the daemon into lists.

    22 PeopleCount          10 TimeRemaining        5 PeoplePresence       5 RoomInUse
     2 each of Standby, NumberOfActiveCalls, Personalized, SessionStatus, Availability, Bookings Current
     1 each of BookingRequested, BookingCreated, Start, BookingMoved, EndTimeBuffer, End
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

Tree = dict[str, Any]

CYCLE: Final = 60
#: A frame ends with when it was sent: the nanoseconds of the machine's monotonic clock, in this many digits.
STAMP_DIGITS: Final = 19
_STAMP: Final = b',"sent":'
_BASE_NS: Final = 10 ** (STAMP_DIGITS - 1)  # JSON has no leading zeros

#: What a device answers when it is asked what is.
STATUS: Final[Tree] = {
    "Bookings": {"Availability": {"Status": "Free", "TimeStamp": ""}, "Current": {"Id": ""}},
    "Webex": {"DevicePersonalization": {"Personalized": "False", "Hotdesking": {"SessionStatus": "Available"}}},
    "SystemUnit": {"State": {"NumberOfActiveCalls": 0, "System": "Initialized", "CameraLid": "Open"}},
    "Standby": {"State": "Off"},
    "RoomAnalytics": {"PeopleCount": {"Capacity": 1, "Current": 0}, "PeoplePresence": "No", "RoomInUse": "False"},
    "Conference": {"Presentation": {"Mode": "Off"}},
}


def frames(*, seed: int) -> Iterator[bytes]:
    """
    The notifications of one device for ever, each as a WebSocket frame that still lacks its stamp.

    Devices of different *seed* begin at different points of the cycle, so that bookings do not come in waves.
    """
    for params in notifications(seed=seed):
        payload = unstamped({"jsonrpc": "2.0", "method": "xFeedback/Event", "params": params})
        length = len(payload) + STAMP_DIGITS + 1
        header = bytes((0x81, length)) if length < 126 else b"\x81\x7e" + length.to_bytes(2, "big")  # RFC 6455, 5.2
        yield header + payload


def notifications(*, seed: int) -> Iterator[Tree]:
    """What `frames` says, whatever it is said with."""
    for count in range(seed * 7 % CYCLE):
        yield _people(count % 3)
    for number in itertools.count(seed * 1_000_000):
        yield from cycle(number, now=datetime.now(UTC))


def unstamped(message: Tree) -> bytes:
    """The JSON of *message* up to where its stamp belongs."""
    return msgspec.json.encode(message)[:-1] + _STAMP


def stamped(frame: bytes, now_ns: int) -> bytes:
    """*frame* as it is sent at *now_ns*."""
    return frame + b"%d}" % (_BASE_NS + now_ns)


def sent_ns(message: bytes) -> int | None:
    """When *message* was sent, if it is one of ours."""
    head = -STAMP_DIGITS - 1
    return int(message[head:-1]) - _BASE_NS if message[head - len(_STAMP) : head] == _STAMP else None


def bookings_list(now: datetime) -> Tree:
    """The answer to `Bookings List` of a desk with three bookings later today."""
    rows = [_listed(number, start=now + timedelta(hours=2 * number)) for number in (1, 2, 3)]
    return {"status": "OK", "ResultInfo": {"TotalRows": len(rows)}, "Booking": rows}


def cycle(number: int, *, now: datetime) -> Iterator[Tree]:
    """One booking from request to end, with the sensors between its events."""
    meeting, start = f"7b1fb0a4-0000-4000-8000-{number:012d}", now.replace(microsecond=0)
    ids = {"MeetingId": meeting, "Id": f"webex-{number}"}
    wanted = {"BookingRequestUUID": f"5d0e8a40-0000-4000-8000-{number:012d}", "Title": "Desk"}
    times = {"StartTime": f"{start:%Y-%m-%dT%H:%M:%SZ}", "Duration": 60}
    end = f"{start + timedelta(minutes=90):%Y-%m-%dT%H:%M:%SZ}"
    organizer = {"OrganizerName": "Person", "OrganizerEmail": "person@example.com", "OrganizerId": ""}
    counts = itertools.cycle((1, 2, 1, 3, 2))
    yield _event("BookingRequested", {**wanted, **times})
    yield _event("BookingCreated", {**ids, **wanted, **times, **organizer})
    yield _status("Bookings", {"Availability": {"Status": "BookedUntil", "TimeStamp": end}})
    yield _event("Start", ids)
    yield _status("Bookings", {"Current": {"Id": ids["Id"]}})
    yield _status("Webex", {"DevicePersonalization": {"Hotdesking": {"SessionStatus": "Reserved"}}})
    yield _status("Webex", {"DevicePersonalization": {"Personalized": "True"}})
    yield _status("SystemUnit", {"State": {"NumberOfActiveCalls": 1}})
    for part in range(10):
        yield _event("TimeRemaining", {**ids, "Seconds": 3600 - 60 * part})
        yield _people(next(counts))
        yield _people(next(counts))
        if part % 2:
            yield _status("RoomAnalytics", {"PeoplePresence": "No" if part == 9 else "Yes"})
        else:
            yield _status("RoomAnalytics", {"RoomInUse": "False" if part == 8 else "True"})
        if part == 5:
            yield _event("BookingMoved", {**ids, **times, "Duration": 90})
    yield _status("SystemUnit", {"State": {"NumberOfActiveCalls": 0}})
    yield _status("Standby", {"State": "Halfwake"})
    yield _event("EndTimeBuffer", ids)
    yield _event("End", {**ids, "StartTime": times["StartTime"], "EndTime": end, "ScheduledDuration": 90})
    yield _status("Webex", {"DevicePersonalization": {"Personalized": "False"}})
    yield _status("Webex", {"DevicePersonalization": {"Hotdesking": {"SessionStatus": "Available"}}})
    yield _status("Bookings", {"Current": {"Id": ""}})
    yield _status("Bookings", {"Availability": {"Status": "Free", "TimeStamp": ""}})
    yield _people(1)
    yield _people(0)
    yield _status("Standby", {"State": "Off"})


def _event(name: str, members: Tree) -> Tree:
    return {"Id": 0, "Event": {"Bookings": {name: members}}}


def _status(group: str, tree: Tree) -> Tree:
    return {"Id": 1, "Status": {group: tree}}


def _people(count: int) -> Tree:
    return _status("RoomAnalytics", {"PeopleCount": {"Current": count}})


def _listed(number: int, *, start: datetime) -> Tree:
    meeting = f"11111111-0000-4000-8000-{number:012d}"
    return {
        "id": number,
        "Id": f"webex-{900 + number}",
        "MeetingId": meeting,
        "Title": "Desk",
        "Organizer": {"FirstName": "Person", "LastName": "", "Email": "", "Id": ""},
        "Time": {
            "StartTime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "StartTimeBuffer": 300,
            "EndTime": f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "EndTimeBuffer": 0,
        },
    }
