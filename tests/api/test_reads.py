from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from hotdesk_daemon.api.render import PERSONAL
from hotdesk_daemon.core.commands import DECIDED
from hotdesk_daemon.core.inputs import KINDS, ActiveCalls, LinkDown, Personalized, Start
from hotdesk_daemon.ops.health import Readiness
from tests.api.memory_site import EMAIL, HYBRID, LOCAL, PANEL, TITLE, MemorySite, booked

if TYPE_CHECKING:
    from tests.api.conftest import Caller

AT = f"/api/v1/desks/{LOCAL}"


async def test_health_says_alive(call: Caller) -> None:
    reply = await call("GET", "/healthz", token=None)

    assert (200, {"alive": True}) == (reply.status, reply.json)


async def test_readiness_says_why_the_daemon_is_not_ready(call: Caller, site: MemorySite) -> None:
    ready = await call("GET", "/readyz", token=None)
    site.ready = Readiness(ready=False, reasons=("the journal is unavailable",))
    unready = await call("GET", "/readyz", token=None)

    assert (200, {"ready": True, "reasons": []}) == (ready.status, ready.json)
    assert (503, {"ready": False, "reasons": ["the journal is unavailable"]}) == (unready.status, unready.json)


async def test_metrics_are_handed_through_as_prometheus_text(call: Caller) -> None:
    reply = await call("GET", "/metrics", token=None)

    assert b"hotdesk_desks 2\n" == reply.raw
    assert "text/plain; version=0.0.4; charset=utf-8" == reply.headers["Content-Type"]


async def test_desks_come_in_order_of_their_ids_with_the_sites_time(call: Caller) -> None:
    reply = await call("GET", "/api/v1/desks")

    assert "2026-05-04T08:00:00.250000Z" == reply.json["now"]
    assert [LOCAL, HYBRID] == [desk["id"] for desk in reply.json["items"]]
    assert reply.json["next"] is None


async def test_desks_are_paged_by_cursor(call: Caller) -> None:
    first = await call("GET", "/api/v1/desks?limit=1")
    second = await call("GET", f"/api/v1/desks?limit=1&after={quote(first.json['next'])}")

    assert [LOCAL] == [desk["id"] for desk in first.json["items"]]
    assert [HYBRID] == [desk["id"] for desk in second.json["items"]]
    assert second.json["next"] is None


async def test_a_desk_shows_its_device_current_and_next_booking(call: Caller, site: MemorySite) -> None:
    later = booked(site, in_min=60, number=1)
    running = booked(site, in_min=-5, number=2)
    site.feed(LOCAL, Start(device=PANEL, id="2", meeting_id="meeting-2"))

    desk = (await call("GET", AT)).json

    assert (running, "started") == (desk["current"]["id"], desk["current"]["state"])
    assert later == desk["next"]["id"]
    assert ("booked", False, 2) == (desk["state"], desk["stale"], desk["bookings"])
    assert [("panel", "live", "RoomOS 26.4.1")] == [(d["id"], d["link"], d["software"]) for d in desk["devices"]]
    assert "2026-05-04T08:00:00.250000Z" == desk["now"]


async def test_a_desk_id_with_any_character_can_be_asked_for(call: Caller) -> None:
    reply = await call("GET", f"/api/v1/desks/{quote(HYBRID, safe='')}")

    assert (200, HYBRID) == (reply.status, reply.json["id"])


@pytest.mark.parametrize(
    ("state", "expected"), [("free", [HYBRID]), ("in_use", [LOCAL]), ("free,in_use", [LOCAL, HYBRID])]
)
async def test_desks_are_filtered_by_state(call: Caller, site: MemorySite, state: str, expected: list[str]) -> None:
    site.feed(LOCAL, Personalized(device=PANEL, value=True))

    reply = await call("GET", f"/api/v1/desks?state={state}")

    assert expected == [desk["id"] for desk in reply.json["items"]]


async def test_a_call_makes_a_desk_in_use(call: Caller, site: MemorySite) -> None:
    site.feed(LOCAL, ActiveCalls(device=PANEL, value=1))

    assert "in_use" == (await call("GET", AT)).json["state"]


async def test_a_lost_link_makes_a_desk_stale_and_it_can_be_filtered(call: Caller, site: MemorySite) -> None:
    site.feed(LOCAL, LinkDown(device=PANEL, cause="reset by the device"))

    stale = (await call("GET", "/api/v1/desks?stale=true")).json["items"]

    assert [(LOCAL, "reset by the device")] == [(d["id"], d["devices"][0]["link_cause"]) for d in stale]


