"""The built-in site: its floor, and the settings that let the daemon meet it as if it were real."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.app.activate import activate_organisation
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.settings import (
    DeskSettings,
    DeviceSettings,
    Events,
    OrganisationSettings,
    Secret,
    SimulatorTransport,
    WebhookSettings,
)
from hotdesk_daemon.simulator.cloud import SimulatedCloud
from hotdesk_daemon.simulator.floor import Floor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.ops.clocks import Clock
    from hotdesk_daemon.ops.settings import Settings
    from hotdesk_daemon.simulator.cloud import CloudOrganisation
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
    by_cloud = wanted.transport is not SimulatorTransport.SOCKET
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(Floor(wanted.desks, clock=clock, seed=seed, living=True))
        desks = tuple(desk_settings(desk) for desk in floor.desks)
        cloud = await stack.enter_async_context(SimulatedCloud(floor)) if by_cloud else None
        get_log().info(
            "simulator.started",
            desks=len(desks),
            devices=sum(len(desk.devices) for desk in desks),
            seed=wanted.seed,
            speed=wanted.speed,
            took_s=round(time.monotonic() - began_mono, 3),
        )
        if cloud is None:
            yield attrs.evolve(settings, desks=(*settings.desks, *desks))
            return
        organisation = organisation_settings(cloud, cloud.organisations[0], settings)
        settings = attrs.evolve(settings, organisations=(*settings.organisations, organisation))
        code = cloud.organisations[0].activation_code()
        await activate_organisation(code, settings=settings, wanted=organisation, now=clock.now)
        yield settings


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


def organisation_settings(
    cloud: SimulatedCloud, organisation: CloudOrganisation, settings: Settings
) -> OrganisationSettings:
    """A simulated organisation as configuration would name it."""
    by_webhook = settings.simulator.transport is SimulatorTransport.WEBHOOK
    webhook = settings.webhook
    return OrganisationSettings(
        id=f"simulated-{organisation.name}",
        client_id=organisation.client_id,
        client_secret=Secret(organisation.client_secret, origin="the simulator"),
        app_id=organisation.app_id,
        events=Events.WEBHOOK if by_webhook else Events.QUEUE,
        webhook=WebhookSettings(
            url=f"http://{webhook.host}:{webhook.port}", secret=Secret("a simulated secret of some length")
        )
        if by_webhook
        else None,
        rate_per_s=50.0,
        jwks_url=cloud.jwks_url,
        supported_url=cloud.supported_url,
    )
