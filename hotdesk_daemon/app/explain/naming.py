"""Which booking is meant: by our id or its end, its MeetingId, its BookingRequestUUID, or a device's own Id."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.app.explain.errors import NotRecordedError
from hotdesk_daemon.core.errors import AmbiguousError
from hotdesk_daemon.core.ids import BookingId
from hotdesk_daemon.core.inputs import BookAsked, BookingEvent
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.app.explain.past import Past
    from hotdesk_daemon.core.desk import Booking, Desk
    from hotdesk_daemon.journal import StoredRecord

_BORN: Final = re.compile(r"\.[bc](\d{1,18})(?:[-.]\d+)?\Z", re.ASCII)
_SHORT: Final = re.compile(r"b\d{1,18}(?:-\d+)?\Z", re.ASCII)


def born(name: str) -> int:
    """The number of the input that a booking or command was made by, which its id carries; 1 for what is no such id."""
    match = _BORN.search(name)
    return int(match[1]) if match else 1


def booking_named(name: str, *, past: Past, state: Desk | None) -> BookingId:
    """
    The booking that *name* means.

    Raises:
        NotRecordedError: none answers to it.
        AmbiguousError: several do.
    """
    own = f"{past.desk_id}.{name}" if _SHORT.match(name) else name
    held = [*state.bookings.values()] if state is not None else []
    if any(booking.booking_id == own for booking in held) or _is_of_history(own, past):
        return BookingId(own)
    found = {booking.booking_id for booking in held if name.casefold() in _aliases(booking)}
    if not found:
        found = set(_met(name.casefold(), past))
    if len(found) > 1:
        raise AmbiguousError(f"{name!r} names {len(found)} bookings", candidates=tuple(sorted(found, key=born)))
    if not found:
        known = [booking.booking_id for booking in held]
        near = get_close_matches(own, known, n=3) or sorted(known, key=born)[-3:]
        raise NotRecordedError(f"desk {past.desk_id} has no booking {name!r} in what was looked at", near=near)
    return found.pop()


def _is_of_history(name: str, past: Past) -> bool:
    """Whether it is the id of a booking that is forgotten by now: the input that made it is found by its number."""
    if not name.startswith(f"{past.desk_id}.b"):
        return False
    record = past.record(born(name))
    return record is not None and any(reason.booking_id == name for reason in record.reasons)


def _aliases(booking: Booking) -> set[str]:
    named = (booking.booking_request_uuid, booking.meeting_id, *booking.ids.values())
    return {alias.casefold() for alias in named if alias}


def _met(name: str, past: Past) -> Iterator[BookingId]:
    """The bookings that an event of this alias met, as far as history is looked at."""
    past.back_to(1)
    for record in past.kept():
        if name in _told(record):
            yield from (
                reason.booking_id
                for reason in record.reasons
                if reason.life is Life.BOOKING and reason.booking_id is not None
            )


def _told(record: StoredRecord) -> set[str]:
    given = record.input
    if isinstance(given, BookAsked):
        return {given.booking_request_uuid.casefold()}
    if not isinstance(given, BookingEvent):
        return set()
    return {alias.casefold() for alias in (given.booking_request_uuid, given.meeting_id, given.id) if alias}
