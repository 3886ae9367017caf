from __future__ import annotations

import copy
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import BookingsListed, ListedBooking
from hotdesk_daemon.xapi.bookings import parse_get, parse_list
from tests.xapi.json_strategies import JSON
from tests.xapi.published import BOOKINGS_LIST, needs_captures

DEVICE = DeviceId("osl-4-014-a")
LIST = json.loads((Path(__file__).parent / "bookings_list.json").read_text())


def _listed(*entries: Any, **members: Any) -> BookingsListed:
    return parse_list({"Booking": list(entries), "status": "OK", **members}, device=DEVICE)


def _entry(**changes: Any) -> dict[str, Any]:
    entry: dict[str, Any] = copy.deepcopy(LIST["Booking"][1])
    return entry | changes


def test_a_list_of_a_device_gives_its_reservations_and_not_the_running_call() -> None:
    listed = parse_list(LIST, device=DEVICE)

    assert (
        BookingsListed(
            device=DEVICE,
            skipped=1,
            bookings=(
                ListedBooking(
                    id="webex-41",
                    meeting_id="meeting-41",
                    start=datetime(2026, 5, 4, 9, tzinfo=UTC),
                    end=datetime(2026, 5, 4, 10, tzinfo=UTC),
                    title="Weekly",
                    organizer_name="Person Two",
                    organizer_id="person-2",
                ),
                ListedBooking(
                    id="loc-7",
                    meeting_id="5d0e0000-0000-4000-8000-000000000007",
                    start=datetime(2026, 5, 4, 9, 30, tzinfo=UTC),
                    end=datetime(2026, 5, 4, 9, 45, tzinfo=UTC),
                    organizer_name="Person Three",
                    organizer_email="person3@example.com",
                ),
            ),
        )
        == listed
    )
    assert [60, 15] == [booking.duration_min for booking in listed.bookings]


@needs_captures
def test_the_list_of_a_real_device_gives_exactly_its_reservations() -> None:
    listed = parse_list(json.loads(BOOKINGS_LIST.read_text()), device=DEVICE)

    assert ["webex-17", "webex-18"] == [booking.id for booking in listed.bookings]
    assert ["Person Two", "Two Person"] == [booking.organizer_name for booking in listed.bookings]
    assert [60, 30] == [booking.duration_min for booking in listed.bookings]
    assert all(booking.meeting_id and booking.organizer_email is None for booking in listed.bookings)
    assert 1 == listed.skipped


@pytest.mark.parametrize(
    "result",
    [
        {"ResultInfo": {"TotalRows": 0}, "status": "OK"},
        {"LastUpdated": "2026-05-04T08:30:00Z", "ResultInfo": {"TotalRows": 0}, "status": "OK"},
        {"Booking": [], "status": "OK"},
        {"status": "OK"},
    ],
)
def test_an_empty_list_has_no_member_booking(result: object) -> None:
    assert BookingsListed(device=DEVICE) == parse_list(result, device=DEVICE)


def test_a_scheduled_space_meeting_is_a_reservation() -> None:
    listed = _listed(_entry(Spark={"MeetingType": "Scheduled", "LocusActive": "True"}, MeetingId=""))

    assert ["webex-41"] == [booking.id for booking in listed.bookings]
    assert listed.bookings[0].meeting_id is None


def test_an_ad_hoc_meeting_with_a_meeting_id_is_a_reservation() -> None:
    listed = _listed(_entry(Spark={"MeetingType": "Adhoc"}))

    assert (1, 0) == (len(listed.bookings), listed.skipped)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "webex-41",
        {},
        _entry(Id="", MeetingId=""),
        _entry(Time={}),
        _entry(Time=None),
        _entry(Time={"StartTime": "soon", "EndTime": "2026-05-04T10:00:00Z"}),
        _entry(Time={"StartTime": "2026-05-04T10:00:00Z", "EndTime": "2026-05-04T09:00:00Z"}),
    ],
)
def test_an_unreadable_entry_is_counted_and_the_others_stay(entry: object) -> None:
    listed = _listed(entry, _entry())

    assert ["webex-41"] == [booking.id for booking in listed.bookings]
    assert 1 == listed.skipped


