"""
What a device of a release can say and be told.

Source: the RoomOS xAPI schema files from 9.15.17.4 to 26.4.1. A release that is not among them counts as the
newest known one before it. Two files (9.15.17.4, 11.26.1) were published without events: 11.26 counts as
11.24 there, and 9.15 as having none, so nothing may be concluded from the absence of an event there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import attrs

from hotdesk_daemon.xapi.releases import Release, release_of
from hotdesk_daemon.xapi.valuespaces import COMMANDS

__all__ = [
    "EVENTS",
    "STATUSES",
    "Capabilities",
    "EventMember",
    "EventSpec",
    "Release",
    "StatusSpec",
    "capabilities_of",
    "release_of",
]

_R9_15 = Release.of(9, 15)
_R10_19 = Release.of(10, 19)
_R11_14 = Release.of(11, 14)
_R11_18 = Release.of(11, 18)
_R11_19 = Release.of(11, 19)
_R11_23 = Release.of(11, 23)
_R11_24 = Release.of(11, 24)
_R11_27 = Release.of(11, 27)
_R26_1 = Release.of(26, 1)

#: Why a booking, an edit or an extension failed, as devices say it.
FAILURE_CAUSES: Final = ("Timeout", "Decline", "ConfigError", "HttpError", "KmsError")


@attrs.frozen(kw_only=True)
class EventMember:
    """A member of an event: ``since``/``until`` where it is not as old as the event."""

    name: str
    required: bool = True
    integer: bool = False
    since: Release | None = None
    until: Release | None = None

    def exists(self, release: Release) -> bool:
        """Whether a device with *release*, which has the event, sends the member."""
        return (self.since is None or self.since <= release) and (self.until is None or release < self.until)


@attrs.frozen(kw_only=True)
class EventSpec:
    """An event with its members in the schema's order."""

    path: str
    since: Release
    members: tuple[EventMember, ...] = ()


@attrs.frozen(kw_only=True)
class StatusSpec:
    """A status; ``values`` are the words of a literal, empty for free text and numbers."""

    path: str
    since: Release
    integer: bool = False
    values: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Capabilities:
    """What one release has: paths with blanks, ``[n]`` behind what is a list."""

    release: Release | None
    commands: frozenset[str]
    events: frozenset[str]
    statuses: frozenset[str]
    event_members: Mapping[str, frozenset[str]]
    delete_causes: tuple[str, ...]


def _text(name: str, *, required: bool = True, since: Release | None = None) -> EventMember:
    return EventMember(name=name, required=required, since=since)


def _number(name: str, *, since: Release | None = None) -> EventMember:
    return EventMember(name=name, integer=True, since=since)


def _event(name: str, since: Release, *members: EventMember) -> EventSpec:
    return EventSpec(path=f"Bookings {name}", since=since, members=members)


_ID = _text("Id")
_MEETING_ID = _text("MeetingId", required=False, since=_R11_23)
_START = _text("StartTime")
_START_LATER = _text("StartTime", since=_R11_23)
_END_LATER = _text("EndTime", since=_R11_23)
_SCHEDULED = _number("ScheduledDuration", since=_R11_23)
_DURATION = _number("Duration")
_CAUSE = _text("FailureCause")

#: The events below ``Event Bookings`` by their path.
EVENTS: Final[Mapping[str, EventSpec]] = MappingProxyType(
    {
        spec.path: spec
        for spec in (
            _event(
                "BookingRequested",
                _R10_19,
                _text("BookingRequestUUID", required=False),
                _text("Title"),
                _START,
                _DURATION,
            ),
            _event(
                "BookingCreated",
                _R11_23,
                _text("BookingRequestUUID", required=False),
                _text("MeetingId"),
                _ID,
                _text("Title"),
                _START,
                _DURATION,
                _text("OrganizerName", required=False),
                _text("OrganizerEmail", required=False),
                _text("OrganizerId", required=False),
            ),
            _event("BookingFailed", _R11_23, _text("BookingRequestUUID"), _CAUSE),
            _event("BookingMoved", _R11_24, _ID, _text("MeetingId", required=False), _START, _DURATION),
            _event(
                "EditRequested",
                _R11_18,
                EventMember(name="Id", until=_R11_23),
                _text("MeetingId", since=_R11_23),
            ),
            _event("EditFailed", _R26_1, _text("MeetingId"), _CAUSE),
            _event(
                "ExtensionRequested",
                _R10_19,
                _text("Id", required=False, since=_R11_23),
                _MEETING_ID,
                _text("OriginalMeetingId", required=False),  # required before 11.23
                _DURATION,
                _text("NewEndTime"),
            ),
            _event("ExtensionFailed", _R11_23, _text("OriginalMeetingId"), _text("ExtensionStart"), _CAUSE),
            _event("Start", _R10_19, _ID, _MEETING_ID),
            _event("StartTimeBuffer", _R10_19, _ID, _MEETING_ID),
            _event("EndTimeBuffer", _R10_19, _ID, _MEETING_ID),
            _event("End", _R10_19, _ID, _MEETING_ID, _START_LATER, _END_LATER, _SCHEDULED),
            _event(
                "CheckedIn",
                _R11_19,
                _ID,
                _MEETING_ID,
                _START_LATER,
                _END_LATER,
                _number("MinuteOffset", since=_R11_23),
            ),
            _event(
                "Deleted",
                _R11_14,
                _ID,
                _MEETING_ID,
                _text("OrganizerId"),
                _START,
                _text("EndTime"),
                _text("TimeStamp"),
                _SCHEDULED,
                _number("MinutesFreed", since=_R11_23),
                _text("Cause"),
            ),
            _event("TimeRemaining", _R10_19, _ID, _MEETING_ID, _number("Seconds")),
            # Id was required before 11.23.
            _event("NotificationSnoozed", _R10_19, _text("Id", required=False), _MEETING_ID),
            _event("SyncRequired", _R11_24),
            _event("Updated", _R10_19),
        )
    }
)

