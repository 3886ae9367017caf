from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given

from hotdesk_daemon.core import inputs
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import Input, Undecodable
from hotdesk_daemon.xapi.capabilities import EVENTS, Release, capabilities_of
from hotdesk_daemon.xapi.frames import Notification, parse_frame
from hotdesk_daemon.xapi.notifications import SUBSCRIPTIONS, parse_feedback
from tests.xapi.json_strategies import PARAMS

DEVICE = DeviceId("osl-4-014-a")
EIGHT = datetime(2026, 5, 4, 8, tzinfo=UTC)
NINE = datetime(2026, 5, 4, 9, tzinfo=UTC)
IDS = {"Id": "webex-1", "MeetingId": "m-1"}
TIMES = {"StartTime": "2026-05-04T08:00:00Z", "EndTime": "2026-05-04T09:00:00Z"}
SAMPLES: dict[str, Any] = {
    **IDS,
    **TIMES,
    "BookingRequestUUID": "5d0e",
    "OriginalMeetingId": "m-1",
    "Title": "Desk 12",
    "Duration": 60,
    "OrganizerName": "Person One",
    "OrganizerEmail": "person1@example.com",
    "OrganizerId": "",
    "FailureCause": "Timeout",
    "Cause": "Deleted",
    "NewEndTime": "2026-05-04T09:00:00Z",
    "ExtensionStart": "2026-05-04T08:00:00Z",
    "TimeStamp": "2026-05-04T08:40:42.300000000Z",
    "ScheduledDuration": 60,
    "MinutesFreed": 20,
    "MinuteOffset": -5,
    "Seconds": 300,
}
KINDS: dict[str, type[Any]] = {path.split()[1]: inputs.KINDS[path.split()[1]] for path in EVENTS}


def _heard(params: Any) -> tuple[Input, ...]:
    raw = params if isinstance(params, bytes) else json.dumps(params).encode()
    return parse_feedback(raw, device=DEVICE, raw=raw)


def _event(name: str, body: Any) -> tuple[Input, ...]:
    return _heard({"Id": 1, "Event": {"Bookings": {name: body}}})


