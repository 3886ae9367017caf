"""
Finding a booking by whatever ids came, and joining what turns out to be one.

A booking answers to its BookingRequestUUID, its MeetingId and each device's own Id. On a local calendar the device
uses the BookingRequestUUID as MeetingId, so either is looked for in both places. A message that carries two aliases of
two bookings we hold proves that they are one.

Whether the occurrences of a recurring meeting have a MeetingId each is not documented. Where a list shows one MeetingId
several times, its bookings stay apart: the device's own Id tells which is meant, else the start.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.commands import Book
from hotdesk_daemon.core.desk import Booking, BookingState, CommandState, Verdict, altered
from hotdesk_daemon.core.inputs import BookingEvent, CalendarKind, ExtensionRequested, ListedBooking
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from collections.abc import Container

    from hotdesk_daemon.core.draft import Draft
    from hotdesk_daemon.core.ids import BookingId, DeviceId

#: Of two joined bookings, the life that got furthest goes on.
_PROGRESS = {state: rank for rank, state in enumerate(BookingState)}


def meeting_named(event: BookingEvent) -> str | None:
    """The MeetingId of the booking that *event* is about: an extension's own may be that of the entry added to it."""
    original = event.original_meeting_id if isinstance(event, ExtensionRequested) else None
    return original or event.meeting_id


def find(
    draft: Draft,
    *,
    uuid: str | None,
    meeting_id: str | None,
    own_id: str | None,
    device: DeviceId,
    start: datetime | None = None,
) -> Booking | None:
    """
    The booking that any of these aliases names; bookings that prove to be one are joined first.

    Of several under the named MeetingId it is the one with this Id, else with this *start*; without an Id that was
    given, the first that is not over.
    """
    if meeting_id is not None and uuid is None:
        # Most events name a booking by aliases that it has together already: then there is nothing to join.
        for b in draft.living.values():
            if b.meeting_id == meeting_id and b.ids.get(device) == own_id:
                return b
    found = [b for b in draft.bookings.values() if _answers(b, uuid, meeting_id, own_id, device)]
    if len(found) < 2:  # noqa: PLR2004 - one is not several
        return found[0] if found else None
    occurrences = [b for b in found if meeting_id is not None and b.meeting_id == meeting_id]
    if len(occurrences) < 2:  # noqa: PLR2004
        return _join(draft, found, meeting_id)
    named = _occurrence(occurrences, own_id, device, start)
    return named if named or own_id else min(occurrences, key=lambda b: (b.is_over, b.start))


def _occurrence(
    of_series: list[Booking], own_id: str | None, device: DeviceId, start: datetime | None
) -> Booking | None:
    named = (b for b in of_series if own_id is not None and b.ids.get(device) == own_id)
    return next(named, None) or next((b for b in of_series if b.start == start), None)


def _answers(b: Booking, uuid: str | None, meeting_id: str | None, own_id: str | None, device: DeviceId) -> bool:
    if uuid is not None and (uuid in (b.booking_request_uuid, b.meeting_id)):
        return True
    if meeting_id is not None and (meeting_id in (b.meeting_id, b.booking_request_uuid)):
        return True
    if own_id is None or b.ids.get(device) != own_id:
        return False
    # The same Id under another MeetingId or BookingRequestUUID is another booking: Ids are reused after a boot.
    return (meeting_id is None or b.meeting_id in (None, meeting_id)) and (
        uuid is None or b.booking_request_uuid in (None, uuid)
    )


def _join(draft: Draft, found: list[Booking], meeting_id: str | None) -> Booking:
    """Make one of *found*: of two meetings that once had the same Id or UUID, the one that was named."""
    alive = [b for b in found if not b.is_over] or found
    furthest = max(alive, key=lambda b: (meeting_id is not None and b.meeting_id == meeting_id, _PROGRESS[b.state]))
    for other in [b for b in found if b is not furthest]:
        if not (other.meeting_id and furthest.meeting_id and other.meeting_id != furthest.meeting_id):
            furthest = _absorb(draft, furthest, other)
    return furthest


def _absorb(draft: Draft, furthest: Booking, other: Booking) -> Booking:
    """
    One booking of two: the life of the one that got furthest, under the id of the one that was there first.

    The first may be a person's request, whose id they were told.
    """
    order = list(draft.bookings)
    first, second = sorted((furthest, other), key=lambda b: order.index(b.booking_id))
    joined = _merged(draft, furthest, other, booking_id=first.booking_id)
    draft.drop_booking(second.booking_id)
    draft.put_booking(joined)
    _rename_timers(draft, furthest.booking_id, other.booking_id, joined.booking_id)
    for command in list(draft.commands.values()):
        if command.booking_id == second.booking_id:
            draft.put_command(attrs.evolve(command, booking_id=joined.booking_id))
    for device in list(draft.devices.values()):
        if device.signed_in_to == second.booking_id:
            draft.put_device(attrs.evolve(device, signed_in_to=joined.booking_id))
    draft.because(
        Life.BOOKING, "booking.joined", f"one message names both: {second.booking_id} is the same booking",
        before=first.state, after=joined.state, booking=joined,
    )  # fmt: skip
    return joined


