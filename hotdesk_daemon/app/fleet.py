"""
All desks of the site, and what passes between them and everything outside.

Here the rooms meet: the devices' news become letters, effects become lists and commands, the dispatcher's ledger and
line are the desks' own journal and ways, and the HTTP door sees it all as its `Site`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never, Protocol

import msgspec

from hotdesk_daemon.api.site import Asked, CommandView, ReloadView, StreamItem
from hotdesk_daemon.api.watchers import Watchers
from hotdesk_daemon.api.wire import Explanation
from hotdesk_daemon.app.explain import explain
from hotdesk_daemon.app.explain.shapes import shape
from hotdesk_daemon.app.mailbox import Letter
from hotdesk_daemon.app.resync import read_truth
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.desk import CommandState, LinkState
from hotdesk_daemon.core.errors import PermanentError, TransientError
from hotdesk_daemon.core.inputs import (
    ClockSet,
    CommandAnswered,
    CommandSending,
    LinkDown,
    LinkUp,
    ListFailed,
    Outcome,
    Undecodable,
)
from hotdesk_daemon.core.steps import ListBookings, SendCommand
from hotdesk_daemon.ops.health import Readiness
from hotdesk_daemon.ops.logs import noting
from hotdesk_daemon.ops.metrics import render_process
from hotdesk_daemon.xapi.releases import release_of
from hotdesk_daemon.xapi.rendering import render_command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from hotdesk_daemon.api.site import Lost
    from hotdesk_daemon.app.narrator import Narrator
    from hotdesk_daemon.app.safety import Safety
    from hotdesk_daemon.app.ways import Ways
    from hotdesk_daemon.app.worker import DeskWorker
    from hotdesk_daemon.core.commands import Command
    from hotdesk_daemon.core.desk import Desk, OpenCommand
    from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.core.steps import Effect, Step
    from hotdesk_daemon.dispatch import Dispatcher
    from hotdesk_daemon.journal import Journal, Record
    from hotdesk_daemon.ops.clocks import Clock
    from hotdesk_daemon.ops.metrics import Metrics
    from hotdesk_daemon.xapi.releases import Release

#: How long a person's wish may wait for its commit before they are told to look again later.
ASK_TIMEOUT_S: Final = 10.0
_SETTLE_LOOK_S: Final = 0.005
_CLOCK_SET: Final = ClockSet.__name__
_TO_BE_SENT: Final = frozenset({CommandState.PENDING, CommandState.SENDING})


class Readable(Protocol):
    """A part of the daemon that may keep it from being ready."""

    def reasons_against(self) -> Sequence[str]:
        """Whole sentences for people; none when all is well."""

    def measure(self) -> None:
        """Set its gauges."""


class Fleet:
    """
    The site: every desk's worker, every device's ways.

    It hears of the devices, and is the dispatcher's ledger and line, the workers' surroundings and the HTTP door's
    site.
    """

    def __init__(
        self, *, journal: Journal, clock: Clock, narrator: Narrator, metrics: Metrics, switches: Safety
    ) -> None:
        self.switches = switches
        self.workers: dict[DeskId, DeskWorker] = {}
        self.ways: dict[DeviceId, Ways] = {}
        self.organisations: Sequence[Readable] = ()
        self.watchers = Watchers()
        self.dispatcher: Dispatcher | None = None
        self.started = False
        self.on_reload: Callable[..., Awaitable[ReloadView]] = _starting
        self._desk_of: dict[DeviceId, DeskWorker] = {}
        self._sources: dict[DeviceId, str] = {}
        self.journal = journal
        self._clock = clock
        self._narrator = narrator
        self._metrics = metrics
        self._journal_error: str | None = None
        self._is_explaining = False  # one at a time: each is a second's work of a thread beside the event loop's
        self._waiting_for_journal: set[DeskId] = set()
        self._lists: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None

    def add(self, worker: DeskWorker, ways: Sequence[Ways]) -> None:
        """Take a desk in, or further devices of one that is here."""
        self.workers[worker.desk.desk_id] = worker
        for way in ways:
            self.ways[way.device] = way
            self._desk_of[way.device] = worker
            self._sources[way.device] = f"device:{way.device}"

    def drop_device(self, device: DeviceId) -> None:
        """Let a device go: it is heard of no more, and lists and commands no longer find it."""
        del self.ways[device], self._desk_of[device], self._sources[device]

    def owner(self, device: DeviceId) -> DeskId | None:
        """The desk that a device is on."""
        worker = self._desk_of.get(device)
        return worker.desk.desk_id if worker is not None else None

    def drop(self, desk: DeskId) -> None:
        """Let a desk go, after all its devices."""
        del self.workers[desk]
        self._narrator.forget(desk)

    def use(self, group: asyncio.TaskGroup) -> None:
        """Let lists run as tasks of *group*."""
        self._group = group

    # --- hearing of the devices ---------------------------------------------------------------------------------------

    async def link_up(self, device: DeviceId, *, software: str | None, booking_timeout_s: int | None) -> None:
        await self._tell(device, LinkUp(device=device, software=software, booking_timeout_s=booking_timeout_s))

    async def link_down(self, device: DeviceId, *, cause: str) -> None:
        await self._tell(device, LinkDown(device=device, cause=cause))

    async def received(self, device: DeviceId, frame: bytes, params: bytes, at_mono: float) -> None:
        await self._put(device, Letter(source=self._sources[device], raw=frame, params=params, device=device))

    async def undecodable(self, device: DeviceId, frame: bytes, error: str) -> None:
        await self._tell(device, Undecodable(device=device, error=error), raw=frame)

    async def told(self, device: DeviceId, inputs: tuple[Input, ...], *, raw: bytes) -> asyncio.Future[Step] | None:
        """Put what the cloud says of a device into its desk's mailbox; the future is fulfilled by its commit."""
        if device not in self._desk_of:
            return None
        done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        await self._put(device, Letter(source=f"cloud:{device}", inputs=inputs, raw=raw, device=device, done=done))
        return done

    async def _tell(self, device: DeviceId, given: Input, *, raw: bytes | None = None) -> None:
        source = self._sources.get(device)
        if source is not None:  # else it was let go while its news was under way
            await self._put(device, Letter(source=source, inputs=(given,), raw=raw))

    async def _put(self, device: DeviceId, letter: Letter) -> None:
        worker = self._desk_of.get(device)
        if worker is None or worker.mailbox.offer(letter):
            return  # without a worker it was let go while its news was under way
        self._narrator.flooded(worker.desk.desk_id, size=worker.mailbox.limit)
        await worker.mailbox.put(letter)

    # --- the workers' surroundings -----------------------------------------------------------------------------------

    def stepped(self, record: Record, step: Step) -> None:
        self._narrator.stepped(record, step)
        for command in step.commands:
            # Parked, dropped or done without being sent: the dispatcher must not hold the next one up for it.
            if self.dispatcher is not None and command.state not in _TO_BE_SENT:
                self.dispatcher.withdraw(command.command_id)
            elif self.dispatcher is not None and record.kind == _CLOCK_SET:
                self.dispatcher.renew(record.desk_id, command)
        if len(self.watchers):
            self.watchers.publish(_stream_item(record, step))

    def freshened(self, before: Desk, after: Desk) -> None:
        self._narrator.staleness(before, after, mono=self._clock.mono())
        if not len(self.workers[after.desk_id].mailbox):
            self._narrator.drained(after.desk_id)

    def perform(self, desk: DeskId, effect: Effect) -> None:
        match effect:
            case ListBookings():
                self._start_list(desk, effect)
            case SendCommand(command=command) if self.dispatcher is not None:
                self.dispatcher.submit(desk, command)
            case _:
                raise AssertionError(f"an effect that nobody performs: {effect!r}")

    def journal_failed(self, desk: DeskId, error: Exception) -> None:
        self._waiting_for_journal.add(desk)
        self._journal_error = str(error)
        self._narrator.journal_failed(error)

    def journal_worked(self, desk: DeskId, took_s: float) -> None:
        self._narrator.journal_took(took_s)
        if not self._waiting_for_journal:
            return
        # Where there is room for little, small commits succeed among large ones that do not: it works once all do.
        self._waiting_for_journal.discard(desk)
        if not self._waiting_for_journal:
            self._journal_error = None
            self._narrator.journal_worked()

    # --- lists -------------------------------------------------------------------------------------------------------

    def _start_list(self, desk: DeskId, effect: ListBookings) -> None:
        if self._group is None:
            raise AssertionError("lists are read while the fleet runs")
        name = f"list desk={desk} device={effect.device}"
        task = self._group.create_task(self._list(desk, effect), name=name)
        self._lists.add(task)
        task.add_done_callback(self._lists.discard)

    def stop_lists(self) -> None:
        """Read no more of the lists that are asked for: the next start asks for every desk's."""
        for task in self._lists:
            task.cancel()

    async def _list(self, desk: DeskId, effect: ListBookings) -> None:
        """Read the truth of one device; whatever comes of it is told to the desk."""
        worker, ways = self.workers[desk], self.ways.get(effect.device)
        if ways is None or self.dispatcher is None:
            return  # let go meanwhile, and its desk is told so
        session, release = ways.session, self._release(worker, effect.device)
        source = self._sources[effect.device]

        async def tell(status: Input) -> None:
            if self.ways.get(effect.device) is ways and ways.session == session:
                await worker.mailbox.put(Letter(source=source, inputs=(status,)))

        async def read() -> tuple[Input, bytes | None]:
            with noting(desk_id=desk, device_id=effect.device):
                return await read_truth(ways, device=effect.device, release=release, cause=effect.cause, tell=tell)

        # A command waits for its desk's list: that desk is listed before the others.
        is_awaited = bool(worker.desk.commands)
        listed, raw = await self.dispatcher.query(effect.device, read, urgent=is_awaited)
        failed = isinstance(listed, ListFailed)
        if self.ways.get(effect.device) is not ways:
            return  # let go while it answered
        if ways.session != session or (failed and not (self.started and ways.is_up)):
            # Asked in a session that has ended: what that ended says is told, and the next session lists by itself.
            return
        self._narrator.listed(effect.cause, failed=failed)
        await worker.mailbox.put(Letter(source=source, inputs=(listed,), raw=raw))

    @staticmethod
    def _release(worker: DeskWorker, device: DeviceId) -> Release | None:
        held = worker.desk.devices.get(device)
        return release_of(held.software) if held is not None else None

    # --- the dispatcher's ledger and line ----------------------------------------------------------------------------

    async def sending(self, desk: DeskId, command_id: CommandId, *, device: DeviceId, attempt: int) -> bool:
        try:
            step = await self._record(desk, CommandSending(command_id=command_id, device=device, attempt=attempt))
        except asyncio.CancelledError:
            # Cut off at a stop, its commit perhaps under way: nothing has left, and the next start has to know that.
            not_done = CommandAnswered(
                command_id=command_id, outcome=Outcome.NOT_DONE, message="stopped before sending"
            )
            self.workers[desk].mailbox.offer(Letter(source="dispatch", inputs=(not_done,)))
            raise
        held = step.desk.commands.get(command_id)
        # Only what the journal holds as being sent may be sent: that is what a restart goes by.
        return step.refusal is None and held is not None and held.state is CommandState.SENDING

    async def answered(
        self, desk: DeskId, command_id: CommandId, *, outcome: Outcome, code: int | None, message: str
    ) -> None:
        await self._record(desk, CommandAnswered(command_id=command_id, outcome=outcome, code=code, message=message))

    async def _record(self, desk: DeskId, given: Input) -> Step:
        """Have one input decided and made durable; the wait ends as the desk's worker works."""
        done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        await self.workers[desk].mailbox.put(Letter(source="dispatch", inputs=(given,), done=done))
        return await done

    def route(self, desk: DeskId, command: OpenCommand) -> DeviceId | None:
        """The device that the command is for, or any live one; None while there is none, or it is held back."""
        worker = self.workers.get(desk)
        devices = worker.desk.devices.values() if worker is not None else ()
        live = [d.device_id for d in devices if d.link is LinkState.LIVE and self._is_up(d.device_id)]
        if command.device is not None:
            live = [command.device] if command.device in live else []
        return live[0] if live and self.switches.admits(desk, command) else None

    def _is_up(self, device: DeviceId) -> bool:
        ways = self.ways.get(device)
        return ways is not None and ways.is_up

    async def wait_live(self, desk: DeskId, command: OpenCommand) -> None:
        await self.workers[desk].live.wait()  # the dispatcher bounds it by the command's deadline
        await self.switches.wait(desk, command)

    async def call(self, device: DeviceId, command: Command) -> None:
        await self.switches.check()
        ways = self.ways.get(device)
        if ways is None:
            raise TransientError(f"device {device} is not of this site any more")
        rendered = render_command(command, release=self._release(self._desk_of[device], device))
        await ways.call(rendered.method, rendered.params)

    def note_retry(self, desk: DeskId, command_id: CommandId, *, attempt: int, wait_s: float, cause: str) -> None:
        """A command was certainly not done and will be sent again."""
        worker = self.workers.get(desk)
        held = worker.desk.commands.get(command_id) if worker is not None else None
        booking_id = held.booking_id if held is not None else None
        self._narrator.retried(desk, command_id, booking_id=booking_id, attempt=attempt, wait_s=wait_s, cause=cause)

    # --- the whole ---------------------------------------------------------------------------------------------------

    def waiting(self) -> int:
        """Letters that no turn has taken yet, over all desks."""
        return sum(len(worker.mailbox) for worker in self.workers.values())

    async def settle(self) -> None:
        """Return when nothing is being listed, waits or is undecided; the caller bounds the wait."""
        while self._lists or any(not worker.is_idle for worker in self.workers.values()):  # noqa: ASYNC110 - many set it
            await asyncio.sleep(_SETTLE_LOOK_S)

    def summary(self) -> str:
        """One line that answers the first question."""
        desks = self.desks()
        live = sum(1 for desk in desks if not desk.is_stale)
        parked = sum(1 for desk in desks for c in desk.commands.values() if c.state is CommandState.PARKED)
        stopped = "".join(f", {why}" for why in self.switches.notes())
        return f"{live}/{len(desks)} desks live, {parked} parked{stopped}"

    # --- the HTTP door's site ----------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return self._clock.now()

    def desks(self) -> Sequence[Desk]:
        return [self.workers[key].desk for key in sorted(self.workers)]

    def desk(self, desk_id: DeskId) -> Desk | None:
        worker = self.workers.get(desk_id)
        return worker.desk if worker is not None else None

    async def ask(self, desk_id: DeskId, wish: Input) -> Asked:
        worker = self.workers.get(desk_id)
        if worker is None:
            raise PermanentError(f"no desk {desk_id}")
        done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        if not worker.mailbox.offer(Letter(source="api", inputs=(wish,), done=done)):
            raise TransientError(f"desk {desk_id} has {worker.mailbox.limit} messages waiting", retry_after_s=5)
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                step = await done
        except TimeoutError as exc:
            raise TransientError(f"desk {desk_id} took the wish but has not recorded it yet", retry_after_s=5) from exc
        return Asked(refusal=step.refusal, booking_id=step.booking_id, seq=step.desk.seq)

    async def commands(
        self,
        *,
        desk_id: DeskId | None = None,
        states: frozenset[CommandState] | None = None,
        limit: int,
        before: CommandId | None = None,
    ) -> Sequence[CommandView]:
        rows = await self.journal.outbox(desk_id=desk_id, states=states, limit=limit, before=before)
        return [
            CommandView(desk_id=row.desk_id, command=row.open, updated_at=row.updated_at)
            for row in rows
            if not isinstance(row.open, Exception)
        ]

    async def command(self, command_id: CommandId) -> CommandView | None:
        desk_id = command_id.rsplit(".c", 1)[0]
        worker = self.workers.get(desk_id)  # type: ignore[call-overload]
        held = worker.desk.commands.get(command_id) if worker is not None else None
        if worker is not None and held is not None:
            updated_at = held.answered_at or held.decided_at
            return CommandView(desk_id=worker.desk.desk_id, command=held, updated_at=updated_at)
        rows = await self.commands(limit=1000, desk_id=desk_id)  # type: ignore[arg-type]
        return next((view for view in rows if view.command.command_id == command_id), None)

    async def history(self, desk_id: DeskId, *, since_seq: int, limit: int) -> Sequence[StreamItem]:
        records = await self.journal.history(desk_id, since_seq=since_seq, limit=limit)
        return [
            StreamItem(
                desk_id=record.desk_id,
                seq=record.seq,
                at=record.at,
                source=record.source,
                kind=record.kind,
                input=record.input,
                reasons=record.reasons,
                refusal=record.refusal,
            )
            for record in records
            if not isinstance(record.input, Exception)
        ]

    async def explain(
        self, desk_id: DeskId, *, at: datetime | None, since: datetime | None, booking: str | None, over_too: bool
    ) -> Explanation:
        if self._is_explaining:
            raise TransientError("another explanation is being made", retry_after_s=1)
        self._is_explaining = True
        try:
            return await self.journal.look(
                lambda history: msgspec.convert(
                    shape(explain(history, desk_id, at=at, since=since, booking=booking, over_too=over_too)),
                    Explanation,
                )
            )
        finally:
            self._is_explaining = False

    def quote(self, text: str) -> str:
        return quoted(text)

    async def reload(self, *, remove_desks: bool) -> ReloadView:
        return await self.on_reload(remove_desks=remove_desks)

    def watch(
        self, *, desks: frozenset[DeskId] | None, kinds: frozenset[str] | None
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamItem | Lost]]:
        return self.watchers.watch(desks=desks, kinds=kinds)

    def troubles(self) -> list[str]:
        """What keeps the daemon from serving anybody."""
        found = [] if self.started else ["The daemon is starting."]
        if self._journal_error is not None:
            found.append(f"Nothing new is taken: {self._journal_error}.")
        return found

    def readiness(self) -> Readiness:
        against = self.troubles()
        for organisation in self.organisations:
            against.extend(organisation.reasons_against())
        if self.workers and all(worker.desk.is_stale for worker in self.workers.values()):
            against.append(f"None of {len(self.workers)} desks is live.")
        return Readiness.unless(against)

    async def watch_loop(self) -> Never:
        """Measure how late the event loop is, until cancelled."""
        await self._narrator.watch_loop()

    async def metrics(self) -> bytes:
        self._narrator.count_desks(self.desks(), now=self.now())
        for organisation in self.organisations:
            organisation.measure()
        return self._metrics.render() + await asyncio.to_thread(render_process)


async def _starting(*, remove_desks: bool) -> ReloadView:
    raise TransientError("the daemon is starting", retry_after_s=5)


def _stream_item(record: Record, step: Step) -> StreamItem:
    return StreamItem(
        desk_id=record.desk_id,
        seq=record.seq,
        at=record.at,
        source=record.source,
        kind=record.kind,
        input=record.input,
        reasons=record.reasons,
        refusal=record.refusal,
        desk=step.desk,
    )
