"""What tests of reloads look at: sessions, numbers and log lines before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import msgspec

if TYPE_CHECKING:
    import io

    from hotdesk_daemon.app.ways import Ways
    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.ops.settings import DeskSettings, Settings
    from tests.scenarios.site import Site


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    told = [msgspec.json.decode(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]


def sessions(site: Site) -> dict[DeviceId, tuple[Ways, int]]:
    """Which ways each device has, and how often they have changed: the same means the same session."""
    return {device: (ways, ways.session) for device, ways in site.daemon.fleet.ways.items()}


def with_desks(settings: Settings, *desks: DeskSettings) -> Settings:
    return attrs.evolve(settings, desks=desks)


async def metric(site: Site, name: str) -> float:
    text = await site.text("/metrics")
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))
