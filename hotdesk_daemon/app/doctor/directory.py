"""What the organisation's directory says of our desks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.app.doctor.facts import LEAST_RELEASE
from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, warned
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.transport.cloud import uuid_of
from hotdesk_daemon.xapi.capabilities import release_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.ops.settings import DeskSettings, OrganisationSettings, Settings
    from hotdesk_daemon.transport.cloud import CloudDevice, DirectoryRead

_MOST_NAMED = 5


def look_at_directory(
    subject: str, settings: Settings, wanted: OrganisationSettings, read: DirectoryRead
) -> Iterator[Finding]:
    """Every finding that follows from what was read."""
    configured = [desk for desk in settings.desks if desk.organisation == wanted.id]
    yield _selection(subject, configured, read)
    yield _unusable(subject, read)
    ours = _devices_of(configured, read)
    yield _all_listed(subject, configured, read)
    offline = [device.display_name for device in ours if device.connection_status.startswith(("disconnected", "off"))]
    yield _about("organisation.connected", subject, offline, "not connected to the cloud", "all are connected")
    off = [found.workspace.display_name for found in read.desks if not found.workspace.hotdesking]
    yield _about("organisation.hotdesking", subject, off, "hot desking is off at", "hot desking is on everywhere")
    yield from _calendars(subject, configured, read)
    old = [f"{device.display_name} ({device.software})" for device in ours if _is_old(device)]
    yield _about(
        "organisation.release",
        subject,
        old,
        f"older than RoomOS {LEAST_RELEASE}",
        f"all have RoomOS {LEAST_RELEASE} or newer",
    )


def _selection(subject: str, configured: list[DeskSettings], read: DirectoryRead) -> Finding:
    name = "organisation.selection"
    if read.desks or configured:
        return fine(name, subject, f"{len(read.desks)} workspaces are desks of ours")
    text = (
        f"no workspace is a desk of ours, of {len({device.workspace for device in read.devices})} with usable devices"
    )
    return failed(name, subject, f"{text} ({len(read.unusable)} devices are not usable)")


def _unusable(subject: str, read: DirectoryRead) -> Finding:
    """What is no desk's (somebody's own, a phone) is nobody's trouble; what we may not command is."""
    why = [reason for _, reason in read.unusable if "may not command" in reason or "cannot be read" in reason]
    reasons = sorted(set(why))
    text = f"{len(why)} devices cannot be used: {'; '.join(reasons)}"
    return warned("organisation.unusable", subject, text) if why else fine("organisation.unusable", subject, "none")


def _all_listed(subject: str, configured: list[DeskSettings], read: DirectoryRead) -> Finding:
    listed = {device.uuid for device in read.devices}
    lacking = [
        f"{desk.id}/{device.id}"
        for desk in configured
        for device in desk.devices
        if device.webex_id is not None and uuid_of(device.webex_id) not in listed
    ]
    name = "organisation.device"
    if lacking:
        return failed(name, subject, f"the directory has no usable device for {_some(lacking)}")
    return fine(name, subject, "every configured device is listed")


def _calendars(subject: str, configured: list[DeskSettings], read: DirectoryRead) -> Iterator[Finding]:
    by_uuid = {device.uuid: found.workspace for found in read.desks for device in found.devices}
    wrong = False
    for desk in configured:
        places = {by_uuid[uuid] for uuid in _uuids(desk) if uuid in by_uuid}
        for workspace in places:
            kind = CalendarKind.LOCAL if workspace.calendar_kind == "none" else CalendarKind.HYBRID
            if kind is not desk.calendar:
                wrong = True
                text = f'{desk.id}: calendar is "{desk.calendar.value}", the directory says "{kind.value}"'
                yield warned("organisation.calendar", subject, text)
    if not wrong:
        local = sum(1 for found in read.desks if found.workspace.calendar_kind == "none")
        text = f"as the directory says; {local} of {len(read.desks)} have none but their devices'"
        yield fine("organisation.calendar", subject, text)


def _devices_of(configured: list[DeskSettings], read: DirectoryRead) -> list[CloudDevice]:
    """The devices of all desks: those that were found, and those that are named."""
    named = {uuid for desk in configured for uuid in _uuids(desk)}
    found = {device.uuid for desk in read.desks for device in desk.devices}
    return sorted((d for d in read.devices if d.uuid in named | found), key=lambda d: (d.display_name, d.uuid))


def _uuids(desk: DeskSettings) -> list[str]:
    return [uuid_of(device.webex_id) for device in desk.devices if device.webex_id is not None]


def _is_old(device: CloudDevice) -> bool:
    release = release_of(device.software)
    return release is not None and release < LEAST_RELEASE


def _about(name: str, subject: str, names: list[str], bad: str, good: str) -> Finding:
    if not names:
        return fine(name, subject, good)
    return warned(name, subject, f"{bad}: {_some(names)}", named=tuple(names))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
