"""
From an endpoint to an open WebSocket.

The library follows redirects, uses the environment's proxies and writes headers into its debug log; a device needs none
of it, and credentials would go where nobody meant them to go. So all three are switched off here.
"""

from __future__ import annotations

import base64
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from hotdesk_daemon.core.errors import ConfigError, HotdeskError
from hotdesk_daemon.transport.certificates import check_fingerprint
from hotdesk_daemon.transport.setbacks import SetbackError, diagnose_opening

if TYPE_CHECKING:
    import ssl

    from hotdesk_daemon.transport.endpoint import Endpoint

#: How long a polite end may take before the socket is dropped.
CLOSE_TIMEOUT_S: Final = 1.0
#: Messages read ahead of us; beyond them the device's TCP window closes.
_READ_AHEAD: Final = 16

_LOG: Final = logging.getLogger(__name__)
_LOG.setLevel(logging.INFO)  # at DEBUG the library logs the Authorization header and every frame


class _Connect(connect):
    """A connect that takes a redirect for what it is to a device: a wrong answer."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _PinnedConnection(ClientConnection):
    """Compares the certificate before the upgrade request, which carries the credentials, is sent."""

    def __init__(self, *args: Any, pinned: str, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they are
        super().__init__(*args, **kwargs)
        self._pinned = pinned

    async def handshake(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they are
        tls: ssl.SSLObject = self.transport.get_extra_info("ssl_object")
        check_fingerprint(tls.getpeercert(binary_form=True), pinned=self._pinned)
        await super().handshake(*args, **kwargs)


async def open_socket(endpoint: Endpoint, *, context: ssl.SSLContext | None) -> ClientConnection:
    """
    Connect, prove ourselves and upgrade. The caller must close what it gets.

    Raises:
        SetbackError: when it did not come about, with the reason.
    """
    try:
        return await _Connect(
            endpoint.url,
            ssl=context,
            proxy=None,
            compression=None,  # costs CPU and 32 KiB per connection, and saves nothing on a local network
            user_agent_header="hotdesk-daemon",
            open_timeout=endpoint.open_timeout_s,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,  # the library's own takes our back pressure for a silent device: see `idle`
            max_size=endpoint.max_frame_bytes,
            max_queue=_READ_AHEAD,
            logger=_LOG,
            create_connection=_connection_class(endpoint),
            **_credentials(endpoint),
        )
    except (OSError, WebSocketException, ValueError, EOFError, HotdeskError) as exc:
        raise SetbackError(diagnose_opening(exc, endpoint)) from exc


def _connection_class(endpoint: Endpoint) -> type[ClientConnection]:
    pinned = endpoint.tls.fingerprint_sha256
    if pinned is None or not endpoint.is_secure:
        return ClientConnection
    return cast("type[ClientConnection]", partial(_PinnedConnection, pinned=pinned))  # only ever called


def _credentials(endpoint: Endpoint) -> dict[str, Any]:
    """
    Render the credentials as the arguments that put them into the upgrade request.

    The subprotocol's alphabet has no ``+``, ``/`` and ``=``, hence the URL-safe form without padding.
    """
    try:
        pair = f"{endpoint.username}:{endpoint.password()}".encode()
    except UnicodeEncodeError:
        raise ConfigError("it or the user's name is no proper text") from None  # the error holds the password
    if endpoint.auth == "basic":
        return {"additional_headers": {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}}
    token = base64.urlsafe_b64encode(pair).decode().rstrip("=")
    return {"subprotocols": [Subprotocol(f"auth-{token}")]}
