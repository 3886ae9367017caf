"""
From what a device says to the messages that the cloud sends of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hotdesk_daemon.simulator.tree import nested

from .access import covers, reaches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.simulator.device import Device
    from hotdesk_daemon.simulator.tree import Json, Path

    from .organisation import CloudOrganisation

_encode = msgspec.json.Encoder().encode


def dotted(path: Path) -> str:
    """Write a path as the cloud does: `Call[3].Status`."""
    text = ""
    for word in path:
        text += f"[{word}]" if isinstance(word, int) else f".{word}" if text else word
    return text


class CloudListener:
    """The cloud's ear at one device."""

    def __init__(self, device: Device, organisation: CloudOrganisation) -> None:
        self._device = device
        self._organisation = organisation
        self._put_back: list[bytes] = []
        device.listeners.append(self)

    @property
    def subscription_count(self) -> int:
        """No feedback expressions of the device's own are used."""
        return 0

    def inject(self, frame: bytes) -> None:
        """Pass on what is no message: the cloud forwards what a device sends."""
        self._organisation.send(frame)

    def cut(self) -> None:
        """The cloud's connection to the device comes back by itself."""

    def mute(self, *, muted: bool) -> None:
        """Nothing is read from the cloud's side."""

    def notify(self, root: str, path: Path, leaves: Mapping[Path, Json]) -> None:
        """Learn of a changed status or an event, and send what the integration gets of it."""
        if root == "Status":
            self._tell_statuses(path, leaves)
        elif root == "Event":
            self._tell_event(path, leaves)

    def full_sync(self) -> None:
        """Send every status that the integration gets, changed or not."""
        updated = {
            name: value for path, value in self._device.statuses.items() if self._gets_status(name := dotted(path))
        }
        self._send("status", {"changes": {"updated": updated, "removed": []}, "isFullSync": True}, "")

    def _gets_status(self, name: str) -> bool:
        organisation = self._organisation
        return covers(organisation.statuses, name) and covers(organisation.pushed_statuses, name)

    def _got_statuses(self, element: str) -> bool:
        organisation = self._organisation
        return reaches(organisation.statuses, element) and reaches(organisation.pushed_statuses, element)

    def _tell_statuses(self, path: Path, leaves: Mapping[Path, Json]) -> None:
        updated, removed = {}, []
        for leaf, value in leaves.items():
            if leaf[-1] == "ghost":
                if self._got_statuses(name := dotted(leaf[:-1])):
                    removed.append(name)
            elif self._gets_status(name := dotted(leaf)):
                updated[name] = value
        if updated or removed:
            changes = {"updated": updated, "removed": removed}
            self._send("status", {"changes": changes, "isFullSync": False}, " ".join(map(str, path)))

    def _tell_event(self, path: Path, leaves: Mapping[Path, Json]) -> None:
        organisation, depth = self._organisation, 2 if path[0] == "Bookings" else len(path)
        key = dotted(path[:depth])
        if not (covers(organisation.events, key) and covers(organisation.pushed_events, key)):
            return
        value = nested({leaf[depth:]: one for leaf, one in leaves.items() if len(leaf) > depth})
        event = {"key": key, "value": value, "timestamp": organisation.timestamp()}
        self._send("events", {"events": [event]}, " ".join(map(str, path)))

    def _send(self, kind: str, content: dict[str, object], subject: str) -> None:
        """Send one message, as far as the faults of the way let it."""
        organisation = self._organisation
        message = _encode({**organisation.envelope(kind, self._device), **content})
        faults = self._device.faults
        if faults.strike("lost", subject) is not None:
            return
        late = faults.strike("late", subject)
        if late is not None:
            self._device.schedule.after(late.number("seconds"), lambda: organisation.send(message))
            return
        if faults.strike("reorder", subject) is not None:
            self._put_back.append(message)
            self._device.schedule.after(2.0, self._release)
            return
        organisation.send(message)
        if faults.strike("duplicate", subject) is not None:
            organisation.send(message)
        self._release()

    def _release(self) -> None:
        held, self._put_back = self._put_back, []
        for message in held:
            self._organisation.send(message)
