"""A day as one HTML page: the picture, and in words what a pointer would have to rest on."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.app.timeline.picture import printable, svg
from hotdesk_daemon.app.timeline.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hotdesk_daemon.app.timeline.axis import Axis
    from hotdesk_daemon.app.timeline.tracks import Timeline

_STYLE: Final = """
:root{color-scheme:light dark}
body{font:14px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;
margin:1.5rem auto;max-width:1200px;padding:0 1rem;
background:#fff;color:#1b1f24}
@media(prefers-color-scheme:dark){body{background:#16181d;color:#e6e8eb}}
.picture{overflow-x:auto}.picture svg{max-width:100%;height:auto;min-width:760px}
h2{font-size:1rem;margin:1.4rem 0 .3rem}ul{margin:0;padding-left:1.2rem}li{margin:.1rem 0}
""".strip()


def html(timeline: Timeline, axis: Axis) -> str:
    """The page of *axis*; it loads nothing."""
    telling = Telling(timeline)
    title = escape(telling.title())
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{title}</title><style>{_STYLE}</style></head>",
        f'<body><div class="picture">{svg(timeline, axis)}</div>',
        *_words(telling),
        "</body></html>",
    ]
    return printable("\n".join(parts) + "\n")


def _words(telling: Telling) -> Iterator[str]:
    timeline = telling.timeline
    bookings = [telling.booking(bar) for bar in timeline.bookings]
    if timeline.elsewhen:
        bookings.append(f"made for other times: {timeline.elsewhen}")
    yield from _section("Bookings", bookings)
    yield from _section("Commands", telling.commands())
    yield from _section("Stale", telling.stale())
    yield from _section("The daemon started", telling.starts())
    yield from _section("Notes", timeline.notes)


def _section(name: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"<h2>{name}</h2><ul>"
        yield from (f"<li>{escape(line)}</li>" for line in lines)
        yield "</ul>"
