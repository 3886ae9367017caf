"""What a desk of either kind does with bookings, and how it tells about them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.simulator import DeskPlan, Floor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hotdesk_daemon.simulator import ManualClock
    from tests.simulator.client import Client

    OpenFloor = Callable[..., Awaitable[Floor]]
    Dial = Callable[..., Awaitable[Client]]

ALICE, BOB = "person1@example.com", "person2@example.com"
LOCAL = DeskPlan(workspace="Local")
HYBRID = DeskPlan(workspace="Hybrid", kind="hybrid", backend_delay_s=5)
BOOK = {
    "BookingRequestUUID": "5d0e0000-0000-4000-8000-000000000001",
    "Title": "Desk 12",
    "StartTime": "2026-05-04T09:00:00Z",
    "Duration": 60,
    "OrganizerEmail": ALICE,
    "OrganizerName": "Alice",
}


async def test_a_local_booking_is_created_at_once_under_its_uuid(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings")

    assert {"status": "OK"} == await client.call("xCommand/Bookings/Book", **BOOK)
    listed = await client.call("xCommand/Bookings/List", DayOffset=0, AccountType="Shared")

    uuid = BOOK["BookingRequestUUID"]
    assert [
        (
            "BookingRequested",
            {
                "BookingRequestUUID": uuid,
                "Title": "Desk 12",
                "StartTime": "2026-05-04T09:00:00Z",
                "Duration": 60,
            },
        ),
        (
            "BookingCreated",
            {
                "BookingRequestUUID": uuid,
                "MeetingId": uuid,
                "Id": "webex-1",
                "Title": "Desk 12",
                "StartTime": "2026-05-04T09:00:00Z",
                "Duration": 60,
                "OrganizerName": "Alice",
                "OrganizerEmail": ALICE,
                "OrganizerId": "",
            },
        ),
    ] == client.events()
    (booking,) = listed["Booking"]
    assert (uuid, "webex-1", ALICE) == (booking["MeetingId"], booking["Id"], booking["Organizer"]["Email"])
    assert {
        "EndTime": "2026-05-04T10:00:00Z",
        "EndTimeBuffer": 0,
        "StartTime": "2026-05-04T09:00:00Z",
        "StartTimeBuffer": 300,
    } == booking["Time"]
    assert [("booked", "integration", uuid)] == [
        (effect.kind, effect.by, effect.meeting_id) for effect in floor.desks[0].device.effects
    ]


async def test_the_answer_comes_before_the_events_unless_the_device_does_otherwise(
    open_floor: OpenFloor, dial: Dial
) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings")

    await client.call("xCommand/Bookings/Book", Duration=30)
    await client.call("xGet", Path=["Status", "Audio"])
    floor.desks[0].device.events_first = True
    await client.call("xCommand/Bookings/Book", Duration=30)

    kinds = ["event" if b"xFeedback/Event" in frame else "answer" for frame in client.frames[1:]]
    assert ["answer"] + ["event"] * 3 + ["answer"] + ["event"] * 3 + ["answer"] == kinds


async def test_an_empty_list_has_no_booking_member(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])

    assert {"ResultInfo": {"TotalRows": 0}, "status": "OK"} == await client.call("xCommand/Bookings/List")


async def test_a_hybrid_list_has_the_name_for_an_address_and_the_space_call_for_a_booking(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor(HYBRID)
    desk = floor.desks[0]
    client = await dial(desk.devices[0])
    meeting_id = desk.backend.create(ALICE, clock.now() + timedelta(hours=1), 60, title="Planning")
    await clock.advance(2)
    desk.device.people.start_call(listed=True)

    call, booking = (await client.call("xCommand/Bookings/List", DayOffset=0))["Booking"]

    assert ("", "Adhoc", "True") == (
        call["MeetingId"],
        call["Spark"]["MeetingType"],
        call["Spark"]["LocusActive"],
    )
    assert ("2026-05-04T08:00:02Z", "2026-05-05T09:00:02Z") == (
        call["Time"]["StartTime"],
        call["Time"]["EndTime"],
    )
    assert [
        "Agenda", "BookingStatus", "BookingStatusMessage", "Cancellable", "DialInfo", "Encryption", "Id",
        "MaximumMeetingExtension", "MeetingExtensionAvailability", "MeetingId", "Organizer", "Privacy", "Recording",
        "Spark", "Time", "Title", "Webex", "id",
    ] == list(booking)  # fmt: skip
    organizer = booking["Organizer"]
    assert (meeting_id, "", "Person1", "") == (
        booking["MeetingId"],
        organizer["Email"],
        organizer["FirstName"],
        organizer["LastName"],
    )
    assert 36 == len(organizer["Id"])


async def test_get_tells_the_seconds_and_an_unknown_booking_is_an_error(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    await client.call("xCommand/Bookings/Book", **BOOK)
    await clock.advance(3600 + 60)

    booking = (await client.call("xCommand/Bookings/Get", Id="webex-1"))["Booking"]
    error = await client.error("xCommand/Bookings/Get", MeetingId="nobody")

    assert (0, 60, 3540) == tuple(
        booking["Time"][name] for name in ("SecondsUntilStart", "SecondsSinceStart", "SecondsUntilEnd")
    )
    assert (1, "Booking not found") == (error["code"], error["message"])


async def test_a_list_can_be_paged_and_cut_to_days(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    for day in (4, 5, 6):
        start = f"2026-05-0{day}T10:00:00Z"
        await client.call("xCommand/Bookings/Book", Title=f"day {day}", StartTime=start, Duration=30)

    async def titles(**params: object) -> list[str]:
        listed = await client.call("xCommand/Bookings/List", **params)
        return [booking["Title"] for booking in listed.get("Booking", [])]

    assert ["day 4", "day 5", "day 6"] == await titles()
    assert ["day 4"] == await titles(Days=1)
    assert ["day 5", "day 6"] == await titles(DayOffset=1)
    assert ["day 5"] == await titles(Offset=1, Limit=1)
    assert [] == await titles(AccountType="Personal")


async def test_somebody_signed_in_mixes_in_their_own_meetings(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    own = [(clock.now() + timedelta(hours=1), 30, "Dentist")]
    floor.desks[0].device.people.sign_in(ALICE, own_meetings=own)

    mixed = await client.call("xCommand/Bookings/List")
    shared = await client.call("xCommand/Bookings/List", AccountType="Shared")

    assert ["Dentist"] == [booking["Title"] for booking in mixed["Booking"]]
    assert "Booking" not in shared


async def test_the_clock_starts_reminds_and_ends(open_floor: OpenFloor, dial: Dial, clock: ManualClock) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings")
    await client.subscribe("Status", "Bookings")
    await client.subscribe("Status", "Webex")
    await client.call("xCommand/Bookings/Book", **BOOK)
    await clock.advance(7200)

    assert [
        "BookingRequested", "BookingCreated", "StartTimeBuffer", "Start", "TimeRemaining", "TimeRemaining", "End",
    ] == [name for name, _ in client.events()]  # fmt: skip
    end = dict(client.events())["End"]
    assert {
        "Id": "webex-1",
        "MeetingId": BOOK["BookingRequestUUID"],
        "StartTime": "2026-05-04T09:00:00Z",
        "EndTime": "2026-05-04T10:00:00Z",
        "ScheduledDuration": 60,
    } == end
    availability = [
        one["Status"]["Bookings"]["Availability"]
        for one in client.notifications
        if "Availability" in one.get("Status", {}).get("Bookings", {})
    ]
    assert [
        {"Status": "FreeUntil", "TimeStamp": "2026-05-04T09:00:00Z"},
        {"Status": "BookedUntil", "TimeStamp": "2026-05-04T10:00:00Z"},
        {"Status": "Free", "TimeStamp": ""},
    ] == availability
    sessions = [one for one in client.notifications if "Hotdesking" in str(one)]
    assert ["Reserved", "Available"] == [
        one["Status"]["Webex"]["DevicePersonalization"]["Hotdesking"]["SessionStatus"] for one in sessions
    ]


@pytest.mark.parametrize(
    ("variant", "names"),
    [
        ("accept", ["BookingRequested", "BookingCreated"]),
        ("decline", ["BookingRequested", "BookingFailed"]),
        ("ignore", ["BookingRequested", "BookingFailed"]),
    ],
)
async def test_the_back_end_decides_about_a_hybrid_booking(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock, variant: str, names: list[str]
) -> None:
    floor = await open_floor(HYBRID)
    desk = floor.desks[0]
    client = await dial(desk.devices[0])
    await client.subscribe("Event", "Bookings")
    if variant == "decline":
        desk.backend.decline_next(cause="HttpError")
    if variant == "ignore":
        desk.backend.ignore_next()

    await client.call("xCommand/Bookings/Book", **BOOK)
    await clock.advance(4)
    before = client.names()
    await clock.advance(55 if variant == "ignore" else 2)
    meanwhile = client.names()
    await clock.advance(2)

    assert ["BookingRequested"] == before
    assert (["BookingRequested"] if variant == "ignore" else names) == meanwhile
    assert names == client.names()
    fields = client.events()[-1][1]
    assert BOOK["BookingRequestUUID"] == fields["BookingRequestUUID"]
    if variant == "accept":
        assert fields["MeetingId"] != fields["BookingRequestUUID"]
    else:
        assert {"decline": "HttpError", "ignore": "Timeout"}[variant] == fields["FailureCause"]


async def test_a_refused_hybrid_edit_fails_and_a_refused_deletion_is_silent(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor(HYBRID)
    desk = floor.desks[0]
    client = await dial(desk.devices[0])
    meeting_id = desk.backend.create(ALICE, clock.now() + timedelta(hours=1), 60)
    await clock.advance(2)
    await client.subscribe("Event", "Bookings")
    desk.backend.decline_next(2)

    assert {"status": "OK"} == await client.call("xCommand/Bookings/Edit", MeetingId=meeting_id, Duration=90)
    assert {"status": "OK"} == await client.call("xCommand/Bookings/Delete", MeetingId=meeting_id)
    await clock.advance(300)

    assert ["EditRequested", "EditFailed"] == client.names()
    assert {"MeetingId": meeting_id, "FailureCause": "Decline"} == client.events()[-1][1]
    booking = (await client.call("xCommand/Bookings/Get", MeetingId=meeting_id))["Booking"]
    assert ("2026-05-04T09:00:00Z", "2026-05-04T10:00:00Z") == (
        booking["Time"]["StartTime"],
        booking["Time"]["EndTime"],
    )
    assert ["booked"] == [effect.kind for effect in desk.device.effects]


async def test_a_hybrid_extension_makes_a_second_meeting_and_shows_one(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor(HYBRID)
    desk = floor.desks[0]
    client = await dial(desk.devices[0])
    meeting_id = desk.backend.create(ALICE, clock.now(), 60)
    await clock.advance(2)
    await client.subscribe("Event", "Bookings")

    desk.device.people.extend(15)
    await clock.advance(6)

    assert ["ExtensionRequested", "BookingMoved"] == client.names()
    assert "2026-05-04T09:15:00Z" == client.events()[0][1]["NewEndTime"]
    assert (1, 75, 1) == (
        len(desk.calendar.entries),
        desk.device.people.booking(meeting_id).duration_min,  # type: ignore[union-attr]
        len(desk.device.people.booking(meeting_id).extension_ids),  # type: ignore[union-attr]
    )


async def test_both_devices_of_a_companion_workspace_report_the_same_booking(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(DeskPlan(workspace="Pair", releases=("26.4.1", "11.27.2.0")))
    one, two = [await dial(station) for station in floor.desks[0].devices]
    await one.subscribe("Event", "Bookings")
    await two.subscribe("Event", "Bookings")

    await one.call("xCommand/Bookings/Book", **BOOK)
    await two.call("xGet", Path=["Status", "Audio"])
    await one.call("xGet", Path=["Status", "Audio"])

    assert ["BookingRequested", "BookingCreated"] == one.names()
    assert one.events() == two.events()
    assert 1 == sum(len(station.device.effects) for station in floor.desks[0].devices)


async def test_after_a_restart_ids_mean_other_bookings(open_floor: OpenFloor, dial: Dial, clock: ManualClock) -> None:
    floor = await open_floor(LOCAL)
    device = floor.desks[0].device
    for title, hours in (("later", 5), ("sooner", 3)):
        device.people.book(30, title, ALICE, start=clock.now() + timedelta(hours=hours))
    before = {device.id_of(entry): entry.title for entry in device.calendar.in_order()}

    device.reboot()
    await clock.advance(60)

    after = {device.id_of(entry): entry.title for entry in device.calendar.in_order()}
    assert {"webex-1": "later", "webex-2": "sooner"} == before
    assert {"webex-2": "sooner", "webex-3": "later"} == after


async def test_an_old_release_announces_what_it_knows(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(DeskPlan(workspace="Old", releases=("11.19.1",)))
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings")
    people = floor.desks[0].device.people

    uuid = people.book(30, "Desk", ALICE)
    people.sign_in(ALICE)
    people.delete(uuid)
    await client.call("xGet", Path=["Status", "Audio"])

    assert ["BookingRequested", "Start", "Deleted"] == client.names()
    assert ["Id"] == list(client.events()[1][1])
    assert "MeetingId" not in client.events()[2][1]
    error = await client.error("xGet", Path=["Status", "Webex", "DevicePersonalization", "Personalized"])
    assert 1 == error["code"]


async def test_nobody_checking_in_releases_the_booking(open_floor: OpenFloor, dial: Dial, clock: ManualClock) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    path = ["Configuration", "Bookings", "CheckIn"]
    await client.call("xSet", Path=[*path, "Enabled"], Value="True")
    await client.call("xSet", Path=[*path, "WindowDuration"], Value="5")
    await client.call("xCommand/Bookings/Book", **BOOK)
    await client.call("xCommand/Bookings/Book", **BOOK | {"StartTime": "2026-05-04T11:00:00Z", "Title": "second"})
    await client.subscribe("Event", "Bookings", "Deleted")
    await client.subscribe("Event", "Bookings", "CheckedIn")

    await clock.advance(3600 + 301)
    assert ["Deleted"] == client.names()
    assert ("NoShow", 55) == (client.events()[0][1]["Cause"], client.events()[0][1]["MinutesFreed"])
    await clock.advance_to(clock.start + timedelta(hours=3, minutes=2))
    floor.desks[0].device.people.come()
    await clock.advance(600)

    assert ["Deleted", "CheckedIn"] == client.names()
    assert 2 == client.events()[1][1]["MinuteOffset"]


async def test_put_replaces_the_list_and_clear_empties_it(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    await client.call("xCommand/Bookings/Book", **BOOK)
    body = (
        '{"Bookings":[{"Id":"foo","Title":"Put","Protocol":"SIP","Number":"desk@example.com",\n'
        '"Organizer":{"Name":"Person One"},"Time":{"StartTime":"2026-05-04T13:00:00Z","Duration":60}}]}'
    )

    await client.call("xCommand/Bookings/Put", body=body)
    listed = await client.call("xCommand/Bookings/List")
    assert ["Put"] == [booking["Title"] for booking in listed["Booking"]]
    for nonsense in ("{", "[]", '{"Bookings":[1]}', '{"Bookings":[{"Time":{}}]}', "[" * 20_000):
        assert 1 == (await client.error("xCommand/Bookings/Put", body=nonsense))["code"]
    await client.call("xCommand/Bookings/Clear")

    assert 0 == (await client.call("xCommand/Bookings/List"))["ResultInfo"]["TotalRows"]


async def test_a_prompt_is_answered_or_runs_out(open_floor: OpenFloor, dial: Dial, clock: ManualClock) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "UserInterface", "Message")
    prompt = {"Text": "Still here?", "Option.1": "Yes", "FeedbackId": "ghost", "Duration": 60}

    await client.call("xCommand/UserInterface/Message/Prompt/Display", **prompt)
    assert floor.desks[0].device.people.answer_prompt(1)
    await client.call("xCommand/UserInterface/Message/Prompt/Display", **prompt)
    await clock.advance(61)

    assert [
        {"Prompt": {"Response": {"FeedbackId": "ghost", "OptionId": 1}}},
        {"Prompt": {"Cleared": {"FeedbackId": "ghost"}}},
    ] == [one["Event"]["UserInterface"]["Message"] for one in client.notifications]


@pytest.mark.parametrize(
    ("field", "habit", "params"),
    [
        ("overlap", "error", BOOK),
        ("overlap", "fail", BOOK),
        ("overlap", "accept", BOOK),
        ("past", "error", BOOK | {"StartTime": "2026-05-04T06:00:00Z"}),
        ("past", "fail", BOOK | {"StartTime": "2026-05-04T06:00:00.123456789Z"}),
    ],
)
@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_an_impossible_booking_is_an_error_or_fails_as_the_habits_say(
    open_floor: OpenFloor,
    dial: Dial,
    clock: ManualClock,
    kind: str,
    field: str,
    habit: str,
    params: dict[str, object],
) -> None:
    floor = await open_floor(HYBRID if kind == "hybrid" else LOCAL)
    client = await dial(floor.desks[0].devices[0])
    await client.call("xCommand/Bookings/Book", **BOOK | {"BookingRequestUUID": "first"})
    await clock.advance(10)
    await client.subscribe("Event", "Bookings")
    setattr(floor.desks[0].calendar.habits, field, habit)

    if habit == "error":
        assert 1 == (await client.error("xCommand/Bookings/Book", **params))["code"]
    else:
        await client.call("xCommand/Bookings/Book", **params)
    await clock.advance(10)

    answers = {
        "error": [],
        "fail": ["BookingRequested", "BookingFailed"],
        "accept": ["BookingRequested", "BookingCreated"],
    }
    assert answers[habit] == client.names()


async def test_a_repeated_request_books_twice(open_floor: OpenFloor, dial: Dial) -> None:
    floor = await open_floor(LOCAL)
    client = await dial(floor.desks[0].devices[0])

    await client.call("xCommand/Bookings/Book", **BOOK)
    await client.call("xCommand/Bookings/Book", **BOOK)

    assert 2 == (await client.call("xCommand/Bookings/List"))["ResultInfo"]["TotalRows"]
    assert ["booked", "booked"] == [effect.kind for effect in floor.desks[0].device.effects]


async def test_an_acceptance_that_comes_too_late_may_still_book(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor(HYBRID)
    backend = floor.desks[0].backend
    backend.delay_s, backend.keeps_late = 90, True
    client = await dial(floor.desks[0].devices[0])
    await client.subscribe("Event", "Bookings")

    await client.call("xCommand/Bookings/Book", **BOOK)
    await clock.advance(100)

    assert ["BookingRequested", "BookingFailed", "BookingCreated"] == client.names()


async def test_an_invitation_is_answered_on_hybrid_calendars_only(
    open_floor: OpenFloor, dial: Dial, clock: ManualClock
) -> None:
    floor = await open_floor(HYBRID, LOCAL)
    hybrid, local = [await dial(one.devices[0]) for one in floor.desks]
    meeting_id = floor.desks[0].backend.create(ALICE, clock.now() + timedelta(hours=1), 60)
    await clock.advance(2)

    assert 1 == (await local.error("xCommand/Bookings/Respond", MeetingId="x", Type="Decline"))["code"]
    assert {"status": "OK"} == await hybrid.call("xCommand/Bookings/Respond", MeetingId=meeting_id, Type="Decline")
    await clock.advance(6)

    assert ["booked", "answered", "deleted"] == [effect.kind for effect in floor.desks[0].device.effects]
