"""
Everything that can change a desk, as values.

Each class is one kind of input; its class name is the kind's name in the journal, in logs and in the transition
tables. Fields follow the RoomOS xAPI schema 26.4.1 (events, statuses) and our own doors. A field is optional where the
schema marks it as not required or where an older release lacks it. Empty strings arrive here as ``None``.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId, DeviceId
from hotdesk_daemon.core.policy import Policy, Stage


class CalendarKind(StrEnum):
    LOCAL = "local"  # bookings live on the devices
    HYBRID = "hybrid"  # Exchange, Microsoft 365 or Google decides, later


@attrs.frozen(kw_only=True)
class Input:
    """Anything recorded that a desk's next state may depend on."""


# --- what devices say: xEvents ---------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class DeviceInput(Input):
    """Something that one device of the desk said or that happened to our connection to it."""

    device: DeviceId


@attrs.frozen(kw_only=True)
class BookingEvent(DeviceInput):
    """An event below ``Event Bookings``. Identification: any of the ids may be absent."""

    booking_request_uuid: str | None = None
    meeting_id: str | None = None
    id: str | None = None


@attrs.frozen(kw_only=True)
class BookingRequested(BookingEvent):
    start: datetime
    duration_min: int
    title: str = ""


@attrs.frozen(kw_only=True)
class BookingCreated(BookingEvent):
    start: datetime
    duration_min: int
    title: str = ""
    organizer_name: str | None = None
    organizer_email: str | None = None
    organizer_id: str | None = None


@attrs.frozen(kw_only=True)
class BookingFailed(BookingEvent):
    """``failure_cause`` is the device's word; unknown words are kept as they are."""

    failure_cause: str = "unknown"


@attrs.frozen(kw_only=True)
class BookingMoved(BookingEvent):
    start: datetime
    duration_min: int


@attrs.frozen(kw_only=True)
class EditRequested(BookingEvent):
    pass


@attrs.frozen(kw_only=True)
class EditFailed(BookingEvent):
    failure_cause: str = "unknown"


@attrs.frozen(kw_only=True)
class ExtensionRequested(BookingEvent):
    """Only ``new_end`` is safe: what ``duration_min`` counts is not documented."""

    new_end: datetime | None = None
    duration_min: int | None = None
    original_meeting_id: str | None = None


@attrs.frozen(kw_only=True)
class ExtensionFailed(BookingEvent):
    """``meeting_id`` is the schema's ``OriginalMeetingId``."""

    failure_cause: str = "unknown"
    extension_start: datetime | None = None


@attrs.frozen(kw_only=True)
class Start(BookingEvent):
    pass


@attrs.frozen(kw_only=True)
class End(BookingEvent):
    start: datetime | None = None
    end: datetime | None = None
    scheduled_duration_min: int | None = None


@attrs.frozen(kw_only=True)
class StartTimeBuffer(BookingEvent):
    pass


@attrs.frozen(kw_only=True)
class EndTimeBuffer(BookingEvent):
    pass


@attrs.frozen(kw_only=True)
class CheckedIn(BookingEvent):
    start: datetime | None = None
    end: datetime | None = None
    minute_offset: int | None = None


@attrs.frozen(kw_only=True)
class Deleted(BookingEvent):
    """``cause`` is the device's word (``ManualCheckOut``, ``NoShow``, …); absent or unknown words are no error."""

    cause: str = "unknown"
    organizer_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    timestamp: datetime | None = None
    scheduled_duration_min: int | None = None
    minutes_freed: int | None = None


@attrs.frozen(kw_only=True)
class TimeRemaining(BookingEvent):
    seconds: int = 0


@attrs.frozen(kw_only=True)
class NotificationSnoozed(BookingEvent):
    pass


@attrs.frozen(kw_only=True)
class SyncRequired(DeviceInput):
    pass


@attrs.frozen(kw_only=True)
class Updated(DeviceInput):
    pass


# --- what devices say: xStatus ---------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class StatusInput(DeviceInput):
    """One mirrored status; ``None`` as a value means that the device does not know or said something unknown."""


