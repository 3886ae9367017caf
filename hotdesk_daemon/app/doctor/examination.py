"""The whole examination: which parts are looked at, how many at once, and how far it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.doctor.catalogue import CHECKS
from hotdesk_daemon.app.doctor.clocks import judge
from hotdesk_daemon.app.doctor.configuration import look_at_configuration
from hotdesk_daemon.app.doctor.devices import Visit
from hotdesk_daemon.app.doctor.machine import look_at_machine
from hotdesk_daemon.app.doctor.organisations import OrganisationLook
from hotdesk_daemon.app.doctor.running import Beside, look_at_journal, look_at_running
from hotdesk_daemon.app.doctor.surroundings import Surroundings
from hotdesk_daemon.ops.settings import Way
from hotdesk_daemon.transport import SslContexts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hotdesk_daemon.app.doctor.findings import Finding
    from hotdesk_daemon.ops.settings import Settings

#: Devices that are visited at the same time.
AT_ONCE: Final = 16
_TICK_S: Final = 0.1


@attrs.frozen(kw_only=True)
class Asked:
    """
    What is wanted: the devices of these ``desks`` only, and these checks by their names only; all where empty.
    """

    desks: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()

    def wants(self, section: str) -> bool:
        """Whether any check of *section* is wanted."""
        return not self.checks or any(CHECKS[name].section == section for name in self.checks)


class Doctor:
    """One examination of the site that *settings* describe. ``progress`` is how much of it is over, from 0 to 1."""

    def __init__(self, settings: Settings, *, asked: Asked | None = None, around: Surroundings | None = None) -> None:
        self._settings = settings
        self._asked = asked or Asked()
        self._around = around or Surroundings()
        self._parts = 0
        self._done = 0

    @property
    def progress(self) -> float:
        """How much is over."""
        return self._done / self._parts if self._parts else 0.0

    async def examine(self, *, tick: Callable[[], None] | None = None) -> list[Finding]:
        """
        Look at everything that is wanted; the worst first. *tick* is called again and again meanwhile.
        """
        ticking = asyncio.create_task(_keep(tick), name="doctor progress") if tick is not None else None
        try:
            found = await self._examine()
        finally:
            if ticking is not None:
                ticking.cancel()
                await asyncio.wait({ticking})
        return sorted(found, key=lambda one: one.order)

    async def _examine(self) -> list[Finding]:
        settings, asked = self._settings, self._asked
        # The clock of this machine is judged by what the others say.
        clocks = "machine.clock" in asked.checks
        visits_wanted = asked.wants("device") or clocks
        looks_wanted = asked.wants("organisation") or asked.wants("device") or clocks
        beside = (
            await look_at_running(settings)
            if asked.wants("machine") or visits_wanted
            else Beside(runs=False, findings=())
        )
        visits = self._visits(runs=beside.runs) if visits_wanted else []
        looks = self._looks() if looks_wanted else []
        self._parts = 2 + len(visits) + len(looks)
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            near = group.create_task(self._near(beside), name="doctor machine")
            for visit in visits:
                group.create_task(self._in_turn(visit, places), name=f"doctor {visit.subject}")
            for look in looks:
                group.create_task(self._look(look), name=f"doctor {look.subject}")
        parts: list[Visit | OrganisationLook] = [*visits, *looks]
        skews = [part.skew for part in parts if part.skew is not None]
        found = [*near.result(), *(one for part in parts for one in part.found), *judge(skews)]
        stopped = [part.stopped for part in parts if part.stopped is not None]  # whatever was wanted, this is why not
        return [*(one for one in found if not asked.checks or one.name in asked.checks), *stopped]

    async def _near(self, beside: Beside) -> list[Finding]:
        """What needs no network: the configuration, this machine, its journal."""
        settings = self._settings
        found = list(beside.findings)
        if self._asked.wants("configuration"):
            found += await asyncio.to_thread(lambda: list(look_at_configuration(settings)))
        self._done += 1
        if self._asked.wants("machine"):
            found += await asyncio.to_thread(lambda: list(look_at_machine(settings, self._around)))
            found += await asyncio.to_thread(look_at_journal, settings, runs=beside.runs, now=self._around.now())
        self._done += 1
        return found

    def _visits(self, *, runs: bool) -> list[Visit]:
        contexts = SslContexts()
        return [
            Visit(
                desk=desk,
                device=device,
                sockets=self._settings.sockets,
                contexts=contexts,
                now=self._now,
                runs=runs,
            )
            for desk in self._settings.desks
            for device in desk.devices
            if device.url is not None
            and device.way is not Way.CLOUD
            and (not self._asked.desks or desk.id in self._asked.desks)
        ]

    def _looks(self) -> list[OrganisationLook]:
        return [
            OrganisationLook(wanted=wanted, settings=self._settings, now=self._now, desks=self._asked.desks)
            for wanted in self._settings.organisations
        ]

    async def _in_turn(self, visit: Visit, places: asyncio.Semaphore) -> None:
        async with places:  # those before are bounded, each by the length of a visit
            await visit.make()
        self._done += 1

    async def _look(self, look: OrganisationLook) -> None:
        await look.make()
        self._done += 1

    def _now(self) -> datetime:
        return self._around.now()


async def _keep(tick: Callable[[], None]) -> None:
    while True:  # until it is cancelled with what it tells of
        tick()
        await asyncio.sleep(_TICK_S)
