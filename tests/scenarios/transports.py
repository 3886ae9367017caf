"""How the daemon reaches the simulated desks: one entry for each way that a scenario can be played over."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs
import pytest

from hotdesk_daemon.app.activate import activate_organisation
from hotdesk_daemon.app.simulated import desk_settings, organisation_settings
from hotdesk_daemon.ops.settings import (
    DeskSettings,
    DeviceSettings,
    OrganisationSettings,
    Settings,
    SimulatorSettings,
    SimulatorTransport,
    WebhookDoorSettings,
)
from hotdesk_daemon.simulator.certificates import Certificate
from hotdesk_daemon.simulator.cloud import SimulatedCloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager

    from hotdesk_daemon.simulator import Floor
    from hotdesk_daemon.simulator.cloud import CloudOrganisation

_FIRST_PORT: Final = 20_000
_PORTS: Final = 20
_RANGES: Final = 500


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
    """
    A simulated cloud, activated for each of its organisations, which the desks are dealt out to in turn.

    The desks are named in the settings, so that their ids are as over sockets, unless they are to be *found* in the
    directory. With *sockets* too they are reached both ways. With a *certificate* the cloud speaks TLS. *wanted*
    replaces settings of the organisations.
    """

    name: str
    transport: SimulatorTransport
    organisations: int = 1
    found: bool = False
    sockets: bool = False
    certificate: Certificate | None = None
    wanted: Mapping[str, Any] = attrs.field(factory=dict)

    @asynccontextmanager
    async def connected(self, floor: Floor, settings: Settings) -> AsyncIterator[Reached]:
        """Activate every organisation of a cloud in front of the floor."""
        async with SimulatedCloud(floor, organisations=self.organisations, certificate=self.certificate) as cloud:
            settings = attrs.evolve(
                settings,
                simulator=SimulatorSettings(transport=self.transport),
                webhook=WebhookDoorSettings(port=_free_port()),
            )
            organisations = tuple(self._wanted(cloud, one, settings) for one in cloud.organisations)
            settings = attrs.evolve(
                settings,
                simulator=SimulatorSettings(),
                organisations=organisations,
                desks=() if self.found else tuple(self._desks(floor, cloud, organisations)),
            )
            for organisation, wanted in zip(cloud.organisations, organisations, strict=True):
                code = organisation.activation_code()
                await activate_organisation(code, settings=settings, wanted=wanted, now=floor.clock.now)
            yield Reached(settings=settings, cloud=cloud)

    def _wanted(
        self, cloud: SimulatedCloud, organisation: CloudOrganisation, settings: Settings
    ) -> OrganisationSettings:
        unhurried = {
            "rate_per_s": 10_000.0,
            "concurrency": 100,
            "request_timeout_s": settings.sockets.request_timeout_s,
            "sync_interval_s": settings.sync.interval_s,
        }
        return attrs.evolve(organisation_settings(cloud, organisation, settings), **{**unhurried, **self.wanted})

    def _desks(
        self, floor: Floor, cloud: SimulatedCloud, organisations: tuple[OrganisationSettings, ...]
    ) -> Iterator[DeskSettings]:
        for number, desk in enumerate(floor.desks):
            place = number % self.organisations
            held, by_socket = cloud.organisations[place], desk_settings(desk)
            devices = tuple(
                attrs.evolve(
                    device if self.sockets else DeviceSettings(id=device.id), webex_id=held.device_id(station.device)
                )
                for device, station in zip(by_socket.devices, desk.stations, strict=True)
            )
            yield attrs.evolve(by_socket, organisation=organisations[place].id, devices=devices)


def over(*names: str) -> pytest.MarkDecorator:
    """Play a scenario over these transports only: what it is about, the others do not have."""
    return pytest.mark.parametrize("transport", names, indirect=True)


#: What is about connections to devices, their opening, their frames and their ends.
over_socket: Final = over("socket")
over_cloud: Final = over("queue", "webhook")


def _free_port() -> int:
    """
    A port that stays free until the daemon listens there: the webhook's address must be told before.

    It lies below those that the system deals out, and each test process looks in a range of its own.
    """
    first = _FIRST_PORT + os.getpid() % _RANGES * _PORTS
    for port in range(first, first + _PORTS):
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
