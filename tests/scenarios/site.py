"""
A whole site in one event loop: the real daemon with its journal and its HTTP door, and a floor of simulated desks.

Both live by one clock that stands still until a test moves it. Nothing waits for the machine's time: after every step
the site is *quiet* before the test goes on, that is, nobody could do anything more without time passing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
import attrs

from hotdesk_daemon.app.daemon import Daemon
from hotdesk_daemon.app.simulated import desk_settings
from hotdesk_daemon.core.desk import BookingState, CommandState, LinkState
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.clocks import Clock
from hotdesk_daemon.ops.notify import Notifier
from hotdesk_daemon.ops.settings import (
    DaemonSettings,
    DispatchSettings,
    HttpSettings,
    PolicySettings,
    SafetySettings,
    Settings,
    SocketSettings,
    SyncSettings,
)
from hotdesk_daemon.simulator import DeskPlan, Floor, ManualClock, Played, User, play
from hotdesk_daemon.simulator.cloud import SimulatedCloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hotdesk_daemon.api.site import StreamItem
    from hotdesk_daemon.app.reload import Outcome
    from hotdesk_daemon.core.desk import Booking, OpenCommand
    from hotdesk_daemon.core.desk import Desk as DeskState
    from hotdesk_daemon.core.steps import Reason
    from hotdesk_daemon.simulator import Desk, Device
    from hotdesk_daemon.simulator.cloud import CloudOrganisation
    from tests.scenarios.transports import Transport

#: Everything that takes the machine's time is bounded by this; slow machines scale it.
LIMIT_S: Final = 10.0 * float(os.environ.get("TEST_TIME_SCALE", "1"))
#: Fast enough that no test waits for it, and a limit all the same.
UNHURRIED: Final = SocketSettings(connects_per_s=10_000, handshakes=1_000)

MONDAY: Final = datetime(2026, 5, 4, 8, tzinfo=UTC)

#: No longer at once does the loop wait for a thread: what it timed itself may be due.
THREADS_WAIT_S: Final = 0.01

#: Its password must be seen nowhere.
ADMIN: Final = User(name="admin", password="planted-for-every-device")

Sent = tuple[str, dict[str, Any]]
OpenSite = Callable[..., Awaitable["Site"]]


class Threads(ThreadPoolExecutor):
    """The threads of a loop, and what they are at."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix="site")
        self._given: set[Future[Any]] = set()

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        given = super().submit(*args, **kwargs)
        self._given.add(given)
        return given

    @property
    def are_working(self) -> bool:
        """Whether one of them has something to do, and the loop will hear of it."""
        self._given = {given for given in self._given if not given.done()}
        return bool(self._given)

    @property
    def are_ending(self) -> bool:
        """Whether one of them has something to do, or has only just told the loop that it had."""
        idle = cast("Any", self)._idle_semaphore._value  # noqa: SLF001 - nothing else can tell
        return bool(idle < len(self._threads))


