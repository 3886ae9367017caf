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

from hotdesk_daemon.core.errors import (
    HotdeskError,
    LostAnswerError,
    ProtocolError,
    RefusedError,
    TransientError,
    UndecodableError,
)
from hotdesk_daemon.transport.cloud.http import NotFoundError
from hotdesk_daemon.xapi.cloud import Batch, split_batch

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.transport.cloud.http import Answer, CloudHttp

_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0
_MOST_DOUBLINGS: Final = 10
#: Refused polls of one place, since it last answered, after which we ask where to poll: some six minutes, and ten when
#: the answer helps nothing.
_MOST_REFUSALS: Final = 10
_NO_CONTENT: Final = 204  # RFC 9110 section 15.3.5
#: An empty answer comes at the end of some 20 s; more than one in a row that took less than this makes us wait, too.
_HASTY_S: Final = 1.0
_HASTY_WAIT_S: Final = 0.25
_MOST_HASTY: Final = 8


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

    async def stream_down(self, cause: str, *, is_gap: bool = False) -> None:
        """A poll failed, the first one since there was an answer, or one whose messages may be lost (*is_gap*)."""

    async def queue_gone(self) -> None:
        """
        There is no such queue (any more), or it refuses us: `QueueReader.go_to` is to be called when there is one.

        It is called again whenever that one fails so, at most once in a while.
        """


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
        mono: by which answers come early or late.
        sleep: waits after failures.
        rng: draws the jitter.
    """

    def __init__(
        self,
        *,
        http: CloudHttp,
        sink: QueueSink,
        mono: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
        settings: QueueSettings | None = None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self.polls = 0
        self._poll_url: str | None = None
        self._last_url: str | None = None
        self._hasty = 0
        self._is_gap_told = False
        self._is_somewhere = asyncio.Event()
        self._http = http
        self._sink = sink
        self._mono = mono
        self._sleep = sleep
        self._rng = rng
        self._settings = settings or QueueSettings()
        self._log: FilteringBoundLogger = log if log is not None else structlog.get_logger()
        self._is_up = False
        self._failures = 0
        self._refusals = 0

    @property
    def is_up(self) -> bool:
        """Whether the last poll was answered well."""
        return self._is_up

    @property
    def is_failing(self) -> bool:
        """Whether polls of the present place fail, which is told already and will not be told again."""
        return not self._is_up and self._failures > 0

    @property
    def last_url(self) -> str | None:
        """Where we poll, or polled last."""
        return self._last_url

    def go_to(self, poll_url: str | None) -> None:
        """Poll there from the next time on; nowhere with None."""
        if poll_url not in (None, self._last_url):
            self._is_up, self._failures, self._last_url = False, 0, poll_url
        self._poll_url = poll_url
        self._refusals = 0
        if poll_url is None:
            self._is_up = False
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
                asked_mono = self._mono()
                answer = await self._http.request("GET", url, timeout_s=self._settings.timeout_s, carried_out=True)
                answered_mono = self._mono()
                await self._rest(
                    is_hasty=not await self._deliver(answer, url) and answered_mono - asked_mono < _HASTY_S
                )
            except RefusedError as exc:
                self._refused(exc, url)
                await self._failed(exc)
            except HotdeskError as exc:
                await self._failed(exc)

    def _refused(self, exc: RefusedError, url: str | None) -> None:
        """Leave a place that is no more, or refuses us for so long that there may be another one."""
        if self._poll_url != url:
            return
        self._refusals += 1
        if isinstance(exc, NotFoundError) or self._refusals >= _MOST_REFUSALS:
            self.go_to(None)

    async def _rest(self, *, is_hasty: bool) -> None:
        """Wait before the next poll where the cloud does not keep empty answers back."""
        self._hasty = self._hasty + 1 if is_hasty else 0
        if self._hasty > 1:
            await self._sleep(_HASTY_WAIT_S * 2 ** min(self._hasty - 2, _MOST_HASTY))

    async def _deliver(self, answer: Answer, url: str) -> bool:
        """Have an answer taken; say whether there was anything in it."""
        self.polls += 1
        try:
            batch = Batch(messages=()) if answer.status == _NO_CONTENT else split_batch(answer.body)
        except UndecodableError as exc:
            await self._sink.garbled(answer.body, str(exc))
            raise
        if self._poll_url == url:  # else it says nothing of where we are to poll by now
            if not self._is_up:
                self._is_up, self._is_gap_told = True, False
                await self._sink.stream_up()
            self._failures = 0
            self._refusals = 0
        if batch.messages:
            await self._take(batch.messages)
        if batch.poll_url is not None and batch.poll_url != url and self._poll_url == url:
            self._follow(batch.poll_url, url)
        return bool(batch.messages)

    async def _take(self, messages: tuple[bytes, ...]) -> None:
        """Have *messages* taken, however often it takes: nobody else has them any more."""
        tries = 0
        while True:
            try:
                await self._sink.take(messages)
            except TransientError as exc:
                tries += 1
                say = self._log.warning if tries == 1 else self._log.debug
                say("cloud.messages_wait", messages=len(messages), error=str(exc))
                await self._sleep(min(2.0 ** min(tries, _MOST_DOUBLINGS), _LONGEST_WAIT_S))
            else:
                if tries:
                    self._log.info("cloud.messages_taken", messages=len(messages))
                return

    def _follow(self, url: str, old: str) -> None:
        """The cloud names another queue; the token goes there only if it is as safe as the old one."""
        if not _is_address(url):
            self._log.warning("cloud.poll_url_refused", reason="no address")
        elif urlsplit(url).scheme != urlsplit(old).scheme:
            self._log.warning("cloud.poll_url_refused", reason="another scheme")
        else:
            self.go_to(url)

    async def _failed(self, exc: HotdeskError) -> None:
        # A poll takes messages off the queue: one that did not end well may have taken some that never came.
        is_gap = isinstance(exc, LostAnswerError | ProtocolError)
        if self._is_up or self._failures == 0 or (is_gap and not self._is_gap_told):
            self._is_up = False
            self._is_gap_told = self._is_gap_told or is_gap
            await self._sink.stream_down(str(exc), is_gap=is_gap)
        self._failures += 1
        self._hasty = 0
        most_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures, _MOST_DOUBLINGS))
        wait_s = self._rng.uniform(most_s / 2, most_s)
        named_s = exc.retry_after_s if isinstance(exc, TransientError) else None
        if named_s is not None:  # a pause that is short or over already must not let us poll without end
            wait_s = max(wait_s, named_s * self._rng.uniform(1.0, 1.2))
        await self._sleep(wait_s)


def _is_address(url: str) -> bool:
    """Whether *url* names a host that can be looked up; what is found there is another matter."""
    if " " in url or not url.isprintable():  # RFC 3986 section 2 has neither; parsers drop or keep them as they like
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port, (parts.hostname or "").encode("idna")  # both are checked only when they are asked for
    except ValueError:
        return False
    return bool(parts.scheme and parts.hostname)
