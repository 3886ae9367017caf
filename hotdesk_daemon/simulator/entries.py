"""
Bookings as a simulated calendar keeps them, the people who make them, and times as devices write them.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

import attrs

By: TypeAlias = Literal["person", "integration", "calendar", "device"]
"""Who made something happen: somebody at the device, a command over its socket, somebody in the calendar, itself."""

Cause: TypeAlias = Literal["ManualCheckOut", "NoShow", "Deleted", "HotdeskSignout", "HotdeskOrganizerNotFoundInOrg"]

_NAMESPACE: Final = uuid.UUID("9d2f6f4e-3c51-4f0e-9a43-6f0f6b6a2a11")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z")


def render_time(moment: datetime) -> str:
    """Write a moment as devices do: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime | None:
    """Read a moment as devices take it; None when it is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        return None


@attrs.frozen(kw_only=True)
class Person:
    """Somebody who uses desks, as the organisation's directory has them."""

    email: str
    name: str = ""
    id: str = ""


class Directory:
    """
    Who belongs to the organisation.

    Everybody does who has an address, unless named an outsider: names and ids are derived from the address, so that
    they are the same in every run.
    """

    def __init__(self, outsiders: frozenset[str] = frozenset()) -> None:
        self.outsiders = set(outsiders)

    def has(self, email: str) -> bool:
        """Whether the address belongs to the organisation."""
        return email.lower() not in self.outsiders

    def person(self, email: str) -> Person:
        """Return the person with this address."""
        name = email.partition("@")[0].replace(".", " ").title()
        identity = str(uuid.uuid5(_NAMESPACE, email.lower())) if email and self.has(email) else ""
        return Person(email=email, name=name, id=identity)


@attrs.frozen(kw_only=True)
class BookingRequest:
    """What somebody wants to book."""

    uuid: str
    title: str
    start: datetime
    duration_min: int
    organizer: Person
    platform: str = ""
    number: str = ""
    protocol: str = ""
    by: By = "person"
    ad_hoc: bool = False

    @property
    def end(self) -> datetime:
        """When the booking would end."""
        return self.start + timedelta(minutes=self.duration_min)


@attrs.define(eq=False, kw_only=True)
class Entry:
    """One booking in a calendar. `key` is the calendar's own and never shown; devices give each their own `Id`."""

    key: int
    meeting_id: str
    title: str
    start: datetime
    duration_min: int
    organizer: Person
    attendees: frozenset[str] = frozenset()
    request_uuid: str = ""
    platform: str = ""
    number: str = ""
    protocol: str = ""
    by: By = "person"
    ad_hoc: bool = False
    checked_in: bool = False
    deleting: bool = False
    end_buffer_s: int = 0
    extension_ids: tuple[str, ...] = ()

    @property
    def end(self) -> datetime:
        """When the booking ends."""
        return self.start + timedelta(minutes=self.duration_min)

    def runs_at(self, moment: datetime) -> bool:
        """Whether *moment* lies in the booking."""
        return self.start <= moment < self.end

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether the booking and the span share any time."""
        return self.start < end and start < self.end

    def admits(self, email: str) -> bool:
        """Whether this person may sign in to the booking: the organizer or an attendee."""
        wanted = email.lower()
        return wanted == self.organizer.email.lower() or wanted in {one.lower() for one in self.attendees}


@attrs.frozen(kw_only=True)
class Effect:
    """Something that really happened to a desk, whatever was said about it."""

    kind: Literal[
        "booked", "moved", "changed", "deleted", "cleared", "replaced", "checked_in", "answered",
        "signed_in", "signed_out", "displayed", "undisplayed", "snoozed", "rebooted",
    ]  # fmt: skip
    by: By
    at: datetime
    meeting_id: str = ""
    request_uuid: str = ""
    detail: str = ""