def test_a_frame_of_a_device_is_read_through_both_doors() -> None:
    raw = (
        b'{"jsonrpc":"2.0","method":"xFeedback/Event","params":{"Id":1,"Event":{"Bookings":{"BookingCreated":{'
        b'"BookingRequestUUID":"5d0e","MeetingId":"5d0e","Id":"loc-12","Title":"Desk 12",'
        b'"OrganizerName":"Person One","OrganizerEmail":"person1@example.com","OrganizerId":"",'
        b'"StartTime":"2026-05-04T08:00:00Z","Duration":60}}}}}'
    )
    frame = parse_frame(raw)
    assert isinstance(frame, Notification)

    heard = parse_feedback(frame.params, device=DEVICE, raw=raw)

    assert (
        inputs.BookingCreated(
            device=DEVICE,
            booking_request_uuid="5d0e",
            meeting_id="5d0e",
            id="loc-12",
            title="Desk 12",
            organizer_name="Person One",
            organizer_email="person1@example.com",
            start=EIGHT,
            duration_min=60,
        ),
    ) == heard


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        (
            "BookingRequested",
            {"BookingRequestUUID": "5d0e", "Title": "Desk 12", "StartTime": TIMES["StartTime"], "Duration": 60},
            {"booking_request_uuid": "5d0e", "title": "Desk 12", "start": EIGHT, "duration_min": 60},
        ),
        (
            "BookingRequested",
            {"Title": "", "StartTime": TIMES["StartTime"], "Duration": 60},
            {"title": "", "start": EIGHT, "duration_min": 60},
        ),
        (
            "BookingFailed",
            {"BookingRequestUUID": "5d0e", "FailureCause": "Decline"},
            {"booking_request_uuid": "5d0e", "failure_cause": "Decline"},
        ),
        (
            "BookingMoved",
            {**IDS, "StartTime": TIMES["StartTime"], "Duration": 90},
            {"id": "webex-1", "meeting_id": "m-1", "start": EIGHT, "duration_min": 90},
        ),
        ("EditRequested", {"MeetingId": "m-1"}, {"meeting_id": "m-1"}),
        ("EditRequested", {"Id": "webex-1"}, {"id": "webex-1"}),
        (
            "EditFailed",
            {"MeetingId": "m-1", "FailureCause": "KmsError"},
            {"meeting_id": "m-1", "failure_cause": "KmsError"},
        ),
        (
            "ExtensionRequested",
            {"Id": "webex-1", "OriginalMeetingId": "m-1", "Duration": 15, "NewEndTime": TIMES["EndTime"]},
            {"id": "webex-1", "original_meeting_id": "m-1", "duration_min": 15, "new_end": NINE},
        ),
        (
            "ExtensionFailed",
            {"OriginalMeetingId": "m-1", "ExtensionStart": TIMES["EndTime"], "FailureCause": "HttpError"},
            {"meeting_id": "m-1", "extension_start": NINE, "failure_cause": "HttpError"},
        ),
        ("Start", IDS, {"id": "webex-1", "meeting_id": "m-1"}),
        ("Start", {"Id": "webex-1"}, {"id": "webex-1"}),
        ("StartTimeBuffer", IDS, {"id": "webex-1", "meeting_id": "m-1"}),
        ("EndTimeBuffer", IDS, {"id": "webex-1", "meeting_id": "m-1"}),
        (
            "End",
            {**IDS, **TIMES, "ScheduledDuration": 60},
            {"id": "webex-1", "meeting_id": "m-1", "start": EIGHT, "end": NINE, "scheduled_duration_min": 60},
        ),
        ("End", {"Id": "webex-1"}, {"id": "webex-1"}),
        (
            "CheckedIn",
            {**IDS, **TIMES, "MinuteOffset": -5},
            {"id": "webex-1", "meeting_id": "m-1", "start": EIGHT, "end": NINE, "minute_offset": -5},
        ),
        (
            "Deleted",
            {
                **IDS,
                **TIMES,
                "OrganizerId": "person-1",
                "TimeStamp": "2026-05-04T08:40:42.300000000Z",
                "ScheduledDuration": 60,
                "MinutesFreed": 20,
                "Cause": "HotdeskSignout",
            },
            {
                "id": "webex-1",
                "meeting_id": "m-1",
                "organizer_id": "person-1",
                "start": EIGHT,
                "end": NINE,
                "timestamp": datetime(2026, 5, 4, 8, 40, 42, 300_000, tzinfo=UTC),
                "scheduled_duration_min": 60,
                "minutes_freed": 20,
                "cause": "HotdeskSignout",
            },
        ),
        ("TimeRemaining", {"Id": "webex-1", "Seconds": 300}, {"id": "webex-1", "seconds": 300}),
        ("NotificationSnoozed", {}, {}),
        ("NotificationSnoozed", IDS, {"id": "webex-1", "meeting_id": "m-1"}),
        ("SyncRequired", {}, {}),
        ("Updated", {}, {}),
    ],
)
def test_each_booking_event_becomes_its_input(name: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    assert (KINDS[name](device=DEVICE, **expected),) == _event(name, body)


@pytest.mark.parametrize("release", ["10.19.4.2", "11.14.5.0", "11.18.1", "11.19.1", "11.23.1", "26.4.1"])
def test_every_event_of_every_release_is_understood(release: str) -> None:
    for path, members in capabilities_of(Release.parse(release)).event_members.items():
        name = path.split()[1]

        (heard,) = _event(name, {member: SAMPLES[member] for member in members})

        assert KINDS[name] is type(heard)


@pytest.mark.parametrize("path", [path for path, spec in EVENTS.items() if spec.members])
def test_values_as_other_ways_carry_them_mean_the_same(path: str) -> None:
    """
    Integers as wrapped strings, ids as numbers, nulls and unknown members beside them.
    """
    plain: dict[str, Any] = {member.name: SAMPLES[member.name] for member in EVENTS[path].members}
    strange: dict[str, Any] = {"Invented": {"Deep": [1]}, "id": ""}
    for name, value in plain.items():
        if name in IDS:
            plain[name], strange[name] = "7", 7
        elif name == "OrganizerId":
            strange[name] = None
        else:
            strange[name] = {"Value": str(value)}

    heard = _event(path.split()[1], strange)

    assert heard == _event(path.split()[1], plain)
    assert not isinstance(heard[0], Undecodable)


def test_blank_ids_are_absent() -> None:
    (heard,) = _event("Start", {"Id": "webex-1", "MeetingId": " ", "BookingRequestUUID": ""})

    assert inputs.Start(device=DEVICE, id="webex-1") == heard


@pytest.mark.parametrize("cause", ["SomethingNew", "manualcheckout"])
def test_an_unknown_cause_is_kept_as_it_is(cause: str) -> None:
    (heard,) = _event("Deleted", {"Id": "webex-1", "Cause": cause})

    assert inputs.Deleted(device=DEVICE, id="webex-1", cause=cause) == heard


def test_an_absent_cause_is_unknown() -> None:
    heard = _event("Deleted", {"Id": "webex-1"}) + _event("BookingFailed", {"BookingRequestUUID": "5d0e"})

    assert (
        inputs.Deleted(device=DEVICE, id="webex-1", cause="unknown"),
        inputs.BookingFailed(device=DEVICE, booking_request_uuid="5d0e", failure_cause="unknown"),
    ) == heard


def test_an_event_may_be_of_the_past_and_without_its_optional_times() -> None:
    (heard,) = _event("End", {"Id": "webex-1", "StartTime": "", "EndTime": "", "ScheduledDuration": ""})

    assert inputs.End(device=DEVICE, id="webex-1") == heard


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("BookingCreated", {"MeetingId": "m-1", "Id": "1", "Title": "", "Duration": 60}),
        ("BookingCreated", {"MeetingId": "m-1", "Id": "1", "Title": "", "StartTime": TIMES["StartTime"]}),
        ("BookingCreated", {"MeetingId": "m-1", "StartTime": "soon", "Duration": 60}),
        ("BookingCreated", {"MeetingId": "m-1", "StartTime": TIMES["StartTime"], "Duration": "an hour"}),
        ("BookingCreated", {"MeetingId": "m-1", "StartTime": TIMES["StartTime"], "Duration": -1}),
        ("BookingCreated", {"MeetingId": "m-1", "StartTime": TIMES["StartTime"], "Duration": 10**12}),
        ("BookingCreated", {"MeetingId": "", "Id": "", "StartTime": TIMES["StartTime"], "Duration": 60}),
        ("BookingMoved", {"MeetingId": ["m-1"], "StartTime": TIMES["StartTime"], "Duration": 60}),
        ("BookingMoved", {"MeetingId": "m-1", "StartTime": TIMES["StartTime"], "Duration": True}),
        ("BookingFailed", {"FailureCause": "Timeout"}),
        ("EditRequested", {}),
        ("ExtensionRequested", {"MeetingId": "m-1", "Duration": 15}),
        ("Start", {}),
        ("Start", None),
        ("Start", "webex-1"),
        ("Start", [{"Id": "webex-1"}]),
        ("TimeRemaining", {"Id": "webex-1"}),
        ("Deleted", {"Id": "webex-1", "TimeStamp": "yesterday"}),
        ("Invented", {"Id": "webex-1"}),
    ],
)
def test_an_event_that_cannot_be_understood_is_undecodable(name: str, body: object) -> None:
    (heard,) = _event(name, body)

    assert isinstance(heard, Undecodable)
    assert heard.error.startswith(f"event Bookings {name} in a frame of ")


