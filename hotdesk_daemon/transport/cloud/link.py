"""
One device, reached through its organisation's cloud.

It has no session of its own: it is up while the organisation hears its devices and this one is connected to the cloud,
which is for the organisation to say. Requests take the shapes of the device's own socket, so that whoever lists and
sends need not know which way is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud.http import ForbiddenError
from hotdesk_daemon.transport.cloud.rest import BOOKINGS_LIST
from hotdesk_daemon.xapi.cloud import WANTED_STATUSES, cloud_name
from hotdesk_daemon.xapi.statuses import parse_status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.core.inputs import Input


class Rest(Protocol):
    """The cloud's xAPI; see `CloudRest`."""

    async def command(self, device_id: str, name: str, arguments: Mapping[str, object], *, timeout_s: float) -> object:
        """Have a device carry out a command."""

    async def list_bookings(self, device_id: str, arguments: Mapping[str, object], *, timeout_s: float) -> object:
        """Read a device's list, in the slot that its statuses were read in."""

    async def status(self, device_id: str, names: Sequence[str], *, timeout_s: float) -> Mapping[str, object]:
        """Read statuses of a device."""


class Access(Protocol):
    """
    Whom it concerns what the cloud says of a device when asked.

    It may not let us at the device at all: the locations of an integration may leave it out.
    """

    def asking(self) -> float:
        """The moment at which a device is asked."""

    async def denied(self, webex_id: str, error: str) -> None:
        """We may not read it."""

    def read(self, webex_id: str, found: tuple[Input, ...], *, asked_mono: float) -> tuple[Input, ...]:
        """We may; what of that which was *found* is not older than what the device has said of itself since."""


class CloudLink:
    """
    The cloud's way to one device.

    Args:
        device: our name of it.
        webex_id: the cloud's public id of it.
        rest: the organisation's. Its requests are made within a slot of the organisation's budget, which the caller of
            `call` and `read_statuses` holds.
        timeout_s: for one request, unless told otherwise.
        access: told with every reading of statuses.
    """

    def __init__(
        self, device: DeviceId, *, webex_id: str, rest: Rest, timeout_s: float, access: Access | None = None
    ) -> None:
        self.device = device
        self.webex_id = webex_id
        self.software: str | None = None
        self.is_up = False
        self.cause = "not heard of yet"
        self.timeout_s = timeout_s
        self._rest = rest
        self._access = access

    async def call(self, method: str, params: Mapping[str, object], *, timeout_s: float | None = None) -> object:
        """
        Give the result of one ``xCommand``.

        Raises:
            TransientError: nothing was done: the cloud or the device is not reached, or wants to be left alone.
            LostAnswerError: it was sent and no telling answer came: ask before sending again.
            RefusedError: the cloud or the device said no.
        """
        if not self.is_up:
            raise TransientError(f"device {self.device} is not reached through the cloud: {self.cause}")
        limit_s = self.timeout_s if timeout_s is None else timeout_s
        name = cloud_name(method)
        if name == BOOKINGS_LIST:
            return await self._rest.list_bookings(self.webex_id, params, timeout_s=limit_s)
        return await self._rest.command(self.webex_id, name, params, timeout_s=limit_s)

    async def read_statuses(self) -> tuple[Input, ...]:
        """
        Every mirrored status that the device has and our access covers.

        Raises:
            HotdeskError: as `call` does.
        """
        asked_mono = self._access.asking() if self._access is not None else 0.0
        try:
            tree = await self._rest.status(self.webex_id, tuple(WANTED_STATUSES), timeout_s=self.timeout_s)
        except ForbiddenError as exc:
            if self._access is not None:
                await self._access.denied(self.webex_id, str(exc))
            raise
        found = parse_status(tree, device=self.device, path=("Status",))
        if self._access is None:
            return found
        return self._access.read(self.webex_id, found, asked_mono=asked_mono)
