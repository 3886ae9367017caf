"""Desks that the directory says are there: they appear, move and disappear while the daemon runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import msgspec

from hotdesk_daemon.core.desk import LinkState
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.simulator import DeskPlan
from hotdesk_daemon.simulator.desks import CURRENT_RELEASE
from tests.scenarios.transports import over

if TYPE_CHECKING:
    import io

    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud

pytestmark = over("queue")
DIRECTORY_S = 300.0
TRIO = DeskPlan(workspace="Desk 3", kind="local", releases=(CURRENT_RELEASE, CURRENT_RELEASE, "11.19.1"))


def found(transport: Cloud, **wanted: object) -> Cloud:
    return attrs.evolve(transport, found=True, wanted={"directory_interval_s": DIRECTORY_S, **wanted})


def told(log: io.StringIO, event: str) -> list[dict[str, object]]:
    lines = [msgspec.json.decode(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if event == line["event"]]


def names(site: Site) -> list[str]:
    return [str(desk.desk_id) for desk in site.daemon.fleet.desks()]


async def test_desks_are_found_with_their_calendars_companions_and_releases(
    open_site: OpenSite, transport: Cloud, log: io.StringIO
) -> None:
    site = await open_site("local", "hybrid", TRIO, transport=found(transport))

    assert ["desk-1", "desk-2", "desk-3"] == names(site)
    assert [CalendarKind.LOCAL, CalendarKind.HYBRID, CalendarKind.LOCAL] == [
        site.state(desk).calendar for desk in range(3)
    ]
    assert [1, 1, 3] == [len(site.state(desk).devices) for desk in range(3)]
    software = {device.software for device in site.state(2).devices.values()}
    assert {True, False} == {"11.19.1" in (text or "") for text in software}
    assert 3 == len(told(log, "org.desk_added"))

    await site.book(desk=2)
    await site.advance(10)

    assert site.agrees(2)
    assert 1 == site.effects("booked", 2)


async def test_a_desk_that_appears_is_taken_in(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "local", transport=found(transport), start=False)
    organisation = site.organisation()
    hidden = organisation.workspace_uuid(site.floor.desks[1])
    organisation.hidden.add(hidden)
    await site.start(live=False)
    await site.until(lambda: ["desk-1"] == names(site))
    organisation.hidden.remove(hidden)
    await site.until(site.is_live, limit_s=DIRECTORY_S + 60)
    await site.book(desk=1)
    await site.advance(10)

    assert ["desk-1", "desk-2"] == names(site)
    assert [("Bookings Book", "done")] == await site.outbox(1)


async def test_a_stranger_that_speaks_is_looked_up_at_once(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "local", transport=found(transport, directory_interval_s=86_400.0), start=False)
    organisation = site.organisation()
    hidden = organisation.workspace_uuid(site.floor.desks[1])
    organisation.hidden.add(hidden)
    await site.start(live=False)
    await site.until(lambda: ["desk-1"] == names(site))
    await site.advance(120)
    organisation.hidden.remove(hidden)
    site.station(1).people.book(30, "Desk", "person1@example.com", start=site.at(200))
    await site.until(site.is_live, limit_s=180)

    assert site.agrees(1)


async def test_a_desk_that_disappears_is_let_go_after_two_readings(
    open_site: OpenSite, transport: Cloud, log: io.StringIO
) -> None:
    site = await open_site("local", "local", transport=found(transport))
    organisation = site.organisation()
    hidden = organisation.workspace_uuid(site.floor.desks[1])
    await site.advance(10)
    organisation.hidden.add(hidden)
    await site.advance(DIRECTORY_S)

    assert ["desk-1", "desk-2"] == names(site)

    await site.advance(DIRECTORY_S + 10)

    assert ["desk-1"] == names(site)
    assert ["desk-2"] == [line["desk_id"] for line in told(log, "org.desk_removed")]
    assert 404 == (await site.call("GET", "/api/v1/desks/desk-2"))[0]

    organisation.hidden.remove(hidden)
    await site.until(site.is_live, limit_s=2 * DIRECTORY_S)

    assert ["desk-1", "desk-2"] == names(site)
    assert site.agrees(1)


async def test_a_reading_that_fails_empties_no_building(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "local", transport=found(transport))
    site.organisation().rate_per_s = 0.001
    await site.advance(5 * DIRECTORY_S)

    assert ["desk-1", "desk-2"] == names(site)


async def test_a_companion_that_leaves_its_desk_is_let_go_and_the_desk_lives_on(
    open_site: OpenSite, transport: Cloud, log: io.StringIO
) -> None:
    site = await open_site("local", "local", TRIO, transport=found(transport))
    organisation = site.organisation()
    leaving = site.station(2, 1)
    organisation.hidden.add(organisation.device_uuid(leaving))
    await site.advance(2 * DIRECTORY_S + 20)

    assert 2 == len(site.state(2).devices)
    assert ["desk-3"] == [line["desk_id"] for line in told(log, "org.desk_moved")]

    site.mark()
    await site.book(desk=2)
    await site.advance(10)

    assert [] == site.sent(2, 1)
    assert [("Bookings Book", "done")] == await site.outbox(2)


async def test_a_restart_knows_the_desks_before_the_cloud_is_reached(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "hybrid", transport=found(transport))
    await site.book()
    await site.advance(10)
    booking = site.booking()
    await site.stop()
    site.organisation().access_tokens.clear()
    site.organisation().faults.enable("refresh_error", status=500)
    await site.start(live=False)
    await site.clock.settle()

    assert ["desk-1", "desk-2"] == names(site)
    assert booking.meeting_id == site.booking().meeting_id
    assert site.is_stale
    status, answer = await site.call("GET", "/readyz")
    assert 503 == status
    assert any("simulated-org-1" in reason for reason in answer["reasons"])


async def test_a_device_elsewhere_is_told_once_and_tried_again(
    open_site: OpenSite, transport: Cloud, log: io.StringIO
) -> None:
    site = await open_site("local", "local", transport=found(transport), start=False)
    organisation = site.organisation()
    organisation.elsewhere.add(organisation.device_uuid(site.station(1)))
    await site.start(live=False)
    await site.until(lambda: not site.state(0).is_stale)
    await site.advance(3 * 3600)

    assert 1 == len(told(log, "org.device_forbidden"))
    assert [LinkState.DOWN] == [device.link for device in site.state(1).devices.values()]
    asked = [one for one in organisation.requests if one.status == 403]
    assert 2 <= len(asked) <= 5

    organisation.elsewhere.clear()
    await site.until(site.is_live, limit_s=2 * 3600)

    assert site.agrees(1)


async def test_only_what_is_selected_is_taken_in(open_site: OpenSite, transport: Cloud) -> None:
    base = found(transport)
    site = await open_site("local", "local", "local", transport=base, start=False)
    organisation = site.organisation()
    organisation.tags[site.station(1).device_id] = ("quiet",)
    wanted = site.settings.organisations[0]
    select = attrs.evolve(wanted.select, tags=("quiet",))
    site.settings = attrs.evolve(site.settings, organisations=(attrs.evolve(wanted, select=select),))
    await site.start(live=False)
    await site.until(lambda: ["desk-2"] == names(site))
    await site.advance(DIRECTORY_S)

    assert ["desk-2"] == names(site)
