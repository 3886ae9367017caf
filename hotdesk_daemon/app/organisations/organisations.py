"""All organisations of the site, and the one door that their webhooks knock at."""

from __future__ import annotations

import asyncio
import errno
import random
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from hotdesk_daemon.app.organisations.allowance import Allowance
from hotdesk_daemon.app.organisations.authority import authority
from hotdesk_daemon.app.organisations.organisation import Organisation
from hotdesk_daemon.app.organisations.register import Register
from hotdesk_daemon.app.organisations.tools import Tools
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.transport.cloud import webhook_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from typing import Never

    from hotdesk_daemon.app.fleet import Fleet
    from hotdesk_daemon.app.housing import Housing
    from hotdesk_daemon.app.tasks import Tasks
    from hotdesk_daemon.dispatch import Limiter
    from hotdesk_daemon.ops.metrics import Metrics
    from hotdesk_daemon.ops.settings import DeskSettings, OrganisationSettings, Settings

_HOLD_BACK_S = 1.0
#: How long an organisation that a mistake ended rests.
_ANEW_S = 30.0


class Organisations:
    """
    All organisations.

    ``webhook_url`` is where the door listens, once it does and when somebody needs it.
    """

    def __init__(self, organisations: Mapping[str, Organisation], *, fleet: Fleet, settings: Settings) -> None:
        self.webhook_url: str | None = None
        self._organisations = organisations
        self._fleet = fleet
        self._settings = settings
        self._running: list[asyncio.Task[Never]] = []

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, *, fleet: Fleet, housing: Housing, metrics: Metrics, rng: random.Random
    ) -> AsyncIterator[Organisations]:
        """
        Make every organisation, each with connections of its own; they close with the context.

        Raises:
            ConfigError: what an organisation has stored, or the file of its authority, cannot be used.
        """
        async with AsyncExitStack() as stack:
            made = {}
            for wanted in settings.organisations:
                tls = await asyncio.to_thread(authority, wanted.ca_file)
                places = wanted.concurrency + 4  # the poll, a refresh, keys, and one to spare
                connector = aiohttp.TCPConnector(limit=places, ssl=tls if tls is not None else True)
                session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
                tools = _tools(wanted, settings, fleet=fleet, housing=housing, metrics=metrics, rng=rng)
                register = await asyncio.to_thread(Register.load, tools.file(".desks.json"))
                made[wanted.id] = Organisation(
                    tools, session=session, register=register, is_healthy=lambda: not fleet.troubles()
                )
            yield cls(made, fleet=fleet, settings=settings)

    def __iter__(self) -> Iterator[Organisation]:
        return iter(self._organisations.values())

    def take_in(self, desk: DeskSettings) -> None:
        """Serve a desk of the configuration that is of an organisation."""
        if desk.organisation is None:
            raise AssertionError("a desk without an organisation")
        self._organisations[desk.organisation].take_in(desk)

    def take_in_known(self) -> None:
        """Serve the desks that the directories listed when they were last read."""
        for organisation in self:
            organisation.take_in_known()

    def allowance(self, sockets: Limiter) -> Allowance:
        """The limits of requests to devices, whichever way."""
        return Allowance(fleet=self._fleet, sockets=sockets, organisations=tuple(self))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """
        Let the webhooks in while the context is open, where any is expected.

        Raises:
            TransientError: the port is not to be had.
        """
        ports = {one.id: one for one in self if one.check is not None}
        if not ports:
            yield
            return
        wanted = self._settings.webhook
        runner = web.AppRunner(webhook_app(ports), access_log=None, shutdown_timeout=_HOLD_BACK_S)
        await runner.setup()
        try:
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
            yield
        finally:
            await runner.cleanup()

    def start(self, tasks: Tasks) -> None:
        """Let every organisation live."""
        self._running = [tasks.add(self._keep(one), name=f"organisation {one.id}") for one in self]

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

    async def stop(self, *, timeout_s: float) -> None:
        """Let them live no more."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)


def _tools(
    wanted: OrganisationSettings,
    settings: Settings,
    *,
    fleet: Fleet,
    housing: Housing,
    metrics: Metrics,
    rng: random.Random,
) -> Tools:
    return Tools(
        wanted=wanted,
        settings=settings,
        fleet=fleet,
        housing=housing,
        metrics=metrics,
        clock=housing.clock,
        rng=random.Random(rng.random()),
        mono=housing.mono,
        sleep=housing.sleep,
    )
