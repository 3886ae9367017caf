"""Several organisations in one process, and one organisation or one device that is heard both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from hotdesk_daemon.core.desk import LinkState
from hotdesk_daemon.ops.settings import Events
from tests.scenarios.expecting import seen
from tests.scenarios.transports import over, over_cloud

if TYPE_CHECKING:
    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud


def is_stale(site: Site, *desks: int) -> list[bool]:
    return [site.state(desk).is_stale for desk in desks]


# --- several organisations -------------------------------------------------------------------------------------------


@over_cloud
async def test_each_organisation_serves_its_own_desks(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site(*["local", "hybrid"] * 3, transport=attrs.evolve(transport, organisations=3))
    for desk in range(6):
        await site.book(desk=desk)
    await site.advance(30)

    assert [1] * 6 == [site.effects("booked", desk) for desk in range(6)]
    assert [""] * 6 == [site.disagreement(desk) for desk in range(6)]
    for number in range(3):
        own = {station.device_id for desk in site.floor.desks[number::3] for station in desk.stations}
        assert own == {one.device for one in site.organisation(number).requests if one.device}


@over_cloud
@pytest.mark.parametrize("trouble", ["dead tokens", "limits", "a flood"])
async def test_one_in_trouble_slows_no_other(open_site: OpenSite, transport: Cloud, trouble: str) -> None:
    site = await open_site("local", "local", transport=attrs.evolve(transport, organisations=2))
    troubled = site.organisation(1)
    match trouble:
        case "dead tokens":
            troubled.faults.enable("refresh_error", status=400)
            troubled.access_tokens.clear()
        case "limits":
            troubled.rate_per_s = 0.001
        case _:
            site.station(1).faults.enable("sync_required_burst", count=3_000)
    site.mark()
    await site.call("POST", f"/api/v1/desks/{site.desk_id(1)}/resync")
    began = site.clock.now()
    await site.book(desk=0)
    await site.until(lambda: "created" in [booking.state for booking in site.bookings()], step_s=0.5)

    assert (site.clock.now() - began).total_seconds() <= 5
    assert site.agrees(0)
    assert not site.is_stale


# --- both ways in ----------------------------------------------------------------------------------------------------


@over("webhook")
@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_what_queue_and_webhook_both_bring_has_one_effect(
    open_site: OpenSite, transport: Cloud, kind: str
) -> None:
    site = await open_site(kind, transport=attrs.evolve(transport, wanted={"events": Events.BOTH}))
    await site.play("F06" if kind == "local" else "F07")
    both = await seen(site)

    assert 1 == len(both.bookings)
    assert [] == [code for code in both.codes if code in {"booking.repeated", "booking.late", "event.odd"}]
    status, page = 200, await site.text("/metrics")
    assert 200 == status
    duplicates = [line for line in page.splitlines() if "cloud_messages" in line and 'kind="duplicate"' in line]
    assert 1 == len(duplicates)
    assert float(duplicates[0].split()[-1]) > 0


# --- socket and cloud ------------------------------------------------------------------------------------------------


@over_cloud
async def test_the_socket_is_taken_first_and_nothing_is_sent_twice(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "hybrid", transport=attrs.evolve(transport, sockets=True))
    await site.advance(60)  # whichever way stood first, the sockets stand by now
    for desk in range(2):
        await site.book(desk=desk)
    await site.advance(30)

    assert [1, 1] == [len(site.sent(desk)) for desk in range(2)]
    assert [1, 1] == [site.effects("booked", desk) for desk in range(2)]
    assert [] == [one for one in site.organisation().requests if "command/Bookings.Book" in one.path]
    assert ["", ""] == [site.disagreement(desk) for desk in range(2)]


@over_cloud
@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_the_cloud_takes_over_when_the_socket_falls_and_gives_back(
    open_site: OpenSite, transport: Cloud, kind: str
) -> None:
    site = await open_site(kind, transport=attrs.evolve(transport, sockets=True))
    site.floor.faults.enable("upgrade_502")
    site.device.faults.enable("cut")
    await site.until(lambda: not site.is_stale, limit_s=60)
    site.mark()
    await site.book()
    await site.advance(20)

    assert 1 == len([one for one in site.organisation().requests if one.path.endswith("command/Bookings.Book")])
    assert 1 == site.effects("booked")
    assert ["created"] == [booking.state for booking in site.bookings()]
    assert site.agrees()

    site.floor.faults.clear()
    await site.advance(600)
    asked = len(site.organisation().requests)
    await site.edit(site.booking().booking_id, duration_min=45)
    await site.advance(20)

    assert [LinkState.LIVE] == [device.link for device in site.state().devices.values()]
    assert 1 == site.effects("moved")
    assert [] == [one for one in [*site.organisation().requests][asked:] if "command" in one.path]
    assert site.agrees()


@over_cloud
@pytest.mark.parametrize("kind", ["local", "hybrid"])
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
async def test_a_socket_that_falls_under_a_command_leaves_one_effect(
    open_site: OpenSite, transport: Cloud, kind: str, fault: str
) -> None:
    site = await open_site(kind, transport=attrs.evolve(transport, sockets=True))
    site.floor.faults.enable("upgrade_502")
    site.device.faults.enable(fault, command="Bookings Book", times=1)
    await site.book()
    await site.advance(700)

    is_hopeless = (kind, fault) == ("hybrid", "cut_before")  # nobody can tell that it was not done
    assert (0 if is_hopeless else 1) == site.effects("booked")
    assert [("Bookings Book", "parked" if is_hopeless else "done")] == await site.outbox()
    assert site.agrees()


@over_cloud
async def test_an_organisation_that_falls_silent_leaves_the_sockets_alone(
    open_site: OpenSite, transport: Cloud
) -> None:
    site = await open_site("local", transport=attrs.evolve(transport, sockets=True))
    organisation = site.organisation()
    organisation.faults.enable("poll_error", status=502)
    organisation.faults.enable("refresh_error", status=400)
    organisation.access_tokens.clear()
    await site.advance(4 * 3600)
    await site.book()
    await site.advance(10)

    assert [False] == is_stale(site, 0)
    assert [("Bookings Book", "done")] == await site.outbox()
