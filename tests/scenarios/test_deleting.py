"""F11 to F15: how bookings are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.expecting import ONE, TWO, Seen, delete_command, seen

if TYPE_CHECKING:
    from tests.scenarios.site import OpenSite, Site

MADE = ["booking.requested", "booking.created"]
ASKED = ["command.decided", "booking.deletion_asked", "command.sent"]


@pytest.mark.parametrize(("flow", "kind"), [("F11", "local"), ("F12", "hybrid")])
async def test_f11_f12_deleted_at_the_device(open_site: OpenSite, flow: str, kind: str) -> None:
    site = await open_site(kind)
    await site.play(flow)

    assert await seen(site) == Seen(
        bookings=[("deleted", 60, 60, "accepted", ONE if kind == "local" else TWO)], codes=[*MADE, "booking.deleted"]
    )
    assert "Deleted" == site.booking().end_cause


async def test_f12_refused_by_the_calendar_changes_nothing(open_site: OpenSite) -> None:
    """
    Nobody announces a refused deletion: the booking stays.
    """
    site = await open_site("hybrid")
    await site.play("F14")
    site.plan.backend.decline_next()
    site.mark()
    site.device.people.delete(site.booking().meeting_id)
    await site.advance(120)

    assert await seen(site) == Seen(bookings=[("created", 60, 60, "accepted", TWO)])


async def test_f13_from_the_integration(open_site: OpenSite) -> None:
    site = await open_site("local")
    played = await site.play("F13")
    site.mark()
    await site.delete(site.booking().booking_id)

    assert await seen(site) == Seen(
        bookings=[("deleted", 60, 60, "accepted", ONE)],
        codes=[*ASKED, "booking.deleted", "command.done", "command.late"],
        sent=[delete_command(played.meeting_id)],
    )
    reasons = {reason.code: reason for reason in await site.reasons()}
    assert "DeleteAsked" == await site.root(reasons["booking.deleted"])
    assert "DeleteAsked" == await site.root(reasons["command.done"])
    assert [("Bookings Delete", "done")] == await site.outbox()


async def test_f13_of_what_is_gone_already_is_done(open_site: OpenSite) -> None:
    """
    Somebody deleted it meanwhile and we did not hear: the device's "not found" is no failure.
    """
    site = await open_site("local")
    await site.play("F13")
    site.device.faults.enable("lost")
    site.device.people.delete(site.booking().meeting_id)
    await site.advance(1)
    site.device.faults.clear()
    site.mark()
    await site.delete(site.booking().booking_id)
    await site.advance(1)

    assert await seen(site) == Seen(
        bookings=[("deleted", 60, 60, "accepted", ONE)],
        codes=[*ASKED, "command.refused", "list.asked", "booking.deleted", "list.applied", "command.done"],
        sent=[delete_command(site.booking().meeting_id)],
        lists=1,
    )


async def test_f14_from_the_integration(open_site: OpenSite) -> None:
    """
    The command's success says only that the request was taken; `Deleted` ends it.
    """
    site = await open_site("hybrid")
    played = await site.play("F14")
    site.mark()
    await site.delete(site.booking().booking_id)

    assert [("created", "taken")] == [(b.state, c.state) for b in site.bookings() for c in site.commands()]

    await site.advance(3)

    assert await seen(site) == Seen(
        bookings=[("deleted", 60, 60, "accepted", TWO)],
        codes=[*ASKED, "command.taken", "booking.deleted", "command.done"],
        sent=[delete_command(played.meeting_id)],
    )
    assert "DeleteAsked" == await site.root((await site.reasons())[-1])


def calendar_s(site: Site) -> float:
    """How long a calendar may take, and a little: as the device is set up, which the cloud does not tell."""
    return 100 if site.cloud is None else 310


async def test_f14_refused_by_the_calendar_is_parked(open_site: OpenSite) -> None:
    """
    There is no event that says so: after the calendar's time a list shows that nothing was done.
    """
    site = await open_site("hybrid")
    played = await site.play("F14")
    site.plan.backend.decline_next()
    site.mark()
    await site.delete(site.booking().booking_id)
    await site.advance(calendar_s(site))

    assert await seen(site) == Seen(
        bookings=[("created", 60, 60, "accepted", TWO)],
        codes=[*ASKED, "command.taken", "command.overdue", "list.asked", "list.applied", "command.parked"],
        sent=[delete_command(played.meeting_id)],
        lists=1,
    )
    assert [("Bookings Delete", "parked")] == await site.outbox()


async def test_f14_parked_and_tried_again_by_a_person(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    await site.play("F14")
    site.plan.backend.decline_next()
    await site.delete(site.booking().booking_id)
    await site.advance(calendar_s(site))
    site.mark()
    status, _ = await site.call("POST", f"/api/v1/commands/{site.parked()[0].command_id}/retry")
    await site.advance(3)

    assert 202 == status
    assert await seen(site) == Seen(
        bookings=[("deleted", 60, 60, "accepted", TWO)],
        codes=["command.retried", "command.sent", "command.taken", "booking.deleted", "command.done"],
        sent=[delete_command(site.booking().meeting_id)],
    )
    assert [("Bookings Delete", "done")] == await site.outbox()


async def test_f15_deleted_in_the_calendar(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    await site.play("F15")

    assert await seen(site) == Seen(bookings=[("deleted", 60, 60, "accepted", TWO)], codes=[*MADE, "booking.deleted"])
