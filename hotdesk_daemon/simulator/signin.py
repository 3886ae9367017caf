"""
Who is signed in at one device: the personal session of a hot desk.

A personal session must belong to a booking. Whoever signs in without one may make one; whoever signs in to somebody
else's is signed out again. When the booking goes, the session goes with it, but not before a call has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from .statuses import TASK_SIGN_IN

if TYPE_CHECKING:
    from datetime import datetime

    from .calendar import Calendar, Watcher
    from .entries import By, Entry, Person
    from .schedule import Appointment, Schedule
    from .tree import Tree

CHECK_S: Final = 3.0
"""How long the device needs to look whether the person belongs to the running booking."""
GRACE_S: Final = 300.0
"""How long somebody may be signed in without booking."""


class SignInDevice(Protocol):
    """The device, as its personal session sees it."""

    calendar: Calendar
    schedule: Schedule
    configurations: Tree

    @property
    def in_call(self) -> bool:
        """Whether a call is on."""
        ...

    @property
    def booking_timeout_s(self) -> float:
        """How long the device waits for a calendar back end."""
        ...

    @property
    def watcher(self) -> Watcher:
        """The device as its calendar sees it."""
        ...

    def now(self) -> datetime:
        """Return the time by the device's clock."""
        ...

    def show_personalized(self, *, personalized: bool, by: By) -> None:
        """Bring the status in line with the session."""
        ...

    def end_call(self) -> None:
        """Hang up."""
        ...


class SignIn:
    """The personal session of one device."""

    def __init__(self, device: SignInDevice) -> None:
        self._device = device
        self.person: Person | None = None
        self.entry: Entry | None = None
        self.is_leaving = False
        self.own_meetings: tuple[Entry, ...] = ()
        self._asked_for: set[str] = set()
        self._check: Appointment | None = None
        self._has_waited = False
        self._wants_out = False

    def sign_in(self, person: Person, *, own_meetings: tuple[Entry, ...] = ()) -> bool:
        """Sign somebody in; False when somebody is."""
        if self.person is not None:
            return False
        self.person, self.own_meetings, self._has_waited = person, own_meetings, False
        self._device.show_personalized(personalized=True, by="person")
        self._look_in(CHECK_S)
        return True

    def sign_out(self, *, by: By = "person") -> None:
        """
        Sign out at the person's wish or at a command, at once and whatever call is on.

        A booking that the session belongs to is deleted first; the session ends when that is announced, or when the
        back end has not answered in time.
        """
        if self.person is None:
            return
        self._wants_out = True
        self._device.end_call()
        entry, person = self.entry, self.person
        if entry is None or entry.key not in self._device.calendar.entries:
            self._finish(by)
            return
        self._device.calendar.delete(entry, cause="HotdeskSignout", via=self._device.watcher, by=by)
        if self.person is person:
            self._device.schedule.after(
                self._device.booking_timeout_s, lambda: self._finish(by) if self.person is person else None
            )

    def forget(self) -> None:
        """End without a word: the device restarts."""
        self.person, self.entry, self.own_meetings, self.is_leaving = None, None, (), False
        self._asked_for.clear()
        self._wants_out = False

    def asked_for(self, uuid: str) -> None:
        """Remember a request that the signed-in person made."""
        self._asked_for.add(uuid)

    def created(self, entry: Entry) -> None:
        """Look whether the new booking is the signed-in person's."""
        self._asked_for.discard(entry.request_uuid)
        if self.person is not None and self.entry is None and entry.runs_at(self._device.now()):
            self._judge(entry)

    def failed(self, uuid: str) -> None:
        """Sign out whoever asked for what was refused."""
        if uuid in self._asked_for:
            self._asked_for.discard(uuid)
            if self.entry is None:
                self._release()

    def started(self, entry: Entry) -> None:
        """Look whether somebody signed in may stay in the booking that begins."""
        if self.person is not None and self.entry is None and not self.is_leaving:
            self._judge(entry)

    def ended(self, entry: Entry) -> None:
        """End the session with its booking: it ended, was deleted, or was moved away."""
        if self.entry is not None and self.entry.key == entry.key:
            self.entry = None
            self._release()

    def moved(self, entry: Entry) -> None:
        """End the session when its booking now lies elsewhere."""
        if not entry.runs_at(self._device.now()):
            self.ended(entry)

    def call_ended(self) -> None:
        """Do what the call held up."""
        if self.is_leaving:
            self._release()

    def _look_in(self, seconds: float) -> None:
        if self._check is not None:
            self._check.cancel()
        person = self.person
        self._check = self._device.schedule.after(seconds, lambda: self._look() if self.person is person else None)

    def _look(self) -> None:
        if self.person is None or self.entry is not None or self.is_leaving or self._needs_no_booking():
            return
        running = self._device.calendar.running(self._device.now())
        if running is not None:
            self._judge(running)
        elif self._asked_for or not self._has_waited:
            self._has_waited = True
            self._look_in(GRACE_S)
        else:
            self._release()

    def _judge(self, entry: Entry) -> None:
        if self.person is None or self._needs_no_booking():
            return
        if entry.admits(self.person.email):
            self.entry, self.is_leaving = entry, False
            calendar = self._device.calendar
            if self._device.configurations.get(("Bookings", "CheckIn", "Enabled")) == "True":
                calendar.check_in(entry, via=self._device.watcher, by="device")
        else:
            self._release()

    def _needs_no_booking(self) -> bool:
        return self._device.configurations.get(TASK_SIGN_IN) == "On"

    def _release(self) -> None:
        """End the session, after the call if one is on; unless the same person's next booking runs already."""
        if self.person is None:
            return
        running = self._device.calendar.running(self._device.now())
        if running is not None and running.admits(self.person.email) and not self._wants_out:
            self.entry, self.is_leaving = running, False
        elif self._device.in_call:
            self.is_leaving = True
        else:
            self._finish("device")

    def _finish(self, by: By) -> None:
        self.forget()
        self._device.show_personalized(personalized=False, by=by)