@attrs.define(eq=False)
class Site:
    """A floor, the daemon that serves it, and what a test wants of both; the first desk where none is named."""

    floor: Floor
    clock: ManualClock
    settings: Settings
    cloud: SimulatedCloud | None = None
    daemon: Daemon = attrs.field(init=False)
    _http: aiohttp.ClientSession = attrs.field(init=False)
    _run: asyncio.Task[None] = attrs.field(init=False)
    found: Settings | Exception | None = None
    lives_by: Clock | None = None  # the daemon's clock, where it is not the floor's
    service: Mapping[str, str] = attrs.field(factory=dict)  # what a service manager puts into the environment
    threads: Threads = attrs.field(factory=Threads)
    _marks: dict[str, int] = attrs.field(factory=dict)
    _noted: dict[str, int] = attrs.field(factory=dict)

    # --- life --------------------------------------------------------------------------------------------------------

    async def start(self, *, live: bool = True) -> None:
        """Start the daemon (again); return when it serves, and every desk is live unless told otherwise."""
        self.daemon = Daemon(
            self.settings,
            self.lives_by or self.clock,
            mono=self.clock.mono,
            sleep=self._sleep,
            load=self._load,
            notifier=Notifier(self.service),
        )
        self._run = asyncio.create_task(self.daemon.run(), name="the daemon under test")
        ready = asyncio.create_task(self.daemon.ready.wait(), name="wait for the daemon")
        async with asyncio.timeout(LIMIT_S):
            await asyncio.wait((self._run, ready), return_when=asyncio.FIRST_COMPLETED)
        if self._run.done():
            ready.cancel()
            await self._run
        headers = {"Authorization": f"Bearer {self.daemon.token}"}
        self._http = aiohttp.ClientSession(self.daemon.url, headers=headers)
        if live:
            await self.until(self.is_live, step_s=0.01)
            self.mark()

    async def reload(self, settings: Settings | Exception) -> Outcome:
        """Have the daemon find *settings*, or a mistake, when it reads its configuration again."""
        self.found = settings
        outcome = self.daemon.reload.ask()
        await self.until(outcome.done, step_s=0.01)
        await self.clock.settle()
        return outcome.result()

    def _load(self) -> Settings:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found if self.found is not None else self.settings

    async def stop(self) -> None:
        """Stop the daemon as a service manager would."""
        await self._http.close()
        self.daemon.stop.set()
        async with asyncio.timeout(LIMIT_S):
            await self._run

    def is_live(self) -> bool:
        """Whether every device of every desk is connected and listed."""
        desks = self.daemon.fleet.desks()
        devices = [device for desk in desks for device in desk.devices.values()]
        return len(desks) == len(self.floor.desks) and all(device.link is LinkState.LIVE for device in devices)

    def poll_seldom(self) -> None:
        """Have the simulated cloud hold polls for long: days are over sooner."""
        for organisation in self.cloud.organisations if self.cloud is not None else ():
            organisation.queue.hold_s = 1800.0

    def organisation(self, number: int = 0) -> CloudOrganisation:
        """One of the simulated cloud's."""
        assert self.cloud is not None
        return self.cloud.organisations[number]

    async def stop_if_running(self) -> None:
        """Stop the daemon unless a test has done so."""
        if hasattr(self, "_run") and not self._run.done():
            await self.stop()

    async def _sleep(self, seconds: float) -> None:
        # Less than the clock's resolution would be no wait at all, and whoever loops would loop for ever.
        await self.clock.sleep(max(seconds, 1e-6))

    # --- time --------------------------------------------------------------------------------------------------------

    async def quiet(self) -> None:
        """Return when nobody can do anything without time passing: no callback, no socket, no commit is left."""
        loop = cast("Any", asyncio.get_running_loop())
        async with asyncio.timeout(LIMIT_S):
            while True:
                await asyncio.sleep(0)
                # What asyncio keeps to itself, looked at because nothing else can tell that a loop has nothing to do.
                # The threads first: what one of them has just ended is then seen as something to do. One that works
                # wakes the selector when it has ended: to ask again and again would take the processor from it.
                works = self.threads.are_ending or self.threads.are_working or self._is_writing()
                wait_s = THREADS_WAIT_S if self.threads.are_working or self._is_writing() else 0.0
                if not loop._ready and not loop._selector.select(wait_s) and not works:  # noqa: SLF001
                    return

    def _is_writing(self) -> bool:
        """Whether the journal's thread has something to do."""
        fleet = getattr(self.daemon, "fleet", None) if hasattr(self, "daemon") else None
        return fleet is not None and fleet.journal.writer_stats.waiting > 0

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        await self.clock.advance(seconds)

    def at(self, minutes: float) -> datetime:
        """The moment so many minutes after the clock's own beginning."""
        return self.clock.start + timedelta(minutes=minutes)

    async def until(self, reached: Callable[[], bool], *, limit_s: float = 3600.0, step_s: float = 5.0) -> None:
        """Let the site's time pass until *reached* holds."""
        await self.clock.advance_until(reached, limit_s=limit_s, step_s=step_s)

    async def real(self, reached: Callable[[], bool]) -> None:
        """Wait, in the machine's time and step by step of the daemon, until *reached* holds: for what only it times."""
        async with asyncio.timeout(LIMIT_S), self.daemon.fleet.watch(desks=None, kinds=None) as steps:
            await self.quiet()
            while not reached():
                await anext(steps)
                await self.quiet()

    async def play(self, flow: str, variant: str = "", *, desk: int = 0) -> Played:
        """Play a flow to its end and let everybody react."""
        playing = asyncio.create_task(play(flow, self.floor.desks[desk], self.clock, variant=variant))
        await self.until(playing.done, step_s=10)
        result = await playing
        await self.clock.settle()
        return result

    # --- the device's side -------------------------------------------------------------------------------------------

    def station(self, desk: int = 0, place: int = 0) -> Device:
        return self.floor.desks[desk].stations[place].device

    @property
    def device(self) -> Device:
        return self.station()

    @property
    def plan(self) -> Desk:
        return self.floor.desks[0]

    def sent(self, desk: int = 0, place: int = 0) -> list[Sent]:
        """The commands that reached a device since the last mark; lists are counted elsewhere."""
        device = self.station(desk, place)
        received = device.commands_received[self._noted.get(device.device_id, 0) :]
        return [(path, params) for path, params in received if path != "Bookings List"]

    def lists(self, desk: int = 0, place: int = 0) -> int:
        """How many lists a device was asked for since the last mark."""
        device = self.station(desk, place)
        received = device.commands_received[self._noted.get(device.device_id, 0) :]
        return sum(1 for path, _ in received if path == "Bookings List")

    def effects(self, kind: str, desk: int = 0) -> int:
        """How often something really happened at the devices of a desk."""
        stations = self.floor.desks[desk].stations
        return sum(1 for station in stations for effect in station.device.effects if effect.kind == kind)

    # --- the daemon's side -------------------------------------------------------------------------------------------

    def desk_id(self, desk: int = 0) -> DeskId:
        return DeskId(desk_settings(self.floor.desks[desk]).id)

    def state(self, desk: int = 0) -> DeskState:
        held = self.daemon.fleet.desk(self.desk_id(desk))
        assert held is not None
        return held

    @property
    def is_stale(self) -> bool:
        return self.state().is_stale

    def sign_ins(self, desk: int = 0) -> list[str]:
        """The sign-in state of each device."""
        return [device.sign_in.value for device in self.state(desk).devices.values()]

    def bookings(self, desk: int = 0) -> list[Booking]:
        """What the daemon holds, by start."""
        return sorted(self.state(desk).bookings.values(), key=lambda b: (b.start, b.booking_id))

    def booking(self, desk: int = 0) -> Booking:
        """The only booking that the daemon holds."""
        held = self.bookings(desk)
        assert 1 == len(held), held
        return held[0]

    def commands(self, desk: int = 0) -> list[OpenCommand]:
        """The commands that are not settled."""
        return list(self.state(desk).commands.values())

    async def outbox(self, desk: int = 0) -> list[tuple[str, str]]:
        """Every command ever decided as (path, state), oldest first."""
        rows = await self.daemon.fleet.commands(desk_id=self.desk_id(desk), limit=1000)
        return [(view.command.command.path, view.command.state.value) for view in reversed(rows)]

    def mark(self) -> None:
        """From here on look at what comes: `reasons`, `sent` and `lists` begin anew."""
        self._marks = {desk.desk_id: desk.seq for desk in self.daemon.fleet.desks()}
        stations = [station.device for desk in self.floor.desks for station in desk.stations]
        self._noted = {device.device_id: len(device.commands_received) for device in stations}

    async def steps(self, desk: int = 0, *, since: int | None = None) -> list[StreamItem]:
        """The journal's steps since the mark."""
        name = self.desk_id(desk)
        since = self._marks.get(name, 0) if since is None else since
        return list(await self.daemon.fleet.history(name, since_seq=since, limit=100_000))

    async def reasons(self, desk: int = 0) -> list[Reason]:
        """Why everything since the mark happened, in order."""
        return [reason for step in await self.steps(desk) for reason in step.reasons]

    async def codes(self, desk: int = 0) -> list[str]:
        """The codes of the reasons since the mark."""
        return [reason.code for reason in await self.reasons(desk)]

    async def root(self, reason: Reason, desk: int = 0) -> str:
        """The kind of the input that a chain of causes begins with."""
        steps = {step.seq: step for step in await self.steps(desk, since=0)}
        at = next(seq for seq, step in steps.items() if reason in step.reasons)
        cause = reason.cause_seq
        while cause is not None and cause != at:
            at = cause
            causes = (each.cause_seq for each in steps[at].reasons)
            cause = min((seq for seq in causes if seq is not None and seq != at), default=None)
        return steps[at].kind

    def agrees(self, desk: int = 0) -> bool:
        """Whether the daemon's picture of a desk is what its devices say: bookings to come, and who is signed in."""
        return not self.disagreement(desk)

    def disagreement(self, desk: int = 0) -> str:
        """How the daemon's picture of a desk differs from what its devices say; empty when it does not."""
        state, plan = self.state(desk), self.floor.desks[desk]
        now = self.clock.now()
        alive = (BookingState.CREATED, BookingState.STARTED)
        held = {(b.meeting_id, b.start, b.duration_min) for b in state.bookings.values() if b.state in alive}
        real = {(e.meeting_id, e.start, e.duration_min) for e in plan.calendar.in_order() if e.end > now}
        personal = [self.station(desk, place).signin.person is not None for place in range(len(plan.stations))]
        told = [device.personalized for device in state.devices.values()]
        known = [told if told is not None else real for told, real in zip(told, personal, strict=True)]
        if held != real:
            return f"bookings held: {sorted(held)}, real: {sorted(real)}"
        return "" if known == personal else f"signed in as told: {told}, really: {personal}"

    # --- its HTTP door -----------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Ask the HTTP door; answer its status and JSON, and let everybody react."""
        async with asyncio.timeout(LIMIT_S):
            async with self._http.request(method, path, json=body) as response:
                answer = response.status, await response.json(content_type=None)
        await self.clock.settle()
        return answer

    async def text(self, path: str) -> str:
        """What the HTTP door answers where it is no JSON."""
        async with asyncio.timeout(LIMIT_S), self._http.get(path) as response:
            return await response.text()

    async def book(
        self, *, begins_in_min: int = 60, minutes: int = 30, desk: int = 0, **more: object
    ) -> dict[str, Any]:
        """Have a booking asked for over HTTP; it must be taken."""
        start = self.clock.now().replace(microsecond=0) + timedelta(minutes=begins_in_min)
        body = {"start": start.isoformat(), "duration_min": minutes, "title": "Desk"} | more
        status, answer = await self.call("POST", f"/api/v1/desks/{self.desk_id(desk)}/bookings", body)
        assert 202 == status, answer
        booking: dict[str, Any] = answer["booking"]
        return booking

    async def edit(self, booking_id: str, **change: object) -> dict[str, Any]:
        """Have a booking changed over HTTP; the wish must be taken."""
        status, answer = await self.call("PATCH", f"/api/v1/bookings/{booking_id}", change)
        assert 202 == status, answer
        taken: dict[str, Any] = answer
        return taken

    async def delete(self, booking_id: str) -> None:
        """Have a booking deleted over HTTP; the wish must be taken."""
        status, answer = await self.call("DELETE", f"/api/v1/bookings/{booking_id}")
        assert 202 == status, answer

    async def sign_out(self, *, desk: int = 0, **how: object) -> None:
        """Have whoever is signed in signed out over HTTP; the wish must be taken."""
        status, answer = await self.call("POST", f"/api/v1/desks/{self.desk_id(desk)}/sign-out", how)
        assert 202 == status, answer

    def parked(self, desk: int = 0) -> list[OpenCommand]:
        return [command for command in self.commands(desk) if command.state is CommandState.PARKED]


