"""
Taking desks in and letting them go, before the daemon serves and while it does.

A desk that was let go keeps its place in the journal; should it come back, it goes on where it stood.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Never

import attrs

from hotdesk_daemon import __version__
from hotdesk_daemon.app.endpoints import endpoint_of
from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.mailbox import Letter
from hotdesk_daemon.app.recovery import Past
from hotdesk_daemon.app.tasks import Tasks
from hotdesk_daemon.app.timekeeper import Timekeeper
from hotdesk_daemon.app.ways import Way, Ways
from hotdesk_daemon.app.worker import DeskWorker
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import DeskConfigured, LinkDown
from hotdesk_daemon.journal import Journal
from hotdesk_daemon.ops.clocks import Clock
from hotdesk_daemon.ops.settings import DeskSettings, SocketSettings
from hotdesk_daemon.ops.settings import Way as Wanted
from hotdesk_daemon.transport import DeviceLink, FleetGate, SslContexts

if TYPE_CHECKING:
    from hotdesk_daemon.ops.settings import DeviceSettings
    from hotdesk_daemon.transport.cloud import CloudLink

#: How long a desk that is let go may take to write down what still waits for it.
_LAST_WORDS_S: Final = 30.0
_LOOK_S: Final = 0.01


@attrs.frozen
class Served:
    """By what a desk is served: its settings, and what it was told of them."""

    desk: DeskSettings
    configured: DeskConfigured


@attrs.define(eq=False, kw_only=True)
class Housing:
    """Makes workers and links of settings; see `daemon.Daemon` for the clocks."""

    fleet: Fleet
    journal: Journal
    past: Past
    sockets: SocketSettings
    clock: Clock
    timekeeper: Timekeeper
    gate: FleetGate
    contexts: SslContexts
    rng: random.Random
    mono: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    _links: dict[DeviceId, DeviceLink] = attrs.field(factory=dict)
    _working: dict[DeskId, asyncio.Task[Never]] = attrs.field(factory=dict)
    _linking: dict[DeviceId, asyncio.Task[Never]] = attrs.field(factory=dict)
    _served: dict[DeskId, Served] = attrs.field(factory=dict)
    _tasks: Tasks | None = None

    def served(self, desk: DeskId) -> DeskSettings | None:
        """The settings by which a desk is served; None when it is not."""
        held = self._served.get(desk)
        return held.desk if held is not None else None

    # --- desks -------------------------------------------------------------------------------------------------------

    def take_in(self, desk: DeskSettings, configured: DeskConfigured, clouds: Mapping[DeviceId, CloudLink]) -> None:
        """Make the desk's worker, with its first letter, and the ways to its devices; *clouds* are those by cloud."""
        desk_id = configured.desk
        known, inputs = self.past.take(desk_id, configured, version=__version__)
        worker = DeskWorker(
            known, journal=self.journal, clock=self.clock, timekeeper=self.timekeeper, surroundings=self.fleet
        )
        worker.mailbox.offer(Letter(source="daemon", inputs=inputs))
        self._served[desk_id] = Served(desk, configured)
        self.fleet.add(worker, [self._ways(desk, device, clouds) for device in desk.devices])
        if self._tasks is not None:
            self._start_worker(worker, self._tasks)
            self._start_links(self._tasks)

    async def change(
        self,
        desk: DeskSettings,
        configured: DeskConfigured,
        clouds: Mapping[DeviceId, CloudLink],
        *,
        anew: Collection[DeviceId] = (),
    ) -> None:
        """
        Take over new settings of a desk that is here, and devices that came or went.

        Devices that are reached in another way than before, those *anew*, lose their session and begin another; one of
        which *clouds* has another link than before goes on by that one.
        """
        worker = self.fleet.workers[configured.desk]
        held, self._served[configured.desk] = self._served[configured.desk], Served(desk, configured)
        for device in {*worker.desk.devices, *held.configured.devices} - set(configured.devices):
            await self._drop_from(worker, device)
        for device in anew:
            await self._hang_up(worker, device)
        if configured != held.configured:
            await worker.mailbox.put(Letter(source="daemon", inputs=(configured,)))
        for one in desk.devices:
            ways = self.fleet.ways.get(DeviceId(one.id))
            if ways is not None and one.way is not Wanted.SOCKET:
                ways.cloud = clouds.get(ways.device)
        new = [d for d in desk.devices if DeviceId(d.id) not in self.fleet.ways]
        self.fleet.add(worker, [self._ways(desk, device, clouds) for device in new])
        if self._tasks is not None:
            self._start_links(self._tasks)

    async def let_go(self, desk_id: DeskId, *, cause: str) -> None:
        """
        Stop serving a desk, with everything that it was told written down first.

        Raises:
            TimeoutError: that takes too long, or a command is under way for too long; it stays, without its devices.
        """
        worker = self.fleet.workers[desk_id]
        downs = tuple(LinkDown(device=device, cause=cause) for device in worker.desk.devices)
        for device in worker.desk.devices:
            await self._drop_from(worker, device)
        try:
            async with self._within(_LAST_WORDS_S):
                await self._finish_commands(worker)
                await worker.mailbox.put(Letter(source="daemon", inputs=downs))
                while not worker.is_idle:  # with what somebody was about to put in when its devices went
                    await self.sleep(_LOOK_S)
        except TimeoutError:
            worker.mailbox.offer(Letter(source="daemon", inputs=downs))  # it stays, and none of its devices is reached
            held = self._served[desk_id]
            self._served[desk_id] = Served(attrs.evolve(held.desk, devices=()), held.configured)
            raise
        await self._end(self._working.pop(desk_id, None))
        self.timekeeper.set(desk_id, None, worker.mailbox.wake.set)
        self.past.keep(worker.desk)
        del self._served[desk_id]
        self.fleet.drop(desk_id)

    async def _finish_commands(self, worker: DeskWorker) -> None:
        """Take back what is not under way, and wait for the answer to what is."""
        dispatcher = self.fleet.dispatcher
        if dispatcher is None:
            return
        for command in worker.desk.commands:
            dispatcher.withdraw(command)
        while dispatcher.held(worker.desk.desk_id):  # its answers are inputs, not events
            await self.sleep(_LOOK_S)

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        """
        Bound what is done within, by the machine's time.

        Raises:
            TimeoutError: it took longer.
        """
        async with asyncio.timeout(None) as limit:

            async def end() -> None:
                await self.sleep(seconds)
                limit.reschedule(0.0)

            watch = asyncio.create_task(end(), name="a limit")
            try:
                yield
            finally:
                watch.cancel()

    # --- devices -----------------------------------------------------------------------------------------------------

    def _ways(self, desk: DeskSettings, device: DeviceSettings, clouds: Mapping[DeviceId, CloudLink]) -> Ways:
        ways = Ways(DeviceId(device.id), hearer=self.fleet)
        ways.cloud = clouds.get(ways.device) if device.way is not Wanted.SOCKET else None
        if _has_socket(device):
            ways.socket = self._links[ways.device] = DeviceLink(
                endpoint_of(self.sockets, desk, device),
                sink=ways,
                gate=self.gate,
                rng=random.Random(self.rng.random()),
                ssl_contexts=self.contexts,
                sleep=self.sleep,
                clock=self.mono,
            )
        return ways

    def take_sockets(self, sockets: SocketSettings, contexts: SslContexts) -> None:
        """Make links by these settings from now on; those that there are go on as they are."""
        self.sockets, self.contexts = sockets, contexts
        self.gate.change(per_s=sockets.connects_per_s, at_once=sockets.handshakes)

    async def renew_endpoints(self) -> None:
        """Have every link connect by the settings that its desk is served by now, from its next connect on."""
        for held in [*self._served.values()]:
            for device in held.desk.devices:
                link = self._links.get(DeviceId(device.id))
                if link is not None and _has_socket(device):
                    link.take(endpoint_of(self.sockets, held.desk, device), ssl_contexts=self.contexts)
            await asyncio.sleep(0)  # thousands are not to hold the loop up

    async def _hang_up(self, worker: DeskWorker, device: DeviceId) -> None:
        """End a device's session, and tell its desk so where there was one."""
        ways = self.fleet.ways.get(device)
        was_up = ways is not None and ways.current is not Way.NONE
        await self.drop_device(device)
        if was_up:
            down = LinkDown(device=device, cause="its settings are other ones now")
            await worker.mailbox.put(Letter(source="daemon", inputs=(down,)))

    async def _drop_from(self, worker: DeskWorker, device: DeviceId) -> None:
        """Let a device go, unless it is another desk's by now."""
        if self.fleet.owner(device) in (None, worker.desk.desk_id):
            await self.drop_device(device)

    async def drop_device(self, device: DeviceId) -> None:
        """Let a device go, with its link; its desk has to be told of it."""
        self._links.pop(device, None)
        await self._end(self._linking.pop(device, None))
        if device in self.fleet.ways:  # else it went when letting its desk go was tried before
            self.fleet.drop_device(device)

    # --- tasks -------------------------------------------------------------------------------------------------------

    def start_workers(self, tasks: Tasks) -> None:
        """Let the desks work; those taken in later begin at once."""
        self._tasks = tasks
        for worker in self.fleet.workers.values():
            self._start_worker(worker, tasks)

    def start_links(self, tasks: Tasks) -> None:
        """Let the sockets connect."""
        self._start_links(tasks)

    async def stop_links(self, devices: Iterable[DeviceId], *, timeout_s: float) -> None:
        """Stop hearing *devices* by their sockets."""
        await self._end(*(self._linking.get(device) for device in devices), timeout_s=timeout_s)

    def stop_workers(self) -> None:
        """Let the desks work no more; whoever owns the tasks waits for them."""
        for task in self._working.values():
            task.cancel()

    def asked(self, devices: Iterable[DeviceId]) -> frozenset[DeviceId]:
        """Which of *devices* owe us an answer by their sockets."""
        links = {device: self._links.get(device) for device in devices}
        return frozenset(device for device, link in links.items() if link is not None and link.waiting)

    @property
    def links(self) -> Collection[DeviceLink]:
        """The sockets' links."""
        return self._links.values()

    def _start_worker(self, worker: DeskWorker, tasks: Tasks) -> None:
        key = worker.desk.desk_id
        self._working[key] = tasks.add(worker.run(), name=f"worker desk={key}")

    def _start_links(self, tasks: Tasks) -> None:
        for key, link in self._links.items():
            if key not in self._linking:
                self._linking[key] = tasks.add(link.run(), name=f"link device={key}")

    @staticmethod
    async def _end(*tasks: asyncio.Task[Never] | None, timeout_s: float = _LAST_WORDS_S) -> None:
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=timeout_s)


def _has_socket(device: DeviceSettings) -> bool:
    return device.url is not None and device.way is not Wanted.CLOUD
