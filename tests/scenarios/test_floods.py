"""Much at once: floods of events, and many desks lost together."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.desk import LinkState
from hotdesk_daemon.ops.settings import SocketSettings
from hotdesk_daemon.simulator import DeskPlan
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from datetime import datetime

    from tests.scenarios.site import OpenSite, Site

PER_S = 50.0


async def test_a_thousand_sync_required_within_a_second_cost_two_lists_at_most(open_site: OpenSite) -> None:
    site = await open_site("local")
    await site.advance(60)
    site.mark()
    for _ in range(100):
        site.device.faults.enable("sync_required_burst", count=10)
        await site.advance(0.009)

    told = sum(1 for step in await site.steps() if step.kind == "SyncRequired")
    # Two messages of the cloud that are alike to the millisecond are one that was sent twice.
    assert 1000 == told if site.cloud is None else 100 <= told <= 1000
    assert 1 <= site.lists() <= 2

    await site.advance(60)

    assert 2 == site.lists()
    assert not site.is_stale
    assert site.agrees()


async def test_a_flood_at_one_desk_leaves_the_others_alone(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    site.device.faults.enable("sync_required_burst", count=1000)
    site.station(1).people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(5)

    assert ["created"] == [booking.state for booking in site.bookings(1)]
    assert 0 == site.lists(1)
    assert not site.is_stale


def watch_connects(site: Site) -> list[datetime]:
    """Note when the devices accept each connection, by the site's clock."""
    servers = [station.server for desk in site.floor.desks for station in desk.stations]
    before = sum(server.connections_made for server in servers)
    accepted: list[datetime] = []

    async def look() -> None:
        made = sum(server.connections_made for server in servers) - before
        accepted.extend([site.clock.now()] * (made - len(accepted)))

    site.clock.settle_with(look)
    return accepted


async def all_dropped(open_site: OpenSite, desks: int) -> None:
    plans = [DeskPlan(workspace=f"Desk {number}") for number in range(desks)]
    sockets = SocketSettings(connects_per_s=PER_S, handshakes=64)
    site = await open_site(*plans, sockets=sockets)
    await site.advance(60)
    connects = watch_connects(site)
    site.floor.faults.enable("cut")
    await site.clock.settle()

    assert all(desk.is_stale for desk in site.daemon.fleet.desks())

    await site.until(site.is_live, limit_s=120)

    assert desks <= len(connects)
    window = round(PER_S)
    too_close = [
        (first, later)
        for first, later in zip(connects, connects[window:], strict=False)
        if (later - first).total_seconds() < 0.999
    ]
    assert [] == too_close
    assert all((later - earlier).total_seconds() > 0.9 / PER_S for earlier, later in pairwise(connects))
    assert all(LinkState.LIVE is d.link for desk in site.daemon.fleet.desks() for d in desk.devices.values())


@over_socket
@pytest.mark.timeout(30)
async def test_fifty_desks_dropped_at_once_come_back_no_faster_than_configured(open_site: OpenSite) -> None:
    await all_dropped(open_site, 50)


@over_socket
@pytest.mark.timeout(60)
async def test_five_hundred_desks_dropped_at_once_come_back_no_faster_than_configured(open_site: OpenSite) -> None:
    await all_dropped(open_site, 500)
