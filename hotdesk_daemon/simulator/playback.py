"""
A desk whose devices say what was said once, instead of living.

Its cues are told in their order and at their distances, from the moment at which somebody first reads the desk's list:
whoever listens by then misses nothing. Commands are answered with OK and do nothing, for what came of them is among the
cues; lists are answered with the bookings of the moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from .boots import cut_all
from .entries import Entry
from .listing import render_booking
from .tree import Json, Path

if TYPE_CHECKING:
    from collections.abc import Callable

    from .device import Device
    from .tree import Value

_LIST = "Bookings List"


@attrs.frozen(kw_only=True)
class Cue:
    """
    One thing to say or to be.

    Args:
        after_s: when, from the first list on.
        device: whose; None for all devices of the desk.
        statuses: leaves that change, `ghost` among them for elements that go.
        events: events with their leaves.
        frame: a message that is none, for the socket.
        is_cut: the connections are lost.
        bookings: each booking that there is from now on, and its Id on this device; None leaves them.

    """

    after_s: float
    device: str | None = None
    statuses: Mapping[Path, Json] = attrs.field(factory=dict)
    events: Sequence[tuple[Path, Mapping[Path, Json]]] = ()
    frame: bytes | None = None
    is_cut: bool = False
    bookings: Sequence[tuple[Entry, str]] | None = None


class Playback:
    """
    The devices of one desk under a script.

    Args:
        devices: those of the desk.
        before: what is so before anybody listens, whatever its time.
        cues: what is told, in order.
        on_end: called when everything has been told.

    """

    def __init__(
        self, devices: Sequence[Device], *, before: Sequence[Cue], cues: Sequence[Cue], on_end: Callable[[], None]
    ) -> None:
        self._on_end = on_end
        self._devices = {device.device_id: device for device in devices}
        self._bookings: dict[str, Sequence[tuple[Entry, str]]] = {}
        self._cues = iter(cues)
        self._schedule = devices[0].schedule
        self._began = self._schedule.now()
        self._is_begun = False
        for cue in before:
            for device in self._of(cue):
                self._be(device, cue)
        for device in devices:
            device.playback = self

    def answer(self, device: Device, path: str) -> dict[str, Json]:
        """Answer a command."""
        if path != _LIST:
            return {}
        if not self._is_begun:
            self._is_begun = True
            self._began = self._schedule.now()
            self._plan()
        held = self._bookings.get(device.device_id, ())
        rows = [
            render_booking(entry, device_id=own_id, row=row, hybrid=device.is_hybrid)
            for row, (entry, own_id) in enumerate(held, start=1)
        ]
        return {"Booking": list(rows)} if rows else {}

    def _plan(self) -> None:
        """Put the next cue into the schedule."""
        cue = next(self._cues, None)
        if cue is None:
            self._on_end()
        else:
            gone_s = (self._schedule.now() - self._began).total_seconds()
            self._schedule.after(max(0.0, cue.after_s - gone_s), lambda: self._tell(cue))

    def _tell(self, cue: Cue) -> None:
        for device in self._of(cue):
            self._be(device, cue)
            for listener in tuple(device.listeners):
                if cue.statuses:
                    listener.notify("Status", next(iter(cue.statuses)), cue.statuses)
                for path, leaves in cue.events:
                    listener.notify("Event", path, leaves)
                if cue.frame is not None:
                    listener.inject(cue.frame)
            if cue.is_cut:
                cut_all(device)
        self._plan()

    def _be(self, device: Device, cue: Cue) -> None:
        """Take over what the cue changes of the device."""
        gone = [leaf[:-1] for leaf in cue.statuses if leaf[-1] == "ghost"]
        for element in gone:
            device.statuses.remove(element)
        shown: dict[Path, Value] = {
            leaf: value if isinstance(value, int) and not isinstance(value, bool) else str(value)
            for leaf, value in cue.statuses.items()
            if leaf[-1] != "ghost" and value is not None
        }
        device.statuses.put(shown)
        if cue.bookings is not None:
            self._bookings[device.device_id] = cue.bookings

    def _of(self, cue: Cue) -> list[Device]:
        if cue.device is None:
            return list(self._devices.values())
        device = self._devices.get(cue.device)
        return [] if device is None else [device]
