"""
The daemon: everything opened in order, run together, and closed in the opposite order.

Start: journal, simulated site if any, states, HTTP, then workers, dispatcher and links. Stop: links, dispatcher
(bounded), mailboxes (bounded), snapshots, HTTP, journal. Whatever happens between, the journal knows.
"""

from __future__ import annotations

import asyncio
import gc
import platform
import random
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Never
from zoneinfo import ZoneInfo

import attrs

from hotdesk_daemon import __version__
from hotdesk_daemon.api.server import serve
from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.housing import Housing
from hotdesk_daemon.app.journal_care import JournalCare, retention_of
from hotdesk_daemon.app.journal_opening import find
from hotdesk_daemon.app.narrator import Narrator
from hotdesk_daemon.app.organisations import Organisations
from hotdesk_daemon.app.safety import BreakerLimits, Safety
from hotdesk_daemon.app.simulated import simulated_site
from hotdesk_daemon.app.state_dir import held_alone
from hotdesk_daemon.app.tasks import Tasks
from hotdesk_daemon.app.timekeeper import Timekeeper
from hotdesk_daemon.app.zones import load_zones
from hotdesk_daemon.core.desk import CommandState
from hotdesk_daemon.core.errors import ConfigError, HotdeskError, TransientError
from hotdesk_daemon.dispatch import Dispatcher, FleetLimiter, Limits, RetrySettings
from hotdesk_daemon.journal import SqlJournal
from hotdesk_daemon.ops.clocks import Clock, ScaledClock, SystemClock
from hotdesk_daemon.ops.logs import configure_logs, get_log
from hotdesk_daemon.ops.metrics import Metrics
from hotdesk_daemon.ops.notify import Notifier
from hotdesk_daemon.ops.settings import Settings, desk_configured, ensure_http_token
from hotdesk_daemon.transport import FleetGate, SslContexts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hotdesk_daemon.app.recovery import Past
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.dispatch import RetryDetails
    from hotdesk_daemon.journal import Journal, Stored

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_TEMPORARY: Final = 75
EXIT_CONFIG: Final = 78

#: How long the start waits for the first commits of all desks, and a stop for what is still in mailboxes.
_SETTLE_S: Final = 30.0
_STATUS_EVERY_S: Final = 5.0
#: Files open beside one socket per device: the journal, HTTP callers, the event loop's own.
_FILES: Final = 64
#: A simulated device listens, and both ends of its connection are ours; some desks have two.
_FILES_PER_SIMULATED_DESK: Final = 3.5
#: Objects made before the collector looks at the young ones, and how many such looks before it looks at older ones.
_COLLECT_AFTER: Final = (100_000, 50, 100)