#: The mirrored statuses, and the few others that the simulated devices need, by their path.
STATUSES: Final[Mapping[str, StatusSpec]] = MappingProxyType(
    {
        spec.path: spec
        for spec in (
            StatusSpec(
                path="Bookings Availability Status",
                since=_R10_19,
                values=("Free", "FreeUntil", "BookedUntil"),
            ),
            StatusSpec(path="Bookings Availability TimeStamp", since=_R10_19),
            StatusSpec(path="Bookings Current Id", since=_R9_15),
            StatusSpec(
                path="Webex DevicePersonalization Hotdesking SessionStatus",
                since=_R10_19,
                values=("Available", "Reserved"),
            ),
            StatusSpec(path="Webex DevicePersonalization Personalized", since=_R11_23, values=("True", "False")),
            StatusSpec(path="SystemUnit State NumberOfActiveCalls", since=_R9_15, integer=True),
            StatusSpec(path="SystemUnit State NumberOfInProgressCalls", since=_R9_15, integer=True),
            StatusSpec(path="SystemUnit State NumberOfSuspendedCalls", since=_R9_15, integer=True),
            StatusSpec(path="SystemUnit State CameraLid", since=_R9_15, values=("Closed", "Open")),
            StatusSpec(
                path="SystemUnit State System",
                since=_R11_14,
                values=("InCall", "Initialized", "Initializing", "Multisite", "Sleeping"),
            ),
            StatusSpec(path="SystemUnit Software Version", since=_R9_15),
            StatusSpec(path="Standby State", since=_R9_15, values=("Standby", "EnteringStandby", "Halfwake", "Off")),
            StatusSpec(path="RoomAnalytics PeopleCount Current", since=_R9_15, integer=True),
            StatusSpec(path="RoomAnalytics PeopleCount Capacity", since=_R10_19, integer=True),
            StatusSpec(path="RoomAnalytics PeoplePresence", since=_R9_15, values=("Yes", "No", "Unknown")),
            StatusSpec(path="RoomAnalytics RoomInUse", since=_R11_14, values=("True", "False")),
            StatusSpec(
                path="Conference Presentation LocalInstance[n] SendingMode",
                since=_R9_15,
                values=("LocalOnly", "LocalRemote", "Off"),
            ),
            StatusSpec(path="MicrosoftTeams Calling InCall", since=_R11_14, values=("True", "False")),
        )
    }
)

_CAUSES = ("ManualCheckOut", "NoShow", "Deleted")
_HOTDESK_CAUSES = ("HotdeskSignout", "HotdeskOrganizerNotFoundInOrg")
_NEWEST = Release.of(26, 4, 1)


@lru_cache(maxsize=256)
def capabilities_of(release: Release | None, *, teams: bool = False) -> Capabilities:
    """
    What a device with *release* has; None means that the release is not known and counts as the newest.

    *teams* is whether the device runs in Microsoft Teams mode, where several commands are missing.
    """
    known = _NEWEST if release is None else release
    events = {path: spec for path, spec in EVENTS.items() if spec.since <= known}
    members = {
        path: frozenset(member.name for member in spec.members if member.exists(known)) for path, spec in events.items()
    }
    return Capabilities(
        release=release,
        commands=frozenset(path for path, spec in COMMANDS.items() if spec.exists(release, teams=teams)),
        events=frozenset(events),
        statuses=frozenset(path for path, spec in STATUSES.items() if spec.since <= known),
        event_members=MappingProxyType(members),
        delete_causes=_CAUSES if known < _R11_27 else _CAUSES + _HOTDESK_CAUSES,
    )
