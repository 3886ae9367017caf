"""A floor, and perhaps a cloud, as a configuration would name them, in real time: for a doctor to look at."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.app.doctor import Doctor
from hotdesk_daemon.app.doctor.surroundings import Space, Surroundings
from hotdesk_daemon.app.simulated import desk_settings
from hotdesk_daemon.ops.settings import (
    DaemonSettings,
    DeskSettings,
    HttpSettings,
    PolicySettings,
    Settings,
    SimulatorTransport,
)
from hotdesk_daemon.simulator import DeskPlan, Floor, ScaledClock
from hotdesk_daemon.simulator.cloud import SimulatedCloud
from tests.scenarios.transports import Cloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hotdesk_daemon.app.doctor import Asked, Finding
    from hotdesk_daemon.simulator import Device
    from hotdesk_daemon.simulator.cloud import CloudOrganisation

#: Whatever this machine has: there is room.
ROOMY: Final = Surroundings(space=lambda _path: Space(total=10**12, free=5 * 10**11))
QUEUE: Final = Cloud(name="queue", transport=SimulatorTransport.QUEUE)


@attrs.define(kw_only=True)
class Looked:
    """What a doctor is to look at; ``settings`` may be changed before."""

    floor: Floor
    settings: Settings
    cloud: SimulatedCloud | None = None
    around: Surroundings = ROOMY

    @property
    def device(self) -> Device:
        return self.floor.desks[0].device

    @property
    def organisation(self) -> CloudOrganisation:
        assert self.cloud is not None
        return self.cloud.organisations[0]

    def change_device(self, **how: Any) -> None:
        """Set settings of the first device."""
        first = self.settings.desks[0]
        desk = attrs.evolve(first, devices=(attrs.evolve(first.devices[0], **how), *first.devices[1:]))
        self.change_desks(desk, *self.settings.desks[1:])

    def change_desks(self, *desks: DeskSettings) -> None:
        self.settings = attrs.evolve(self.settings, desks=desks)

    def change_organisation(self, **how: Any) -> None:
        changed = tuple(attrs.evolve(one, **how) for one in self.settings.organisations)
        self.settings = attrs.evolve(self.settings, organisations=changed)

    async def examine(self, asked: Asked | None = None) -> list[Finding]:
        return await Doctor(self.settings, asked=asked, around=self.around).examine()

    async def told(self) -> list[str]:
        """What is not fine, as "level name"."""
        return [f"{one.level} {one.name}" for one in await self.examine() if one.level != "ok"]


@asynccontextmanager
async def a_site(
    directory: Path, *plans: DeskPlan, cloud: Cloud | None = None, **options: Any
) -> AsyncIterator[Looked]:
    """A healthy site: every device, and every organisation where there is a *cloud*."""
    desks = plans or (DeskPlan(workspace="Desk 1", kind="hybrid"), DeskPlan(workspace="Desk 2"))
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(Floor(desks, clock=ScaledClock(), **options))
        settings = Settings(
            daemon=DaemonSettings(state_dir=directory / "state"),
            http=HttpSettings(port=0),
            policy=PolicySettings(max_duration_s=8 * 3600.0),
            desks=tuple(desk_settings(desk) for desk in floor.desks),
        )
        if cloud is None:
            yield Looked(floor=floor, settings=settings)
            return
        reached = await stack.enter_async_context(cloud.connected(floor, settings))
        yield Looked(floor=floor, settings=reached.settings, cloud=reached.cloud)
