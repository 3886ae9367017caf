"""What devices say: statuses, booking events, lists, and the state of our link to them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core import inputs as i
from hotdesk_daemon.core import orders, verdicts
from hotdesk_daemon.core.aliases import find, is_known, match_listed, meeting_named
from hotdesk_daemon.core.desk import Booking, BookingState, LinkState, altered
from hotdesk_daemon.core.lookups import (
    meet_booking,
    meet_change,
    meet_command,
    meet_link,
    meet_sign_in,
    unknown_device,
)
from hotdesk_daemon.core.mirror import mirrored
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft

#: Bookings that are over are kept for late events and for people, this many at most.
OVER_KEPT: Final = 16


def take_status(draft: Draft, status: i.StatusInput) -> None:
    device = draft.devices.get(status.device)
    if device is None:
        unknown_device(draft, status.device)
        return
    new = mirrored(device, status)
    if new is not device:
        draft.put_device(new)
    column = type(status).__name__
    if isinstance(status, i.Personalized):
        facet = {True: "true", False: "false", None: "unknown"}[status.value]
        column = f"{column}/{facet}"
    meet_sign_in(draft, status.device, status, column)


def take_event(draft: Draft, event: i.BookingEvent) -> None:
    device = draft.devices.get(event.device)
    if device is None:
        unknown_device(draft, event.device)
        return
    meet_link(draft, device, event, type(event).__name__)
    if device.link is not LinkState.DOWN and not draft.held:
        _apply_event(draft, event)


def _apply_event(draft: Draft, event: i.BookingEvent) -> None:
    column = type(event).__name__
    booking = _named(draft, event)
    booking = meet_booking(draft, booking, event, column)
    if booking is not None:
        meet_change(draft, booking, event, column)
        if booking.is_over:
            _forget_old(draft)
    _bookings_changed(draft, event, column)


def _named(draft: Draft, event: i.BookingEvent) -> Booking | None:
    uuid, meeting_id = event.booking_request_uuid, meeting_named(event)
    start = event.start if isinstance(event, i.BookingCreated) else None
    found = find(draft, uuid=uuid, meeting_id=meeting_id, own_id=event.id, device=event.device, start=start)
    if found is not None or not isinstance(event, i.BookingCreated) or event.booking_request_uuid is not None:
        return found
    # A request without a BookingRequestUUID can only be recognised by its times.
    nameless = [
        b
        for b in draft.living.values()
        if b.state is BookingState.REQUESTED
        and b.booking_request_uuid is None
        and (b.start, b.duration_min) == (event.start, event.duration_min)
    ]
    return nameless[0] if len(nameless) == 1 else None


def _bookings_changed(draft: Draft, given: i.Input, column: str) -> None:
    for device_id in draft.devices:
        meet_sign_in(draft, device_id, given, column)


def take_link_input(draft: Draft, given: i.DeviceInput) -> None:
    device = draft.devices.get(given.device)
    if device is None:
        unknown_device(draft, given.device)
        return
    column = type(given).__name__
    meet_link(draft, device, given, column)
    if isinstance(given, i.LinkDown):
        meet_sign_in(draft, given.device, given, column)
    flush(draft)


def flush(draft: Draft) -> None:
    """Apply what waited for the list, unless one is under way still; each event is its own cause."""
    if draft.sync.listing is not None:
        return
    waiting, draft.buffer = draft.buffer, ()
    cause_seq = draft.cause_seq
    for held in waiting:
        device = draft.devices.get(held.event.device)
        if device is not None and device.link is not LinkState.DOWN:
            draft.cause_seq = held.seq
            _apply_event(draft, held.event)
    draft.cause_seq = cause_seq


def take_list(draft: Draft, listed: i.BookingsListed) -> None:
    device = draft.devices.get(listed.device)
    if device is None:
        unknown_device(draft, listed.device)
        return
    if device.link is LinkState.DOWN:
        meet_link(draft, device, listed, "BookingsListed")
        return
    cause = draft.sync.cause
    if draft.sync.listing == listed.device:
        draft.cause_seq = draft.sync.asked_seq
    adopting = all(d.listed_at is None for d in draft.devices.values())
    corrections = _apply_list(draft, listed)
    if draft.sync.listing == listed.device:
        draft.sync = altered(draft.sync, listing=None, cause=None, failures=0)
    meet_link(draft, draft.devices[listed.device], listed, "BookingsListed")
    if adopting:
        _adopt(draft)
    elif cause is i.ListCause.TIMED and corrections:
        draft.count(drift=corrections)
        draft.because(Life.DESK, "desk.drift", f"the timed list corrected {corrections} bookings", device=listed.device)
    _bookings_changed(draft, listed, "BookingsListed")
    for command in sorted(draft.commands.values(), key=orders.by_decision):
        meet_command(draft, command, listed, "BookingsListed")
    flush(draft)
    _forget_old(draft)


def _apply_list(draft: Draft, listed: i.BookingsListed) -> int:
    """Make the bookings what the list says; return how many of them it corrected."""
    before = draft.bookings
    seen: set[str] = set()
    unread = frozenset(listed.unread)
    nameless = tuple(entry for entry in listed.bookings if not is_known(draft, entry, listed.device))
    names = Counter(entry.meeting_id for entry in {*listed.bookings} if entry.meeting_id is not None)
    shared = {name for name, times in names.items() if times > 1}
    for entry in dict.fromkeys(listed.bookings):
        match = match_listed(draft, entry, listed.device, rivals=nameless, shared=shared)
        if match is not None and match.booking_id in seen:
            match = None
        booking = meet_booking(draft, match, (listed, entry), "BookingsListed/present")
        if booking is not None:
            seen.add(booking.booking_id)
            meet_change(draft, booking, listed, "BookingsListed/present")
    for booking in list(draft.living.values()):
        if booking.booking_id in seen or booking.is_any_of(unread, listed.device):
            continue
        meet_booking(draft, booking, listed, "BookingsListed/missing")
        meet_change(draft, booking, listed, "BookingsListed/missing")
    return sum(1 for key, b in draft.bookings.items() if b is not before.get(key) and _is_other(b, before.get(key)))


def _is_other(booking: Booking, before: Booking | None) -> bool:
    if before is None:
        return True
    return (booking.state, booking.start, booking.duration_min) != (before.state, before.start, before.duration_min)


def _adopt(draft: Draft) -> None:
    """What stood before we first looked is taken as it is: the rules are for what comes after."""
    for booking in list(draft.bookings.values()):
        if booking.origin == "list" and booking.changed_seq == draft.seq:
            draft.put_booking(verdicts.accept(booking, why="accepted unasked: it stood before we first looked"))


def _forget_old(draft: Draft) -> None:
    """Keep the newest of the bookings that are over; those that a command still means stay."""
    if len(draft.bookings) - len(draft.living) <= OVER_KEPT:
        return
    meant = {c.booking_id for c in draft.commands.values()}
    over = [b for b in draft.bookings.values() if b.is_over and b.booking_id not in meant]
    if len(over) <= OVER_KEPT:
        return
    for booking in sorted(over, key=lambda b: (b.changed_at, b.changed_seq))[:-OVER_KEPT]:
        draft.drop_booking(booking.booking_id)
