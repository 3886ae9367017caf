"""
Finding a booking by whatever ids came, and joining what turns out to be one.

A booking answers to its BookingRequestUUID, its MeetingId and each device's own Id. On a local calendar the device
uses the BookingRequestUUID as MeetingId, so either is looked for in both places. A message that carries two aliases of
two bookings we hold proves that they are one.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

from hotdesk_daemon.core.desk import Booking, BookingState
from hotdesk_daemon.core.draft import Draft
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import ListedBooking
from hotdesk_daemon.core.steps import Life

#: Of two joined bookings, the one whose life got furthest stays.
_PROGRESS = {state: rank for rank, state in enumerate(BookingState)}


def find(
    draft: Draft, *, uuid: str | None, meeting_id: str | None, own_id: str | None, device: DeviceId
) -> Booking | None:
    """The booking that any of these aliases names; bookings that prove to be one are joined first."""
    found = [b for b in draft.bookings.values() if _answers(b, uuid, meeting_id, own_id, device)]
    if not found:
        return None
    return found[0] if len(found) == 1 else _join(draft, found, meeting_id)


def _answers(b: Booking, uuid: str | None, meeting_id: str | None, own_id: str | None, device: DeviceId) -> bool:
    if uuid is not None and (uuid in (b.booking_request_uuid, b.meeting_id)):
        return True
    if meeting_id is not None and (meeting_id in (b.meeting_id, b.booking_request_uuid)):
        return True
    if own_id is None or b.ids.get(device) != own_id:
        return False
    # The same Id under another MeetingId is another booking: Ids are reused after a boot.
    return meeting_id is None or b.meeting_id in (None, meeting_id)


def _join(draft: Draft, found: list[Booking], meeting_id: str | None) -> Booking:
    """Merge *found* into the one that got furthest and was there first."""
    alive = [b for b in found if not b.is_over] or found
    keep = max(alive, key=lambda b: (_PROGRESS[b.state], -b.changed_seq))
    for other in found:
        if other is keep:
            continue
        if keep.meeting_id and other.meeting_id and keep.meeting_id != other.meeting_id:
            continue  # two meetings that once had the same Id or UUID: not one
        keep = _absorb(draft, keep, other)
    draft.put_booking(keep)
    return keep


def _absorb(draft: Draft, keep: Booking, other: Booking) -> Booking:
    draft.because(
        Life.BOOKING, "booking.joined", f"one message names both: {other.booking_id} is the same booking", booking=keep
    )
    draft.drop_booking(other.booking_id)
    for key in (f"request:{other.booking_id}", f"change:{other.booking_id}", f"watch:{other.booking_id}"):
        draft.clear_timer(key)
    for command in list(draft.commands.values()):
        if command.booking_id == other.booking_id:
            draft.put_command(attrs.evolve(command, booking_id=keep.booking_id))
    return attrs.evolve(
        keep,
        booking_request_uuid=keep.booking_request_uuid or other.booking_request_uuid,
        meeting_id=keep.meeting_id or other.meeting_id,
        ids={**other.ids, **keep.ids},
        seen_on=tuple(dict.fromkeys((*keep.seen_on, *other.seen_on))),
        origin=other.origin if other.booking_request_uuid else keep.origin,
        verdict=max(keep.verdict, other.verdict, key=lambda v: v != "undecided"),
    )


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
    return attrs.evolve(
        booking,
        booking_request_uuid=booking.booking_request_uuid or uuid,
        meeting_id=meeting_id or booking.meeting_id,
        ids=ids,
        seen_on=seen_on,
    )


def match_listed(
    draft: Draft, entry: ListedBooking, device: DeviceId, *, rivals: tuple[ListedBooking, ...]
) -> Booking | None:
    """
    The booking that a list entry shows.

    By its aliases; without a known one, by its content, when exactly one of our bookings that have no MeetingId yet
    fits this entry and no entry of *rivals* (the other entries of unknown alias) fits that booking too.
    """
    named = find(draft, uuid=None, meeting_id=entry.meeting_id, own_id=entry.id, device=device)
    if named is not None:
        return named
    fitting = [b for b in draft.bookings.values() if _fits(b, entry)]
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


def is_known(draft: Draft, entry: ListedBooking, device: DeviceId) -> bool:
    """Whether an alias of *entry* names a booking that we hold."""
    return any(_answers(b, None, entry.meeting_id, entry.id, device) for b in draft.bookings.values())
