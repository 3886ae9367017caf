"""How each thing of a day looks, wherever it is drawn: its sign, its colour, and what the legend says of it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from hotdesk_daemon.app.timeline.tracks import BookingBar, CommandMark, Matter
from hotdesk_daemon.core.desk import BookingState, CommandState, LinkState, SignInState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class _Signs(NamedTuple):
    row: str
    sign: str
    ascii: str
    colour: str
    legend: str


class Look(Enum):
    """
    One way to look: the sign on a terminal, that for one without Unicode, a colour's name, and the legend.

    Signs differ within a row, so that a colour never is the only difference.
    """

    PLANNED = _Signs("booked", "─", "-", "blue", "confirmed")
    RUNNING = _Signs("booked", "█", "=", "green", "running")
    ASKED = _Signs("booked", "?", "?", "yellow", "asked for, not confirmed")
    GONE = _Signs("booked", "·", ".", "dim", "over before its end, or deleted")
    AT_BOOKING = _Signs("user", "█", "#", "green", "signed in to a booking")
    WITHOUT = _Signs("user", "▒", "%", "yellow", "signed in without a booking, or just now")
    AFTER = _Signs("user", "░", "~", "magenta", "still signed in after the booking")
    UNKNOWN = _Signs("user", "·", ".", "dim", "not known")
    CALL = _Signs("calls", "█", "C", "cyan", "in a call")
    PEOPLE = _Signs("people", "9", "9", "blue", "the most people, + more than 9, p some")
    DOWN = _Signs("link", "x", "x", "red", "not connected")
    SYNCING = _Signs("link", "s", "s", "yellow", "connected, not listed yet")
    DOUBTED = _Signs("link", "!", "!", "red", "its list changed unseen")
    STALE = _Signs("stale", "!", "!", "red", "the picture may be wrong")
    DONE = _Signs("sent", "+", "+", "green", "one done, or how many")
    OPEN = _Signs("sent", ">", ">", "yellow", "open")
    PARKED = _Signs("sent", "P", "P", "red", "parked")
    NOT_DONE = _Signs("sent", "x", "x", "red", "refused or dropped")
    START = _Signs("daemon", "^", "^", "magenta", "started")
    SILENCE = _Signs("daemon", "╌", "-", "dim", "nothing recorded")

    @property
    def row(self) -> str:
        """The name of the row that it occurs in."""
        return self.value.row

    @property
    def sign(self) -> str:
        return self.value.sign

    @property
    def ascii(self) -> str:
        return self.value.ascii

    @property
    def colour(self) -> str:
        return self.value.colour

    @property
    def legend(self) -> str:
        return self.value.legend


_SIGN_INS: Final[Mapping[str, Look]] = {
    SignInState.UNBOOKED: Look.WITHOUT,
    SignInState.CHECKING: Look.WITHOUT,
    SignInState.BOOKED: Look.AT_BOOKING,
    SignInState.LEAVING: Look.AFTER,
    SignInState.STAYING: Look.AFTER,
}
_LINKS: Final[Mapping[str, Look]] = {
    LinkState.DOWN: Look.DOWN,
    LinkState.SYNCING: Look.SYNCING,
    LinkState.STALE: Look.DOUBTED,
}
_COMMANDS: Final[Mapping[str, Look]] = {
    CommandState.DONE: Look.DONE,
    CommandState.PARKED: Look.PARKED,
    CommandState.REFUSED: Look.NOT_DONE,
    CommandState.DROPPED: Look.NOT_DONE,
}
_BOOKINGS: Final[Mapping[str, Look]] = {
    BookingState.REQUESTED: Look.ASKED,
    BookingState.STARTED: Look.RUNNING,
    BookingState.ENDED: Look.GONE,
    BookingState.DELETED: Look.GONE,
    BookingState.FAILED: Look.GONE,
}


def of_span(matter: Matter, state: str) -> Look:
    match matter:
        case Matter.SIGN_IN:
            return _SIGN_INS.get(state, Look.UNKNOWN)
        case Matter.CALL:
            return Look.CALL
        case Matter.PEOPLE:
            return Look.PEOPLE
        case Matter.LINK:
            return _LINKS.get(state, Look.UNKNOWN)
        case Matter.STALE:
            return Look.STALE


def of_command(mark: CommandMark) -> Look:
    return _COMMANDS.get(mark.state, Look.OPEN)


class Piece(NamedTuple):
    """A part of a booking's bar."""

    since: datetime
    until: datetime
    look: Look


def pieces(bar: BookingBar) -> list[Piece]:
    """
    The parts of a bar, from its start to its end.

    Until something is known of a time it looks as planned; from then on as the booking was in it, and after it was
    deleted as gone.
    """
    found: list[Piece] = []
    at = bar.start
    for life in bar.lives:
        look = _BOOKINGS.get(life.state, Look.PLANNED)
        since, until = max(at, life.since), min(bar.end, life.until)
        if life is bar.lives[-1] and bar.over_at is not None:
            until = bar.end
        if until > since:
            if since > at:
                found.append(Piece(at, since, Look.PLANNED))
            found.append(Piece(since, until, look))
            at = until
    if at < bar.end or not found:
        found.append(Piece(at, bar.end, _planned(bar)))
    return found


def _planned(bar: BookingBar) -> Look:
    """How the time looks of which nothing is known yet."""
    return Look.ASKED if bar.state is BookingState.REQUESTED else Look.GONE if bar.over_at is not None else Look.PLANNED
