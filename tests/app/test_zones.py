"""The time zones that rules are judged in."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hotdesk_daemon.app.zones import load_zones
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.ops.settings import DeskSettings, PolicySettings


def test_every_zone_that_a_rule_names_is_held() -> None:
    desks = (
        DeskSettings(id="a", calendar=CalendarKind.LOCAL, policy=PolicySettings(time_zone="Asia/Tokyo"), devices=()),
        DeskSettings(id="b", calendar=CalendarKind.LOCAL, devices=()),
    )
    zones = load_zones(desks, PolicySettings(time_zone="Europe/Oslo"))

    assert {"Asia/Tokyo", "Europe/Oslo", "UTC"} == {zone.key for zone in zones}
    assert all(zone is ZoneInfo(zone.key) for zone in zones)
