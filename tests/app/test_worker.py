"""One desk's turns: decided, durable, then seen and felt."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import pytest

from hotdesk_daemon.app import worker as worker_module
from hotdesk_daemon.app.mailbox import Letter
from hotdesk_daemon.app.recovery import rebuild
from hotdesk_daemon.app.timekeeper import Timekeeper
from hotdesk_daemon.app.worker import SNAPSHOT_EVERY, DeskWorker
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import (
    BookAsked,
    BookingsListed,
    CalendarKind,
    DaemonStarted,
    DeskConfigured,
    LinkDown,
    LinkUp,
    TimerFired,
)
from hotdesk_daemon.core.steps import ListBookings, SendCommand
from hotdesk_daemon.journal import JournalUnavailableError
from hotdesk_daemon.journal.memory import MemoryJournal
from hotdesk_daemon.simulator import ManualClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.core.steps import Effect, Step
    from hotdesk_daemon.journal import Record

DESK, DEVICE = DeskId("desk"), DeviceId("device")
BEGINNING: tuple[Input, ...] = (
    DeskConfigured(desk=DESK, calendar=CalendarKind.LOCAL, devices=(DEVICE,)),
    DaemonStarted(version="1"),
)
LIVE: tuple[Input, ...] = (LinkUp(device=DEVICE), BookingsListed(device=DEVICE))


class Around:
    """Notes what a worker tells, in order, and how many records were durable then."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.told: list[str] = []
        self.effects: list[Effect] = []
        self.durable: list[int] = []

    def stepped(self, record: Record, step: Step) -> None:
        self.told.append(f"stepped {record.seq} {record.kind}")
        self.durable.append(self._journal.writer_stats.records)

    def freshened(self, before: Desk, after: Desk) -> None:
        self.told.append(f"freshened {before.seq} {after.seq}")

    def perform(self, desk: DeskId, effect: Effect) -> None:
        self.told.append(type(effect).__name__)
        self.effects.append(effect)

    def journal_failed(self, desk: DeskId, error: Exception) -> None:
        self.told.append("failed")

    def journal_worked(self, desk: DeskId, took_s: float) -> None:
        self.told.append("worked")


class FailingJournal(MemoryJournal):
    """Refuses the next appends."""

    refusals = 0

    async def append(self, records: Sequence[Record], *, snapshots: Sequence[Desk] = ()) -> None:
        if self.refusals:
            self.refusals -= 1
            raise JournalUnavailableError("the disk is full")
        await super().append(records, snapshots=snapshots)


@attrs.define
class Bench:
    """A worker with everything around it."""

    clock: ManualClock = attrs.field(factory=ManualClock)
    journal: FailingJournal = attrs.field(factory=FailingJournal)
    around: Around = attrs.field(init=False)
    keeper: Timekeeper = attrs.field(init=False)
    worker: DeskWorker = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.around = Around(self.journal)
        self.keeper = Timekeeper(self.clock)
        self.worker = DeskWorker(
            Desk(desk_id=DESK),
            journal=self.journal,
            clock=self.clock,
            timekeeper=self.keeper,
            surroundings=self.around,
        )

    async def hear(self, *inputs: Input, **letter: Any) -> None:
        self.worker.mailbox.offer(Letter(source="test", inputs=inputs, **letter))
        await self.worker.turn()

    async def records(self) -> list[Any]:
        return list(await self.journal.history(DESK, limit=10_000))

    async def replayed(self) -> Desk:
        return rebuild(DESK, (await self.journal.load())[DESK])


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_what_waits_is_committed_together_before_it_is_seen_or_felt(bench: Bench) -> None:
    await bench.hear(*BEGINNING, LinkUp(device=DEVICE))

    assert [3, 3, 3] == bench.around.durable
    assert 1 == bench.journal.writer_stats.commits
    assert [
        "worked", "stepped 1 DeskConfigured", "stepped 2 DaemonStarted", "stepped 3 LinkUp", "ListBookings",
        "freshened 0 3",
    ] == bench.around.told  # fmt: skip


async def test_a_turn_with_nothing_to_do_leaves_no_trace(bench: Bench) -> None:
    bench.worker.mailbox.wake.set()
    await bench.worker.turn()

    assert ([], []) == (bench.around.told, await bench.records())


async def test_while_the_journal_fails_nothing_is_seen_and_then_nothing_is_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_RETRY_S", (0.0,))
    bench.journal.refusals = 3
    seen: list[int] = []
    bench.around.journal_failed = lambda _desk, _error: seen.append(bench.worker.desk.seq)  # type: ignore[method-assign, assignment]  # noted here only
    await bench.hear(*BEGINNING)

    assert [0, 0, 0] == seen
    assert 2 == bench.worker.desk.seq
    assert [1, 2] == [record.seq for record in await bench.records()]


async def test_whoever_waits_is_told_the_step_once_it_is_durable(bench: Bench) -> None:
    await bench.hear(*BEGINNING, *LIVE)
    done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
    wish = BookAsked(booking_request_uuid="u", start=bench.clock.now(), duration_min=30)
    await bench.hear(wish, done=done)

    assert None is done.result().refusal
    assert bench.worker.desk == done.result().desk
    assert [SendCommand] == [type(effect) for effect in bench.around.effects if not isinstance(effect, ListBookings)]


