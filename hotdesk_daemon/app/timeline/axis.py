"""
The axis of a drawn day: a stretch of real time, and the hours that clocks on the wall showed in it.

A day of daylight saving time's begin or end has 23 or 25 hours. The axis is of real time, so each hour on it is an hour
long, and one that the wall clock showed twice, or never, stands there twice, or not.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOUR: Final = timedelta(hours=1)
#: An axis has at most so many hours, those of the longest month: one in which clocks are set back.
MOST_HOURS: Final = 24 * 31 + 1


@attrs.frozen(kw_only=True)
class Axis:
    """Real time from ``since`` to before ``until``, both aware, with the hours of ``zone``; it has some length."""

    since: datetime
    until: datetime
    zone: tzinfo

    @property
    def length(self) -> timedelta:
        return self.until - self.since

    def place(self, moment: datetime) -> float:
        """Where a moment is, from 0 at the beginning to 1 at the end; what is outside is at the nearer of them."""
        return min(1.0, max(0.0, (moment - self.since) / self.length))

    def holds(self, since: datetime, until: datetime) -> bool:
        """Whether any of a stretch is on the axis; one without length is where its moment is."""
        return since < self.until and (until > self.since or since == until >= self.since)

    def hours(self) -> Iterator[tuple[datetime, int]]:
        """Every full hour of the wall clock on the axis, the end included, with its number."""
        at = self.since
        local = at.astimezone(self.zone)
        if local.minute or local.second or local.microsecond:
            at = _next_hour(at, self.zone)
        while at <= self.until:
            yield at, at.astimezone(self.zone).hour
            at = _next_hour(at, self.zone)


def day_axis(day: date, zone: tzinfo) -> Axis:
    """The whole of a day, from one midnight of the wall clock to the next."""
    return Axis(since=_midnight(day, zone), until=_midnight(day + timedelta(days=1), zone), zone=zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day; where clocks skip midnight, that to which they go on."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    at = local.astimezone(UTC)
    # A midnight that is skipped is read by the offset before it, and shows as another time of the same day.
    return at if at.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None) else _skip(at, zone)


def _skip(at: datetime, zone: tzinfo) -> datetime:
    """The moment at which the offset changes, within an hour and a half around *at*."""
    low, high = at - timedelta(minutes=90), at + timedelta(minutes=90)
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _next_hour(at: datetime, zone: tzinfo) -> datetime:
    """The next moment at which the wall clock shows a full hour."""
    local = at.astimezone(zone)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    following = at + _HOUR - past
    # Where the offset changes in between by part of an hour, the full hour lies elsewhere.
    shown = following.astimezone(zone)
    return following if not shown.minute else following + timedelta(minutes=60 - shown.minute)
