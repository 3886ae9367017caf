"""A ledger and a line that record and follow a script, and a clock that tests own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from hotdesk_daemon.core.commands import Book, Command
from hotdesk_daemon.core.desk import CommandState, OpenCommand
from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
from hotdesk_daemon.core.inputs import Outcome
from hotdesk_daemon.dispatch import Dispatcher, FleetLimiter, Limiter, Limits, RetryDetails, RetrySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIMIT_S = 4.0
T0 = datetime(2026, 5, 4, 8, tzinfo=UTC)
DESK = DeskId("desk-1")
OTHER_DESK = DeskId("desk-2")
DEVICE = DeviceId("dev-1")


class Noted:
    """Something that changes; tests wait for what they want to see."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()

    async def note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S), self._changed:
            await self._changed.wait_for(holds)


class Clock:
    """Time that passes when everybody waits: a sleep moves it, unless ``held``."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.slept: list[float] = []
        self.held = False

    def now(self) -> datetime:
        return T0 + timedelta(seconds=self.passed_s)

    def mono(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.held:
            await asyncio.Event().wait()
        for _ in range(3):  # let others go first: what is already possible happens before time passes
            await asyncio.sleep(0)
        self.passed_s += seconds


@attrs.define(eq=False)
class Record(Noted):
    """Ledger and line in one, so that the order between them is seen."""

    happened: list[tuple[Any, ...]] = attrs.field(factory=list)
    script: list[Exception | asyncio.Event | None] = attrs.field(factory=list)
    routes: dict[DeskId, DeviceId | None] = attrs.field(factory=dict)
    unwanted: set[CommandId] = attrs.field(factory=set)
    on_sending: Callable[[], Awaitable[None]] | None = None
    on_answered: Callable[[CommandId], None] | None = None
    fails_after: tuple[asyncio.Event, Exception] | None = None
    waiting_live: int = 0
    other_device_live: bool = False

    def __attrs_post_init__(self) -> None:
        super().__init__()

    async def sending(self, desk: DeskId, command_id: CommandId, *, device: DeviceId, attempt: int) -> bool:
        await asyncio.sleep(0)
        if self.on_sending is not None:
            await self.on_sending()
        if command_id in self.unwanted:
            return False
        self.happened.append(("sending", command_id, device, attempt))
        return True

    async def answered(
        self, desk: DeskId, command_id: CommandId, *, outcome: Outcome, code: int | None, message: str
    ) -> None:
        await asyncio.sleep(0)
        if outcome is Outcome.NOT_DONE:
            self.happened.append(("not done", command_id, message))
            await self.note()
            return
        if self.on_answered is not None:
            self.on_answered(command_id)
        self.happened.append(("answered", command_id, outcome.value, code, message))
        await self.note()

    def route(self, desk: DeskId, command: OpenCommand) -> DeviceId | None:
        return self.routes.get(desk, DEVICE)

    async def wait_live(self, desk: DeskId, command: OpenCommand) -> None:
        self.waiting_live += 1
        await self.note()
        await self.until(lambda: self.other_device_live or self.routes.get(desk, DEVICE) is not None)

    async def connect(self, desk: DeskId, device: DeviceId | None) -> None:
        self.routes[desk] = device
        await self.note()

    async def call(self, device: DeviceId, command: Command) -> None:
        assert isinstance(command, Book)
        self.happened.append(("call", device, command.booking_request_uuid))
        await self.note()
        if self.fails_after is not None:
            gate, error = self.fails_after
            await gate.wait()
            raise error
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            await step.wait()

    def all(self, kind: str) -> list[tuple[Any, ...]]:
        return [entry[1:] for entry in self.happened if entry[0] == kind]

    async def answers(self, count: int) -> None:
        await self.until(lambda: len(self.all("answered")) >= count)


def a_command(number: int, *, deadline_s: float = 900, attempts: int = 0) -> OpenCommand:
    return OpenCommand(
        command_id=CommandId(f"c{number}"),
        command=Book(booking_request_uuid=f"u{number}", start=T0, duration_min=30),
        state=CommandState.PENDING,
        cause_seq=1,
        decided_at=T0,
        deadline=T0 + timedelta(seconds=deadline_s),
        attempts=attempts,
    )


@attrs.define(eq=False)
class Desks:
    """A dispatcher with everything around it."""

    dispatcher: Dispatcher
    record: Record
    clock: Clock
    retries: list[RetryDetails]
    task: asyncio.Task[None] | None = None


class Longest(random.Random):
    """Draws the upper end, so that a wait shows its ceiling."""

    def uniform(self, a: float, b: float) -> float:
        return b


def make_desks(*, limiter: Limiter | None = None, retry: RetrySettings | None = None) -> Desks:
    record, clock, retries = Record(), Clock(), list[RetryDetails]()
    dispatcher = Dispatcher(
        ledger=record,
        line=record,
        limiter=limiter
        or FleetLimiter(Limits(rate_per_s=1e6, burst=1000, concurrency=100), clock=clock.mono, sleep=clock.sleep),
        retry=retry or RetrySettings(first_s=1, cap_s=60, max_attempts=10),
        now=clock.now,
        sleep=clock.sleep,
        rng=Longest(),
        on_retry=retries.append,
    )
    return Desks(dispatcher=dispatcher, record=record, clock=clock, retries=retries)


@asynccontextmanager
async def running(desks: Desks | None = None) -> AsyncIterator[Desks]:
    desks = desks or make_desks()
    desks.task = asyncio.create_task(desks.dispatcher.run(), name="dispatcher under test")
    await asyncio.sleep(0)
    try:
        yield desks
    finally:
        desks.task.cancel()
        await asyncio.wait([desks.task])
        if not desks.task.cancelled() and (error := desks.task.exception()) is not None:
            raise error
