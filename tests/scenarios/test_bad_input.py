"""What no device should say: kept as it came, counted, and neither fatal nor felt by any other desk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from hotdesk_daemon.ops.settings import OpeningHours, PolicySettings, Weekday
from hotdesk_daemon.simulator.entries import BookingRequest, Person
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.scenarios.site import OpenSite, Site

_HEAD: Final = b'{"jsonrpc":"2.0","method":"xFeedback/Event","params":{"Id":0,"Event":{"Bookings":'
#: Frames that cannot be understood, as a device's socket would bring them.
STRANGE: Final[Mapping[str, bytes]] = {
    "no JSON": _HEAD,
    "no UTF-8": _HEAD + b'{"Start":{"Id":"\xff\xfe"}}}}}',
    "null": b"null",
    "a list": b"[1,2,3]",
    "a number": b"17",
    "null params": b'{"jsonrpc":"2.0","method":"xFeedback/Event","params":null}',
    "null event": _HEAD + b'{"BookingCreated":null}}}}',
    "no members": _HEAD + b'{"BookingCreated":{}}}}}',
    "a duration that is text": _HEAD
    + b'{"BookingMoved":{"Id":"webex-1","StartTime":"2026-05-04T09:00:00Z","Duration":"long"}}}}}',
    "a time that is none": _HEAD + b'{"BookingMoved":{"Id":"webex-1","StartTime":"yesterday","Duration":30}}}}}',
    "a time that is a number": _HEAD + b'{"BookingMoved":{"Id":"webex-1","StartTime":17,"Duration":30}}}}}',
    "a booking that is a list": _HEAD + b'{"Start":[]}}}}',
    "an unknown event": _HEAD + b'{"Teleported":{"Id":"webex-1"}}}}}',
    "another notification": b'{"jsonrpc":"2.0","method":"xFeedback/Elsewhere","params":{}}',
    "a reply nobody asked for": b'{"jsonrpc":"2.0","id":987654321,"result":{"status":"OK"}}',
    "a failure nobody asked for": b'{"jsonrpc":"2.0","id":"who","error":{"code":1,"message":"no"}}',
    "deep nesting": b'{"jsonrpc":"2.0","method":"xFeedback/Event","params":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
}


def say(site: Site, frame: bytes, *, desk: int = 0) -> None:
    """Let a device send a frame."""
    for listener in tuple(site.station(desk).listeners):
        listener.inject(frame)


def event(name: str, **fields: object) -> bytes:
    body = {"Id": 0, "Event": {"Bookings": {name: fields}}}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "xFeedback/Event", "params": body})


async def metric(site: Site, name: str) -> float:
    """The value of a metric without labels."""
    text = await site.text("/metrics")
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def raws(site: Site, kind: str = "Undecodable") -> list[bytes | None]:
    """What the journal keeps of the inputs of one kind, as it came."""
    records = await site.daemon.fleet.journal.history(site.desk_id())
    return [record.raw for record in records if record.kind == kind]


async def goes_on(site: Site) -> None:
    """The desk still hears, lists, and is told."""
    await site.until(site.is_live)
    start = site.clock.now().replace(microsecond=0) + timedelta(hours=10)
    site.device.people.book(15, "Desk", "person1@example.com", start=start)
    await site.advance(30)

    assert "created" in [booking.state for booking in site.bookings()]
    assert site.agrees(), site.disagreement()
    assert not site.is_stale


@over_socket
@pytest.mark.parametrize("what", STRANGE)
async def test_a_strange_frame_is_kept_and_counted(open_site: OpenSite, what: str) -> None:
    site = await open_site("local", "local")
    before = site.state(1)
    say(site, STRANGE[what])
    await site.clock.settle()

    assert [STRANGE[what]] == await raws(site)
    assert 1 == site.state().counters.undecodable
    assert 1 == await metric(site, "hotdesk_undecodable_total")
    assert before == site.state(1)

    await goes_on(site)


@over_socket
async def test_a_frame_larger_than_allowed_costs_the_connection_and_nothing_else(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    before = site.state(1)
    site.device.faults.enable("huge_frame", size=10_000_000)
    await site.clock.settle()

    assert site.is_stale
    assert 1 == site.state().counters.undecodable
    assert 1 == await metric(site, "hotdesk_undecodable_total")
    assert before == site.state(1)

    await goes_on(site)


@over_socket
async def test_a_hundred_strange_frames_cost_few_lists(open_site: OpenSite) -> None:
    site = await open_site("local")
    await site.advance(60)
    site.mark()
    for _ in range(100):
        say(site, STRANGE["no JSON"])
    await site.advance(9)

    assert 100 == site.state().counters.undecodable
    assert site.lists() <= 2


@over_socket
@pytest.mark.parametrize("name", ["Start", "End", "Deleted", "BookingMoved", "EditRequested", "ExtensionRequested"])
async def test_an_event_of_an_unknown_booking_asks_for_a_list(open_site: OpenSite, name: str) -> None:
    site = await open_site("local")
    await site.advance(60)
    site.mark()
    fields = {"Id": "webex-99", "MeetingId": "00000000-0000-4000-8000-000000000099"}
    times = {"StartTime": "2026-05-04T09:00:00Z", "EndTime": "2026-05-04T10:00:00Z", "Duration": 60}
    say(site, event(name, **fields, **times, NewEndTime="2026-05-04T10:00:00Z", Cause="Deleted"))
    await site.advance(15)

    assert 1 == site.state().counters.surprises
    assert 1 == site.lists()
    assert [] == site.bookings()
    assert ["booking.surprise", "list.asked", "list.applied"] == await site.codes()


@over_socket
async def test_an_event_named_by_a_number_and_a_lower_case_sibling_is_understood(open_site: OpenSite) -> None:
    """
    Ids may be numbers, and a stray "id" beside the event is no event.
    """
    site = await open_site("local")
    frame = _HEAD + (
        b'{"BookingCreated":{"Id":7,"MeetingId":"m-7","StartTime":"2026-05-04T09:00:00.123456789Z","Duration":30,'
        b'"Title":"Desk","Later":{"a":1}},"id":1}}}}'
    )
    say(site, frame)
    await site.clock.settle()

    assert 0 == site.state().counters.undecodable
    assert ("m-7", ["7"]) == (site.booking().meeting_id, [*site.booking().ids.values()])


@over_socket
@pytest.mark.parametrize("minutes", [0, 1441])
@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_a_device_may_have_a_booking_of_a_strange_length(open_site: OpenSite, kind: str, minutes: int) -> None:
    site = await open_site(kind)
    site.poll_seldom()
    request = BookingRequest(
        uuid="", title="Desk", start=site.at(60), duration_min=minutes, organizer=Person(email="person1@example.com")
    )
    site.plan.calendar.add(request, meeting_id="strange", via=site.device)
    await site.advance(30)

    assert ("created", minutes) == (site.booking().state, site.booking().duration_min)

    await site.play("F01")
    await site.advance(10)

    assert ("created", minutes) == (site.booking().state, site.booking().duration_min)

    await site.advance((60 + minutes + 5) * 60)

    assert "ended" == site.booking().state
    await goes_on(site)


@pytest.mark.parametrize("minutes", [0, 1441, -5, 1e9, "thirty", None, True])
async def test_a_wish_of_a_strange_length_is_refused(open_site: OpenSite, minutes: object) -> None:
    site = await open_site("local")
    body = {"start": "now", "duration_min": minutes}
    status, problem = await site.call("POST", f"/api/v1/desks/{site.desk_id()}/bookings", body)

    assert 422 == status
    assert "duration_min" in problem["detail"]
    assert [] == site.bookings()


async def test_a_longest_extension_is_refused_beyond_a_day(open_site: OpenSite) -> None:
    site = await open_site("local")
    await site.book(minutes=1440)
    status, _ = await site.call("PATCH", f"/api/v1/bookings/{site.booking().booking_id}", {"duration_min": 1441})

    assert 422 == status
    assert 1440 == site.booking().duration_min


@over_socket
@pytest.mark.parametrize("hours", [-5.0, 3.0, 30.0])
@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_a_device_whose_clock_is_hours_off(open_site: OpenSite, kind: str, hours: float) -> None:
    """
    Its events come at the wrong time and its lists are of another day; the daemon goes by its own clock and goes on.
    """
    site = await open_site(kind, sync_s=900)
    site.poll_seldom()
    site.device.faults.enable("clock_skew", hours=hours)
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(10 * 3600)

    assert {"ended", "deleted"} >= {booking.state for booking in site.bookings()}

    site.device.faults.clear()
    site.device.people.book(15, "Desk", "person1@example.com", start=site.at(660))
    await site.advance(1800)

    assert site.agrees(), site.disagreement()
    assert not site.is_stale


SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "begins_h", "minutes", "verdict"),
    [
        pytest.param(SPRING, 5.0, 30, "accepted", id="spring: seven o'clock is five in UTC"),
        pytest.param(SPRING, 4.5, 30, "rejected", id="spring: half past six"),
        pytest.param(SPRING, 0.5, 60, "rejected", id="spring: over the hour that there is not"),
        pytest.param(SPRING, 15.5, 30, "accepted", id="spring: until six"),
        pytest.param(SPRING, 16.0, 30, "rejected", id="spring: after six"),
        pytest.param(AUTUMN, 6.0, 30, "accepted", id="autumn: seven o'clock is six in UTC"),
        pytest.param(AUTUMN, 5.5, 30, "rejected", id="autumn: half past six"),
        pytest.param(AUTUMN, 16.5, 30, "accepted", id="autumn: until six"),
    ],
)
async def test_opening_hours_follow_the_clocks_change(
    open_site: OpenSite, day: datetime, begins_h: float, minutes: int, verdict: str
) -> None:
    hours = OpeningHours(days=(Weekday.SUN,), opens_min=7 * 60, closes_min=18 * 60)
    policy = PolicySettings(time_zone="Europe/Oslo", opening_hours=(hours,))
    site = await open_site("local", policy=policy, begins=day - timedelta(hours=6))
    site.device.people.book(minutes, "Desk", "person1@example.com", start=day + timedelta(hours=begins_h))
    await site.advance(10)

    assert verdict == site.booking().verdict
    assert ("deleted" if verdict == "rejected" else "created") == site.booking().state
    assert (0 if verdict == "accepted" else 1) == len(site.sent())


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/desks/nowhere/bookings", {"start": "now", "duration_min": 30}, 404),
        ("PATCH", "/api/v1/bookings/desk-1.b999", {"duration_min": 30}, 404),
        ("DELETE", "/api/v1/bookings/nowhere.b1", None, 404),
        ("POST", "/api/v1/commands/desk-1.c1.1/retry", None, 404),
        ("POST", "/api/v1/desks/desk-1/sign-out", {"device": "nowhere"}, 422),
        ("POST", "/api/v1/desks/desk-1/bookings", {"start": "2026-02-30T09:00:00Z", "duration_min": 30}, 422),
        ("POST", "/api/v1/desks/desk-1/bookings", [1, 2], 422),
    ],
)
async def test_a_wish_that_means_nothing_says_so(
    open_site: OpenSite, method: str, path: str, body: object, status: int
) -> None:
    site = await open_site("local")
    answer, problem = await site.call(method, path, body)

    assert status == answer, problem
    assert problem["detail"]
    await goes_on(site)


def status(path: str, value: object) -> bytes:
    """A notification of one status."""
    tree: object = value
    for word in reversed(path.split()):
        tree = {word: tree}
    body = {"Id": 1, "Status": tree}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "xFeedback/Event", "params": body})


_TIMES: Final = {"Id": "webex-9", "MeetingId": "m-9", "StartTime": "2026-05-04T09:00:00Z", "Duration": 30}
#: Well formed, and of values that no calendar, clock or counter should have.
EXTREME: Final[Mapping[str, bytes]] = {
    "the last year": event("BookingCreated", **_TIMES | {"StartTime": "9999-12-31T23:59:59Z"}),
    "the last minute, for a year": event(
        "BookingCreated", **_TIMES | {"StartTime": "9999-12-31T23:59:59Z", "Duration": 600_000}
    ),
    "the first year": event("BookingCreated", **_TIMES | {"StartTime": "0001-01-01T00:00:00Z"}),
    "moved to the first year": event("BookingMoved", **_TIMES | {"StartTime": "0001-01-01T00:00:00Z"}),
    "a request for the end of time": event(
        "BookingRequested", BookingRequestUUID="u", StartTime="9999-12-31T23:59:00Z", Duration=1440, Title="Desk"
    ),
    "an endless duration": event("BookingCreated", **_TIMES | {"Duration": 10**30}),
    "a negative duration": event("BookingCreated", **_TIMES | {"Duration": -30}),
    "a title with a NUL": event("BookingCreated", **_TIMES | {"Title": "De\x00sk"}),
    "a title of a megabyte": event("BookingCreated", **_TIMES | {"Title": "x" * 1_000_000}),
    "half a character": event("BookingCreated", **_TIMES).replace(b'"m-9"', b'"\\ud800"'),
    "an Id of a kilobyte": event("BookingCreated", **_TIMES | {"Id": "9" * 1024}),
    "an Id that is a number beyond all": event("BookingCreated", **_TIMES).replace(b'"webex-9"', b"9" * 400),
    "remaining forever": event("TimeRemaining", Id="webex-9", Seconds=10**18),
    "more people than there are": status("RoomAnalytics PeopleCount Current", 10**30),
    "people counted in fractions": status("RoomAnalytics PeopleCount Current", 0.5),
    "Personalized as a number": status("Webex DevicePersonalization Personalized", 2),
    "Personalized as a list": status("Webex DevicePersonalization Personalized", [True]),
    "a call count that is text": status("SystemUnit State NumberOfActiveCalls", "many"),
    "an extension to the end of time": event(
        "ExtensionRequested", Id="webex-9", MeetingId="m-9", Duration=1, NewEndTime="9999-12-31T23:59:59Z"
    ),
}


@over_socket
@pytest.mark.parametrize("what", EXTREME)
@pytest.mark.parametrize("rules", ["", "opening hours"])
async def test_an_extreme_value_ends_nothing(open_site: OpenSite, what: str, rules: str) -> None:
    hours = OpeningHours(days=tuple(Weekday), opens_min=0, closes_min=1440)
    policy = PolicySettings(time_zone="Europe/Oslo", opening_hours=(hours,)) if rules else PolicySettings()
    site = await open_site("local", "local", policy=policy)
    before = site.state(1)
    say(site, EXTREME[what])
    await site.advance(60)

    assert before == site.state(1)

    await site.play("F01")
    await goes_on(site)