@attrs.frozen(kw_only=True)
class Personalized(StatusInput):
    """``Webex DevicePersonalization Personalized``: whether someone is signed in, never who."""

    value: bool | None


@attrs.frozen(kw_only=True)
class SessionStatus(StatusInput):
    """``Webex DevicePersonalization Hotdesking SessionStatus``: ``Available`` or ``Reserved``."""

    value: str | None


@attrs.frozen(kw_only=True)
class Availability(StatusInput):
    """``Bookings Availability``; a field that the notification did not carry is ``None`` and changes nothing."""

    status: str | None = None
    timestamp: datetime | None = None


@attrs.frozen(kw_only=True)
class CurrentBooking(StatusInput):
    """``Bookings Current Id``: the running booking's device ``Id``; ``None`` when there is none."""

    id: str | None


@attrs.frozen(kw_only=True)
class ActiveCalls(StatusInput):
    """``SystemUnit State NumberOfActiveCalls``."""

    value: int | None


@attrs.frozen(kw_only=True)
class SystemState(StatusInput):
    """``SystemUnit State System``: ``InCall``, ``Initialized``, ``Initializing``, ``Multisite`` or ``Sleeping``."""

    value: str | None


@attrs.frozen(kw_only=True)
class StandbyState(StatusInput):
    """``Standby State``: ``Off``, ``Halfwake``, ``EnteringStandby`` or ``Standby``."""

    value: str | None


@attrs.frozen(kw_only=True)
class PeopleCount(StatusInput):
    """``RoomAnalytics PeopleCount Current``; the wire's -1 (not known) arrives as ``None``."""

    value: int | None


@attrs.frozen(kw_only=True)
class PeoplePresence(StatusInput):
    """``RoomAnalytics PeoplePresence``; the wire's ``Unknown`` arrives as ``None``."""

    value: bool | None


@attrs.frozen(kw_only=True)
class RoomInUse(StatusInput):
    """``RoomAnalytics RoomInUse``."""

    value: bool | None


@attrs.frozen(kw_only=True)
class Presentation(StatusInput):
    """``Conference Presentation LocalInstance[n] SendingMode``; ``None`` when the instance is gone (a ghost)."""

    instance: str
    sending_mode: str | None


# --- lists, answers, links -------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ListedBooking:
    """One reservation of a ``Bookings List`` result; ``end`` minus ``start`` is its duration."""

    id: str | None
    meeting_id: str | None
    start: datetime
    end: datetime
    title: str = ""
    organizer_name: str | None = None
    organizer_email: str | None = None
    organizer_id: str | None = None

    @property
    def duration_min(self) -> int:
        return round((self.end - self.start).total_seconds() / 60)


class ListCause(StrEnum):
    """Why a list was asked for."""

    CONNECTED = "connected"
    SYNC_REQUIRED = "sync required"
    UPDATED = "updated"
    SURPRISE = "surprising event"
    UNANSWERED = "unanswered change"
    LOST_ANSWER = "lost answer"
    ASKED = "asked by a person"
    TIMED = "timed"
    UNPUSHED = "timed, for what is not pushed"
    RETRY = "retry of a failed list"


@attrs.frozen(kw_only=True)
class BookingsListed(DeviceInput):
    """
    The complete list of one device, from today on.

    ``skipped`` counts entries that are no reservations (running ad hoc calls) or could not be read; ``unread`` are the
    ids of the latter, for their bookings are not missing.
    """

    bookings: tuple[ListedBooking, ...] = ()
    skipped: int = 0
    unread: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ListFailed(DeviceInput):
    error: str


@attrs.frozen(kw_only=True)
class LinkUp(DeviceInput):
    """A session stands: subscriptions are in place and nothing has been listed yet."""

    software: str | None = None
    booking_timeout_s: int | None = None  # ``Bookings AdhocBooking BookingTimeout``, where it could be read


@attrs.frozen(kw_only=True)
class LinkDown(DeviceInput):
    cause: str


