"""The kill switch, the breaker, stages by tag, and maintenance, from where people work them to the device."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from hotdesk_daemon.core.desk import Verdict
from hotdesk_daemon.ops.settings import SafetySettings
from hotdesk_daemon.simulator import plan_floor
from tests.scenarios.rules import rule
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.site import OpenSite, Site

HOUR = rule("maximum duration")
#: Longer than the switches' files are left unread.
A_LOOK_S = 16
#: How long nothing may be sent; a week is 168.
HOURS = int(os.environ.get("HOTDESK_OBSERVED_HOURS", "4"))


def too_long(site: Site, desk: int = 0, *, at_min: float = 60) -> None:
    """Somebody books at the device for longer than the rules allow."""
    site.station(desk).people.book(120, "Desk", "person1@example.com", start=site.at(at_min))


async def safety(site: Site) -> dict[str, Any]:
    status, answer = await site.call("GET", "/api/v1/safety")
    assert 200 == status
    return dict(answer)


async def restarted(site: Site, **settings: Any) -> None:
    await site.stop()
    site.settings = attrs.evolve(site.settings, **settings)
    await site.start()


def deleted(site: Site) -> int:
    return sum(site.effects("deleted", desk) for desk in range(len(site.floor.desks)))


# --- the kill switch -------------------------------------------------------------------------------------------------


async def test_halted_nothing_leaves_and_all_of_it_leaves_when_resumed(open_site: OpenSite) -> None:
    site = await open_site("local", policy=HOUR)
    status, answer = await site.call("POST", "/api/v1/safety/halt", {"why": "fire drill"})
    too_long(site)
    await site.advance(60)
    held = (site.sent(), await site.outbox(), site.daemon.fleet.summary())

    await site.call("POST", "/api/v1/safety/resume")
    await site.advance(60)

    assert (200, "fire drill") == (status, answer["halted"])
    assert ([], [("Bookings Delete", "pending")], "1/1 desks live, 0 parked, SENDING IS STOPPED") == held
    assert [("Bookings Delete", "done")] == await site.outbox()
    assert 1 == len(site.sent())


@over_socket
async def test_the_file_alone_stops_sending_and_its_end_resumes_it(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=HOUR)
    (tmp_path / "halt").write_text("by hand\n")
    await site.advance(A_LOOK_S)
    told = await safety(site)
    asked = await site.book()
    await site.advance(30)
    held = site.sent()

    (tmp_path / "halt").unlink()
    await site.advance(30)

    assert "by hand" == told["halted"]
    assert [] == held
    assert [("Bookings Book", "done")] == await site.outbox()
    assert asked["id"] == site.booking().booking_id


@over_socket
async def test_a_halt_outlasts_a_restart(open_site: OpenSite) -> None:
    site = await open_site("local", policy=HOUR)
    await site.call("POST", "/api/v1/safety/halt", {})
    too_long(site)
    await site.advance(10)

    await restarted(site)
    await site.advance(60)
    held = site.sent()
    await site.call("POST", "/api/v1/safety/resume")
    await restarted(site)
    await site.advance(60)

    assert [] == held
    assert (await safety(site))["halted"] is None
    assert [("Bookings Delete", "done")] == await site.outbox()


@over_socket
async def test_halted_for_longer_than_a_deadline_a_command_waits_for_a_person(open_site: OpenSite) -> None:
    site = await open_site("local", policy=HOUR)
    await site.call("POST", "/api/v1/safety/halt", {})
    too_long(site)
    await site.advance(1000)
    await site.call("POST", "/api/v1/safety/resume")
    [parked] = site.parked()
    await site.advance(60)
    left = site.sent()
    await site.call("POST", f"/api/v1/commands/{parked.command_id}/retry")
    await site.advance(10)

    assert [] == left
    assert [("Bookings Delete", "done")] == await site.outbox()


@over_socket
async def test_a_switch_that_cannot_be_written_down_works_and_says_so(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", policy=HOUR)
    (tmp_path / "halt").mkdir()  # in the way of the file
    status, answer = await site.call("POST", "/api/v1/safety/halt", {"why": "fire drill"})
    too_long(site)
    await site.advance(60)

    assert (503, []) == (status, site.sent())
    assert "not to outlast a restart" in answer["detail"]


# --- the breaker -----------------------------------------------------------------------------------------------------


def breaker(desks: int, *, share: float = 1.0, window_s: float = 600.0) -> SafetySettings:
    return SafetySettings(breaker_desks=desks, breaker_share=share, breaker_window_s=window_s)


async def mass_delete(open_site: OpenSite, settings: SafetySettings, *, desks: int = 6) -> Site:
    """A rule comes into force that forbids what people have just begun to do everywhere."""
    site = await open_site(*["local"] * desks, policy=HOUR, safety=settings)
    for desk in range(desks):
        too_long(site, desk)
        await site.advance(5)
    return site


@pytest.mark.parametrize("limit", [1, 3, 5])
async def test_the_breaker_opens_at_exactly_its_limit(open_site: OpenSite, limit: int) -> None:
    site = await mass_delete(open_site, breaker(limit))
    await site.advance(120)
    told = await safety(site)

    assert limit == deleted(site)
    assert f"more than {limit} desk" in told["breaker_open"]
    assert (limit, limit) == (told["hit"], told["most"])
    assert "hotdesk_breaker_open 1.0" in await site.text("/metrics")
    assert "BREAKER OPEN" in site.daemon.fleet.summary()


async def test_within_its_limit_it_stays_closed(open_site: OpenSite) -> None:
    site = await mass_delete(open_site, breaker(6))

    assert 6 == deleted(site)
    assert (await safety(site))["breaker_open"] is None


async def test_a_person_says_go_on_and_the_rest_leaves(open_site: OpenSite) -> None:
    site = await mass_delete(open_site, breaker(3))
    status, answer = await site.call("POST", "/api/v1/safety/close-breaker")
    await site.advance(60)

    assert (200, None) == (status, answer["breaker_open"])
    assert 6 == deleted(site)


@over_socket
async def test_open_it_lets_through_what_people_ask_for(open_site: OpenSite) -> None:
    site = await mass_delete(open_site, breaker(1))
    before = deleted(site)
    await site.advance(1000)  # until the rules' own deletion is parked and out of the way
    await site.delete(site.booking(5).booking_id)
    await site.advance(30)

    assert (1, 2) == (before, deleted(site))


@over_socket
async def test_it_stays_open_over_a_restart(open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotdesk_daemon.app.safety.LOOK_EVERY_S", 3600.0)
    site = await mass_delete(open_site, breaker(3))
    written = site.settings.daemon.state_dir / "breaker"
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(written.exists):  # long before the next look, for a kill may follow
            await site.advance(1)
    await restarted(site)
    await site.advance(60)

    assert 3 == deleted(site)
    assert "more than 3 desks" in (await safety(site))["breaker_open"]


@over_socket
async def test_what_was_hit_before_a_restart_counts_after_it(open_site: OpenSite) -> None:
    site = await mass_delete(open_site, breaker(3), desks=2)
    await restarted(site)
    told = await safety(site)

    assert (2, None) == (told["hit"], told["breaker_open"])


@over_socket
async def test_hits_that_are_long_past_do_not_count(open_site: OpenSite) -> None:
    site = await open_site(*["local"] * 3, policy=HOUR, safety=breaker(1, window_s=60.0))
    for desk in range(3):
        too_long(site, desk)
        await site.advance(90)

    assert 3 == deleted(site)


@over_socket
async def test_the_same_desk_again_is_no_further_desk(open_site: OpenSite) -> None:
    site = await open_site("local", policy=HOUR, safety=breaker(1))
    for number in range(4):
        too_long(site, at_min=60 + 200 * number)
        await site.advance(30)

    assert 4 == deleted(site)


# --- stages ----------------------------------------------------------------------------------------------------------


async def test_warned_of_a_rule_people_keep_their_booking(open_site: OpenSite) -> None:
    site = await open_site("local", policy=HOUR, stage="warn")
    too_long(site)
    await site.advance(60)

    [(path, params)] = site.sent()
    assert "UserInterface Message Alert Display" == path
    assert "Not allowed here: maximum duration: 120 min asked, 60 min allowed" == params["Text"]
    assert [("UserInterface Message Alert Display", "done")] == await site.outbox()
    assert ["created"] == [booking.state for booking in site.bookings()]


@pytest.mark.parametrize("stage", ["off", "observe"])
async def test_nothing_is_sent_at_the_first_stages(open_site: OpenSite, stage: str) -> None:
    site = await open_site("local", policy=HOUR, stage=stage)
    too_long(site)
    await site.advance(600)
    status, answer = await site.call(
        "POST", f"/api/v1/desks/{site.desk_id()}/bookings", {"start": "now", "duration_min": 5}
    )

    assert [] == site.sent()
    assert (422, f"stage {stage}: nothing is sent to this desk") == (status, answer["detail"])


# --- maintenance -----------------------------------------------------------------------------------------------------


async def test_a_desk_in_maintenance_is_left_alone_until_its_time_is_over(open_site: OpenSite) -> None:
    site = await open_site("local", policy=HOUR)
    path = f"/api/v1/desks/{site.desk_id()}"
    status, _ = await site.call("POST", f"{path}/maintenance", {"minutes": 30})
    too_long(site, at_min=300)
    await site.advance(60)
    _, shown = await site.call("GET", path)
    left = site.sent()
    until = site.clock.now() + timedelta(minutes=29)
    await site.advance(31 * 60)
    too_long(site, at_min=500)
    await site.advance(60)

    assert (202, []) == (status, left)
    assert f"{until:%Y-%m-%dT%H:%M}" == shown["maintenance_until"][:16]
    assert ["Bookings Delete"] == [path for path, _ in site.sent()]
    assert 1 == deleted(site)


@over_socket
async def test_maintenance_is_ended_by_a_person(open_site: OpenSite) -> None:
    site = await open_site("local", policy=HOUR)
    path = f"/api/v1/desks/{site.desk_id()}/maintenance"
    await site.call("POST", path, {"minutes": 30})
    ended, _ = await site.call("DELETE", path)
    again, answer = await site.call("DELETE", path)
    too_long(site)
    await site.advance(60)

    assert (202, 422, "no maintenance is going on") == (ended, again, answer["detail"])
    assert 1 == deleted(site)


@pytest.mark.timeout(600)
@over_socket
async def test_observed_for_days_in_which_people_break_every_rule_nothing_is_sent(open_site: OpenSite) -> None:
    site = await open_site(
        *plan_floor(3, seed=7, companion=0.3), seed=7, living=True, stage="observe",
        policy=rule("maximum duration", max_min=15), sync_s=3600.0,
    )  # fmt: skip
    for _ in range(HOURS):
        await site.advance(3600)

    desks = range(len(site.floor.desks))
    rejected = [b for desk in desks for b in site.bookings(desk) if b.verdict is Verdict.REJECTED]
    places = [(desk, place) for desk in desks for place in range(len(site.floor.desks[desk].stations))]
    assert rejected
    assert [[]] * len(places) == [site.sent(desk, place) for desk, place in places]
