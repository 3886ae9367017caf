"""The built-in site: its floor, and the settings that let the daemon meet it as if it were real."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.settings import DeskSettings, DeviceSettings, Secret
from hotdesk_daemon.simulator.floor import Floor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.ops.clocks import Clock
    from hotdesk_daemon.ops.settings import Settings
    from hotdesk_daemon.simulator.desks import Desk, Station


@asynccontextmanager
async def simulated_site(settings: Settings, *, clock: Clock, seed: int) -> AsyncIterator[Settings]:
    """
    *settings* with the desks of a living floor in place of none; the floor stands while the context is open.

    Raises:
        OSError: the floor cannot listen.
    """
    wanted = settings.simulator
    began_mono = time.monotonic()
    floor = Floor(wanted.desks, clock=clock, seed=seed, living=True)
    async with floor:
        desks = tuple(desk_settings(desk) for desk in floor.desks)
        get_log().info(
            "simulator.started",
            desks=len(desks),
            devices=sum(len(desk.devices) for desk in desks),
            seed=wanted.seed,
            speed=wanted.speed,
            took_s=round(time.monotonic() - began_mono, 3),
        )
        yield attrs.evolve(settings, desks=(*settings.desks, *desks))


def desk_settings(desk: Desk) -> DeskSettings:
    """A simulated desk as configuration would name it."""
    return DeskSettings(
        id=desk.workspace.lower().replace(" ", "-"),
        calendar=CalendarKind(desk.kind),
        devices=tuple(_device_settings(station) for station in desk.stations),
    )


def _device_settings(station: Station) -> DeviceSettings:
    return DeviceSettings(
        id=station.device_id,
        url=station.url,
        username=station.username,
        password=Secret(station.password, origin="the simulator"),
    )
