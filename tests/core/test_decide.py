"""One input in, one step out: statuses, unknown devices, restarts, settings, and what is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import attrs
import pytest

from hotdesk_daemon.core import decide as decide_module
from hotdesk_daemon.core import inputs as i
from hotdesk_daemon.core.commands import CheckIn, Delete
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import BookingState, CommandState, Desk, Device, LinkState, OpenCommand, Sync, altered
from hotdesk_daemon.core.devices import OVER_KEPT
from hotdesk_daemon.core.draft import Draft
from hotdesk_daemon.core.handout import pump
from hotdesk_daemon.core.ids import BookingId, CommandId, DeviceId
from hotdesk_daemon.core.mirror import FIELDS, PLAIN, mirrored
from hotdesk_daemon.core.noted import INFORMING
from hotdesk_daemon.core.settlement import is_fulfilled
from hotdesk_daemon.core.steps import Life, Step
from tests.core.soundness import decided
from tests.core.story import DESK, M1, M2, T0, U1, A, B, Story, after, created, listed, requested

STATUSES: dict[i.StatusInput, dict[str, object]] = {
    i.Personalized(device=A, value=True): {"personalized": True},
    i.SessionStatus(device=A, value="Reserved"): {"session_status": "Reserved"},
    i.CurrentBooking(device=A, id="webex-1"): {"current_id": "webex-1"},
    i.ActiveCalls(device=A, value=2): {"active_calls": 2},
    i.SystemState(device=A, value="InCall"): {"system_state": "InCall"},
    i.StandbyState(device=A, value="Halfwake"): {"standby": "Halfwake"},
    i.PeopleCount(device=A, value=3): {"people_count": 3},
    i.PeoplePresence(device=A, value=True): {"people_presence": True},
    i.RoomInUse(device=A, value=False): {"room_in_use": False},
    i.Availability(device=A, status="FreeUntil", timestamp=T0): {
        "availability": "FreeUntil",
        "availability_timestamp": T0,
    },
    i.Presentation(device=A, instance="1", sending_mode="LocalOnly"): {"presentations": {"1": "LocalOnly"}},
}


def fresh() -> Story:
    story = Story()
    story.configure()
    return story


# --- statuses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES, ids=lambda status: type(status).__name__)
def test_a_status_is_mirrored(status: i.StatusInput) -> None:
    story = fresh()

    story.feed(status, status)

    assert STATUSES[status] == {name: getattr(story.device, name) for name in STATUSES[status]}


def test_what_only_informs_is_read_off_the_tables() -> None:
    assert {i.EndTimeBuffer, i.NotificationSnoozed, i.StartTimeBuffer, i.TimeRemaining} == INFORMING


@pytest.mark.parametrize(
    "event",
    [
        i.TimeRemaining(device=A, meeting_id=M1, id="webex-1", seconds=300),
        i.TimeRemaining(device=A, meeting_id=M1, seconds=300),
        i.TimeRemaining(device=A, meeting_id=M1, id="webex-2", seconds=300),
        i.TimeRemaining(device=A, meeting_id=M2, id="webex-1", seconds=300),
        i.TimeRemaining(device=A, meeting_id=M1, id="webex-1", booking_request_uuid=U1, seconds=300),
        i.TimeRemaining(device=A, id="webex-1", seconds=300),
        i.TimeRemaining(device=B, meeting_id=M1, seconds=300),
        i.TimeRemaining(device=DeviceId("other"), meeting_id=M1, seconds=300),
    ],
    ids=lambda event: f"{event.device} {event.booking_request_uuid} {event.meeting_id} {event.id}",
)
@pytest.mark.parametrize("during", [None, i.SyncRequired(device=A), i.LinkDown(device=A, cause="reset")])
def test_an_event_that_only_informs_does_the_same_by_the_short_way(
    event: i.BookingEvent, during: i.Input | None
) -> None:
    story = Story(devices=(A, B)).start().wait(1)
    story.feed(created(M1, own="webex-1"))
    if during is not None:
        story.feed(during)

    with patch.object(decide_module, "INFORMING", frozenset()):
        by_the_tables = decide(story.desk, event, now=story.now)

    assert by_the_tables == story.feed(event)


def test_every_status_has_its_place_in_the_mirror() -> None:
    kinds = {kind for kind in i.KINDS.values() if issubclass(kind, i.StatusInput)}

    assert kinds == {*FIELDS, *PLAIN}
    assert kinds == {type(status) for status in STATUSES}
    assert {ours for ours, _ in FIELDS.values()} <= {field.name for field in attrs.fields(Device)}


def test_a_status_that_nobody_mirrors_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        mirrored(Device(device_id=A), i.StatusInput(device=A))


def test_a_plain_status_gives_no_reason_and_no_effect() -> None:
    story = fresh()
    before = story.desk

    step = story.feed(i.PeopleCount(device=A, value=3))

    assert Step(desk=attrs.evolve(before, seq=2, devices={A: attrs.evolve(story.device)})) == step


def test_what_a_notification_of_availability_leaves_out_stays() -> None:
    story = fresh()

    story.feed(i.Availability(device=A, status="BookedUntil", timestamp=T0), i.Availability(device=A, status="Free"))
    assert ("Free", T0) == (story.device.availability, story.device.availability_timestamp)
    story.feed(i.Availability(device=A, timestamp=after(5)))

    assert ("Free", after(5)) == (story.device.availability, story.device.availability_timestamp)


def test_a_presentation_that_is_gone_is_forgotten() -> None:
    story = fresh()

    story.feed(
        i.Presentation(device=A, instance="1", sending_mode="LocalOnly"),
        i.Presentation(device=A, instance="2", sending_mode="Off"),
        i.Presentation(device=A, instance="1", sending_mode=None),
    )

    assert {"2": "Off"} == story.device.presentations


@pytest.mark.parametrize(
    ("calls", "system", "in_call"), [(1, None, True), (0, "InCall", True), (None, "Initialized", False)]
)
def test_a_call_is_known_by_either_status(calls: int | None, system: str | None, in_call: bool) -> None:  # noqa: FBT001
    assert in_call is Device(device_id=A, active_calls=calls, system_state=system).in_call


# --- inputs that fit nowhere -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        i.PeopleCount(device=B, value=1),
        i.Personalized(device=B, value=True),
        created(M1, device=B),
        i.LinkUp(device=B),
        i.BookingsListed(device=B),
        i.Undecodable(device=B, error="?"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_device_that_the_desk_does_not_have_changes_nothing(given: i.Input) -> None:
    story = Story().start()
    before = story.desk

    story.feed(given)

    assert ["device.unknown"] == story.codes()
    assert (before.devices, before.bookings) == (story.desk.devices, story.desk.bookings)
    assert 1 == story.desk.counters.surprises


def test_what_could_not_be_understood_is_counted_and_asks_for_a_list() -> None:
    story = Story().start().wait(1)

    story.feed(i.Undecodable(device=A, error="no JSON"))

    assert 1 == story.desk.counters.undecodable
    assert "kept as it came: no JSON" == story.steps[-1].reasons[0].text
    assert i.ListCause.SURPRISE is story.lists[-1].cause


def test_what_could_not_be_understood_without_a_link_is_counted_only() -> None:
    story = fresh()

    story.feed(i.Undecodable(device=A, error="no JSON"))

    assert (1, []) == (story.desk.counters.undecodable, story.lists)


def test_events_without_a_link_are_not_applied() -> None:
    story = fresh()

    story.feed(created(M1))

    assert {} == story.desk.bookings
    assert ["link.unexpected"] == story.codes()


def test_a_list_that_fails_while_none_is_under_way_is_wanted_again() -> None:
    story = Story().start().wait(1)

    story.feed(i.ListFailed(device=A, error="late"))

    assert 0 == story.desk.sync.failures
    assert i.ListCause.RETRY in {*story.desk.sync.waiting.values(), story.desk.sync.cause}


@pytest.mark.parametrize(
    "key", ["request:gone", "watch:gone", "change:gone", "settle:gone", "leave:gone", "command:gone", "?"]
)
def test_a_timer_of_something_that_is_gone_finds_nothing(key: str) -> None:
    story = Story().start()
    timers = Draft(story.desk, now=story.now)
    timers.set_timer(key, story.now)
    story.desk = altered(story.desk, timers=timers.timers)

    step = story.feed(i.TimerFired(key=key))

    assert ((), ()) == (step.reasons, step.effects)
    assert key not in story.desk.timers


def test_late_words_about_what_is_over_change_nothing() -> None:
    story = Story().start(listed(M1, at=-30, last=31))
    story.wait(seconds=70).feed(i.End(device=A, meeting_id=M1))
    before = story.booking

    story.feed(
        requested(M1),
        i.BookingFailed(device=A, meeting_id=M1),
        i.Start(device=A, meeting_id=M1),
        i.End(device=A, meeting_id=M1),
        i.CheckedIn(device=A, meeting_id=M1),
        i.Deleted(device=A, meeting_id=M1),
        i.EditFailed(device=A, meeting_id=M1),
    )

    assert (before.state, before.end_cause) == (story.booking.state, story.booking.end_cause)
    assert 0 == story.desk.counters.surprises


def test_words_that_contradict_what_is_held_ask_for_a_list() -> None:
    story = Story().start(listed(M1, at=60)).wait(1)

    story.feed(i.BookingFailed(device=A, meeting_id=M1))
    story.list_as(listed(M1, at=60))
    story.feed(i.Deleted(device=A, meeting_id=M1))
    story.feed(i.BookingMoved(device=A, meeting_id=M1, start=after(90), duration_min=10))

    assert 2 == story.desk.counters.surprises
    assert BookingState.DELETED is story.booking.state


def test_a_failure_of_what_was_never_heard_of_is_late() -> None:
    story = Story().start()

    story.feed(i.BookingFailed(device=A, booking_request_uuid=U1))

    assert ["booking.late"] == story.codes()


def test_a_request_that_is_moved_exists() -> None:
    story = Story().start()

    story.feed(requested(U1), i.BookingMoved(device=A, meeting_id=U1, start=after(30), duration_min=10))

    assert (BookingState.CREATED, after(30)) == (story.booking.state, story.booking.start)


# --- ourselves -------------------------------------------------------------------------------------------------------


def test_the_settings_are_part_of_the_state() -> None:
    story = Story(devices=(A, B))
    settings = i.DeskConfigured(
        desk=DESK, calendar=i.CalendarKind.HYBRID, devices=(A, B), sync_interval_s=60, deadline_s=50, sign_in_settle_s=5
    )

    story.feed(settings)

    assert (60, 50, 5, i.CalendarKind.HYBRID) == (
        story.desk.sync_interval_s,
        story.desk.deadline_s,
        story.desk.sign_in_settle_s,
        story.desk.calendar,
    )
    assert [A, B] == list(story.desk.devices)


def test_a_new_setting_keeps_what_is_known_of_the_devices_that_stay() -> None:
    story = Story(devices=(A, B)).start(listed(M1, at=60))

    story.devices = (A,)
    story.configure()

    assert LinkState.LIVE is story.device.link
    assert [A] == list(story.desk.devices)


def test_a_restart_takes_every_link_down_and_drops_what_waited() -> None:
    story = Story().start(listed(M1, at=60)).wait(1)
    story.feed(i.SyncRequired(device=A), i.SyncRequired(device=A), created("x", at=300))

    story.feed(i.DaemonStarted(version="2"))

    assert (LinkState.DOWN, (), None, {}) == (
        story.device.link,
        story.desk.buffer,
        story.desk.sync.listing,
        story.desk.sync.waiting,
    )
    assert story.desk.is_stale
    assert BookingState.CREATED is story.booking.state


def test_only_the_newest_of_what_is_over_is_kept() -> None:
    story = Story().start(listed("held", at=600))

    for number in range(OVER_KEPT + 20):
        story.feed(created(f"m{number}", at=60), i.Deleted(device=A, meeting_id=f"m{number}"))

    held = [b.meeting_id for b in story.desk.bookings.values()]
    assert OVER_KEPT + 1 == len(held)
    assert "held" in held
    assert f"m{OVER_KEPT + 19}" in held
    assert "m0" not in held


def test_what_a_command_still_means_is_kept() -> None:
    story = Story().start()
    story.feed(i.BookAsked(booking_request_uuid=U1, start=after(300), duration_min=10))
    story.send(i.Outcome.REFUSED)
    story.answer_list()
    failed = story.booking.booking_id

    for number in range(OVER_KEPT + 20):
        story.feed(created(f"m{number}", at=60), i.Deleted(device=A, meeting_id=f"m{number}"))

    assert failed in story.desk.bookings


# --- the parts that a step is made of --------------------------------------------------------------------------------


def test_a_copy_changes_only_what_it_is_told() -> None:
    desk = Story().start(listed(M1)).desk

    copy = altered(desk, seq=99)

    assert attrs.evolve(desk, seq=99) == copy
    assert 99 != desk.seq


def test_the_next_timer_is_the_earliest() -> None:
    assert Desk(desk_id=DESK).next_timer() is None
    desk = Story().start(listed(M1, at=5)).desk
    timer = desk.next_timer()

    assert timer is not None
    assert min(t.due for t in desk.timers.values()) == timer.due


def test_a_timer_of_the_newest_setting_wins() -> None:
    draft = Draft(Desk(desk_id=DESK), now=T0)

    draft.set_timer("sync", after(1))
    draft.set_timer("sync", after(2))
    draft.clear_timer("nothing")

    assert [after(2)] == [timer.due for timer in draft.timers.values()]


def opened(command: CheckIn | Delete) -> OpenCommand:
    return OpenCommand(
        command_id=CommandId("c"),
        command=command,
        state=CommandState.PENDING,
        cause_seq=1,
        decided_at=T0,
        deadline=T0 + timedelta(minutes=15),
        booking_id=BookingId("gone"),
    )


def test_a_command_of_a_booking_that_is_gone_has_no_aim() -> None:
    draft = Draft(Desk(desk_id=DESK), now=T0)
    draft.put_command(opened(Delete()))

    pump(draft)

    assert [] == draft.effects
    assert is_fulfilled(draft, opened(Delete()))


def test_a_command_that_is_never_decided_cannot_be_settled() -> None:
    with pytest.raises(AssertionError, match="Bookings CheckIn"):
        is_fulfilled(Draft(Desk(desk_id=DESK), now=T0), opened(CheckIn()))


def test_the_same_desk_and_input_give_the_same_step_whatever_the_clock_of_the_machine() -> None:
    now = datetime(2031, 1, 1, tzinfo=UTC)
    desk = attrs.evolve(Story().start(listed(M1)).desk, sync=Sync())

    steps = {repr(decided(desk, i.SyncRequired(device=A), now=now)) for _ in range(3)}

    assert 1 == len(steps)
    assert Life.LINK in {reason.life for reason in decided(desk, i.SyncRequired(device=A), now=now).reasons}


def test_the_first_list_leaves_alone_what_was_asked_of_us_before() -> None:
    story = fresh()
    story.feed(i.BookAsked(booking_request_uuid=U1, start=after(120), duration_min=30))
    (asked,) = story.desk.bookings.values()

    story.feed(i.LinkUp(device=A))
    story.answer_list(listed(M1))

    assert asked == story.desk.bookings[asked.booking_id]
    assert ["accepted", "accepted"] == [booking.verdict for booking in story.desk.bookings.values()]