@attrs.define(eq=False)
class Daemon:
    """
    One run, from settings to exit.

    ``stop`` may be set by anybody who wants it to end; ``ready`` is set once desks are served. ``url`` is where
    HTTP listens, known when ready. The clock is the site's: a scaled one where the site is simulated. ``mono`` and
    ``sleep`` are the machine's, by which the network is met: waits before connects and repetitions, limits per second.
    """

    settings: Settings
    clock: Clock
    stop: asyncio.Event = attrs.field(factory=asyncio.Event)
    ready: asyncio.Event = attrs.field(factory=asyncio.Event)
    rng: random.Random = attrs.field(factory=random.Random)
    notifier: Notifier = attrs.field(factory=Notifier)
    mono: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    on_ready: Callable[[str, int], None] = lambda _url, _desks: None
    url: str = ""
    token: str = ""
    fleet: Fleet = attrs.field(init=False)
    care: JournalCare = attrs.field(init=False)
    left: int = 0
    _zones: tuple[ZoneInfo, ...] = attrs.field(init=False, default=())

    async def run(self) -> None:
        """
        Serve until `stop` is set.

        Raises:
            ConfigError: the settings cannot be used on this machine.
            TransientError: something that may be there later is not: a port, the journal.
        """
        began_mono = time.monotonic()
        metrics = Metrics(version=__version__)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(held_alone(self.settings.daemon.state_dir))
            token = self.settings.http.token
            if token is None:
                token = await asyncio.to_thread(ensure_http_token, self.settings.daemon.state_dir)
            self.token = token.reveal()
            retention = retention_of(self.settings.journal)
            journal = await stack.enter_async_context(
                SqlJournal.open(self.settings.journal_url, clock=self.clock.now, mark_every=retention.mark_every)
            )
            found = await find(journal)
            metrics.journal_quarantined.inc(found.quarantined)
            settings = self.settings
            if settings.simulator.enabled:
                seed = self._resume_simulation(found.newest)
                settings = await stack.enter_async_context(simulated_site(settings, clock=self.clock, seed=seed))
            get_log().info(
                "journal.opened",
                url=settings.journal_url,
                desks=len(found.newest),
                records=found.records,
                took_s=round(time.monotonic() - began_mono, 3),
            )
            self._zones = await asyncio.to_thread(load_zones, settings.desks, settings.policy)
            narrator = Narrator(metrics)
            switches = self._switches(settings, metrics)
            await switches.load(journal)
            self.fleet = Fleet(journal=journal, clock=self.clock, narrator=narrator, metrics=metrics, switches=switches)
            timekeeper = Timekeeper(self.clock)
            housing = self._housing(settings, journal, found.past, timekeeper)
            self.care = JournalCare(
                journal=journal,
                fleet=self.fleet,
                past=found.past,
                retention=retention,
                clock=self.clock,
                sleep=self.sleep,
                metrics=metrics,
            )
            organisations = await stack.enter_async_context(
                Organisations.open(settings, fleet=self.fleet, housing=housing, metrics=metrics, rng=self.rng)
            )
            self._build(settings, housing, organisations)
            await self._begin()
            stack.callback(self.fleet.watchers.close)
            http = settings.http
            listening = await stack.enter_async_context(
                serve(self.fleet, host=http.host, port=http.port, token=self.token)
            )
            self.url = listening.url
            await stack.enter_async_context(organisations.listening())
            await self._serve(settings, housing, organisations, timekeeper, began_mono=began_mono)

    def _resume_simulation(self, stored: Mapping[DeskId, Stored]) -> int:
        """A simulated site goes on at the moment where its journal ends: time never runs backwards in one journal."""
        seed = self.settings.simulator.seed
        moments = [entry.at for one in stored.values() for entry in one.tail[-1:]]
        moments += [
            max((b.changed_at for b in one.snapshot.bookings.values()), default=datetime.min.replace(tzinfo=UTC))
            for one in stored.values()
            if one.snapshot is not None
        ]
        latest = max(moments, default=None)
        if latest is None or latest <= self.clock.now() or not isinstance(self.clock, ScaledClock):
            return seed
        self.clock = ScaledClock(speed=self.clock.speed, start=latest)
        return seed + int(latest.timestamp())

    def _switches(self, settings: Settings, metrics: Metrics) -> Safety:
        wanted = settings.safety
        limits = BreakerLimits(
            desks=wanted.breaker_desks, share=wanted.breaker_share, window=timedelta(seconds=wanted.breaker_window_s)
        )
        return Safety(
            directory=settings.daemon.state_dir,
            limits=limits,
            now=self.clock.now,
            fleet=lambda: len(self.fleet.workers),
            metrics=metrics,
        )

    # --- building ----------------------------------------------------------------------------------------------------

    def _housing(self, settings: Settings, journal: Journal, past: Past, timekeeper: Timekeeper) -> Housing:
        sockets = settings.sockets
        gate = FleetGate(per_s=sockets.connects_per_s, at_once=sockets.handshakes, clock=self.mono, sleep=self.sleep)
        return Housing(
            fleet=self.fleet,
            journal=journal,
            past=past,
            sockets=sockets,
            clock=self.clock,
            timekeeper=timekeeper,
            gate=gate,
            contexts=SslContexts(),
            rng=self.rng,
            mono=self.mono,
            sleep=self.sleep,
        )

    def _build(self, settings: Settings, housing: Housing, organisations: Organisations) -> None:
        """Every desk that is configured, or known from an organisation's directory when it was last read."""
        for desk in settings.desks:
            if desk.organisation is not None:
                organisations.take_in(desk)
            else:
                housing.take_in(desk, desk_configured(settings, desk), {})
        organisations.take_in_known()
        self.fleet.organisations = tuple(organisations)
        self.fleet.dispatcher = self._dispatcher(settings, organisations)

    def _dispatcher(self, settings: Settings, organisations: Organisations) -> Dispatcher:
        wanted = settings.dispatch
        limits = Limits(rate_per_s=wanted.rate_per_s, burst=wanted.concurrency, concurrency=wanted.concurrency)

        return Dispatcher(
            ledger=self.fleet,
            line=self.fleet,
            limiter=organisations.allowance(FleetLimiter(limits, clock=self.mono, sleep=self.sleep)),
            retry=RetrySettings(max_attempts=wanted.attempts),
            now=self.clock.now,
            rng=random.Random(self.rng.random()),
            sleep=self.sleep,
            on_retry=self._note_retry,
        )

    def _note_retry(self, retry: RetryDetails) -> None:
        self.fleet.note_retry(
            retry.desk, retry.command_id, attempt=retry.attempt, wait_s=retry.wait_s, cause=retry.cause
        )

    async def _begin(self) -> None:
        """Have every desk record that it starts without links, before anybody can take its past for its present."""
        mending = asyncio.create_task(self.care.mend(), name="journal: damage at the start")
        try:
            async with asyncio.timeout(_SETTLE_S):
                await asyncio.gather(*(worker.turn() for worker in self.fleet.workers.values()))
        except TimeoutError as exc:
            raise TransientError(f"the journal did not take the desks' first records within {_SETTLE_S:g} s") from exc
        finally:
            mending.cancel()
        await self.care.begun()

    # --- running -----------------------------------------------------------------------------------------------------

    async def _serve(
        self,
        settings: Settings,
        housing: Housing,
        organisations: Organisations,
        timekeeper: Timekeeper,
        *,
        began_mono: float,
    ) -> None:
        fleet, dispatcher = self.fleet, self.fleet.dispatcher
        if dispatcher is None:
            raise AssertionError("built before it is served")
        try:
            async with asyncio.TaskGroup() as group:
                fleet.use(group)
                tasks = Tasks(group)
                endless = [tasks.add(timekeeper.run(), name="timekeeper")]
                endless.append(tasks.add(fleet.switches.watch(self.sleep), name="switches"))
                housing.start_workers(tasks)
                dispatching = group.create_task(dispatcher.run(), name="dispatcher")
                housing.start_links(tasks)
                organisations.start(tasks)
                endless.append(tasks.add(self._keep_status(), name="status"))
                endless += self.care.start(tasks)
                self._announce(settings, began_mono=began_mono)
                await self.stop.wait()  # for ever: this is a daemon
                fleet.started = False
                await self._drain(settings, housing, organisations, dispatcher)
                await dispatching
                housing.stop_workers()
                for task in endless:
                    task.cancel()
        finally:
            fleet.started = False

    def _announce(self, settings: Settings, *, began_mono: float) -> None:
        _calm_collector()
        took_s = round(time.monotonic() - began_mono, 3)
        self.fleet.started = True
        get_log().info("daemon.ready", took_s=took_s, url=self.url, desks=len(self.fleet.workers))
        self.notifier.ready(status=f"{len(self.fleet.workers)} desks configured")
        self.ready.set()
        self.on_ready(self.url, len(self.fleet.workers))

    async def _drain(
        self, settings: Settings, housing: Housing, organisations: Organisations, dispatcher: Dispatcher
    ) -> None:
        """Stop hearing, finish what is under way, write down where every desk stands; all of it bounded."""
        self.notifier.stopping(status="stopping")
        await dispatcher.drain(settings.daemon.drain_s)
        await asyncio.gather(housing.stop_links(timeout_s=_SETTLE_S), organisations.stop(timeout_s=_SETTLE_S))
        self.fleet.stop_lists()
        try:
            async with asyncio.timeout(settings.daemon.drain_s + 1.0):
                await self.fleet.settle()
                await asyncio.gather(*(worker.snapshot() for worker in self.fleet.workers.values()))
        except TimeoutError:
            get_log().warning("daemon.drain_cut", waiting=self.fleet.waiting())
        except HotdeskError as exc:  # the journal is unavailable: nothing acknowledged is lost by that
            get_log().error("journal.unavailable", error=str(exc))
        self._list_leftovers()

    def _list_leftovers(self) -> None:
        for desk in self.fleet.desks():
            for command in desk.commands.values():
                if command.state is CommandState.PARKED:
                    continue
                self.left += 1
                get_log().warning(
                    "daemon.leftover",
                    desk_id=desk.desk_id,
                    command_id=command.command_id,
                    command=command.command.path,
                    booking_id=command.booking_id,
                    state=command.state.value,
                )

    async def _keep_status(self) -> Never:
        """Tell the service manager how we are, and that the loop turns."""
        pause_s = min(_STATUS_EVERY_S, self.notifier.watchdog_interval_s or _STATUS_EVERY_S)
        while True:
            self.notifier.status(self.fleet.summary())
            self.notifier.watchdog()
            await asyncio.sleep(pause_s)