def test_the_error_of_an_undecodable_event_does_not_repeat_its_values() -> None:
    (heard,) = _event("BookingCreated", {**SAMPLES, "StartTime": "person1@example.com", "Duration": "Desk 12"})

    assert isinstance(heard, Undecodable)
    assert "person1" not in heard.error
    assert "Desk 12" not in heard.error


@pytest.mark.parametrize("body", [None, "", [], {"id": ""}, {"Reason": 1}])
@pytest.mark.parametrize("name", ["SyncRequired", "Updated"])
def test_events_without_fields_are_understood_whatever_they_carry(name: str, body: object) -> None:
    assert (KINDS[name](device=DEVICE),) == _event(name, body)


@pytest.mark.parametrize(
    "params",
    [
        {"Id": 1},
        {"Id": 1, "Event": {}},
        {"Id": 1, "Event": {"Bookings": {}}},
        {"Id": 1, "Event": {"Bookings": {"id": 1}}},
        {"Id": 1, "Event": {"UserInterface": {"Message": {"Prompt": {"Response": {"OptionId": "1"}}}}}},
        {"Id": 1, "Event": {"CallDisconnect": {"CauseValue": 1}}},
        {"Id": 1, "Configuration": {"Bookings": {"CheckIn": {"Enabled": "True"}}}},
        {"Id": 1, "Status": {}},
        {"Id": 1, "Status": {"Audio": {"Volume": 50}}},
    ],
)
def test_what_is_not_mirrored_is_nothing(params: object) -> None:
    assert () == _heard(params)


def test_one_frame_may_say_several_things() -> None:
    heard = _heard(
        {
            "Id": 1,
            "Event": {"Bookings": {"Start": {"Id": "webex-1"}, "Invented": {}, "Updated": {}}},
            "Status": {"RoomAnalytics": {"PeopleCount": {"Current": 2}, "RoomInUse": "True"}},
        }
    )

    assert [
        inputs.Start(device=DEVICE, id="webex-1"),
        inputs.Updated(device=DEVICE),
        inputs.PeopleCount(device=DEVICE, value=2),
        inputs.RoomInUse(device=DEVICE, value=True),
    ] == [each for each in heard if not isinstance(each, Undecodable)]
    assert 5 == len(heard)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'{"Event":5}',
        b'{"Event":{"Bookings":[]}}',
        b'{"Status":"x"}',
        b'{"Status":{"Standby":"Off"}}',
        b'{"Event":{"Bookings":{"Start":{"Id":"\xff"}}}}',
        b'{"Status":{"Standby":' + b"[" * 50_000,
        b'{"Event":{"Bookings":{"Start":' + b"[" * 50_000 + b"]" * 50_000 + b"}}}",
    ],
    ids=lambda raw: raw[:32].decode(errors="replace"),
)
def test_a_notification_that_cannot_be_understood_is_undecodable(raw: bytes) -> None:
    assert [Undecodable] == [type(each) for each in _heard(raw)]


def test_subscriptions_are_few_and_cover_the_booking_events() -> None:
    assert ("Event", "Bookings") in SUBSCRIPTIONS
    assert len(SUBSCRIPTIONS) <= 8


@given(PARAMS)
def test_no_notification_breaks_the_reading_and_every_input_can_be_kept(params: Any) -> None:
    heard = _heard(params)

    for each in heard:
        assert DEVICE == attrs.asdict(each)["device"]
        assert each == msgspec.json.decode(msgspec.json.encode(each), type=type(each))
        if isinstance(each, inputs.BookingCreated | inputs.BookingMoved):
            assert each.start + timedelta(minutes=each.duration_min) >= each.start
