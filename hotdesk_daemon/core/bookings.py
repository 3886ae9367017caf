"""Acts of the booking life: how a booking comes to be, learns its aliases and times, and ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core import sync
from hotdesk_daemon.core.aliases import learn, meeting_named
from hotdesk_daemon.core.desk import (
    Booking,
    BookingState,
    LinkState,
    Organizer,
    Origin,
    Verdict,
    altered,
)
from hotdesk_daemon.core.draft import START_TOLERANCE
from hotdesk_daemon.core.ids import BookingId, DeviceId
from hotdesk_daemon.core.inputs import (
    BookingCreated,
    BookingEvent,
    BookingFailed,
    BookingMoved,
    BookingRequested,
    BookingsListed,
    CalendarKind,
    CheckedIn,
    Deleted,
    End,
    Input,
    ListCause,
    ListedBooking,
)

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft

#: How long after a start or end we wait for the device's own event before we ask for a list.
WATCH_AFTER: Final = timedelta(seconds=60)
#: A local calendar answers at once; this is the patience with one that does not.
LOCAL_PATIENCE: Final = timedelta(seconds=60)
#: The device measures its own limit from the same moment; its word that time is up shall come before ours.
GRACE: Final = timedelta(seconds=10)


def answer_time(draft: Draft) -> timedelta:
    """How long a request or change may stay unanswered."""
    return draft.confirmation_time() + GRACE if draft.base.calendar is CalendarKind.HYBRID else LOCAL_PATIENCE


def new_booking(
    draft: Draft,
    *,
    state: BookingState,
    origin: Origin,
    start: datetime,
    duration_min: int,
    title: str,
    organizer: Organizer,
) -> Booking:
    """A booking with an id of its own: several may be born of one input (a list)."""
    stem = f"{draft.base.desk_id}.b{draft.seq}"
    more = f"{stem}-"
    number = sum(1 for key in draft.bookings if key == stem or key.startswith(more))
    return Booking(
        booking_id=BookingId(f"{stem}-{number + 1}" if number else stem),
        state=state,
        origin=origin,
        start=start,
        duration_min=duration_min,
        title=title,
        organizer=organizer,
        changed_at=draft.now,
        changed_seq=draft.seq,
    )


def request(draft: Draft, _: Booking | None, event: BookingRequested) -> Booking:
    """Someone at the device asked for a booking; it is confirmed or refused within the answer time."""
    booking = new_booking(
        draft,
        state=BookingState.REQUESTED,
        origin=Origin.DEVICE,
        start=event.start,
        duration_min=event.duration_min,
        title=event.title,
        organizer=Organizer(),
    )
    draft.set_timer(f"request:{booking.booking_id}", draft.now + answer_time(draft))
    return learn_event(draft, booking, event)


def learn_event(draft: Draft, booking: Booking, event: BookingEvent) -> Booking:
    return learn(
        booking,
        uuid=event.booking_request_uuid,
        meeting_id=meeting_named(event),
        own_id=event.id,
        device=event.device,
    )


def create(draft: Draft, _: Booking | None, event: BookingCreated) -> Booking:
    """Created without a request that we saw: in the calendar, or at the device while we did not listen."""
    hybrid = draft.base.calendar is CalendarKind.HYBRID
    from_calendar = hybrid and event.booking_request_uuid is None
    booking = new_booking(
        draft,
        state=BookingState.CREATED,
        origin=Origin.CALENDAR if from_calendar else Origin.DEVICE,
        start=event.start,
        duration_min=event.duration_min,
        title=event.title,
        organizer=_organizer(event),
    )
    return watch(draft, learn_event(draft, booking, event))


def confirm(draft: Draft, booking: Booking, event: BookingCreated) -> Booking:
    """The request is confirmed: now it has a MeetingId."""
    known = booking.organizer
    told = _organizer(event)
    organizer = Organizer(name=told.name or known.name, email=told.email or known.email, id=told.id or known.id)
    if organizer != known or (event.title and event.title != booking.title):
        booking = altered(booking, organizer=organizer, title=event.title or booking.title)
    draft.clear_timer(f"request:{booking.booking_id}")
    booking = set_times(draft, booking, event.start, event.duration_min)
    return watch(draft, learn_event(draft, booking, event))


def told_again(draft: Draft, booking: Booking, event: BookingCreated) -> Booking:
    """
    Told again, late or by a companion: its aliases are news, its times are those of long ago.

    If they are not the times that we hold, a move came between, or one was lost: a list tells.
    """
    if (event.start, event.duration_min) != (booking.start, booking.duration_min):
        sync.surprise(draft, event.device)
        event = attrs.evolve(event, start=booking.start, duration_min=booking.duration_min)
    return confirm(draft, booking, event)


def _organizer(told: BookingCreated | ListedBooking) -> Organizer:
    return Organizer(name=told.organizer_name, email=told.organizer_email, id=told.organizer_id)


def set_times(draft: Draft, booking: Booking, start: datetime, duration_min: int) -> Booking:
    """Take over new times; if they are not those last accepted, the rules are asked again."""
    if (start, duration_min) == (booking.start, booking.duration_min):
        return booking
    booking = altered(booking, start=start, duration_min=duration_min)
    if booking.accepted_start is None:
        return altered(booking, verdict=Verdict.UNDECIDED)
    if (start, duration_min) == (booking.accepted_start, booking.accepted_duration_min):
        return altered(booking, verdict=Verdict.ACCEPTED, verdict_why=None)
    return altered(booking, verdict=Verdict.UNDECIDED)


def watch(draft: Draft, booking: Booking) -> Booking:
    """Look again a little after the booking's next own event is due, in case the event is lost."""
    next_at = booking.end if booking.state is BookingState.STARTED else booking.start
    draft.set_timer(f"watch:{booking.booking_id}", max(next_at, draft.now) + WATCH_AFTER)
    return booking


