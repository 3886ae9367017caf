"""Where a link's news goes; the application implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hotdesk_daemon.core.ids import DeviceId


class Sink(Protocol):
    """
    The receiver of one or many links' news.

    The link reads no further while one of these is awaited: that is its back pressure. So none of them may wait for an
    answer to a `DeviceLink.call` on the same link: the answer would never be read.
    """

    async def link_up(self, device: DeviceId, *, software: str | None, booking_timeout_s: int | None) -> None:
        """Subscriptions stand; whatever was said since then follows through `received`."""

    async def link_down(self, device: DeviceId, *, cause: str) -> None:
        """
        The session ended, or there is a new reason why none can be had.

        Without a session this comes once per reason, not once per try.
        """

    async def received(self, device: DeviceId, frame: bytes, params: bytes, at_mono: float) -> None:
        """A notification: the frame as it came and its JSON ``params``."""

    async def undecodable(self, device: DeviceId, frame: bytes, error: str) -> None:
        """A frame that means nothing to us, kept as it came; empty when it was too big to be read."""