async def test_bookings_come_by_start_and_are_paged_and_filtered(call: Caller, site: MemorySite) -> None:
    ids = [booked(site, in_min=60 * n, number=n) for n in (3, 1, 2)]
    expected = [ids[1], ids[2], ids[0]]

    first = (await call("GET", f"{AT}/bookings?limit=2")).json
    second = (await call("GET", f"{AT}/bookings?limit=2&after={first['next']}")).json
    ended = (await call("GET", f"{AT}/bookings?state=ended")).json

    assert expected == [booking["id"] for booking in first["items"] + second["items"]]
    assert ([], None) == (ended["items"], second["next"])


async def test_a_booking_is_shown_whole_to_whoever_has_the_token(call: Caller, site: MemorySite) -> None:
    booking_id = booked(site)

    booking = (await call("GET", f"/api/v1/bookings/{booking_id}")).json

    assert {
        "id": booking_id,
        "desk": LOCAL,
        "state": "created",
        "start": "2026-05-04T09:00:00Z",
        "end": "2026-05-04T09:30:00Z",
        "duration_min": 30,
        "title": TITLE,
        "organizer": {"name": "Person One", "email": EMAIL, "id": "person-1"},
        "meeting_id": "meeting-1",
        "verdict": "accepted",
        "change": "none",
    }.items() <= booking.items()


@pytest.mark.parametrize(
    "path", [AT, "/api/v1/desks", f"{AT}/bookings", "/api/v1/commands", f"/api/v1/events?desk={LOCAL}"]
)
async def test_nobody_is_named_to_whoever_has_no_token(call: Caller, site: MemorySite, path: str) -> None:
    booked(site)
    wish = {"start": "now", "duration_min": 5, "title": TITLE, "organizer": {"email": EMAIL, "name": "Person One"}}
    await call("POST", f"{AT}/bookings", json=wish)

    with_token, without = await call("GET", path), await call("GET", path, token=None)

    assert TITLE.encode() in with_token.raw
    assert EMAIL.encode() in with_token.raw
    for personal in (TITLE, EMAIL, "Person One", "person-1"):
        assert personal.encode() not in without.raw


def test_every_member_that_sounds_personal_is_known_as_such() -> None:
    members = {field for kind in [*KINDS.values(), *DECIDED.values()] for field in kind.__annotations__}
    suspicious = {m for m in members if any(word in m for word in ("title", "organizer", "email", "person_", "text"))}

    assert suspicious <= PERSONAL


async def test_commands_come_newest_first_and_are_paged_and_filtered(call: Caller, site: MemorySite) -> None:
    for minute in range(3):
        site.time += timedelta(minutes=minute)
        wish = {"start": f"2026-05-05T0{minute}:00:00Z", "duration_min": 5}
        await call("POST", f"{AT}/bookings", json=wish)
    first = (await call("GET", f"/api/v1/commands?desk={LOCAL}&limit=2")).json
    second = (await call("GET", f"/api/v1/commands?limit=2&before={first['next']}")).json
    done = (await call("GET", "/api/v1/commands?state=done,dropped")).json

    starts = [item["parameters"]["start"] for item in first["items"] + second["items"]]
    assert [f"2026-05-05T0{minute}:00:00Z" for minute in (2, 1, 0)] == starts
    assert {"Bookings Book"} == {item["path"] for item in first["items"]}
    assert ([], None) == (done["items"], second["next"])


async def test_past_steps_are_shown_with_reasons_and_go_on_from_a_cursor(call: Caller) -> None:
    first = (await call("GET", f"/api/v1/events?desk={LOCAL}&since=0&limit=2")).json
    second = (await call("GET", f"/api/v1/events?desk={LOCAL}&since={first['next']}&limit=2")).json

    kinds = [item["kind"] for item in first["items"] + second["items"]]
    assert ["DeskConfigured", "LinkUp", "BookingsListed"] == kinds
    assert [1, 2, 3] == [item["seq"] for item in first["items"] + second["items"]]
    assert first["items"][1]["reasons"]
    assert second["next"] is None


async def test_past_steps_are_the_newest_ones_unless_asked_otherwise(call: Caller) -> None:
    newest = (await call("GET", f"/api/v1/events?desk={LOCAL}&limit=1")).json

    assert ["BookingsListed"] == [item["kind"] for item in newest["items"]]


async def test_head_answers_like_get_without_a_body(call: Caller) -> None:
    reply = await call("HEAD", "/api/v1/desks")

    assert (200, b"") == (reply.status, reply.raw)
