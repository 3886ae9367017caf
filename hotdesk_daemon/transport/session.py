"""
One connection of one device: requests out, and frames in, each told apart and matched.

A session reads only when somebody calls `receive`; there is exactly one such reader. It knows neither how it came about
nor what follows it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.protocol import State

from hotdesk_daemon.core.errors import LostAnswerError, RefusedError, TransientError, UndecodableError
from hotdesk_daemon.transport.opening import CLOSE_TIMEOUT_S
from hotdesk_daemon.transport.setbacks import Setback, SetbackError, diagnose_closing
from hotdesk_daemon.xapi.frames import FEEDBACK_EVENT, ErrorCode, Failure, Notification, Reply, Request, parse_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from websockets.asyncio.client import ClientConnection

    from hotdesk_daemon.transport.endpoint import Endpoint

UNASKED: Final = "a reply nobody asked for"

_Answer = Reply | Failure | None  # None: the answer is lost


class Session:
    """Requests may be made by any task; frames are taken in by one."""

    __slots__ = (
        "_broken",
        "_device",
        "_endpoint",
        "_last_id",
        "_owes",
        "_pending",
        "_places",
        "_socket",
        "lost_in_a_row",
    )

    def __init__(self, socket: ClientConnection, *, endpoint: Endpoint) -> None:
        self._socket = socket
        self._endpoint = endpoint
        self._device = endpoint.device
        self._pending: dict[int | str, asyncio.Future[_Answer]] = {}
        self._places = asyncio.Semaphore(endpoint.max_requests)
        self._last_id = 0
        self._owes = False  # an answer that was given up: it may be mute
        self._broken: Setback | None = None
        #: Requests that were not answered in time since the device last answered anything.
        self.lost_in_a_row = 0

    # --- in ----------------------------------------------------------------------------------------------------------

    async def receive(self) -> bytes:
        """
        Wait for the next frame, however long that takes: pings and the idle watch end it.

        Raises:
            SetbackError: when the connection has ended.
        """
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed as closed:
            raise SetbackError(self._broken or diagnose_closing(closed)) from closed

    def sort(self, frame: bytes) -> bytes | str | None:
        """
        Tell what *frame* is: a notification's params, an error's text, or None for an answer, which is delivered.

        The caller must keep a frame that came back with a text.
        """
        try:
            message = parse_frame(frame)
        except UndecodableError as error:
            return str(error)
        if isinstance(message, Notification):
            if message.method != FEEDBACK_EVENT:
                return "a notification that is no feedback"
            return bytes(message.params)
        self.lost_in_a_row = 0  # late ones count too: it does answer
        self._owes = False
        waiter = self._pending.pop(message.id, None) if message.id is not None else None
        if waiter is None or waiter.done():
            return UNASKED
        waiter.set_result(message)
        return None

    @property
    def waiting(self) -> int:
        """How many requests wait for an answer."""
        return len(self._pending)

    # --- out ---------------------------------------------------------------------------------------------------------

    async def ask(self, method: str, params: Mapping[str, object]) -> asyncio.Future[_Answer]:
        """
        Send a request and give the future of its answer, which needs a reader to be fulfilled.

        Raises:
            TransientError: nothing left us, the connection is ending.
            LostAnswerError: the connection broke while sending.
        """
        if self._socket.state is not State.OPEN:
            raise TransientError(f"device {self._device} is not connected")
        self._last_id += 1
        request_id = self._last_id
        waiter = asyncio.get_running_loop().create_future()
        waiter.add_done_callback(lambda done: self._forget(request_id, done))
        self._pending[request_id] = waiter
        try:
            await self._socket.send(Request(request_id, method, params).render())
        except ConnectionClosed as closed:
            waiter.cancel()
            raise LostAnswerError(f"device {self._device}: the connection broke while {method} was sent") from closed
        except BaseException:
            waiter.cancel()
            raise
        return waiter

    def _forget(self, request_id: int, waiter: asyncio.Future[_Answer]) -> None:
        self._pending.pop(request_id, None)
        self._owes = self._owes or waiter.cancelled()

    async def exchange(
        self, method: str, params: Mapping[str, object], *, timeout_s: float | None = None
    ) -> Reply | Failure:
        """
        Ask and wait for the answer, whatever it says.

        Raises:
            TransientError: nothing left us.
            LostAnswerError: it left us, and no answer came in time or before the connection broke.
        """
        limit_s = self._endpoint.request_timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                answer = await (await self.ask(method, params))
        except TimeoutError as exc:
            self.lost_in_a_row += 1
            raise LostAnswerError(f"device {self._device}: no answer to {method} within {limit_s:g} s") from exc
        if answer is None:
            raise LostAnswerError(f"device {self._device}: the connection broke before {method} was answered")
        return answer

    async def call(self, method: str, params: Mapping[str, object], *, timeout_s: float | None = None) -> object:
        """
        Give the result of a request, made when one of the device's places is free.

        Raises:
            TransientError: nothing was done: not connected, no free place in time, or the device is still starting.
            LostAnswerError: whether it was done is unknown.
            RefusedError: the device said no.
            UndecodableError: it was answered with something that is no JSON.
        """
        limit_s = self._endpoint.request_timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await self._places.acquire()
        except TimeoutError as exc:
            raise TransientError(f"device {self._device}: too many requests wait for an answer") from exc
        try:
            return result_of(await self.exchange(method, params, timeout_s=timeout_s), method=method)
        finally:
            self._places.release()

    async def ping(self, *, timeout_s: float) -> bool:
        """Whether the device's web server answers a ping in time; also when the session ends, which the reader sees."""
        try:
            async with asyncio.timeout(timeout_s):
                await (await self._socket.ping())
        except TimeoutError:
            return False
        except ConnectionClosed:
            pass
        return True

    # --- the end -----------------------------------------------------------------------------------------------------

    def break_off(self, setback: Setback) -> None:
        """Drop the connection now; the reader meets *setback*."""
        self._broken = self._broken or setback
        self._socket.transport.abort()

    async def end(self) -> None:
        """Give up every pending request at once and close, politely unless the device owes us an answer anyway."""
        is_owed = self._owes or bool(self._pending)
        for waiter in [*self._pending.values()]:
            if not waiter.done():
                waiter.set_result(None)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.0 if is_owed else CLOSE_TIMEOUT_S):
                    await self._socket.close(CloseCode.GOING_AWAY)
        finally:
            self._socket.transport.abort()


def result_of(answer: Reply | Failure, *, method: str) -> object:
    """
    Turn an answer into its result.

    Raises:
        TransientError: the device is still starting, so nothing was done.
        RefusedError: it said no; code, message and data are its own.
        UndecodableError: the result is no JSON.
    """
    if isinstance(answer, Reply):
        return answer.value()
    if answer.code == ErrorCode.NOT_READY:
        raise TransientError(f"{method}: the device is not ready, it is still starting")
    raise RefusedError(f"{method} is refused: {answer.message or answer.name}", code=answer.code, data=answer.data)
