"""F01 and F02: making the picture true again, and one desk of several devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.simulator import DeskPlan
from tests.scenarios.expecting import ONE, TWO, Seen, delete_command, seen

if TYPE_CHECKING:
    from tests.scenarios.site import OpenSite

KINDS = ("local", "hybrid")


def companion(kind: str) -> DeskPlan:
    return DeskPlan(workspace="Desk 1", kind=kind, releases=("26.4.1", "26.4.1"))  # type: ignore[arg-type]  # a kind


@pytest.mark.parametrize("kind", KINDS)
async def test_f01_sync_required_makes_the_desk_stale_until_the_list_is_applied(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.advance(60)
    site.device.faults.enable("late_reply", command="Bookings List", seconds=5.0, times=1)
    await site.play("F01")

    assert site.is_stale
    assert ["link.doubted", "list.asked"] == await site.codes()

    await site.advance(5)

    assert Seen(lists=1, codes=["link.doubted", "list.asked", "list.applied"]) == await seen(site)


async def test_what_a_device_shows_while_it_is_listed_is_newer_than_what_was_read_before(open_site: OpenSite) -> None:
    site = await open_site("local")
    site.device.faults.enable("late_reply", command="Bookings List", seconds=5.0, times=1)
    await site.call("POST", f"/api/v1/desks/{site.desk_id()}/resync")
    await site.advance(1)
    site.device.people.standby()
    await site.advance(10)

    assert ["Standby"] == [device.standby for device in site.state().devices.values()]


@pytest.mark.parametrize("kind", KINDS)
async def test_f01_the_list_replaces_what_was_held(open_site: OpenSite, kind: str) -> None:
    """
    Bookings missing from the list are gone, new ones appear, changed ones are changed; all their events were lost.
    """
    site = await open_site(kind)
    device = site.device
    gone = device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    moved = device.people.book(30, "Desk", "person2@example.com", start=site.at(120))
    await site.advance(10)
    site.mark()
    device.faults.enable("lost")
    device.people.delete(gone)
    device.people.edit(moved, start=site.at(180), duration_min=45)
    device.people.book(30, "Desk", "person3@example.com", start=site.at(240))
    await site.advance(10)

    assert not site.agrees()

    device.faults.clear()
    await site.play("F01")
    await site.advance(2)

    aliases = ONE if kind == "local" else TWO
    expected = Seen(
        bookings=[
            ("deleted", 60, 30, "accepted", aliases),
            ("created", 180, 45, "accepted", aliases),
            ("created", 240, 30, "accepted", "meeting"),
        ],
        lists=1,
        codes=["link.doubted", "list.asked", "booking.listed", "booking.created", "booking.deleted", "list.applied"],
    )
    assert expected == await seen(site)


@pytest.mark.parametrize("kind", KINDS)
async def test_f02_two_devices_show_one_booking(open_site: OpenSite, kind: str) -> None:
    site = await open_site(companion(kind))
    await site.play("F02")

    # What the second device says comes after all that a local one says at once, and between on a hybrid one, where each
    # message is by itself.
    is_at_once = kind == "local" and site.cloud is None
    asked, told = ([], ["booking.late"]) if is_at_once else (["booking.announced"], [])
    assert await seen(site) == Seen(
        bookings=[("started", 0, 30, "accepted", ONE if kind == "local" else TWO)],
        sign_ins=["shared", "shared"],
        codes=["booking.requested", *asked, "booking.created", "booking.started", *told, *["booking.repeated"] * 2],
    )
    assert set(site.booking().ids) == {"device-0001-1", "device-0001-2"}


@pytest.mark.parametrize("kind", KINDS)
async def test_f02_a_command_for_two_devices_is_sent_once(open_site: OpenSite, kind: str) -> None:
    site = await open_site(companion(kind))
    await site.play("F02")
    meeting_id = site.booking().meeting_id
    site.mark()
    await site.delete(site.booking().booking_id)
    await site.advance(5)

    result = await seen(site)
    assert [delete_command(meeting_id)] == result.sent
    assert ["deleted"] == [row[0] for row in result.bookings]
    assert 1 == site.effects("deleted")


async def test_f02_one_device_lost_leaves_the_desk_true(open_site: OpenSite) -> None:
    """
    A companion that is off neither makes the desk stale nor takes its bookings along.
    """
    site = await open_site(companion("local"))
    await site.play("F02")
    site.station(0, 1).reboot(120)
    await site.advance(10)

    assert not site.is_stale
    assert ["shared", "unknown"] == site.sign_ins()
    assert ["started"] == [booking.state.value for booking in site.bookings()]

    await site.until(site.is_live)

    assert ["shared", "shared"] == site.sign_ins()
    assert site.agrees()
