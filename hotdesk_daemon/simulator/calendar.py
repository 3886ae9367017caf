"""
The calendar of a workspace: what all calendars have in common, and the local kind.

A local calendar lives on the devices of the workspace, which share it; it decides at once. What happens is told to
every device of the workspace, and each of them announces it to whoever listens there.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

import attrs

from .entries import BookingRequest, Cause, Directory, Effect, Entry, Person

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from .entries import By
    from .faults import FaultBoard
    from .schedule import Schedule

_KEEP_ENDED = timedelta(days=2)


class Watcher(Protocol):
    """A device of the workspace, as its calendar sees it."""

    faults: FaultBoard

    @property
    def booking_timeout_s(self) -> float:
        """How long the device waits for a calendar back end."""
        ...

    def note(self, effect: Effect) -> None:
        """Record what really happened."""
        ...

    def hear_requested(self, request: BookingRequest) -> None:
        """Learn that a booking was asked for."""
        ...

    def hear_created(self, entry: Entry, request: BookingRequest | None) -> None:
        """Learn of a new booking."""
        ...

    def hear_failed(self, request: BookingRequest, cause: str) -> None:
        """Learn that a booking was refused."""
        ...

    def hear_edit_requested(self, entry: Entry) -> None:
        """Learn that another time was asked for."""
        ...

    def hear_moved(self, entry: Entry) -> None:
        """Learn of the new time of a booking."""
        ...

    def hear_edit_failed(self, entry: Entry, cause: str) -> None:
        """Learn that another time was refused."""
        ...

    def hear_extension_requested(self, entry: Entry, minutes: int, new_end: datetime) -> None:
        """Learn that more time was asked for."""
        ...

    def hear_extension_failed(self, entry: Entry, cause: str) -> None:
        """Learn that more time was refused."""
        ...

    def hear_deleted(self, entry: Entry, cause: Cause) -> None:
        """Learn that a booking has gone."""
        ...

    def hear_checked_in(self, entry: Entry) -> None:
        """Learn that somebody checked in."""
        ...

    def hear_updated(self) -> None:
        """Learn that something changed that no other notice describes."""
        ...


@attrs.define(kw_only=True)
class Habits:
    """
    How a calendar behaves where the published facts leave it open.

    Args:
        overlap: a booking over another is taken, refused as a command error, or announced as failed.
        past: the same for a booking that would be over already.
        announces_commands: whether an integration's own `Edit` on a local desk is announced by `EditRequested`.

    """

    overlap: Literal["accept", "error", "fail"] = "accept"
    past: Literal["accept", "error", "fail"] = "error"
    announces_commands: bool = False


@attrs.frozen(kw_only=True)
class Change:
    """New values for a booking; None leaves a value as it is."""

    start: datetime | None = None
    duration_min: int | None = None
    title: str | None = None
    organizer: Person | None = None

    def moves(self, entry: Entry) -> bool:
        """Whether the time would be another one."""
        return (self.start or entry.start, self.duration_min or entry.duration_min) != (
            entry.start,
            entry.duration_min,
        )

    def apply(self, entry: Entry) -> None:
        """Give the booking the new values."""
        entry.start = self.start or entry.start
        entry.duration_min = self.duration_min or entry.duration_min
        entry.title = entry.title if self.title is None else self.title
        entry.organizer = self.organizer or entry.organizer


class Calendar:
    """What both kinds have in common: the entries, the devices that show them, and the announcing."""

    kind: ClassVar[Literal["local", "hybrid"]]

    def __init__(
        self,
        schedule: Schedule,
        *,
        rng: random.Random,
        directory: Directory | None = None,
        habits: Habits | None = None,
    ) -> None:
        self.schedule = schedule
        self.rng = rng
        self.directory = directory or Directory()
        self.habits = habits or Habits()
        self.entries: dict[int, Entry] = {}
        self.devices: list[Watcher] = []
        self._next_key = 1

    # What people and devices may ask; each calendar answers in its own way.

    def book(self, request: BookingRequest, *, via: Watcher) -> None:
        """Ask for a booking; the outcome is announced."""
        raise NotImplementedError

    def change(self, entry: Entry, change: Change, *, via: Watcher, by: By) -> None:
        """Ask for other values of a booking; the outcome is announced."""
        raise NotImplementedError

    def extend(self, entry: Entry, minutes: int, *, via: Watcher, by: By) -> None:
        """Ask for more time; the outcome is announced."""
        raise NotImplementedError

    def delete(self, entry: Entry, *, cause: Cause, via: Watcher, by: By) -> None:
        """Ask for the end of a booking; only success is announced."""
        raise NotImplementedError

    # What is in it.

    def in_order(self) -> list[Entry]:
        """Return all entries by start, then by age."""
        return sorted(self.entries.values(), key=lambda entry: (entry.start, entry.key))

    def running(self, moment: datetime) -> Entry | None:
        """Return the booking that *moment* lies in; of several the one that began first."""
        return next((entry for entry in self.in_order() if entry.runs_at(moment)), None)

    def by_meeting_id(self, meeting_id: str) -> Entry | None:
        """Return the newest booking of that MeetingId."""
        found = (one for one in reversed(self.in_order()) if meeting_id and meeting_id == one.meeting_id)
        return next(found, None)

    def is_taken(self, start: datetime, end: datetime, *, besides: Entry | None = None) -> bool:
        """Whether a booking lies in the span."""
        return any(entry.overlaps(start, end) for entry in self.entries.values() if entry is not besides)

    def refusal(self, request: BookingRequest) -> str:
        """Return how the booking would be refused, by command error or by event; empty when it would not."""
        if request.end <= self.schedule.now() and self.habits.past != "accept":
            return self.habits.past
        if self.is_taken(request.start, request.end) and self.habits.overlap != "accept":
            return self.habits.overlap
        return ""

    def new_uuid(self) -> str:
        """Return an id nobody has, the same in every run of the same seed."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    # What happens, told to all devices.

    def add(self, request: BookingRequest, *, meeting_id: str, via: Watcher, announced: bool = True) -> Entry:
        """Put a booking in and tell the devices."""
        self._forget_old()
        entry = Entry(
            key=self._next_key,
            meeting_id=meeting_id,
            title=request.title,
            start=request.start,
            duration_min=request.duration_min,
            organizer=request.organizer,
            request_uuid=request.uuid,
            platform=request.platform,
            number=request.number,
            protocol=request.protocol,
            by=request.by,
            ad_hoc=request.ad_hoc,
        )
        self._next_key += 1
        self.entries[entry.key] = entry
        self.note("booked", entry, via=via, by=request.by)
        if announced:
            self.tell(lambda device: device.hear_created(entry, request if request.uuid else None))
        return entry

    def move(self, entry: Entry, change: Change, *, via: Watcher, by: By) -> None:
        """Give a booking its new values and tell the devices."""
        moves = change.moves(entry)
        change.apply(entry)
        self.note("moved" if moves else "changed", entry, via=via, by=by)
        self.tell(lambda device: device.hear_moved(entry) if moves else device.hear_updated())

    def remove(self, entry: Entry, *, cause: Cause, via: Watcher, by: By) -> None:
        """Take a booking out and tell the devices; without effect when it is out."""
        if self.entries.pop(entry.key, None) is None:
            return
        self.note("deleted", entry, via=via, by=by, detail=cause)
        self.tell(lambda device: device.hear_deleted(entry, cause))

    def check_in(self, entry: Entry, *, via: Watcher, by: By) -> None:
        """Mark a booking as used and tell the devices; without effect when it is."""
        if entry.checked_in:
            return
        entry.checked_in = True
        self.note("checked_in", entry, via=via, by=by)
        self.tell(lambda device: device.hear_checked_in(entry))

    def tell(self, told: Callable[[Watcher], None]) -> None:
        """Tell every device of the workspace."""
        for device in tuple(self.devices):
            told(device)

    def note(self, kind: str, entry: Entry, *, via: Watcher, by: By, detail: str = "") -> None:
        """Record at the device it came through what really happened."""
        effect = Effect(
            kind=kind,  # type: ignore[arg-type]  # callers name kinds of Effect; spelling them out twice helps nobody
            by=by,
            at=self.schedule.now(),
            meeting_id=entry.meeting_id,
            request_uuid=entry.request_uuid,
            detail=detail,
        )
        via.note(effect)

    def _forget_old(self) -> None:
        old = self.schedule.now() - _KEEP_ENDED
        for entry in [one for one in self.entries.values() if one.end < old]:
            del self.entries[entry.key]


