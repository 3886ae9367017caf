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
    from collections.abc import Awaitable, Callable, Mapping

    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.xapi.releases import Release


class Caller(Protocol):
    """A way to a device, as far as requests go."""

    async def call(self, method: str, params: Mapping[str, object], *, timeout_s: float | None = None) -> object:
        """Give the result of one request."""


class Source(Caller, Protocol):
    """A way to a device, as far as reading its truth needs it."""

    @property
    def tells_current_values(self) -> bool:
        """Whether a fresh session has told every mirrored status by itself."""

    async def read_statuses(self) -> tuple[Input, ...]:
        """Give the mirrored statuses."""


async def read_truth(
    source: Source,
    *,
    device: DeviceId,
    release: Release | None,
    cause: ListCause,
    tell: Callable[[Input], Awaitable[None]],
) -> tuple[Input, bytes | None]:
    """
    Everything that makes the picture of *device* true again: its list, and that as JSON; before it the statuses.

    Those are told as soon as they are read, for what the device says of them while it is listed is newer. Where a fresh
    session has told every mirrored status, only the list is read. A failure of any kind is an input too.
    """
    try:
        if cause is not ListCause.CONNECTED or not source.tells_current_values:
            for status in await source.read_statuses():
                await tell(status)
        rendered = render_list(release)
        result = await source.call(rendered.method, rendered.params)
        return parse_list(result, device=device), msgspec.json.encode(result)
    except HotdeskError as exc:
        return ListFailed(device=device, error=str(exc)), None


async def read_by_socket(caller: Caller, *, device: DeviceId) -> tuple[Input, ...]:
    """The mirrored statuses; what a release lacks it refuses, and then there is nothing to mirror."""
    found: list[Input] = []
    for path in MIRRORED_STATUS_PATHS:
        try:
            tree = await caller.call("xGet", {"Path": [*path]})
            found.extend(parse_status(tree, device=device, path=path))
        except (RefusedError, ProtocolError):
            continue
    return tuple(found)
