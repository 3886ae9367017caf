"""F03 to F05: what the clock does to bookings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.expecting import ONE, TWO, Seen, seen

if TYPE_CHECKING:
    from tests.scenarios.site import OpenSite

KINDS = ("local", "hybrid")
MADE = ["booking.requested", "booking.created"]


@pytest.mark.parametrize("kind", KINDS)
async def test_f03_a_booking_starts(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F03")

    assert await seen(site) == Seen(
        bookings=[("started", 6, 60, "accepted", ONE if kind == "local" else TWO)],
        codes=[*MADE, "booking.started"],
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_f04_a_booking_ends(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F04")

    assert await seen(site) == Seen(
        bookings=[("ended", 0, 10, "accepted", ONE if kind == "local" else TWO)],
        codes=[*MADE, "booking.started", "booking.ended"],
    )
    assert "End" == site.booking().end_cause


@pytest.mark.parametrize("event", ["Bookings Start", "Bookings End"])
@pytest.mark.parametrize("kind", KINDS)
async def test_f03_f04_a_lost_start_or_end_is_found_by_a_list(open_site: OpenSite, kind: str, event: str) -> None:
    site = await open_site(kind)
    site.device.people.book(10, "Desk", "person1@example.com", start=site.at(5))
    await site.advance(10)
    site.device.faults.enable("lost", path=event, times=1)
    await site.advance((6 if event.endswith("Start") else 16) * 60)

    assert ["started" if event.endswith("Start") else "ended"] == [b.state.value for b in site.bookings()]
    assert site.agrees()
    assert 1 == site.lists()


@pytest.mark.parametrize("kind", KINDS)
async def test_f05_reminders_inform_and_updated_lists(open_site: OpenSite, kind: str) -> None:
    site = await open_site(kind)
    await site.play("F05")

    resync = ["link.doubted", "list.asked", "list.applied"]
    # A hybrid desk announces the new title as an edit, which nothing but a list can answer.
    asked = [] if kind == "local" else ["change.asked"]
    answered = [] if kind == "local" else ["change.overdue", "list.asked", "change.closed", "list.applied"]
    assert await seen(site) == Seen(
        bookings=[("ended", 6 + 40 / 60, 20, "accepted", ONE if kind == "local" else TWO)],
        codes=[*MADE, "booking.started", "booking.checked_in", *asked, *resync, *answered, "booking.ended"],
        lists=1 if kind == "local" else 2,
    )
    kinds = [step.kind for step in await site.steps()]
    assert {"StartTimeBuffer", "EndTimeBuffer", "TimeRemaining", "NotificationSnoozed"} <= set(kinds)
    assert site.booking().checked_in
    assert "Desk, renamed" == site.booking().title
