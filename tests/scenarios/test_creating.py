"""F06 to F10: how bookings come to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.expecting import ONE, TWO, Seen, book_command, delete_command, seen
from tests.scenarios.rules import RULES, rule

if TYPE_CHECKING:
    from tests.scenarios.site import OpenSite

MADE = ["booking.requested", "booking.created"]
ASKED = ["command.decided", "booking.requested", "command.sent", "booking.announced"]
NINE = "2026-05-04T09:00:00Z"


async def test_f06_ad_hoc_at_the_device(open_site: OpenSite) -> None:
    site = await open_site("local")
    played = await site.play("F06")

    assert await seen(site) == Seen(bookings=[("started", 0, 30, "accepted", ONE)], codes=[*MADE, "booking.started"])
    assert played.meeting_id == site.booking().meeting_id
    assert "device" == site.booking().origin


@pytest.mark.parametrize("name", RULES)
async def test_f06_rejected(open_site: OpenSite, name: str) -> None:
    site = await open_site("local", policy=rule(name, max_min=15, closes_at=10))
    played = await site.play("F06")

    assert await seen(site) == Seen(
        bookings=[("deleted", 0, 30, "rejected", ONE)],
        codes=[
            *MADE, "booking.rejected", "command.decided", "booking.started", "command.sent", "booking.deleted",
            "command.done", "command.late",
        ],
        sent=[delete_command(played.meeting_id)],
    )  # fmt: skip
    reasons = {reason.code: reason for reason in await site.reasons()}
    assert RULES[name].format(asked=30, allowed=15) == reasons["booking.rejected"].text
    assert "BookingCreated" == await site.root(reasons["booking.deleted"])
    assert 1 == site.effects("deleted")


@pytest.mark.parametrize("name", RULES)
async def test_f07_rejected_after_it_was_confirmed(open_site: OpenSite, name: str) -> None:
    """
    The calendar has to confirm the deletion too, so the command stays open until the event.
    """
    site = await open_site("hybrid", policy=rule(name, max_min=15, closes_at=10))
    played = await site.play("F07")

    assert ["taken"] == [command.state.value for command in site.commands()]

    await site.advance(3)

    assert await seen(site) == Seen(
        bookings=[("deleted", 0, 30, "rejected", TWO)],
        codes=[
            *MADE, "booking.rejected", "command.decided", "booking.started", "command.sent", "command.taken",
            "booking.deleted", "command.done",
        ],
        sent=[delete_command(played.meeting_id)],
    )  # fmt: skip
    assert "BookingCreated" == await site.root((await site.reasons())[-1])


async def test_f07_ad_hoc_at_the_device(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    played = await site.play("F07")

    assert await seen(site) == Seen(bookings=[("started", 0, 30, "accepted", TWO)], codes=[*MADE, "booking.started"])
    assert (played.request_uuid, played.meeting_id) == (
        site.booking().booking_request_uuid,
        site.booking().meeting_id,
    )


@pytest.mark.parametrize(("variant", "cause"), [("refused", "Decline"), ("timeout", "Timeout")])
async def test_f07_not_confirmed(open_site: OpenSite, variant: str, cause: str) -> None:
    site = await open_site("hybrid")
    await site.play("F07", variant)

    assert await seen(site) == Seen(
        bookings=[("failed", 0, 30, "undecided", "request")], codes=["booking.requested", "booking.failed"]
    )
    assert cause == site.booking().end_cause


async def test_f08_from_the_integration(open_site: OpenSite) -> None:
    site = await open_site("local")
    asked = await site.book()

    assert await seen(site) == Seen(
        bookings=[("created", 60, 30, "accepted", ONE)],
        codes=[*ASKED, "booking.created", "command.done", "command.late"],
        sent=[book_command(site.booking(), start=NINE, minutes=30)],
    )
    assert asked["id"] == site.booking().booking_id
    assert [("Bookings Book", "done")] == await site.outbox()
    reasons = {reason.code: reason for reason in await site.reasons()}
    assert "BookAsked" == await site.root(reasons["booking.created"])
    assert "BookAsked" == await site.root(reasons["command.done"])
    assert 1 == site.effects("booked")


async def test_f08_refused_by_the_device(open_site: OpenSite) -> None:
    """
    A command error is no proof by itself: a list is asked, and then the booking has failed and the command waits.
    """
    site = await open_site("local")
    site.device.faults.enable("command_error", command="Bookings Book", times=1)
    await site.book()
    await site.advance(15)

    result = await seen(site)
    assert [("failed", 60, 30, "accepted", "request")] == result.bookings
    assert 1 <= result.lists
    assert [("Bookings Book", "parked")] == await site.outbox()
    assert "Command returned an error." in site.parked()[0].message


async def test_f09_from_the_integration(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    asked = await site.book()

    assert [("requested", "taken")] == [
        (booking.state.value, command.state.value)
        for booking, command in zip(site.bookings(), site.commands(), strict=True)
    ]
    assert "requested" == asked["state"]

    await site.advance(3)

    assert await seen(site) == Seen(
        bookings=[("created", 60, 30, "accepted", TWO)],
        codes=[*ASKED, "command.taken", "booking.created", "command.done"],
        sent=[book_command(site.booking(), start=NINE, minutes=30)],
    )
    assert "BookAsked" == await site.root((await site.reasons())[-1])


@pytest.mark.parametrize("cause", ["Decline", "Timeout"])
async def test_f09_not_confirmed(open_site: OpenSite, cause: str) -> None:
    site = await open_site("hybrid")
    if cause == "Decline":
        site.plan.backend.decline_next()
    else:
        site.plan.backend.ignore_next()
    await site.book()
    await site.advance(75)

    assert await seen(site) == Seen(
        bookings=[("failed", 60, 30, "accepted", "request")],
        codes=[*ASKED, "command.taken", "booking.failed", "command.refused"],
        sent=[book_command(site.booking(), start=NINE, minutes=30)],
    )
    assert cause == site.booking().end_cause
    assert [("Bookings Book", "refused")] == await site.outbox()
    assert "BookAsked" == await site.root((await site.reasons())[-1])


async def test_f10_from_the_calendar(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    played = await site.play("F10")

    assert await seen(site) == Seen(bookings=[("created", 1, 60, "accepted", "meeting")], codes=["booking.created"])
    assert played.meeting_id == site.booking().meeting_id
    assert "calendar" == site.booking().origin


@pytest.mark.parametrize("name", RULES)
async def test_f10_rejected(open_site: OpenSite, name: str) -> None:
    site = await open_site("hybrid", policy=rule(name, max_min=15, closes_at=10))
    played = await site.play("F10")
    await site.advance(3)

    assert await seen(site) == Seen(
        bookings=[("deleted", 1, 60, "rejected", "meeting")],
        codes=[
            "booking.created", "booking.rejected", "command.decided", "command.sent", "command.taken",
            "booking.deleted", "command.done",
        ],
        sent=[delete_command(played.meeting_id)],
    )  # fmt: skip


async def test_a_wish_against_the_rules_is_refused_before_anything_is_sent(open_site: OpenSite) -> None:
    site = await open_site("local", policy=rule("maximum duration", max_min=15))
    path = f"/api/v1/desks/{site.desk_id()}/bookings"
    status, problem = await site.call("POST", path, {"start": "now", "duration_min": 30})

    assert 422 == status
    assert "maximum duration: 30 min asked, 15 min allowed" in problem["detail"]
    assert Seen(codes=["wish.refused"]) == await seen(site)
