"""Reading a device's truth: its list, and the statuses that we mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from hotdesk_daemon.core.errors import HotdeskError, ProtocolError, RefusedError
from hotdesk_daemon.core.inputs import Input, ListCause, ListFailed
from hotdesk_daemon.xapi.bookings import parse_list
from hotdesk_daemon.xapi.rendering import render_list
from hotdesk_daemon.xapi.statuses import MIRRORED_STATUS_PATHS, parse_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.xapi.releases import Release


class Caller(Protocol):
    """A link, as far as reading needs it."""

    async def call(self, method: str, params: Mapping[str, object], *, timeout_s: float | None = None) -> object:
        """Give the result of one request."""


async def read_truth(
    link: Caller, *, device: DeviceId, release: Release | None, cause: ListCause
) -> tuple[tuple[Input, ...], bytes | None]:
    """
    Everything that makes the picture of *device* true again, the list last, and the list as JSON.

    A fresh session was just told every mirrored status, so then only the list is read. A failure of any kind is an
    input too.
    """
    try:
        statuses = () if cause is ListCause.CONNECTED else await _read_statuses(link, device)
        rendered = render_list(release)
        result = await link.call(rendered.method, rendered.params)
        return (*statuses, parse_list(result, device=device)), msgspec.json.encode(result)
    except HotdeskError as exc:
        return (ListFailed(device=device, error=str(exc)),), None


async def _read_statuses(link: Caller, device: DeviceId) -> tuple[Input, ...]:
    """The mirrored statuses; what a release lacks it refuses, and then there is nothing to mirror."""
    found: list[Input] = []
    for path in MIRRORED_STATUS_PATHS:
        try:
            tree = await link.call("xGet", {"Path": [*path]})
            found.extend(parse_status(tree, device=device, path=path))
        except (RefusedError, ProtocolError):
            continue
    return tuple(found)
