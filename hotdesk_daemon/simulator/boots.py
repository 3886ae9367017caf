"""
A device's restarts, and the faults that strike a device once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from .entries import Effect
from .frames import strange_frames
from .statuses import ACTIVE_CALLS, SYSTEM_STATE, TASK_SIGN_IN

if TYPE_CHECKING:
    from .device import Device
    from .faults import Fault

_STARTING_S: Final = 5.0
_SYNC_S: Final = 3.0


class Boots:
    """
    Whether the device is up, and how it gets up again.

    A restart costs all connections; upgrades are refused while the device is down, and requests a little longer.
    Afterwards the same `Id`s mean other bookings, and `SyncRequired` is announced to whoever is connected by then.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self.state: Literal["up", "starting", "down"] = "up"
        self.count = 0
        self.since = device.schedule.now()

    def reboot(self, seconds: float) -> None:
        """Go down for *seconds*; without effect when the device is down."""
        if self.state == "down":
            return
        device = self._device
        device.note(Effect(kind="rebooted", by="device", at=device.schedule.now()))
        device.tell(("BootEvent",), {"Action": "Restart"})
        self.state = "down"
        cut_all(device)
        device.agenda.stop()
        self.count += 1
        boot = self.count
        device.schedule.after(seconds, lambda: self._start(boot))

    def _start(self, boot: int) -> None:
        if boot != self.count:
            return
        device = self._device
        self.state = "starting"
        self.since = device.schedule.now()
        device.statuses.reset()
        device.statuses.put({SYSTEM_STATE: "Initializing", ACTIVE_CALLS: 0})
        device.signin.forget()
        device.screen.forget()
        # Not from 1 each time: an Id kept over the restart shall mean nothing, or worse, another booking.
        device.forget_ids(1 + self.count % 7)
        device.schedule.after(_STARTING_S, lambda: self._be_up(boot))

    def _be_up(self, boot: int) -> None:
        if boot != self.count:
            return
        device = self._device
        self.state = "up"
        device.show({SYSTEM_STATE: "Initialized"})
        device.activity.forget()
        device.agenda.restart()
        device.schedule.after(_SYNC_S, device.sync_required)


def strike(device: Device, name: str, fault: Fault | None) -> None:
    """Let the device feel that a fault was switched on, or off (None)."""
    match name:
        case "clock_skew":
            device.agenda.refresh()
        case "teams_mode":
            device.show({("MicrosoftTeams", "User", "SignedIn"): "False" if fault is None else "True"})
            device.activity.refresh()
        case "unknown_count" | "camera_lid":
            device.activity.refresh()
        case "mute":
            for listener in tuple(device.listeners):
                listener.mute(muted=fault is not None)
        case _ if fault is not None:
            _strike_once(device, name, fault)
        case _:
            pass


def _strike_once(device: Device, name: str, fault: Fault) -> None:
    match name:
        case "reboot" if not fault.options["command"]:
            device.reboot(fault.number("seconds"))
        case "cut":
            cut_all(device)
        case "flicker" if device.signin.person is None:
            device.show_personalized(personalized=True, by="device")
            device.schedule.after(fault.number("seconds"), lambda: _end_flicker(device))
        case "sync_required_burst":
            for _ in range(int(fault.number("count"))):
                device.sync_required()
        case "malformed_frame" | "huge_frame" | "null_frame" | "deep_frame":
            for frame in strange_frames(fault):
                for listener in tuple(device.listeners):
                    listener.inject(frame)
        case _:
            pass


def _end_flicker(device: Device) -> None:
    if device.signin.person is None and device.configurations.get(TASK_SIGN_IN) != "On":
        device.show_personalized(personalized=False, by="device")


def cut_all(device: Device) -> None:
    """Lose all connections of a device."""
    for listener in tuple(device.listeners):
        listener.cut()
