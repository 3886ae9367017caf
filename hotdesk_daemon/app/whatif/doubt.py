"""
What of a desk nobody can know any more once something would have come out otherwise.

A booking that the other rules treat otherwise is *tainted*: whatever it did afterwards it might not have done. Nobody
can say either what the desk would have seen in the time that it took, or would have taken: that time is a *span* of
doubt. A booking that lies in one is tainted too, and its own times join the span.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from hotdesk_daemon.core.ids import BookingId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdesk_daemon.core.desk import Desk

#: What is judged now hardly began longer ago than this.
_KEPT: Final = timedelta(days=2)


class Span(NamedTuple):
    """From ``start`` until before ``end``."""

    start: datetime
    end: datetime

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


@attrs.define(eq=False)
class Doubt:
    """The tainted bookings of one desk and its spans of doubt, as far back as they can matter."""

    _tainted: dict[BookingId, Span | None] = attrs.field(factory=dict)
    _spans: list[Span] = attrs.field(factory=list)

    def touches(self, booking_id: BookingId | None, spans: Iterable[Span]) -> bool:
        """Whether anything about a booking with these times may be a consequence."""
        if booking_id in self._tainted:
            return True
        return any(span.overlaps(known) for span in spans for known in self._spans)

    def spread(self, booking_id: BookingId | None, spans: Iterable[Span]) -> None:
        """From now on nobody knows what becomes of this booking, nor what the desk sees in these times."""
        if booking_id is not None:
            self._tainted.setdefault(booking_id, None)
        for span in spans:
            self._join(span)

    def follow(self, desk: Desk) -> None:
        """The times that tainted bookings have taken are in doubt too; what the desk has forgotten is let go."""
        for booking_id, known in list(self._tainted.items()):
            booking = desk.bookings.get(booking_id)
            if booking is None:
                del self._tainted[booking_id]
            elif (span := Span(booking.start, booking.end)) != known:
                self._tainted[booking_id] = span
                self._join(span)

    def retire(self, now: datetime | None) -> list[Span]:
        """Let go of spans that are long over, or without a *now* of all, and return them."""
        over = [span for span in self._spans if now is None or span.end < now - _KEPT]
        if over:
            self._spans = [span for span in self._spans if span not in over]
        return over

    def _join(self, span: Span) -> None:
        touching = [known for known in self._spans if span.start <= known.end and known.start <= span.end]
        apart = [known for known in self._spans if known not in touching]
        whole = Span(min(one.start for one in (span, *touching)), max(one.end for one in (span, *touching)))
        self._spans = sorted((*apart, whole))
