"""
What a company allows, and the verdict on one booking's times.

Rules are data; a verdict names the rule and its values so that the refusal can be explained. Times are judged as the
interval [start, start + duration) in the rule's own time zone, so a change of daylight saving time moves no rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import attrs


class Stage(StrEnum):
    """What the daemon may do on a desk; each stage does what the one before it does, and more."""

    OFF = "off"  # only look: the rules judge nothing, and nothing is ever sent
    OBSERVE = "observe"  # judge and say so, but never send anything
    WARN = "warn"  # tell people at the device what is against the rules; send what people ask for
    ENFORCE = "enforce"  # carry the rules out

    @property
    def sends(self) -> bool:
        """Whether anything may be sent at all."""
        return self in (Stage.WARN, Stage.ENFORCE)


@attrs.frozen(kw_only=True)
class Hours:
    """One opening period of one weekday (0 = Monday), minutes after local midnight; ``closes_min`` up to 1440."""

    weekday: int
    opens_min: int
    closes_min: int


@attrs.frozen(kw_only=True)
class Policy:
    """
    The rules of one desk; ``None`` and an empty tuple switch a rule off, so the default accepts everything.

    ``opening_hours`` are in ``time_zone`` (an IANA name); a weekday without an entry is closed once any entry exists.
    """

    max_duration_min: int | None = None
    opening_hours: tuple[Hours, ...] = ()
    time_zone: str = "UTC"

    def __str__(self) -> str:
        """What is asked of a booking, in short."""
        longest = [] if self.max_duration_min is None else [f"maximum duration {self.max_duration_min} min"]
        opening = [f"opening hours in {self.time_zone}"] if self.opening_hours else []
        return ", ".join(longest + opening) or "no rules"


@attrs.frozen(kw_only=True)
class Objection:
    """A rule that forbids: its name, the fields of `Policy` that it goes by, and the values in words."""

    rule: str
    limits: Mapping[str, int | str]
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


def objection(policy: Policy, *, start: datetime, duration_min: int) -> str | None:
    """Say why *policy* forbids a booking at these times, or ``None`` if it does not."""
    found = forbidding(policy, start=start, duration_min=duration_min)
    return None if found is None else str(found)


def forbidding(policy: Policy, *, start: datetime, duration_min: int) -> Objection | None:
    """The first rule of *policy* that forbids a booking at these times, or ``None`` if none does."""
    longest = policy.max_duration_min
    if longest is not None and duration_min > longest:
        detail = f"{duration_min} min asked, {longest} min allowed"
        return Objection(rule="maximum duration", limits={"max_duration_min": longest}, detail=detail)
    if policy.opening_hours and not _is_open(policy, start, start + timedelta(minutes=duration_min)):
        detail = f"not open from start to end in {policy.time_zone}"
        return Objection(rule="opening hours", limits={"time_zone": policy.time_zone}, detail=detail)
    return None


_WEEK: Final = timedelta(days=8)  # and a day, so that every weekday is in it whole


def _is_open(policy: Policy, start: datetime, end: datetime) -> bool:
    """Walk the opening periods in order and see whether they cover [start, end) without a gap."""
    zone = ZoneInfo(policy.time_zone)
    covered = start
    end = min(end, start + _WEEK)  # open for so long without a gap is open always: the periods are those of a week
    day = start.astimezone(zone).date()
    while covered < end and day <= end.astimezone(zone).date():
        for hours in sorted(policy.opening_hours, key=lambda h: h.opens_min):
            if hours.weekday != day.weekday():
                continue
            opens, closes = _instant(day, hours.opens_min, zone), _instant(day, hours.closes_min, zone)
            if opens <= covered < closes:
                covered = closes
        day += timedelta(days=1)
    return covered >= end


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Wall-clock minute of *day* as an instant; 1440 is the next midnight."""
    whole_days, rest = divmod(minute, 1440)
    local = datetime.combine(day + timedelta(days=whole_days), time(rest // 60, rest % 60), tzinfo=zone)
    return datetime.fromtimestamp(local.timestamp(), tz=ZoneInfo("UTC"))
