"""Whose limits a request to a device falls under: the fleet's own, or its organisation's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.app.ways import Way

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractAsyncContextManager

    from hotdesk_daemon.app.fleet import Fleet
    from hotdesk_daemon.app.organisations.organisation import Organisation
    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.dispatch import Limiter


class Allowance:
    """
    The dispatcher's limiter.

    A device on its own socket shares nothing with others but this daemon; one reached through the cloud shares the rate
    that its organisation is granted, with all else that is asked of that cloud. *organisations* may change meanwhile.
    """

    def __init__(self, *, fleet: Fleet, sockets: Limiter, organisations: Iterable[Organisation]) -> None:
        self._fleet = fleet
        self._sockets = sockets
        self._organisations = organisations

    def slot(self, device: DeviceId, *, urgent: bool = False) -> AbstractAsyncContextManager[None]:
        """Wait for the turn of a request to *device*; see `Limiter.slot`."""
        ways = self._fleet.ways.get(device)
        if ways is not None and ways.current is Way.CLOUD:
            for organisation in self._organisations:
                if device in organisation.links:
                    return organisation.budget.slot(device, urgent=urgent)
        return self._sockets.slot(device, urgent=urgent)