def move(draft: Draft, booking: Booking, event: BookingMoved) -> Booking:
    """New times. A running booking whose start is moved ahead has not started any more."""
    booking = set_times(draft, learn_event(draft, booking, event), event.start, event.duration_min)
    if booking.state is BookingState.STARTED and draft.now < booking.start:
        booking = attrs.evolve(booking, state=BookingState.CREATED)
    draft.clear_timer(f"request:{booking.booking_id}")
    return watch(draft, booking)


def begin(draft: Draft, booking: Booking, event: BookingEvent) -> Booking:
    """It runs; when its start is well ahead by what we hold, it was moved meanwhile, or this is an old event."""
    if draft.now < booking.start - START_TOLERANCE:
        sync.surprise(draft, event.device)
    draft.clear_timer(f"request:{booking.booking_id}")
    return watch(draft, altered(learn_event(draft, booking, event), state=BookingState.STARTED))


def check_in(draft: Draft, booking: Booking, event: CheckedIn) -> Booking:
    return attrs.evolve(learn_event(draft, booking, event), checked_in=True)


def finish(draft: Draft, booking: Booking, event: End) -> Booking:
    """It is over; when it ended at another time than we hold, it was moved meanwhile, or this is an old event."""
    if event.end is not None and abs(event.end - booking.end) > START_TOLERANCE:
        sync.surprise(draft, event.device)
    return altered(learn_event(draft, booking, event), end_cause="End")


def delete(draft: Draft, booking: Booking, event: Deleted) -> Booking:
    draft.detail = event.cause
    return attrs.evolve(learn_event(draft, booking, event), end_cause=event.cause)


def fail(draft: Draft, booking: Booking, event: BookingFailed) -> Booking:
    draft.detail = event.failure_cause
    return attrs.evolve(learn_event(draft, booking, event), end_cause=event.failure_cause)


def surprised(draft: Draft, booking: Booking | None, event: BookingEvent) -> Booking | None:
    """The event does not fit what we hold: ask the device for the whole truth."""
    sync.surprise(draft, event.device)
    return booking if booking is None else learn_event(draft, booking, event)


