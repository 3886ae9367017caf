"""The daemon's side of one organisation, up to its tokens, before a simulated cloud without desks."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
from aiohttp import web

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.simulator import ManualClock
from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
from hotdesk_daemon.transport.cloud import (
    Actions,
    Client,
    Hosts,
    Installation,
    InstallationStore,
    JwtVerifier,
    TokenKeeper,
    TokenState,
    activate,
)
from tests.transport.doubles import Noted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime


#: For what takes the machine's time; slow machines scale it.
LIMIT_S = 4.0 * float(os.environ.get("TEST_TIME_SCALE", "1"))
QUEUE = {"queue": {"state": "enabled"}}
TOKEN_PATH = "/v1/access_token"


class Told:
    """Keeps what a keeper tells."""

    def __init__(self) -> None:
        self.states: list[TokenState] = []
        self.causes: list[str] = []
        self.installations: list[Installation] = []

    def token_state(self, state: TokenState, *, cause: str) -> None:
        self.states.append(state)
        self.causes.append(cause)

    def installation_changed(self, installation: Installation) -> None:
        self.installations.append(installation)


@attrs.define(eq=False)
class TokenEndpoint:
    """A token endpoint, or another place, that answers as a test says; ``holds`` lets a test keep the answers back."""

    url: str = ""
    forms: list[dict[str, str]] = attrs.field(factory=list)
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = attrs.field(factory=dict)
    pieces: int = 1
    holds: asyncio.Event = attrs.field(factory=asyncio.Event)
    answers: Callable[[dict[str, str]], tuple[int, object]] | None = None
    noted: Noted = attrs.field(factory=Noted)

    def says(self, status: int = 200, **reply: object) -> None:
        self.status, self.body = status, json.dumps(reply).encode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.answers is not None:
            status, reply = self.answers(self.forms[-1])
            self.status, self.body = status, json.dumps(reply).encode()
        response = web.StreamResponse(status=self.status, headers=self.headers)
        content = self.body
        await self.noted.note()
        await self.holds.wait()
        await response.prepare(request)
        size = -(-len(content) // self.pieces)
        for number in range(self.pieces):
            await response.write(content[number * size : (number + 1) * size])
            for _ in range(20):  # turns enough for the other side to have read it
                await asyncio.sleep(0)
        return response

    async def asked(self, times: int = 1) -> None:
        await self.noted.until(lambda: len(self.forms) >= times)


@asynccontextmanager
async def an_endpoint() -> AsyncIterator[TokenEndpoint]:
    endpoint = TokenEndpoint()
    endpoint.holds.set()
    app = web.Application()
    app.router.add_route("*", "/token", endpoint.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
        yield endpoint
    finally:
        await runner.cleanup()


class Passing:
    """Time that passes only in the sleeps of whoever is under test, and no further than it is let."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._end = clock.now()
        self._moved = asyncio.Event()
        self._rests = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        when = self._clock.now() + timedelta(seconds=seconds)
        while when > self._end:
            self._moved.clear()
            self._rests.set()
            await self._moved.wait()
        await self._clock.advance_to(when)

    async def let(self, span: timedelta) -> None:
        """Let *span* pass; return when all that happens meanwhile has happened."""
        self._end = self._clock.now() + span
        self._rests.clear()
        self._moved.set()
        async with asyncio.timeout(LIMIT_S):
            await self._rests.wait()
        await self._clock.advance_to(self._end)


@attrs.define(eq=False)
class Office:
    """What activates, keeps the tokens and takes the actions of one organisation."""

    cloud: SimulatedCloud
    organisation: CloudOrganisation
    clock: ManualClock
    session: aiohttp.ClientSession
    store: InstallationStore
    oauth_url: str | None = None
    configured: tuple[str, ...] = ()  # addresses, whose hosts a token may name
    told: Told = attrs.field(factory=Told)
    fetched: list[str] = attrs.field(factory=list)
    verifier: JwtVerifier = attrs.field(init=False)
    keeper: TokenKeeper = attrs.field(init=False)
    actions: Actions = attrs.field(init=False)
    passing: Passing = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.verifier = self.a_verifier()
        self.passing = Passing(self.clock)
        self.begin()

    def begin(self) -> None:
        """Start anew, as a process does: with what is on the disk alone."""
        self.keeper = TokenKeeper(
            store=self.store,
            client=self.client,
            session=self.session,
            oauth_url=self.oauth_url,
            now=self.clock.now,
            mono=self.clock.mono,
            sleep=self.passing.sleep,
            rng=random.Random(1),
            watch=self.told,
        )
        self.actions = Actions(verifier=self.verifier, keeper=self.keeper)

    @property
    def client(self) -> Client:
        return Client(client_id=self.organisation.client_id, client_secret=self.organisation.client_secret)

    def a_verifier(self) -> JwtVerifier:
        return JwtVerifier(
            app_id=self.organisation.app_id,
            fetch=self.fetch,
            now=self.clock.now,
            jwks_urls={"": self.cloud.jwks_url},
            hosts=Hosts.of((self.cloud.jwks_url, *self.configured)),
        )

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        try:
            async with self.session.get(url) as response:
                return await response.read()
        except aiohttp.ClientError as exc:
            raise TransientError(f"{url} cannot be reached") from exc

    async def activate(self, code: str | None = None, **options: Any) -> Installation:
        """Take a code as ``activate`` does, which is another process: a verifier of its own."""
        given: dict[str, Any] = {
            "verifier": self.a_verifier(),
            "store": self.store,
            "client": self.client,
            "session": self.session,
            "notifications": QUEUE,
            "now": self.clock.now,
        }
        code = self.organisation.activation_code() if code is None else code
        return await activate(code, **(given | options))

    async def stored(self) -> Installation:
        """What is on the disk; there must be something."""
        found = await asyncio.to_thread(self.store.load)
        assert found is not None
        return found

    async def used(self) -> tuple[str, ...]:
        """The ids of used tokens on the disk, whether or not there is an installation."""
        found = await asyncio.to_thread(self.store.look)
        return found.jtis if found is not None else ()

    async def rewrite(self, **changes: Any) -> None:
        """Change what is on the disk, as another process does."""
        await asyncio.to_thread(self.store.change, lambda found: attrs.evolve(found, **changes) if found else None)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[TokenKeeper]:
        """Keep the tokens meanwhile; the first look has been taken."""
        task = asyncio.create_task(self.keeper.run(), name="keeper under test")
        try:
            await self.passing.let(timedelta(0))
            yield self.keeper
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def refreshes(self) -> list[tuple[datetime, int]]:
        """When the token endpoint was asked, and what it answered."""
        return [(one.at, one.status) for one in self.organisation.requests if one.path == TOKEN_PATH]


@asynccontextmanager
async def meanwhile(method: str, act: Callable[[], Awaitable[object]]) -> AsyncIterator[aiohttp.ClientSession]:
    """A session before whose first request of *method* another process acts."""
    left = [act]

    async def on_start(_session: object, _context: object, params: Any) -> None:
        if params.method == method and left:
            await left.pop()()

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(on_start)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        yield session
