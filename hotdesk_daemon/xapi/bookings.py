"""
Results of ``Bookings List`` and ``Bookings Get``.

The organizer's full name stands in ``FirstName``; an empty list has no member ``Booking``; and a running ad hoc call
of a Webex space stands among the bookings without being one. All this is from answers of real devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.inputs import BookingsListed, ListedBooking
from hotdesk_daemon.xapi.leaves import read_integer, read_text, require_object
from hotdesk_daemon.xapi.times import parse_instant

if TYPE_CHECKING:
    from hotdesk_daemon.core.ids import DeviceId

_FINE: Final = "ok"


def parse_list(result: object, *, device: DeviceId) -> BookingsListed:
    """
    The reservations of a ``Bookings List`` result; entries that are none or unreadable are counted.

    Raises:
        ProtocolError: when it is no such result, or says itself that rows are missing in it: applying it would
            delete bookings that exist.
    """
    answer = _answer(result)
    rows = answer.get("Booking", [])
    entries = rows if isinstance(rows, list) else [require_object(rows, what="Booking")]
    total = read_integer(_group(answer, "ResultInfo").get("TotalRows"))
    if total is not None and total > len(entries):
        raise ProtocolError(f"the list is incomplete: {len(entries)} of {total} rows")
    bookings: list[ListedBooking] = []
    unread: list[str] = []
    for entry in entries:
        if isinstance(entry, dict) and not _is_ad_hoc_call(entry):
            try:
                bookings.append(parse_booking(entry))
            except ProtocolError:
                unread += filter(None, (read_text(entry.get("Id")), read_text(entry.get("MeetingId"))))
    return BookingsListed(
        device=device, bookings=tuple(bookings), skipped=len(entries) - len(bookings), unread=tuple(unread)
    )


def parse_get(result: object) -> ListedBooking:
    """
    The booking of a ``Bookings Get`` result.

    Raises:
        ProtocolError: when there is none in it, or one that cannot be read.
    """
    booking = _answer(result).get("Booking")
    if isinstance(booking, list) and len(booking) == 1:
        booking = booking[0]
    return parse_booking(require_object(booking, what="Booking"))


def parse_booking(entry: dict[str, object]) -> ListedBooking:
    """
    One entry, whatever it stands for.

    Raises:
        ProtocolError: when it has no id at all or no readable times.
    """
    ident, meeting_id = read_text(entry.get("Id")), read_text(entry.get("MeetingId"))
    if ident is None and meeting_id is None:
        raise ProtocolError("a booking without any id")
    time, organizer = _group(entry, "Time"), _group(entry, "Organizer")
    start = parse_instant(read_text(time.get("StartTime")) or "")
    end = parse_instant(read_text(time.get("EndTime")) or "")
    if end < start:
        raise ProtocolError("a booking that ends before it starts")
    names = (read_text(organizer.get("FirstName")), read_text(organizer.get("LastName")))
    return ListedBooking(
        id=ident,
        meeting_id=meeting_id,
        start=start,
        end=end,
        title=read_text(entry.get("Title")) or "",
        organizer_name=" ".join(name for name in names if name is not None) or None,
        organizer_email=read_text(organizer.get("Email")),
        organizer_id=read_text(organizer.get("Id")),
    )


def _answer(result: object) -> dict[str, object]:
    answer = require_object(result, what="the result")
    status = read_text(answer.get("status"))
    if status is not None and status.lower() != _FINE:
        raise ProtocolError(f"the result has status {status[:64]}")
    return answer


def _is_ad_hoc_call(entry: dict[str, object]) -> bool:
    kind = read_text(_group(entry, "Spark").get("MeetingType"))
    return kind is not None and kind.lower() == "adhoc" and read_text(entry.get("MeetingId")) is None


def _group(entry: dict[str, object], name: str) -> dict[str, object]:
    """A group below *entry*; devices leave out groups, or write them empty."""
    group = entry.get(name)
    return group if isinstance(group, dict) else {}
