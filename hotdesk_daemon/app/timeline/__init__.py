"""A desk's day, drawn."""

from hotdesk_daemon.app.timeline.axis import MOST_HOURS, Axis, day_axis
from hotdesk_daemon.app.timeline.gathering import gather
from hotdesk_daemon.app.timeline.text import busy, draw
from hotdesk_daemon.app.timeline.tracks import BookingBar, CommandMark, Matter, Span, Start, Timeline, Track

__all__ = [
    "MOST_HOURS",
    "Axis",
    "BookingBar",
    "CommandMark",
    "Matter",
    "Span",
    "Start",
    "Timeline",
    "Track",
    "busy",
    "day_axis",
    "draw",
    "gather",
]
