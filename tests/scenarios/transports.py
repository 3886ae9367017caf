"""How the daemon reaches the simulated desks: one entry for each way that a scenario can be played over."""

from __future__ import annotations

import os
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

import attrs
import pytest

from hotdesk_daemon.app.activate import activate_organisation
from hotdesk_daemon.app.simulated import desk_settings, organisation_settings
from hotdesk_daemon.ops.settings import (
    DeskSettings,
    DeviceSettings,
    Settings,
    SimulatorSettings,
    SimulatorTransport,
    WebhookDoorSettings,
)
from hotdesk_daemon.simulator.cloud import SimulatedCloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from hotdesk_daemon.simulator import Desk, Floor
    from hotdesk_daemon.simulator.cloud import CloudOrganisation

_FIRST_PORT: Final = 20_000
_PORTS: Final = 100


class Transport(Protocol):
    """What a site needs to know of one way to the desks."""

    @property
    def name(self) -> str:
        """Its name."""

    def connected(self, floor: Floor, settings: Settings) -> AbstractAsyncContextManager[Reached]:
        """Settings by which the daemon reaches the desks of a started floor, while the context is open."""
        ...


@attrs.frozen(kw_only=True)
class Reached:
    """How the floor is reached: the settings, and the cloud where there is one."""

    settings: Settings
    cloud: SimulatedCloud | None = None


class Sockets:
    """Every device's own WebSocket."""

    name = "socket"

    @asynccontextmanager
    async def connected(self, floor: Floor, settings: Settings) -> AsyncIterator[Reached]:
        """Tell the daemon of every device."""
        desks = tuple(desk_settings(desk) for desk in floor.desks)
        yield Reached(settings=attrs.evolve(settings, desks=desks))


@attrs.frozen(kw_only=True)
class Cloud:
    """A simulated cloud, activated; the desks are named in the settings, so that ids are as over sockets."""

    name: str
    transport: SimulatorTransport

    @asynccontextmanager
    async def connected(self, floor: Floor, settings: Settings) -> AsyncIterator[Reached]:
        """Activate the one organisation of a cloud in front of the floor."""
        async with SimulatedCloud(floor) as cloud:
            organisation = cloud.organisations[0]
            settings = attrs.evolve(
                settings,
                simulator=SimulatorSettings(transport=self.transport),
                webhook=WebhookDoorSettings(port=_free_port()),
            )
            wanted = attrs.evolve(
                organisation_settings(cloud, organisation, settings),
                rate_per_s=10_000.0,
                concurrency=100,
                request_timeout_s=settings.sockets.request_timeout_s,
                sync_interval_s=settings.sync.interval_s,
            )
            settings = attrs.evolve(
                settings,
                simulator=SimulatorSettings(),
                organisations=(wanted,),
                desks=tuple(_cloud_desk(desk, organisation, wanted.id) for desk in floor.desks),
            )
            code = organisation.activation_code()
            await activate_organisation(code, settings=settings, wanted=wanted, now=floor.clock.now)
            yield Reached(settings=settings, cloud=cloud)


def over(*names: str) -> pytest.MarkDecorator:
    """Play a scenario over these transports only: what it is about, the others do not have."""
    return pytest.mark.parametrize("transport", names, indirect=True)


#: What is about connections to devices, their opening, their frames and their ends.
over_socket: Final = over("socket")
over_cloud: Final = over("queue", "webhook")


def _cloud_desk(desk: Desk, organisation: CloudOrganisation, name: str) -> DeskSettings:
    by_socket = desk_settings(desk)
    devices = tuple(
        DeviceSettings(id=device.id, webex_id=organisation.device_id(station.device))
        for device, station in zip(by_socket.devices, desk.stations, strict=True)
    )
    return attrs.evolve(by_socket, organisation=name, devices=devices)


def _free_port() -> int:
    """
    A port that stays free until the daemon listens there: the webhook's address must be told before.

    It lies below those that the system deals out, and each test process looks in a range of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in range(_FIRST_PORT + worker * _PORTS, _FIRST_PORT + (worker + 1) * _PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


TRANSPORTS: Final[Mapping[str, Transport]] = {
    one.name: one
    for one in (
        Sockets(),
        Cloud(name="queue", transport=SimulatorTransport.QUEUE),
        Cloud(name="webhook", transport=SimulatorTransport.WEBHOOK),
    )
}
