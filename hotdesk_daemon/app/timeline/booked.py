"""The bookings of a stretch: what became of each, also after the desk has forgotten it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.timeline.tracks import BookingBar, Span
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.commands import Delete
from hotdesk_daemon.core.desk import Booking, BookingState

if TYPE_CHECKING:
    from hotdesk_daemon.app.timeline.axis import Axis
    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.core.ids import BookingId
    from hotdesk_daemon.core.steps import Step

#: So many are kept of a stretch.
MOST: Final = 5_000


@attrs.define(kw_only=True)
class _Track:
    """One booking on its way: as it is held now, and since when in each state."""

    booking: Booking
    made_at: datetime | None
    lives: list[tuple[datetime, BookingState]]
    earlier: list[tuple[datetime, int]] = attrs.field(factory=list)
    ours: str | None = None


class BookingTracks:
    """All of them; what is over before the stretch is none of them."""

    def __init__(self, axis: Axis) -> None:
        self._axis = axis
        self._tracks: dict[BookingId, _Track] = {}

    def enter(self, desk: Desk, *, at: datetime) -> None:
        """Those that stand when the stretch begins."""
        self._tracks = {
            name: _Track(booking=booking, made_at=None, lives=[(at, booking.state)])
            for name, booking in desk.bookings.items()
            if not booking.is_over
        }

    def note(self, before: Desk, step: Step, *, at: datetime) -> None:
        """What a step did to them."""
        if step.desk.bookings is before.bookings:
            return
        for name, booking in step.desk.bookings.items():
            held = before.bookings.get(name)
            if name in self._tracks and held is not booking:
                self._update(self._tracks[name], booking, at=at)
            elif held is None or (held.is_over and not booking.is_over):
                self._add(name, booking, made_at=at if held is None else None, at=at)
        for name in before.bookings.keys() - step.desk.bookings.keys():
            if not before.bookings[name].is_over:
                self._tracks.pop(name, None)  # it proved to be another one
        for reason in step.reasons:
            track = self._tracks.get(reason.booking_id) if reason.booking_id is not None else None
            if track is not None and reason.after == BookingState.DELETED and reason.before != reason.after:
                track.ours = _ours(before, step, track.booking, reason.cause_seq)

    def _add(self, name: BookingId, booking: Booking, *, made_at: datetime | None, at: datetime) -> None:
        if len(self._tracks) < MOST:
            self._tracks[name] = _Track(booking=booking, made_at=made_at, lives=[(at, booking.state)])

    @staticmethod
    def _update(track: _Track, booking: Booking, *, at: datetime) -> None:
        held = track.booking
        if (held.start, held.duration_min) != (booking.start, booking.duration_min):
            track.earlier.append((held.start, held.duration_min))
        if held.state is not booking.state:
            track.lives.append((at, booking.state))
        track.booking = booking

    def bars(self, *, until: datetime) -> tuple[tuple[BookingBar, ...], int]:
        """Those whose time falls into the stretch, by their start; and how many others were made in it."""
        bars = []
        elsewhen = 0
        for name, track in self._tracks.items():
            booking = track.booking
            if self._axis.holds(booking.start, booking.end):
                bars.append(_bar(name, track, until=until))
            elif track.made_at is not None:
                elsewhen += 1
        return tuple(sorted(bars, key=lambda bar: (bar.start, bar.end, bar.booking_id))), elsewhen


def _bar(name: BookingId, track: _Track, *, until: datetime) -> BookingBar:
    booking = track.booking
    ends = [at for at, _ in track.lives[1:]] + [until]
    return BookingBar(
        booking_id=name,
        origin=booking.origin.value,
        start=booking.start,
        duration_min=booking.duration_min,
        state=booking.state,
        verdict=booking.verdict,
        verdict_why=booking.verdict_why,
        lives=tuple(
            Span(since=at, until=end, state=state.value) for (at, state), end in zip(track.lives, ends, strict=True)
        ),
        made_at=track.made_at,
        over_at=track.lives[-1][0] if booking.is_over else None,
        end_cause=quoted(booking.end_cause) if booking.end_cause else None,
        earlier=tuple(
            dict.fromkeys(times for times in track.earlier if times != (booking.start, booking.duration_min))
        ),
        signed_in=booking.signed_in,
        checked_in=booking.checked_in,
        ours=track.ours,
    )


def _ours(before: Desk, step: Step, booking: Booking, cause_seq: int | None) -> str | None:
    """Why it was deleted, if that was a command of ours."""
    commands = [*before.commands.values(), *step.commands]
    return next(
        (
            command.why
            for command in commands
            if isinstance(command.command, Delete)
            and command.booking_id == booking.booking_id
            and command.cause_seq == cause_seq
        ),
        None,
    )