def clock_for(settings: Settings) -> Clock:
    """The site's clock: the machine's, or a scaled one for a simulated site."""
    wanted = settings.simulator
    if not wanted.enabled or (wanted.speed == 1.0 and wanted.start is None):
        return SystemClock()
    return ScaledClock(speed=wanted.speed, start=wanted.start)


async def _run(settings: Settings, origin: str, on_ready: Callable[[str, int], None]) -> None:
    daemon = Daemon(settings=settings, clock=clock_for(settings), on_ready=on_ready)
    loop = asyncio.get_running_loop()
    told_mono = time.monotonic()

    def stop_by(number: signal.Signals) -> None:
        nonlocal told_mono
        told_mono = time.monotonic()
        get_log().info("daemon.stopping", signal=number.name, drain_s=settings.daemon.drain_s)
        daemon.stop.set()

    def refuse_reload() -> None:
        get_log().warning("daemon.reload_refused", signal=signal.SIGHUP.name)

    for warning in (*settings.warnings, *_allow_many_files(settings)):
        get_log().warning("config.warning", problem=warning)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_by, number)
    loop.add_signal_handler(signal.SIGHUP, refuse_reload)
    get_log().info(
        "daemon.started",
        version=__version__,
        python=platform.python_version(),
        config=origin,
        desks=len(settings.desks),
        stage=settings.daemon.stage.value,
        loop=type(loop).__module__.split(".")[0],
    )
    await daemon.run()
    get_log().info("daemon.stopped", took_s=round(time.monotonic() - told_mono, 3), left=daemon.left, exit_code=EXIT_OK)


