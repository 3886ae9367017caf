"""Days by hand and any days at all, for what is drawn of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from hotdesk_daemon.app.timeline import (
    Axis,
    BookingBar,
    CommandMark,
    Matter,
    Span,
    Start,
    Timeline,
    Track,
    day_axis,
)
from hotdesk_daemon.core.desk import BookingState, CommandState, LinkState, SignInState, Verdict
from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId

if TYPE_CHECKING:
    from collections.abc import Callable

DESK: Final = DeskId("osl-4-014")
OSLO: Final = ZoneInfo("Europe/Oslo")
#: Days with 23, 25, 24, 24.5 and 23.5 hours, one without a midnight, and one with two.
ODD_DAYS: Final = (
    (date(2026, 3, 29), "Europe/Oslo"),
    (date(2026, 10, 25), "Europe/Oslo"),
    (date(2026, 5, 4), "Asia/Kathmandu"),
    (date(2026, 4, 5), "Australia/Lord_Howe"),
    (date(2026, 10, 4), "Australia/Lord_Howe"),
    (date(2018, 11, 4), "America/Sao_Paulo"),
    (date(2026, 11, 1), "America/Havana"),
)
_STATES: Final = {
    Matter.SIGN_IN: [state.value for state in SignInState if state is not SignInState.SHARED],
    Matter.CALL: ["in call"],
    Matter.PEOPLE: ["1", "3", "12", "somebody"],
    Matter.LINK: [state.value for state in LinkState if state is not LinkState.LIVE],
    Matter.STALE: ["stale"],
}


def booking(number: int, start: datetime, minutes: int, **more: Any) -> BookingBar:
    state = more.pop("state", BookingState.CREATED)
    since = more.pop("made_at", start - timedelta(hours=1))
    facts: dict[str, Any] = {
        "booking_id": BookingId(f"{DESK}.b{number}"),
        "origin": "device",
        "start": start,
        "duration_min": minutes,
        "state": state,
        "verdict": Verdict.ACCEPTED,
        "verdict_why": None,
        "lives": (Span(since=since, until=start + timedelta(minutes=minutes), state=state.value),),
        "made_at": since,
        "over_at": None,
        "end_cause": None,
        "earlier": (),
        "signed_in": False,
        "checked_in": False,
        "ours": None,
    }
    return BookingBar(**facts | more)


def command(number: int, at: datetime, state: CommandState = CommandState.DONE, **more: Any) -> CommandMark:
    facts: dict[str, Any] = {
        "command_id": CommandId(f"{DESK}.c{number}.1"),
        "path": "Bookings Delete",
        "booking_id": BookingId(f"{DESK}.b{number}"),
        "decided_at": at,
        "settled_at": at + timedelta(seconds=1),
        "state": state,
        "attempts": 1,
        "why": "asked by a person",
        "message": "",
    }
    return CommandMark(**facts | more)


def timeline(axis: Axis, **more: Any) -> Timeline:
    facts: dict[str, Any] = {
        "desk": DESK,
        "zone": axis.zone,
        "since": axis.since,
        "until": axis.until,
        "known_since": axis.since,
        "known_until": axis.until,
        "bookings": (),
        "elsewhen": 0,
        "tracks": (),
        "commands": (),
        "starts": (),
        "inputs": 0,
        "notes": (),
    }
    return Timeline(**facts | more)


def oslo(hour: float, *, day: date = date(2026, 5, 4)) -> datetime:
    """A moment of that many hours after midnight in Oslo."""
    return datetime(day.year, day.month, day.day, tzinfo=OSLO).astimezone(UTC) + timedelta(hours=hour)


@st.composite
def any_axis(draw: Callable[[Any], Any]) -> Axis:
    day, zone = draw(st.sampled_from([*ODD_DAYS, (date(2026, 5, 4), "UTC")]))
    return day_axis(day, ZoneInfo(zone))


@st.composite
def any_day(draw: Callable[[Any], Any]) -> Timeline:
    """Anything within, across and outside of a day."""
    axis = draw(any_axis())
    minutes = st.integers(-120, round(axis.length / timedelta(minutes=1)) + 120)

    def at() -> datetime:
        moment: datetime = axis.since + timedelta(minutes=draw(minutes), seconds=draw(st.integers(0, 59)))
        return moment

    def lasting() -> tuple[datetime, datetime]:
        since = at()
        return since, since + timedelta(seconds=draw(st.sampled_from([0, 1, 40, 900, 7200, 90_000])))

    bars = tuple(
        sorted(
            (
                booking(
                    number, at(), draw(st.sampled_from([1, 15, 30, 60, 480, 1440])),
                    state=draw(st.sampled_from(list(BookingState)[1:])), made_at=at(),
                    over_at=draw(st.sampled_from([None, axis.since])), verdict=draw(st.sampled_from(Verdict)),
                    earlier=draw(st.sampled_from([(), ((axis.since, 30),)])),
                )
                for number in range(draw(st.integers(0, 40)))
            ),
            key=lambda bar: (bar.start, bar.end),
        )
    )  # fmt: skip
    tracks = tuple(
        Track(
            matter=matter,
            name=name if matter is not Matter.STALE else DESK,
            spans=tuple(
                Span(since=since, until=until, state=draw(st.sampled_from(_STATES[matter])))
                for since, until in sorted(lasting() for _ in range(draw(st.integers(0, 6))))
            ),
        )
        for matter, name in draw(
            st.lists(st.tuples(st.sampled_from(Matter), st.sampled_from(["a", "b"])), unique=True, max_size=6)
        )
    )
    marks = tuple(
        command(number, at(), draw(st.sampled_from(CommandState))) for number in range(draw(st.integers(0, 30)))
    )
    starts = tuple(
        Start(at=until, silent_since=since) for since, until in (lasting() for _ in range(draw(st.integers(0, 3))))
    )
    known = draw(st.sampled_from([axis.until, axis.since, axis.since + axis.length / 2]))
    return timeline(axis, bookings=bars, tracks=tracks, commands=marks, starts=starts, known_until=known)
