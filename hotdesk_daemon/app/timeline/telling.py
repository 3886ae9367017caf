"""What a picture of a day cannot show, in words: each booking, the commands that went otherwise, what was stale."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.timeline.tracks import Matter, Timeline
from hotdesk_daemon.app.zones import in_zone
from hotdesk_daemon.core.desk import BookingState, CommandState, Origin, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.app.timeline.tracks import BookingBar, CommandMark, Span

#: So many of one kind are told one by one.
MOST: Final = 12
#: A command that takes longer than this is worth a line.
_SLOW: Final = timedelta(seconds=60)
_ORIGINS: Final[Mapping[str, str]] = {
    Origin.DEVICE: "at the device",
    Origin.INTEGRATION: "through us",
    Origin.CALENDAR: "in the calendar",
    Origin.LIST: "found in a list",
}


@attrs.frozen
class Telling:
    """Words about one timeline, with times of its zone."""

    timeline: Timeline

    def clock(self, moment: datetime) -> str:
        """The time of day, with the seconds where there are any, and the date on another day."""
        local = in_zone(moment, self.timeline.zone)
        text = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
        begins = self.timeline.since.astimezone(self.timeline.zone)
        return text if local.date() == begins.date() else f"{local:%a} {local.day} {local:%b} {text}"

    def title(self) -> str:
        """The desk, the day and the zone, which may change its offset in the day."""
        zone = self.timeline.zone
        since, until = self.timeline.since.astimezone(zone), self.timeline.until.astimezone(zone)
        offsets = list(dict.fromkeys(_offset(at) for at in (since, until)))
        ends = f"{until:%H:%M}" if until.date() == since.date() else f"{until:%a} {until.day} {until:%b %H:%M}"
        return f"{self.timeline.desk}, {since:%a} {since.day} {since:%b %Y %H:%M} to {ends}, {' then '.join(offsets)}"

    def short(self, name: str) -> str:
        """An id without the desk's name."""
        return name.removeprefix(f"{self.timeline.desk}.")

    # --- bookings ----------------------------------------------------------------------------------------------------

    def booking(self, bar: BookingBar) -> str:
        """One booking in a line."""
        parts = [
            f"{self.clock(bar.start)}–{self.clock(bar.end)} {self.short(bar.booking_id)}",
            _ORIGINS.get(bar.origin, bar.origin),
            self._fate(bar),
        ]
        if bar.verdict is Verdict.REJECTED and not (bar.ours and "rejected" in bar.ours):
            parts.append(f"against the rules: {bar.verdict_why}")
        if bar.earlier:
            was = ", ".join(
                f"{self.clock(start)}–{self.clock(start + timedelta(minutes=m))}" for start, m in bar.earlier
            )
            parts.append(f"moved, was {was}")
        used = [text for is_so, text in ((bar.checked_in, "checked in"), (bar.signed_in, "signed in")) if is_so]
        if used:
            parts.append(" and ".join(used))
        elif bar.state in {BookingState.STARTED, BookingState.ENDED}:
            parts.append("nobody signed in")
        return "; ".join(part for part in parts if part)

    def _fate(self, bar: BookingBar) -> str:
        over = f" {self.clock(bar.over_at)}" if bar.over_at is not None else ""
        match bar.state:
            case BookingState.REQUESTED:
                return "not confirmed"
            case BookingState.STARTED:
                return "running"
            case BookingState.ENDED:
                early = bar.over_at is not None and bar.over_at < bar.end
                odd = bar.end_cause not in {None, "End"}
                return f"ended{over}{f': {bar.end_cause}' if odd else ''}" if early or odd else "ended"
            case BookingState.DELETED if bar.ours is not None:
                return f"deleted{over} by us: {bar.ours}"
            case BookingState.DELETED | BookingState.FAILED:
                return f"{bar.state}{over}: {bar.end_cause}"
            case _:
                return "to come" if bar.start >= self.timeline.known_until else "confirmed"

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self) -> list[str]:
        """How many ended how, and those that did not simply get done."""
        marks = self.timeline.commands
        if not marks:
            return []
        counts = {state: sum(mark.state is state for mark in marks) for state in CommandState}
        lines = [", ".join(f"{count} {state}" for state, count in counts.items() if count)]
        notable = [mark for mark in marks if _is_notable(mark)]
        lines += [self.command(mark) for mark in notable[:MOST]]
        if len(notable) > MOST:
            lines.append(f"and {len(notable) - MOST} more that went otherwise")
        return lines

    def command(self, mark: CommandMark) -> str:
        """One command in a line."""
        about = f" of {self.short(mark.booking_id)}" if mark.booking_id is not None else ""
        took = f" in {lasted(mark.settled_at - mark.decided_at)}" if mark.settled_at is not None else ""
        attempts = f"{mark.attempts} attempt{'' if mark.attempts == 1 else 's'}"
        message = f": {mark.message}" if mark.message else ""
        ended = f"{mark.state} after {attempts}{took}{message}"
        return f"{self.clock(mark.decided_at)} {mark.path}{about}: {mark.why}; {ended}"

    # --- what was not as it should be --------------------------------------------------------------------------------

    def stale(self) -> list[str]:
        """How often and how long the picture could be wrong, and the longest of these times."""
        spans = [span for track in self.timeline.of(Matter.STALE) for span in track.spans]
        if not spans:
            return []
        whole = lasted(sum((span.length for span in spans), timedelta()))
        longest = sorted(spans, key=lambda span: span.length, reverse=True)[:3]
        told = [self.span(span) for span in sorted(longest, key=lambda span: span.since)]
        head = f"{len(spans)} time{'' if len(spans) == 1 else 's'}, {whole} in all"
        return [head if len(spans) <= len(longest) else f"{head}; the longest:", *told]

    def span(self, span: Span) -> str:
        """When something lasted, and why it began."""
        ends = f"–{self.clock(span.until)}" if span.length >= timedelta(seconds=1) else ""
        return f"{self.clock(span.since)}{ends} ({lasted(span.length)}){f': {span.text}' if span.text else ''}"

    def starts(self) -> list[str]:
        """When we started, and what is not known for that."""
        return [
            self.clock(start.at)
            + (
                f", nothing recorded for {lasted(start.at - start.silent_since)} before"
                if start.silent_since is not None
                else ""
            )
            for start in self.timeline.starts[:MOST]
        ] + ([f"and {len(self.timeline.starts) - MOST} more"] if len(self.timeline.starts) > MOST else [])


def _offset(at: datetime) -> str:
    offset = f"{at:%z}"
    name = f"{at:%Z}"
    told = f"UTC{offset[:3]}:{offset[3:5]}"
    return name if name == "UTC" else told if name[:1] in "+-" else f"{name} ({told})"


def lasted(length: timedelta) -> str:
    """A length of time in its two greatest units."""
    seconds = round(length.total_seconds())
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s" if seconds else "less than a second"


def _is_notable(mark: CommandMark) -> bool:
    slow = mark.settled_at is not None and mark.settled_at - mark.decided_at > _SLOW
    return mark.state is not CommandState.DONE or mark.attempts > 1 or slow
