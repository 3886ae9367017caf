"""From settings to what a link needs to know about its device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.ops.settings import Verify
from hotdesk_daemon.transport import BackoffSettings, Endpoint, Steps, Tls

if TYPE_CHECKING:
    from hotdesk_daemon.ops.settings import DeskSettings, DeviceSettings, SocketSettings


def endpoint_of(sockets: SocketSettings, desk: DeskSettings, device: DeviceSettings) -> Endpoint:
    """The endpoint of one device that has a socket."""
    if device.url is None or device.password is None:
        raise AssertionError("a device without a socket")
    return Endpoint(
        device=DeviceId(device.id),
        desk=DeskId(desk.id),
        url=device.url,
        username=device.username,
        password=device.password.reveal,
        auth=device.auth.value,
        tls=Tls(
            ca_file=str(device.ca_file) if device.ca_file is not None else None,
            fingerprint_sha256=device.fingerprint_sha256,
            verify=device.verify is Verify.ON,
        ),
        request_timeout_s=sockets.request_timeout_s,
        ping_interval_s=sockets.ping_interval_s,
        ping_timeout_s=sockets.ping_timeout_s,
        idle_limit_s=sockets.idle_limit_s,
        max_frame_bytes=sockets.max_frame_bytes,
        backoff=_backoff(sockets),
    )


def _backoff(sockets: SocketSettings) -> BackoffSettings:
    """The network's own pace is configured; the others keep their shape and follow where it is slower."""
    standard = BackoffSettings()
    normal = Steps(least_s=0.0, first_s=sockets.backoff_initial_s, cap_s=sockets.backoff_max_s)
    short = attrs.evolve(standard.short, cap_s=min(standard.short.cap_s, sockets.backoff_max_s))
    return attrs.evolve(standard, normal=normal, short=short)
