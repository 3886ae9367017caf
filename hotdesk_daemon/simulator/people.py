"""
What somebody standing at a device can do with it.

Everything takes effect as it would on a real device: at once on a local calendar, when the back end has answered on a
hybrid one. A device that is not up does nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .calendar import Change
from .entries import BookingRequest, Entry, Person

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .device import Device


class People:
    """
    The people at one device.

    Where a *meeting* is asked for, its MeetingId or the UUID it was requested with will do; None means the one running.
    """

    def __init__(self, device: Device) -> None:
        self._device = device

    # Personal sessions.

    def sign_in(
        self, email: str, *, succeeds: bool = True, own_meetings: Iterable[tuple[datetime, int, str]] = ()
    ) -> bool:
        """
        Sign in; whether somebody is signed in now because of it.

        Args:
            email: the person's address.
            succeeds: False for a sign-in that fails, of which nothing is announced.
            own_meetings: the person's own calendar as (start, minutes, title), which `List` mixes in.

        """
        device = self._device
        if device.state != "up" or not succeeds:
            return False
        person = device.calendar.directory.person(email)
        own = tuple(_own(row, meeting, person) for row, meeting in enumerate(own_meetings, start=1))
        return device.signin.sign_in(person, own_meetings=own)

    def sign_out(self) -> None:
        """Sign out; a running booking of the session is given up with it."""
        if self._device.state == "up":
            self._device.signin.sign_out()

    @property
    def signed_in(self) -> str:
        """The address of whoever is signed in; empty for nobody."""
        person = self._device.signin.person
        return person.email if person is not None else ""

    # Bookings on the screen.

    def book(
        self,
        duration_min: int,
        title: str = "Desk",
        email: str = "",
        *,
        start: datetime | None = None,
    ) -> str:
        """Book on the screen, from now when not said otherwise; return the BookingRequestUUID."""
        device = self._device
        if device.state != "up":
            return ""
        now = device.schedule.now().replace(microsecond=0)
        request = BookingRequest(
            uuid=device.calendar.new_uuid(),
            title=title,
            start=start or now,
            duration_min=duration_min,
            organizer=device.calendar.directory.person(email or self.signed_in),
            ad_hoc=start is None or start <= now,
        )
        if device.signin.person is not None and device.signin.entry is None:
            device.signin.asked_for(request.uuid)
        device.calendar.book(request, via=device)
        return request.uuid

    def delete(self, meeting: str | None = None) -> None:
        """Delete a booking on the screen."""
        entry = self.booking(meeting)
        if entry is not None:
            self._device.calendar.delete(entry, cause="Deleted", via=self._device, by="person")

    def edit(
        self,
        meeting: str | None = None,
        *,
        start: datetime | None = None,
        duration_min: int | None = None,
        title: str | None = None,
    ) -> None:
        """Change a booking on the screen."""
        entry = self.booking(meeting)
        if entry is not None:
            change = Change(start=start, duration_min=duration_min, title=title)
            self._device.calendar.change(entry, change, via=self._device, by="person")

    def extend(self, minutes: int, meeting: str | None = None) -> None:
        """Extend a booking on the screen."""
        entry = self.booking(meeting)
        if entry is not None:
            self._device.calendar.extend(entry, minutes, via=self._device, by="person")

    def check_in(self) -> None:
        """Check in to the running booking on the screen."""
        self._device.check_in_current("person")

    def snooze(self) -> None:
        """Put off the reminder of the running booking."""
        entry = self.booking()
        if entry is not None:
            self._device.tell_booking("NotificationSnoozed", entry)

    def booking(self, meeting: str | None = None) -> Entry | None:
        """Return the booking meant; None when there is none, or the device is not up."""
        device = self._device
        if device.state != "up":
            return None
        if meeting is None:
            return device.calendar.running(device.schedule.now())
        entries = reversed(device.calendar.in_order())
        return next((one for one in entries if meeting and meeting in (one.meeting_id, one.request_uuid)), None)

    # What else goes on at the desk.

    def start_call(self, *, listed: bool = False) -> None:
        """Begin a call; *listed*: a call of a space, which `List` shows like a booking."""
        if self._device.state == "up":
            self._device.activity.start_call(listed=listed)
            self._device.check_in_current("device")

    def end_call(self) -> None:
        """End the call."""
        self._device.end_call()

    def share(self) -> None:
        """Share a screen without a call."""
        if self._device.state == "up":
            self._device.activity.start_sharing()
            self._device.check_in_current("device")

    def stop_sharing(self) -> None:
        """Stop sharing."""
        self._device.activity.stop_sharing()

    def come(self, people: int = 1) -> None:
        """Sit down."""
        self._device.activity.come(people)
        if self._device.state == "up":
            self._device.check_in_current("device")

    def leave(self, people: int | None = None) -> None:
        """Go away, all when not said how many."""
        self._device.activity.leave(people)

    def standby(self, state: str = "Standby") -> None:
        """Let the device fall asleep, or wake it with `Off`."""
        self._device.activity.standby(state)

    def answer_prompt(self, option: int) -> bool:
        """Press an option of the prompt on the screen; whether there was one."""
        return self._device.screen.answer(option)


def _own(row: int, meeting: tuple[datetime, int, str], person: Person) -> Entry:
    start, minutes, title = meeting
    return Entry(
        key=row,
        meeting_id=f"own-{row}-{int(start.timestamp())}",
        title=title,
        start=start,
        duration_min=max(1, int(timedelta(minutes=minutes) / timedelta(minutes=1))),
        organizer=person,
    )
