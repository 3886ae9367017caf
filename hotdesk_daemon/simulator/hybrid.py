"""
The hybrid calendar: the desk's calendar is a mailbox somewhere else, and its back end decides in its own time.

The back end can be slow, refuse, or say nothing. People edit in it directly. A refused or unanswered deletion is not
announced at all: the booking simply stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import attrs

from .calendar import Calendar, Change
from .entries import BookingRequest, Entry

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from .calendar import Habits, Watcher
    from .entries import By, Cause, Directory
    from .schedule import Schedule

_ANSWERS_LATE_S = 3600.0


@attrs.frozen(kw_only=True)
class Verdict:
    """What the back end will say to one request, and when."""

    answer: Literal["accept", "refuse", "ignore"]
    delay_s: float
    cause: str = "Decline"


class Backend:
    """
    Exchange, Microsoft 365 or Google behind the desk's calendar, and the people who use it from elsewhere.

    Args:
        delay_s: how long it takes to answer the device.
        push_s: how long it takes until the device learns what people did in the calendar.
        keeps_late: an acceptance later than the device waited still books, like a meeting made in the calendar.

    """

    def __init__(self, calendar: HybridCalendar, *, delay_s: float = 2.0, push_s: float = 1.0) -> None:
        self._calendar = calendar
        self.delay_s = delay_s
        self.push_s = push_s
        self.keeps_late = False
        self._declines: list[str] = []
        self._ignores = 0

    def decline_next(self, times: int = 1, *, cause: str = "Decline") -> None:
        """Refuse the next requests of the device."""
        self._declines.extend([cause] * times)

    def ignore_next(self, times: int = 1) -> None:
        """Leave the next requests of the device without an answer."""
        self._ignores += times

    def verdict(self, via: Watcher) -> Verdict:
        """Decide about one request."""
        slow = via.faults.strike("hybrid_delay")
        delay_s = slow.number("seconds") if slow is not None else self.delay_s
        if self._ignores or via.faults.strike("hybrid_timeout") is not None:
            self._ignores = max(0, self._ignores - 1)
            return Verdict(answer="ignore", delay_s=delay_s)
        declined = via.faults.strike("hybrid_decline") if not self._declines else None
        if self._declines or declined is not None:
            cause = self._declines.pop(0) if declined is None else declined.text("cause")
            return Verdict(answer="refuse", delay_s=delay_s, cause=cause)
        return Verdict(answer="accept", delay_s=delay_s)

    # What people do in the calendar itself.

    def create(
        self,
        organizer: str,
        start: datetime,
        duration_min: int,
        *,
        title: str = "Desk",
        attendees: Iterable[str] = (),
        end_buffer_s: int = 0,
    ) -> str:
        """Make a meeting with the desk and return its MeetingId; the device learns of it a little later."""
        calendar = self._calendar
        meeting_id = calendar.new_uuid()
        request = BookingRequest(
            uuid="",
            title=title,
            start=start,
            duration_min=duration_min,
            organizer=calendar.directory.person(organizer),
            by="calendar",
        )

        def arrive() -> None:
            entry = calendar.add(request, meeting_id=meeting_id, via=calendar.devices[0], announced=False)
            entry.attendees = frozenset(attendees)
            entry.end_buffer_s = end_buffer_s
            calendar.tell(lambda device: device.hear_created(entry, None))

        calendar.schedule.after(self.push_s, arrive)
        return meeting_id

    def move(
        self,
        meeting_id: str,
        *,
        start: datetime | None = None,
        duration_min: int | None = None,
        title: str | None = None,
    ) -> None:
        """Change a meeting; the device learns of it a little later."""
        change = Change(start=start, duration_min=duration_min, title=title)
        calendar = self._calendar

        def arrive() -> None:
            entry = calendar.by_meeting_id(meeting_id)
            if entry is not None:
                calendar.move(entry, change, via=calendar.devices[0], by="calendar")

        calendar.schedule.after(self.push_s, arrive)

    def cancel(self, meeting_id: str) -> None:
        """Delete a meeting; the device learns of it a little later."""
        calendar = self._calendar

        def arrive() -> None:
            entry = calendar.by_meeting_id(meeting_id)
            if entry is not None:
                calendar.remove(entry, cause="Deleted", via=calendar.devices[0], by="calendar")

        calendar.schedule.after(self.push_s, arrive)


class HybridCalendar(Calendar):
    """A calendar that asks its back end before anything is true."""

    kind = "hybrid"

    def __init__(
        self,
        schedule: Schedule,
        *,
        rng: random.Random,
        directory: Directory | None = None,
        habits: Habits | None = None,
        delay_s: float = 2.0,
    ) -> None:
        super().__init__(schedule, rng=rng, directory=directory, habits=habits)
        self.backend = Backend(self, delay_s=delay_s)
        self.pending: dict[str, BookingRequest] = {}
        """Requests the back end has not answered, by UUID."""

    def book(self, request: BookingRequest, *, via: Watcher) -> None:
        """Ask the back end; without an answer in time the booking fails."""
        self.pending[request.uuid] = request
        self.tell(lambda device: device.hear_requested(request))

        def accept() -> None:
            if self.refusal(request):
                refuse("Decline")
                return
            self.pending.pop(request.uuid, None)
            self.add(request, meeting_id=self.new_uuid(), via=via)

        def refuse(cause: str) -> None:
            self.pending.pop(request.uuid, None)
            self.tell(lambda device: device.hear_failed(request, cause))

        self._ask(via, accept, refuse)

    def change(self, entry: Entry, change: Change, *, via: Watcher, by: By) -> None:
        """Ask the back end; the booking stays as it was unless it accepts."""
        self.tell(lambda device: device.hear_edit_requested(entry))
        self._ask(
            via,
            lambda: self._if_there(entry, lambda: self.move(entry, change, via=via, by=by)),
            lambda cause: self.tell(lambda device: device.hear_edit_failed(entry, cause)),
        )

    def extend(self, entry: Entry, minutes: int, *, via: Watcher, by: By) -> None:
        """Ask the back end for a second meeting behind the first; the device shows both as one."""
        new_end = entry.end + timedelta(minutes=minutes)
        self.tell(lambda device: device.hear_extension_requested(entry, minutes, new_end))

        def accept() -> None:
            entry.extension_ids = (*entry.extension_ids, self.new_uuid())
            self.move(entry, Change(duration_min=entry.duration_min + minutes), via=via, by=by)

        self._ask(
            via,
            lambda: self._if_there(entry, accept),
            lambda cause: self.tell(lambda device: device.hear_extension_failed(entry, cause)),
        )

    def delete(self, entry: Entry, *, cause: Cause, via: Watcher, by: By) -> None:
        """Ask the back end; when it refuses or says nothing, nothing happens and nothing is announced."""
        self._ask(via, lambda: self.remove(entry, cause=cause, via=via, by=by), lambda _cause: None)

    def _if_there(self, entry: Entry, action: Callable[[], None]) -> None:
        if entry.key in self.entries:
            action()

    def _ask(self, via: Watcher, accepted: Callable[[], None], refused: Callable[[str], None]) -> None:
        verdict = self.backend.verdict(via)
        timeout_s = via.booking_timeout_s
        in_time = verdict.delay_s < timeout_s
        if verdict.answer == "ignore" or not in_time:
            self.schedule.after(timeout_s, lambda: refused("Timeout"))
            if verdict.answer == "accept" and self.backend.keeps_late:
                self.schedule.after(min(verdict.delay_s, _ANSWERS_LATE_S), accepted)
        elif verdict.answer == "refuse":
            self.schedule.after(verdict.delay_s, lambda: refused(verdict.cause))
        else:
            self.schedule.after(verdict.delay_s, accepted)
