"""
The whole configuration as one value, and what of it the other rooms take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import DeskConfigured
from hotdesk_daemon.core.policy import Hours, Policy, Stage
from hotdesk_daemon.ops.settings.daemon import (
    DaemonSettings,
    DispatchSettings,
    HttpSettings,
    HybridSettings,
    JournalSettings,
    LogSettings,
    SimulatorSettings,
    SocketSettings,
    SyncSettings,
)
from hotdesk_daemon.ops.settings.declared import setting
from hotdesk_daemon.ops.settings.desks import DeskSettings, PolicySettings, Weekday
from hotdesk_daemon.ops.settings.organisations import OrganisationSettings, WebhookDoorSettings
from hotdesk_daemon.ops.settings.safety import SafetySettings, StageSettings
from hotdesk_daemon.ops.settings.special import Table, Tables

if TYPE_CHECKING:
    from collections.abc import Collection

_WEEKDAYS: Final = tuple(Weekday)


@attrs.frozen(kw_only=True)
class Settings:
    """
    Everything that can be configured, checked as a whole.

    ``warnings`` are finished lines about what works but should be mended; show or log each.
    """

    daemon: DaemonSettings = setting(Table(DaemonSettings), "", default=DaemonSettings())
    journal: JournalSettings = setting(Table(JournalSettings), "", default=JournalSettings())
    http: HttpSettings = setting(Table(HttpSettings), "", default=HttpSettings())
    log: LogSettings = setting(Table(LogSettings), "", default=LogSettings())
    sockets: SocketSettings = setting(Table(SocketSettings), "", default=SocketSettings())
    dispatch: DispatchSettings = setting(Table(DispatchSettings), "", default=DispatchSettings())
    sync: SyncSettings = setting(Table(SyncSettings), "", default=SyncSettings())
    hybrid: HybridSettings = setting(Table(HybridSettings), "", default=HybridSettings())
    policy: PolicySettings = setting(Table(PolicySettings), "", default=PolicySettings())
    safety: SafetySettings = setting(Table(SafetySettings), "", default=SafetySettings())
    webhook: WebhookDoorSettings = setting(Table(WebhookDoorSettings), "", default=WebhookDoorSettings())
    simulator: SimulatorSettings = setting(Table(SimulatorSettings), "", default=SimulatorSettings())
    organisations: tuple[OrganisationSettings, ...] = setting(
        Tables(OrganisationSettings), "", default=(), key="organisation"
    )
    stages: tuple[StageSettings, ...] = setting(Tables(StageSettings), "", default=(), key="stage")
    desks: tuple[DeskSettings, ...] = setting(Tables(DeskSettings), "", default=(), key="desk")
    warnings: tuple[str, ...] = attrs.field(default=(), eq=False)

    @property
    def journal_url(self) -> str:
        """The journal as a database address, absolute."""
        if self.journal.url is not None:
            return self.journal.url
        path = self.journal.path or self.daemon.state_dir / "journal.sqlite3"
        return f"sqlite:///{path.absolute()}"


def policy_of(settings: PolicySettings) -> Policy:
    """Return the rules as ``core`` judges by them."""
    hours = [
        Hours(weekday=_WEEKDAYS.index(day), opens_min=period.opens_min, closes_min=period.closes_min)
        for period in settings.opening_hours
        for day in period.days
    ]
    return Policy(
        max_duration_min=None if settings.max_duration_s is None else round(settings.max_duration_s / 60),
        opening_hours=tuple(sorted(hours, key=lambda h: (h.weekday, h.opens_min, h.closes_min))),
        time_zone=settings.time_zone,
    )


def stage_of(settings: Settings, tags: Collection[str]) -> Stage:
    """The stage of a desk that has none of its own."""
    return next((one.stage for one in settings.stages if one.tag in tags), settings.daemon.stage)


def desk_configured(settings: Settings, desk: DeskSettings) -> DeskConfigured:
    """Return the input that tells ``core`` how *desk*, one of *settings* or a simulated one, is configured."""
    interval_s = settings.sync.interval_s if desk.sync_interval_s is None else desk.sync_interval_s
    return DeskConfigured(
        desk=DeskId(desk.id),
        calendar=desk.calendar,
        devices=tuple(DeviceId(device.id) for device in desk.devices),
        stage=desk.stage or stage_of(settings, desk.tags),
        policy=policy_of(desk.policy or settings.policy),
        sync_interval_s=round(interval_s),
        deadline_s=round(settings.dispatch.deadline_s),
        sign_in_settle_s=round(settings.sync.sign_in_settle_s),
        booking_timeout_s=round(settings.hybrid.booking_timeout_s),
    )
