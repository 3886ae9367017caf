"""
A desk of the floor: a workspace with its calendar and its devices, and how many of which kind a site has.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, Literal

import attrs

from .calendar import Calendar
from .device import Device
from .hybrid import HybridCalendar
from .wire import DeviceServer

if TYPE_CHECKING:
    from .hybrid import Backend

CURRENT_RELEASE: Final = "26.4.1"
OLD_RELEASES: Final = ("11.19.1", "11.23.1", "11.24.4.1", "11.27.2.0", "26.1.1")


@attrs.frozen(kw_only=True)
class DeskPlan:
    """
    One desk to build.

    Args:
        workspace: its name.
        kind: where its bookings live.
        releases: the RoomOS release of each of its devices; two are a companion workspace.
        backend_delay_s: how long the back end of a hybrid calendar takes.
        devices: the ids of its devices; without them they are numbered.

    """

    workspace: str
    kind: Literal["local", "hybrid"] = "local"
    releases: tuple[str, ...] = (CURRENT_RELEASE,)
    backend_delay_s: float = 2.0
    devices: tuple[str, ...] = ()


def plan_floor(
    desks: int,
    *,
    seed: int = 0,
    hybrid: float = 0.5,
    companion: float = 0.1,
    old: float = 0.2,
) -> tuple[DeskPlan, ...]:
    """
    Return a mixed floor: shares of hybrid calendars, companion workspaces and old releases, the same for the same seed.

    A desk of an old release gets one that still has `Personalized` or one that does not, by chance.
    """
    rng = random.Random(f"{seed}/floor")  # the same seed must give the same floor
    plans = []
    for number in range(1, desks + 1):
        release = rng.choice(OLD_RELEASES) if rng.random() < old else CURRENT_RELEASE
        devices = 2 if rng.random() < companion else 1
        plans.append(
            DeskPlan(
                workspace=f"Desk {number:04d}",
                kind="hybrid" if rng.random() < hybrid else "local",
                releases=(release,) * devices,
                backend_delay_s=rng.choice((0.5, 1.0, 2.0, 5.0, 12.0)),
            )
        )
    return tuple(plans)


@attrs.frozen(kw_only=True)
class Station:
    """One device of a desk as a client needs to know it. The URL is right once the floor has started."""

    device: Device
    server: DeviceServer

    @property
    def device_id(self) -> str:
        """Its id."""
        return self.device.device_id

    @property
    def url(self) -> str:
        """Where to connect."""
        return self.server.url

    @property
    def username(self) -> str:
        """The local user with all roles."""
        return self.device.users[0].name

    @property
    def password(self) -> str:
        """That user's password."""
        return self.device.users[0].password

    @property
    def release(self) -> str:
        """The RoomOS release."""
        return str(self.device.release)


@attrs.frozen(kw_only=True)
class Desk:
    """A workspace with its calendar and devices."""

    workspace: str
    calendar: Calendar
    stations: tuple[Station, ...]

    @property
    def kind(self) -> Literal["local", "hybrid"]:
        """Where the bookings live."""
        return self.calendar.kind

    @property
    def devices(self) -> tuple[Station, ...]:
        """The devices as a client needs to know them."""
        return self.stations

    @property
    def device(self) -> Device:
        """The first device itself."""
        return self.stations[0].device

    @property
    def backend(self) -> Backend:
        """
        The back end of a hybrid calendar.

        Raises:
            TypeError: the calendar is local.

        """
        if not isinstance(self.calendar, HybridCalendar):
            message = f"{self.workspace} has a local calendar"
            raise TypeError(message)
        return self.calendar.backend
