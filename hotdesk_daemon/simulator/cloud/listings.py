"""
Devices and workspaces as the cloud lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, overload

from .ids import public_id, uuid_for

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.desks import Desk
    from hotdesk_daemon.simulator.device import Device

    from .organisation import CloudOrganisation

T = TypeVar("T")
Item: TypeAlias = dict[str, Any]

_LOCATION: Final = "location"


class Listing(Sequence[Item], Generic[T]):
    """Items that are made when they are looked at: a page costs what stands on it, however long the listing is."""

    def __init__(self, things: Sequence[T], make: Callable[[T], Item]) -> None:
        self._things = things
        self._make = make

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._things)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> list[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | list[Item]:
        """Make one, or some."""
        if isinstance(at, slice):
            return [self._make(thing) for thing in self._things[at]]
        return self._make(self._things[at])


def devices(organisation: CloudOrganisation) -> Sequence[Item]:
    """Return every device that is listed."""
    hidden, shown = organisation.hidden, organisation.stations()
    if hidden:
        shown = tuple(one for one in shown if organisation.device_uuid(one[1]) not in hidden)
    return Listing(shown, lambda one: _device(organisation, *one))


def workspaces(organisation: CloudOrganisation) -> Sequence[Item]:
    """Return every workspace that is listed."""
    hidden, shown = organisation.hidden, organisation.desks
    if hidden:
        shown = tuple(desk for desk in shown if organisation.workspace_uuid(desk) not in hidden)
    return Listing(shown, lambda desk: _workspace(organisation, desk))


def _device(organisation: CloudOrganisation, desk: Desk, device: Device) -> Item:
    place = public_id("PLACE", organisation.workspace_uuid(desk))
    return {
        "id": organisation.device_id(device),
        "displayName": f"{desk.workspace} {device.device_id}",
        "workspaceId": place,
        "placeId": place,
        "orgId": organisation.id,
        "locationId": _location(organisation),
        "capabilities": ["xapi"],
        "permissions": ["xapi:all"],
        "connectionStatus": "connected" if device.state != "down" else "disconnected",
        "product": "Cisco Desk Pro",
        "type": "roomdesk",
        "tags": list(organisation.tags.get(device.device_id, ("hotdesk",))),
        "ip": "10.0.0.12",
        "activeInterface": "wired",
        "mac": "11:22:33:44:55:66",
        "serial": f"FOC{device.device_id[-6:].upper()}",
        "software": f"RoomOS {device.release} 2e1a2b3c4d5",
        "upgradeChannel": "stable",
        "errorCodes": [],
        "created": "2025-01-01T00:00:00Z",
        "firstSeen": "2025-01-01T00:00:00Z",
        "lastSeen": organisation.timestamp(),
        "managedBy": "CISCO",
        "devicePlatform": "cisco",
    }


def _workspace(organisation: CloudOrganisation, desk: Desk) -> Item:
    calendar: dict[str, object] = {"type": "none"}
    if desk.kind == "hybrid":
        address = f"{desk.workspace.lower().replace(' ', '-')}@example.com"
        calendar = {"type": "microsoft", "emailAddress": address}
    return {
        "id": public_id("PLACE", organisation.workspace_uuid(desk)),
        "orgId": organisation.id,
        "locationId": _location(organisation),
        "displayName": desk.workspace,
        "capacity": 1,
        "type": "desk",
        "calendar": calendar,
        "hotdeskingStatus": "on",
        "supportedDevices": "collaborationDevices",
        "devicePlatform": "cisco",
        "created": "2025-01-01T00:00:00Z",
    }


def _location(organisation: CloudOrganisation) -> str:
    return public_id("LOCATION", uuid_for(organisation.name, _LOCATION))
