from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from hotdesk_daemon.core.inputs import (
    ActiveCalls,
    BookAsked,
    DeleteAsked,
    DropAsked,
    EditAsked,
    Personalized,
    ResyncAsked,
    RetryAsked,
    SignOutAsked,
)
from tests.api.memory_site import EMAIL, HYBRID, LOCAL, PANEL, TITLE, MemorySite, booked, full

if TYPE_CHECKING:
    import pytest

    from tests.api.conftest import Caller

AT = f"/api/v1/desks/{LOCAL}"
BOOK = {"start": "now", "duration_min": 30}


async def test_booking_answers_202_and_says_where_the_requested_booking_is(call: Caller) -> None:
    wish = {"start": "2026-05-04T11:00:00.5+02:00", "duration_min": 45, "title": TITLE, "organizer": {"email": EMAIL}}

    reply = await call("POST", f"/api/v1/desks/{quote(HYBRID, safe='')}/bookings", json=wish)
    found = await call("GET", reply.headers["Location"])

    booking = reply.json["booking"]
    assert (202, HYBRID, 4) == (reply.status, reply.json["desk"], reply.json["seq"])
    assert ("requested", "2026-05-04T09:00:00Z", 45, TITLE) == (
        booking["state"],
        booking["start"],
        booking["duration_min"],
        booking["title"],
    )
    assert booking == found.json


async def test_now_is_the_sites_now_in_whole_seconds(call: Caller, site: MemorySite) -> None:
    reply = await call("POST", f"{AT}/bookings", json=BOOK)

    assert "2026-05-04T08:00:00Z" == reply.json["booking"]["start"]
    assert [datetime(2026, 5, 4, 8, tzinfo=UTC)] == [w.start for w in site.wishes if isinstance(w, BookAsked)]


async def test_the_same_uuid_again_is_the_same_booking(call: Caller) -> None:
    wish = {**BOOK, "booking_request_uuid": "00000000-0000-4000-8000-000000000001"}

    first, again = [await call("POST", f"{AT}/bookings", json=wish) for _ in range(2)]

    assert first.json["booking"]["id"] == again.json["booking"]["id"]


async def test_what_a_rule_forbids_is_refused_with_the_reason(call: Caller) -> None:
    reply = await call("POST", f"{AT}/bookings", json={"start": "now", "duration_min": 121})

    assert (422, "urn:hotdesk-daemon:problem:refused") == (reply.status, reply.json["type"])
    assert "maximum duration: 121 min asked, 120 min allowed" in reply.json["detail"]


async def test_edit_changes_only_what_is_given(call: Caller, site: MemorySite) -> None:
    booking_id = booked(site)

    reply = await call("PATCH", f"/api/v1/bookings/{booking_id}", json={"duration_min": 60})

    assert (202, "edit asked") == (reply.status, reply.json["booking"]["change"])
    assert [EditAsked(booking_id=booking_id, duration_min=60)] == site.wishes


async def test_delete_asks_for_the_end_of_a_booking(call: Caller, site: MemorySite) -> None:
    booking_id = booked(site)

    reply = await call("DELETE", f"/api/v1/bookings/{booking_id}")

    assert (202, booking_id) == (reply.status, reply.json["booking"]["id"])
    assert [DeleteAsked(booking_id=booking_id)] == site.wishes


async def test_sign_out_goes_to_one_device_or_all(call: Caller, site: MemorySite) -> None:
    site.feed(LOCAL, Personalized(device=PANEL, value=True))

    replies = [
        await call("POST", f"{AT}/sign-out", json={"device": "panel", "even_in_call": True}),
        await call("POST", f"{AT}/sign-out"),
    ]

    assert [202, 202] == [reply.status for reply in replies]
    assert [SignOutAsked(device=PANEL, even_in_call=True), SignOutAsked()] == site.wishes


async def test_sign_out_during_a_call_is_refused_unless_said(call: Caller, site: MemorySite) -> None:
    site.feed(LOCAL, Personalized(device=PANEL, value=True))
    site.feed(LOCAL, ActiveCalls(device=PANEL, value=1))

    reply = await call("POST", f"{AT}/sign-out", json={})

    assert (422, "urn:hotdesk-daemon:problem:refused") == (reply.status, reply.json["type"])


async def test_sign_out_of_a_device_that_the_desk_lacks_is_an_error(call: Caller, site: MemorySite) -> None:
    reply = await call("POST", f"{AT}/sign-out", json={"device": "other"})

    assert (422, ["#/device"]) == (reply.status, [flaw["pointer"] for flaw in reply.json["errors"]])
    assert [] == site.wishes


async def test_resync_is_taken(call: Caller, site: MemorySite) -> None:
    reply = await call("POST", f"{AT}/resync")

    assert (202, None) == (reply.status, reply.json["booking"])
    assert [ResyncAsked()] == site.wishes


async def test_a_parked_command_is_shown_retried_and_dropped(call: Caller, site: MemorySite) -> None:
    await call("POST", f"{AT}/bookings", json=BOOK)
    (command_id,) = site.park_all()
    at = f"/api/v1/commands/{quote(command_id, safe='')}"

    parked = await call("GET", "/api/v1/commands?state=parked")
    retried = await call("POST", f"{at}/retry")
    state_after_retry = (await call("GET", at)).json["state"]
    site.park_all()
    dropped = await call("POST", f"{at}/drop")

    assert [command_id] == [item["id"] for item in parked.json["items"]]
    assert (202, "pending") == (retried.status, state_after_retry)
    assert (202, "dropped") == (dropped.status, (await call("GET", at)).json["state"])
    assert [RetryAsked(command_id=command_id), DropAsked(command_id=command_id)] == site.wishes[1:]


async def test_a_full_mailbox_is_503_with_the_time_to_wait(call: Caller, site: MemorySite) -> None:
    site.trouble = full()

    reply = await call("POST", f"{AT}/bookings", json=BOOK)

    assert (503, "3") == (reply.status, reply.headers["Retry-After"])
    assert ("urn:hotdesk-daemon:problem:unavailable", "the desk's mailbox is full") == (
        reply.json["type"],
        reply.json["detail"],
    )


async def test_a_commit_that_does_not_come_is_an_unknown_outcome(
    call: Caller, site: MemorySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forever(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("hotdesk_daemon.api.calls.ASK_LIMIT_S", 0.01)
    monkeypatch.setattr(MemorySite, "ask", forever)

    reply = await call("POST", f"{AT}/bookings", json=BOOK)

    assert (504, "urn:hotdesk-daemon:problem:unknown-outcome") == (reply.status, reply.json["type"])
