"""Commands and lists through the cloud: lost answers, limits, and companion devices."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs
import pytest

from hotdesk_daemon.core.desk import CommandState
from hotdesk_daemon.simulator import DeskPlan
from hotdesk_daemon.simulator.desks import CURRENT_RELEASE
from tests.scenarios.expecting import delete_command, seen
from tests.scenarios.test_lost_answers import ASK, EFFECTS, KINDS, PATHS, prepare
from tests.scenarios.transports import over, over_cloud

if TYPE_CHECKING:
    import io

    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud

DESKS = 500
RATE_PER_S = 20.0


def companions(kind: str) -> DeskPlan:
    """A workspace of three devices."""
    return DeskPlan(workspace="Desk 1", kind=kind, releases=(CURRENT_RELEASE,) * 3)  # type: ignore[arg-type]  # a kind


@over("queue")
@pytest.mark.parametrize("status", [500, 502, 504])
@pytest.mark.parametrize("command", PATHS)
@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_after_acting_has_one_effect(open_site: OpenSite, kind: str, command: str, status: int) -> None:
    site = await open_site(kind)
    await prepare(site, command)
    before = site.effects(EFFECTS[command])
    site.device.faults.enable("cloud_error", command=PATHS[command], status=status, when="after", times=1)
    await ASK[command](site)
    await site.advance(700)

    assert 1 == site.effects(EFFECTS[command]) - before
    assert 1 == len(site.sent())
    assert [(PATHS[command], "done")] == (await site.outbox())[-1:]
    await seen(site)


@over_cloud
@pytest.mark.parametrize("status", [404, 423, 429])
async def test_an_error_before_acting_is_tried_again(open_site: OpenSite, status: int) -> None:
    site = await open_site("local")
    site.device.faults.enable("cloud_error", command="Bookings Book", status=status, when="before", times=2)
    await site.book()
    await site.advance(120)

    assert 1 == site.effects("booked")
    assert [("Bookings Book", "done")] == await site.outbox()
    assert ["created"] == [booking.state for booking in site.bookings()]


@over_cloud
@pytest.mark.parametrize("status", [400, 403, 409])
async def test_a_refusal_is_final_and_said(open_site: OpenSite, log: io.StringIO, status: int) -> None:
    site = await open_site("local")
    site.device.faults.enable("cloud_error", command="Bookings Book", status=status, when="before", times=1)
    await site.book()
    await site.advance(120)

    assert [("Bookings Book", "parked")] == await site.outbox()
    assert 1 == log.getvalue().count('"event":"command.parked"')
    assert str(status) in (site.commands()[0].message)
    assert 0 == site.effects("booked")


@over("queue")
@pytest.mark.timeout(60)
async def test_a_limit_of_the_cloud_holds_everybody_back_until_it_is_over(
    open_site: OpenSite, transport: Cloud
) -> None:
    """A 429 in the middle of five hundred lists: nothing is asked before the deadline, then all are listed in time."""
    chosen = attrs.evolve(transport, wanted={"rate_per_s": RATE_PER_S, "concurrency": 10})
    plans = [DeskPlan(workspace=f"Desk {number}", kind="local") for number in range(1, DESKS + 1)]
    site = await open_site(*plans, transport=chosen, start=False)
    organisation = site.organisation()
    organisation.faults.enable(
        "cloud_error", command="Bookings List", status=429, when="before", retry_after=60, times=1
    )
    await site.start(live=False)
    await site.until(site.is_live, step_s=1.0)

    asked = [one for one in organisation.requests if not one.path.endswith("/queue")]
    limited = [number for number, one in enumerate(asked) if one.status == 429]
    assert 1 == len(limited)
    struck = asked[limited[0]]
    after = [(one.at - struck.at).total_seconds() for one in asked[limited[0] + 1 :]]
    # What was under way when the answer came had been asked before it.
    assert [] == [seconds for seconds in after if 1.0 < seconds < 60.0]
    assert sum(1 for seconds in after if seconds >= 60.0) > DESKS
    per_second = Counter(int(one.at.timestamp()) for one in asked)
    assert max(per_second.values()) <= RATE_PER_S + 10
    took_s = (asked[-1].at - asked[0].at).total_seconds()
    assert len(asked) / took_s <= RATE_PER_S
    assert took_s < 60 + 2.2 * len(asked) / RATE_PER_S  # after the pause at half the rate, which grows back
    assert all(site.agrees(desk) for desk in range(DESKS))


@over_cloud
async def test_a_limit_with_a_date_is_understood(open_site: OpenSite) -> None:
    site = await open_site("local")
    organisation = site.organisation()
    organisation.retry_after_as_date = True
    site.mark()
    organisation.faults.enable(
        "cloud_error", command="Bookings Book", status=429, when="before", retry_after=50, times=1
    )
    await site.book()
    await site.advance(45)

    assert [] == site.sent()

    await site.advance(20)

    assert 1 == len(site.sent())
    assert [("Bookings Book", "done")] == await site.outbox()


@over_cloud
@pytest.mark.parametrize("kind", KINDS)
async def test_three_companions_have_one_booking_and_get_one_command(open_site: OpenSite, kind: str) -> None:
    site = await open_site(companions(kind))
    asked = await site.book()
    await site.advance(10)
    booking = site.booking()

    assert asked["id"] == booking.booking_id
    assert ("created", 3) == (booking.state, len(booking.ids))
    assert 1 == sum(len(site.sent(0, place)) for place in range(3))
    assert 1 == site.effects("booked")

    site.mark()
    await site.delete(booking.booking_id)
    await site.advance(10)

    assert [delete_command(booking.meeting_id)] == [one for place in range(3) for one in site.sent(0, place)]
    assert 1 == site.effects("deleted")
    assert site.agrees()


@over_cloud
async def test_a_command_for_companions_goes_to_one_that_is_connected(open_site: OpenSite) -> None:
    site = await open_site(companions("local"))
    site.station(0, 0).reboot(300)
    await site.clock.settle()
    await site.book()
    await site.advance(10)

    assert [] == site.sent(0, 0)
    assert 1 == sum(len(site.sent(0, place)) for place in (1, 2))
    assert [("Bookings Book", "done")] == await site.outbox()
    assert is_settled(site)


def is_settled(site: Site) -> bool:
    """Whether no command is under way."""
    return not any(command.state is not CommandState.PARKED for command in site.commands())