def _calm_collector() -> None:
    """
    Let the garbage collector look seldom, and never again at what stands now.

    States and records are values without cycles, freed at once when nobody holds them. With Python's own thresholds the
    collector walks the whole heap every few thousand messages: a third of their cost, and pauses of 100 ms.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _allow_many_files(settings: Settings) -> tuple[str, ...]:
    """Raise our own limit of open files as far as we may; say so where even that is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    needed = _FILES + sum(len(desk.devices) for desk in settings.desks)
    if settings.simulator.enabled:
        needed += round(_FILES_PER_SIMULATED_DESK * settings.simulator.desks)
    if hard == resource.RLIM_INFINITY or hard >= needed:
        return ()
    return (f"only {hard} files may be open, but {needed} may be needed; raise ulimit -n, or LimitNOFILE= of the unit",)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop where it is installed: it halves what a frame costs; else the standard loop."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return uvloop.new_event_loop


def main(settings: Settings, *, origin: str, on_ready: Callable[[str, int], None]) -> int:
    """
    Run the daemon until a signal; return its exit status: 0, 1 failed, 75 temporary, 78 configuration.

    *on_ready* is told the URL of the HTTP door and the number of desks once they are served.
    """
    configure_logs(level=settings.log.level, form=settings.log.format, stream=sys.stdout)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_run(settings, origin, on_ready))
    except (HotdeskError, OSError) as error:
        return _fail([error])
    except ExceptionGroup as group:
        expected, mistakes = group.split((HotdeskError, OSError))
        if mistakes is not None:
            raise mistakes from None
        return _fail(_leaves(expected))
    return EXIT_OK


def _fail(errors: Sequence[BaseException]) -> int:
    """Say why the run ended, and which exit status that is."""
    for error in errors:
        if isinstance(error, ConfigError):
            for problem in error.problems:
                get_log().error("config.invalid", problem=problem)
        else:
            get_log().error("daemon.failed", error=str(error))
    if any(isinstance(error, ConfigError) for error in errors):
        return EXIT_CONFIG
    return EXIT_TEMPORARY if any(isinstance(error, TransientError) for error in errors) else EXIT_FAILED


def _leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error] if error is not None else []
