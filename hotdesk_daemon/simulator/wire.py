"""
The WebSocket of one simulated device: the HTTP upgrade, its authentication, and frames in and out.

Two forms of authentication are taken, as devices take them: a Basic header, or a subprotocol `auth-` with the same
credentials in URL-safe base64 without padding, which is echoed. Nothing is sent before the first request, and no pings.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hmac
import http
import logging
from typing import TYPE_CHECKING, Final

from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

from .session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

    from .device import Device, User

PATH: Final = "/ws"
_AUTH: Final = "auth-"
_MAX_FRAME: Final = 1 << 20
_MAX_BACKLOG: Final = 64 << 20
"""A client that lets this much pile up unread loses its connection."""
_CLOSE_S: Final = 1.0

_quiet = logging.getLogger("hotdesk_daemon.simulator.websockets")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False

_UPGRADES: Final = {
    "upgrade_401": (http.HTTPStatus.UNAUTHORIZED, "HTTP is not enabled\n"),
    "upgrade_403": (http.HTTPStatus.FORBIDDEN, "Forbidden\n"),
    "upgrade_502": (http.HTTPStatus.BAD_GATEWAY, "Bad gateway\n"),
    "upgrade_503": (http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections\n"),
}


class DeviceServer:
    """A listening socket for one device. Open it with `start`, close it with `stop`."""

    def __init__(
        self,
        device: Device,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.device = device
        self.host = host
        self.port = port
        self.tls = tls
        self._server: Server | None = None
        self.connections_made = 0
        """Upgrades that succeeded so far."""

    @property
    def url(self) -> str:
        """Where to connect; the port is known once the server has started."""
        return f"{'wss' if self.tls else 'ws'}://{self.host}:{self.port}{PATH}"

    async def start(self) -> None:
        """
        Listen.

        Raises:
            OSError: the port cannot be had.

        """
        self._server = await serve(
            self._converse,
            self.host,
            self.port,
            ssl=self.tls,
            compression=None,
            ping_interval=None,
            close_timeout=_CLOSE_S,
            max_size=_MAX_FRAME,
            process_request=self._admit,
            select_subprotocol=_echo,
            server_header=None,
            logger=_quiet,
        )
        sockets = list(self._server.sockets)
        if not sockets:  # uvloop says nothing when it runs out of files
            raise OSError(errno.EMFILE, "a simulated device cannot listen: too many open files; raise ulimit -n")
        self.port = sockets[0].getsockname()[1]

    def begin_stop(self) -> None:
        """Begin to close all connections, so that many servers can close theirs at once."""
        for listener in tuple(self.device.listeners):
            if isinstance(listener, Session) and listener.is_muted:
                listener.cut()  # it would not read the closing handshake
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Close all connections and stop listening; without effect when stopped."""
        self.begin_stop()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the refusal of an upgrade; None admits it."""
        for name, (status, text) in _UPGRADES.items():
            if self.device.faults.strike(name) is not None:
                return connection.respond(status, text)
        if self.device.state == "down":
            return connection.respond(*_UPGRADES["upgrade_502"])
        if request.path.partition("?")[0] != PATH:
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Not found\n")
        if find_user(self.device, request) is None:
            return connection.respond(*_UPGRADES["upgrade_403"])
        return None

    async def _converse(self, connection: ServerConnection) -> None:
        """Answer one connection until it ends."""
        request = connection.request
        user = find_user(self.device, request) if request is not None else None
        if user is None:
            return  # its password was changed between the upgrade and now
        self.connections_made += 1
        session = Session(self.device, _SocketLine(connection), user)
        try:
            async for frame in connection:
                session.receive(frame)
        except ConnectionClosed:
            pass  # abnormally, or because the client sent what WebSocket does not allow: its connection, its loss
        finally:
            session.end()


class _SocketLine:
    """The frames of one connection. Sending never waits: order is kept without a task for it."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def send(self, frame: bytes) -> None:
        broadcast((self._connection,), frame, text=True)
        if self._connection.transport.get_write_buffer_size() > _MAX_BACKLOG:
            self.abort()

    def abort(self) -> None:
        self._connection.transport.abort()

    def mute(self, *, muted: bool) -> None:
        # A transport that is not read answers no pings either.
        if self._connection.transport.is_closing():
            return
        if muted:
            self._connection.transport.pause_reading()
        else:
            self._connection.transport.resume_reading()


def _echo(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Select the subprotocol that carries the credentials: clients drop a connection whose offer is not echoed."""
    return next((one for one in offered if one.startswith(_AUTH)), None)


def find_user(device: Device, request: Request) -> User | None:
    """Return the local user whose credentials the upgrade carries, in either form."""
    credentials = [_from_basic(value) for value in request.headers.get_all("Authorization")]
    for header in request.headers.get_all("Sec-WebSocket-Protocol"):
        credentials += [_from_subprotocol(one.strip()) for one in header.split(",")]
    for given in credentials:
        for user in device.users if given is not None else ():
            if hmac.compare_digest(f"{user.name}:{user.password}".encode(), given or b""):
                return user
    return None


def _from_basic(value: str) -> bytes | None:
    scheme, _, token = value.partition(" ")
    return _decode(token.strip()) if scheme.lower() == "basic" else None


def _from_subprotocol(value: str) -> bytes | None:
    if not value.startswith(_AUTH):
        return None
    return _decode(value.removeprefix(_AUTH).replace("-", "+").replace("_", "/"))


def _decode(token: str) -> bytes | None:
    try:
        return base64.b64decode(token.rstrip("=") + "=" * (-len(token.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
