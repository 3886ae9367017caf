"""What goes wrong when a fault is switched on, and that it goes right again afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hotdesk_daemon.simulator import FAULTS, DeskPlan, Floor, UnknownFaultError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hotdesk_daemon.simulator import Device, ManualClock
    from tests.simulator.client import Client

    OpenFloor = Callable[..., Awaitable[Floor]]
    Dial = Callable[..., Awaitable[Client]]

BOOK = {"BookingRequestUUID": "5d0e0000-0000-4000-8000-000000000001", "Duration": 60}


async def desk(open_floor: OpenFloor, dial: Dial) -> tuple[Device, Client]:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings")
    return floor.desks[0].device, client


@pytest.mark.parametrize("status", [401, 403, 502, 503])
async def test_an_upgrade_is_refused_as_often_as_said(open_floor: OpenFloor, dial: Dial, status: int) -> None:
    floor = await open_floor()
    floor.desks[0].device.faults.enable(f"upgrade_{status}", times=1)

    with pytest.raises(InvalidStatus) as refused:
        await dial(floor.desks[0].devices[0])

    assert status == refused.value.response.status_code
    assert 0 == await (await dial(floor.desks[0].devices[0])).subscribe("Event", "Bookings")


@pytest.mark.parametrize(("fault", "acted"), [("cut_before", 0), ("cut_after", 1)])
async def test_a_cut_socket_leaves_it_open_whether_the_command_was_done(
    open_floor: OpenFloor, dial: Dial, fault: str, acted: int
) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable(fault, times=1, command="Bookings Book")

    await client.call("xCommand/Bookings/List")
    client.ask("xCommand/Bookings/Book", **BOOK)
    async with asyncio.timeout(3):
        await client.socket.wait_closed()

    assert acted == len(device.calendar.entries)
    assert [] == client.names()
    assert 1006 == client.socket.close_code
    assert {} == device.faults.active


async def test_a_late_reply_comes_after_its_time(open_floor: OpenFloor, dial: Dial, clock: ManualClock) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable("late_reply", times=1, command="Bookings.Book", seconds=45)

    answer = client.ask("xCommand/Bookings/Book", **BOOK)
    await clock.advance(44)
    in_time = answer.done()
    await clock.advance(2)

    assert not in_time
    assert {"status": "OK"} == (await answer)["result"]
    assert 1 == len(device.calendar.entries)


async def test_a_reply_can_fail_to_come_and_others_still_do(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable("no_reply", times=1, command="Bookings Book")

    answer = client.ask("xCommand/Bookings/Book", **BOOK)
    await client.call("xCommand/Bookings/List")
    await clock.advance(300)

    assert not answer.done()
    assert ["BookingRequested", "BookingCreated"] == client.names()[:2]


async def test_a_stray_reply_comes_before_the_real_one(open_floor: OpenFloor, dial: Dial) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable("stray_reply", times=1)

    await client.call("xCommand/Bookings/List")

    assert [987654321] == [stray["id"] for stray in client.strays]


async def test_a_command_can_be_refused_with_any_code(open_floor: OpenFloor, dial: Dial) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable("command_error", command="Bookings Book", code=-32603, message="Internal error")

    error = await client.error("xCommand/Bookings/Book", **BOOK)

    assert {"code": -32603, "message": "Internal error"} == error
    assert ([("Bookings Book", BOOK)], []) == (device.commands_received, device.effects)


@pytest.mark.parametrize(
    ("fault", "options", "names"),
    [
        ("lost", {"path": "Bookings/BookingCreated", "times": 1}, ["BookingRequested", "Start"]),
        (
            "duplicate",
            {"path": "Bookings", "times": 2},
            ["BookingRequested", "BookingRequested", "BookingCreated", "BookingCreated", "Start"],
        ),
        (
            "reorder",
            {"path": "Bookings BookingRequested", "times": 1},
            ["BookingCreated", "BookingRequested", "Start"],
        ),
        (
            "late",
            {"path": "Bookings.BookingRequested", "seconds": 10},
            ["BookingCreated", "Start", "BookingRequested"],
        ),
    ],
)
async def test_notifications_get_lost_doubled_late_and_mixed_up(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock, fault: str, options: dict[str, Any], names: list[str]
) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable(fault, **options)

    await client.call("xCommand/Bookings/Book", **BOOK)
    await clock.advance(20)

    assert names == client.names()


async def test_the_last_notification_is_not_held_back_for_ever(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable("reorder", times=1)

    device.sync_required()
    await clock.advance(5)

    assert ["SyncRequired"] == client.names()


@pytest.mark.parametrize("fault", ["malformed_frame", "huge_frame", "null_frame", "deep_frame"])
async def test_strange_frames_are_sent_whole_and_the_socket_stays(
    open_floor: OpenFloor, dial: Dial, fault: str
) -> None:
    device, client = await desk(open_floor, dial)
    seen = len(client.frames)

    device.faults.enable(fault)
    await client.call("xGet", Path=["Status", "Audio"])

    frames = client.frames[seen:-1]
    match fault:
        case "malformed_frame":
            with pytest.raises(msgspec.DecodeError):
                msgspec.json.decode(frames[0])
        case "huge_frame":
            assert [10_000_000] == [len(frame) for frame in frames]
            assert "Bookings" in msgspec.json.decode(frames[0])["params"]["Event"]
        case "null_frame":
            assert all(frame == b"null" or b":null" in frame for frame in frames)
            assert 5 == len(frames)
        case _:
            with pytest.raises(RecursionError):
                msgspec.json.decode(frames[0])
    assert {} == device.faults.active


async def test_a_mute_socket_answers_nothing_not_even_pings(open_floor: OpenFloor, dial: Dial) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable("mute")

    pong = asyncio.ensure_future(await client.socket.ping())
    answer = client.ask("xCommand/Bookings/List")
    for _ in range(50):
        await asyncio.sleep(0)
    before = (pong.done(), answer.done())
    device.faults.disable("mute")
    async with asyncio.timeout(3):
        await pong
        await answer

    assert (False, False) == before


async def test_a_floor_with_mute_sockets_can_be_stopped(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])
    floor.faults.enable("mute")

    async with asyncio.timeout(3):
        await floor.stop()

    with pytest.raises(ConnectionClosed):
        await client.socket.send("{}")


async def test_a_clock_hours_ahead_starts_bookings_early(open_floor: OpenFloor, dial: Dial, clock: ManualClock) -> None:
    device, client = await desk(open_floor, dial)
    await client.call("xCommand/Bookings/Book", **BOOK, StartTime="2026-05-04T12:00:00Z")

    device.faults.enable("clock_skew", hours=3)
    await clock.advance(3599)
    before = client.names()
    await clock.advance(1)

    assert "Start" not in before
    assert "Start" in client.names()
    assert "2026-05-04T12:00:00Z" == await client.call("xGet", Path=["Status", "Time", "SystemTime"])


async def test_a_restart_in_the_middle_of_a_command_loses_the_connection(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable("reboot", command="Bookings Book", times=1)

    client.ask("xCommand/Bookings/Book", **BOOK)
    async with asyncio.timeout(3):
        await client.socket.wait_closed()
    down = device.state
    await clock.advance(40)

    assert ("down", "up") == (down, device.state)
    assert ["booked", "rebooted"] == [effect.kind for effect in device.effects]


async def test_personalized_flickers_and_nobody_was_there(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    device, client = await desk(open_floor, dial)
    await client.subscribe("Status", "Webex", "DevicePersonalization")

    device.faults.enable("flicker")
    await clock.advance(4)

    assert ["Personalized True", "Personalized False"] == client.names()


async def test_a_closed_lid_and_a_switched_off_count_are_not_known(open_floor: OpenFloor, dial: Dial) -> None:
    device, client = await desk(open_floor, dial)
    count = ["Status", "RoomAnalytics", "PeopleCount", "Current"]
    device.people.come(2)

    assert 2 == await client.call("xGet", Path=count)
    for fault in ("unknown_count", "camera_lid"):
        device.faults.enable(fault)
        assert -1 == await client.call("xGet", Path=count)
        device.faults.disable(fault)
    device.people.standby()
    assert -1 == await client.call("xGet", Path=count)
    device.people.standby("Off")

    assert 2 == await client.call("xGet", Path=count)


async def test_presence_ends_a_while_after_the_last_person_left(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    device, client = await desk(open_floor, dial)
    presence = ["Status", "RoomAnalytics", "PeoplePresence"]
    in_use = ["Status", "RoomAnalytics", "RoomInUse"]
    device.people.come()
    device.people.leave()

    assert ("Yes", "True") == (await client.call("xGet", Path=presence), await client.call("xGet", Path=in_use))
    await clock.advance(121)
    assert ("No", "False") == (await client.call("xGet", Path=presence), await client.call("xGet", Path=in_use))


async def test_a_burst_of_sync_required_comes_at_once(open_floor: OpenFloor, dial: Dial) -> None:
    device, client = await desk(open_floor, dial)

    device.faults.enable("sync_required_burst", count=1000)
    await client.call("xGet", Path=["Status", "Audio"])

    assert 1000 == client.names().count("SyncRequired")


async def test_a_fault_of_the_floor_strikes_every_device(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(DeskPlan(workspace="One"), DeskPlan(workspace="Two"))
    clients = [await dial(one.devices[0]) for one in floor.desks]
    for client in clients:
        await client.subscribe("Event", "Bookings")

    floor.faults.enable("lost", path="Bookings SyncRequired", times=1)
    for one in floor.desks:
        one.device.sync_required()
    floor.faults.enable("sync_required_burst", count=2)
    for client in clients:
        await client.call("xGet", Path=["Status", "Audio"])

    assert [2, 3] == [len(client.names()) for client in clients]


@pytest.mark.parametrize("kind", ["hybrid_delay", "hybrid_decline", "hybrid_timeout"])
async def test_the_back_end_can_be_disturbed_by_name(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock, kind: str
) -> None:
    floor = await open_floor(DeskPlan(workspace="Hybrid", kind="hybrid", backend_delay_s=1))
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings", "BookingCreated")
    await client.subscribe("Event", "Bookings", "BookingFailed")
    floor.faults.enable(kind, times=1)

    await client.call("xCommand/Bookings/Book", **BOOK)
    await clock.advance(2)
    soon = client.names()
    await clock.advance(60)

    assert (["BookingFailed"] if kind == "hybrid_decline" else []) == soon
    assert ["BookingCreated" if kind == "hybrid_delay" else "BookingFailed"] == client.names()


async def test_events_can_leave_out_the_meeting_id_where_the_schema_lets_them(
    open_floor: OpenFloor, dial: Dial
) -> None:
    device, client = await desk(open_floor, dial)
    device.faults.enable("no_meeting_id")

    await client.call("xCommand/Bookings/Book", **BOOK)
    await client.call("xCommand/Bookings/Delete", MeetingId=BOOK["BookingRequestUUID"])

    assert {"BookingRequested": False, "BookingCreated": True, "Start": False, "Deleted": False} == {
        name: "MeetingId" in fields for name, fields in client.events()
    }


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gremlins", {}),
        ("late_reply", {"minutes": 3}),
        ("late_reply", {"seconds": "long"}),
        ("late_reply", {"command": 3}),
        ("mute", {"times": 0}),
    ],
)
async def test_a_fault_that_does_not_exist_cannot_be_enabled(
    open_floor: OpenFloor, name: str, options: dict[str, Any]
) -> None:
    floor = await open_floor()

    with pytest.raises(UnknownFaultError):
        floor.faults.enable(name, **options)


async def test_every_fault_can_be_switched_on_and_off(open_floor: OpenFloor, dial: Dial, clock: ManualClock) -> None:
    floor = await open_floor(DeskPlan(workspace="Hybrid", kind="hybrid"))
    await dial(floor.desks[0].devices[0])

    for name in FAULTS:
        floor.faults.enable(name)
        floor.faults.disable(name)
    await clock.advance(60)

    assert {} == floor.faults.active
    assert "up" == floor.desks[0].device.state
    assert 0 == await (await dial(floor.desks[0].devices[0])).subscribe("Event", "Bookings")
