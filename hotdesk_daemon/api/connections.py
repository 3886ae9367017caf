"""
How many connections the door holds, and how long one may be silent before it asks for anything.

Each is an open file, and devices and the journal need those too: whoever reaches the port could take them all.
"""

from __future__ import annotations

import asyncio
from typing import Final, Never

import attrs
from aiohttp import web

#: Connections at the same time: as many live streams as there may be, and three times as many others.
MOST: Final = 256
#: How long a connection may take for its first request.
SILENT_S: Final = 20.0
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n"
    b"Server: hotdesk-daemon\r\n\r\n"
)


class _Refused(asyncio.Protocol):
    """One connection too many: told so, and closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_FULL)
        transport.close()


@attrs.define(eq=False)
class Connections:
    """
    Makes the protocol of each connection to *server*; `heard` is told of those that asked for something.

    `watch` closes those that do not, after one to two times *silent_s*.
    """

    server: web.Server
    most: int = MOST
    silent_s: float = SILENT_S
    _heard: set[asyncio.BaseProtocol] = attrs.field(factory=set)

    def __call__(self) -> asyncio.Protocol:
        return _Refused() if len(self.server.connections) >= self.most else self.server()

    def heard(self, handler: asyncio.BaseProtocol) -> None:
        """A request came by *handler*."""
        self._heard.add(handler)

    async def watch(self) -> Never:
        """Close what is silent, until cancelled."""
        silent: set[web.RequestHandler] = set()
        while True:
            await asyncio.sleep(self.silent_s)
            here = set(self.server.connections)
            self._heard &= here
            for handler in silent & here - self._heard:
                handler.force_close()
            silent = here - self._heard
