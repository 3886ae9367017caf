"""
A floor of desks that does not exist: builds the devices, lets them listen, and gives their people something to do.

`await floor.start()` opens one loopback port for each device; until `stop` the floor needs one task, and one for each
connection that somebody makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Final, Self

from .calendar import Calendar, Habits, LocalCalendar
from .certificates import Certificate, make_certificate
from .control import ControlDoor
from .day import Day
from .desks import Desk, DeskPlan, Station, plan_floor
from .device import Device, User
from .entries import Directory
from .faults import FaultBoard
from .hybrid import HybridCalendar
from .schedule import Schedule
from .wire import DeviceServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .clock import Clock

DEFAULT_USERNAME: Final = "admin"
DEFAULT_PASSWORD: Final = "simulated"  # noqa: S105  # of devices that do not exist
OUTSIDER: Final = "outsider@example.net"
"""Somebody whom the organisation's directory does not have."""


class Floor:
    """
    A site of simulated desks.

    Args:
        plans: the desks to build, or how many of a mixed floor.
        clock: the time it lives by.
        seed: the same seed gives the same floor and the same days.
        users: local users of every device; the first is the one `Station` tells about.
        tls: listen on wss with a certificate generated at start.
        host: the loopback address to listen on.
        base_port: port of the first device, the others follow; 0 lets the system choose each.
        living: let seeded people use the desks.

    """

    def __init__(  # noqa: PLR0913  # each has a default and its line above
        self,
        plans: Sequence[DeskPlan] | int,
        *,
        clock: Clock,
        seed: int = 0,
        users: tuple[User, ...] = (User(name=DEFAULT_USERNAME, password=DEFAULT_PASSWORD),),
        tls: bool = False,
        host: str = "127.0.0.1",
        base_port: int = 0,
        living: bool = False,
        habits: Habits | None = None,
    ) -> None:
        self.clock = clock
        self.seed = seed
        self.schedule = Schedule(clock)
        self.faults = FaultBoard()
        self.directory = Directory(frozenset({OUTSIDER}))
        self.habits = habits or Habits()
        self.users = users
        self.tls = tls
        self.certificate: Certificate | None = None
        self._plans = plan_floor(plans, seed=seed) if isinstance(plans, int) else tuple(plans)
        self._host = host
        self._base_port = base_port
        self._living = living
        self._closing = contextlib.AsyncExitStack()
        self._runner: asyncio.Task[None] | None = None
        self.desks: tuple[Desk, ...] = ()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """
        Build the desks and listen; afterwards `desks` tells where.

        Raises:
            OSError: a port, or one file descriptor for each device, cannot be had; nothing is left open.

        """
        if self.tls:
            self.certificate = await asyncio.to_thread(make_certificate, self._host)
        self.desks = tuple(self._build(number, plan) for number, plan in enumerate(self._plans, start=1))
        stations = [station for desk in self.desks for station in desk.stations]
        for number, station in enumerate(stations):
            station.server.port = self._base_port + number if self._base_port else 0
            station.server.tls = self.certificate.context if self.certificate is not None else None
            try:
                await station.server.start()
            except OSError:
                await self.stop()
                raise
        self._runner = asyncio.get_running_loop().create_task(self.schedule.run(), name="simulator schedule")
        if self._living:
            Day(self).begin()

    async def stop(self) -> None:
        """Close every connection and stop listening; without effect when stopped."""
        await self._closing.aclose()
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait((self._runner,))
            self._runner = None
        servers = [station.server for desk in self.desks for station in desk.stations]
        for server in servers:
            server.begin_stop()
        for server in servers:
            await server.stop()

    async def open_control(self, *, host: str = "127.0.0.1", port: int = 0) -> str:
        """Open the HTTP door for whoever plays with the running floor; return its URL. It closes with the floor."""
        door = ControlDoor(self)
        url = await door.start(host=host, port=port)
        self._closing.push_async_callback(door.stop)
        return url

    def desk(self, workspace: str) -> Desk:
        """
        Return the desk of that name.

        Raises:
            KeyError: there is none.

        """
        for desk in self.desks:
            if desk.workspace == workspace:
                return desk
        message = f"no desk is called {workspace!r}"
        raise KeyError(message)

    def device(self, device_id: str) -> Device:
        """
        Return the device of that id.

        Raises:
            KeyError: there is none.

        """
        for desk in self.desks:
            for station in desk.stations:
                if station.device_id == device_id:
                    return station.device
        message = f"no device is called {device_id!r}"
        raise KeyError(message)

    def _build(self, number: int, plan: DeskPlan) -> Desk:
        calendar = self._calendar(plan)
        stations = []
        for place, release in enumerate(plan.releases, start=1):
            device = Device(
                plan.devices[place - 1] if plan.devices else f"device-{number:04d}-{place}",
                calendar=calendar,
                schedule=self.schedule,
                release=release,
                users=self.users,
                seed=str(self.seed),
                faults=self.faults,
            )
            stations.append(Station(device=device, server=DeviceServer(device, host=self._host)))
        return Desk(workspace=plan.workspace, calendar=calendar, stations=tuple(stations))

    def _calendar(self, plan: DeskPlan) -> Calendar:
        rng = random.Random(f"{self.seed}/{plan.workspace}")  # the same seed must give the same day
        if plan.kind == "hybrid":
            return HybridCalendar(
                self.schedule,
                rng=rng,
                directory=self.directory,
                habits=self.habits,
                delay_s=plan.backend_delay_s,
            )
        return LocalCalendar(self.schedule, rng=rng, directory=self.directory, habits=self.habits)
