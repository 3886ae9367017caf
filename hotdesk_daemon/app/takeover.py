"""
Having a running site live by other settings.

Everything that can fail is done before anything changes: files are read, certificates loaded, a port opened. What then
changes is found by comparing with what is served, desk by desk, so that one that is not concerned notices nothing, and
a change that was cut short is completed by the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import attrs

from hotdesk_daemon.app.endpoints import endpoint_of
from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.housing import Housing
from hotdesk_daemon.app.organisations import Ground, Organisations, prepare
from hotdesk_daemon.app.safety import BreakerLimits
from hotdesk_daemon.app.zones import load_zones
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.dispatch import Dispatcher, FleetLimiter, Limits, RetrySettings
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.settings import DispatchSettings, SafetySettings, Settings, desk_configured, ensure_http_token
from hotdesk_daemon.ops.settings.changes import Change, Differences, differences
from hotdesk_daemon.ops.settings.declared import Applies
from hotdesk_daemon.transport import SslContexts

if TYPE_CHECKING:
    from hotdesk_daemon.ops.settings import DeskSettings

NOT_CONFIGURED: Final = "it is not configured any more"


def limits_of(wanted: DispatchSettings) -> Limits:
    """The fleet's limits as configured."""
    return Limits(rate_per_s=wanted.rate_per_s, burst=wanted.concurrency, concurrency=wanted.concurrency)


def retry_of(wanted: DispatchSettings) -> RetrySettings:
    """How patient the dispatcher is, as configured."""
    return RetrySettings(max_attempts=wanted.attempts)


def breaker_of(wanted: SafetySettings) -> BreakerLimits:
    """When the breaker opens, as configured."""
    window = timedelta(seconds=wanted.breaker_window_s)
    return BreakerLimits(desks=wanted.breaker_desks, share=wanted.breaker_share, window=window)


@attrs.frozen(kw_only=True)
class Prepared:
    """Other settings, with all that had to be read for them."""

    settings: Settings
    changes: Differences
    token: str = attrs.field(repr=False)
    zones: tuple[ZoneInfo, ...]
    contexts: SslContexts
    grounds: Mapping[str, Ground]  # of the organisations that come, or begin anew