def _merged(draft: Draft, furthest: Booking, other: Booking, *, booking_id: BookingId) -> Booking:
    judged = other if furthest.verdict is Verdict.UNDECIDED else furthest
    accepted = (judged.accepted_start, judged.accepted_duration_min)
    moved = judged.verdict is Verdict.ACCEPTED and accepted != (furthest.start, furthest.duration_min)
    return attrs.evolve(
        furthest,
        booking_id=booking_id,
        booking_request_uuid=furthest.booking_request_uuid or other.booking_request_uuid,
        meeting_id=furthest.meeting_id or other.meeting_id,
        ids={**other.ids, **furthest.ids},
        seen_on=tuple(dict.fromkeys((*furthest.seen_on, *other.seen_on))),
        origin=other.origin if other.booking_request_uuid else furthest.origin,
        verdict=Verdict.UNDECIDED if moved else judged.verdict,
        verdict_why=judged.verdict_why,
        accepted_why=judged.accepted_why,
        rejected_at=judged.rejected_at,
        accepted_start=judged.accepted_start,
        accepted_duration_min=judged.accepted_duration_min,
        signed_in=furthest.signed_in or other.signed_in,
        checked_in=furthest.checked_in or other.checked_in,
        changed_at=draft.now,
        changed_seq=draft.seq,
    )


def _rename_timers(draft: Draft, kept: BookingId, left: BookingId, name: BookingId) -> None:
    """The timers of *kept* go on under *name*, those of *left* end."""
    going_on = [(kind, draft.timers.get(f"{kind}:{kept}")) for kind in ("request", "change", "watch")]
    for kind, timer in going_on:
        draft.clear_timer(f"{kind}:{left}")
        draft.clear_timer(f"{kind}:{kept}")
        if timer is not None:
            draft.set_timer(f"{kind}:{name}", timer.due, cause_seq=timer.cause_seq)


def learn(
    booking: Booking, *, uuid: str | None, meeting_id: str | None, own_id: str | None, device: DeviceId
) -> Booking:
    """*booking* with these aliases added, and *device* among those that showed it."""
    ids = booking.ids
    if own_id is not None and ids.get(device) != own_id:
        ids = {**ids, device: own_id}
    seen_on = booking.seen_on if device in booking.seen_on else (*booking.seen_on, device)
    if (
        ids is booking.ids
        and seen_on is booking.seen_on
        and uuid in (None, booking.booking_request_uuid)
        and meeting_id in (None, booking.meeting_id)
    ):
        return booking
    return altered(
        booking,
        booking_request_uuid=booking.booking_request_uuid or uuid,
        meeting_id=meeting_id or booking.meeting_id,
        ids=ids,
        seen_on=seen_on,
    )


def match_listed(
    draft: Draft,
    entry: ListedBooking,
    device: DeviceId,
    *,
    rivals: tuple[ListedBooking, ...],
    shared: Container[str | None] = (),
) -> Booking | None:
    """
    The booking that a list entry shows.

    By its aliases; without a known one, by its content, when exactly one of our bookings that have no MeetingId yet
    fits this entry and no entry of *rivals* (the other entries of unknown alias) fits that booking too. Not by content
    where the alias would have told: a local calendar uses a request's BookingRequestUUID as MeetingId. A MeetingId that
    is *shared* by several entries names none of them by itself.
    """
    if entry.meeting_id in shared:
        of_series = [b for b in draft.bookings.values() if b.meeting_id == entry.meeting_id]
        return _occurrence(of_series, entry.id, device, entry.start)
    named = find(draft, uuid=None, meeting_id=entry.meeting_id, own_id=entry.id, device=device)
    if named is not None:
        return named
    exact = draft.base.calendar is CalendarKind.LOCAL and entry.meeting_id is not None
    fitting = [
        b
        for b in draft.living.values()
        if _fits(b, entry) and not (exact and b.booking_request_uuid) and not _is_unsent(draft, b)
    ]
    if len(fitting) != 1 or any(_fits(fitting[0], rival) for rival in rivals if rival is not entry):
        return None
    return fitting[0]


def _fits(booking: Booking, entry: ListedBooking) -> bool:
    """Same time and title, and nothing that says otherwise: lists give no BookingRequestUUID and often no e-mail."""
    if booking.is_over or booking.meeting_id is not None:
        return False
    if abs(booking.start - entry.start) > timedelta(seconds=60) or booking.duration_min != entry.duration_min:
        return False
    if booking.title and entry.title and booking.title != entry.title:
        return False
    ours, listed = booking.organizer.email, entry.organizer_email
    return not (ours and listed) or ours.casefold() == listed.casefold()


def _is_unsent(draft: Draft, booking: Booking) -> bool:
    """Whether *booking* is a wish that has never left us, so that no list can show it."""
    return any(
        c.booking_id == booking.booking_id
        and isinstance(c.command, Book)
        and c.state is CommandState.PENDING
        and not c.attempts
        for c in draft.commands.values()
    )


def is_known(draft: Draft, entry: ListedBooking, device: DeviceId) -> bool:
    """Whether an alias of *entry* names a booking that we hold."""
    likely_first = (*draft.living.values(), *draft.bookings.values())
    return any(_answers(b, None, entry.meeting_id, entry.id, device) for b in likely_first)
