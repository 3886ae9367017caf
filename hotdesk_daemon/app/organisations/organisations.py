"""All organisations of the site, and the one door that their webhooks knock at."""

from __future__ import annotations

import asyncio
import errno
import random
import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, Never

import aiohttp
import attrs
from aiohttp import web

from hotdesk_daemon.app.organisations.allowance import Allowance
from hotdesk_daemon.app.organisations.authority import authority
from hotdesk_daemon.app.organisations.notices import check_of
from hotdesk_daemon.app.organisations.organisation import Organisation
from hotdesk_daemon.app.organisations.register import Register
from hotdesk_daemon.app.organisations.tools import Tools
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.settings import OrganisationSettings
from hotdesk_daemon.transport.cloud import webhook_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Iterator

    from hotdesk_daemon.app.fleet import Fleet
    from hotdesk_daemon.app.housing import Housing
    from hotdesk_daemon.app.organisations.standing import Standing
    from hotdesk_daemon.app.tasks import Tasks
    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.dispatch import Limiter
    from hotdesk_daemon.ops.metrics import Metrics
    from hotdesk_daemon.ops.settings import DeskSettings, Settings

_HOLD_BACK_S: Final = 1.0
#: How long an organisation that a mistake ended rests.
_ANEW_S: Final = 30.0
#: How long the tasks of one that is to end may take; they only clean up.
_END_S: Final = 5.0


@attrs.frozen
class Ground:
    """What an organisation is built on, read from files before anything changes."""

    wanted: OrganisationSettings
    authority: ssl.SSLContext | None
    register: Register


async def prepare(wanted: Iterable[OrganisationSettings], settings: Settings) -> tuple[Ground, ...]:
    """
    Read what these organisations are built on.

    Raises:
        ConfigError: what one has stored, or the file of its authority, cannot be used.
    """
    found = []
    for one in wanted:
        tls = await asyncio.to_thread(authority, one.ca_file)
        file = settings.daemon.state_dir / "organisations" / f"{one.id}.desks.json"
        found.append(Ground(one, tls, await asyncio.to_thread(Register.load, file)))
    return tuple(found)


