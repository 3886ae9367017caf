"""A cloud that pushes only the narrowest of the lists that are public: the daemon looks, and converges."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs
import pytest

from tests.scenarios.transports import over, over_cloud

if TYPE_CHECKING:
    import io

    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud

#: What is configured: so late may be seen what is not pushed.
RECONCILE_S = 600.0
#: A look may come a little late: desks look each at a moment of their own, and a list takes its time.
LATE_S = 60.0
DAYS = int(os.environ.get("HOTDESK_REDUCED_DAYS", "1"))


def reduced(transport: Cloud) -> Cloud:
    return attrs.evolve(transport, wanted={"reconcile_interval_s": RECONCILE_S})


async def opened(open_site: OpenSite, transport: Cloud, *desks: str, **options: object) -> Site:
    """A site whose cloud pushes little, and says so."""
    site = await open_site(*desks, transport=reduced(transport), start=False, **options)
    site.floor.faults.enable("cloud_reduced")
    await site.start()
    return site


@over_cloud
async def test_what_is_missing_is_told_once(open_site: OpenSite, transport: Cloud, log: io.StringIO) -> None:
    site = await opened(open_site, transport, "local", "hybrid")
    await site.advance(3 * 3600)

    told = [line for line in log.getvalue().splitlines() if '"org.unsupported"' in line]
    assert 1 == len(told)
    assert "Bookings.BookingCreated" in told[0]
    assert "Webex.DevicePersonalization.Personalized" in told[0]
    assert "Bookings.Start" not in told[0]


@over_cloud
@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_a_booking_that_nothing_told_of_is_seen_in_time(open_site: OpenSite, transport: Cloud, kind: str) -> None:
    site = await opened(open_site, transport, kind)
    await site.advance(30)
    if kind == "local":
        site.device.people.book(60, "Desk", "person1@example.com", start=site.at(180))
    else:
        site.plan.backend.create("person1@example.com", site.at(180), 60, title="Desk")
    await site.advance(RECONCILE_S + LATE_S)

    assert ["created"] == [booking.state for booking in site.bookings()]
    assert site.agrees()


@over_cloud
async def test_our_own_booking_is_confirmed_by_a_look(open_site: OpenSite, transport: Cloud) -> None:
    site = await opened(open_site, transport, "local")
    await site.book(begins_in_min=90)
    await site.advance(RECONCILE_S + LATE_S)

    assert ["created"] == [booking.state for booking in site.bookings()]
    assert [("Bookings Book", "done")] == await site.outbox()
    assert 1 == site.effects("booked")


@over_cloud
async def test_a_sign_in_is_seen_soon_after_the_start(open_site: OpenSite, transport: Cloud) -> None:
    site = await opened(open_site, transport, "local")
    site.device.people.book(60, "Desk", "person1@example.com", start=site.at(60))
    await site.until(lambda: bool(site.bookings()), limit_s=RECONCILE_S + LATE_S)
    await site.until(lambda: "started" == site.booking().state, limit_s=3600)
    began = site.clock.now()
    site.device.people.sign_in("person1@example.com")
    await site.until(lambda: "shared" not in site.sign_ins(), limit_s=3600)

    assert site.clock.now() - began <= timedelta(seconds=120)


@over("queue")
@pytest.mark.timeout(60 + 40 * DAYS)
async def test_days_converge(open_site: OpenSite, transport: Cloud) -> None:
    """People live with the desks for days; every night, when all is still, the picture is the truth."""
    site = await opened(open_site, transport, "local", "hybrid", living=True)
    site.poll_seldom()
    lists: Counter[int] = Counter()
    for day in range(DAYS):
        site.mark()
        midnight = site.at(16 * 60 + 24 * 60 * day)
        while site.clock.now() < midnight:
            await site.advance(600)
        lists[day] = sum(site.lists(desk) for desk in range(2))
        await site.advance(2 * RECONCILE_S)

        assert [""] * 2 == [site.disagreement(desk) for desk in range(2)]

    booked = sum(site.effects("booked", desk) for desk in range(2))
    assert booked > DAYS
    # No more looks than the timer, the starts and the ends ask for.
    assert max(lists.values()) <= 2 * 86_400 / RECONCILE_S * 1.5
