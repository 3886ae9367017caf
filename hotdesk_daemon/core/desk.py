"""
What we hold about one desk.

A *desk* is the bookable place; it has one *device* or several (companion mode) that share its calendar. Everything in
here is a value: a step makes a new `Desk` and leaves the old one as it was. Mappings are never changed in place.

The four lives of the transition tables are the enums below: `BookingState`, `ChangeState` (a booking's open edit or
extension), `SignInState` and `LinkState` (both per device). `CommandState` is the life of a command that we decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

import attrs

from hotdesk_daemon.core.commands import Command
from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId, DeviceId
from hotdesk_daemon.core.inputs import BookingEvent, CalendarKind, ListCause
from hotdesk_daemon.core.policy import Policy, Stage


class BookingState(StrEnum):
    ABSENT = "absent"  # no booking answers to the ids that came
    REQUESTED = "requested"  # asked for, not confirmed
    CREATED = "created"
    STARTED = "started"
    ENDED = "ended"
    DELETED = "deleted"
    FAILED = "failed"


#: States that a booking does not leave by itself any more.
OVER = frozenset({BookingState.ENDED, BookingState.DELETED, BookingState.FAILED})


class ChangeState(StrEnum):
    NONE = "none"
    EDIT_ASKED = "edit asked"
    EXTENSION_ASKED = "extension asked"
    REVERTING = "reverting"  # we refused a change and wait for the old time to come back


class SignInState(StrEnum):
    UNKNOWN = "unknown"  # not heard since the link came up, or the release does not say
    SHARED = "shared"
    UNBOOKED = "signed in without booking"
    CHECKING = "checking"  # signed in during a booking, seconds ago: the device may still find a wrong user
    BOOKED = "signed in to booking"
    LEAVING = "leaving"  # the booking is over, the device is about to sign out
    STAYING = "staying on"  # the booking is over, a call keeps the user signed in


class LinkState(StrEnum):
    DOWN = "down"
    SYNCING = "syncing"  # connected and subscribed, the first list not applied yet
    LIVE = "live"
    STALE = "stale"  # connected, but what we hold may be wrong until the next list


class CommandState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    TAKEN = "taken"  # answered OK; the effect has not shown yet
    UNKNOWN = "unknown"  # sent, the answer is lost: ask before sending again
    PARKED = "parked"  # waits for a person: retry or drop
    DONE = "done"
    REFUSED = "refused"
    DROPPED = "dropped"


#: Command states that end its life.
SETTLED = frozenset({CommandState.DONE, CommandState.REFUSED, CommandState.DROPPED})


class Verdict(StrEnum):
    UNDECIDED = "undecided"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Origin(StrEnum):
    """Where a booking was first heard of."""

    DEVICE = "device"
    INTEGRATION = "integration"
    CALENDAR = "calendar"
    LIST = "list"


@attrs.frozen(kw_only=True)
class Organizer:
    name: str | None = None
    email: str | None = None
    id: str | None = None


@attrs.frozen(kw_only=True, slots=False)  # see `altered`
class Booking:
    """
    One booking of the desk, with every alias it is known by.

    ``ids`` are the devices' own ids, valid for one boot. ``start``/``duration_min`` are what the device says now,
    ``accepted_start``/``accepted_duration_min`` the last times that the rules allowed, and ``accepted_why`` what
    counted then, in words. ``rejected_at`` is the stage at which the rules last rejected it. Rules and stage may be
    others by now. Both are None where a program decided that did not keep them. ``seen_on`` are the devices whose list
    or event showed it. ``deadline`` bounds an open request or change.
    """

    booking_id: BookingId
    state: BookingState
    origin: Origin
    start: datetime
    duration_min: int
    booking_request_uuid: str | None = None
    meeting_id: str | None = None
    ids: Mapping[DeviceId, str] = attrs.field(factory=dict)
    seen_on: tuple[DeviceId, ...] = ()
    title: str = ""
    organizer: Organizer = attrs.field(factory=Organizer)
    accepted_start: datetime | None = None
    accepted_duration_min: int | None = None
    accepted_why: str | None = None
    rejected_at: Stage | None = None
    verdict: Verdict = Verdict.UNDECIDED
    verdict_why: str | None = None
    change: ChangeState = ChangeState.NONE
    change_end: datetime | None = None
    reverts: int = 0
    signed_in: bool = False  # someone signed in to it and stayed
    checked_in: bool = False
    end_cause: str | None = None
    changed_at: datetime
    changed_seq: int

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.duration_min)

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    def is_any_of(self, ids: frozenset[str], device: DeviceId) -> bool:
        """Whether *device* means it by one of *ids*, which are Ids and MeetingIds."""
        return not ids.isdisjoint({self.meeting_id, self.booking_request_uuid, self.ids.get(device)})


@attrs.frozen(kw_only=True, slots=False)  # see `altered`
class Device:
    """One device: our link to it and the statuses that it last told; ``None`` is unknown."""

    device_id: DeviceId
    link: LinkState = LinkState.DOWN
    link_cause: str = "not connected yet"
    software: str | None = None
    booking_timeout_s: int | None = None
    listed_at: datetime | None = None
    sign_in: SignInState = SignInState.UNKNOWN
    signed_in_to: BookingId | None = None
    personalized: bool | None = None
    session_status: str | None = None
    availability: str | None = None
    availability_timestamp: datetime | None = None
    current_id: str | None = None
    active_calls: int | None = None
    system_state: str | None = None
    standby: str | None = None
    people_count: int | None = None
    people_presence: bool | None = None
    room_in_use: bool | None = None
    presentations: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def in_call(self) -> bool:
        return bool(self.active_calls) or self.system_state == "InCall"


@attrs.frozen(kw_only=True)
class OpenCommand:
    """
    A command that we decided, from the decision until it is settled.

    ``asked`` is when its outcome became a question (an answer lost, or taken without an effect); only a list asked for
    after that can answer it. ``moved_from`` are the times of the booking when an ``Edit`` of it was decided.
    ``refused`` says that the device answered with an error, so it is not sent again by itself. ``deadline`` is when it
    is parked if nothing settled it before. ``by_rule`` tells what the rules ask for from what a person asked for.
    ``even_in_call`` lets a ``Logout`` end a running call.
    """

    command_id: CommandId
    command: Command
    state: CommandState
    cause_seq: int
    decided_at: datetime
    deadline: datetime
    booking_id: BookingId | None = None
    device: DeviceId | None = None
    attempts: int = 0
    answered_at: datetime | None = None
    asked: datetime | None = None
    moved_from: tuple[datetime, int] | None = None
    refused: bool = False
    handed: bool = False  # given to the dispatcher since it last became pending
    why: str = ""
    by_rule: bool = False
    even_in_call: bool = False
    message: str = ""


@attrs.frozen(kw_only=True)
class Timer:
    """A moment at which the desk wants to be looked at again; ``key`` names it, the newest set wins."""

    key: str
    due: datetime
    cause_seq: int


@attrs.frozen(kw_only=True, slots=False)  # see `altered`
class Sync:
    """
    The list traffic of one desk: at most one list under way, at most one waiting per device.

    ``count`` numbers the lists asked for; ``started_at`` is when the last one was, ``asked_seq`` the input under which.
    ``wanted_seqs`` are the inputs that made us want the lists that wait.
    """

    listing: DeviceId | None = None
    cause: ListCause | None = None
    waiting: Mapping[DeviceId, ListCause] = attrs.field(factory=dict)
    wanted_seqs: Mapping[DeviceId, int] = attrs.field(factory=dict)
    count: int = 0
    started_at: datetime | None = None
    failures: int = 0
    asked_seq: int | None = None


@attrs.frozen(kw_only=True)
class Held:
    """A booking event that waits for the list under way; ``seq`` is the number of the input that brought it."""

    seq: int
    event: BookingEvent


@attrs.frozen(kw_only=True, slots=False)  # see `altered`
class Counters:
    """Since the desk was first seen; shown to people, part of the state so that replays agree."""

    surprises: int = 0
    drift: int = 0
    undecodable: int = 0
    lists: int = 0
    refused: int = 0


@attrs.frozen(kw_only=True, slots=False)  # see `altered`
class Desk:
    """
    The whole state of one desk after ``seq`` inputs.

    ``buffer`` holds booking events that came while a list was under way; they are applied after it. While a time to
    come stands in ``maintenance_until`` the desk is treated as at stage `off`, whatever ``stage`` is.
    """

    desk_id: DeskId
    seq: int = 0
    calendar: CalendarKind = CalendarKind.LOCAL
    stage: Stage = Stage.ENFORCE
    maintenance_until: datetime | None = None
    policy: Policy = attrs.field(factory=Policy)
    sync_interval_s: int = 900
    deadline_s: int = 900
    sign_in_settle_s: int = 15
    booking_timeout_s: int = 300
    reconcile_s: int = 0
    devices: Mapping[DeviceId, Device] = attrs.field(factory=dict)
    bookings: Mapping[BookingId, Booking] = attrs.field(factory=dict)
    commands: Mapping[CommandId, OpenCommand] = attrs.field(factory=dict)
    timers: Mapping[str, Timer] = attrs.field(factory=dict)
    sync: Sync = attrs.field(factory=Sync)
    buffer: tuple[Held, ...] = ()
    counters: Counters = attrs.field(factory=Counters)

    @property
    def living(self) -> Mapping[BookingId, Booking]:
        """The bookings that are not over, in the order of ``bookings``."""
        return self._living

    @cached_property
    def _living(self) -> Mapping[BookingId, Booking]:
        # Found once and handed on from step to step (`Draft.step`), for most bookings that a desk holds are over. Its
        # underscore keeps it out of what is stored.
        return living(self.bookings)

    @property
    def is_stale(self) -> bool:
        """Whether the picture may be wrong: no device live, or one that said its list changed unseen."""
        return is_stale(self.devices.values())

    def next_timer(self) -> Timer | None:
        """The timer that is due first, ties broken by key."""
        return min(self.timers.values(), key=lambda t: (t.due, t.key), default=None)


def living(bookings: Mapping[BookingId, Booking]) -> Mapping[BookingId, Booking]:
    """Those of *bookings* that are not over, in their order."""
    return {key: booking for key, booking in bookings.items() if not booking.is_over}


def is_stale(devices: Iterable[Device]) -> bool:
    """Whether a desk with these devices may be shown wrongly; see `Desk.is_stale`."""
    is_live = False
    for device in devices:
        if device.link is LinkState.STALE:
            return True
        is_live = is_live or device.link is LinkState.LIVE
    return not is_live


_bare, _fill = object.__new__, object.__setattr__
_Altered = TypeVar("_Altered", Desk, Device, Booking, Sync, Counters)


def altered(old: _Altered, **changes: object) -> _Altered:
    """
    A copy of *old* with *changes*: ``attrs.evolve`` at a tenth of its price, for what every status and event copies.

    It costs one dictionary's copy because these classes have no slots, and it checks nothing: the names must be
    fields. Everything else is copied by ``attrs.evolve``, whose arguments are type-checked.
    """
    new = _bare(type(old))
    _fill(new, "__dict__", old.__dict__ | changes)
    return new
