from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core import inputs
from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import Input, StatusInput
from hotdesk_daemon.xapi.notifications import SUBSCRIPTIONS, parse_feedback
from hotdesk_daemon.xapi.statuses import MIRRORED_STATUS_PATHS, parse_status
from tests.xapi.json_strategies import JSON, STATUS_TREES

DEVICE = DeviceId("osl-4-014-a")


def _tree(path: str, leaf: Any) -> dict[str, Any]:
    for word in reversed(path.split()):
        leaf = {word: leaf}
    return {"Status": leaf}


def _read(path: str, leaf: Any) -> tuple[Input, ...]:
    return parse_status(_tree(path, leaf), device=DEVICE)


@pytest.mark.parametrize(
    ("path", "leaf", "expected"),
    [
        ("Webex DevicePersonalization Personalized", "True", inputs.Personalized(device=DEVICE, value=True)),
        ("Webex DevicePersonalization Personalized", "false", inputs.Personalized(device=DEVICE, value=False)),
        ("Webex DevicePersonalization Personalized", True, inputs.Personalized(device=DEVICE, value=True)),
        ("Webex DevicePersonalization Personalized", "Maybe", inputs.Personalized(device=DEVICE, value=None)),
        ("Webex DevicePersonalization Personalized", "", inputs.Personalized(device=DEVICE, value=None)),
        (
            "Webex DevicePersonalization Hotdesking SessionStatus",
            "Reserved",
            inputs.SessionStatus(device=DEVICE, value="Reserved"),
        ),
        (
            "Bookings Availability",
            {"Status": "BookedUntil", "TimeStamp": "2026-05-04T09:00:00Z"},
            inputs.Availability(device=DEVICE, status="BookedUntil", timestamp=datetime(2026, 5, 4, 9, tzinfo=UTC)),
        ),
        (
            "Bookings Availability",
            {"Status": "Free", "TimeStamp": " "},
            inputs.Availability(device=DEVICE, status="Free"),
        ),
        (
            "Bookings Availability TimeStamp",
            "2026-05-04T09:00:00+0200",
            inputs.Availability(device=DEVICE, timestamp=datetime(2026, 5, 4, 7, tzinfo=UTC)),
        ),
        ("Bookings Availability TimeStamp", "never", inputs.Availability(device=DEVICE)),
        ("Bookings Current Id", "webex-1", inputs.CurrentBooking(device=DEVICE, id="webex-1")),
        ("Bookings Current Id", 17, inputs.CurrentBooking(device=DEVICE, id="17")),
        ("Bookings Current Id", "", inputs.CurrentBooking(device=DEVICE, id=None)),
        ("SystemUnit State NumberOfActiveCalls", 1, inputs.ActiveCalls(device=DEVICE, value=1)),
        ("SystemUnit State NumberOfActiveCalls", "0", inputs.ActiveCalls(device=DEVICE, value=0)),
        ("SystemUnit State System", "InCall", inputs.SystemState(device=DEVICE, value="InCall")),
        ("Standby State", "Halfwake", inputs.StandbyState(device=DEVICE, value="Halfwake")),
        ("RoomAnalytics PeopleCount Current", 4, inputs.PeopleCount(device=DEVICE, value=4)),
        ("RoomAnalytics PeopleCount Current", "4", inputs.PeopleCount(device=DEVICE, value=4)),
        ("RoomAnalytics PeopleCount Current", 4.0, inputs.PeopleCount(device=DEVICE, value=4)),
        ("RoomAnalytics PeopleCount Current", {"Value": "4"}, inputs.PeopleCount(device=DEVICE, value=4)),
        ("RoomAnalytics PeopleCount Current", -1, inputs.PeopleCount(device=DEVICE, value=None)),
        ("RoomAnalytics PeopleCount Current", "-1", inputs.PeopleCount(device=DEVICE, value=None)),
        ("RoomAnalytics PeopleCount Current", "many", inputs.PeopleCount(device=DEVICE, value=None)),
        ("RoomAnalytics PeopleCount Current", None, inputs.PeopleCount(device=DEVICE, value=None)),
        ("RoomAnalytics PeopleCount Current", 10**30, inputs.PeopleCount(device=DEVICE, value=None)),
        ("RoomAnalytics PeopleCount Current", "9" * 9999, inputs.PeopleCount(device=DEVICE, value=None)),
        ("RoomAnalytics PeoplePresence", "Yes", inputs.PeoplePresence(device=DEVICE, value=True)),
        ("RoomAnalytics PeoplePresence", "No", inputs.PeoplePresence(device=DEVICE, value=False)),
        ("RoomAnalytics PeoplePresence", "Unknown", inputs.PeoplePresence(device=DEVICE, value=None)),
        ("RoomAnalytics RoomInUse", "False", inputs.RoomInUse(device=DEVICE, value=False)),
    ],
)
def test_each_mirrored_status_is_read(path: str, leaf: object, expected: Input) -> None:
    assert (expected,) == _read(path, leaf)


