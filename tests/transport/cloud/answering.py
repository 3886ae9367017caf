"""A cloud that answers as a test says, over real HTTP, what asks it, and our own door with whoever knocks."""

from __future__ import annotations

import asyncio
import hmac
import io
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
from aiohttp import web

from hotdesk_daemon.transport.cloud import Budget, CloudHttp, CloudRest, WebhookCheck, WebhookKind, webhook_app
from tests.transport.doubles import Noted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.transport.cloud.http import Answer

NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
#: No answer of loopback takes so long.
AMPLE_S = 30.0


class PassingClock:
    """Time that passes only in its own sleeps."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def mono(self) -> float:
        return 1_000.0 + self.passed_s

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.passed_s += seconds


class Tokens:
    """Gives ``token-1``, and another one each time that the cloud refuses."""

    def __init__(self) -> None:
        self.rejected: list[str] = []
        self.trouble: Exception | None = None

    async def access(self) -> str:
        if self.trouble is not None:
            raise self.trouble
        return f"token-{len(self.rejected) + 1}"

    async def renewed(self, rejected: str) -> str:
        self.rejected.append(rejected)
        return await self.access()


@attrs.frozen(kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


@attrs.frozen
class Reply:
    """One answer; several headers may have one name."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Cut(StrEnum):
    """How a connection ends instead of an answer."""

    UNANSWERED = "after the request"
    HALF = "within the answer"
    RAW = "with what is no HTTP"


def reply(content: object, *, status: int = 200, **headers: str) -> Reply:
    """An answer with JSON; ``Retry_After`` is the header ``Retry-After``."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, json.dumps(content).encode(), named)


@attrs.define(eq=False)
class AnsweringCloud:
    """
    Answers with what a test said, one after the other; the last answer stays.

    ``decides`` answers by the request instead; ``holds`` lets a test keep the answers back.
    """

    url: str = ""
    asked: list[Asked] = attrs.field(factory=list)
    replies: list[Reply | Cut] = attrs.field(factory=lambda: [Reply()])
    decides: Callable[[Asked], Reply | Cut] | None = None
    holds: asyncio.Event = attrs.field(factory=asyncio.Event)
    under_way: int = 0
    most_under_way: int = 0
    noted: Noted = attrs.field(factory=Noted)

    def says(self, *replies: Reply | Cut) -> None:
        self.replies = list(replies)

    def tokens(self) -> list[str]:
        return [asked.token for asked in self.asked]

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    async def come(self, times: int) -> None:
        """Return when so many requests have come."""
        await self.noted.until(lambda: len(self.asked) >= times)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._answer(request)
        finally:
            self.under_way -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=request.headers,
            body=await request.read(),
        )
        self.asked.append(asked)
        await self.noted.note()
        await self.holds.wait()
        chosen = self.decides(asked) if self.decides is not None else self._following()
        if isinstance(chosen, Cut):
            return await _cut(request, chosen)
        response = web.Response(status=chosen.status, body=chosen.body)
        response.headers["Date"] = format_datetime(NOW, usegmt=True)
        for name, value in chosen.headers:
            response.headers.add(name, value)
        return response

    def _following(self) -> Reply | Cut:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


async def _cut(request: web.Request, how: Cut) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    if how is Cut.HALF:
        await response.prepare(request)
        await response.write(b'{"half": ')
    assert request.transport is not None
    if how is Cut.RAW:
        transport: Any = request.transport
        transport.write(b"no HTTP at all\r\n\r\n")
        transport.close()
    elif how is Cut.HALF:
        request.transport.close()
    else:
        request.transport.abort()
    return response


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve *app* on loopback; give its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def an_answering_cloud() -> AsyncIterator[AnsweringCloud]:
    cloud = AnsweringCloud()
    cloud.holds.set()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", cloud.answer)
    async with served(app) as cloud.url:
        try:
            yield cloud
        finally:
            cloud.holds.set()


@attrs.define(eq=False)
class Caller:
    """Whoever asks the cloud, with everything around it."""

    url: str
    session: aiohttp.ClientSession
    clock: PassingClock = attrs.field(factory=PassingClock)
    tokens: Tokens = attrs.field(factory=Tokens)
    budget: Budget = attrs.field(init=False)
    http: CloudHttp = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.budget = Budget(rate_per_s=10_000, concurrency=1_000, mono=self.clock.mono, sleep=self.clock.sleep)
        self.http = CloudHttp(session=self.session, tokens=self.tokens, budget=self.budget, now=self.clock.now)

    async def ask(self, method: str = "GET", path: str = "/v1/thing", **options: Any) -> Answer:
        return await self.http.request(method, self.url + path, **({"timeout_s": AMPLE_S} | options))

    async def order(self, **options: Any) -> Answer:
        """Ask for something to be done."""
        return await self.ask("POST", json={"a": 1}, carried_out=True, **options)


@asynccontextmanager
async def a_caller(url: str) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(url, session)


def a_closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


# --- its REST API -----------------------------------------------------------------------------------------------------

ARGUMENTS = {"Id": "7", "Title": "Café", "Nested": {"Duration": 30}}


@attrs.define(eq=False)
class Api:
    """A REST API of a cloud that answers as a test says."""

    cloud: AnsweringCloud
    caller: Caller
    rest: CloudRest

    async def command(self) -> object:
        return await self.rest.command("device-1", "Bookings.Book", ARGUMENTS, timeout_s=AMPLE_S)

    async def bookings(self) -> object:
        return await self.rest.list_bookings("device-1", {"Days": 1}, timeout_s=AMPLE_S)

    async def status(self, *names: str) -> Mapping[str, object]:
        return await self.rest.status("device-1", names, timeout_s=AMPLE_S)

    async def items(self, path: str = "devices", **params: str) -> list[object]:
        return [item async for item in self.rest.items(path, params)]

    def links(self, following: str, *, rest: str = '; rel="next"') -> Reply:
        """One page with its own name, and a link."""
        return Reply(200, b'{"items": [1]}', (("Link", f"<{following}>{rest}"),))


# --- our own door -----------------------------------------------------------------------------------------------------

BODY = b'{"type": "healthCheck"}'
SECRET = "s3cret-\u00e6"
HMAC_CHECK = WebhookCheck(kind=WebhookKind.HMAC, secret=SECRET)


def sign(body: bytes = BODY, *, secret: str = SECRET, algorithm: str = "sha1") -> str:
    """What the cloud shows with *body*."""
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


class Port(Noted):
    """One organisation behind the door; ``hold`` lets a test keep its commits back, ``trouble`` is raised instead."""

    def __init__(self) -> None:
        super().__init__()
        self.check: WebhookCheck | None = HMAC_CHECK
        self.offered: list[bytes] = []
        self.taken: list[bytes] = []
        self.tokens: list[str] = []
        self.outcomes: list[str] = []
        self.shown: Mapping[str, str] | None = None
        self.trouble: Exception | None = None
        self.hold = asyncio.Event()
        self.hold.set()

    async def take(self, messages: tuple[bytes, ...]) -> None:
        self.offered.extend(messages)
        await self.note()
        await self.hold.wait()
        if self.trouble is not None:
            raise self.trouble
        self.taken.extend(messages)

    async def take_post(self, body: bytes) -> None:
        await self.take((body,))

    async def act(self, token: str) -> Mapping[str, str] | None:
        self.tokens.append(token)
        if self.trouble is not None:
            raise self.trouble
        return self.shown

    def posted(self, outcome: str) -> None:
        self.outcomes.append(outcome)


@attrs.frozen
class Posted:
    """What an answer was."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@attrs.define(eq=False)
