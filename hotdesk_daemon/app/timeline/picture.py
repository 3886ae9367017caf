"""
A day as an SVG picture that needs nothing from anywhere: no script, no font, no network.

It suits light and dark surroundings. Shapes and patterns tell what colours tell, and a pointer that rests on something
gets the words.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.app.timeline.lanes import in_lanes
from hotdesk_daemon.app.timeline.looks import Look, of_command, of_span, pieces
from hotdesk_daemon.app.timeline.telling import Telling, lasted
from hotdesk_daemon.app.timeline.tracks import Matter
from hotdesk_daemon.app.zones import in_zone
from hotdesk_daemon.core.desk import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from hotdesk_daemon.app.timeline.axis import Axis
    from hotdesk_daemon.app.timeline.tracks import BookingBar, CommandMark, Timeline, Track

WIDTH: Final = 1160
_LEFT: Final = 130
_RIGHT: Final = 20
_ROOM: Final = WIDTH - _LEFT - _RIGHT
_TOP: Final = 78
_LANES: Final = 16
_LANE_PX: Final = 26
_ROW_PX: Final = 24
_PEOPLE_PX: Final = 40
_BAR_PX: Final = 20
_THIN_PX: Final = 12
#: Commands within so many pixels are one mark.
_NEAR_PX: Final = 12
#: What a letter of a label takes, about.
_LETTER_PX: Final = 7
_SMALL_PX: Final = 6
_DAYS: Final = timedelta(hours=36)

#: Light, dark.
_COLOURS: Final = {
    "ground": ("#ffffff", "#16181d"),
    "text": ("#1b1f24", "#e6e8eb"),
    "dim": ("#667080", "#98a2b3"),
    "grid": ("#e3e7ec", "#2b3038"),
    "band": ("#f6f8fa", "#1c1f25"),
    "blue": ("#b7d3f5", "#234a78"),
    "edge": ("#3d77bd", "#6ea8ee"),
    "green": ("#2f9e5f", "#3fb374"),
    "yellow": ("#e0a100", "#e7b53c"),
    "magenta": ("#a557c2", "#c07edb"),
    "cyan": ("#1f9bb3", "#3fbad1"),
    "red": ("#cf3b35", "#f0655e"),
}
_STYLE: Final = """
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:var(--text)}
.title{font-size:16px;font-weight:600}.dim{fill:var(--dim)}.small{font-size:11px}.row{text-anchor:end}
.label{font-size:11px;paint-order:stroke;stroke:var(--ground);stroke-width:3px;stroke-linejoin:round}
.hour{text-anchor:middle}.grid{stroke:var(--grid)}.band{fill:var(--band)}.ground{fill:var(--ground)}
.planned{fill:var(--blue);stroke:var(--edge)}.running{fill:var(--green)}
.asked{fill:url(#asked);stroke:var(--yellow);stroke-dasharray:4 3}.gone{fill:url(#gone);stroke:var(--dim)}
.at_booking{fill:var(--green)}.without{fill:url(#without);stroke:var(--yellow)}.after{fill:url(#after);stroke:var(--magenta)}
.unknown{fill:url(#gone)}.call{fill:var(--cyan)}.people{fill:var(--edge)}.down{fill:var(--red)}
.syncing{fill:var(--yellow)}.doubted,.stale{fill:url(#stale);stroke:var(--red)}.veil{fill:var(--red);opacity:.09}
.done{fill:var(--green)}.open{fill:var(--yellow)}.parked,.not_done{fill:var(--red)}
.start{fill:var(--magenta)}.silence{fill:url(#gone)}.started{stroke:var(--magenta);stroke-dasharray:3 3}
.now{stroke:var(--text);stroke-width:1.5}.later{fill:var(--ground);opacity:.45}.reject{stroke:var(--red);stroke-width:2;fill:none}
""".strip()
_SHAPES: Final = {Look.DONE: "circle", Look.OPEN: "triangle", Look.PARKED: "diamond", Look.NOT_DONE: "cross"}


def svg(timeline: Timeline, axis: Axis) -> str:
    """The picture of *axis*, as an SVG document without an XML declaration, so that it fits into a page, too."""
    return printable(_Picture(timeline, axis).whole())


def printable(markup: str) -> str:
    """*markup* without control characters, which XML forbids even as references and which may turn text around."""
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in markup)


class _Picture:
    """One picture in the making; ``y`` is where the next row goes."""

    def __init__(self, timeline: Timeline, axis: Axis) -> None:
        self._timeline = timeline
        self._axis = axis
        self._telling = Telling(timeline)
        self._looks: dict[Look, None] = {}
        self._y = _TOP
        self._heads: list[str] = []

    def whole(self) -> str:
        rows = [*self._bookings(), *self._devices(), *self._commands(), *self._desk()]
        bottom = self._y + 4
        legend = list(self._legend())
        height = self._y + 14
        title = escape(self._telling.title())
        size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">',
            f"<title>{title}</title>",
            f"<style>{_theme()}{_STYLE}</style>",
            _patterns(),
            f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
            f'<text class="title" x="16" y="26">{title}</text>',
            *self._grid(bottom),
            *self._veils(bottom),
            *self._heads,
            *rows,
            *self._now(bottom),
            *legend,
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    # --- places ------------------------------------------------------------------------------------------------------

    def _x(self, moment: datetime) -> float:
        return round(_LEFT + self._axis.place(moment) * _ROOM, 1)

    def _row(self, name: str, height: int) -> int:
        """Take a row; where it begins."""
        y = self._y
        self._heads.append(f'<rect class="band" x="{_LEFT}" y="{y}" width="{_ROOM}" height="{height - 4}"/>')
        self._heads.append(f'<text class="row" x="{_LEFT - 10}" y="{y + height // 2 + 2}">{escape(name)}</text>')
        self._y += height
        return y

    def _box(self, look: Look, since: datetime, until: datetime, *, y: float, height: float, words: str = "") -> str:
        self._looks[look] = None
        x = self._x(since)
        width = max(1.5, round(self._x(until) - x, 1))
        title = f"<title>{escape(words)}</title>" if words else ""
        shape = f'<rect class="{look.name.lower()}" x="{x}" y="{y}" width="{width}" height="{height}"'
        return f"{shape}>{title}</rect>" if title else f"{shape}/>"

    def _grid(self, bottom: int) -> Iterator[str]:
        per_hour = _ROOM / max(1.0, self._axis.length / timedelta(hours=1))
        step = next((count for count in (1, 2, 3, 4, 6, 12) if count * per_hour > 3 * _LETTER_PX), 24)
        free = 0.0
        for at, hour in self._axis.hours():
            x = self._x(at)
            if hour % step:
                continue
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP - 8}" y2="{bottom}"/>'
            if x >= free:
                local = at.astimezone(self._axis.zone)
                is_day = not hour and self._axis.length > _DAYS
                text = f"{local:%a %d}" if is_day else f"{hour:02}"
                yield f'<text class="hour dim" x="{x}" y="{_TOP - 14}">{text}</text>'
                free = x + 3 * _LETTER_PX

    # --- rows --------------------------------------------------------------------------------------------------------

    def _bookings(self) -> Iterator[str]:
        shown = [bar for bar in self._timeline.bookings if self._axis.holds(bar.start, bar.end)]
        items = [(bar, self._axis.place(bar.start), self._axis.place(bar.end)) for bar in shown]
        placed, left = in_lanes(items, width=_ROOM, most=_LANES, gap=2)
        lanes = max((one.lane for one in placed), default=0) + 1
        top = self._row("bookings", lanes * _LANE_PX + 4)
        if left:
            self._heads.append(
                f'<text class="row dim small" x="{_LEFT - 10}" y="{top + 30}">and {len(left)} more</text>'
            )
        for one in placed:
            yield from self._bar(one.item, y=top + one.lane * _LANE_PX + 2, room=one.end - one.first)

    def _bar(self, bar: BookingBar, *, y: int, room: int) -> Iterator[str]:
        words = self._telling.booking(bar)
        yield f"<g><title>{escape(words)}</title>"
        parts = [piece for piece in pieces(bar) if self._axis.holds(piece.since, piece.until)]
        for piece in parts:
            yield self._box(piece.look, piece.since, piece.until, y=y, height=_BAR_PX)
        x = self._x(bar.start)
        if bar.verdict is Verdict.REJECTED:
            yield f'<path class="reject" d="M{x} {y + _BAR_PX}h{max(2, room)}"/>'
        short = self._telling.short(bar.booking_id)
        start = f"{in_zone(bar.start, self._axis.zone):%H:%M}"
        for label in (f"{short} {start}", short):
            if len(label) * _LETTER_PX + 4 <= room:
                yield f'<text class="label" x="{x + 4}" y="{y + 14}">{escape(label)}</text>'
                break
        yield "</g>"

    def _devices(self) -> Iterator[str]:
        names = sorted({track.name for track in self._timeline.tracks if track.matter is not Matter.STALE})
        for name in names:
            several = f" {names.index(name) + 1}" if len(names) > 1 else ""
            for track in (track for matter in Matter for track in self._timeline.of(matter) if track.name == name):
                if track.matter is Matter.PEOPLE:
                    yield from self._people(track, several)
                elif track.matter is not Matter.STALE:
                    yield from self._spans(track, f"{track.matter}{several}", _ROW_PX)
        if len(names) > 1:
            told = ", ".join(f"{number} is {name}" for number, name in enumerate(names, 1))
            self._heads.append(f'<text class="dim small" x="{_LEFT}" y="46">{escape(told)}</text>')

    def _spans(self, track: Track, name: str, height: int) -> Iterator[str]:
        spans = [span for span in track.spans if self._axis.holds(span.since, span.until)]
        if not spans:
            return
        y = self._row(name, height)
        for span in spans:
            words = f"{span.state}, {self._telling.span(span)}"
            look = of_span(track.matter, span.state)
            yield self._box(look, span.since, span.until, y=y + 2, height=height - 8, words=words)

    def _people(self, track: Track, several: str) -> Iterator[str]:
        spans = [span for span in track.spans if self._axis.holds(span.since, span.until)]
        if not spans:
            return
        y = self._row(f"people{several}", _PEOPLE_PX)
        counts = [int(span.state) if span.state.isdecimal() else 1 for span in spans]
        most = max(counts)
        room = _PEOPLE_PX - 8
        for span, count in zip(spans, counts, strict=True):
            height = round(room * count / most, 1)
            words = f"{span.state} {'person' if span.state == '1' else 'people'}, {self._telling.span(span)}"
            yield self._box(Look.PEOPLE, span.since, span.until, y=y + 2 + room - height, height=height, words=words)
        yield f'<text class="dim small" x="{WIDTH - _RIGHT + 3}" y="{y + 12}">{most}</text>'

    def _commands(self) -> Iterator[str]:
        marks = [mark for mark in self._timeline.commands if self._axis.holds(mark.decided_at, mark.decided_at)]
        if not marks:
            return
        y = self._row("commands", _ROW_PX) + 10
        near: dict[int, list[CommandMark]] = {}
        for mark in marks:
            near.setdefault(int(self._x(mark.decided_at) // _NEAR_PX), []).append(mark)
        for place in sorted(near):
            yield self._marks(near[place], y=y)

    def _marks(self, marks: Sequence[CommandMark], *, y: int) -> str:
        """Commands that are near each other, as one mark of the sort that a reader must not miss."""
        looks = Counter(of_command(mark) for mark in marks)
        look = max(looks, key=lambda one: (one is not Look.DONE, looks[one]))
        self._looks[look] = None
        lines = [self._telling.command(mark) for mark in marks[:10]]
        lines += [f"and {len(marks) - len(lines)} more"] if len(marks) > len(lines) else []
        x = self._x(marks[0].decided_at)
        count = f'<text class="small dim" x="{x + 6}" y="{y + 4}">{len(marks)}</text>' if len(marks) > 1 else ""
        return f"<g><title>{escape(chr(10).join(lines))}</title>{_shape(look, x, y)}{count}</g>"

    def _desk(self) -> Iterator[str]:
        for track in self._timeline.of(Matter.STALE):
            yield from self._spans(track, "stale", _ROW_PX)
        starts = [start for start in self._timeline.starts if self._axis.holds(start.at, start.at)]
        if not starts:
            return
        y = self._row("daemon", _ROW_PX)
        for start in starts:
            if start.silent_since is not None:
                words = f"nothing recorded for {lasted(start.at - start.silent_since)}"
                yield self._box(Look.SILENCE, start.silent_since, start.at, y=y + 2, height=_THIN_PX, words=words)
            x = self._x(start.at)
            self._looks[Look.START] = None
            words = f"the daemon started {self._telling.clock(start.at)}"
            yield f"<g><title>{escape(words)}</title>{_shape(Look.START, x, y + 9)}</g>"

    def _veils(self, bottom: int) -> Iterator[str]:
        """What is stale, and our starts, through all rows."""
        for track in self._timeline.of(Matter.STALE):
            for span in track.spans:
                if self._axis.holds(span.since, span.until):
                    x = self._x(span.since)
                    width = max(1.0, round(self._x(span.until) - x, 1))
                    yield f'<rect class="veil" x="{x}" y="{_TOP}" width="{width}" height="{bottom - _TOP}"/>'
        for start in self._timeline.starts:
            if self._axis.holds(start.at, start.at):
                x = self._x(start.at)
                yield f'<line class="started" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>'

    def _now(self, bottom: int) -> Iterator[str]:
        until = self._timeline.known_until
        if self._axis.since < until < self._axis.until:
            x = self._x(until)
            title = "<title>recorded until here</title>"
            yield f'<line class="now" x1="{x}" x2="{x}" y1="{_TOP - 8}" y2="{bottom}">{title}</line>'

    # --- legend ------------------------------------------------------------------------------------------------------

    def _legend(self) -> Iterator[str]:
        self._y += 16
        x = _LEFT
        told: list[tuple[Look | None, str]] = []
        for look in Look:
            if look not in self._looks:
                continue
            text = f"{_ROWS.get(look.row, look.row)}: {_LEGENDS.get(look, look.legend)}"
            told.append((look, text))
        if any(bar.verdict is Verdict.REJECTED for bar in self._timeline.bookings):
            told.append((None, "booking: against the rules"))
        for sign, text in told:
            width = 44 + len(text) * _SMALL_PX
            if x + width > WIDTH - _RIGHT:
                x, self._y = _LEFT, self._y + 20
            if sign is None:
                yield f'<path class="reject" d="M{x} {self._y - 3}h22"/>'
            elif sign in _SHAPES or sign is Look.START:
                yield _shape(sign, x + 11, self._y - 4)
            else:
                yield f'<rect class="{sign.name.lower()}" x="{x}" y="{self._y - 11}" width="22" height="13"/>'
            yield f'<text class="small" x="{x + 28}" y="{self._y}">{escape(text)}</text>'
            x += width


_ROWS: Final = {"booked": "booking", "user": "sign-in", "calls": "call", "sent": "command"}
_LEGENDS: Final = {Look.PEOPLE: "how many", Look.DONE: "done (a number: so many)"}


def _shape(look: Look, x: float, y: float) -> str:
    name = look.name.lower()
    match _SHAPES.get(look, "triangle"):
        case "circle":
            return f'<circle class="{name}" cx="{x}" cy="{y}" r="4.5"/>'
        case "diamond":
            return f'<path class="{name}" d="M{x} {y - 6}l6 6l-6 6l-6 -6z"/>'
        case "cross":
            return f'<path class="{name}" d="M{x - 5} {y - 3}l2 -2l3 3l3 -3l2 2l-3 3l3 3l-2 2l-3 -3l-3 3l-2 -2l3 -3z"/>'
        case _:
            return f'<path class="{name}" d="M{x} {y - 5}l5 10h-10z"/>'


def _theme() -> str:
    light = "".join(f"--{name}:{pair[0]};" for name, pair in _COLOURS.items())
    dark = "".join(f"--{name}:{pair[1]};" for name, pair in _COLOURS.items())
    return f"\nsvg{{{light}}}\n@media(prefers-color-scheme:dark){{svg{{{dark}}}}}\n"


def _patterns() -> str:
    """Hatchings, which tell without colour."""
    lines = {
        "gone": ("dim", "M0 6L6 0"),
        "asked": ("yellow", "M3 0V6"),
        "without": ("yellow", "M0 0L6 6"),
        "after": ("magenta", "M0 3H6"),
        "stale": ("red", "M0 0L6 6M0 6L6 0"),
    }
    drawn = "".join(
        f'<pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<path d="{path}" style="stroke:var(--{colour})" stroke-width="1.5" fill="none"/></pattern>'
        for name, (colour, path) in lines.items()
    )
    return f"<defs>{drawn}</defs>"
