"""
An organisation's desks: kept in step with its directory while the daemon runs.

What the directory no longer lists, a desk or a device of one, is let go only when two readings in a row agree: a page
that was cut short must not empty a building. What it lists elsewhere has moved and is taken along at once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.app.organisations.hearing import Hearing, Member
from hotdesk_daemon.app.organisations.register import KnownDesk, Register
from hotdesk_daemon.app.organisations.tools import Tools
from hotdesk_daemon.core.errors import HotdeskError, ProtocolError
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.settings import DeskSettings, DeviceSettings, desk_configured
from hotdesk_daemon.transport.cloud import CloudLink, CloudRest, uuid_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.app.organisations.register import KnownDevice
    from hotdesk_daemon.core.inputs import DeskConfigured
    from hotdesk_daemon.transport.cloud import DirectoryRead, FoundDesk

_CONNECTED = frozenset({"connected", "connected_with_issues", "unknown"})


@attrs.define(eq=False, kw_only=True)
class Membership:
    """
    The desks of one organisation.

    ``is_pushed`` says whether the cloud pushes everything that we live on; where it does not, desks are read often.
    """

    tools: Tools
    hearing: Hearing
    register: Register
    rest: CloudRest
    links: dict[DeviceId, CloudLink]
    is_pushed: bool = True
    _desks: dict[str, KnownDesk] = attrs.field(factory=dict)  # the served ones, by workspace
    _listed: set[str] = attrs.field(factory=set)  # UUIDs of all devices that the last reading listed
    _missing: set[str] = attrs.field(factory=set)  # UUIDs of workspaces and devices that the last reading left out
    _named: dict[str, DeskSettings] = attrs.field(factory=dict)  # desks of the configuration, by device
    _one_at_a_time: asyncio.Lock = attrs.field(factory=asyncio.Lock)  # who changes desks

    # --- before the daemon serves ------------------------------------------------------------------------------------

    def name(self, desk: DeskSettings) -> None:
        """Serve *desk* of the configuration, whatever the directory says of its workspace."""
        self._serve(desk, [(DeviceId(d.id), d.webex_id, None) for d in desk.devices if d.webex_id is not None])
        for device in desk.devices:
            if device.webex_id is not None:
                self._named[uuid_of(device.webex_id)] = desk

    def take_in_known(self) -> None:
        """Serve what the directory listed when it was last read: readable, and stale until the cloud is heard."""
        fleet = self.tools.fleet
        for known in self.register.desks:
            is_named = any(device.uuid in self._named for device in known.devices)
            is_taken = known.desk in fleet.workers or any(device.device in fleet.ways for device in known.devices)
            if known.devices and not is_named and not is_taken:
                self._take_in(known)

    # --- while it serves ---------------------------------------------------------------------------------------------

    async def follow(self, read: DirectoryRead) -> None:
        """Take over what the directory says now: first who leaves, then who comes, for a device may do both."""
        async with self._one_at_a_time:
            await self._follow(read)

    async def _follow(self, read: DirectoryRead) -> None:
        found = {
            desk.workspace.uuid: self._known(desk)
            for desk in read.desks
            if not any(device.uuid in self._named for device in desk.devices)
        }
        at = {device.uuid: workspace for workspace, desk in found.items() for device in desk.devices}
        missing: set[str] = set()
        for workspace, held in [*self._desks.items()]:
            if workspace not in found:
                missing.add(workspace)
            stays = tuple(
                d for d in held.devices if self._stays(d, workspace, at, missing, is_found=workspace in found)
            )
            if workspace in found:
                found[workspace] = _with(found[workspace], stays)
                await self._change(held, attrs.evolve(held, devices=stays))
            elif workspace in self._missing or not stays:
                await self._let_go(workspace, held)
            else:
                await self._change(held, attrs.evolve(held, devices=stays))
        self._missing = missing
        for workspace, known in found.items():
            self.register.keep(known)
            if workspace in self._desks:
                await self._change(self._desks[workspace], known)
            else:
                self._take_in(known)
                get_log().info(
                    "org.desk_added", org=self.tools.wanted.id, desk_id=known.desk, devices=len(known.devices)
                )
        await self._note_states(read)
        self._note_others(read)
        await asyncio.to_thread(self.register.save)

    def _known(self, found: FoundDesk) -> KnownDesk:
        """*found* with our names, none of which is anybody else's."""
        fleet, own = self.tools.fleet, [*self._desks.values()]
        return self.register.note(
            found,
            desks={*fleet.workers} - {desk.desk for desk in own},
            devices={*fleet.ways} - {device.device for desk in own for device in desk.devices},
        )

    def _stays(
        self, device: KnownDevice, workspace: str, at: Mapping[str, str], missing: set[str], *, is_found: bool
    ) -> bool:
        """Whether *device* stays on the desk of *workspace*; at the first time that it is missing it does."""
        if device.uuid in at:
            return at[device.uuid] == workspace
        if not is_found:
            return True  # it goes with its desk
        missing.add(device.uuid)
        return device.uuid not in self._missing

    async def _note_states(self, read: DirectoryRead) -> None:
        for device in read.devices:
            member = self.hearing.members.get(device.uuid)
            if member is None:
                continue
            member.software = device.software
            member.is_connected = device.connection_status in _CONNECTED
            link = self.links.get(member.device)
            if link is not None:
                link.webex_id = device.id  # another region, another id of the same device
        for member in [*self.hearing.members.values()]:
            await self.hearing.judge(member)

    def _note_others(self, read: DirectoryRead) -> None:
        """Who is listed for the second time and not served is nobody that the directory had to be read for."""
        listed = {device.uuid for device in read.devices}
        for name, _ in read.unusable:
            with suppress(ProtocolError):
                listed.add(uuid_of(name))
        self.hearing.others, self._listed = frozenset(listed & self._listed), listed

    async def retell(self) -> None:
        """Tell every desk how much is pushed."""
        async with self._one_at_a_time:
            named = {desk.id: desk for desk in self._named.values()}
            for settings in [*named.values(), *(self._settings(known) for known in self._desks.values())]:
                if settings.id in self.tools.fleet.workers:
                    await self.tools.housing.change(settings, self._configured(settings), self.links)

    # --- desks and devices -------------------------------------------------------------------------------------------

    def _take_in(self, known: KnownDesk) -> None:
        self._desks[known.workspace] = known
        self._serve(self._settings(known), [(d.device, d.webex_id, d.software) for d in known.devices])

    def _serve(self, desk: DeskSettings, devices: list[tuple[DeviceId, str, str | None]]) -> None:
        for device, webex_id, _ in devices:
            self._link(device, webex_id)
        self.tools.housing.take_in(desk, self._configured(desk), self.links)
        for device, webex_id, software in devices:
            self._join(DeskId(desk.id), device, webex_id, software)

    async def _change(self, held: KnownDesk, known: KnownDesk) -> None:
        """Serve *known* where *held* was: devices came or went, or the calendar is another."""
        self._desks[known.workspace] = known
        if _shape(held) == _shape(known):
            return
        stays = {device.device for device in known.devices}
        for device in held.devices:
            if device.device not in stays:
                self._leave(device)
        new = [device for device in known.devices if device.device not in self.links]
        for device in new:
            self._link(device.device, device.webex_id)
        settings = self._settings(known)
        await self.tools.housing.change(settings, self._configured(settings), self.links)
        get_log().info("org.desk_moved", org=self.tools.wanted.id, desk_id=known.desk, devices=len(known.devices))
        for device in new:
            self._join(known.desk, device.device, device.webex_id, device.software)
            await self.hearing.judge(self.hearing.members[device.uuid])

    async def _let_go(self, workspace: str, known: KnownDesk) -> None:
        for device in known.devices:
            self._leave(device)
        try:
            await self.tools.housing.let_go(known.desk, cause="the directory no longer lists it")
        except (HotdeskError, TimeoutError) as exc:
            # Its devices are gone and it lives on: at the next reading it is tried again, or gets them back.
            self._desks[workspace] = attrs.evolve(known, devices=())
            get_log().warning("org.desk_stays", org=self.tools.wanted.id, desk_id=known.desk, error=str(exc))
        else:
            del self._desks[workspace]
            self.register.forget(workspace)
            get_log().info("org.desk_removed", org=self.tools.wanted.id, desk_id=known.desk)

    def _link(self, device: DeviceId, webex_id: str) -> None:
        self.links[device] = CloudLink(
            device,
            webex_id=webex_id,
            rest=self.rest,
            timeout_s=self.tools.wanted.request_timeout_s,
            access=self.hearing,
        )

    def _join(self, desk: DeskId, device: DeviceId, webex_id: str, software: str | None) -> None:
        uuid = uuid_of(webex_id)
        ways = self.tools.fleet.ways[device]
        self.hearing.members[uuid] = Member(uuid=uuid, device=device, desk=desk, ways=ways, software=software)

    def _leave(self, device: KnownDevice) -> None:
        self.hearing.members.pop(device.uuid, None)
        self.links.pop(device.device, None)

    # --- settings ----------------------------------------------------------------------------------------------------

    def _settings(self, known: KnownDesk) -> DeskSettings:
        wanted = self.tools.wanted
        return DeskSettings(
            id=known.desk,
            calendar=known.calendar,
            organisation=wanted.id,
            stage=wanted.stage,
            tags=known.tags,
            policy=wanted.policy,
            devices=tuple(DeviceSettings(id=device.device, webex_id=device.webex_id) for device in known.devices),
        )

    def _configured(self, desk: DeskSettings) -> DeskConfigured:
        wanted = self.tools.wanted
        interval_s = desk.sync_interval_s or wanted.sync_interval_s
        return attrs.evolve(
            desk_configured(self.tools.settings, desk),
            sync_interval_s=round(interval_s),
            reconcile_s=0 if self.is_pushed else round(min(wanted.reconcile_interval_s, interval_s)),
        )


def _shape(desk: KnownDesk) -> object:
    """What the daemon must be told of when it changes; a device's software it learns from its next session."""
    return desk.calendar, desk.tags, frozenset(device.device for device in desk.devices)


def _with(known: KnownDesk, stays: tuple[KnownDevice, ...]) -> KnownDesk:
    """*known* and the devices that stay although it lacks them."""
    here = {device.uuid for device in known.devices}
    return attrs.evolve(known, devices=(*known.devices, *(device for device in stays if device.uuid not in here)))
