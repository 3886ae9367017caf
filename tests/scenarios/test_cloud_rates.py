"""A cloud that grants fewer requests than are configured, or hardly more: a site converges, and reads nothing twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs
import pytest

from tests.scenarios.transports import over

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.cloud.organisation import Request
    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud

pytestmark = [over("queue"), pytest.mark.timeout(30)]

DESKS = 100
REFUSED = 429
#: Statuses by tens, and the list.
OF_ONE_DESK = 3


async def converged(open_site: OpenSite, transport: Cloud, *, rate: float, limit: float, within_s: float) -> Site:
    """A site whose cloud grants *limit* requests per second; every desk is live before that time has passed."""
    hurried = attrs.evolve(transport, wanted={"rate_per_s": rate, "concurrency": 20})
    site = await open_site(*["local"] * DESKS, transport=hurried, start=False)
    site.organisation().rate_per_s = limit
    await site.start(live=False)
    await site.until(site.is_live, limit_s=within_s)
    return site


def refused(site: Site) -> int:
    return sum(1 for one in site.organisation().requests if one.status == REFUSED)


def of_desks(site: Site) -> list[Request]:
    """What was asked of devices and answered."""
    return [one for one in site.organisation().requests if "/xapi/" in one.path and one.status != REFUSED]


@pytest.mark.parametrize(
    ("rate", "limit", "within_s", "refusals"), [(20.0, 15.0, 60.0, 3), (30.0, 5.0, 120.0, 10), (100.0, 5.0, 300.0, 80)]
)
async def test_a_rate_that_is_too_high_converges_and_reads_nothing_twice(
    open_site: OpenSite, transport: Cloud, rate: float, limit: float, within_s: float, refusals: int
) -> None:
    site = await converged(open_site, transport, rate=rate, limit=limit, within_s=within_s)

    assert 1 <= refused(site) <= refusals
    asked = Counter(one.device for one in of_desks(site) if one.device)
    assert {OF_ONE_DESK: DESKS} == Counter(asked.values())
    assert [""] * DESKS == [site.disagreement(desk) for desk in range(DESKS)]


@pytest.mark.parametrize(("rate", "limit"), [(5.0, 6.0), (15.0, 16.0), (40.0, 42.0)])
async def test_a_limit_just_above_the_rate_is_never_met(
    open_site: OpenSite, transport: Cloud, rate: float, limit: float
) -> None:
    site = await converged(open_site, transport, rate=rate, limit=limit, within_s=(OF_ONE_DESK * DESKS + 20) / rate)
    await site.advance(600)

    assert 0 == refused(site)


async def test_a_command_is_not_sent_again_by_itself_when_the_cloud_wants_a_pause(
    open_site: OpenSite, transport: Cloud
) -> None:
    """Before it goes out once more the journal must have it that it did not go."""
    site = await open_site("local", transport=transport)
    site.device.faults.enable(
        "cloud_error", command="Bookings Book", status=REFUSED, when="before", retry_after=30, times=1
    )
    began = site.clock.mono()
    await site.book()
    await site.until(lambda: bool(site.effects("booked")))

    assert 30 <= site.clock.mono() - began <= 60
    told = [row.command.attempts for row in await site.daemon.fleet.commands(desk_id=site.desk_id(), limit=10)]
    assert [2] == told
    assert 1 == site.effects("booked")
    for _ in range(2):  # it is a count of answers, not of looks
        page = await site.text("/metrics")
        assert 'hotdesk_cloud_throttled_total{org="simulated-org-1"} 1.0' in page
