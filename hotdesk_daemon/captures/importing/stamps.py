"""Times that stand before the JSON in a line of a log, in the forms that logs have."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import tzinfo

_WHOLE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII
)
_SYSLOG: Final = re.compile(r"\b([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\b", re.ASCII)
_OF_DAY: Final = re.compile(r"(?<![\d:.-])(\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?![\d:])", re.ASCII)
_EPOCH: Final = re.compile(r"(?<![\w.-])(\d{10})(?:\.(\d{1,6})|(\d{3}))?(?![\w-])", re.ASCII)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: A time of day that goes back by more than this is of the next day.
_MIDNIGHT: Final = timedelta(hours=12)


class Stamps:
    """
    The times in a file's lines, one after the other.

    Args:
        zone: of times without an offset.
        base: when the file ends, roughly: the year and day of times that lack them.
    """

    def __init__(self, *, zone: tzinfo, base: datetime) -> None:
        self._zone = zone
        self._base = base.astimezone(zone)
        self._last: datetime | None = None
        #: Whether a time without an offset, or without a day, was met.
        self.lacked_zone = self.lacked_day = False

    def read(self, prefix: str) -> datetime | None:
        """The moment that *prefix* tells; None if it tells none."""
        found = self._read(prefix)
        if found is not None:
            self._last = found
        return found

    def _read(self, prefix: str) -> datetime | None:
        try:
            if whole := _WHOLE.search(prefix):
                return self._whole(*whole.groups())
            if epoch := _EPOCH.search(prefix):
                seconds, fraction, millis = epoch.groups()
                return datetime.fromtimestamp(float(f"{seconds}.{fraction or millis or 0}"), tz=UTC)
            if syslog := _SYSLOG.search(prefix):
                return self._of_year(*syslog.groups())
            if of_day := _OF_DAY.search(prefix):
                return self._of_day(*of_day.groups())
        except (ValueError, OverflowError):
            return None
        return None

    def _whole(self, day: str, time: str, fraction: str | None, offset: str | None) -> datetime:
        offset = {"Z": "+00:00", "UTC": "+00:00"}.get(offset or "", offset)
        moment = datetime.fromisoformat(f"{day}T{time}{_micro(fraction)}{offset or ''}")
        return self._zoned(moment).astimezone(UTC)

    def _of_year(self, month: str, day: str, time: str, fraction: str | None) -> datetime:
        self.lacked_day = True
        text = f"{_MONTHS.index(month) + 1:02}-{int(day):02}T{time}{_micro(fraction)}"
        moment = self._zoned(datetime.fromisoformat(f"{self._base.year}-{text}"))
        if moment > self._base + timedelta(days=1):
            moment = moment.replace(year=moment.year - 1)
        return moment.astimezone(UTC)

    def _of_day(self, time: str, fraction: str | None) -> datetime:
        self.lacked_day = True
        last = self._last.astimezone(self._zone) if self._last is not None else None
        day = (last or self._base).date()
        moment = self._zoned(datetime.fromisoformat(f"{day}T{time}{_micro(fraction)}"))
        if last is not None and last - moment > _MIDNIGHT:
            moment += timedelta(days=1)
        return moment.astimezone(UTC)

    def _zoned(self, moment: datetime) -> datetime:
        if moment.tzinfo is not None:
            return moment
        self.lacked_zone = True
        return moment.replace(tzinfo=self._zone)


def _micro(fraction: str | None) -> str:
    return f".{fraction[:6]:0<6}" if fraction else ""
