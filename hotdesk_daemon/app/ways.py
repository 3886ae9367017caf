"""
The ways to one device: its own socket, its organisation's cloud, or both.

With both the socket is taken while it stands, because it is immediate and tells everything; the cloud takes over when
it falls. A request goes one way only, the one that is current when it is sent. Changing the way is a new session: what
was said in between may have been missed, so the device is listed again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hotdesk_daemon.app.resync import read_by_socket
from hotdesk_daemon.core.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.transport import DeviceLink, Sink
    from hotdesk_daemon.transport.cloud import CloudLink


class Way(StrEnum):
    """How a device is reached at present."""

    NONE = "none"
    SOCKET = "socket"
    CLOUD = "cloud"


class Hearer(Protocol):
    """Who hears of a device, whichever way."""

    async def link_up(self, device: DeviceId, *, software: str | None, booking_timeout_s: int | None) -> None:
        """Hear that a session stands."""

    async def link_down(self, device: DeviceId, *, cause: str) -> None:
        """Hear that none does."""

    async def received(self, device: DeviceId, frame: bytes, params: bytes, at_mono: float) -> None:
        """Hear a notification of the socket."""

    async def undecodable(self, device: DeviceId, frame: bytes, error: str) -> None:
        """Hear something that means nothing."""


class Ways:
    """
    One device's ways, of which at most one is current.

    It stands between the socket's link, whose sink it is, and the fleet.
    """

    def __init__(self, device: DeviceId, *, hearer: Hearer) -> None:
        self.device = device
        self.current = Way.NONE
        self.socket: DeviceLink | None = None
        self.cloud: CloudLink | None = None
        self.session = 0  # counts up whenever a session begins or ends
        self._hearer = hearer

    @property
    def is_up(self) -> bool:
        """Whether a request could be sent now."""
        match self.current:
            case Way.SOCKET:
                return self.socket is not None and self.socket.is_up
            case Way.CLOUD:
                return self.cloud is not None and self.cloud.is_up
            case Way.NONE:
                return False

    @property
    def tells_current_values(self) -> bool:
        """Whether a fresh session has told every mirrored status by itself; the cloud's does not."""
        return self.current is Way.SOCKET

    @property
    def hears_cloud(self) -> bool:
        """Whether what the cloud says is news: not while the socket tells the same, sooner."""
        return self.current is not Way.SOCKET

    # --- out ---------------------------------------------------------------------------------------------------------

    async def call(self, method: str, params: Mapping[str, object], *, timeout_s: float | None = None) -> object:
        """
        Give the result of one request, sent the way that is current.

        Raises:
            HotdeskError: as the way's own ``call`` does.
        """
        if self.current is Way.SOCKET and self.socket is not None:
            return await self.socket.call(method, params, timeout_s=timeout_s)
        if self.current is Way.CLOUD and self.cloud is not None:
            return await self.cloud.call(method, params, timeout_s=timeout_s)
        raise TransientError(f"device {self.device} is not connected")

    async def read_statuses(self) -> tuple[Input, ...]:
        """
        Every mirrored status that can be had.

        Raises:
            HotdeskError: as the way's own requests do.
        """
        if self.current is Way.CLOUD and self.cloud is not None:
            return await self.cloud.read_statuses()
        return await read_by_socket(self, device=self.device)

    # --- in, by the socket -------------------------------------------------------------------------------------------

    async def link_up(self, device: DeviceId, *, software: str | None, booking_timeout_s: int | None) -> None:
        """Take the socket from here on."""
        self._go(Way.SOCKET)
        await self._hearer.link_up(device, software=software, booking_timeout_s=booking_timeout_s)

    async def link_down(self, device: DeviceId, *, cause: str) -> None:
        """Fall back on the cloud, if that is up."""
        if self.current is Way.CLOUD:
            return
        self._go(Way.NONE)
        await self._hearer.link_down(device, cause=cause)
        if self.cloud is not None and self.cloud.is_up:
            await self._take_cloud(self.cloud)

    async def received(self, device: DeviceId, frame: bytes, params: bytes, at_mono: float) -> None:
        """Pass a notification on."""
        await self._hearer.received(device, frame, params, at_mono)

    async def undecodable(self, device: DeviceId, frame: bytes, error: str) -> None:
        """Pass a message on that means nothing."""
        await self._hearer.undecodable(device, frame, error)

    # --- in, by the cloud --------------------------------------------------------------------------------------------

    async def cloud_up(self, *, software: str | None) -> None:
        """
        The organisation hears this device; without effect when that is known.

        Other software is a device that has restarted and can do other things: a new session.
        """
        if self.cloud is None or (self.cloud.is_up and software in (None, self.cloud.software)):
            return
        self.cloud.is_up, self.cloud.software = True, software
        if self.current is not Way.SOCKET:
            await self._take_cloud(self.cloud)

    async def cloud_renewed(self) -> None:
        """Messages of the cloud may have been lost: a new session, where the cloud is what we hear."""
        if self.current is Way.CLOUD and self.cloud is not None:
            await self._take_cloud(self.cloud)

    async def cloud_down(self, *, cause: str) -> None:
        """The organisation does not hear this device any more; without effect when that is known for this cause."""
        if self.cloud is None or (not self.cloud.is_up and self.cloud.cause == cause):
            return
        self.cloud.is_up, self.cloud.cause = False, cause
        if self.current is not Way.SOCKET:
            self._go(Way.NONE)
            await self._hearer.link_down(self.device, cause=cause)

    async def _take_cloud(self, cloud: CloudLink) -> None:
        self._go(Way.CLOUD)
        await self._hearer.link_up(self.device, software=cloud.software, booking_timeout_s=None)

    def _go(self, way: Way) -> None:
        self.current = way
        self.session += 1


if TYPE_CHECKING:
    _is_a_sink: type[Sink] = Ways
