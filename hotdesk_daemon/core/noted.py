"""
Events that only inform, and the short way for them.

A device tells the remaining time of a running booking again and again, so these are heard more than all other events.
Which kinds they are is read off the tables: every life leaves them as they are, without a reason, and at most a booking
learns another of its names by them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core import bookings, links
from hotdesk_daemon.core.desk import OVER, BookingState, ChangeState, LinkState, SignInState
from hotdesk_daemon.core.inputs import KINDS, BookingEvent
from hotdesk_daemon.core.transitions import BOOKING, CHANGE, LINK, SIGN_IN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.core.rows import Act, S, Table


def _stays(table: Table[S], states: Iterable[S], kind: str, act: Act | None = None) -> bool:
    """Whether each of *states* stays as it is and says nothing, after *act* if there is one."""
    rows = ((state, table[state, kind]) for state in states)
    return all(row.quiet and row.to == (state,) and row.act is act for state, row in rows)


def _only_informs(kind: str) -> bool:
    return (
        _stays(LINK, set(LinkState) - {LinkState.DOWN}, kind, links.hold_back)
        and _stays(BOOKING, set(BookingState) - OVER - {BookingState.ABSENT}, kind, bookings.learn_event)
        and _stays(CHANGE, ChangeState, kind)
        and _stays(SIGN_IN, SignInState, kind)
    )


#: The kinds of such events.
INFORMING: Final = frozenset(
    cls for kind, cls in KINDS.items() if issubclass(cls, BookingEvent) and _only_informs(kind)
)


def is_known(desk: Desk, event: BookingEvent) -> bool:
    """Whether *event*, of a kind that only informs, names a booking as we know it, so that nothing comes of it."""
    device = desk.devices.get(event.device)
    if device is None or device.link is LinkState.DOWN or desk.sync.listing is not None:
        return False
    if event.meeting_id is None or event.booking_request_uuid is not None:
        return False
    for booking in desk.living.values():  # as `aliases.find` does
        if booking.meeting_id == event.meeting_id and booking.ids.get(event.device) == event.id:
            return event.device in booking.seen_on
    return False
