"""Why a desk is as it is, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.inputs import BookingCreated, CommandAnswered, CommandSending, Deleted, LinkDown, Outcome
from tests.api.memory_site import EMAIL, HYBRID, LOCAL, NOW, PANEL, TITLE, MemorySite, booked

if TYPE_CHECKING:
    from tests.api.conftest import Caller

EXPLAIN = f"/api/v1/desks/{LOCAL}/explain"


def things(body: Any, life: str) -> list[Any]:
    return [thing for thing in body["things"] if thing["life"] == life]


def rejected(site: MemorySite) -> str:
    """A booking of four hours where two are allowed, which the daemon has deleted."""
    site.feed(
        LOCAL,
        BookingCreated(device=PANEL, meeting_id="too long", id="9", start=NOW, duration_min=240, title=TITLE,
                       organizer_email=EMAIL),
    )  # fmt: skip
    desk = site.desk(LOCAL)
    assert desk is not None
    (command_id,) = desk.commands
    (booking_id,) = desk.bookings
    for sent in (
        CommandSending(command_id=command_id, device=PANEL, attempt=1),
        CommandAnswered(command_id=command_id, outcome=Outcome.NOT_DONE, message="busy"),
        CommandSending(command_id=command_id, device=PANEL, attempt=2),
    ):
        site.feed(LOCAL, sent, source="dispatch")
    site.feed(LOCAL, Deleted(device=PANEL, meeting_id="too long", cause="Deleted"))
    return booking_id


async def test_it_tells_why_from_the_rule_to_the_answer(call: Caller, site: MemorySite) -> None:
    booking_id = rejected(site)
    reply = await call("GET", EXPLAIN, token=None)

    (booking,) = things(reply.json, "booking")
    assert (200, booking_id, "deleted", True) == (reply.status, booking["id"], booking["state"], booking["over"])
    assert (
        "by us: rejected by maximum duration: 240 min asked, 120 min allowed; done after 2 attempts"
        in (booking["sentence"])
    )
    last = booking["moves"][-1]
    assert ("created", "deleted", "root") == (last["before"], last["after"], last["ending"])
    assert ["BookingCreated", "CommandSending", "CommandAnswered", "CommandSending", "Deleted"] == [
        cause["kind"] for cause in last["causes"]
    ]
    told = [reason["text"] for reason in last["causes"][0]["reasons"]]
    assert "maximum duration: 240 min asked, 120 min allowed" in told


async def test_a_device_that_refuses_us_since_the_link_fell_says_both(call: Caller, site: MemorySite) -> None:
    for cause in ("reset", "user or password are refused (403)"):
        site.feed(LOCAL, LinkDown(device=PANEL, cause=cause))
    reply = await call("GET", EXPLAIN, token=None)

    (link,) = things(reply.json, "link")
    assert "is not connected any more: reset; now: user or password are refused (403)" in link["sentence"]


@pytest.mark.parametrize("name", ["b4", "too long", "TOO LONG", f"{LOCAL}.b4"])
async def test_a_booking_is_found_by_any_of_its_names(call: Caller, site: MemorySite, name: str) -> None:
    rejected(site)
    booked(site, number=2)
    reply = await call("GET", f"{EXPLAIN}?booking={quote(name)}")

    assert ["booking", "command"] == [thing["life"] for thing in reply.json["things"]]
    assert [f"{LOCAL}.b4"] == [thing["id"] for thing in things(reply.json, "booking")]


async def test_what_there_is_not_is_said_with_what_may_have_been_meant(call: Caller, site: MemorySite) -> None:
    rejected(site)
    nobody = await call("GET", "/api/v1/desks/osl-4-015/explain")
    no_booking = await call("GET", f"{EXPLAIN}?booking=b5")

    assert (404, 404) == (nobody.status, no_booking.status)
    assert nobody.json["detail"].endswith(f"did you mean {LOCAL}?")
    assert f"{LOCAL}.b4" in no_booking.json["detail"]


async def test_a_name_of_several_bookings_lists_them(call: Caller, site: MemorySite) -> None:
    for number, device_id in enumerate(("7", "7"), start=1):
        start = NOW + timedelta(hours=3 * number)
        told = BookingCreated(device=PANEL, meeting_id=f"m{number}", id=device_id, start=start, duration_min=30)
        site.feed(LOCAL, told)
    reply = await call("GET", f"{EXPLAIN}?booking=7")

    assert 422 == reply.status
    assert [{"parameter": "booking", "detail": f"'7' names 2 bookings: {LOCAL}.b4, {LOCAL}.b5"}] == reply.json["errors"]


@pytest.mark.parametrize("query", ["at=yesterday", "at=2026-05-04T08:00:00", "since=1h", "booking=", "whole=true"])
async def test_what_cannot_be_understood_is_named(call: Caller, query: str) -> None:
    reply = await call("GET", f"{EXPLAIN}?{query}")

    assert 422 == reply.status
    assert query.partition("=")[0] == reply.json["errors"][0]["parameter"]


async def test_an_earlier_moment_and_what_moved_since_one(call: Caller, site: MemorySite) -> None:
    site.time = NOW + timedelta(hours=1)
    rejected(site)
    site.time = NOW + timedelta(hours=2)
    booked(site, number=2)
    then, since = quote((NOW + timedelta(minutes=1)).isoformat()), quote((NOW + timedelta(hours=2)).isoformat())
    earlier = await call("GET", f"{EXPLAIN}?at={then}")
    later = await call("GET", f"{EXPLAIN}?since={since}")

    assert (3, []) == (earlier.json["seq"], things(earlier.json, "booking"))
    assert [(f"{LOCAL}.b9", "created")] == [(thing["id"], thing["state"]) for thing in later.json["things"]]


async def test_nobody_is_named_and_nothing_titled(call: Caller, site: MemorySite) -> None:
    rejected(site)
    booked(site, HYBRID)
    for desk in (LOCAL, HYBRID):
        reply = await call("GET", f"/api/v1/desks/{quote(desk, safe='')}/explain?all=true")

        assert 200 == reply.status
        assert [False] * 4 == [word in reply.raw.decode() for word in (TITLE, EMAIL, "Person One", "person-1")]


async def test_what_cannot_be_had_now_is_503(call: Caller, site: MemorySite) -> None:
    site.trouble = TransientError("another explanation is being made", retry_after_s=1)
    reply = await call("GET", EXPLAIN)

    assert (503, "1") == (reply.status, reply.headers["Retry-After"])
