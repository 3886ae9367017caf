"""
Devices and workspaces as the cloud lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .ids import public_id, uuid_for

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.desks import Desk
    from hotdesk_daemon.simulator.device import Device

    from .organisation import CloudOrganisation

_LOCATION: Final = "location"


def devices(organisation: CloudOrganisation) -> list[dict[str, object]]:
    """Return every device that is listed."""
    return [
        _device(organisation, desk, device)
        for desk, device in organisation.stations()
        if organisation.device_uuid(device) not in organisation.hidden
    ]


def workspaces(organisation: CloudOrganisation) -> list[dict[str, object]]:
    """Return every workspace that is listed."""
    return [
        _workspace(organisation, desk)
        for desk in organisation.desks
        if organisation.workspace_uuid(desk) not in organisation.hidden
    ]


def _device(organisation: CloudOrganisation, desk: Desk, device: Device) -> dict[str, object]:
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


def _workspace(organisation: CloudOrganisation, desk: Desk) -> dict[str, object]:
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
