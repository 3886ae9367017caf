"""
The long-poll queue of an installation.

One poll at a time, and the next one only when everything that the last one brought is durable: the cloud forgets what
it has handed over. What it does with an answer that got lost is not documented, so messages are taken as at most once
and possibly repeated.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never, Protocol
from urllib.parse import urlsplit

import attrs
import structlog

from hotdesk_daemon.core.errors import HotdeskError, TransientError, UndecodableError
from hotdesk_daemon.transport.cloud.http import NotFoundError
from hotdesk_daemon.xapi.cloud import split_batch

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.transport.cloud.http import CloudHttp

_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_MOST_DOUBLINGS: Final = 10


class QueueSink(Protocol):
    """Where messages go."""

    async def take(self, messages: tuple[bytes, ...]) -> None:
        """
        Take messages in; returns when they are durable.

        Raises:
            TransientError: they could not be, and are handed in again.
        """

    async def garbled(self, body: bytes, error: str) -> None:
        """Keep an answer that nobody understands."""

    async def stream_up(self) -> None:
        """A poll was answered, the first one or the first after failures."""

    async def stream_down(self, cause: str) -> None:
        """A poll failed, the first one since there was an answer."""

    async def queue_gone(self) -> None:
        """There is no such queue (any more): `QueueReader.go_to` is to be called when there is one."""


@attrs.frozen(kw_only=True)
class QueueSettings:
    """
    How to poll.

    The cloud holds a poll for about 20 s (Webex Workspace Integrations guide); a poll that has no answer after
    ``timeout_s`` never will.
    """

    timeout_s: float = 35.0


class QueueReader:
    """
    Polls for as long as `run` runs.

    Args:
        http: asks.
        sink: takes what comes; see its contract.
        sleep: waits after failures.
        rng: draws the jitter.
    """

    def __init__(
        self,
        *,
        http: CloudHttp,
        sink: QueueSink,
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
        settings: QueueSettings | None = None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self.polls = 0
        self._poll_url: str | None = None
        self._is_somewhere = asyncio.Event()
        self._http = http
        self._sink = sink
        self._sleep = sleep
        self._rng = rng
        self._settings = settings or QueueSettings()
        self._log: FilteringBoundLogger = log if log is not None else structlog.get_logger()
        self._is_up = False
        self._failures = 0

    def go_to(self, poll_url: str | None) -> None:
        """Poll there from the next time on; nowhere with None."""
        self._poll_url = poll_url
        if poll_url is None:
            self._is_somewhere.clear()
        else:
            self._is_somewhere.set()

    async def run(self) -> Never:
        """Poll until cancelled."""
        while True:
            url = self._poll_url
            try:
                if url is None:
                    await self._sink.queue_gone()
                    await self._is_somewhere.wait()  # for ever: there may be no activation
                    continue
                answer = await self._http.request("GET", url, timeout_s=self._settings.timeout_s)
                await self._deliver(answer.body, url)
            except NotFoundError as exc:
                if self._poll_url == url:
                    self.go_to(None)
                await self._failed(exc)
            except HotdeskError as exc:
                await self._failed(exc)

    async def _deliver(self, body: bytes, url: str) -> None:
        self.polls += 1
        try:
            batch = split_batch(body)
        except UndecodableError as exc:
            await self._sink.garbled(body, str(exc))
            raise
        if not self._is_up:
            self._is_up = True
            await self._sink.stream_up()
        self._failures = 0
        if batch.messages:
            await self._take(batch.messages)
        if batch.poll_url is not None and batch.poll_url != url and self._poll_url == url:
            self._follow(batch.poll_url, url)

    async def _take(self, messages: tuple[bytes, ...]) -> None:
        """Have *messages* taken, however often it takes: nobody else has them any more."""
        tries = 0
        while True:
            try:
                await self._sink.take(messages)
            except TransientError as exc:
                tries += 1
                self._log.warning("cloud.messages_wait", messages=len(messages), error=str(exc))
                await self._sleep(min(2.0**tries, _LONGEST_WAIT_S))
            else:
                return

    def _follow(self, url: str, old: str) -> None:
        """The cloud names another queue; the token goes there only if it is as safe as the old one."""
        if urlsplit(url).scheme == urlsplit(old).scheme:
            self.go_to(url)
        else:
            self._log.warning("cloud.poll_url_refused", reason="another scheme")

    async def _failed(self, exc: HotdeskError) -> None:
        if self._is_up or self._failures == 0:
            self._is_up = False
            await self._sink.stream_down(str(exc))
        self._failures += 1
        named_s = exc.retry_after_s if isinstance(exc, TransientError) else None
        if named_s is not None:
            await self._sleep(named_s * self._rng.uniform(1.0, 1.2))
            return
        most_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures, _MOST_DOUBLINGS))
        await self._sleep(self._rng.uniform(most_s / 2, most_s))