@attrs.define(eq=False)
class _Living:
    """An organisation, its connections, and its life once it lives."""

    organisation: Organisation
    session: aiohttp.ClientSession
    task: asyncio.Task[Never] | None = None

    async def end(self, *, timeout_s: float) -> None:
        """Let it live no more."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait((self.task,), timeout=timeout_s)
        await self.session.close()


class Organisations:
    """
    All organisations, each with connections of its own; they may come, change and go while the daemon serves.

    ``webhook_url`` is where the door listens, once it does and when somebody needs it.
    """

    def __init__(
        self, settings: Settings, *, fleet: Fleet, housing: Housing, metrics: Metrics, rng: random.Random
    ) -> None:
        self.webhook_url: str | None = None
        self._settings = settings
        self._fleet = fleet
        self._housing = housing
        self._metrics = metrics
        self._rng = rng
        self._living: dict[str, _Living] = {}
        self._ports: dict[str, Organisation] = {}
        self._tasks: Tasks | None = None
        self._door = AsyncExitStack()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, *, fleet: Fleet, housing: Housing, metrics: Metrics, rng: random.Random
    ) -> AsyncIterator[Organisations]:
        """
        Make every organisation; their connections close with the context.

        Raises:
            ConfigError: what an organisation has stored, or the file of its authority, cannot be used.
        """
        made = cls(settings, fleet=fleet, housing=housing, metrics=metrics, rng=rng)
        try:
            for ground in await prepare(settings.organisations, settings):
                made._make(ground)
            yield made
        finally:
            for one in made._living.values():
                await one.session.close()

    def __iter__(self) -> Iterator[Organisation]:
        return iter([one.organisation for one in self._living.values()])

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How each of them stands."""
        return tuple(organisation.standing for organisation in self)

    def __getitem__(self, name: str) -> Organisation:
        return self._living[name].organisation

    def _make(self, ground: Ground) -> Organisation:
        wanted = ground.wanted
        # As many connections as are asked for: the budget bounds the requests, and beside it are the poll and tokens.
        connector = aiohttp.TCPConnector(limit=0, ssl=ground.authority if ground.authority is not None else True)
        session = aiohttp.ClientSession(connector=connector)
        organisation = Organisation(
            self._tools(wanted),
            session=session,
            register=ground.register,
            is_healthy=lambda: not self._fleet.troubles(),
        )
        self._living[wanted.id] = _Living(organisation, session)
        if organisation.check is not None:
            self._ports[wanted.id] = organisation
        return organisation

    def _tools(self, wanted: OrganisationSettings) -> Tools:
        return Tools(
            wanted=wanted,
            settings=self._settings,
            fleet=self._fleet,
            housing=self._housing,
            metrics=self._metrics,
            clock=self._housing.clock,
            rng=random.Random(self._rng.random()),
            mono=self._housing.mono,
            sleep=self._housing.sleep,
        )

    # --- desks -------------------------------------------------------------------------------------------------------

    async def take_in(self, desk: DeskSettings, *, anew: Collection[DeviceId] = ()) -> None:
        """Serve a desk of the configuration that is of an organisation; see `Membership.name`."""
        await self._of(desk).take_in(desk, anew=anew)

    async def let_go(self, desk: DeskSettings) -> None:
        """
        Serve such a desk no more.

        Raises:
            TimeoutError: see `Housing.let_go`.
        """
        await self._of(desk).let_go(desk)

    async def take_in_known(self) -> None:
        """Serve the desks that the directories listed when they were last read."""
        for organisation in self:
            await organisation.membership.take_in_known()

    @property
    def found(self) -> frozenset[DeskId]:
        """The desks that directories found."""
        return frozenset(desk for organisation in self for desk in organisation.found)

    def _of(self, desk: DeskSettings) -> Organisation:
        if desk.organisation is None:
            raise AssertionError("a desk without an organisation")
        return self[desk.organisation]

    # --- a reload ----------------------------------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return name in self._living

    async def make_room(self, desks: Iterable[DeskSettings]) -> None:
        """Let go what was found and is named so, or itself, by the configuration from now on."""
        wanted = [*desks]
        for organisation in self:
            await organisation.membership.make_room(wanted)

    def change(self, settings: Settings) -> None:
        """Take over what needs no new connections: of the site, and of every organisation that is here."""
        self._settings = settings
        for wanted in settings.organisations:
            if wanted.id in self._living:
                self[wanted.id].change(wanted, settings)

    async def retell(self) -> None:
        """Tell every desk of an organisation whose settings are other ones now."""
        for organisation in self:
            await organisation.membership.retell()

    async def add(self, ground: Ground) -> None:
        """Take an organisation in; the configuration's desks of it are taken in besides."""
        organisation = self._make(ground)
        await organisation.membership.take_in_known()
        self._start(self._living[organisation.id])

    async def renew(self, ground: Ground, named: Iterable[DeskSettings]) -> None:
        """
        Begin an organisation anew, by other settings, with the desks that it has; *named* by the configuration.

        Its devices lose their sessions by the cloud, and begin others once it is heard again.
        """
        name = ground.wanted.id
        old = self._living.pop(name)
        self._ports.pop(name, None)
        await old.end(timeout_s=_END_S)
        await old.organisation.end("its organisation has other settings now")
        was_found = old.organisation.found
        organisation = self._make(ground)
        for desk in named:
            if DeskId(desk.id) in self._fleet.workers:
                await organisation.take_in(desk)
        await organisation.membership.take_in_known(was_found)
        self._start(self._living[name])

    async def remove(self, name: str) -> None:
        """Let an organisation go, with the desks that its directory found."""
        old = self._living.pop(name)
        self._ports.pop(name, None)
        await old.end(timeout_s=_END_S)
        await old.organisation.end("its organisation is not configured any more")
        await old.organisation.leave()

    # --- limits ------------------------------------------------------------------------------------------------------

    def allowance(self, sockets: Limiter) -> Allowance:
        """The limits of requests to devices, whichever way."""
        return Allowance(fleet=self._fleet, sockets=sockets, organisations=self)

    # --- the webhooks' door ------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """
        Let the webhooks in while the context is open, where any is expected.

        Raises:
            TransientError: the port is not to be had.
        """
        async with self._door:
            await self.open_door(self._settings)
            yield

    async def open_door(self, settings: Settings) -> None:
        """
        Open the door if these settings need it and it is not open yet; once open it stays so.

        Raises:
            TransientError: the port is not to be had.
        """
        is_needed = any(check_of(wanted) is not None for wanted in settings.organisations)
        if not is_needed or self.webhook_url is not None:
            return
        wanted = settings.webhook
        runner = web.AppRunner(webhook_app(self._ports), access_log=None, shutdown_timeout=_HOLD_BACK_S)
        self._door.push_async_callback(runner.cleanup)
        await runner.setup()
        try:
            await web.TCPSite(runner, wanted.host, wanted.port).start()
        except OSError as exc:
            why = exc.strerror or exc
            if exc.errno == errno.EADDRINUSE:
                why = "it is taken by another program; choose another webhook.port"
            raise TransientError(f"webhook: cannot listen on {wanted.host} port {wanted.port}: {why}") from exc
        host, port = runner.addresses[0][:2]
        self.webhook_url = f"http://{host}:{port}"
        get_log().info("webhook.listening", url=self.webhook_url)

    # --- living ------------------------------------------------------------------------------------------------------

    def start(self, tasks: Tasks) -> None:
        """Let every organisation live; those that come later begin at once."""
        self._tasks = tasks
        for one in self._living.values():
            self._start(one)

    def _start(self, living: _Living) -> None:
        if self._tasks is not None:
            organisation = living.organisation
            living.task = self._tasks.add(self._keep(organisation), name=f"organisation {organisation.id}")

    @staticmethod
    async def _keep(organisation: Organisation) -> Never:
        """Let one live; what ends it by mistake is told, and it begins anew: the others are not to notice."""
        while True:
            try:
                await organisation.run()
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is one organisation's
                get_log().error("org.failed", org=organisation.id, exc_info=exc)
                await organisation.broken()
                await organisation.tools.sleep(_ANEW_S)

    @property
    def are_living(self) -> bool:
        """Whether every organisation's task is at it."""
        return all(one.task is None or not one.task.done() for one in self._living.values())

    async def stop(self, *, timeout_s: float) -> None:
        """Let them live no more; their connections stay until the context ends."""
        running = [one.task for one in self._living.values() if one.task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=timeout_s)
