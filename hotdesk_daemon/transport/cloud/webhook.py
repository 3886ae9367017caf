"""
The door for the cloud's webhook and its actions.

One POST is one message. It is answered well only when what it says is durable: the cloud does not tell how often it
tries again, so an honest 503 is better than a polite loss. Who does not prove to be the cloud learns nothing but a
status (Webex Workspace Integrations guide, "Webhooks").

Anybody can post. Who has not shown to be the cloud is let in apart from who has, so that the one cannot keep the other
out, and every organisation keeps its own, bounded in number, size and time.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import attrs
import msgspec
from aiohttp import web

from hotdesk_daemon.core.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp.typedefs import LooseHeaders

T = TypeVar("T")

#: A message is a few hundred bytes; a full sync of everything a few thousand.
MOST_BYTES: Final = 1 << 20
#: Proven messages that wait at once for becoming durable.
AT_ONCE: Final = 2_000
#: Actions that are looked into at once: each is to prove itself, and the keys for that may have to be fetched.
ACTIONS_AT_ONCE: Final = 100
#: Bodies of which a part is missing, at once; who has been at it longest makes way for the next.
READING_AT_ONCE: Final = 64
#: How long a body may take to come.
_READ_S: Final = 10.0
#: How long a post may take to become durable; then the cloud sends it again.
_COMMIT_S: Final = 10.0
_PAUSE: Final = "5"
SIGNATURE: Final = "X-Spark-Signature"


class WebhookKind(StrEnum):
    """How the cloud proves itself."""

    HMAC = "hmac_signature"
    BASIC = "basic_authentication"
    HEADER = "authorization_header"


@attrs.frozen(kw_only=True)
class WebhookCheck:
    """What the cloud must show. ``secret`` is the key, the password, or the whole header."""

    kind: WebhookKind
    secret: str = attrs.field(repr=False)
    username: str = ""
    algorithm: str = "sha1"

    def proves(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether *headers* prove that *body* comes from who knows the secret; in constant time."""
        if not self.secret:  # everybody knows it
            return False
        match self.kind:
            case WebhookKind.HMAC:
                expected = hmac.new(self.secret.encode(), body, self.algorithm).hexdigest()
                shown = headers.get(SIGNATURE, "").lower()
            case WebhookKind.BASIC:
                pair = base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()
                expected, shown = f"Basic {pair}", headers.get("Authorization", "")
            case _:
                expected, shown = self.secret, headers.get("Authorization", "")
        return hmac.compare_digest(expected.encode(), shown.encode(errors="surrogateescape"))


class WebhookPort(Protocol):
    """One organisation behind the door."""

    @property
    def check(self) -> WebhookCheck | None:
        """What the cloud must show; None when no webhook is expected."""

    async def take_post(self, body: bytes) -> None:
        """
        Take a message in that anybody may have recorded and sent again; returns when it is durable.

        Raises:
            TransientError: it could not be.
        """

    async def act(self, token: str) -> Mapping[str, str] | None:
        """
        Take an action; what is returned is shown to the cloud.

        Raises:
            PermanentError: it is not to be believed.
            TransientError: it cannot be taken now.
        """

    def posted(self, outcome: str) -> None:
        """One request was answered: ``taken``, ``refused``, ``too big``, ``busy``."""


class _Act(msgspec.Struct):
    jwt: str


def webhook_app(ports: Mapping[str, WebhookPort]) -> web.Application:
    """
    The door for these organisations: ``/webex/{organisation}/events`` and ``/webex/{organisation}/actions``.

    *ports* may change while it is open: whoever is in it at the time of a post is asked.
    """
    app = web.Application(client_max_size=MOST_BYTES)
    door = _Door(ports)
    app.on_response_prepare.append(_say_little)
    app.router.add_post("/webex/{organisation}/events", door.events)
    app.router.add_post("/webex/{organisation}/actions", door.actions)
    return app


