"""Every interaction flow, played by name: what a client hears of it, in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hotdesk_daemon.simulator import FLOWS, OUTSIDER, DeskPlan, Floor, FlowError, Played, play

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hotdesk_daemon.simulator import Desk, ManualClock
    from tests.simulator.client import Client

    OpenFloor = Callable[..., Awaitable[Floor]]
    Dial = Callable[..., Awaitable[Client]]

BOOKED = ["BookingRequested", "BookingCreated"]
AT_ONCE = [*BOOKED, "Start"]
MADE = ["BookingCreated", "Start"]
IN, OUT = "Personalized True", "Personalized False"
ENDING = ["TimeRemaining", "TimeRemaining", "End"]

# What is heard of a flow on a local and on a hybrid calendar; None: the kind does not have it.
HEARD: list[tuple[str, str, list[str] | None, list[str] | None]] = [
    ("F01", "", ["SyncRequired"], ["SyncRequired"]),
    ("F02", "", AT_ONCE, AT_ONCE),
    ("F03", "", [*BOOKED, "StartTimeBuffer", "Start"], [*BOOKED, "StartTimeBuffer", "Start"]),
    ("F04", "", [*AT_ONCE, *ENDING], [*AT_ONCE, *ENDING]),
    (
        "F05",
        "",
        [
            *BOOKED, "StartTimeBuffer", "Start", "CheckedIn", "NotificationSnoozed", "Updated",
            "TimeRemaining", "EndTimeBuffer", "TimeRemaining", "End",
        ],
        [
            *BOOKED, "StartTimeBuffer", "Start", "CheckedIn", "NotificationSnoozed", "EditRequested", "Updated",
            "TimeRemaining", "EndTimeBuffer", "TimeRemaining", "End",
        ],
    ),
    ("F06", "", AT_ONCE, None),
    ("F07", "", None, AT_ONCE),
    ("F07", "refused", None, ["BookingRequested", "BookingFailed"]),
    ("F07", "timeout", None, ["BookingRequested", "BookingFailed"]),
    ("F08", "", [], None),
    ("F09", "", None, []),
    ("F10", "", None, ["BookingCreated"]),
    ("F11", "", [*BOOKED, "Deleted"], None),
    ("F12", "", None, [*BOOKED, "Deleted"]),
    ("F13", "", BOOKED, None),
    ("F14", "", None, BOOKED),
    ("F15", "", None, [*BOOKED, "Deleted"]),
    ("F16", "", [*BOOKED, "EditRequested", "BookingMoved"], None),
    ("F17", "", None, [*BOOKED, "EditRequested", "BookingMoved"]),
    ("F17", "refused", None, [*BOOKED, "EditRequested", "EditFailed"]),
    ("F17", "timeout", None, [*BOOKED, "EditRequested", "EditFailed"]),
    ("F18", "", BOOKED, None),
    ("F19", "", None, BOOKED),
    ("F20", "", None, [*BOOKED, "BookingMoved"]),
    ("F21", "", [*AT_ONCE, "ExtensionRequested", "BookingMoved"], None),
    ("F22", "", None, [*AT_ONCE, "ExtensionRequested", "BookingMoved"]),
    ("F22", "refused", None, [*AT_ONCE, "ExtensionRequested", "ExtensionFailed"]),
    ("F22", "timeout", None, [*AT_ONCE, "ExtensionRequested", "ExtensionFailed"]),
    ("F23", "", [IN, *AT_ONCE], [IN, *AT_ONCE]),
    ("F23", "refused", [IN, *AT_ONCE], [IN, "BookingRequested", "BookingFailed", OUT]),
    ("F23", "timeout", [IN, *AT_ONCE], [IN, "BookingRequested", "BookingFailed", OUT]),
    ("F24", "", [IN, OUT], [IN, OUT]),
    ("F25", "", [*AT_ONCE, IN], [*MADE, IN]),
    ("F26", "", AT_ONCE, MADE),
    ("F27", "", [*AT_ONCE, IN, OUT], [*MADE, IN, OUT]),
    (
        "F28",
        "",
        [*AT_ONCE, IN, *ENDING, OUT],
        [*MADE, IN, *ENDING, OUT],
    ),
    (
        "F28",
        "in_call",
        [*AT_ONCE, IN, *ENDING, OUT],
        [*MADE, IN, *ENDING, OUT],
    ),
    ("F29", "", [*AT_ONCE, IN], [*MADE, IN]),
    ("F29", "in_call", [*AT_ONCE, IN], [*MADE, IN]),
    ("F29", "at_device", [*AT_ONCE, IN, "Deleted", OUT], [*MADE, IN, "Deleted", OUT]),
    ("F29", "at_device_in_call", [*AT_ONCE, IN, "Deleted", OUT], [*MADE, IN, "Deleted", OUT]),
    ("F30", "", [*AT_ONCE, IN, "EditRequested", "BookingMoved"], [*MADE, IN, "BookingMoved"]),
    ("F30", "outside", [*AT_ONCE, IN, "EditRequested", "BookingMoved", OUT], [*MADE, IN, "BookingMoved", OUT]),
    (
        "F30",
        "outside_in_call",
        [*AT_ONCE, IN, "EditRequested", "BookingMoved", OUT],
        [*MADE, IN, "BookingMoved", OUT],
    ),
    ("F31", "", [*AT_ONCE, IN, "Deleted", OUT], [*MADE, IN, "Deleted", OUT]),
    ("F32", "", [*AT_ONCE, IN], [*MADE, IN]),
    ("F32", "in_call", [*AT_ONCE, IN], [*MADE, IN]),
    ("F33", "", [*BOOKED, "Start", "Deleted"], ["BookingCreated", "Start", "Deleted"]),
]  # fmt: skip
CASES = [
    pytest.param(kind, flow, variant, heard, id=f"{flow}-{kind}{'-' + variant if variant else ''}")
    for flow, variant, local, hybrid in HEARD
    for kind, heard in (("local", local), ("hybrid", hybrid))
    if heard is not None
]


async def played(clock: ManualClock, desk: Desk, flow: str, variant: str = "") -> Played:
    """Play a flow to its end and let what it caused happen."""
    running = asyncio.create_task(play(flow, desk, clock, variant=variant))
    await clock.advance_until(running.done, step_s=10)
    result = await running
    await clock.settle()
    return result


async def stage(open_floor: OpenFloor, dial: Dial, kind: str) -> tuple[Desk, Client]:
    plan = DeskPlan(workspace="Stage", kind="hybrid" if kind == "hybrid" else "local", releases=("26.4.1",) * 2)
    floor = await open_floor(plan)
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings")
    await client.subscribe("Status", "Webex", "DevicePersonalization", "Personalized")
    return floor.desks[0], client


@pytest.mark.parametrize(("kind", "flow", "variant", "heard"), CASES)
async def test_a_flow_is_heard_as_it_is_described(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock, kind: str, flow: str, variant: str, heard: list[str]
) -> None:
    desk, client = await stage(open_floor, dial, kind)

    await played(clock, desk, flow, variant)

    assert heard == client.names()


def test_every_flow_of_every_kind_and_variant_is_played() -> None:
    described = {
        (kind, flow, variant)
        for flow, variant, *both in HEARD
        for kind, heard in zip(("local", "hybrid"), both, strict=True)
        if heard is not None
    }
    offered = {
        (kind, name, variant) for name, flow in FLOWS.items() for kind in flow.kinds for variant in flow.variants
    }

    assert [f"F{number:02d}" for number in range(1, 34)] == sorted(FLOWS)
    assert offered == described


@pytest.mark.parametrize(
    ("flow", "variant"), [("F34", ""), ("F10", ""), ("F06", "refused")], ids=["unknown", "kind", "variant"]
)
async def test_a_flow_the_desk_cannot_play_is_refused(
    open_floor: OpenFloor, clock: ManualClock, flow: str, variant: str
) -> None:
    floor = await open_floor()

    with pytest.raises(FlowError):
        await play(flow, floor.desks[0], clock, variant=variant)


async def test_a_rejected_ad_hoc_booking_signs_its_booker_out(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    desk, client = await stage(open_floor, dial, "local")
    booking = await played(clock, desk, "F23")

    await client.call("xCommand/Bookings/Delete", MeetingId=booking.meeting_id)
    await clock.advance(1)

    assert ["Deleted", OUT] == client.names()[-2:]
    assert ("deleted", "integration") == (desk.device.effects[-2].kind, desk.device.effects[-2].by)


@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_a_deletion_during_a_call_signs_out_when_the_call_ends(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock, kind: str
) -> None:
    desk, client = await stage(open_floor, dial, kind)
    booking = await played(clock, desk, "F29", "in_call")

    await client.call("xCommand/Bookings/Delete", MeetingId=booking.meeting_id)
    await clock.advance(60)
    during = client.names()[-1]
    desk.device.people.end_call()
    await clock.settle()

    assert "Deleted" == during
    assert OUT == client.names()[-1]


@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_a_logout_ends_the_call_and_the_booking(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock, kind: str
) -> None:
    desk, client = await stage(open_floor, dial, kind)
    await played(clock, desk, "F32", "in_call")

    await client.call("xCommand/Webex/Registration/Logout")
    calls = await client.call("xGet", Path=["Status", "SystemUnit", "State", "NumberOfActiveCalls"])
    await clock.advance(5)

    assert 0 == calls
    assert ["Deleted", OUT] == client.names()[-2:]
    assert "HotdeskSignout" == client.events()[-1][1]["Cause"]


async def test_an_integrations_own_edit_on_a_local_desk_is_announced_only_where_wanted(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    desk, client = await stage(open_floor, dial, "local")
    booking = await played(clock, desk, "F18")

    async def edit(minutes: int) -> list[str]:
        seen = len(client.names())
        await client.call("xCommand/Bookings/Edit", MeetingId=booking.meeting_id, Duration=minutes)
        await clock.settle()
        return client.names()[seen:]

    assert ["BookingMoved"] == await edit(90)
    assert ["Updated"] == await edit(90)
    desk.calendar.habits.announces_commands = True
    assert ["EditRequested", "BookingMoved"] == await edit(45)


async def test_whoever_forgets_to_book_is_signed_out_after_a_while(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    desk, client = await stage(open_floor, dial, "local")

    desk.device.people.sign_in("person1@example.com")
    await clock.advance(290)
    before = client.names()
    await clock.advance(30)

    assert [IN] == before
    assert [IN, OUT] == client.names()


async def test_sign_ins_without_bookings_are_left_alone_where_configured(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    desk, client = await stage(open_floor, dial, "local")
    path = ["Configuration", "Webex", "DevicePersonalization", "TaskBasedSignIn"]
    await client.call("xSet", Path=path, Value="On")
    desk.device.people.book(60, "Desk", "person1@example.com")

    desk.device.people.sign_in("person2@example.com")
    await clock.advance(1000)

    assert [IN] == [name for name in client.names() if name.startswith("Personalized")]


async def test_a_second_booking_of_the_same_person_keeps_the_session(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    desk, client = await stage(open_floor, dial, "local")
    people = desk.device.people
    people.book(30, "one", "person1@example.com")
    people.book(30, "two", "person1@example.com", start=clock.now() + timedelta(minutes=30))
    people.sign_in("person1@example.com")

    await clock.advance(3601)

    sessions: list[Any] = [name for name in client.names() if name in (IN, OUT, "End")]
    assert [IN, "End", "End", OUT] == sessions


async def test_an_outsiders_booking_is_deleted_with_its_cause(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    desk, client = await stage(open_floor, dial, "hybrid")

    flow = await played(clock, desk, "F33")

    assert OUTSIDER == flow.email
    assert "HotdeskOrganizerNotFoundInOrg" == client.events()[-1][1]["Cause"]
