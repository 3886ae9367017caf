"""What is heard of a device while it is let go: it is told to nobody and ends nothing."""

from __future__ import annotations

from hotdesk_daemon.core.inputs import SyncRequired
from tests.app.test_fleet import DESK, DEVICE, Site, a_site


async def kinds(site: Site) -> list[str]:
    return [record.kind for record in await site.journal.history(DESK)]


async def test_what_is_told_of_a_device_that_was_let_go_reaches_nobody() -> None:
    async with a_site() as site:
        before = await kinds(site)
        site.fleet.drop_device(DEVICE)
        await site.fleet.link_up(DEVICE, software=None, booking_timeout_s=None)
        await site.fleet.link_down(DEVICE, cause="gone")
        await site.fleet.undecodable(DEVICE, b"?", "means nothing")

        assert await site.fleet.told(DEVICE, (SyncRequired(device=DEVICE),), raw=b"?") is None
        await site.settle()
        assert before == await kinds(site)
