"""
A day drawn with characters, in as many columns as a terminal has.

Every state has a sign of its own, so that colours only help. What is too short for a column still shows in it.
"""

from __future__ import annotations

import string
import textwrap
from collections import Counter
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.timeline.axis import Axis
from hotdesk_daemon.app.timeline.lanes import in_lanes
from hotdesk_daemon.app.timeline.looks import Look, of_command, of_span, pieces
from hotdesk_daemon.app.timeline.telling import Telling
from hotdesk_daemon.app.timeline.tracks import Matter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hotdesk_daemon.app.timeline.tracks import BookingBar, Timeline, Track

#: A run of characters and the colour that they may have; empty is the terminal's own.
Run = tuple[str, str]
Line = list[Run]

NARROWEST: Final = 40
_GUTTER: Final = 8
#: Columns that an hour may have.
_PER_HOUR: Final = (60, 30, 20, 15, 12, 10, 6, 5, 4, 3, 2, 1)
_LANES: Final = 8
#: Hours between two labels, each of which has two digits and a space behind it.
_STEPS: Final = (1, 2, 3, 4, 6, 12)
_LABEL: Final = 3
_KEYS: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits
_MORE: Final = "*"
_MOST_TOLD: Final = 9
_SHORTEST: Final = timedelta(hours=6)
_LISTED: Final = 60
#: A part of a column.
_MOSTLY: Final = 0.5
#: A longer stretch has days on its axis.
_DAYS: Final = timedelta(hours=36)


def busy(timeline: Timeline) -> Axis:
    """The part of the stretch in which something happened, in full hours of the wall clock; at least six hours."""
    whole = Axis(since=timeline.since, until=timeline.until, zone=timeline.zone)
    moments = sorted(at for at in _moments(timeline) if timeline.since <= at <= timeline.until)
    if not moments:
        return whole
    hours = [whole.since, *(at for at, _ in whole.hours()), whole.until]
    since = max((at for at in hours if at <= moments[0]), default=whole.since)
    until = min((at for at in hours if at >= moments[-1]), default=whole.until)
    while until - since < min(_SHORTEST, whole.length):
        since, until = max(whole.since, since - timedelta(hours=1)), min(whole.until, until + timedelta(hours=1))
    return Axis(since=since, until=until, zone=timeline.zone)


def _moments(timeline: Timeline) -> Iterator[datetime]:
    """When something happened that a reader looks for; what is always so does not count."""
    for bar in timeline.bookings:
        yield max(bar.start, timeline.since)
        yield min(bar.end, timeline.until)
    for track in timeline.tracks:
        for span in track.spans:
            if track.matter not in {Matter.LINK, Matter.STALE} and span.state != "unknown":
                yield span.since
                yield span.until
    for mark in timeline.commands:
        yield mark.decided_at
    for start in timeline.starts:
        yield start.at


def draw(timeline: Timeline, axis: Axis, *, width: int, unicode: bool = True) -> list[Line]:
    """The picture of *axis*, the legend of what is in it, and what it cannot show, in lines of at most *width*."""
    return _Drawing(timeline, axis, width=max(NARROWEST, width), is_unicode=unicode).lines()


@attrs.define
class _Cell:
    """One place of a row."""

    sign: str = " "
    colour: str = ""