def test_an_unreadable_reservation_is_known_by_its_ids_and_a_running_call_is_none() -> None:
    call = _entry(Spark={"MeetingType": "Adhoc"}, MeetingId="")

    listed = _listed(_entry(Time={}), _entry(Id=7, MeetingId="", Time={}), call)

    assert (("webex-41", "meeting-41", "7"), 3) == (listed.unread, listed.skipped)


def test_entries_may_lack_the_organizer_and_the_title() -> None:
    entry = _entry()
    del entry["Organizer"], entry["Title"]

    booking = _listed(entry).bookings[0]

    assert ("", None, None) == (booking.title, booking.organizer_name, booking.organizer_id)


def test_ids_may_be_numbers_and_leaves_wrapped() -> None:
    entry = {
        "Id": {"Value": "webex-41"},
        "MeetingId": 41,
        "Title": {"Value": "Weekly"},
        "Time": {
            "StartTime": {"Value": "2026-05-04T09:00:00.000000000Z"},
            "EndTime": {"Value": "2026-05-04T10:00:00Z"},
        },
    }

    booking = _listed(entry).bookings[0]

    assert ("webex-41", "41", "Weekly", 60) == (
        booking.id,
        booking.meeting_id,
        booking.title,
        booking.duration_min,
    )


def test_a_single_booking_need_not_stand_in_an_array() -> None:
    listed = parse_list({"Booking": _entry(), "status": "OK"}, device=DEVICE)

    assert 1 == len(listed.bookings)


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "OK",
        {"status": "Error", "Reason": "no"},
        {"Booking": "none", "status": "OK"},
        {"Booking": None, "status": "OK"},
    ],
)
def test_what_is_no_list_breaks_the_protocol(result: object) -> None:
    with pytest.raises(ProtocolError):
        parse_list(result, device=DEVICE)


def test_a_list_that_lacks_rows_is_refused_for_it_would_delete_bookings() -> None:
    with pytest.raises(ProtocolError, match="1 of 2 rows"):
        _listed(_entry(), ResultInfo={"TotalRows": 2})


def test_a_get_gives_the_booking() -> None:
    time = _entry()["Time"] | {"SecondsUntilStart": 60, "SecondsSinceStart": 0, "SecondsUntilEnd": 3660}

    booking = parse_get({"Booking": _entry(Time=time), "status": "OK"})

    assert ("webex-41", "meeting-41") == (booking.id, booking.meeting_id)


@pytest.mark.parametrize("result", [None, {}, {"status": "OK"}, {"Booking": {}}, {"Booking": []}, {"status": "Error"}])
def test_a_get_without_readable_booking_breaks_the_protocol(result: object) -> None:
    with pytest.raises(ProtocolError):
        parse_get(result)


_ENTRIES = st.builds(
    lambda changes, gone: {k: v for k, v in (_entry() | changes).items() if k not in gone},
    st.dictionaries(st.sampled_from(["Id", "MeetingId", "Title", "Time", "Organizer", "Spark", "Invented"]), JSON),
    st.sets(st.sampled_from(["Id", "MeetingId", "Title", "Time", "Organizer", "Spark"])),
)


@given(st.lists(_ENTRIES | JSON, max_size=4))
def test_every_entry_is_a_booking_or_counted(entries: list[Any]) -> None:
    listed = _listed(*entries)

    assert len(entries) == len(listed.bookings) + listed.skipped
    assert all(booking.id or booking.meeting_id for booking in listed.bookings)


@given(JSON | st.fixed_dictionaries({"Booking": JSON}, optional={"status": JSON, "ResultInfo": JSON}))
def test_arbitrary_results_are_read_or_break_the_protocol(result: object) -> None:
    for read in (lambda: parse_list(result, device=DEVICE), lambda: parse_get(result)):
        with suppress(ProtocolError):
            assert read() is not None