def test_a_status_in_a_notification_is_read_alike() -> None:
    raw = json.dumps({"Id": 2} | _tree("RoomAnalytics PeopleCount Current", 4)).encode()

    assert _read("RoomAnalytics PeopleCount Current", 4) == parse_feedback(raw, device=DEVICE, raw=raw)


@pytest.mark.parametrize("ghost", ["True", "true", "TRUE", True])
@pytest.mark.parametrize("ident", [3, "3"])
def test_a_presentation_that_is_gone_is_a_ghost(ident: int | str, ghost: str | bool) -> None:  # noqa: FBT001 # devices are that varied
    heard = _read("Conference Presentation LocalInstance", [{"id": ident, "ghost": ghost}])

    assert (inputs.Presentation(device=DEVICE, instance="3", sending_mode=None),) == heard


def test_presentations_are_told_apart_and_partial_ones_say_nothing() -> None:
    heard = _read(
        "Conference Presentation LocalInstance",
        [
            {"id": 1, "SendingMode": "LocalOnly", "Source": 2},
            {"id": "2", "SendingMode": "Off", "ghost": "False"},
            {"id": 3, "Source": 1},
            {"id": "", "SendingMode": "Off"},
        ],
    )

    assert (
        inputs.Presentation(device=DEVICE, instance="1", sending_mode="LocalOnly"),
        inputs.Presentation(device=DEVICE, instance="2", sending_mode="Off"),
    ) == heard


def test_a_whole_tree_gives_every_mirrored_status_once() -> None:
    tree = {
        "Status": {
            "Audio": {"Volume": 50},
            "Bookings": {
                "Availability": {"Status": "FreeUntil", "TimeStamp": "2026-05-04T09:00:00Z"},
                "Current": {"Id": ""},
            },
            "Conference": {"Presentation": {"Mode": "Off", "LocalInstance": [{"id": 1, "SendingMode": "Off"}]}},
            "RoomAnalytics": {
                "AmbientNoise": {"Level": {"A": 30}},
                "PeopleCount": {"Capacity": -1, "Current": -1},
                "PeoplePresence": "Unknown",
                "RoomInUse": "False",
            },
            "Standby": {"Level": "None", "State": "Off"},
            "SystemUnit": {"State": {"NumberOfActiveCalls": 0, "System": "Initialized"}, "Uptime": 17},
            "Webex": {"DevicePersonalization": {"Hotdesking": {"SessionStatus": "Available"}, "Personalized": "False"}},
        }
    }

    kinds = [type(each) for each in parse_status(tree, device=DEVICE)]

    assert sorted(StatusInput.__subclasses__(), key=str) == sorted(kinds, key=str)


@pytest.mark.parametrize("path", MIRRORED_STATUS_PATHS)
def test_the_bare_subtree_of_a_get_is_read_at_its_place(path: tuple[str, ...]) -> None:
    tree = {"Status": {"Bookings": {"Current": {"Id": "1"}}, "Standby": {"State": "Off"}}}
    subtree: Any = tree
    for word in path:
        subtree = subtree.get(word, {})

    heard = parse_status(subtree, device=DEVICE, path=path)

    assert [each for each in parse_status(tree, device=DEVICE) if type(each) in map(type, heard)] == list(heard)
    assert path in SUBSCRIPTIONS


@pytest.mark.parametrize("tree", [None, [], "Off", {"Status": 5}, {"Status": {"Standby": "Off"}}])
def test_what_is_no_tree_breaks_the_protocol(tree: object) -> None:
    with pytest.raises(ProtocolError):
        parse_status(tree, device=DEVICE)


@given(STATUS_TREES | JSON, st.sampled_from([(), *MIRRORED_STATUS_PATHS]))
def test_arbitrary_trees_are_read_or_break_the_protocol(tree: object, path: tuple[str, ...]) -> None:
    with suppress(ProtocolError):
        assert all(isinstance(each, StatusInput) for each in parse_status(tree, device=DEVICE, path=path))
