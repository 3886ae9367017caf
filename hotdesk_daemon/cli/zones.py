"""
The time zone that a verb speaks in, and times as people type them there.

That of the terminal ($TZ, else the machine's) unless ``--time-zone`` names another or ``--utc`` is given.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import click

from hotdesk_daemon.app.zones import in_zone

_Given: TypeAlias = Any  # whatever click hands to a verb, and the verb returns
_Verb = TypeVar("_Verb", bound=Callable[..., Any])
_MACHINES: Final = Path("/etc/localtime")
#: A last input that is no older may be that of a daemon that runs.
_RECENT: Final = timedelta(days=2)
#: Beyond, there is no history, and the ends of the calendar come near.
_YEARS: Final = range(1970, 3000)


def with_zone(verb: _Verb) -> Callable[..., Any]:
    """Give *verb* ``zone: tzinfo``."""

    @click.option(
        "--time-zone", metavar="NAME", help="Zone of the times, such as Europe/Oslo.  [default: this terminal's]"
    )
    @click.option("--utc", is_flag=True, help="Times in UTC.")
    @functools.wraps(verb)
    def zoned(*args: _Given, time_zone: str | None, utc: bool, **rest: _Given) -> _Given:
        if utc and time_zone is not None:
            raise click.UsageError("either --utc or --time-zone, not both")
        zone = UTC if utc else named_zone(time_zone) if time_zone is not None else own_zone()
        return verb(*args, zone=zone, **rest)

    return zoned


def named_zone(name: str) -> tzinfo:
    """
    The zone of an IANA name.

    Raises:
        click.BadParameter: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        from difflib import get_close_matches

        near = get_close_matches(name, available_timezones(), n=2)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise click.BadParameter(f"{name!r} is no time zone{hint}", param_hint="--time-zone") from exc


def own_zone() -> tzinfo:
    """That of the terminal; UTC, and a word on stderr, where it cannot be told."""
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name and not Path(name).is_absolute():
            return ZoneInfo(name)
        with Path(name or _MACHINES).open("rb") as file:
            return ZoneInfo.from_file(file)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if name:
            click.echo(f"TZ={name} is no time zone that can be used here: times are in UTC", err=True)
        return UTC


def zoned_time(text: str | None, *, zone: tzinfo, option: str) -> datetime | None:
    """
    *text* as a moment: a time with offset, or one of *zone* without; None stays None.

    Raises:
        click.BadParameter: it is neither, or of a year of which there can be no history.
    """
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
        moment = (when if when.tzinfo is not None else when.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise click.BadParameter(
            f"{text!r} is no time such as 2026-05-04T12:00, or with offset 2026-05-04T12:00:00Z", param_hint=option
        ) from exc
    if moment.year not in _YEARS:
        raise click.BadParameter(f"{text!r} is out of reach", param_hint=option)
    return moment


def span_of(text: str) -> timedelta | None:
    """*text* as a length of time, such as ``2h`` or ``1h30m``; None if it is none."""
    from hotdesk_daemon.ops.settings.units import parse_duration

    try:
        return timedelta(seconds=parse_duration(text)) or None
    except (ValueError, OverflowError):
        return None


def present(newest_at: datetime) -> datetime:
    """
    From when a reader looks at history that ends at *newest_at*.

    That is now, unless the site does not live by our time, or the history is an old one: then it is its end.
    """
    now = datetime.now(UTC)
    return now if newest_at <= now <= newest_at + _RECENT else newest_at


class Clockface:
    """Writes moments for people: the time of day in *zone*, with the date when it is not that of *now*."""

    def __init__(self, zone: tzinfo, *, now: datetime) -> None:
        self.zone = zone
        self.now = now.astimezone(zone)

    def heading(self) -> str:
        """The present moment in full, with the zone."""
        offset = f"{self.now:%z}"
        name = f"{self.now:%Z}"
        zone = name if name == "UTC" else f"{name} (UTC{offset[:3]}:{offset[3:5]})"
        return f"{self.now:%a} {self.now.day} {self.now:%b %Y %H:%M:%S} {zone}"

    def tell(self, moment: datetime) -> str:
        """A moment."""
        when = in_zone(moment, self.zone)
        return self._dated(when, _time(when))

    def tell_second(self, moment: datetime) -> str:
        """A moment to the second."""
        when = in_zone(moment, self.zone)
        return self._dated(when, f"{when:%H:%M:%S}")

    def _dated(self, when: datetime, time: str) -> str:
        if when.date() == self.now.date():
            return time
        year = "" if when.year == self.now.year else f" {when.year}"
        return f"{when:%a} {when.day} {when:%b}{year} {time}"

    def span(self, start: datetime, end: datetime) -> str:
        """From when until when; the date once, if it is the same."""
        ends = in_zone(end, self.zone)
        if in_zone(start, self.zone).date() != ends.date():
            return f"{self.tell(start)}–{self.tell(end)}"
        return f"{self.tell(start)}–{_time(ends)}"

    def age(self, moment: datetime) -> str:
        """How far a moment is from now, in brackets."""
        seconds = round((self.now - moment).total_seconds())
        return f" ({lasted(seconds)} ago)" if seconds >= 0 else f" (in {lasted(-seconds)})"


def _time(when: datetime) -> str:
    return f"{when:%H:%M}" if not (when.second or when.microsecond) else f"{when:%H:%M:%S}"


def lasted(seconds: int) -> str:
    """A length of time in its two greatest units."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"
