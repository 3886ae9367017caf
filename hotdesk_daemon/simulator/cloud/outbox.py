"""
What waits to be sent to one integration: by its queue when it polls, and by its webhook.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.simulator.schedule import Schedule

_KEPT: Final = 20_000
_BATCH: Final = 100
_HOLD_S: Final = 20.0
_TRIES: Final = 5
_RETRY_S: Final = 5.0
_POST_S: Final = 10.0


def finish(waiting: asyncio.Future[None]) -> None:
    """Let whoever awaits *waiting* go on, unless they do already."""
    if not waiting.done():
        waiting.set_result(None)


class QueueBox:
    """The long-poll queue: whoever polls waits for messages, or for `hold_s` of the site's time."""

    def __init__(self, schedule: Schedule) -> None:
        self.polls = 0
        self.hold_s = _HOLD_S
        self._schedule = schedule
        self._messages: deque[bytes] = deque(maxlen=_KEPT)
        self._waiters: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: bytes) -> None:
        """Add a message and wake whoever polls."""
        self._messages.append(message)
        self.wake()

    def wake(self) -> None:
        """Answer every poll that is held."""
        for waiter in self._waiters:
            finish(waiter)

    async def wait(self) -> None:
        """Return when there is something, or after as long as a poll is held."""
        self.polls += 1
        if not self._messages:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            end = self._schedule.after(self.hold_s, lambda: finish(waiter))
            try:
                await waiter
            finally:
                end.cancel()
                self._waiters.remove(waiter)

    def take(self) -> list[bytes]:
        """Take the oldest messages off."""
        return [self._messages.popleft() for _ in range(min(_BATCH, len(self._messages)))]


class WebhookBox:
    """The webhook: one post for each message, in order, tried a few times; actions go to an address of their own."""

    def __init__(self, schedule: Schedule) -> None:
        self.settings: Mapping[str, Any] | None = None
        self.actions_url: str | None = None
        self.posted: list[int] = []
        self._schedule = schedule
        self._messages: deque[tuple[bytes, bool]] = deque(maxlen=_KEPT)
        self._fresh = asyncio.Event()

    def put(self, message: bytes, *, is_action: bool = False) -> None:
        """Add a message."""
        self._messages.append((message, is_action))
        self._fresh.set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Send until cancelled."""
        while True:
            while self._messages:
                await self._deliver(session, *self._messages.popleft())
            self._fresh.clear()
            await self._fresh.wait()

    async def _deliver(self, session: aiohttp.ClientSession, message: bytes, is_action: bool) -> None:  # noqa: FBT001
        for _ in range(_TRIES):
            settings = self.settings or {}
            url = self.actions_url if is_action else settings.get("targetUrl")
            if url is None:
                return
            if is_taken(await post(session, str(url), message, {} if is_action else proof(settings, message))):
                return
            await self._pause(_RETRY_S)

    async def _pause(self, seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._schedule.after(seconds, lambda: finish(done))
        await done


async def post(session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post *body*; return the status, 0 when there was no answer."""
    timeout = aiohttp.ClientTimeout(total=_POST_S)
    sent = {"Content-Type": "application/json", **headers}
    try:
        async with session.post(url, data=body, headers=sent, timeout=timeout, allow_redirects=False) as response:
            await response.read()
            return response.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


def is_taken(status: int) -> bool:
    """Return whether an answer's status says that a post was taken."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def proof(settings: Mapping[str, Any], body: bytes) -> dict[str, str]:
    """Return the headers that prove a post to whoever knows the secret."""
    secret = str(settings.get("secret", ""))
    match settings.get("type", "hmac_signature"):
        case "hmac_signature":
            return {"X-Spark-Signature": hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}
        case "basic_authentication":
            pair = f"{settings.get('username', '')}:{settings.get('password', '')}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        case "authorization_header":
            return {"Authorization": secret}
        case _:
            return {}