@asynccontextmanager
async def site_of(
    *plans: DeskPlan,
    directory: Path,
    transport: Transport,
    policy: PolicySettings | None = None,
    safety: SafetySettings | None = None,
    stage: str = "enforce",
    sockets: SocketSettings = UNHURRIED,
    dispatch: DispatchSettings | None = None,
    sync_s: float = 86_400.0,
    begins: datetime = MONDAY,
    start: bool = True,
    live: bool = True,
    **options: Any,
) -> AsyncIterator[Site]:
    """A site of these desks, served and live; timed lists are a day away unless told otherwise."""
    clock = ManualClock(begins, yields=1)
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(Floor(plans, clock=clock, **{"users": (ADMIN,), **options}))
        settings = Settings(
            daemon=DaemonSettings(state_dir=directory, stage=Stage(stage), drain_s=LIMIT_S / 50),
            http=HttpSettings(port=0),
            sockets=sockets,
            dispatch=dispatch or DispatchSettings(rate_per_s=10_000, concurrency=1_000),
            sync=SyncSettings(interval_s=sync_s),
            policy=policy or PolicySettings(),
            safety=safety or SafetySettings(),
        )
        reached = await stack.enter_async_context(transport.connected(floor, settings))
        site = Site(floor, clock, reached.settings, cloud=reached.cloud)
        asyncio.get_running_loop().set_default_executor(site.threads)
        clock.settle_with(site.quiet)
        if start:
            await site.start(live=live)
        stack.push_async_callback(site.stop_if_running)
        yield site
        assert [] == floor.schedule.failures