@attrs.define(eq=False, kw_only=True)
class TakeOver:
    """The site, by the settings that are in force."""

    settings: Settings
    fleet: Fleet
    housing: Housing
    organisations: Organisations
    dispatcher: Dispatcher
    limiter: FleetLimiter
    zones: tuple[ZoneInfo, ...]  # held, so that they stay in memory

    async def prepare(self, settings: Settings) -> Prepared:
        """
        Read everything that *settings* need.

        Raises:
            ConfigError: something of it cannot be used.
            TransientError: a port is not to be had.
        """
        changes = differences(self.settings, settings)
        anew = {name for name, changed in changes.organisations.changed if _needs_connections(changed)}
        anew |= {one.id for one in settings.organisations if one.id not in self.organisations}
        zones = await asyncio.to_thread(load_zones, settings.desks, settings.policy)
        contexts = await asyncio.to_thread(_contexts, settings)
        grounds = await prepare((one for one in settings.organisations if one.id in anew), settings)
        token = settings.http.token
        if token is None:
            token = await asyncio.to_thread(ensure_http_token, settings.daemon.state_dir)
        await self.organisations.open_door(settings)
        return Prepared(
            settings=settings,
            changes=changes,
            token=token.reveal(),
            zones=zones,
            contexts=contexts,
            grounds={ground.wanted.id: ground for ground in grounds},
        )

    def going(self, settings: Settings) -> tuple[DeskId, ...]:
        """The desks that are served now, and would not be by *settings*."""
        named = {DeskId(desk.id) for desk in settings.desks}
        organisations = {one.id for one in settings.organisations}
        living = {desk for one in self.organisations if one.id in organisations for desk in one.found}
        return tuple(desk for desk in self.fleet.workers if desk not in named | living)

    async def apply(self, prepared: Prepared) -> tuple[DeskId, ...]:
        """Live by other settings from now on; give the desks that could not be let go yet."""
        settings = prepared.settings
        self.zones = prepared.zones
        self.limiter.change(limits_of(settings.dispatch))
        self.fleet.switches.limits = breaker_of(settings.safety)
        self.dispatcher.change(retry_of(settings.dispatch))
        self.housing.take_sockets(settings.sockets, prepared.contexts)
        staying = await self._let_go(settings)
        await self.organisations.make_room(settings.desks)
        await self._free_devices(settings)
        self.organisations.change(settings)
        await self._organisations(settings, prepared.grounds)
        await self._desks(settings)
        await self.organisations.retell()
        await self.housing.renew_endpoints()
        self.fleet.organisations = self.organisations.standings
        self.settings = settings
        return staying

    async def _let_go(self, settings: Settings) -> tuple[DeskId, ...]:
        """Let desks go that are not configured any more, or of another organisation now."""
        wanted = {DeskId(desk.id): desk for desk in settings.desks}
        found = self.organisations.found
        served = {desk: self.housing.served(desk) for desk in self.fleet.workers if desk not in found}
        going = {
            desk_id: desk
            for desk_id, desk in served.items()
            if desk is not None and (desk_id not in wanted or wanted[desk_id].organisation != desk.organisation)
        }
        letting = (self._let_one_go(desk) for desk in going.values())
        errors = await asyncio.gather(*letting, return_exceptions=True)
        staying = []
        for desk_id, error in zip(going, errors, strict=True):
            if isinstance(error, TimeoutError):
                staying.append(desk_id)
                get_log().warning("config.desk_stays", desk_id=desk_id)
            elif error is not None:
                raise error
        return tuple(staying)

    async def _let_one_go(self, desk: DeskSettings) -> None:
        if desk.organisation is not None and desk.organisation in self.organisations:
            await self.organisations.let_go(desk)
        else:
            await self.housing.let_go(DeskId(desk.id), cause=NOT_CONFIGURED)

    async def _free_devices(self, settings: Settings) -> None:
        """Let devices go from the desks that they leave, before the desks that they come to take them in."""
        for desk in settings.desks:
            held = self.housing.served(DeskId(desk.id))
            here = {device.id for device in held.devices} if held is not None else set()
            for device in desk.devices:
                if device.id not in here and DeviceId(device.id) in self.fleet.ways:
                    await self.housing.drop_device(DeviceId(device.id))

    async def _organisations(self, settings: Settings, grounds: Mapping[str, Ground]) -> None:
        wanted = {one.id for one in settings.organisations}
        for organisation in self.organisations:
            if organisation.id not in wanted:
                await self.organisations.remove(organisation.id)
        for name, ground in grounds.items():
            if name in self.organisations:
                named = [desk for desk in settings.desks if desk.organisation == name]
                await self.organisations.renew(ground, named)
            else:
                await self.organisations.add(ground)

    async def _desks(self, settings: Settings) -> None:
        for desk in settings.desks:
            held = self.housing.served(DeskId(desk.id))
            if held == desk and desk.organisation is not None:
                continue  # what the site's settings mean to it, its organisation tells
            anew = _anew(held, desk)
            if desk.organisation is not None:
                await self.organisations.take_in(desk, anew=anew)
            elif held is None:
                self.housing.take_in(desk, desk_configured(settings, desk), {})
            else:
                await self.housing.change(desk, desk_configured(settings, desk), {}, anew=anew)
            await asyncio.sleep(0)  # hundreds of new desks are not to hold up the others


def _needs_connections(changes: tuple[Change, ...]) -> bool:
    return any(change.applies is Applies.ORGANISATION for change in changes)


def _anew(held: DeskSettings | None, desk: DeskSettings) -> frozenset[DeviceId]:
    """The devices that are reached in another way than before."""
    before = {device.id: device for device in held.devices} if held is not None else {}
    return frozenset(DeviceId(d.id) for d in desk.devices if d.id in before and before[d.id] != d)


def _contexts(settings: Settings) -> SslContexts:
    """Whatever the devices' certificates are checked with, read anew. Blocks."""
    contexts = SslContexts()
    for desk in settings.desks:
        for device in desk.devices:
            if device.url is not None and device.password is not None:
                endpoint = endpoint_of(settings.sockets, desk, device)
                if endpoint.is_secure:
                    contexts.context(endpoint.tls)
    return contexts
