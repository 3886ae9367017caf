"""How the daemon reaches the simulated desks: one entry for each way that a scenario can be played over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from hotdesk_daemon.app.simulated import desk_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.ops.settings import DeskSettings
    from hotdesk_daemon.simulator import Desk


class Transport(Protocol):
    """What a site needs to know of one way to the desks."""

    def desk(self, desk: Desk) -> DeskSettings:
        """Tell the daemon of one desk."""
        ...


class Sockets:
    """Every device's own WebSocket."""

    def desk(self, desk: Desk) -> DeskSettings:
        return desk_settings(desk)


TRANSPORTS: Final[Mapping[str, Transport]] = {"socket": Sockets()}