@attrs.define(eq=False)
class _Room:
    """Those who post one kind of thing to one organisation: who is still sending, and how many are dealt with."""

    inside: int = 0
    _sending: dict[asyncio.Timeout, None] = attrs.field(factory=dict)  # in the order that they came

    async def read(self, request: web.Request) -> bytes:
        """
        The whole body.

        Raises:
            TimeoutError: it takes too long, or its place was needed for another one.
            HTTPRequestEntityTooLarge: it is too big.
        """
        if request.content.is_eof():  # it came whole with its head, as most do: there is nothing to wait for
            return await request.read()
        if len(self._sending) >= READING_AT_ONCE:
            self._send_away(next(iter(self._sending)))
        async with asyncio.timeout(_READ_S) as limit:
            self._sending[limit] = None
            try:
                return await request.read()
            finally:
                self._sending.pop(limit, None)

    def _send_away(self, limit: asyncio.Timeout) -> None:
        del self._sending[limit]
        if not limit.expired():
            limit.reschedule(0.0)


async def _say_little(_request: web.Request, response: web.StreamResponse) -> None:
    """Nobody needs to know what it is made of."""
    response.headers["Server"] = "hotdesk-daemon"


class _Door:
    def __init__(self, ports: Mapping[str, WebhookPort]) -> None:
        self._ports = ports
        self._events: dict[str, _Room] = {}
        self._actions: dict[str, _Room] = {}

    async def events(self, request: web.Request) -> web.Response:
        """One message."""

        def prove(port: WebhookPort, body: bytes) -> bytes:
            if port.check is None or not port.check.proves(request.headers, body):
                raise PermanentError("not proven")
            return body

        async def deal(port: WebhookPort, body: bytes) -> web.Response:
            await port.take_post(body)
            return web.Response(status=204)

        return await self._within(request, self._events, AT_ONCE, prove, deal)

    async def actions(self, request: web.Request) -> web.Response:
        """One action; its token is the proof."""

        def unpack(_: WebhookPort, body: bytes) -> str:
            try:
                return msgspec.json.decode(body, type=_Act).jwt
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
                raise PermanentError("no action") from exc

        async def deal(port: WebhookPort, token: str) -> web.Response:
            shown = await port.act(token)
            return web.Response(status=204) if shown is None else web.json_response(shown)

        return await self._within(request, self._actions, ACTIONS_AT_ONCE, unpack, deal)

    async def _within(
        self,
        request: web.Request,
        rooms: dict[str, _Room],
        most: int,
        check: Callable[[WebhookPort, bytes], T],
        deal: Callable[[WebhookPort, T], Awaitable[web.Response]],
    ) -> web.Response:
        """Read the body, and answer by what becomes of it."""
        name = request.match_info["organisation"]
        port = self._ports.get(name)
        if port is None:
            return _answer(404, "not found")
        room = rooms.setdefault(name, _Room())
        try:
            content = check(port, await room.read(request))
        except web.HTTPRequestEntityTooLarge:
            outcome, answer = "too big", _answer(413, "too big")
        except TimeoutError:
            outcome, answer = "busy", _answer(408, "too slow")
        except PermanentError:
            outcome, answer = "refused", _refusal()
        else:
            if room.inside >= most:
                outcome, answer = "busy", _answer(503, "busy", {"Retry-After": _PAUSE})
            else:
                room.inside += 1
                try:
                    outcome, answer = await _dealt(deal(port, content))
                finally:
                    room.inside -= 1
        port.posted(outcome)
        return answer


async def _dealt(dealing: Awaitable[web.Response]) -> tuple[str, web.Response]:
    try:
        async with asyncio.timeout(_COMMIT_S):
            return "taken", await dealing
    except PermanentError:
        return "refused", _refusal()
    except (TransientError, TimeoutError):  # a commit that takes too long is our fault: the sender is to come again
        return "busy", _answer(503, "try again", {"Retry-After": _PAUSE})


def _refusal() -> web.Response:
    return _answer(401, "refused")


def _answer(status: int, words: str, headers: LooseHeaders | None = None) -> web.Response:
    return web.json_response({"message": words}, status=status, headers=headers)
