"""
The life of one device's link: connect, stand up, read, fall, wait, again.

One task per link runs `DeviceLink.run`; any task may `call`. Reconnecting derives everything anew: address, password,
subscriptions. What the news mean, and what to list afterwards, is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Never

import attrs
import structlog

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.backoff import Backoff, Pace
from hotdesk_daemon.transport.idle import IdleWatch
from hotdesk_daemon.transport.opening import open_socket
from hotdesk_daemon.transport.session import UNASKED, Session
from hotdesk_daemon.transport.setbacks import Setback, SetbackError, SetbackKind
from hotdesk_daemon.transport.setup import Standing, stand_up

if TYPE_CHECKING:
    import random
    import ssl
    from collections.abc import Awaitable, Callable, Mapping

    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.transport.certificates import SslContexts
    from hotdesk_daemon.transport.endpoint import Endpoint
    from hotdesk_daemon.transport.gate import ConnectGate
    from hotdesk_daemon.transport.sink import Sink

_NOT_YET = Setback(kind=SetbackKind.NETWORK, cause="not connected yet")


@attrs.define
class LinkCounters:
    """What happened since the link was made, for metrics."""

    connects: int = 0
    sessions: int = 0
    frames: int = 0
    undecodable: int = 0
    unasked_replies: int = 0
    setbacks: Counter[SetbackKind] = attrs.field(factory=Counter)


class DeviceLink:
    """
    Keeps one device connected for as long as `run` runs.

    Args:
        endpoint: The device.
        sink: Gets the news, in order; see its own contract.
        gate: Limits connects over the fleet.
        rng: Draws the jitter.
        ssl_contexts: Shared by all links; a context that cannot be made is a `ConfigError` here.
        sleep: Waits between tries.
        clock: Monotonic seconds, stamped on frames and used to judge how long a session stood.
        log: Gets one line when the link comes up, and one when a new reason keeps it down.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        sink: Sink,
        gate: ConnectGate,
        rng: random.Random,
        ssl_contexts: SslContexts,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.counters = LinkCounters()
        self._sink = sink
        self._gate = gate
        self._sleep = sleep
        self._clock = clock
        self._backoff = Backoff(endpoint.backoff, rng=rng)
        self._context: ssl.SSLContext | None = ssl_contexts.context(endpoint.tls) if endpoint.is_secure else None
        bound: FilteringBoundLogger = log if log is not None else structlog.get_logger()
        self._log = bound.bind(desk_id=endpoint.desk, device_id=endpoint.device)
        self._session: Session | None = None
        self._is_proven = False
        self._failures = 0
        self._setback = _NOT_YET
        #: When the wait before the next try is over, by *clock*; None while there is none.
        self.next_try_mono: float | None = None

    @property
    def is_up(self) -> bool:
        """Whether a call could be sent now."""
        return self._session is not None

    @property
    def tries(self) -> int:
        """How many connects were begun or failed so far."""
        return self.counters.connects + self.counters.setbacks.total()

    @property
    def waiting(self) -> int:
        """How many requests wait for an answer."""
        return self._session.waiting if self._session is not None else 0

    @property
    def setback(self) -> Setback:
        """The last reason why the link was not up."""
        return self._setback

    async def call(self, method: str, params: Mapping[str, object], *, timeout_s: float | None = None) -> object:
        """
        Give the result of one request to the device.

        Raises:
            TransientError: nothing was done: not connected, or the device is still starting.
            LostAnswerError: it was sent and no answer came: ask before sending again.
            RefusedError: the device said no; ``code`` and ``data`` are its words.
            UndecodableError: it was answered, but not readably.
        """
        if self._session is None:
            raise TransientError(f"device {self.endpoint.device} is not connected: {self._setback.cause}")
        return await self._session.call(method, params, timeout_s=timeout_s)

    def take(self, endpoint: Endpoint, *, ssl_contexts: SslContexts) -> None:
        """
        Connect by *endpoint*, of the same device, from the next time on; a session that stands goes on as it is.

        Raises:
            ConfigError: the authorities' file cannot be used.
        """
        self._context = ssl_contexts.context(endpoint.tls) if endpoint.is_secure else None
        self.endpoint = endpoint
        self._backoff.change(endpoint.backoff)

    def close(self, cause: str) -> None:
        """Drop the session that stands, if one does; `run` connects again after its usual wait."""
        if self._session is not None:
            self._session.break_off(Setback(kind=SetbackKind.CLOSED, cause=cause))

    async def run(self) -> Never:
        """
        Connect and stay connected until cancelled.

        Cancelling ends the session and tells nobody: whoever cancels knows.
        """
        if self.endpoint.is_exposed:
            self._log.warning("link.unverified", secure=self.endpoint.is_secure)
        while True:
            self._is_proven = False
            setback = await self._live_once()
            # A frame that breaks every session right after a good one would otherwise be met again each second.
            if self._is_proven and setback.kind is not SetbackKind.TOO_BIG:
                self._backoff.reset()
            wait_s = self._backoff.next_wait_s(setback.pace, retry_after_s=setback.retry_after_s)
            self._log.debug("link.waiting", kind=setback.kind.value, wait_s=round(wait_s, 3))
            self.next_try_mono = self._clock() + wait_s
            await self._sleep(wait_s)
            self.next_try_mono = None

    async def _live_once(self) -> Setback:
        """Try one session from beginning to end and say why it ended."""
        session: Session | None = None
        was_up = False
        try:
            session = await self._open()
            standing = await stand_up(session, timeout_s=self.endpoint.request_timeout_s, clock=self._clock)
            was_up = True
            self._session = session
            await self._stay(session, standing)
        except SetbackError as error:
            setback = error.setback
        finally:
            self._session = None
            if session is not None:
                await session.end()
        await self._fall(setback, was_up=was_up)
        return setback

    async def _open(self) -> Session:
        async with self._gate.admission(failures=self._failures):
            self.counters.connects += 1
            try:
                socket = await open_socket(self.endpoint, context=self._context)
            except SetbackError:
                raise
            except Exception as exc:  # the guard of one link: what nobody thought of must not end the others
                self._log.error("task.failed", task="connect", exc_info=exc)
                cause = f"the answer could not be dealt with ({type(exc).__name__}): this is a mistake of the daemon"
                raise SetbackError(Setback(kind=SetbackKind.MISTAKE, cause=cause)) from exc
        return Session(socket, endpoint=self.endpoint)

    async def _stay(self, session: Session, standing: Standing) -> Never:
        """Announce the session, deliver what came meanwhile, then read until it ends."""
        self._note_rise(standing)
        await self._sink.link_up(
            self.endpoint.device, software=standing.software, booking_timeout_s=standing.booking_timeout_s
        )
        for early in standing.early:
            await self._deliver(early.frame, early.heard, early.at_mono)
        rose_at = self._clock()
        watch = IdleWatch(session, endpoint=self.endpoint)
        try:
            await self._read(session, watch)
        finally:
            await watch.stop()
            if self._clock() - rose_at >= self.endpoint.backoff.proven_after_s:
                self._is_proven = True

    async def _read(self, session: Session, watch: IdleWatch) -> Never:
        while True:
            frame = await session.receive()
            watch.reader_is_busy = True
            heard = session.sort(frame)
            if heard is None:
                self.counters.frames += 1
            else:
                await self._deliver(frame, heard, self._clock())
            watch.feed()
            if not isinstance(heard, str):
                self._is_proven = True

    async def _deliver(self, frame: bytes, heard: bytes | str, at_mono: float) -> None:
        self.counters.frames += 1
        if isinstance(heard, bytes):
            await self._sink.received(self.endpoint.device, frame, heard, at_mono)
            return
        if heard == UNASKED:
            self.counters.unasked_replies += 1
        else:
            self.counters.undecodable += 1
        await self._sink.undecodable(self.endpoint.device, frame, heard)

    def _note_rise(self, standing: Standing) -> None:
        self.counters.sessions += 1
        for path, words in standing.refused.items():
            self._log.info("link.subscription_refused", path=" ".join(path), reason=words)
        self._log.info("link.up", software=standing.software, after=self._setback.cause)
        self._setback = _NOT_YET

    async def _fall(self, setback: Setback, *, was_up: bool) -> None:
        """Count and tell; the same reason met again without a session between is told nobody."""
        self.counters.setbacks[setback.kind] += 1
        self._failures = 0 if was_up else self._failures + 1
        is_news = was_up or (setback.kind, setback.cause) != (self._setback.kind, self._setback.cause)
        self._setback = setback
        if setback.kind is SetbackKind.TOO_BIG:
            self.counters.undecodable += 1
            await self._sink.undecodable(self.endpoint.device, b"", setback.cause)
        told = {"kind": setback.kind.value, "reason": setback.cause}
        if setback.pace is Pace.SLOW:  # only a person can mend it
            (self._log.error if is_news else self._log.debug)("link.refused", **told)
        else:
            (self._log.warning if is_news else self._log.debug)("link.down", **told)
        if is_news:
            await self._sink.link_down(self.endpoint.device, cause=setback.cause)
