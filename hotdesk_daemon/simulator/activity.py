"""
What goes on at one desk besides bookings: calls, sharing, people before the camera, standby.

The statuses follow the published schema: -1 people means *not known*, presence says "No" a while after the last person
left, and a Teams device counts its calls elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from .statuses import (
    ACTIVE_CALLS,
    CAMERA_LID,
    COUNT_OUT_OF_CALL,
    PEOPLE_COUNT,
    PRESENCE,
    ROOM_IN_USE,
    STANDBY,
    SYSTEM_STATE,
    TEAMS_IN_CALL,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from .faults import FaultBoard
    from .schedule import Appointment, Schedule
    from .tree import Json, Path, Tree, Value

ABSENCE_S: Final = 120.0
"""How long after the last person left the device says so."""


class ActivityDevice(Protocol):
    """The device, as its activity sees it."""

    configurations: Tree
    schedule: Schedule
    faults: FaultBoard

    def now(self) -> datetime:
        """Return the time by the device's clock."""
        ...

    def show(self, leaves: Mapping[Path, Value]) -> None:
        """Set statuses and announce what changed."""
        ...

    def hide(self, element: Path) -> None:
        """Take an element off a list and announce its ghost."""
        ...

    def tell(self, path: Path, fields: Mapping[str, Json]) -> None:
        """Announce an event."""
        ...


class Activity:
    """Calls, sharing, people and standby of one device."""

    def __init__(self, device: ActivityDevice) -> None:
        self._device = device
        self.people = 0
        self.call: int | None = None
        self.call_began: datetime | None = None
        self.call_is_listed = False
        self.sharing: int | None = None
        self._present = False
        self._standby = "Off"
        self._calls = 0
        self._shares = 0
        self._absence: Appointment | None = None

    def forget(self) -> None:
        """Start afresh after a restart; people stay where they are."""
        self.call, self.call_began, self.call_is_listed, self.sharing = None, None, False, None
        self._standby = "Off"
        self.refresh()

    def start_call(self, *, listed: bool = False) -> None:
        """Begin a call; *listed*: one of a space, which `Bookings List` shows like a booking."""
        if self.call is not None:
            return
        self._calls += 1
        self.call, self.call_began, self.call_is_listed = self._calls, self._device.now(), listed
        if self.teams:
            self._device.show({TEAMS_IN_CALL: "True"})
        else:
            call: Path = ("Call", self.call)
            self._device.show(
                {(*call, "Status"): "Connected", (*call, "Direction"): "Outgoing", (*call, "Protocol"): "Spark"}
            )
            self._device.show({ACTIVE_CALLS: 1, SYSTEM_STATE: "InCall"})
        self.refresh()

    def end_call(self) -> bool:
        """End the call; whether there was one."""
        if self.call is None:
            return False
        call, self.call, self.call_is_listed = self.call, None, False
        if self.teams:
            self._device.show({TEAMS_IN_CALL: "False"})
        else:
            self._device.hide(("Call", call))
            self._device.show({ACTIVE_CALLS: 0, SYSTEM_STATE: "Initialized"})
            self._device.tell(("CallDisconnect",), _disconnect(call, self._seconds()))
        self.refresh()
        return True

    def start_sharing(self) -> None:
        """Share a screen locally."""
        if self.sharing is None:
            self._shares += 1
            self.sharing = self._shares
            instance: Path = ("Conference", "Presentation", "LocalInstance", self.sharing)
            mode = "LocalOnly" if self.call is None else "LocalRemote"
            self._device.show({(*instance, "SendingMode"): mode, (*instance, "Source"): 1})
            self.refresh()

    def stop_sharing(self) -> None:
        """Stop sharing."""
        if self.sharing is not None:
            self._device.hide(("Conference", "Presentation", "LocalInstance", self.sharing))
            self.sharing = None
            self.refresh()

    def come(self, people: int = 1) -> None:
        """Let people sit before the camera."""
        self.people += people
        self._present = True
        self._standby = "Off"
        if self._absence is not None:
            self._absence.cancel()
        self.refresh()

    def leave(self, people: int | None = None) -> None:
        """Let people go away, all of them when not said how many."""
        self.people = 0 if people is None else max(0, self.people - people)
        if not self.people:
            self._absence = self._device.schedule.after(ABSENCE_S, self._notice_absence)
        self.refresh()

    def standby(self, state: str) -> None:
        """Go to *state* of `Standby State`."""
        self._standby = state
        self.refresh()

    @property
    def teams(self) -> bool:
        """Whether Microsoft Teams is installed."""
        return self._device.faults.find("teams_mode") is not None

    def refresh(self) -> None:
        """Bring the statuses in line with what goes on."""
        lid = "Closed" if self._device.faults.find("camera_lid") is not None else "Open"
        in_use = self._present or self.call is not None or self.sharing is not None
        self._device.show({CAMERA_LID: lid})
        self._device.show({PEOPLE_COUNT: self._count()})
        self._device.show({PRESENCE: "Yes" if self._present else "No"})
        self._device.show({ROOM_IN_USE: "True" if in_use else "False"})
        self._device.show({STANDBY: self._standby})

    def _count(self) -> int:
        faults = self._device.faults
        blind = faults.find("camera_lid") is not None or faults.find("unknown_count") is not None
        counts = self.call is not None or self._device.configurations.get(COUNT_OUT_OF_CALL) == "On"
        return self.people if counts and not blind and self._standby == "Off" else -1

    def _notice_absence(self) -> None:
        if not self.people:
            self._present = False
            self.refresh()

    def _seconds(self) -> int:
        began = self.call_began or self._device.now()
        return max(0, int((self._device.now() - began).total_seconds()))


def _disconnect(call: int, seconds: int) -> Mapping[str, Json]:
    return {
        "CallId": call,
        "CallRate": 0,
        "CallType": "Video",
        "CauseCode": 0,
        "CauseOrigin": "Internal",
        "CauseString": "",
        "CauseType": "LocalDisconnect",
        "CauseValue": 1,
        "DisplayName": "",
        "Duration": seconds,
        "Encryption": "Aes-128",
        "OrigCallDirection": "outgoing",
        "PeopleCountAverage": 0,
        "Protocol": "Spark",
        "RemoteURI": "",
        "RequestedURI": "",
    }
