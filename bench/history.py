"""
A long history as the daemon would have recorded it: the mix of `mix.py` at many desks, decided by the real core.

Time is made up, so that weeks take a minute. Desks take turns; a cycle of the mix takes an hour and a half, its first
events a few seconds. What the daemon adds by itself is there too: timers that fire, lists that are asked for and
answered, the start and the settings of each desk.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from bench.mix import Tree, cycle
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import CalendarKind, DaemonStarted, DeskConfigured, Input, LinkUp, TimerFired
from hotdesk_daemon.core.steps import ListBookings
from hotdesk_daemon.journal import Record
from hotdesk_daemon.xapi.bookings import parse_list
from hotdesk_daemon.xapi.notifications import parse_feedback

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGINS: Final = datetime(2026, 5, 4, 6, tzinfo=UTC)
#: What a booking begins with comes at once: from the request to the sign-in and the call.
_AT_ONCE: Final = 8
_SOON, _LATER = timedelta(seconds=2), timedelta(seconds=103)
_SYNC_S: Final = 3600


def history(*, inputs: int, desks: int) -> Iterator[tuple[Record, Desk]]:
    """So many records in the order of their commits, each with the desk's state after it."""
    many = itertools.chain.from_iterable(
        zip(*(_Life(number, desks=desks).steps() for number in range(desks)), strict=True)
    )
    return itertools.islice(itertools.chain.from_iterable(many), inputs)


class _Life:
    """One desk with one device, and what happens at it."""

    def __init__(self, number: int, *, desks: int) -> None:
        self._number = number
        self._desk = Desk(desk_id=DeskId(f"desk-{number:04d}"))
        self._device = DeviceId(f"device-{number:04d}")
        self._now = BEGINS + _LATER * number / desks
        self._booking: Tree | None = None

    def steps(self) -> Iterator[list[tuple[Record, Desk]]]:
        """Turn after turn, for ever: something that the device says, and what time brings before it."""
        settings = DeskConfigured(
            desk=self._desk.desk_id, calendar=CalendarKind.LOCAL, devices=(self._device,), sync_interval_s=_SYNC_S
        )
        yield [
            *self._take(DaemonStarted(version="bench"), source="daemon"),
            *self._take(settings, source="daemon"),
            *self._take(LinkUp(device=self._device, software="ce26.4.1"), source=f"device:{self._device}"),
        ]
        for count in itertools.count(self._number * 1_000_000):
            for place, params in enumerate(cycle(count, now=self._now)):
                yield [*self._pass(_SOON if place < _AT_ONCE else _LATER), *self._hear(params)]

    def _hear(self, params: Tree) -> Iterator[tuple[Record, Desk]]:
        self._note(params)
        frame = msgspec.json.encode({"jsonrpc": "2.0", "method": "xFeedback/Event", "params": params})
        for given in parse_feedback(msgspec.json.encode(params), device=self._device, raw=frame):
            yield from self._take(given, source=f"device:{self._device}", raw=frame)

    def _note(self, params: Tree) -> None:
        """Keep what the device's list would show."""
        ((name, members),) = params.get("Event", {"Bookings": {"": {}}})["Bookings"].items()
        if name in ("BookingCreated", "BookingMoved"):
            self._booking = {"Title": "Desk", **(self._booking or {}), **members}
        elif name == "End":
            self._booking = None

    def _pass(self, span: timedelta) -> Iterator[tuple[Record, Desk]]:
        """Let time go on, and the timers that it brings fire."""
        until = self._now + span
        while (timer := self._desk.next_timer()) is not None and timer.due <= until:
            self._now = max(self._now, timer.due)
            yield from self._take(TimerFired(key=timer.key), source="timer", cause_seq=timer.cause_seq)
        self._now = until

    def _take(
        self, given: Input, *, source: str, raw: bytes | None = None, cause_seq: int | None = None
    ) -> Iterator[tuple[Record, Desk]]:
        step = decide(self._desk, given, now=self._now)
        self._desk = step.desk
        record = Record(
            desk_id=step.desk.desk_id, seq=step.desk.seq, at=self._now, mono=(self._now - BEGINS).total_seconds(),
            source=source, kind=type(given).__name__, cause_seq=cause_seq, raw=raw,
            input=given, reasons=step.reasons, commands=step.commands,
        )  # fmt: skip
        yield record, step.desk
        for effect in step.effects:
            assert isinstance(effect, ListBookings), f"nobody asked for {effect}"
            listed = self._list()
            answer = parse_list(listed, device=self._device)
            yield from self._take(answer, source=f"device:{self._device}", raw=msgspec.json.encode(listed))

    def _list(self) -> Tree:
        rows = [] if self._booking is None else [self._listed(self._booking)]
        return {"status": "OK", "ResultInfo": {"TotalRows": len(rows)}, "Booking": rows}

    @staticmethod
    def _listed(booking: Tree) -> Tree:
        start = datetime.fromisoformat(booking["StartTime"])
        end = start + timedelta(minutes=booking["Duration"])
        return {
            "Id": booking["Id"],
            "MeetingId": booking["MeetingId"],
            "Title": booking["Title"],
            "Organizer": {"FirstName": "Person", "LastName": "", "Email": "person@example.com", "Id": ""},
            "Time": {"StartTime": booking["StartTime"], "EndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}"},
        }
