"""The floor as a whole: building, living, determinism, size, and its HTTP door."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from hotdesk_daemon.simulator import DeskPlan, Floor, ManualClock, plan_floor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.simulator.client import Client

    OpenFloor = Callable[..., Awaitable[Floor]]
    Dial = Callable[..., Awaitable[Client]]


def test_a_mixed_floor_has_everything_and_is_the_same_for_the_same_seed() -> None:
    plans = plan_floor(200, seed=3)

    kinds = Counter(plan.kind for plan in plans)
    assert plans == plan_floor(200, seed=3)
    assert plans != plan_floor(200, seed=4)
    assert 60 < kinds["hybrid"] < 140
    assert {1, 2} == {len(plan.releases) for plan in plans}
    assert 3 <= len({plan.releases[0] for plan in plans})
    assert 200 == len({plan.workspace for plan in plans})


async def a_day(seed: int) -> dict[str, list[Any]]:
    clock = ManualClock()
    async with Floor(8, clock=clock, seed=seed, living=True) as floor:
        await clock.advance(10 * 3600)
        assert [] == floor.schedule.failures
        return {station.device_id: station.device.effects for desk in floor.desks for station in desk.stations}


async def test_the_same_seed_gives_the_same_day() -> None:
    first, second, other = await a_day(5), await a_day(5), await a_day(6)

    assert first == second
    assert first != other
    kinds = Counter(effect.kind for effects in first.values() for effect in effects)
    assert {"booked", "deleted", "moved", "signed_in", "signed_out"} <= set(kinds)
    assert 0 <= kinds["signed_in"] - kinds["signed_out"] <= 8
    assert 30 < kinds["booked"]


async def test_a_living_floor_goes_on_the_next_day_and_after_a_restart(
    open_floor: OpenFloor, clock: ManualClock
) -> None:
    floor = await open_floor(DeskPlan(workspace="Desk A"), living=True)
    device = floor.desks[0].device

    await clock.advance(2 * 3600)
    device.reboot()
    await clock.advance(24 * 3600)

    late = [effect for effect in device.effects if effect.at > clock.start + timedelta(hours=24)]
    assert "booked" in {effect.kind for effect in late}


async def test_desks_tell_how_to_reach_them(open_floor: OpenFloor) -> None:
    floor = await open_floor(DeskPlan(workspace="Pair", kind="hybrid", releases=("26.4.1", "11.24.4.1")))

    one, two = floor.desk("Pair").devices
    assert ("hybrid", "Pair") == (floor.desks[0].kind, floor.desks[0].workspace)
    assert ("device-0001-1", "26.4.1", "admin", "simulated") == (
        one.device_id,
        one.release,
        one.username,
        one.password,
    )
    assert "11.24.4.1" == two.release
    assert one.url != two.url
    assert one.url.startswith("ws://127.0.0.1:")
    assert floor.device("device-0001-2") is two.device
    with pytest.raises(KeyError, match="no desk is called"):
        floor.desk("Nowhere")


async def test_ports_can_be_fixed_and_a_taken_one_is_an_error(open_floor: OpenFloor, clock: ManualClock) -> None:
    first = await open_floor()
    port = first.desks[0].devices[0].server.port

    second = Floor((DeskPlan(workspace="B"),), clock=clock, base_port=port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await first.stop()
    async with second:
        assert f"ws://127.0.0.1:{port}/ws" == second.desks[0].devices[0].url


async def test_a_thousand_idle_devices_need_one_task(clock: ManualClock) -> None:
    before = len(asyncio.all_tasks())

    async with Floor(tuple(DeskPlan(workspace=f"Desk {n}") for n in range(1000)), clock=clock) as floor:
        await clock.settle()
        assert 1000 == len(floor.desks)
        assert 4 >= len(asyncio.all_tasks()) - before


@pytest.mark.may_block  # aiohttp's client looks at the machine
async def test_the_control_door_switches_faults_plays_flows_and_acts(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor(DeskPlan(workspace="Desk A"))
    url = await floor.open_control()
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings")

    async with aiohttp.ClientSession() as http:

        async def ask(method: str, path: str, body: object = None) -> tuple[int, Any]:
            async with http.request(method, url + path, json=body) as reply:
                return reply.status, await reply.json()

        _, desks = await ask("GET", "/desks")
        assert ("Desk A", floor.desks[0].devices[0].url) == (
            desks["desks"][0]["workspace"],
            desks["desks"][0]["devices"][0]["url"],
        )
        order = {"device": "device-0001-1", "times": 2, "options": {"seconds": 5}}
        assert 200 == (await ask("PUT", "/faults/late_reply", order))[0]
        _, faults = await ask("GET", "/faults")
        assert [("device-0001-1", "late_reply", 2)] == [
            (one["device"], one["name"], one["times"]) for one in faults["active"]
        ]
        assert 200 == (await ask("DELETE", "/faults/late_reply?device=device-0001-1"))[0]
        assert {} == floor.desks[0].device.faults.active
        assert 200 == (await ask("POST", "/flows/F06", {"desk": "Desk A"}))[0]
        await clock.settle()
        assert ["BookingRequested", "BookingCreated", "Start"] == client.names()
        status, done = await ask("POST", "/devices/device-0001-1/people/sign_in", {"email": "person1@example.com"})
        assert (200, True) == (status, done["result"])
        assert 400 == (await ask("PUT", "/faults/gremlins"))[0]
        assert 400 == (await ask("POST", "/flows/F10", {"desk": "Desk A"}))[0]
        assert 404 == (await ask("POST", "/flows/F06", {"desk": "Nowhere"}))[0]
        assert 400 == (await ask("POST", "/devices/device-0001-1/people/book", {"for": 3}))[0]
        assert 404 == (await ask("POST", "/devices/device-0001-1/people/__init__"))[0]
        assert 400 == (await ask("PUT", "/faults/mute", [1]))[0]
        assert (400, {"error": "the body takes device, times, options, and not seconds"}) == (
            await ask("PUT", "/faults/late_reply", {"seconds": 5})
        )
        assert {} == floor.faults.active
