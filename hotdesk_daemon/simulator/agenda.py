"""
What the clock does to the bookings of one device: beginnings, ends, reminders, and the check-in window.

The agenda keeps one appointment in the floor's schedule, for the next thing due. It goes by the device's own clock,
which may be wrong.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from .statuses import AUTO_CHECK_IN, CHECK_IN, CHECK_IN_WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .calendar import Calendar, Watcher
    from .entries import Entry
    from .schedule import Appointment, Schedule
    from .tree import Tree, Value

START_BUFFER_S: Final = 300
_REMINDERS_S: Final = (300, 60)
_STALE: Final = timedelta(seconds=30)
_LOOKUP_S: Final = 2.0


class AgendaDevice(Protocol):
    """The device, as its agenda sees it."""

    calendar: Calendar
    schedule: Schedule
    configurations: Tree

    @property
    def skew(self) -> timedelta:
        """By how much the device's clock is ahead."""
        ...

    @property
    def is_first(self) -> bool:
        """Whether this device acts for its workspace."""
        ...

    @property
    def watcher(self) -> Watcher:
        """The device as its calendar sees it."""
        ...

    def now(self) -> datetime:
        """Return the time by the device's clock."""
        ...

    def tell_booking(self, name: str, entry: Entry, **extra: Value) -> None:
        """Announce a booking event."""
        ...

    def booking_started(self, entry: Entry) -> None:
        """Do what a device does when a booking begins."""
        ...

    def booking_ended(self, entry: Entry) -> None:
        """Do what a device does when a booking ends."""
        ...

    def show_bookings(self) -> None:
        """Bring the statuses in line with the bookings."""
        ...


class Agenda:
    """The beginnings and ends of one device's bookings; call `refresh` whenever a booking has changed."""

    def __init__(self, device: AgendaDevice) -> None:
        self._device = device
        self._running: set[int] = set()
        self._told: set[tuple[int, str, datetime]] = set()
        self._next: Appointment | None = None
        self.is_stopped = False

    def stop(self) -> None:
        """Do nothing any more: the device is off."""
        self.is_stopped = True
        if self._next is not None:
            self._next.cancel()

    def restart(self) -> None:
        """Go on after a restart: what runs is known to run, nothing is announced for the time off."""
        self.is_stopped = False
        now = self._device.now()
        entries = self._device.calendar.entries
        self._running = {key for key, entry in entries.items() if entry.runs_at(now)}
        self._told = {mark for entry in entries.values() for mark in self._reminders(entry) if mark[2] <= now}
        self.refresh()

    def refresh(self) -> None:
        """Do what is due and look ahead to what comes next."""
        if self.is_stopped:
            return
        now = self._device.now()
        for entry in self._device.calendar.in_order():
            self._step(entry, now)
        self._running &= set(self._device.calendar.entries)
        self._told = {mark for mark in self._told if mark[0] in self._device.calendar.entries}
        self._device.show_bookings()
        self._look_ahead()

    def _step(self, entry: Entry, now: datetime) -> None:
        if entry.key in self._running:
            if entry.end <= now:
                self._end(entry)
            elif entry.start > now:
                self._running.discard(entry.key)  # moved away while it ran: no event says so
        elif entry.runs_at(now):
            self._start(entry)
        for mark in self._reminders(entry):
            if mark[2] <= now and mark not in self._told:
                self._told.add(mark)
                if now - mark[2] < _STALE:
                    self._remind(entry, mark[1])

    def _start(self, entry: Entry) -> None:
        device = self._device
        self._running.add(entry.key)
        device.tell_booking("Start", entry)
        device.booking_started(entry)
        if device.is_first and entry.organizer.email and not device.calendar.directory.has(entry.organizer.email):
            device.schedule.after(_LOOKUP_S, lambda: self._expel(entry))

    def _end(self, entry: Entry) -> None:
        device = self._device
        self._running.discard(entry.key)
        device.tell_booking("End", entry)
        device.booking_ended(entry)

    def _expel(self, entry: Entry) -> None:
        """Delete a booking whose organizer the organisation does not know."""
        calendar = self._device.calendar
        if entry.key in calendar.entries:
            calendar.delete(entry, cause="HotdeskOrganizerNotFoundInOrg", via=self._device.watcher, by="device")

    def _reminders(self, entry: Entry) -> Iterator[tuple[int, str, datetime]]:
        yield entry.key, "StartTimeBuffer", entry.start - timedelta(seconds=START_BUFFER_S)
        for seconds in _REMINDERS_S:
            if timedelta(seconds=seconds) < entry.end - entry.start:
                yield entry.key, f"TimeRemaining {seconds}", entry.end - timedelta(seconds=seconds)
        if entry.end_buffer_s:
            yield entry.key, "EndTimeBuffer", entry.end - timedelta(seconds=entry.end_buffer_s)
        window = self._check_in_window(entry)
        if window is not None:
            yield entry.key, "NoShow", entry.start + window

    def _check_in_window(self, entry: Entry) -> timedelta | None:
        configurations = self._device.configurations
        if configurations.get(CHECK_IN) != "True" or not self._device.is_first:
            return None
        hours = configurations.get(AUTO_CHECK_IN)
        if isinstance(hours, int) and entry.duration_min >= hours * 60:
            return None
        return timedelta(minutes=int(configurations.get(CHECK_IN_WINDOW) or 10))

    def _remind(self, entry: Entry, what: str) -> None:
        name, _, seconds = what.partition(" ")
        if name == "NoShow":
            if not entry.checked_in:
                calendar = self._device.calendar
                calendar.delete(entry, cause="NoShow", via=self._device.watcher, by="device")
        elif seconds:
            self._device.tell_booking(name, entry, Seconds=int(seconds))
        else:
            self._device.tell_booking(name, entry)

    def _look_ahead(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        now = self._device.now()
        due = min((moment for moment in self._moments() if moment > now), default=None)
        if due is not None:
            self._next = self._device.schedule.at(due - self._device.skew, self.refresh)

    def _moments(self) -> Iterator[datetime]:
        for entry in self._device.calendar.entries.values():
            yield entry.start
            yield entry.end
            for mark in self._reminders(entry):
                if mark not in self._told:
                    yield mark[2]
