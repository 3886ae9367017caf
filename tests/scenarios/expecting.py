"""What a scenario looks at, as one value: a failing comparison shows everything that differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from hotdesk_daemon.core.desk import OVER
from tests.scenarios.site import Sent

if TYPE_CHECKING:
    from hotdesk_daemon.core.desk import Booking
    from tests.scenarios.site import Site

Row: TypeAlias = tuple[str, float, int, str, str]
"""A booking: state, start in minutes after the clock's own, minutes, verdict, and which aliases it is known by."""

ONE: str = "request is meeting"
TWO: str = "request and meeting"


class Raced(list[str]):
    """
    Codes of reasons over the cloud, where a command's answer and the events that it caused come by different ways.

    So any order is right, and so is an answer that comes before or after its command is settled.
    """

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and _unraced(self) == _unraced(other)


def without(codes: list[str], *left_out: str) -> list[str]:
    """*codes* but some, compared as they were."""
    return type(codes)(code for code in codes if code not in left_out)


def _unraced(codes: list[str]) -> list[str]:
    return sorted(code for code in codes if code not in {"command.taken", "command.late"})


@attrs.frozen(kw_only=True)
class Seen:
    """One desk after a scenario; ``sent`` are the commands of each device but lists, ``lists`` how many of those."""

    bookings: list[Row] = attrs.field(factory=list)
    codes: list[str] = attrs.field(factory=list)
    sent: list[Sent] = attrs.field(factory=list)
    sign_ins: list[str] = attrs.field(factory=lambda: ["shared"])
    lists: int = 0
    is_stale: bool = False


async def seen(site: Site, *, desk: int = 0) -> Seen:
    """
    What came of the scenario since the mark.

    The daemon's picture must be what the devices say, and every alias must be a real one.
    """
    check_aliases(site, desk)
    assert site.agrees(desk), site.disagreement(desk)
    codes = await site.codes(desk)
    places = range(len(site.floor.desks[desk].stations))
    return Seen(
        is_stale=site.state(desk).is_stale,
        sign_ins=site.sign_ins(desk),
        bookings=[_row(site, booking) for booking in site.bookings(desk)],
        sent=[sent for place in places for sent in site.sent(desk, place)],
        lists=sum(site.lists(desk, place) for place in places),
        codes=codes if site.cloud is None else Raced(codes),
    )


def _row(site: Site, b: Booking) -> Row:
    begins_min = (b.start - site.clock.start).total_seconds() / 60
    return b.state.value, begins_min, b.duration_min, b.verdict.value, _aliases(b)


def _aliases(b: Booking) -> str:
    known = {"request": b.booking_request_uuid, "meeting": b.meeting_id}
    names = [name for name, value in known.items() if value]
    if len(names) == 2 and b.booking_request_uuid == b.meeting_id:
        return ONE
    return " and ".join(names)


def check_aliases(site: Site, desk: int = 0) -> None:
    """Every alias of a booking that is not over must be what the devices call it."""
    plan = site.floor.desks[desk]
    for booking in site.bookings(desk):
        entry = plan.calendar.by_meeting_id(booking.meeting_id or "")
        if entry is None or booking.state in OVER:
            continue
        stations = {station.device_id: station.device for station in plan.stations}
        assert {device: stations[device].id_of(entry) for device in booking.ids} == dict(booking.ids)
        assert booking.booking_request_uuid in (None, entry.request_uuid)
        assert entry.title == booking.title


def book_command(booking: dict[str, Any] | Booking, *, start: str, minutes: int) -> Sent:
    """The `Book` that asks for *booking*."""
    uuid = booking["booking_request_uuid"] if isinstance(booking, dict) else booking.booking_request_uuid
    return (
        "Bookings Book",
        {"BookingRequestUUID": uuid, "Title": "Desk", "StartTime": start, "Duration": minutes},
    )


def edit_command(meeting_id: str | None, *, start: str, minutes: int) -> Sent:
    return "Bookings Edit", {"MeetingId": meeting_id, "StartTime": start, "Duration": minutes}


def delete_command(meeting_id: str | None) -> Sent:
    return "Bookings Delete", {"MeetingId": meeting_id}


LOGOUT: Sent = ("Webex Registration Logout", {})