async def test_whoever_gave_up_waiting_is_not_told(bench: Bench) -> None:
    done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
    done.cancel()
    await bench.hear(*BEGINNING, done=done)

    assert 2 == bench.worker.desk.seq


async def test_live_is_told_while_a_device_is(bench: Bench) -> None:
    await bench.hear(*BEGINNING)
    assert not bench.worker.live.is_set()

    await bench.hear(*LIVE)
    assert bench.worker.live.is_set()

    await bench.hear(LinkDown(device=DEVICE, cause="test"))
    assert not bench.worker.live.is_set()


async def test_a_message_of_several_facts_is_kept_once_beside_the_first(bench: Bench) -> None:
    await bench.hear(*BEGINNING, *LIVE)
    params = {"Id": 1, "Status": {"RoomAnalytics": {"PeopleCount": {"Current": 2}, "PeoplePresence": "Yes"}}}
    raw = msgspec.json.encode({"jsonrpc": "2.0", "method": "xFeedback/Event", "params": params})
    await bench.hear(raw=raw, params=msgspec.json.encode(params), device=DEVICE)

    assert [("PeopleCount", raw, 0), ("PeoplePresence", None, 1)] == [
        (record.kind, record.raw, record.part) for record in (await bench.records())[-2:]
    ]


async def test_a_due_timer_is_an_input_with_its_cause(bench: Bench) -> None:
    await bench.hear(*BEGINNING, *LIVE)
    start = bench.clock.now() + timedelta(hours=1)
    await bench.hear(BookAsked(booking_request_uuid="u", start=start, duration_min=30))
    asked = bench.worker.desk.seq
    await bench.clock.advance(120)
    bench.worker.mailbox.wake.set()
    await bench.worker.turn()

    timers = [record for record in await bench.records() if isinstance(record.input, TimerFired)]
    assert {("timer", asked)} == {(record.source, record.cause_seq) for record in timers}


async def test_a_snapshot_is_written_every_so_many_inputs_and_never_with_a_buffer(bench: Bench) -> None:
    await bench.hear(*BEGINNING, *LIVE)
    for _ in range(SNAPSHOT_EVERY):
        await bench.hear(LinkDown(device=DEVICE, cause="test"))

    stored = (await bench.journal.load())[DESK]
    assert stored.snapshot is not None
    assert bench.worker.desk == rebuild(DESK, stored)

    await bench.worker.snapshot()
    stored = (await bench.journal.load())[DESK]

    assert (bench.worker.desk, ()) == (stored.snapshot, stored.tail)


class Mistake(Exception):  # noqa: N818 - it is the test's own
    pass


def mistaken_about(kind: type[Input]) -> Any:
    def picky(desk: Desk, given: Input, *, now: datetime) -> Step:
        if isinstance(given, kind):
            raise Mistake
        return decide(desk, given, now=now)

    return picky


@pytest.mark.may_block("a traceback is made of source files")
async def test_a_mistake_of_ours_is_kept_as_such_and_refuses_whoever_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.hear(*BEGINNING, *LIVE)
    monkeypatch.setattr(worker_module, "decide", mistaken_about(BookAsked))
    done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
    wish = BookAsked(booking_request_uuid="u-17", start=bench.clock.now(), duration_min=30)
    await bench.hear(wish, done=done)

    assert "BookAsked could not be decided" in str(done.result().refusal)
    record = (await bench.records())[-1]
    assert ("Undecodable", True) == (record.kind, b"u-17" in record.raw)
    assert {} == bench.worker.desk.bookings
    assert bench.worker.desk == await bench.replayed()


@pytest.mark.may_block("a traceback is made of source files")
async def test_a_timer_that_cannot_be_decided_is_not_met_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.hear(*BEGINNING, *LIVE)
    monkeypatch.setattr(worker_module, "decide", mistaken_about(TimerFired))
    running = asyncio.create_task(bench.worker.run())
    keeping = asyncio.create_task(bench.keeper.run())
    await bench.clock.advance(3600)
    tries = sum(1 for record in await bench.records() if record.kind == "Undecodable")
    await bench.hear(LinkDown(device=DEVICE, cause="test"))
    for task in (running, keeping):
        task.cancel()
    await asyncio.wait([running, keeping])

    assert 1 == tries
    assert bench.worker.desk == await bench.replayed()


async def test_two_turns_do_not_share_a_letter(bench: Bench) -> None:
    """
    A flood is taken in bounded turns, in order.
    """
    await bench.hear(*BEGINNING, *LIVE)
    for _ in range(600):
        bench.worker.mailbox.offer(Letter(source="test", inputs=(LinkDown(device=DEVICE, cause="test"),)))
    turns = 0
    while not bench.worker.is_idle:
        await bench.worker.turn()
        turns += 1

    assert 3 == turns
    assert 604 == bench.worker.desk.seq