class Door:
    """The door of two organisations, and whoever knocks."""

    url: str
    session: aiohttp.ClientSession
    ports: dict[str, Port]
    came: asyncio.Event

    @property
    def port(self) -> Port:
        return self.ports["org-1"]

    async def send(self, method: str, path: str, **options: Any) -> Posted:
        async with self.session.request(method, f"{self.url}/webex/{path}", **options) as response:
            return Posted(response.status, response.headers, await response.read())

    async def post(self, body: Any = BODY, *, org: str = "org-1", **headers: str) -> Posted:
        """One message, signed; ``X_Spark_Signature`` is the header ``X-Spark-Signature``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        signed = {"X-Spark-Signature": sign(body)} if isinstance(body, bytes) else {}
        data = io.BytesIO(body) if isinstance(body, bytes) else body
        return await self.send("POST", f"{org}/events", data=data, headers={**signed, **named})

    async def act(self, body: bytes) -> Posted:
        return await self.send("POST", "org-1/actions", data=io.BytesIO(body))


@asynccontextmanager
async def a_door() -> AsyncIterator[Door]:
    came = asyncio.Event()

    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        came.set()
        response: web.StreamResponse = await handler(request)
        return response

    ports = {"org-1": Port(), "org-2": Port()}
    app = webhook_app(ports)
    app.middlewares.append(note)
    no_limit = aiohttp.ClientTimeout(total=None)
    async with served(app) as url, aiohttp.ClientSession(timeout=no_limit) as session:
        yield Door(url, session, ports, came)
