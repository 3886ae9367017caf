"""One device as something to connect to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from urllib.parse import urlsplit

import attrs

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.transport.backoff import BackoffSettings
from hotdesk_daemon.transport.certificates import Tls

_LOOPBACK = ("localhost", "::1")


def _check_url(endpoint: Endpoint, attribute: attrs.Attribute[str], url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"ws", "wss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, a broken IPv6 address
        usable = False
    else:
        if parts.username is not None or parts.password is not None:
            raise ConfigError(f"device {endpoint.device}: credentials do not belong into the URL")
        usable = usable and not parts.fragment
    if not usable:
        raise ConfigError(f"device {endpoint.device}: the URL must read wss://host/ws or ws://host/ws")


@attrs.frozen(kw_only=True)
class Endpoint:
    """
    Everything that a link needs to know about its device. Times are seconds.

    ``password`` is asked at every connect, so that a changed secret is met by the next try; it must be quick and may
    raise a `HotdeskError`. ``auth`` is how credentials travel in the upgrade: as an ``auth-…`` subprotocol or as HTTP
    Basic. ``ping_timeout_s`` is how long a ping may stay unanswered while the device says nothing else;
    ``idle_limit_s`` how long a device may say nothing before it is asked whether it is there;
    ``max_requests`` bounds the requests of one device that wait for an answer.
    """

    device: DeviceId
    desk: DeskId
    url: str = attrs.field(validator=_check_url)
    username: str
    password: Callable[[], str] = attrs.field(repr=False)
    auth: Literal["basic", "subprotocol"] = "subprotocol"
    tls: Tls = attrs.field(factory=Tls)
    open_timeout_s: float = 15.0
    request_timeout_s: float = 15.0
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 20.0
    idle_limit_s: float = 120.0
    max_frame_bytes: int = 4 * 1024 * 1024
    max_requests: int = 8
    backoff: BackoffSettings = attrs.field(factory=BackoffSettings)

    @property
    def is_secure(self) -> bool:
        """Whether the connection is encrypted."""
        return urlsplit(self.url).scheme == "wss"  # which is written in any case

    @property
    def is_exposed(self) -> bool:
        """Whether credentials cross a network unprotected: in clear text, or to whoever answers."""
        if self.is_secure:
            return self.tls.is_open
        host = urlsplit(self.url).hostname or ""
        return host not in _LOOPBACK and not host.startswith("127.")
