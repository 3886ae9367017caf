"""
The statuses and configurations a simulated desk device shows, with their values after start-up.

Names and defaults are those of the published RoomOS xAPI schema (26.4.1); which of the gated ones a device has
depends on its release.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.xapi.capabilities import Release, capabilities_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .tree import Path, Value

PERSONALIZED: Final[Path] = ("Webex", "DevicePersonalization", "Personalized")
SESSION_STATUS: Final[Path] = ("Webex", "DevicePersonalization", "Hotdesking", "SessionStatus")
AVAILABILITY: Final[Path] = ("Bookings", "Availability", "Status")
AVAILABILITY_TIME: Final[Path] = ("Bookings", "Availability", "TimeStamp")
CURRENT_ID: Final[Path] = ("Bookings", "Current", "Id")
ACTIVE_CALLS: Final[Path] = ("SystemUnit", "State", "NumberOfActiveCalls")
SYSTEM_STATE: Final[Path] = ("SystemUnit", "State", "System")
CAMERA_LID: Final[Path] = ("SystemUnit", "State", "CameraLid")
STANDBY: Final[Path] = ("Standby", "State")
PEOPLE_COUNT: Final[Path] = ("RoomAnalytics", "PeopleCount", "Current")
PRESENCE: Final[Path] = ("RoomAnalytics", "PeoplePresence")
ROOM_IN_USE: Final[Path] = ("RoomAnalytics", "RoomInUse")
TEAMS_IN_CALL: Final[Path] = ("MicrosoftTeams", "Calling", "InCall")
UPTIME: Final[Path] = ("SystemUnit", "Uptime")
SYSTEM_TIME: Final[Path] = ("Time", "SystemTime")

_STATUSES: Final[Mapping[Path, Value]] = {
    ("Audio", "Volume"): 50,
    AVAILABILITY: "Free",
    AVAILABILITY_TIME: "",
    CURRENT_ID: "",
    ("Conference", "DoNotDisturb"): "Inactive",
    ("Conference", "Presentation", "Mode"): "Off",
    TEAMS_IN_CALL: "False",
    ("MicrosoftTeams", "Pairing", "Active"): "False",
    ("MicrosoftTeams", "User", "SignedIn"): "False",
    ("RoomAnalytics", "Engagement", "CloseProximity"): "False",
    ("RoomAnalytics", "PeopleCount", "Capacity"): 1,
    PEOPLE_COUNT: 0,
    PRESENCE: "No",
    ROOM_IN_USE: "False",
    ("RoomAnalytics", "UltrasoundPresence"): "No",
    STANDBY: "Off",
    ("SystemUnit", "BroadcastName"): "Desk",
    ("SystemUnit", "ProductId"): "Cisco Desk Pro",
    ("SystemUnit", "ProductPlatform"): "Desk Pro",
    ("SystemUnit", "ProductType"): "Cisco Codec",
    ("SystemUnit", "Hardware", "Module", "SerialNumber"): "SIM00000000",
    ("SystemUnit", "Software", "DisplayName"): "RoomOS",
    ("SystemUnit", "Software", "Name"): "s53200",
    ("SystemUnit", "Software", "Version"): "",
    CAMERA_LID: "Open",
    ACTIVE_CALLS: 0,
    ("SystemUnit", "State", "NumberOfInProgressCalls"): 0,
    ("SystemUnit", "State", "NumberOfSuspendedCalls"): 0,
    ("SystemUnit", "State", "Subsystem", "Application"): "Initialized",
    SYSTEM_STATE: "Initialized",
    UPTIME: 0,
    SYSTEM_TIME: "",
    SESSION_STATUS: "Available",
    PERSONALIZED: "False",
    ("Webex", "Status"): "Registered",
}

CHECK_IN: Final[Path] = ("Bookings", "CheckIn", "Enabled")
CHECK_IN_WINDOW: Final[Path] = ("Bookings", "CheckIn", "WindowDuration")
AUTO_CHECK_IN: Final[Path] = ("Bookings", "CheckIn", "AutoCheckInDuration")
BOOKING_TIMEOUT: Final[Path] = ("Bookings", "AdhocBooking", "BookingTimeout")
TASK_SIGN_IN: Final[Path] = ("Webex", "DevicePersonalization", "TaskBasedSignIn")
COUNT_OUT_OF_CALL: Final[Path] = ("RoomAnalytics", "PeopleCountOutOfCall")

# Ad hoc booking and counting people outside calls are off when a device leaves the factory and on at these desks.
_CONFIGURATIONS: Final[Mapping[Path, Value]] = {
    ("Bookings", "AdhocBooking", "BookAhead", "Enabled"): "True",
    BOOKING_TIMEOUT: 60,
    ("Bookings", "AdhocBooking", "Enabled"): "True",
    ("Bookings", "AllowDecline"): "All",
    AUTO_CHECK_IN: 8,
    CHECK_IN: "False",
    CHECK_IN_WINDOW: "10",
    ("Bookings", "DeclinableBookingType"): "AdhocOnly",
    ("Bookings", "MaxDuration"): 0,
    ("NetworkServices", "HTTP", "Mode"): "HTTP+HTTPS",
    ("NetworkServices", "Websocket"): "FollowHTTPService",
    COUNT_OUT_OF_CALL: "On",
    ("RoomAnalytics", "PeoplePresenceDetector"): "On",
    ("RoomAnalytics", "RoomInUse", "InCall"): "Enabled",
    ("RoomAnalytics", "RoomInUse", "LocalUsage"): "Enabled",
    ("RoomCleanup", "AutoRun", "ContentType", "TemporaryAccounts"): "Daily",
    ("RoomCleanup", "AutoRun", "HourOfDay"): 0,
    ("SystemUnit", "Name"): "",
    ("Time", "Zone"): "Etc/UTC",
    TASK_SIGN_IN: "Off",
    ("Webex", "Hotdesking", "DefaultBookingEndTime"): 17,
    ("Webex", "Hotdesking", "UserAuthentication"): "Enabled",
}

# First release of each configuration that not every supported release has.
_SINCE: Final[Mapping[Path, str]] = {
    AUTO_CHECK_IN: "26.1",
    CHECK_IN: "11.15",
    CHECK_IN_WINDOW: "11.16",
    ("Bookings", "AllowDecline"): "11.16",
    ("Bookings", "AdhocBooking", "Enabled"): "11.17",
    BOOKING_TIMEOUT: "11.17",
    ("RoomAnalytics", "RoomInUse", "InCall"): "11.17",
    ("RoomAnalytics", "RoomInUse", "LocalUsage"): "11.17",
    ("Bookings", "MaxDuration"): "11.18",
    ("Bookings", "AdhocBooking", "BookAhead", "Enabled"): "11.23",
    ("Bookings", "DeclinableBookingType"): "11.23",
    TASK_SIGN_IN: "26.1",
    ("Webex", "Hotdesking", "DefaultBookingEndTime"): "10.19",
    ("Webex", "Hotdesking", "UserAuthentication"): "26.1",
}

# Literals with more than the values of their own kind (True/False, On/Off, Enabled/Disabled) and ranges of integers.
CHOICES: Final[Mapping[Path, tuple[Value, ...]]] = {
    ("Bookings", "AllowDecline"): ("All", "InsideOnly", "None"),
    CHECK_IN_WINDOW: ("5", "10", "15", "20", "30", "60"),
    ("Bookings", "DeclinableBookingType"): ("AdhocOnly", "All"),
    ("NetworkServices", "HTTP", "Mode"): ("HTTP+HTTPS", "HTTPS", "Off"),
    ("NetworkServices", "Websocket"): ("FollowHTTPService", "Off"),
    ("RoomCleanup", "AutoRun", "ContentType", "TemporaryAccounts"): ("Daily", "Off"),
}
RANGES: Final[Mapping[Path, tuple[int, int]]] = {
    AUTO_CHECK_IN: (8, 24),
    BOOKING_TIMEOUT: (60, 300),
    ("Bookings", "MaxDuration"): (0, 24),
    ("RoomCleanup", "AutoRun", "HourOfDay"): (0, 23),
    ("Webex", "Hotdesking", "DefaultBookingEndTime"): (0, 24),
}
_PAIRS: Final = (("False", "True"), ("Off", "On"), ("Disabled", "Enabled"))


@functools.cache
def base_statuses(release: Release) -> Mapping[Path, Value]:
    """Return the statuses of a device of *release* just after its start."""
    known = capabilities_of(release).statuses
    gated = {PERSONALIZED, SESSION_STATUS, AVAILABILITY, AVAILABILITY_TIME, ROOM_IN_USE}
    return {
        path: str(release) if path[-1] == "Version" else value
        for path, value in _STATUSES.items()
        if path not in gated or " ".join(map(str, path)) in known
    }


@functools.cache
def base_configurations(release: Release) -> Mapping[Path, Value]:
    """Return the configurations of a device of *release* as installed."""
    return {
        path: value
        for path, value in _CONFIGURATIONS.items()
        if path not in _SINCE or release >= Release.parse(_SINCE[path])
    }


def takes(path: Path, value: object) -> bool:
    """Whether the configuration at *path* may be set to *value*."""
    if path in CHOICES:
        return value in CHOICES[path]
    if path in RANGES:
        low, high = RANGES[path]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    for pair in _PAIRS:
        if _CONFIGURATIONS[path] in pair:
            return value in pair
    return isinstance(value, str)
