"""Messages of the cloud, from the queue or a webhook, and the inputs that they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import ProtocolError, UndecodableError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import Deleted, Input, Presentation, StandbyState, SyncRequired, Undecodable
from hotdesk_daemon.xapi.cloud import (
    BOOT_EVENT,
    WANTED_EVENTS,
    WANTED_STATUSES,
    ActionMessage,
    EventsMessage,
    HealthCheckMessage,
    StatusMessage,
    cloud_name,
    inputs_of,
    parse_message,
    split_batch,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

DEVICE = DeviceId("device")
SCREENS = "Conference.Presentation.LocalInstance"


def encoded(kind: str, **members: Any) -> bytes:
    return json.dumps({"type": kind, "deviceId": "some-device", **members}).encode()


def inputs(raw: bytes) -> tuple[Input, ...]:
    message = parse_message(raw)
    assert isinstance(message, StatusMessage | EventsMessage)
    return inputs_of(message, device=DEVICE, raw=raw)


def of_status(updated: Mapping[str, object] | None = None, *removed: str) -> tuple[Input, ...]:
    return inputs(encoded("status", changes={"updated": updated or {}, "removed": removed}))


def of_event(key: str, value: object) -> tuple[Input, ...]:
    return inputs(encoded("events", events=[{"key": key, "value": value}]))


# --- answers of the queue --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "messages", "poll_url"),
    [
        (b'{"messages": []}', (), None),
        (b'{"messages": [{"a": [1, 2]}, 7]}', (b'{"a": [1, 2]}', b"7"), None),
        (b'{"messages": [], "pollUrl": "x", "queue": {"pollUrl": "y"}}', (), "x"),
        (b'{"messages": [], "queue": {"pollUrl": "y"}}', (), "y"),
        (b'{"messages": [], "more": {}}', (), None),
    ],
)
def test_an_answer_has_messages_as_they_came(body: bytes, messages: tuple[bytes, ...], poll_url: str | None) -> None:
    batch = split_batch(body)

    assert (messages, poll_url) == (batch.messages, batch.poll_url)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"messages": 1}', b'{"messages": [], "pollUrl": 7}', b"\xff", b"[" * 99_999]
)
def test_what_is_no_answer_is_kept(body: bytes) -> None:
    with pytest.raises(UndecodableError) as caught:
        split_batch(body)

    assert body == caught.value.raw


# --- messages --------------------------------------------------------------------------------------------------------


def test_each_kind_is_told_by_its_type() -> None:
    assert HealthCheckMessage() == parse_message(b'{"type": "healthCheck"}')
    assert ActionMessage(jwt="a.b.c") == parse_message(b'{"type": "action", "jwt": "a.b.c"}')
    assert isinstance(parse_message(encoded("status")), StatusMessage)
    assert isinstance(parse_message(encoded("events")), EventsMessage)
    assert "a.b.c" not in repr(parse_message(b'{"type": "action", "jwt": "a.b.c"}'))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"{}",
        b'{"type": 7}',
        b'{"type": "party"}',
        b'{"type": "action"}',
        b'{"type": "status"}',
        b'{"type": "events", "deviceId": ""}',
        encoded("status", changes={"updated": []}),
        encoded("status", changes={"removed": [1]}),
        encoded("events", events=[{"value": {}}]),
        encoded("events", events=[None]),
        b'{"a":' * 20_000,
    ],
)
def test_what_is_no_message_is_kept(raw: bytes) -> None:
    with pytest.raises(UndecodableError) as caught:
        parse_message(raw)

    assert raw == caught.value.raw


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-05-04T08:00:00.250Z", datetime(2026, 5, 4, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_a_message_says_of_when_it_is_where_that_can_be_read(said: str | None, at: datetime | None) -> None:
    message = parse_message(encoded("status", timestamp=said))

    assert isinstance(message, StatusMessage)
    assert at == message.at


def test_a_restart_is_an_event_of_its_own() -> None:
    boot = parse_message(encoded("events", events=[{"key": BOOT_EVENT, "value": {"Action": "Restart"}}]))
    other = parse_message(encoded("events", events=[{"key": "Bookings.SyncRequired"}]))

    assert isinstance(boot, EventsMessage)
    assert isinstance(other, EventsMessage)
    assert [True, False] == [boot.is_restart, other.is_restart]
    assert () == inputs_of(boot, device=DEVICE, raw=b"")


# --- events ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [{}, None, [None], "", 0])
def test_an_event_without_fields_is_one_however_it_is_written(value: object) -> None:
    assert (SyncRequired(device=DEVICE),) == of_event("Bookings.SyncRequired", value)


def test_an_event_has_its_fields() -> None:
    (deleted,) = of_event("Bookings.Deleted", {"Id": "webex-1", "MeetingId": "m-1"})

    assert isinstance(deleted, Deleted)
    assert ("webex-1", "m-1") == (deleted.id, deleted.meeting_id)


def test_events_of_others_are_passed_over_and_broken_ones_are_kept() -> None:
    assert () == of_event("UserInterface.Extensions.Widget.Action", {"Id": "1"})
    (broken,) = of_event("Bookings.BookingCreated", {"StartTime": "never"})

    assert isinstance(broken, Undecodable)
    assert "Bookings.BookingCreated" in broken.error


# --- statuses --------------------------------------------------------------------------------------------------------


def test_a_status_is_read_wherever_its_path_ends() -> None:
    flat = of_status({"Standby.State": "Off"})

    assert (StandbyState(device=DEVICE, value="Off"),) == flat
    assert flat == of_status({"Standby": {"State": "Off"}})
    assert flat == of_status({"Standby.State": "Off", "Audio.Volume": 50})
    assert () == of_status({})


def test_an_element_of_a_list_is_found_by_its_number() -> None:
    (shown,) = of_status({f"{SCREENS}[3].SendingMode": "LocalOnly"})
    (gone,) = of_status({}, f"{SCREENS}[3]")

    assert isinstance(shown, Presentation)
    assert isinstance(gone, Presentation)
    assert ("3", "LocalOnly", "3", None) == (shown.instance, shown.sending_mode, gone.instance, gone.sending_mode)
    assert (shown,) == of_status({SCREENS: [{"id": "3", "SendingMode": "LocalOnly"}]})


@pytest.mark.parametrize(
    ("updated", "removed"),
    [
        ({SCREENS: [{"SendingMode": "Off"}]}, [f"{SCREENS}[1]"]),
        ({SCREENS: [None]}, [f"{SCREENS}[1]"]),
        ({SCREENS: [7], f"{SCREENS}[1].SendingMode": "Off"}, []),
        ({SCREENS: "?", f"{SCREENS}[1].SendingMode": "Off"}, []),
        ({SCREENS: {"id": 1}, f"{SCREENS}[1].SendingMode": "Off"}, []),
        ({"Standby": 1, "Standby.State": "Off"}, []),
    ],
)
def test_statuses_that_contradict_each_other_are_kept_as_they_came(
    updated: Mapping[str, object], removed: list[str]
) -> None:
    (told,) = of_status(updated, *removed)

    assert isinstance(told, Undecodable)


WORDS = st.one_of(
    st.sampled_from(["", ".", "[", "[1]", "a[]", "LocalInstance[1]", "LocalInstance", "id", "ghost"]),
    st.sampled_from(["Conference", "Presentation", "SendingMode", "Bookings", "Availability", "Status", "Standby"]),
)
PATHS = st.one_of(
    st.sampled_from([name.replace("[*]", "[1]") for name in WANTED_STATUSES]),
    st.lists(WORDS, min_size=1, max_size=5).map(".".join),
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "ghost", "State", "SendingMode"]), inner, max_size=3),
    ),
    max_leaves=5,
)


@given(updated=st.dictionaries(PATHS, VALUES, max_size=4), removed=st.lists(PATHS, max_size=3))
def test_whatever_statuses_say_they_are_inputs(updated: Mapping[str, object], removed: list[str]) -> None:
    assert all(isinstance(one, Input) for one in of_status(updated, *removed))


FIELDS = ("Id", "MeetingId", "StartTime", "Duration", "Title", "Cause", "TimeRemaining", "BookingRequestUUID")


@given(key=st.sampled_from(WANTED_EVENTS), value=st.one_of(VALUES, st.dictionaries(st.sampled_from(FIELDS), VALUES)))
def test_whatever_an_event_says_it_is_an_input(key: str, value: object) -> None:
    (told,) = of_event(key, value)

    assert isinstance(told, Input)


# --- names -----------------------------------------------------------------------------------------------------------


def test_commands_have_dotted_names_and_nothing_else_has_one() -> None:
    assert "Bookings.Book" == cloud_name("xCommand/Bookings/Book")
    with pytest.raises(ProtocolError):
        cloud_name("xGet")