def surprised_if_ahead(draft: Draft, booking: Booking, event: BookingEvent) -> Booking:
    """An old event of a booking whose time is over changes nothing; one that may still run is a surprise."""
    told_end = event.start + timedelta(minutes=event.duration_min) if isinstance(event, BookingCreated) else booking.end
    if draft.now < max(booking.end, told_end):
        sync.surprise(draft, event.device)
    return booking


def overdue(draft: Draft, booking: Booking, _: Input) -> Booking:
    """The answer or event that was due did not come: a list will tell."""
    sync.want_any_list(draft, ListCause.UNANSWERED)
    return booking


# --- lists -----------------------------------------------------------------------------------------------------------


def appear(draft: Draft, _: Booking | None, listed: tuple[BookingsListed, ListedBooking]) -> Booking | None:
    """The list shows a booking that we do not hold. One that is over already is history and not taken up."""
    source, entry = listed
    if entry.end <= draft.now:
        return None
    booking = new_booking(
        draft,
        state=BookingState.STARTED if entry.start <= draft.now else BookingState.CREATED,
        origin=Origin.LIST,
        start=entry.start,
        duration_min=entry.duration_min,
        title=entry.title,
        organizer=_organizer(entry),
    )
    return watch(draft, _learn_entry(booking, entry, source.device))


def _learn_entry(booking: Booking, entry: ListedBooking, device: DeviceId) -> Booking:
    return learn(booking, uuid=None, meeting_id=entry.meeting_id, own_id=entry.id, device=device)


def still_there(draft: Draft, booking: Booking, listed: tuple[BookingsListed, ListedBooking]) -> Booking:
    """The list shows a booking that we hold: its times and aliases are those of the list."""
    source, entry = listed
    told, known = _organizer(entry), booking.organizer
    organizer = Organizer(name=known.name or told.name, email=known.email or told.email, id=known.id or told.id)
    booking = _learn_entry(booking, entry, source.device)
    if organizer != known or (entry.title and entry.title != booking.title):
        booking = attrs.evolve(booking, organizer=organizer, title=entry.title or booking.title)
    before = (booking.start, booking.duration_min)
    booking = set_times(draft, booking, entry.start, entry.duration_min)
    if (booking.start, booking.duration_min) != before:
        draft.detail = "at other times"
    if entry.end <= draft.now:
        return booking if booking.is_over else _end_by_list(booking)
    state = BookingState.STARTED if entry.start <= draft.now else BookingState.CREATED
    if state is not booking.state or draft.detail:
        draft.clear_timer(f"request:{booking.booking_id}")
        booking = watch(draft, attrs.evolve(booking, state=state))
    return booking


def _end_by_list(booking: Booking) -> Booking:
    """Lists go back to the beginning of the day: what is over by its times has ended, though no event said so."""
    return attrs.evolve(booking, state=BookingState.ENDED, end_cause="listed after its end")


def vanish(draft: Draft, booking: Booking, listed: BookingsListed) -> Booking:
    """
    The list does not show a booking that we hold.

    Another connected device of the desk that showed it still may: companions synchronise between themselves, so it is
    gone when none is left. A booking whose time is over has ended.
    """
    left = tuple(d for d in booking.seen_on if d != listed.device)
    booking = attrs.evolve(booking, seen_on=left)
    if any(draft.devices[d].link is not LinkState.DOWN for d in left if d in draft.devices):
        draft.detail = "another device still shows it"
        return booking
    if booking.end <= draft.now:
        return attrs.evolve(booking, state=BookingState.ENDED, end_cause="not in the list after its end")
    return attrs.evolve(booking, state=BookingState.DELETED, end_cause="not in the list")


def vanish_unconfirmed(draft: Draft, booking: Booking, _: BookingsListed) -> Booking:
    """A request is in no list until it is confirmed; after its time for that it has failed."""
    if f"request:{booking.booking_id}" in draft.timers or _is_being_sent(draft, booking):
        return booking
    return attrs.evolve(booking, state=BookingState.FAILED, end_cause="Timeout")


def _is_being_sent(draft: Draft, booking: Booking) -> bool:
    return any(c.booking_id == booking.booking_id for c in draft.open_commands())
