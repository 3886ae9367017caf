"""Desks, their journal and the dispatcher together: what may leave, and what the journal says of it."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.mailbox import Letter
from hotdesk_daemon.app.narrator import Narrator
from hotdesk_daemon.app.safety import BreakerLimits, Safety
from hotdesk_daemon.app.timekeeper import Timekeeper
from hotdesk_daemon.app.ways import Ways
from hotdesk_daemon.app.worker import DeskWorker
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import (
    BookAsked,
    BookingCreated,
    BookingsListed,
    CalendarKind,
    DaemonStarted,
    DeskConfigured,
    LinkUp,
)
from hotdesk_daemon.dispatch import Dispatcher, FleetLimiter, Limits, RetrySettings
from hotdesk_daemon.journal import MemoryJournal
from hotdesk_daemon.ops.metrics import Metrics
from hotdesk_daemon.simulator import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from hotdesk_daemon.core.ids import CommandId
    from hotdesk_daemon.journal import Record

LIMIT_S = 4.0
DESK, DEVICE = DeskId("desk"), DeviceId("device")
T0 = datetime(2026, 5, 4, 8, tzinfo=UTC)


class HeldJournal(MemoryJournal):
    """Stands still over a sending when told so."""

    def __init__(self) -> None:
        super().__init__()
        self.holds = False
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def append(self, records: Sequence[Record], *, snapshots: Sequence[Desk] = ()) -> None:
        if self.holds and any(record.kind == "CommandSending" for record in records):
            self.reached.set()
            await self.go_on.wait()
        await super().append(records, snapshots=snapshots)


class OneWay(Ways):
    """A device that is there and does what it is told, or says that it is not ready."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(DEVICE, hearer=fleet)
        self.called: list[str] = []
        self.was_called = asyncio.Event()
        self.error: Exception | None = None

    @property
    def is_up(self) -> bool:
        return True

    async def call(self, method: str, params: Mapping[str, object], *, timeout_s: float | None = None) -> object:
        if not method.endswith("Bookings/Book"):
            return {"status": "OK", "Booking": []}
        self.called.append(method)
        self.was_called.set()
        if self.error is not None:
            raise self.error
        return {"status": "OK"}


@attrs.frozen
class Site:
    fleet: Fleet
    worker: DeskWorker
    ways: OneWay
    journal: HeldJournal
    clock: ManualClock
    dispatcher: Dispatcher

    async def book(self) -> None:
        wish = BookAsked(booking_request_uuid="u1", start=T0 + timedelta(hours=1), duration_min=30, title="x")
        asked = await self.fleet.ask(DESK, wish)
        assert asked.refusal is None

    async def outbox(self) -> list[str]:
        """The states in which the journal holds the desk's commands."""
        return [row.state.value for row in await self.journal.outbox()]

    async def settle(self) -> None:
        """Wait until nothing is being decided or sent any more."""
        async with asyncio.timeout(LIMIT_S):
            await self.fleet.settle()
            while self.dispatcher.held(DESK):  # noqa: ASYNC110 - the answers are inputs, not events
                await asyncio.sleep(0)
            await self.fleet.settle()


@asynccontextmanager
async def a_site(kind: type[Fleet] = Fleet) -> AsyncIterator[Site]:
    clock, journal, metrics = ManualClock(T0), HeldJournal(), Metrics(version="1")
    switches = Safety(
        directory=Path("nowhere"), limits=BreakerLimits(), now=clock.now, fleet=lambda: 1, metrics=metrics
    )
    fleet = kind(journal=journal, clock=clock, narrator=Narrator(metrics), metrics=metrics, switches=switches)
    worker = DeskWorker(
        Desk(desk_id=DESK), journal=journal, clock=clock, timekeeper=Timekeeper(clock), surroundings=fleet
    )
    ways = OneWay(fleet)
    fleet.add(worker, [ways])
    fleet.started = True

    async def wait_for_ever(_: float) -> None:
        await asyncio.Event().wait()

    fleet.dispatcher = Dispatcher(
        ledger=fleet,
        line=fleet,
        limiter=FleetLimiter(Limits()),
        retry=RetrySettings(),
        now=clock.now,
        sleep=wait_for_ever,
        rng=random.Random(1),
    )
    async with asyncio.TaskGroup() as group:
        fleet.use(group)
        tasks: list[asyncio.Task[Any]] = [
            group.create_task(worker.run()),
            group.create_task(fleet.dispatcher.run()),
        ]
        configured = DeskConfigured(desk=DESK, calendar=CalendarKind.LOCAL, devices=(DEVICE,))
        beginning = (configured, DaemonStarted(version="1"), LinkUp(device=DEVICE), BookingsListed(device=DEVICE))
        await worker.mailbox.put(Letter(source="test", inputs=beginning))
        async with asyncio.timeout(LIMIT_S):
            await worker.live.wait()
        yield Site(fleet, worker, ways, journal, clock, fleet.dispatcher)
        fleet.stop_lists()
        for task in tasks:
            task.cancel()


async def test_a_command_that_the_journal_took_too_late_is_parked_and_not_sent() -> None:
    async with a_site() as site:
        site.journal.holds = True
        await site.book()
        await asyncio.wait_for(site.journal.reached.wait(), LIMIT_S)
        await site.clock.advance(7200)
        site.journal.go_on.set()
        await site.settle()

        assert (["parked"], []) == (await site.outbox(), site.ways.called)


class NewsInTheSameTurn(Fleet):
    """The device tells of the booking right behind the record of its sending, as it may while a commit runs."""

    async def sending(self, desk: DeskId, command_id: CommandId, *, device: DeviceId, attempt: int) -> bool:
        recorded = asyncio.ensure_future(super().sending(desk, command_id, device=device, attempt=attempt))
        await asyncio.sleep(0)
        start = T0 + timedelta(hours=1)
        news = BookingCreated(
            device=DEVICE, booking_request_uuid="u1", meeting_id="m1", start=start, duration_min=30, title="x"
        )
        self.workers[desk].mailbox.offer(Letter(source="test", inputs=(news,)))
        return await recorded


async def test_a_command_settled_in_the_turn_that_records_its_sending_is_not_sent() -> None:
    async with a_site(NewsInTheSameTurn) as site:
        await site.book()
        await site.settle()

        assert (["done"], []) == (await site.outbox(), site.ways.called)


async def test_a_stop_while_a_device_is_not_ready_leaves_no_doubt() -> None:
    async with a_site() as site:
        site.ways.error = TransientError("the device is not ready")
        await site.book()
        await asyncio.wait_for(site.ways.was_called.wait(), LIMIT_S)
        await site.dispatcher.drain(LIMIT_S)

        assert ["pending"] == await site.outbox()
        assert 1 == len(site.ways.called)


async def test_a_stop_while_a_sending_is_recorded_leaves_no_doubt() -> None:
    async with a_site() as site:
        site.journal.holds = True
        await site.book()
        await asyncio.wait_for(site.journal.reached.wait(), LIMIT_S)
        await site.dispatcher.drain(0.0)
        site.journal.go_on.set()
        async with asyncio.timeout(LIMIT_S):
            await site.fleet.settle()

        kinds = [record.kind for record in await site.journal.history(DESK)]
        assert ["CommandSending", "CommandAnswered"] == kinds[-2:]
        assert (["pending"], []) == (await site.outbox(), site.ways.called)
