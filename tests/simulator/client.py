"""A small client of the local xAPI over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

LIMIT_S = 3.0


class Client:
    """Requests with integer ids; notifications are kept in the order they came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.notifications: list[dict[str, Any]] = []
        self.strays: list[dict[str, Any]] = []
        self.frames: list[bytes] = []
        self._answers: dict[object, asyncio.Future[dict[str, Any]]] = {}
        self._came = asyncio.Event()
        self._next = 0
        self._reader = asyncio.get_running_loop().create_task(self._read(), name="test client")

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self.socket:
                self._take(frame if isinstance(frame, bytes) else frame.encode())

    def _take(self, frame: bytes) -> None:
        self.frames.append(frame)
        try:
            message = msgspec.json.decode(frame)
        except (msgspec.DecodeError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        if "method" in message:
            self.notifications.append(message["params"])
        elif message.get("id") in self._answers:
            self._answers.pop(message["id"]).set_result(message)
        else:
            self.strays.append(message)
            self._came.set()

    def ask(self, method: str, **params: Any) -> asyncio.Future[dict[str, Any]]:
        """Send a request; the future gets the whole answer."""
        self._next += 1
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._next] = future
        frame = msgspec.json.encode({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        broadcast((self.socket,), frame, text=True)
        return future

    async def call(self, method: str, **params: Any) -> Any:
        async with asyncio.timeout(LIMIT_S):
            answer = await self.ask(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, **params: Any) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_S):
            answer = await self.ask(method, **params)
        error: dict[str, Any] = answer["error"]
        return error

    async def raw(self, frame: str) -> Any:
        """Send a frame as it is and return the next one that answers nothing known."""
        seen = len(self.strays)
        await self.socket.send(frame)
        async with asyncio.timeout(LIMIT_S):
            while len(self.strays) == seen:
                self._came.clear()
                await self._came.wait()
        return self.strays[-1]

    async def subscribe(self, *query: str, current: bool = False) -> int:
        result = await self.call("xFeedback/Subscribe", Query=list(query), NotifyCurrentValue=current)
        number: int = result["Id"]
        return number

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the booking events so far as (name, fields)."""
        return [
            (name, fields)
            for one in self.notifications
            for name, fields in one.get("Event", {}).get("Bookings", {}).items()
        ]

    def names(self) -> list[str]:
        """Return the booking events and changes of Personalized so far."""
        names = []
        for one in self.notifications:
            names += list(one.get("Event", {}).get("Bookings", {}))
            webex = one.get("Status", {}).get("Webex", {}).get("DevicePersonalization", {})
            if "Personalized" in webex:
                names.append(f"Personalized {webex['Personalized']}")
        return names

    async def close(self) -> None:
        await self.socket.close()
        await asyncio.wait((self._reader,))
