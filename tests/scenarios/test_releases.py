"""Desks of older releases: nothing is asked of a device that lacks it, and what it cannot say is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.simulator import DeskPlan
from tests.scenarios.expecting import LOGOUT, ONE, Seen, seen
from tests.scenarios.transports import over

if TYPE_CHECKING:
    from tests.scenarios.site import OpenSite


def desk(release: str, kind: str = "local") -> DeskPlan:
    return DeskPlan(workspace="Desk 1", kind=kind, releases=(release,))  # type: ignore[arg-type]  # a kind


@over("socket", "queue")
@pytest.mark.parametrize("release", ["10.19.1", "11.19.1", "11.23.1", "11.24.4.1", "11.27.2.0", "26.1.1", "26.4.1"])
@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_the_picture_is_true_on_every_release(open_site: OpenSite, release: str, kind: str) -> None:
    """
    A day's bookings made, moved, deleted and ended come out as the device has them, whatever events it lacks.
    """
    site = await open_site(desk(release, kind), sync_s=900)
    people = site.device.people
    first = people.book(10, "Desk", "person1@example.com", start=site.at(5))
    second = people.book(30, "Desk", "person2@example.com", start=site.at(60))
    third = people.book(30, "Desk", "person3@example.com", start=site.at(120))
    await site.advance(10)
    people.edit(second, duration_min=45)
    people.delete(third)
    await site.advance(30 * 60)

    assert site.agrees(), site.disagreement()
    assert not site.is_stale
    assert {"Bookings List"} == {path for path, _ in site.device.commands_received}
    assert first


async def test_without_personalized_the_sign_in_is_unknown(open_site: OpenSite) -> None:
    site = await open_site(desk("11.19.1"))
    site.device.people.sign_in("person1@example.com")
    await site.advance(30)

    assert ["unknown"] == site.sign_ins()
    assert not site.is_stale


async def test_without_personalized_a_sign_out_is_still_sent_once(open_site: OpenSite) -> None:
    site = await open_site(desk("11.19.1"))
    await site.sign_out()
    await site.advance(30)

    assert [LOGOUT] == site.sent()
    assert [("Webex Registration Logout", "done")] == await site.outbox()


async def test_lists_of_old_releases_leave_out_parameters_they_lack(open_site: OpenSite) -> None:
    site = await open_site(desk("11.19.1"))

    assert [("Bookings List", {"DayOffset": 0})] == site.device.commands_received


async def test_lists_of_new_releases_ask_for_the_desk_only(open_site: OpenSite) -> None:
    site = await open_site(desk("26.4.1"))

    assert [("Bookings List", {"DayOffset": 0, "AccountType": "Shared"})] == site.device.commands_received


async def test_an_edit_that_the_release_lacks_is_refused_without_being_sent(open_site: OpenSite) -> None:
    """
    `Bookings Edit` came with 11.14: before, the command waits for a person, and the booking stays.
    """
    site = await open_site(desk("10.19.1"))
    await site.book()
    await site.advance(120)
    site.mark()
    await site.edit(site.booking().booking_id, duration_min=90)
    await site.advance(60)

    assert [] == site.sent()
    assert ("Bookings Edit", "parked") in await site.outbox()
    assert 30 == site.booking().duration_min
    assert site.agrees()


async def test_without_created_events_a_request_is_confirmed_by_a_list(open_site: OpenSite) -> None:
    site = await open_site(desk("11.19.1"))
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(1)

    assert ["requested"] == [booking.state for booking in site.bookings()]

    await site.advance(75)

    assert Seen(
        bookings=[("created", 60, 30, "accepted", ONE)],
        sign_ins=["unknown"],
        codes=["booking.requested", "booking.overdue", "list.asked", "booking.created", "list.applied"],
        lists=1,
    ) == await seen(site)


async def test_without_moved_events_an_edit_is_answered_by_a_list(open_site: OpenSite) -> None:
    site = await open_site(desk("11.23.1"))
    meeting_id = site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(1)
    site.mark()
    site.device.people.edit(meeting_id, start=site.at(90), duration_min=45)
    await site.advance(75)

    assert Seen(
        bookings=[("created", 90, 45, "accepted", ONE)],
        codes=["change.asked", "change.overdue", "list.asked", "booking.listed", "change.closed", "list.applied"],
        lists=1,
    ) == await seen(site)


async def test_without_sync_required_a_reboot_is_noticed_by_the_connection(open_site: OpenSite) -> None:
    site = await open_site(desk("11.19.1"))
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(90)
    site.device.reboot(60)
    await site.advance(1)

    assert site.is_stale

    await site.until(site.is_live)
    await site.advance(10)

    assert site.agrees()
    assert not site.is_stale
