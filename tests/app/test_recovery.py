"""From the journal to desks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from hotdesk_daemon.app import recovery
from hotdesk_daemon.app.recovery import beginning, rebuild
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import BookingState, Desk
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import (
    BookingCreated,
    BookingsListed,
    CalendarKind,
    DaemonStarted,
    DeskConfigured,
    LinkUp,
    Start,
)
from hotdesk_daemon.journal import Stored
from hotdesk_daemon.journal.records import TailEntry

if TYPE_CHECKING:
    from hotdesk_daemon.core.inputs import Input

T0 = datetime(2026, 5, 4, 8, tzinfo=UTC)
DESK, DEVICE = DeskId("desk"), DeviceId("device")
CONFIGURED = DeskConfigured(desk=DESK, calendar=CalendarKind.LOCAL, devices=(DEVICE,))
CREATED = BookingCreated(device=DEVICE, meeting_id="m", id="1", start=T0, duration_min=60)
HISTORY: tuple[Input, ...] = (
    CONFIGURED,
    DaemonStarted(version="1"),
    LinkUp(device=DEVICE),
    BookingsListed(device=DEVICE),
    CREATED,
    Start(device=DEVICE, meeting_id="m"),
)


def tail(*inputs: Input | UndecodableError, first: int = 1) -> tuple[TailEntry, ...]:
    return tuple(TailEntry(number, T0 + timedelta(seconds=number), given) for number, given in enumerate(inputs, first))


def lived(*inputs: Input) -> Desk:
    desk = Desk(desk_id=DESK)
    for number, given in enumerate(inputs, 1):
        desk = decide(desk, given, now=T0 + timedelta(seconds=number)).desk
    return desk


def test_a_desk_without_history_begins_empty() -> None:
    assert Desk(desk_id=DESK) == rebuild(DESK, None)


@pytest.mark.parametrize("kept", range(len(HISTORY) + 1))
def test_a_snapshot_and_its_tail_give_the_state_of_the_whole_history(kept: int) -> None:
    snapshot = lived(*HISTORY[:kept]) if kept else None
    stored = Stored(snapshot=snapshot, tail=tail(*HISTORY[kept:], first=kept + 1))

    assert lived(*HISTORY) == rebuild(DESK, stored)


def test_a_record_that_cannot_be_read_is_passed_over_and_counted_in() -> None:
    unread = UndecodableError("from a later version", raw=b"{}")
    desk = rebuild(DESK, Stored(tail=tail(*HISTORY[:4], unread, *HISTORY[4:])))

    assert len(HISTORY) + 1 == desk.seq
    assert [BookingState.STARTED] == [booking.state for booking in desk.bookings.values()]


def test_a_record_that_cannot_be_decided_any_more_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(desk: Desk, given: Input, *, now: datetime) -> object:
        if given is CREATED:
            raise ZeroDivisionError
        return decide(desk, given, now=now)

    monkeypatch.setattr(recovery, "decide", picky)
    desk = rebuild(DESK, Stored(tail=tail(*HISTORY)))

    assert (len(HISTORY), {}) == (desk.seq, dict(desk.bookings))


def test_the_first_run_of_a_desk_records_its_settings() -> None:
    assert (CONFIGURED, DaemonStarted(version="2")) == beginning(Desk(desk_id=DESK), CONFIGURED, version="2")


def test_a_run_with_the_same_settings_records_only_that_it_began() -> None:
    assert (DaemonStarted(version="2"),) == beginning(lived(*HISTORY), CONFIGURED, version="2")


@pytest.mark.parametrize(
    "change",
    [
        {"calendar": CalendarKind.HYBRID},
        {"devices": (DEVICE, DeviceId("another"))},
        {"sync_interval_s": 60},
        {"deadline_s": 60},
        {"sign_in_settle_s": 1},
        {"booking_timeout_s": 60},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_run_with_another_setting_records_it(change: dict[str, Any]) -> None:
    settings = attrs.evolve(CONFIGURED, **change)
    desk = lived(*HISTORY)
    begun = beginning(desk, settings, version="2")

    assert (settings, DaemonStarted(version="2")) == begun

    for given in begun:
        desk = decide(desk, given, now=T0 + timedelta(hours=1)).desk
    assert (DaemonStarted(version="3"),) == beginning(desk, settings, version="3")
