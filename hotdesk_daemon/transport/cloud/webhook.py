"""
The door for the cloud's webhook and its actions.

One POST is one message. It is answered well only when what it says is durable: the cloud does not tell how often it
tries again, so an honest 503 is better than a polite loss. Who does not prove to be the cloud learns nothing but a
status (Webex Workspace Integrations guide, "Webhooks").
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

import attrs
import msgspec
from aiohttp import web

from hotdesk_daemon.core.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp.typedefs import LooseHeaders

#: A message is a few hundred bytes; a full sync of everything a few thousand.
MOST_BYTES: Final = 1 << 20
#: Requests being dealt with at once for one organisation.
AT_ONCE: Final = 2_000
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

    async def take(self, messages: tuple[bytes, ...]) -> None:
        """
        Take messages in; returns when they are durable.

        Raises:
            TransientError: they could not be.
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
    """The door for these organisations: ``/webex/{organisation}/events`` and ``/webex/{organisation}/actions``."""
    app = web.Application(client_max_size=MOST_BYTES)
    door = _Door(ports)
    app.router.add_post("/webex/{organisation}/events", door.events)
    app.router.add_post("/webex/{organisation}/actions", door.actions)
    return app


class _Door:
    def __init__(self, ports: Mapping[str, WebhookPort]) -> None:
        self._ports = ports
        self._inside: dict[str, int] = dict.fromkeys(ports, 0)

    async def events(self, request: web.Request) -> web.Response:
        """One message."""

        async def deal(port: WebhookPort, body: bytes) -> web.Response:
            check = port.check
            if check is None or not check.proves(request.headers, body):
                raise PermanentError("not proven")
            await port.take((body,))
            return web.Response(status=204)

        return await self._within(request, deal)

    async def actions(self, request: web.Request) -> web.Response:
        """One action; its token is the proof."""

        async def deal(port: WebhookPort, body: bytes) -> web.Response:
            try:
                token = msgspec.json.decode(body, type=_Act).jwt
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
                raise PermanentError("no action") from exc
            shown = await port.act(token)
            return web.Response(status=204) if shown is None else web.json_response(shown)

        return await self._within(request, deal)

    async def _within(
        self, request: web.Request, deal: Callable[[WebhookPort, bytes], Awaitable[web.Response]]
    ) -> web.Response:
        """Read the body, bounded in size, time and number, and answer by what becomes of it."""
        name = request.match_info["organisation"]
        port = self._ports.get(name)
        if port is None:
            return _answer(404, "not found")
        if self._inside[name] >= AT_ONCE:
            outcome, answer = "busy", _answer(503, "busy", {"Retry-After": _PAUSE})
        else:
            self._inside[name] += 1
            try:
                outcome, answer = await _dealt(request, port, deal)
            finally:
                self._inside[name] -= 1
        port.posted(outcome)
        return answer


async def _dealt(
    request: web.Request, port: WebhookPort, deal: Callable[[WebhookPort, bytes], Awaitable[web.Response]]
) -> tuple[str, web.Response]:
    try:
        async with asyncio.timeout(_READ_S):
            body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return "too big", _answer(413, "too big")
    except TimeoutError:
        return "busy", _answer(408, "too slow")
    try:
        async with asyncio.timeout(_COMMIT_S):
            return "taken", await deal(port, body)
    except PermanentError:
        return "refused", _answer(401, "refused")
    except (TransientError, TimeoutError):  # a commit that takes too long is our fault: the sender is to come again
        return "busy", _answer(503, "try again", {"Retry-After": _PAUSE})


def _answer(status: int, words: str, headers: LooseHeaders | None = None) -> web.Response:
    return web.json_response({"message": words}, status=status, headers=headers)