class _Drawing:
    """One picture in the making; what looks occur is written down for the legend."""

    def __init__(self, timeline: Timeline, axis: Axis, *, width: int, is_unicode: bool) -> None:
        self._timeline = timeline
        self._axis = axis
        self._width = width
        self._is_unicode = is_unicode
        self._telling = Telling(timeline)
        self._looks: dict[Look, None] = {}
        self._keys: list[tuple[str, BookingBar]] = []
        hours = axis.length / timedelta(hours=1)
        room = width - _GUTTER
        self._per_hour = next((count for count in _PER_HOUR if count * hours <= room), 0)
        self._columns = max(1, min(room, -int(-hours * self._per_hour // 1))) if self._per_hour else room

    def lines(self) -> list[Line]:
        picture = [*self._head(), *self._bookings(), *self._devices(), *self._commands(), *self._desk()]
        return [*picture, *self._legend(), *self._lists()]

    # --- places ------------------------------------------------------------------------------------------------------

    def _column(self, moment: datetime) -> int:
        return min(self._columns - 1, int(self._axis.place(moment) * self._columns))

    def _covered(self, since: datetime, until: datetime) -> range:
        """The columns that a stretch touches; none if it is outside."""
        if not self._axis.holds(since, until):
            return range(0)
        first = self._column(since)
        end = self._axis.place(until) * self._columns
        return range(first, max(first + 1, min(self._columns, -int(-end // 1))))

    def _part(self, column: int, since: datetime, until: datetime) -> float:
        """How much of a column a stretch covers."""
        begins, ends = self._axis.place(since) * self._columns, self._axis.place(until) * self._columns
        return max(0.0, min(ends, column + 1) - max(begins, column))

    def _sign(self, look: Look) -> _Cell:
        self._looks[look] = None
        return _Cell(look.sign if self._is_unicode else look.ascii, look.colour)

    def _row(self, name: str, cells: Iterable[_Cell]) -> Line:
        line: Line = [(f"{name[: _GUTTER - 1]:<{_GUTTER}}", "bold")]
        for cell in cells:
            if line[-1][1] == cell.colour:
                line[-1] = (line[-1][0] + cell.sign, cell.colour)
            else:
                line.append((cell.sign, cell.colour))
        return line

    # --- rows --------------------------------------------------------------------------------------------------------

    def _head(self) -> Iterator[Line]:
        yield from _wrapped(self._telling.title(), width=self._width, colour="bold")
        zone = self._axis.zone
        since, until = self._axis.since.astimezone(zone), self._axis.until.astimezone(zone)
        if (self._axis.since, self._axis.until) != (self._timeline.since, self._timeline.until):
            text = f"shown is {since:%H:%M} to {until:%H:%M}; nothing happened before and after"
            yield from _wrapped(text, width=self._width, colour="dim")
        yield []
        labels, ticks = [_Cell() for _ in range(self._columns)], [_Cell() for _ in range(self._columns)]
        free = 0
        hours = self._axis.length / timedelta(hours=1)
        step = next((count for count in _STEPS if count * self._columns / hours >= _LABEL), 24)
        for at, hour in self._axis.hours():
            column = self._column(at)
            if at == self._axis.until or hour % step:
                continue
            ticks[column] = _Cell("│" if self._is_unicode else "|", "dim")
            if column >= free and column + 2 <= self._columns:
                is_day = not hour and self._axis.length > _DAYS
                text = f"{at.astimezone(zone):%d}" if is_day else f"{hour:02}"
                for place in range(2):
                    labels[column + place] = _Cell(text[place], "bold" if is_day else "")
                free = column + 3
        yield self._row("", labels)
        if self._axis.since < self._timeline.known_until < self._axis.until:
            ticks[self._column(self._timeline.known_until)] = _Cell("▼" if self._is_unicode else "v", "bold")
        yield self._row("", ticks)

    def _bookings(self) -> Iterator[Line]:
        shown = [bar for bar in self._timeline.bookings if self._axis.holds(bar.start, bar.end)]
        self._keys = list(zip(chain(_KEYS, (_MORE for _ in shown)), shown, strict=False))
        items = [(pair, self._axis.place(pair[1].start), self._axis.place(pair[1].end)) for pair in self._keys]
        placed, left = in_lanes(items, width=self._columns, most=_LANES)
        lanes = [
            [_Cell() for _ in range(self._columns)] for _ in range(max((one.lane for one in placed), default=-1) + 1)
        ]
        for one in placed:
            key, bar = one.item
            lane = lanes[one.lane]
            for column in range(one.first, one.end):
                lane[column] = self._sign(self._bar_look(bar, column))
            lane[one.first] = _Cell(key, "bold")
        for number, lane in enumerate(lanes):
            yield self._row("booked" if not number else "", lane)
        if left:
            yield from self._indented(f"and {len(left)} more at the same times", name="", colour="dim")

    def _bar_look(self, bar: BookingBar, column: int) -> Look:
        """What most of a column of a bar is."""
        parts = pieces(bar)
        best = max(parts, key=lambda piece: self._part(column, piece.since, piece.until))
        return best.look

    def _devices(self) -> Iterator[Line]:
        names = sorted({track.name for matter in (Matter.SIGN_IN, Matter.CALL, Matter.PEOPLE, Matter.LINK)
                        for track in self._timeline.of(matter)})  # fmt: skip
        several = len(names) > 1
        heads = {Matter.SIGN_IN: "user", Matter.CALL: "calls", Matter.PEOPLE: "people"}
        tracks = [(head, track) for matter, head in heads.items() for track in self._timeline.of(matter)]
        tracks += [("link", track) for track in self._timeline.of(Matter.LINK) if several]
        is_named = False
        for head, track in tracks:
            cells = self._people(track) if track.matter is Matter.PEOPLE else self._spans(track)
            if any(cell.sign != " " for cell in cells):
                yield self._row(f"{head} {names.index(track.name) + 1}" if several else head, cells)
                is_named = several
        if is_named:
            yield from self._indented(", ".join(f"{n} is {name}" for n, name in enumerate(names, 1)), colour="dim")

    def _spans(self, track: Track) -> list[_Cell]:
        """Each column shows what lasted the longest in it, of what is drawn at all."""
        longest: dict[int, tuple[float, Look]] = {}
        for span in track.spans:
            look = of_span(track.matter, span.state)
            for column in self._covered(span.since, span.until):
                part = self._part(column, span.since, span.until)
                if look is Look.UNKNOWN and part < _MOSTLY:
                    continue  # each connection begins so, for a moment
                if column not in longest or part > longest[column][0]:
                    longest[column] = (part, look)
        return [self._sign(longest[column][1]) if column in longest else _Cell() for column in range(self._columns)]

    def _people(self, track: Track) -> list[_Cell]:
        """The most people of each column."""
        most: dict[int, int] = {}
        for span in track.spans:
            count = int(span.state) if span.state.isdecimal() else 0
            for column in self._covered(span.since, span.until):
                most[column] = max(count, most.get(column, 0))
        cells = [_Cell() for _ in range(self._columns)]
        for column, count in most.items():
            sign = "p" if not count else str(count) if count <= _MOST_TOLD else "+"
            cells[column] = attrs.evolve(self._sign(Look.PEOPLE), sign=sign)
        return cells

    def _commands(self) -> Iterator[Line]:
        marks = [mark for mark in self._timeline.commands if self._axis.holds(mark.decided_at, mark.decided_at)]
        found: dict[int, Counter[Look]] = {}
        for mark in marks:
            found.setdefault(self._column(mark.decided_at), Counter())[of_command(mark)] += 1
        cells = [_Cell() for _ in range(self._columns)]
        for column, looks in found.items():
            # What went otherwise is not hidden by what did not.
            look = max(looks, key=lambda one: (one is not Look.DONE, looks[one]))
            cell = self._sign(look)
            if look is Look.DONE and looks[look] > 1:
                cell.sign = str(looks[look]) if looks[look] <= _MOST_TOLD else "#"
            cells[column] = cell
        if marks:
            yield self._row("sent", cells)

    def _desk(self) -> Iterator[Line]:
        for track in self._timeline.of(Matter.STALE):
            yield self._row("stale", self._spans(track))
        cells = [_Cell() for _ in range(self._columns)]
        shown = [start for start in self._timeline.starts if self._axis.holds(start.at, start.at)]
        for start in shown:
            for column in self._covered(start.silent_since, start.at) if start.silent_since is not None else ():
                cells[column] = self._sign(Look.SILENCE)
        for start in shown:
            cells[self._column(start.at)] = self._sign(Look.START)
        if shown:
            yield self._row("daemon", cells)

    # --- words -------------------------------------------------------------------------------------------------------

    def _legend(self) -> Iterator[Line]:
        yield []
        rows: dict[str, list[str]] = {}
        for look in Look:
            if look in self._looks:
                rows.setdefault(look.row, []).append(f"{look.sign if self._is_unicode else look.ascii} {look.legend}")
        told = [f"{row}: {', '.join(looks)}" for row, looks in rows.items()]
        minutes = self._axis.length / self._columns / timedelta(minutes=1)
        letters = ["letters: bookings, told below"] if self._keys else []
        yield from self._indented("; ".join([*letters, *told, f"one column: {minutes:.3g} min"]), colour="dim")

    def _lists(self) -> Iterator[Line]:
        bookings = [f"{key} {self._telling.booking(bar)}" for key, bar in self._keys[:_LISTED]]
        if len(self._keys) > _LISTED:
            bookings.append(f"and {len(self._keys) - _LISTED} more")
        if self._timeline.elsewhen:
            bookings.append(f"made for other times: {self._timeline.elsewhen}")
        parts = (
            ("booked", bookings),
            ("sent", self._telling.commands()),
            ("stale", self._telling.stale()),
            ("daemon", self._telling.starts()),
        )
        for name, told in parts:
            if told:
                yield []
            for number, text in enumerate(told):
                yield from self._indented(text, name="" if number else name, hang=2)
        for note in self._timeline.notes:
            yield []
            yield from self._indented(note, colour="bold")

    def _indented(self, text: str, *, name: str = "", colour: str = "", hang: int = 0) -> Iterator[Line]:
        if not self._is_unicode:
            text = text.replace("–", "-").replace("→", "->")
        lines = textwrap.wrap(text, self._width - _GUTTER, subsequent_indent=" " * hang) or [""]
        for number, line in enumerate(lines):
            yield [(f"{'' if number else name:<{_GUTTER}}", "bold"), (line, colour)]


def _wrapped(text: str, *, width: int, colour: str) -> Sequence[Line]:
    return [[(line, colour)] for line in textwrap.wrap(text, width)]
