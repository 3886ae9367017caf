"""
The daemon: everything opened in order, run together, and closed in the opposite order.

Start: journal, simulated site if any, states, HTTP, then workers, dispatcher and links. Stop: links, dispatcher
(bounded), mailboxes (bounded), snapshots, HTTP, journal. Whatever happens between, the journal knows.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from hotdesk_daemon import __version__
from hotdesk_daemon.api.server import serve
from hotdesk_daemon.app.clockwatch import ClockWatch
from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.housing import Housing
from hotdesk_daemon.app.journal_care import JournalCare, retention_of
from hotdesk_daemon.app.journal_opening import find
from hotdesk_daemon.app.narrator import Narrator
from hotdesk_daemon.app.organisations import Organisations
from hotdesk_daemon.app.reload import Reload
from hotdesk_daemon.app.safety import Safety
from hotdesk_daemon.app.simulated import simulated_site
from hotdesk_daemon.app.state_dir import held_alone, tell_of_last
from hotdesk_daemon.app.status import Status, patience
from hotdesk_daemon.app.stopping import Stopping
from hotdesk_daemon.app.takeover import TakeOver, breaker_of, limits_of, retry_of
from hotdesk_daemon.app.tasks import Tasks
from hotdesk_daemon.app.timekeeper import Timekeeper
from hotdesk_daemon.app.vitals import Vitals
from hotdesk_daemon.app.zones import load_zones
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.dispatch import Dispatcher, FleetLimiter
from hotdesk_daemon.journal import SqlJournal
from hotdesk_daemon.ops.clocks import Clock, ScaledClock
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.metrics import Metrics
from hotdesk_daemon.ops.notify import Notifier
from hotdesk_daemon.ops.settings import Settings, desk_configured, ensure_http_token
from hotdesk_daemon.transport import FleetGate, SslContexts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from hotdesk_daemon.app.recovery import Past
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.dispatch import RetryDetails
    from hotdesk_daemon.journal import Journal, Stored

#: Told the URL of the HTTP door and the number of desks.
OnReady: TypeAlias = Callable[[str, int], None]
#: How long the start waits for the first commits of all desks.
_SETTLE_S: Final = 30.0
#: Objects made before the collector looks at the young ones, and how many such looks before it looks at older ones.
_COLLECT_AFTER: Final = (100_000, 50, 100)


@attrs.define(eq=False)
class Daemon:
    """
    One run, from settings to exit.

    ``stop`` may be set by anybody who wants it to end, ``hurry`` by who wants the end to wait for no device; ``ready``
    is set once desks are served. ``url`` is where
    HTTP listens, known when ready. The clock is the site's: a scaled one where the site is simulated. ``mono`` and
    ``sleep`` are the machine's, by which the network is met: waits before connects and repetitions, limits per second.
    ``load`` reads the configuration again when a reload is asked for; without it that changes nothing. ``on_settings``
    is told of the settings that a reload brought.
    """

    settings: Settings
    clock: Clock
    stop: asyncio.Event = attrs.field(factory=asyncio.Event)
    ready: asyncio.Event = attrs.field(factory=asyncio.Event)
    hurry: asyncio.Event = attrs.field(factory=asyncio.Event)
    rng: random.Random = attrs.field(factory=random.Random)
    notifier: Notifier = attrs.field(factory=Notifier)
    mono: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    on_ready: OnReady = lambda _url, _desks: None
    load: Callable[[], Settings] | None = None
    on_settings: Callable[[Settings], None] = lambda _settings: None
    url: str = ""
    token: str = ""
    fleet: Fleet = attrs.field(init=False)
    reload: Reload = attrs.field(init=False)
    status: Status = attrs.field(init=False)
    care: JournalCare = attrs.field(init=False)
    left: int = 0
    last_stop: str = ""
    _use_token: Callable[[str], None] = lambda _token: None
    _is_reload_wanted: bool = False

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
            last = await stack.enter_async_context(held_alone(self.settings.daemon.state_dir))
            token = self.settings.http.token
            if token is None:
                token = await asyncio.to_thread(ensure_http_token, self.settings.daemon.state_dir)
            self.token = token.reveal()
            starting = await stack.enter_async_context(AsyncExitStack())
            await starting.enter_async_context(patience(self.notifier, sleep=self.sleep))
            retention = retention_of(self.settings.journal)
            journal = await stack.enter_async_context(
                SqlJournal.open(self.settings.journal_url, clock=self.clock.now, mark_every=retention.mark_every)
            )
            found = await find(journal)
            metrics.journal_quarantined.inc(found.quarantined)
            if last is not None:
                found.past.last_stop, self.last_stop = last.stopped, tell_of_last(last, _latest(found.newest))
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
            zones = await asyncio.to_thread(load_zones, settings.desks, settings.policy)
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
            take_over = await self._build(settings, housing, organisations, zones)
            self.reload = self._reload(settings, take_over, metrics)
            self.fleet.on_reload = self.reload.now
            await self._begin()
            stack.callback(self.fleet.watchers.close)
            http = settings.http
            listening = await stack.enter_async_context(
                serve(self.fleet, host=http.host, port=http.port, token=self.token)
            )
            self.url, self._use_token = listening.url, listening.use_token
            await stack.enter_async_context(organisations.listening())
            await starting.aclose()
            await self._serve(housing, organisations, timekeeper, began_mono=began_mono)

    def reload_soon(self) -> None:
        """Read the configuration again, at once or as soon as desks are served; a daemon that stops does not."""
        if not self.ready.is_set():
            self._is_reload_wanted = True
            return
        with suppress(TransientError):
            self.reload.ask()

    def _resume_simulation(self, stored: Mapping[DeskId, Stored]) -> int:
        """A simulated site goes on at the moment where its journal ends: time never runs backwards in one journal."""
        seed = self.settings.simulator.seed
        latest = _latest(stored)
        if latest is None or latest <= self.clock.now() or not isinstance(self.clock, ScaledClock):
            return seed
        self.clock = ScaledClock(speed=self.clock.speed, start=latest)
        return seed + int(latest.timestamp())

    def _switches(self, settings: Settings, metrics: Metrics) -> Safety:
        return Safety(
            directory=settings.daemon.state_dir,
            limits=breaker_of(settings.safety),
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

    async def _build(
        self, settings: Settings, housing: Housing, organisations: Organisations, zones: tuple[ZoneInfo, ...]
    ) -> TakeOver:
        """Every desk that is configured, or known from an organisation's directory when it was last read."""
        for desk in settings.desks:
            if desk.organisation is not None:
                await organisations.take_in(desk)
            else:
                housing.take_in(desk, desk_configured(settings, desk), {})
        await organisations.take_in_known()
        limiter = FleetLimiter(limits_of(settings.dispatch), clock=self.mono, sleep=self.sleep)
        dispatcher = self._dispatcher(settings, organisations, limiter)
        self.fleet.organisations, self.fleet.dispatcher = organisations.standings, dispatcher
        return TakeOver(
            settings=settings,
            fleet=self.fleet,
            housing=housing,
            organisations=organisations,
            dispatcher=dispatcher,
            limiter=limiter,
            zones=zones,
        )

    def _reload(self, settings: Settings, take_over: TakeOver, metrics: Metrics) -> Reload:
        written = self.settings
        beside = (
            tuple(desk for desk in settings.desks if desk not in written.desks),
            tuple(one for one in settings.organisations if one not in written.organisations),
        )
        return Reload(
            load=self.load or (lambda: written),
            take_over=take_over,
            notifier=self.notifier,
            metrics=metrics,
            beside=beside,
            on_change=self._follow,
        )

    def _follow(self, settings: Settings, token: str) -> None:
        """Live by what a reload brought and the site does not know of: retention, the log's ways, the door's token."""
        self.care.retention = retention_of(settings.journal)
        self.token = token
        self._use_token(token)
        self.on_settings(settings)

    def _dispatcher(self, settings: Settings, organisations: Organisations, limiter: FleetLimiter) -> Dispatcher:
        return Dispatcher(
            ledger=self.fleet,
            line=self.fleet,
            limiter=organisations.allowance(limiter),
            retry=retry_of(settings.dispatch),
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
        self, housing: Housing, organisations: Organisations, timekeeper: Timekeeper, *, began_mono: float
    ) -> None:
        fleet, dispatcher = self.fleet, self.fleet.dispatcher
        if dispatcher is None:
            raise AssertionError("built before it is served")
        status = self.status = self._status(housing, organisations)
        try:
            async with asyncio.TaskGroup() as group:
                fleet.use(group)
                tasks = Tasks(group)
                endless = [tasks.add(timekeeper.run(), name="timekeeper")]
                endless.append(tasks.add(fleet.switches.watch(self.sleep), name="switches"))
                watch = ClockWatch(clock=self.clock, fleet=fleet, sleep=self.sleep)
                endless.append(tasks.add(watch.run(), name="clock watch"))
                housing.start_workers(tasks)
                dispatching = group.create_task(dispatcher.run(), name="dispatcher")
                housing.start_links(tasks)
                organisations.start(tasks)
                endless.append(tasks.add(status.run(), name="status"))
                endless.append(tasks.add(fleet.watch_loop(), name="loop watch"))
                endless += self.care.start(tasks)
                reloading = tasks.add(self.reload.run(), name="reload")
                self._announce(status, began_mono=began_mono)
                await self.stop.wait()  # for ever: this is a daemon
                fleet.started = False
                self.reload.end()
                reloading.cancel()
                stopping = Stopping(
                    fleet=fleet,
                    housing=housing,
                    organisations=organisations,
                    dispatcher=dispatcher,
                    notifier=self.notifier,
                    hurry=self.hurry,
                )
                await stopping.run(self.reload.take_over.settings.daemon.drain_s)
                self.left = stopping.left
                await dispatching
                housing.stop_workers()
                for task in endless:
                    task.cancel()
        finally:
            fleet.started = False

    def _status(self, housing: Housing, organisations: Organisations) -> Status:
        vitals = Vitals(fleet=self.fleet, housing=housing, organisations=organisations, mono=self.mono)
        return Status(
            notifier=self.notifier,
            fleet=self.fleet,
            organisations=organisations,
            reload=self.reload,
            vitals=vitals,
            last_stop=self.last_stop,
            sleep=self.sleep,
        )

    def _announce(self, status: Status, *, began_mono: float) -> None:
        _calm_collector()
        took_s = round(time.monotonic() - began_mono, 3)
        self.fleet.started = True
        get_log().info("daemon.ready", took_s=took_s, url=self.url, desks=len(self.fleet.workers))
        self.notifier.ready(status=status.line())
        self.ready.set()
        if self._is_reload_wanted:
            self.reload.ask()
        self.on_ready(self.url, len(self.fleet.workers))


def _latest(stored: Mapping[DeskId, Stored]) -> datetime | None:
    """About when the newest of what is *stored* happened."""
    moments = [entry.at for one in stored.values() for entry in one.tail[-1:]]
    snapshots = (one.snapshot for one in stored.values() if one.snapshot is not None)
    moments += [booking.changed_at for snapshot in snapshots for booking in snapshot.bookings.values()]
    return max(moments, default=None)


def _calm_collector() -> None:
    """
    Let the garbage collector look seldom, and never again at what stands now.

    States and records are values without cycles, freed at once when nobody holds them. With Python's own thresholds the
    collector walks the whole heap every few thousand messages: a third of their cost, and pauses of 100 ms.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