class Outcome(StrEnum):
    """What became of one attempt to send a command."""

    ACCEPTED = "accepted"  # the device answered OK
    REFUSED = "refused"  # the device answered with an error, or cannot do it
    UNKNOWN = "unknown"  # sent, and the answer was lost
    NOT_DONE = "not done"  # certainly not done, and to be tried again
    GAVE_UP = "gave up"  # certainly not done, and tried long enough


@attrs.frozen(kw_only=True)
class CommandSending(Input):
    """The next instruction sends the command: from here on it may have been carried out."""

    command_id: CommandId
    device: DeviceId
    attempt: int


@attrs.frozen(kw_only=True)
class CommandAnswered(Input):
    command_id: CommandId
    outcome: Outcome
    code: int | None = None
    message: str = ""


# --- time and people -------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class TimerFired(Input):
    """A timer of the desk's state is due; ``key`` names it."""

    key: str


@attrs.frozen(kw_only=True)
class BookAsked(Input):
    """Someone asks us to book; ``booking_request_uuid`` was made where the wish came in."""

    booking_request_uuid: str
    start: datetime
    duration_min: int
    title: str = ""
    organizer_name: str | None = None
    organizer_email: str | None = None
    organizer_id: str | None = None


@attrs.frozen(kw_only=True)
class EditAsked(Input):
    booking_id: BookingId
    start: datetime | None = None
    duration_min: int | None = None
    title: str | None = None


@attrs.frozen(kw_only=True)
class DeleteAsked(Input):
    booking_id: BookingId


@attrs.frozen(kw_only=True)
class SignOutAsked(Input):
    """Sign out whoever is signed in; during a call only with ``even_in_call``. ``device`` None means every device."""

    device: DeviceId | None = None
    even_in_call: bool = False


@attrs.frozen(kw_only=True)
class ResyncAsked(Input):
    pass


@attrs.frozen(kw_only=True)
class MaintenanceAsked(Input):
    """Leave the desk alone until a moment, or with ``None`` no longer."""

    until: datetime | None = None


@attrs.frozen(kw_only=True)
class RetryAsked(Input):
    command_id: CommandId


@attrs.frozen(kw_only=True)
class DropAsked(Input):
    command_id: CommandId


# --- ourselves -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class DeskConfigured(Input):
    """
    The settings of the desk, recorded so that a replay has them.

    ``sync_interval_s`` is the time between timed lists, ``deadline_s`` how long a command may stay unsettled,
    ``booking_timeout_s`` how long a calendar may take to confirm where no device tells its own limit. ``reconcile_s``,
    unless 0, says that the way to the desk does not push every change: lists and statuses are then read so often, and
    soon after each known start and end.
    """

    desk: DeskId
    calendar: CalendarKind
    devices: tuple[DeviceId, ...]
    stage: Stage = Stage.ENFORCE
    policy: Policy = attrs.field(factory=Policy)
    sync_interval_s: int = 900
    deadline_s: int = 900
    sign_in_settle_s: int = 15
    booking_timeout_s: int = 300
    reconcile_s: int = 0


@attrs.frozen(kw_only=True)
class ClockSet(Input):
    """Somebody set the wall clock that we live by, ahead by so many seconds or, below 0, back."""

    by_s: int


@attrs.frozen(kw_only=True)
class DaemonStarted(Input):
    """
    We begin: every link is down, and what was being sent when we ended may or may not have been done.

    ``last_stop`` is how the run before ended: "clean", "failed" or "killed"; empty where that is not known.
    """

    version: str = ""
    last_stop: str = ""


@attrs.frozen(kw_only=True)
class Undecodable(DeviceInput):
    """A message that could not be understood; its bytes stand beside this record."""

    error: str


_BASES = (Input, DeviceInput, BookingEvent, StatusInput)

#: Every kind of input by its name, in name order.
KINDS: dict[str, type[Input]] = {
    name: cls
    for name, cls in sorted(globals().items())
    if isinstance(cls, type) and issubclass(cls, Input) and cls not in _BASES
}
