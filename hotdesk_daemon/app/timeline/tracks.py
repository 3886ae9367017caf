"""
What a drawn day is made of: things that last (tracks of spans), bookings, commands, and our own starts.

Persons and titles have no place in here, so no picture can show them.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

import attrs

from hotdesk_daemon.core.desk import BookingState, CommandState, Verdict
from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId


class Matter(StrEnum):
    """What a track is about."""

    SIGN_IN = "sign-in"
    CALL = "call"
    PEOPLE = "people"
    LINK = "link"
    STALE = "stale"


@attrs.frozen(kw_only=True)
class Span:
    """Something that lasted from ``since`` to ``until``: a state, or a number of people; ``text`` says why it began."""

    since: datetime
    until: datetime
    state: str
    text: str = ""

    @property
    def length(self) -> timedelta:
        return self.until - self.since


@attrs.frozen(kw_only=True)
class Track:
    """One matter at one device (``name``), or at the desk; ``spans`` follow each other, what is usual left out."""

    matter: Matter
    name: str
    spans: tuple[Span, ...]


@attrs.frozen(kw_only=True)
class BookingBar:
    """
    One booking, as it was held last.

    ``lives`` are its states, one after the other, as far as they fall into the stretch. ``made_at`` is when it was
    first heard of, None if that was before; ``over_at`` when it was over. ``earlier`` are the times (start, minutes)
    that it had before it was moved. ``ours`` says why, if it was us who deleted it.
    """

    booking_id: BookingId
    origin: str
    start: datetime
    duration_min: int
    state: BookingState
    verdict: Verdict
    verdict_why: str | None
    lives: tuple[Span, ...]
    made_at: datetime | None
    over_at: datetime | None
    end_cause: str | None
    earlier: tuple[tuple[datetime, int], ...]
    signed_in: bool
    checked_in: bool
    ours: str | None

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.duration_min)


@attrs.frozen(kw_only=True)
class CommandMark:
    """One command: decided, and settled (None: not until the end of the stretch), in its state of then."""

    command_id: CommandId
    path: str
    booking_id: BookingId | None
    decided_at: datetime
    settled_at: datetime | None
    state: CommandState
    attempts: int
    why: str
    message: str


@attrs.frozen(kw_only=True)
class Start:
    """A start of the daemon; nothing is recorded between ``silent_since`` and it (None: it is the first record)."""

    at: datetime
    silent_since: datetime | None


@attrs.frozen(kw_only=True)
class Timeline:
    """
    A stretch of a desk's history.

    ``known_since`` and ``known_until`` bound what is recorded of it: before the one nothing was known, behind the other
    only plans are. ``inputs`` counts what came in. ``elsewhen`` is how many bookings for other times were made.
    ``notes`` are whole sentences about what is not as it should be.
    """

    desk: DeskId
    zone: tzinfo
    since: datetime
    until: datetime
    known_since: datetime
    known_until: datetime
    bookings: tuple[BookingBar, ...]
    elsewhen: int
    tracks: tuple[Track, ...]
    commands: tuple[CommandMark, ...]
    starts: tuple[Start, ...]
    inputs: int
    notes: tuple[str, ...]

    def of(self, matter: Matter) -> list[Track]:
        """The tracks of one matter, by their devices."""
        return [track for track in self.tracks if track.matter is matter]
