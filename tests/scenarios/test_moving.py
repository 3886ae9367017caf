"""F16 to F22: other times, and more time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.expecting import ONE, TWO, Seen, edit_command, seen
from tests.scenarios.rules import RULES, rule

if TYPE_CHECKING:
    from tests.scenarios.site import OpenSite, Site

MADE = ["booking.requested", "booking.created"]
MOVED = ["change.asked", "booking.moved", "change.done"]
REVERTED = ["booking.rejected", "booking.reverted", "command.decided", "command.sent"]
NINE, EIGHT = "2026-05-04T09:00:00Z", "2026-05-04T08:00:00Z"


async def with_booking(site: Site) -> str:
    """Have a booking from nine to ten, known to the daemon; return its MeetingId."""
    played = await site.play("F18" if site.plan.kind == "local" else "F19")
    site.mark()
    return played.meeting_id


@pytest.mark.parametrize(("flow", "kind"), [("F16", "local"), ("F17", "hybrid")])
async def test_f16_f17_edited_at_the_device(open_site: OpenSite, flow: str, kind: str) -> None:
    site = await open_site(kind)
    await site.play(flow)

    assert await seen(site) == Seen(
        bookings=[("created", 90, 45, "accepted", ONE if kind == "local" else TWO)], codes=[*MADE, *MOVED]
    )


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("flow", "kind"), [("F16", "local"), ("F17", "hybrid")])
async def test_f16_f17_rejected_is_put_back(open_site: OpenSite, flow: str, kind: str, name: str) -> None:
    site = await open_site(kind, policy=rule(name, max_min=60, closes_at=12))
    meeting_id = await with_booking(site)
    site.device.people.edit(meeting_id, start=site.at(90), duration_min=90)
    await site.advance(10)

    answers = ["command.late"] if kind == "local" else []
    taken = [] if kind == "local" else ["change.announced", "command.taken"]
    assert await seen(site) == Seen(
        bookings=[("created", 60, 60, "accepted", ONE if kind == "local" else TWO)],
        codes=[*MOVED, *REVERTED, *taken, "booking.moved", "change.put_back", "command.done", *answers],
        sent=[edit_command(meeting_id, start=NINE, minutes=60)],
    )
    reasons = {reason.code: reason for reason in await site.reasons()}
    assert RULES[name].format(asked=90, allowed=60) == reasons["booking.rejected"].text
    assert "BookingMoved" == await site.root(reasons["change.put_back"])
    assert site.booking().verdict_why is None


async def test_f16_a_device_that_moves_it_again_and_again_is_left_at_last(open_site: OpenSite) -> None:
    """
    A person who insists is put back three times; then the booking stays as it is, rejected.
    """
    site = await open_site("local", policy=rule("maximum duration", max_min=60))
    meeting_id = await with_booking(site)
    for _ in range(5):
        site.device.people.edit(meeting_id, duration_min=90)
        await site.advance(30)

    assert 3 == len(site.sent())
    assert ("created", 90, "rejected") == (
        site.booking().state, site.booking().duration_min, site.booking().verdict
    )  # fmt: skip
    assert "change.given_up" in await site.codes()
    assert site.agrees()


@pytest.mark.parametrize(("variant", "cause"), [("refused", "Decline"), ("timeout", "Timeout")])
async def test_f17_not_confirmed(open_site: OpenSite, variant: str, cause: str) -> None:
    site = await open_site("hybrid")
    await site.play("F17", variant)

    assert await seen(site) == Seen(
        bookings=[("created", 60, 60, "accepted", TWO)], codes=[*MADE, "change.asked", "change.failed"]
    )
    assert cause in (await site.reasons())[-1].text


async def test_f18_from_the_integration(open_site: OpenSite) -> None:
    site = await open_site("local")
    meeting_id = await with_booking(site)
    await site.edit(site.booking().booking_id, start=site.at(120).isoformat(), duration_min=90)

    assert await seen(site) == Seen(
        bookings=[("created", 120, 90, "accepted", ONE)],
        codes=[
            "command.decided", "change.asked", "command.sent", "booking.moved", "change.done", "command.done",
            "command.late",
        ],
        sent=[edit_command(meeting_id, start="2026-05-04T10:00:00Z", minutes=90)],
    )  # fmt: skip
    reasons = {reason.code: reason for reason in await site.reasons()}
    assert "EditAsked" == await site.root(reasons["booking.moved"])
    assert [("Bookings Edit", "done")] == await site.outbox()


async def test_f18_to_what_holds_already_sends_nothing(open_site: OpenSite) -> None:
    site = await open_site("local")
    await with_booking(site)
    await site.edit(site.booking().booking_id, duration_min=60)
    await site.advance(120)

    result = await seen(site)
    assert [] == result.sent
    assert [("created", 60, 60, "accepted", ONE)] == result.bookings
    assert [] == await site.outbox()


async def test_f19_from_the_integration(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    meeting_id = await with_booking(site)
    await site.edit(site.booking().booking_id, duration_min=90)

    assert ["edit asked"] == [booking.change.value for booking in site.bookings()]

    await site.advance(3)

    assert await seen(site) == Seen(
        bookings=[("created", 60, 90, "accepted", TWO)],
        codes=[
            "command.decided", "change.asked", "command.sent", "change.asked", "command.taken", "booking.moved",
            "change.done", "command.done",
        ],
        sent=[edit_command(meeting_id, start=NINE, minutes=90)],
    )  # fmt: skip
    assert "EditAsked" == await site.root((await site.reasons())[-1])


@pytest.mark.parametrize("cause", ["Decline", "Timeout"])
async def test_f19_not_confirmed_is_parked(open_site: OpenSite, cause: str) -> None:
    site = await open_site("hybrid")
    meeting_id = await with_booking(site)
    if cause == "Decline":
        site.plan.backend.decline_next()
    else:
        site.plan.backend.ignore_next()
    await site.edit(site.booking().booking_id, duration_min=90)
    await site.advance(75)

    assert await seen(site) == Seen(
        bookings=[("created", 60, 60, "accepted", TWO)],
        codes=[
            "command.decided", "change.asked", "command.sent", "change.asked", "command.taken", "command.parked",
            "change.failed",
        ],
        sent=[edit_command(meeting_id, start=NINE, minutes=90)],
    )  # fmt: skip
    assert cause in site.parked()[0].message


async def test_f20_moved_in_the_calendar(open_site: OpenSite) -> None:
    site = await open_site("hybrid")
    await site.play("F20")

    assert await seen(site) == Seen(bookings=[("created", 90, 45, "accepted", TWO)], codes=[*MADE, "booking.moved"])


@pytest.mark.parametrize(("flow", "kind"), [("F21", "local"), ("F22", "hybrid")])
async def test_f21_f22_extended_at_the_device(open_site: OpenSite, flow: str, kind: str) -> None:
    site = await open_site(kind)
    await site.play(flow)

    assert await seen(site) == Seen(
        bookings=[("started", 0, 45, "accepted", ONE if kind == "local" else TWO)],
        codes=[*MADE, "booking.started", *MOVED],
    )


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("flow", "kind"), [("F21", "local"), ("F22", "hybrid")])
async def test_f21_f22_rejected_is_put_back(open_site: OpenSite, flow: str, kind: str, name: str) -> None:
    site = await open_site(kind, policy=rule(name, max_min=30, closes_at=10.5))
    played = await site.play(flow)
    await site.advance(5)

    answers = ["command.late"] if kind == "local" else []
    taken = [] if kind == "local" else ["change.announced", "command.taken"]
    assert await seen(site) == Seen(
        bookings=[("started", 0, 30, "accepted", ONE if kind == "local" else TWO)],
        codes=[
            *MADE, "booking.started", *MOVED, *REVERTED, *taken, "booking.moved", "change.put_back", "command.done",
            *answers,
        ],
        sent=[edit_command(played.meeting_id, start=EIGHT, minutes=30)],
    )  # fmt: skip
    reasons = {reason.code: reason for reason in await site.reasons()}
    assert RULES[name].format(asked=45, allowed=30) == reasons["booking.rejected"].text
    assert "BookingMoved" == await site.root(reasons["change.put_back"])


@pytest.mark.parametrize(("variant", "cause"), [("refused", "Decline"), ("timeout", "Timeout")])
async def test_f22_not_confirmed(open_site: OpenSite, variant: str, cause: str) -> None:
    site = await open_site("hybrid")
    await site.play("F22", variant)

    assert await seen(site) == Seen(
        bookings=[("started", 0, 30, "accepted", TWO)],
        codes=[*MADE, "booking.started", "change.asked", "change.failed"],
    )
    assert cause in (await site.reasons())[-1].text


@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_in_observe_a_rejection_is_said_and_nothing_is_sent(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind, policy=rule("maximum duration", max_min=15), stage="observe")
    await site.play("F06" if kind == "local" else "F07")
    await site.advance(timedelta(minutes=5).total_seconds())

    result = await seen(site)
    assert ["rejected"] == [row[3] for row in result.bookings]
    assert "booking.rejected" in result.codes
    assert [] == result.sent
    assert [] == await site.outbox()