class LocalCalendar(Calendar):
    """
    The calendar on the devices themselves: every wish is fulfilled at once, and the MeetingId is the request's UUID.
    """

    kind = "local"

    def book(self, request: BookingRequest, *, via: Watcher) -> None:
        """Book; `BookingRequested` and `BookingCreated` come together."""
        self.tell(lambda device: device.hear_requested(request))
        if self.refusal(request):
            self.tell(lambda device: device.hear_failed(request, "Decline"))
        else:
            self.add(request, meeting_id=request.uuid, via=via)

    def change(self, entry: Entry, change: Change, *, via: Watcher, by: By) -> None:
        """Store the new values."""
        if change.moves(entry) and (by == "person" or self.habits.announces_commands):
            self.tell(lambda device: device.hear_edit_requested(entry))
        self.move(entry, change, via=via, by=by)

    def extend(self, entry: Entry, minutes: int, *, via: Watcher, by: By) -> None:
        """Store the new end."""
        new_end = entry.end + timedelta(minutes=minutes)
        self.tell(lambda device: device.hear_extension_requested(entry, minutes, new_end))
        self.move(entry, Change(duration_min=entry.duration_min + minutes), via=via, by=by)

    def delete(self, entry: Entry, *, cause: Cause, via: Watcher, by: By) -> None:
        """Remove the booking."""
        self.remove(entry, cause=cause, via=via, by=by)
