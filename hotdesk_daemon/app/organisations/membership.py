"""
An organisation's desks: kept in step with its directory while the daemon runs.

What the directory no longer lists, a desk or a device of one, is let go only when two readings in a row agree: a page
that was cut short must not empty a building. What it lists elsewhere has moved and is taken along at once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

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
    from collections.abc import Collection, Iterable, Mapping

    from hotdesk_daemon.app.organisations.register import KnownDevice
    from hotdesk_daemon.core.inputs import DeskConfigured
    from hotdesk_daemon.transport.cloud import DirectoryRead, FoundDesk

#: Why a desk is let go that a reload did away with.
NOT_CONFIGURED: Final = "it is not configured any more"
#: A device, its id in the cloud, and its software where that is known.
_Linked: TypeAlias = tuple[DeviceId, str, str | None]
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
    _named: dict[str, DeskSettings] = attrs.field(factory=dict)  # desks of the configuration
    _one_at_a_time: asyncio.Lock = attrs.field(factory=asyncio.Lock)  # who changes desks

    # --- desks of the configuration ----------------------------------------------------------------------------------

    async def name(self, desk: DeskSettings, *, anew: Collection[DeviceId] = ()) -> None:
        """
        Serve *desk* of the configuration, whatever the directory says of its workspace; it may be served already.

        Devices *anew* are reached in another way than before.
        """
        async with self._one_at_a_time:
            wanted = {DeviceId(d.id): uuid_of(d.webex_id) for d in desk.devices if d.webex_id is not None}
            uuids = _uuids(desk)
            self._join_named(desk, uuids)
            for member in [*self.hearing.members.values()]:
                is_ours, is_meant = member.desk == desk.id, member.uuid in uuids or member.device in wanted
                is_same = wanted.get(member.device) == member.uuid and member.device not in anew
                if (is_ours or is_meant) and not (is_ours and is_same):
                    self._leave(member.uuid, member.device)
            self._named[desk.id] = desk
            devices: list[_Linked] = [
                (DeviceId(d.id), d.webex_id, None)
                for d in desk.devices
                if d.webex_id is not None and DeviceId(d.id) not in self.links
            ]
            await self._serve(desk, devices, anew=anew)

    def _join_named(self, desk: DeskSettings, uuids: set[str]) -> None:
        """What was found and is named from now on, under the same name, goes on as *desk*."""
        for workspace, known in [*self._desks.items()]:
            if known.desk == desk.id and not uuids.isdisjoint(device.uuid for device in known.devices):
                for device in known.devices:
                    self._leave(device.uuid, device.device)
                del self._desks[workspace]

    async def make_room(self, desks: Iterable[DeskSettings]) -> None:
        """
        Let go what was found and has a device, or a name, of one of these *desks* of the configuration.

        The directory finds it again, under another name, unless it is one of them.
        """
        names = {desk.id: desk for desk in desks}
        devices = {device.id for desk in names.values() for device in desk.devices}
        uuids = {uuid: desk.id for desk in names.values() for uuid in _uuids(desk)}
        async with self._one_at_a_time:
            for workspace, known in [*self._desks.items()]:
                owners = {uuids.get(device.uuid) for device in known.devices} - {None}
                is_same = owners == {known.desk} and names[known.desk].organisation == self.tools.wanted.id
                is_met = owners or known.desk in names or any(device.device in devices for device in known.devices)
                if is_met and not is_same:
                    await self._let_go(workspace, known, cause="the configuration names another desk so, or this one")

    async def unname(self, desk: DeskSettings) -> None:
        """
        Let go *desk*, which the configuration names no more; the directory may find it again.

        Raises:
            TimeoutError: see `Housing.let_go`.
        """
        async with self._one_at_a_time:
            for member in [*self.hearing.members.values()]:
                if member.desk == desk.id:
                    self._leave(member.uuid, member.device)
            self._named.pop(desk.id, None)
            await self.tools.housing.let_go(DeskId(desk.id), cause=NOT_CONFIGURED)

    # --- the whole organisation --------------------------------------------------------------------------------------

    async def take_in_known(self, served: Collection[DeskId] = ()) -> None:
        """
        Serve what the directory listed when it was last read: readable, and stale until the cloud is heard.

        What is *served* already was this organisation's before it began anew.
        """
        fleet, named = self.tools.fleet, self._named_devices()
        for known in self.register.desks:
            is_named = any(device.uuid in named for device in known.devices)
            is_taken = known.desk in fleet.workers or any(device.device in fleet.ways for device in known.devices)
            if known.devices and not is_named and (known.desk in served or not is_taken):
                await self._take_in(known)

    def _named_devices(self) -> frozenset[str]:
        """UUIDs of the devices that the configuration names."""
        return frozenset(uuid for desk in self._named.values() for uuid in _uuids(desk))

    @property
    def found(self) -> tuple[KnownDesk, ...]:
        """The desks that the directory found and that are served."""
        return tuple(self._desks.values())

    async def let_all_go(self) -> None:
        """Let go what was found: the organisation is not of this site any more."""
        async with self._one_at_a_time:
            letting = (self._let_go(*held, cause=NOT_CONFIGURED) for held in [*self._desks.items()])
            await asyncio.gather(*letting)

    # --- while it serves ---------------------------------------------------------------------------------------------

    async def follow(self, read: DirectoryRead) -> None:
        """Take over what the directory says now: first who leaves, then who comes, for a device may do both."""
        async with self._one_at_a_time:
            await self._follow(read)

    async def _follow(self, read: DirectoryRead) -> None:
        named = self._named_devices()
        found = {
            desk.workspace.uuid: self._known(desk)
            for desk in read.desks
            if not any(device.uuid in named for device in desk.devices)
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
                await self._let_go(workspace, held, cause="the directory no longer lists it")
            else:
                await self._change(held, attrs.evolve(held, devices=stays))
        self._missing = missing
        for workspace, known in found.items():
            self.register.keep(known)
            if workspace in self._desks:
                await self._change(self._desks[workspace], known)
            else:
                await self._take_in(known)
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
            for settings in [*self._named.values(), *(self._settings(known) for known in self._desks.values())]:
                if settings.id in self.tools.fleet.workers:
                    await self.tools.housing.change(settings, self._configured(settings), self.links)

    # --- desks and devices -------------------------------------------------------------------------------------------

    async def _take_in(self, known: KnownDesk) -> None:
        self._desks[known.workspace] = known
        await self._serve(self._settings(known), [(d.device, d.webex_id, d.software) for d in known.devices])

    async def _serve(
        self,
        desk: DeskSettings,
        devices: list[_Linked],
        *,
        anew: Collection[DeviceId] = (),
    ) -> None:
        """Serve *desk*, which may be served already; *devices* are those of it that are not linked yet."""
        for device, webex_id, _ in devices:
            self._link(device, webex_id)
        housing, configured = self.tools.housing, self._configured(desk)
        if configured.desk in self.tools.fleet.workers:
            await housing.change(desk, configured, self.links, anew=anew)
        else:
            housing.take_in(desk, configured, self.links)
        for device, webex_id, software in devices:
            member = self._join(configured.desk, device, webex_id, software)
            if self.hearing.is_up:  # else it is judged with all others when the cloud is heard
                await self.hearing.judge(member)

    async def _change(self, held: KnownDesk, known: KnownDesk) -> None:
        """Serve *known* where *held* was: devices came or went, or the calendar is another."""
        self._desks[known.workspace] = known
        if _shape(held) == _shape(known):
            return
        stays = {device.device for device in known.devices}
        for device in held.devices:
            if device.device not in stays:
                self._leave(device.uuid, device.device)
        new = [device for device in known.devices if device.device not in self.links]
        for device in new:
            self._link(device.device, device.webex_id)
        settings = self._settings(known)
        await self.tools.housing.change(settings, self._configured(settings), self.links)
        get_log().info("org.desk_moved", org=self.tools.wanted.id, desk_id=known.desk, devices=len(known.devices))
        for device in new:
            self._join(known.desk, device.device, device.webex_id, device.software)
            await self.hearing.judge(self.hearing.members[device.uuid])

    async def _let_go(self, workspace: str, known: KnownDesk, *, cause: str) -> None:
        for device in known.devices:
            self._leave(device.uuid, device.device)
        try:
            await self.tools.housing.let_go(known.desk, cause=cause)
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

    def _join(self, desk: DeskId, device: DeviceId, webex_id: str, software: str | None) -> Member:
        uuid = uuid_of(webex_id)
        ways = self.tools.fleet.ways[device]
        member = Member(uuid=uuid, device=device, desk=desk, ways=ways, software=software)
        self.hearing.members[uuid] = member
        return member

    def _leave(self, uuid: str, device: DeviceId) -> None:
        self.hearing.members.pop(uuid, None)
        self.links.pop(device, None)

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


def _uuids(desk: DeskSettings) -> set[str]:
    return {uuid_of(device.webex_id) for device in desk.devices if device.webex_id is not None}


def _shape(desk: KnownDesk) -> object:
    """What the daemon must be told of when it changes; a device's software it learns from its next session."""
    return desk.calendar, desk.tags, frozenset(device.device for device in desk.devices)


def _with(known: KnownDesk, stays: tuple[KnownDevice, ...]) -> KnownDesk:
    """*known* and the devices that stay although it lacks them."""
    here = {device.uuid for device in known.devices}
    return attrs.evolve(known, devices=(*known.devices, *(device for device in stays if device.uuid not in here)))
