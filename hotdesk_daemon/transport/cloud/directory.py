"""
The organisation's devices and workspaces, as far as they are desks.

A desk is a workspace with at least one device that xAPI reaches. Personal devices, phones and devices that we may not
command are told apart and named, not silently left out (Webex API reference, "Devices" and "Workspaces").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import attrs
import msgspec
from msgspec import Meta, Struct

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.public_ids import uuid_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.transport.cloud.rest import CloudRest

S = TypeVar("S", bound=Struct)
_Name = Annotated[str, Meta(max_length=1_000)]
_COMMANDING: Final = frozenset({"xapi", "xapi:all"})


@attrs.frozen(kw_only=True)
class CloudDevice:
    """A device; ``id`` is its public id, ``connection_status`` the cloud's word."""

    id: str
    uuid: str
    workspace: str
    display_name: str = ""
    product: str = ""
    software: str | None = None
    connection_status: str = "unknown"
    tags: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class Workspace:
    """A workspace; ``calendar_kind`` is ``none``, ``google`` or ``microsoft``. UUIDs are in lower case."""

    id: str
    uuid: str
    display_name: str
    location: str | None = None
    calendar_kind: str = "none"
    hotdesking: bool = False


@attrs.frozen(kw_only=True)
class Selection:
    """
    Which workspaces are desks of ours: those that pass every filter that is set.

    ``tags`` are of devices, one of them is enough; ``locations`` and ``workspaces`` are UUIDs.
    """

    tags: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    workspaces: frozenset[str] = frozenset()
    hotdesking_only: bool = True

    def takes(self, workspace: Workspace, devices: tuple[CloudDevice, ...]) -> bool:
        """Whether this workspace with these devices is a desk of ours."""
        if self.hotdesking_only and not workspace.hotdesking:
            return False
        if self.locations and workspace.location not in self.locations:
            return False
        if self.workspaces and workspace.uuid not in self.workspaces:
            return False
        return not self.tags or any(self.tags & device.tags for device in devices)


@attrs.frozen(kw_only=True)
class FoundDesk:
    """A workspace that is a desk, with its devices in the order of their names."""

    workspace: Workspace
    devices: tuple[CloudDevice, ...]


@attrs.frozen(kw_only=True)
class DirectoryRead:
    """
    The whole directory, read once.

    ``desks`` by name, ``devices`` of whatever workspace, ``unusable`` what could not be used, with the reason.
    """

    desks: tuple[FoundDesk, ...]
    devices: tuple[CloudDevice, ...] = ()
    unusable: tuple[tuple[str, str], ...] = ()


class _Calendar(Struct):
    type: str = "none"


class _Workspace(Struct):
    id: str
    displayName: _Name = ""  # noqa: N815 - the wire's names, here and below
    locationId: str | None = None  # noqa: N815
    calendar: _Calendar | None = None
    hotdeskingStatus: str = "off"  # noqa: N815


class _Device(Struct):
    id: str
    displayName: _Name = ""  # noqa: N815
    workspaceId: str | None = None  # noqa: N815
    placeId: str | None = None  # noqa: N815
    personId: str | None = None  # noqa: N815
    permissions: list[str] | None = None
    connectionStatus: str = "unknown"  # noqa: N815
    product: str = ""
    type: str = "unknown"
    tags: list[str] | None = None
    software: str | None = None


async def read_directory(rest: CloudRest, selection: Selection) -> DirectoryRead:
    """
    Read all workspaces and all devices, and pick the desks.

    What is listed twice, because the list changed between two pages, is as it was told last.

    Raises:
        TransientError: a page could not be had: nothing is known then.
        RefusedError: we may not read it.
        ProtocolError: the answers are none.
    """
    unusable: dict[str, str] = {}
    workspaces = {w.uuid: w async for w in _workspaces(rest, unusable)}
    by_workspace: dict[str, list[CloudDevice]] = {}
    for device in (await _devices(rest, unusable)).values():
        by_workspace.setdefault(device.workspace, []).append(device)
    desks = []
    for workspace in sorted(workspaces.values(), key=lambda w: (w.display_name, w.uuid)):
        devices = tuple(sorted(by_workspace.get(workspace.uuid, ()), key=lambda d: (d.display_name, d.uuid)))
        if devices and selection.takes(workspace, devices):
            desks.append(FoundDesk(workspace=workspace, devices=devices))
    devices = tuple(device for some in by_workspace.values() for device in some)
    return DirectoryRead(desks=tuple(desks), devices=devices, unusable=tuple(sorted(unusable.items())))


async def _workspaces(rest: CloudRest, unusable: dict[str, str]) -> AsyncIterator[Workspace]:
    async for item in rest.items("workspaces", {}):
        told = _read(item, _Workspace, unusable)
        if told is not None:
            yield Workspace(
                id=told.id,
                uuid=uuid_of(told.id),
                display_name=told.displayName,
                location=_uuid(told.locationId),
                calendar_kind=told.calendar.type if told.calendar is not None else "none",
                hotdesking=told.hotdeskingStatus == "on",
            )


async def _devices(rest: CloudRest, unusable: dict[str, str]) -> dict[str, CloudDevice]:
    """The usable devices by their UUIDs."""
    found: dict[str, CloudDevice] = {}
    async for item in rest.items("devices", {}):
        told = _read(item, _Device, unusable)
        if told is None:
            continue
        uuid = uuid_of(told.id)
        found.pop(uuid, None)
        unusable.pop(told.id, None)
        workspace = _uuid(told.workspaceId or told.placeId)
        why = _obstacle(told) or ("it is in no workspace" if workspace is None else None)
        if why is not None or workspace is None:
            unusable[told.id] = why or ""
            continue
        found[uuid] = CloudDevice(
            id=told.id,
            uuid=uuid,
            workspace=workspace,
            display_name=told.displayName,
            product=told.product,
            software=told.software,
            connection_status=told.connectionStatus,
            tags=frozenset(told.tags or ()),
        )
    return found


def _obstacle(device: _Device) -> str | None:
    if device.personId is not None:
        return "it is somebody's personal device"
    if device.type not in ("roomdesk", "unknown"):
        return f"it is of the type {device.type}"
    if device.permissions is not None and not _COMMANDING & set(device.permissions):
        return "we may not command it"
    return None


def _read(item: object, shape: type[S], unusable: dict[str, str]) -> S | None:
    """One item of a listing; one that cannot be read does not spoil the others."""
    try:
        told = msgspec.convert(item, shape)
        uuid_of(told.id)  # type: ignore[attr-defined]  # both shapes have it
    except (msgspec.MsgspecError, ProtocolError) as exc:
        name = item.get("id") if isinstance(item, dict) else None
        unusable[str(name)[:100]] = f"it cannot be read: {exc}"
        return None
    return told


def _uuid(public_id: str | None) -> str | None:
    try:
        return uuid_of(public_id) if public_id else None
    except ProtocolError:
        return None
