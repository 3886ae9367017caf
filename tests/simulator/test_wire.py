"""The socket of a device: upgrade, JSON-RPC, values, feedback, and what it says to nonsense."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from hotdesk_daemon.simulator import DeskPlan, Floor, User

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hotdesk_daemon.simulator import ManualClock
    from tests.simulator.client import Client

    OpenFloor = Callable[..., Awaitable[Floor]]
    Dial = Callable[..., Awaitable[Client]]

ADMIN = User(name="admin", password="simulated")
USER = User(name="viewer", password="p+/?ä", roles=frozenset({"User"}))
DRIVER = User(name="driver", password="x", roles=frozenset({"RoomControl"}))


def subprotocol(name: str, password: str) -> Subprotocol:
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    return Subprotocol("auth-" + token.replace("+", "-").replace("/", "_").rstrip("="))


async def test_a_subprotocol_with_credentials_is_echoed(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(users=(ADMIN, USER))
    offered = subprotocol(USER.name, USER.password)

    client = await dial(floor.desks[0].devices[0], additional_headers={}, subprotocols=[offered])

    assert offered == client.socket.subprotocol
    assert 50 == await client.call("xGet", Path=["Status", "Audio", "Volume"])


@pytest.mark.parametrize("header", ["Basic bm86", "Basic !!!", "Bearer x", "Basic"])
async def test_wrong_credentials_are_answered_with_403(open_floor: OpenFloor, dial: Dial, header: str) -> None:
    floor = await open_floor()

    with pytest.raises(InvalidStatus) as refused:
        await dial(floor.desks[0].devices[0], additional_headers={"Authorization": header})

    assert 403 == refused.value.response.status_code


@pytest.mark.may_block  # the client reads its certificates
async def test_a_device_can_be_reached_over_tls(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(tls=True)
    assert floor.certificate is not None
    context = ssl.create_default_context(cadata=floor.certificate.pem.decode())

    client = await dial(floor.desks[0].devices[0], ssl=context)

    assert floor.desks[0].devices[0].url.startswith("wss://")
    assert "False" == await client.call("xGet", Path=["Status", "Webex", "DevicePersonalization", "Personalized"])


@pytest.mark.parametrize(
    ("frame", "code", "request_id"),
    [
        ("{", -32700, None),
        ("", -32700, None),
        ("[" * 50_000, -32700, None),
        ("[]", -32600, None),
        ("null", -32600, None),
        ('{"jsonrpc":"2.0","id":true,"method":"xGet"}', -32600, None),
        ('{"jsonrpc":"1.0","id":"a","method":"xGet"}', -32600, "a"),
        ('{"jsonrpc":"2.0","id":"a"}', -32600, "a"),
        ('{"jsonrpc":"2.0","id":"7","method":"xGet","params":[]}', -32602, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xNothing"}', -32601, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xGet"}', -32602, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xGet","params":{"Path":[null]}}', -32602, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xGet","params":{"Path":["Event","Bookings"]}}', -32602, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xGet","params":{"Path":["Status","Nothing"]}}', 1, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xFeedback/Unsubscribe","params":{"Id":3}}', -32602, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xFeedback/Subscribe","params":{"Query":"Status"}}', -32602, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xCommand/Bookings/Fly"}', -32601, "7"),
        ('{"jsonrpc":"2.0","id":"7","method":"xCommand/"}', -32601, "7"),
    ],
)
async def test_a_bad_request_gets_its_error_and_the_device_goes_on(
    open_floor: OpenFloor, dial: Dial, frame: str, code: int, request_id: object
) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])

    answer = await client.raw(frame)

    assert (code, request_id) == (answer["error"]["code"], answer["id"])
    assert 50 == await client.call("xGet", Path=["Status", "Audio", "Volume"])


async def test_a_request_without_id_gets_no_answer(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])

    await client.socket.send('{"jsonrpc":"2.0","method":"xGet","params":{"Path":["Status","Audio"]}}')

    assert {"Volume": 50} == await client.call("xGet", Path=["status", "AUDIO"])
    assert 1 == len(client.frames)


async def test_ids_are_echoed_with_their_type(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])

    answer = await client.raw(
        '{"jsonrpc":"2.0","id":"1","method":"xGet","params":{"Path":["Status","Audio","Volume"]}}'
    )

    assert {"jsonrpc": "2.0", "id": "1", "result": 50} == answer


async def test_queries_take_wildcards_and_configurations_can_be_set(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])
    path = ["Configuration", "Bookings", "AdhocBooking", "BookingTimeout"]

    assert {"Status": {"SystemUnit": {"Software": {"DisplayName": "RoomOS"}}}} == await client.call(
        "xQuery", Query=["Status", "**", "DisplayName"]
    )
    assert {} == await client.call("xQuery", Query=["Status", "*", "Nothing"])
    assert True is await client.call("xSet", Path=path, Value=120)
    assert 120 == await client.call("xGet", Path=path)
    assert 1 == (await client.error("xSet", Path=path, Value="120"))["code"]
    assert 1 == (await client.error("xSet", Path=path, Value=301))["code"]
    assert -32602 == (await client.error("xSet", Path=["Status", "Audio", "Volume"], Value=1))["code"]


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({"Duration": "30"}, "Duration"),
        ({"Duration": 0}, "Duration"),
        ({"Duration": 1441}, "Duration"),
        ({"Duration": True}, "Duration"),
        ({"Title": "ä" * 65}, "Title"),
        ({"Title": "two\nlines"}, "Title"),
        ({"Title": None}, "Title"),
        ({"StartTime": "tomorrow"}, "StartTime"),
        ({"StartTime": "2026-13-04T08:00:00Z"}, "StartTime"),
        ({"BookingRequestUUID": ""}, "BookingRequestUUID"),
        ({"MeetingPlatform": "Fax"}, "MeetingPlatform"),
        ({"Colour": "red"}, "Colour"),
    ],
)
async def test_a_bad_argument_is_named(
    open_floor: OpenFloor, dial: Dial, params: dict[str, Any], parameter: str
) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])

    error = await client.error("xCommand/Bookings/Book", **params)

    assert {
        "code": 1,
        "message": f'Bad usage: Bad argument to parameter "{parameter}".',
        "data": {"Cause": 27},
    } == error
    assert [] == floor.desks[0].device.effects
    assert [("Bookings Book", params)] == floor.desks[0].device.commands_received


async def test_a_role_too_small_is_refused(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(users=(USER, ADMIN, DRIVER))
    user = await dial(floor.desks[0].devices[0])
    driver = await dial(
        floor.desks[0].devices[0],
        additional_headers={},
        subprotocols=[subprotocol(DRIVER.name, DRIVER.password)],
    )

    assert -31999 == (await user.error("xCommand/Webex/Registration/Logout"))["code"]
    assert -31999 == (await user.error("xCommand/Bookings/Put", body="{}"))["code"]
    assert -31999 == (await user.error("xCommand/UserInterface/Message/Alert/Display", Text="x"))["code"]
    assert -31999 == (await driver.error("xCommand/Bookings/List"))["code"]
    assert {"status": "OK"} == await driver.call("xCommand/UserInterface/Message/Alert/Display", Text="x")
    assert "OK" == (await user.call("xCommand/Bookings/List"))["status"]


async def test_a_command_the_release_lacks_does_not_exist(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(DeskPlan(workspace="Desk A", releases=("11.23.1",)))
    client = await dial(floor.desks[0].devices[0])

    assert -32601 == (await client.error("xCommand/Bookings/CheckIn", MeetingId="x"))["code"]
    assert -32601 == (await client.error("xCommand/Bookings/CheckOut", MeetingId="x"))["code"]
    error = await client.error("xCommand/UserInterface/Message/Alert/Display", Text="x", Target="OSD")
    assert 'Bad usage: Bad argument to parameter "Target".' == error["message"]


async def test_teams_mode_takes_commands_away(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])

    floor.desks[0].device.faults.enable("teams_mode")
    assert -32601 == (await client.error("xCommand/Webex/Registration/Logout"))["code"]
    floor.desks[0].device.faults.disable("teams_mode")

    assert {"status": "OK"} == await client.call("xCommand/Webex/Registration/Logout")


async def test_the_subscription_reply_precedes_the_current_values(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])

    assert 0 == await client.subscribe("Event", "Bookings")
    assert 1 == await client.subscribe("Status", "Bookings", current=True)
    await client.call("xGet", Path=["Status", "Audio"])

    assert b'"result":{"Id":1}' in client.frames[1]
    assert [
        {"Id": 1, "Status": {"Bookings": {"Availability": {"Status": "Free", "TimeStamp": ""}}}},
        {"Id": 1, "Status": {"Bookings": {"Current": {"Id": ""}}}},
    ] == client.notifications


async def test_feedback_goes_to_each_subscription_that_matches(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings", "SyncRequired")
    await client.subscribe("Event", "*", "**")
    third = await client.subscribe("Event", "Bookings", "Start")
    assert True is await client.call("xFeedback/Unsubscribe", Id=third)

    floor.desks[0].device.sync_required()
    await client.call("xGet", Path=["Status", "Audio"])

    assert [
        {"Id": 0, "Event": {"Bookings": {"SyncRequired": {}}}},
        {"Id": 1, "Event": {"Bookings": {"SyncRequired": {}}}},
    ] == client.notifications


async def test_a_list_element_comes_with_its_id_and_goes_as_a_ghost(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Status", "Call", "Status")
    await client.subscribe("Status", "Call")

    floor.desks[0].device.people.start_call()
    assert "Connected" == await client.call("xGet", Path=["Status", "Call", 1, "Status"])
    floor.desks[0].device.people.end_call()
    await client.call("xGet", Path=["Status", "Audio"])

    assert {"Id": 0, "Status": {"Call": [{"id": 1, "Status": "Connected"}]}} == client.notifications[0]
    assert {"Id": 1, "Status": {"Call": [{"id": 1, "ghost": "True"}]}} == client.notifications[-1]


async def test_the_number_of_subscriptions_is_limited_over_all_connections(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    first, second = await dial(floor.desks[0].devices[0]), await dial(floor.desks[0].devices[0])
    floor.desks[0].device.faults.enable("subscription_limit", limit=2)

    await first.subscribe("Event", "Bookings")
    await second.subscribe("Event", "Bookings")

    assert -31998 == (await second.error("xFeedback/Subscribe", Query=["Status", "Bookings"]))["code"]


async def test_a_restart_refuses_upgrades_then_requests_and_ends_in_sync_required(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor()
    desk = floor.desks[0]
    first = await dial(desk.devices[0])

    desk.device.reboot(30)
    with pytest.raises(InvalidStatus) as refused:
        await dial(desk.devices[0])
    await clock.advance(30)
    second = await dial(desk.devices[0])
    not_ready = await second.error("xCommand/Bookings/List")
    await clock.advance(5)
    await second.subscribe("Event", "Bookings")
    await clock.advance(5)

    assert 502 == refused.value.response.status_code
    assert 1006 == first.socket.close_code
    assert -31997 == not_ready["code"]
    assert ["SyncRequired"] == second.names()


async def test_a_binary_frame_is_read_like_text(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor()
    client = await dial(floor.desks[0].devices[0])

    await client.socket.send(b"\xff\xfe")

    assert 50 == await client.call("xGet", Path=["Status", "Audio", "Volume"])
    assert -32700 == client.strays[0]["error"]["code"]
