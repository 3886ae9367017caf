"""
The history of desks out of what was told: inputs in the order of their moments, with those that must come before.

A desk begins with its settings and our start, and each device with a session. What core then asks for is answered from
what was told, or with the words that it is not there; timers of the picture (not those of lists) fire when they are
due. So an imported history goes on as one that a daemon recorded, at stage `observe`: nothing is sent in it.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import (
    BookingCreated,
    BookingsListed,
    CalendarKind,
    DaemonStarted,
    DeskConfigured,
    Input,
    LinkUp,
    ListFailed,
    TimerFired,
)
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.core.steps import ListBookings
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.records import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from hotdesk_daemon.captures.importing.told import Told
    from hotdesk_daemon.core.desk import Timer

#: A list that was told so long after core asks for one is the answer.
_ANSWERED_WITHIN: Final = timedelta(seconds=120)
NO_LIST: Final = "no list stands in what was imported"
#: Timed lists are a daemon's affair.
_SYNC_INTERVAL_S: Final = 2_592_000
#: Between two moments at which something was told; a desk has a few.
_MOST_TIMERS: Final = 1000
#: Timers that are about asking, not about the picture.
_ASKING: Final = frozenset({"sync", "list", "hand", "command"})


@attrs.frozen(kw_only=True)
class DeskPlan:
    """A desk to be: its devices in the order in which they first spoke, and its kind of calendar."""

    desk: DeskId
    devices: tuple[DeviceId, ...]
    calendar: CalendarKind
    is_calendar_guessed: bool


def plan_desks(told: Iterable[Told], *, calendar: CalendarKind | None) -> dict[DeskId, DeskPlan]:
    """The desks that *told* is about; *calendar* is that of all of them, if it is known."""
    devices: dict[DeskId, dict[DeviceId, None]] = {}
    hybrid: set[DeskId] = set()
    for one in told:
        desk = desk_of(one)
        devices.setdefault(desk, {})[one.device] = None
        if any(map(_is_of_hybrid, one.inputs)):
            hybrid.add(desk)
    return {
        desk: DeskPlan(
            desk=desk,
            devices=tuple(found),
            calendar=calendar or (CalendarKind.HYBRID if desk in hybrid else CalendarKind.LOCAL),
            is_calendar_guessed=calendar is None,
        )
        for desk, found in devices.items()
    }


def desk_of(told: Told) -> DeskId:
    """The desk that was named, else one that is called as the device."""
    return DeskId(told.desk or told.device)


def _is_of_hybrid(given: Input) -> bool:
    """On a local calendar the device takes the BookingRequestUUID for the MeetingId."""
    if isinstance(given, BookingCreated):
        return given.meeting_id is not None and given.meeting_id != given.booking_request_uuid
    # Over a hybrid calendar a list does not tell addresses.
    listed = given.bookings if isinstance(given, BookingsListed) else ()
    return any(one.organizer_name is not None and one.organizer_email is None for one in listed)


def entries_of(told: Sequence[Told], plans: Mapping[DeskId, DeskPlan], *, version: str) -> Iterator[Entry]:
    """
    The entries, without steps; *told* is in the order of its moments.

    Args:
        told: what was told.
        plans: the desks.
        version: of this program, as our start tells it.
    """
    tracks: dict[DeskId, _Track] = {}
    lists: dict[DeviceId, list[datetime]] = {}
    for one in told:
        if isinstance(one.inputs[-1], BookingsListed | ListFailed):
            lists.setdefault(one.device, []).append(one.at)
    number = 0
    for one in told:
        desk = desk_of(one)
        if desk not in tracks:
            tracks[desk] = _Track(plans[desk], began=told[0].at, version=version, lists=lists)
        for entry in tracks[desk].take(one):
            number += 1
            yield msgspec.structs.replace(entry, journal_seq=number)


class _Track:
    """One desk on its way."""

    def __init__(
        self, plan: DeskPlan, *, began: datetime, version: str, lists: Mapping[DeviceId, list[datetime]]
    ) -> None:
        self._plan = plan
        self._began = began
        self._version = version
        self._lists = lists
        self._desk = Desk(desk_id=plan.desk)
        self._last = began
        self._up: set[DeviceId] = set()

    def take(self, told: Told) -> Iterator[Entry]:
        """The entries that *told* makes, with all that must come before it."""
        if not self._desk.seq:
            yield from self._begin(told.at)
        yield from self._fire_until(told.at)
        if told.begins or told.device not in self._up:
            self._up.add(told.device)
            up = LinkUp(device=told.device, software=told.software, booking_timeout_s=told.booking_timeout_s)
            yield from self._decide(up, told.at, source=_source(told))
        for part, given in enumerate(told.inputs):
            raw = told.raw if not part else None
            yield from self._decide(given, told.at, source=_source(told), raw=raw, part=part)

    def _begin(self, at: datetime) -> Iterator[Entry]:
        plan = self._plan
        configured = DeskConfigured(
            desk=plan.desk,
            calendar=plan.calendar,
            devices=plan.devices,
            stage=Stage.OBSERVE,
            sync_interval_s=_SYNC_INTERVAL_S,
        )
        for given in (configured, DaemonStarted(version=self._version)):
            yield from self._decide(given, at, source="daemon")

    def _fire_until(self, moment: datetime) -> Iterator[Entry]:
        for _ in range(_MOST_TIMERS):
            timer = self._next_timer()
            if timer is None or timer.due > moment:
                return
            due = max(timer.due, self._last)
            yield from self._decide(TimerFired(key=timer.key), due, source="timer", cause_seq=timer.cause_seq)

    def _next_timer(self) -> Timer | None:
        waiting = (timer for timer in self._desk.timers.values() if timer.key.partition(":")[0] not in _ASKING)
        return min(waiting, key=lambda timer: (timer.due, timer.key), default=None)

    def _decide(
        self,
        given: Input,
        at: datetime,
        *,
        source: str,
        raw: bytes | None = None,
        part: int = 0,
        cause_seq: int | None = None,
    ) -> Iterator[Entry]:
        step = decide(self._desk, given, now=at)
        self._desk, self._last = step.desk, at
        yield Entry(
            journal_seq=0,
            desk_id=self._plan.desk,
            seq=step.desk.seq,
            at=at,
            mono=(at - self._began).total_seconds(),
            source=source,
            kind=type(given).__name__,
            cause_seq=cause_seq,
            raw=raw,
            part=part,
            input=codec.encode_input(given),
        )
        for effect in step.effects:
            if isinstance(effect, ListBookings) and not self._is_answered(effect.device, at):
                failed = ListFailed(device=effect.device, error=NO_LIST)
                yield from self._decide(failed, at, source="daemon")

    def _is_answered(self, device: DeviceId, at: datetime) -> bool:
        """Whether a list of the device was told soon after *at*."""
        lists = self._lists.get(device, [])
        place = bisect_left(lists, at)
        return place < len(lists) and lists[place] - at <= _ANSWERED_WITHIN


def _source(told: Told) -> str:
    return f"{told.way}:{told.device}"


def in_order(told: list[Told]) -> tuple[list[Told], int]:
    """*told* by its moments, and how many stood behind a later one."""
    late = sum(1 for before, after in pairwise(told) if after.at < before.at)
    return (sorted(told, key=attrgetter("at")) if late else told), late
