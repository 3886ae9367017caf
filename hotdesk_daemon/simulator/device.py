"""
One device on a desk: its statuses, its part in the workspace's calendar, its people, and what it announces.

A device knows nothing of sockets: whoever is connected is a `Listener`. It has no task; what it puts off it puts into
the floor's schedule.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from hotdesk_daemon.xapi.capabilities import Capabilities, Release, capabilities_of

from .activity import Activity
from .agenda import Agenda
from .announcements import booking_fields, fit
from .boots import Boots, strike
from .entries import Effect, render_time
from .faults import FaultBoard
from .people import People
from .screen import Screen
from .signin import SignIn
from .statuses import (
    AVAILABILITY,
    AVAILABILITY_TIME,
    BOOKING_TIMEOUT,
    CHECK_IN,
    CURRENT_ID,
    PERSONALIZED,
    SESSION_STATUS,
    SYSTEM_TIME,
    UPTIME,
    base_configurations,
    base_statuses,
)
from .tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .calendar import Calendar
    from .entries import BookingRequest, By, Cause, Entry
    from .playback import Playback
    from .schedule import Schedule
    from .tree import Json, Path, Value

_KEPT_RECORDS: Final = 2000


class Listener(Protocol):
    """Whoever is connected to the device."""

    def notify(self, root: str, path: Path, leaves: Mapping[Path, Json]) -> None:
        """Learn of a changed status or an event."""
        ...

    @property
    def subscription_count(self) -> int:
        """How many feedback expressions it holds."""
        ...

    def inject(self, frame: bytes) -> None:
        """Receive a frame that no device should send."""
        ...

    def cut(self) -> None:
        """Lose the connection."""
        ...

    def mute(self, *, muted: bool) -> None:
        """Be neither read nor written, or be again."""
        ...


@attrs.frozen(kw_only=True)
class User:
    """A local user of a device."""

    name: str
    password: str = attrs.field(repr=False)
    roles: frozenset[str] = frozenset({"Admin"})


class Device:
    """
    A simulated desk device.

    `commands_received` holds every command that arrived, refused ones included; `effects` what really happened.
    """

    def __init__(
        self,
        device_id: str,
        *,
        calendar: Calendar,
        schedule: Schedule,
        release: str = "26.4.1",
        users: tuple[User, ...] = (User(name="admin", password=""),),
        seed: str = "",
        faults: FaultBoard | None = None,
    ) -> None:
        self.device_id = device_id
        self.calendar = calendar
        self.schedule = schedule
        self.release = Release.parse(release)
        self.users = users
        self.rng = random.Random(f"{seed}/{device_id}")  # the same seed must give the same day
        self.faults = FaultBoard(faults)
        self.configurations = Tree(base_configurations(self.release))
        self._known = base_statuses(self.release)
        self.statuses = Tree(self._known)
        self.listeners: list[Listener] = []
        self.commands_received: list[tuple[str, dict[str, Json]]] = []
        self.effects: list[Effect] = []
        self.events_first = False
        self.logout_needs_session = False
        self.playback: Playback | None = None
        self._ids: dict[int, int] = {}
        self._next_id = 1
        self.agenda = Agenda(self)
        self.signin = SignIn(self)
        self.activity = Activity(self)
        self.screen = Screen(self)
        self.boots = Boots(self)
        self.people = People(self)
        calendar.devices.append(self)
        self.faults.listen(lambda name, fault: strike(self, name, fault))

    # Its clock and what it can.

    @property
    def skew(self) -> timedelta:
        """By how much the device's clock is ahead."""
        fault = self.faults.find("clock_skew")
        return timedelta(hours=fault.number("hours")) if fault is not None else timedelta(0)

    def now(self) -> datetime:
        """Return the time by the device's clock."""
        return self.schedule.now() + self.skew

    @property
    def capabilities(self) -> Capabilities:
        """What the device can say and be told at present."""
        return capabilities_of(self.release, teams=self.activity.teams)

    @property
    def booking_timeout_s(self) -> float:
        """How long the device waits for a calendar back end."""
        return float(self.configurations.get(BOOKING_TIMEOUT) or 60)

    @property
    def is_first(self) -> bool:
        """Whether this device acts for its workspace."""
        return self.calendar.devices[0] is self

    @property
    def watcher(self) -> Device:
        """The device as its calendar sees it."""
        return self

    @property
    def state(self) -> str:
        """Whether the device is `up`, `starting` (it refuses requests) or `down` (it refuses connections)."""
        return self.boots.state

    @property
    def in_call(self) -> bool:
        """Whether a call is on."""
        return self.activity.call is not None

    @property
    def is_hybrid(self) -> bool:
        """Whether the calendar has a back end."""
        return self.calendar.kind == "hybrid"

    @property
    def subscription_count(self) -> int:
        """How many feedback expressions are held on all connections."""
        return sum(listener.subscription_count for listener in self.listeners)

    # Announcing.

    def tell(self, path: Path, fields: Mapping[str, Json]) -> None:
        """Announce an event."""
        leaves: dict[Path, Json] = {(*path, name): value for name, value in fields.items()}
        for listener in tuple(self.listeners):
            listener.notify("Event", path, leaves or {path: {}})

    def show(self, leaves: Mapping[Path, Value]) -> None:
        """Set statuses and announce what changed; statuses the release lacks are left out."""
        had = {path: value for path, value in leaves.items() if path in self._known or any(map(_is_index, path))}
        self._changed(self.statuses.put(had))

    def hide(self, element: Path) -> None:
        """Take an element off a list and announce its ghost."""
        if self.statuses.remove(element):
            self._changed({(*element, "ghost"): "True"})

    def _changed(self, leaves: Mapping[Path, Value]) -> None:
        if leaves:
            for listener in tuple(self.listeners):
                listener.notify("Status", next(iter(leaves)), dict(leaves))

    def tell_booking(self, name: str, entry: Entry, **extra: Value) -> None:
        """Announce a booking event, as far as the release has it."""
        known = booking_fields(entry, device_id=self.id_of(entry), now=self.now(), hybrid=self.is_hybrid)
        self._tell_fields(name, {**known, **extra})

    def _tell_fields(self, name: str, known: dict[str, Json]) -> None:
        lean = self.faults.find("no_meeting_id") is not None
        fields = fit(name, known, self.capabilities, lean=lean)
        if fields is not None and self.state == "up":
            self.tell(("Bookings", name), fields)

    def id_of(self, entry: Entry) -> str:
        """Return the device's own `Id` of a booking: a plain counter, valid for one boot."""
        if entry.key not in self._ids:
            self._ids[entry.key] = self._next_id
            self._next_id += 1
        return f"webex-{self._ids[entry.key]}"

    def entry_of(self, *, meeting_id: str = "", device_id: str = "") -> Entry | None:
        """Return the booking that either name means on this device."""
        if meeting_id:
            return self.calendar.by_meeting_id(meeting_id)
        entries = self.calendar.entries.values()
        return next((one for one in entries if device_id == self.id_of(one)), None)

    def show_bookings(self) -> None:
        """Bring the statuses in line with the bookings."""
        now = self.now()
        running = self.calendar.running(now)
        coming = next((entry for entry in self.calendar.in_order() if entry.start > now), None)
        if running is not None:
            self.show({AVAILABILITY: "BookedUntil", AVAILABILITY_TIME: render_time(running.end)})
        elif coming is not None:
            self.show({AVAILABILITY: "FreeUntil", AVAILABILITY_TIME: render_time(coming.start)})
        else:
            self.show({AVAILABILITY: "Free", AVAILABILITY_TIME: ""})
        self.show({CURRENT_ID: self.id_of(running) if running is not None else ""})
        self.show({SESSION_STATUS: "Reserved" if running is not None else "Available"})

    def show_personalized(self, *, personalized: bool, by: By) -> None:
        """Bring the status in line with the personal session."""
        self.note(Effect(kind="signed_in" if personalized else "signed_out", by=by, at=self.schedule.now()))
        self.show({PERSONALIZED: "True" if personalized else "False"})

    def refresh_clock(self) -> None:
        """Bring the statuses that run with time up to date, without announcing them."""
        uptime = int((self.schedule.now() - self.boots.since).total_seconds())
        self.statuses.put({UPTIME: uptime, SYSTEM_TIME: render_time(self.now())})

    # Recording.

    def note(self, effect: Effect) -> None:
        """Record what really happened."""
        self.effects.append(effect)
        del self.effects[:-_KEPT_RECORDS]

    def note_command(self, path: str, params: dict[str, Json]) -> None:
        """Record a command that arrived."""
        self.commands_received.append((path, params))
        del self.commands_received[:-_KEPT_RECORDS]

    # What its calendar tells it.

    def hear_requested(self, request: BookingRequest) -> None:
        """Announce that a booking was asked for."""
        fields: dict[str, Json] = {
            "BookingRequestUUID": request.uuid,
            "Title": request.title,
            "StartTime": render_time(request.start),
            "Duration": request.duration_min,
        }
        self._tell_fields("BookingRequested", fields)

    def hear_created(self, entry: Entry, request: BookingRequest | None) -> None:
        """Announce a new booking; one made in the calendar itself has no request."""
        del request  # the entry carries the UUID
        self.tell_booking("BookingCreated", entry)
        self.agenda.refresh()
        self.signin.created(entry)
        if entry.ad_hoc and entry.runs_at(self.now()) and self.is_first:
            self.check_in_current("device")

    def hear_failed(self, request: BookingRequest, cause: str) -> None:
        """Announce that a booking was refused."""
        self._tell_fields("BookingFailed", {"BookingRequestUUID": request.uuid, "FailureCause": cause})
        self.signin.failed(request.uuid)

    def hear_edit_requested(self, entry: Entry) -> None:
        """Announce that another time was asked for."""
        self.tell_booking("EditRequested", entry)

    def hear_moved(self, entry: Entry) -> None:
        """Announce the new time of a booking."""
        self.tell_booking("BookingMoved", entry)
        self.agenda.refresh()
        self.signin.moved(entry)

    def hear_edit_failed(self, entry: Entry, cause: str) -> None:
        """Announce that another time was refused."""
        self.tell_booking("EditFailed", entry, FailureCause=cause)

    def hear_extension_requested(self, entry: Entry, minutes: int, new_end: datetime) -> None:
        """Announce that more time was asked for."""
        self.tell_booking("ExtensionRequested", entry, Duration=minutes, NewEndTime=render_time(new_end))

    def hear_extension_failed(self, entry: Entry, cause: str) -> None:
        """Announce that more time was refused."""
        start = render_time(entry.end)
        self.tell_booking("ExtensionFailed", entry, ExtensionStart=start, FailureCause=cause)

    def hear_deleted(self, entry: Entry, cause: Cause) -> None:
        """Announce that a booking has gone."""
        self.tell_booking("Deleted", entry, Cause=cause)
        self.agenda.refresh()
        self.signin.ended(entry)

    def hear_checked_in(self, entry: Entry) -> None:
        """Announce that somebody checked in."""
        self.tell_booking("CheckedIn", entry)

    def hear_updated(self) -> None:
        """Announce that something changed."""
        self._tell_fields("Updated", {})
        self.agenda.refresh()

    def booking_started(self, entry: Entry) -> None:
        """Look whether somebody signed in may stay; check in whoever is there."""
        self.signin.started(entry)
        if self.activity.people or self.in_call:
            self.check_in_current("device")

    def booking_ended(self, entry: Entry) -> None:
        """End the personal session with its booking."""
        self.signin.ended(entry)

    def check_in_current(self, by: By) -> None:
        """Check in to the running booking, where checking in is on."""
        running = self.calendar.running(self.now())
        if running is not None and self.configurations.get(CHECK_IN) == "True":
            self.calendar.check_in(running, via=self, by=by)

    def sync_required(self) -> None:
        """Announce that what anybody knows may be stale."""
        self._tell_fields("SyncRequired", {})

    # Calls and restarts.

    def end_call(self) -> None:
        """Hang up, and do what the call held up."""
        if self.activity.end_call():
            self.signin.call_ended()

    def reboot(self, seconds: float = 30.0) -> None:
        """Restart; see `Boots`."""
        self.boots.reboot(seconds)

    def forget_ids(self, first: int) -> None:
        """Give every booking another `Id`, counting from *first*."""
        self._ids.clear()
        self._next_id = first
        for entry in self.calendar.in_order():
            self.id_of(entry)


def _is_index(word: str | int) -> bool:
    return isinstance(word, int)
