"""When lists are asked for, how many, and what they correct."""

from __future__ import annotations

from itertools import pairwise

import attrs
import pytest

from hotdesk_daemon.core.desk import BookingState, Held, LinkState, Origin, Verdict
from hotdesk_daemon.core.inputs import (
    BookingCreated,
    BookingEvent,
    BookingMoved,
    BookingsListed,
    CalendarKind,
    Deleted,
    End,
    LinkDown,
    LinkUp,
    ListCause,
    ListFailed,
    ResyncAsked,
    Start,
    SyncRequired,
    TimerFired,
    Updated,
)
from hotdesk_daemon.core.links import BUFFER_LIMIT
from hotdesk_daemon.core.policy import Policy
from hotdesk_daemon.core.steps import ListBookings
from tests.core.story import HYBRID, LOCAL, M1, M2, T0, U1, A, B, Story, after, created, listed, requested

both_calendars = pytest.mark.parametrize("calendar", [LOCAL, HYBRID])


def causes(story: Story) -> list[ListCause]:
    return [effect.cause for effect in story.lists]


# --- how many --------------------------------------------------------------------------------------------------------


def test_a_thousand_doubts_in_a_second_cost_two_lists() -> None:
    story = Story().start().wait(1)
    before = len(story.lists)

    for _ in range(100):
        story.feed(*[SyncRequired(device=A)] * 10)
        if story.desk.sync.listing:
            story.answer_list()
        story.wait(seconds=0.01, answering=False)

    assert len(story.lists) - before <= 2
    story.wait(seconds=5)
    assert not story.desk.is_stale


def test_surprises_without_end_cost_a_list_in_ten_seconds() -> None:
    story = Story().start().wait(1)
    before = len(story.lists)

    for _ in range(60):
        story.feed(Start(device=A, meeting_id="?"))
        if story.desk.sync.listing:
            story.answer_list()
        story.wait(seconds=1)

    assert 6 <= len(story.lists) - before <= 7


def test_doubts_without_a_link_ask_for_nothing() -> None:
    story = Story()
    story.configure()

    story.feed(SyncRequired(device=A), Updated(device=A), ResyncAsked())

    assert [] == story.lists
    assert 2 == story.desk.counters.surprises
    assert ["link.unexpected", "link.unexpected", "list.wanted"] == story.codes(3)


def test_a_cause_of_more_haste_goes_first_and_one_of_less_adds_nothing() -> None:
    story = Story().start().wait(1)
    story.feed(SyncRequired(device=A), SyncRequired(device=A))
    story.feed(ResyncAsked())
    story.feed(Updated(device=A))

    assert {A: ListCause.ASKED} == story.desk.sync.waiting
    story.list_as()

    assert ListCause.ASKED is causes(story)[-1]
    assert story.desk.is_stale, "the doubt that waited under it is not forgotten"


def test_companions_are_listed_one_after_the_other() -> None:
    story = Story(devices=(A, B))
    story.configure()
    story.feed(LinkUp(device=A), LinkUp(device=B))

    assert [A] == [effect.device for effect in story.lists]
    story.list_as()
    assert [A, B] == [effect.device for effect in story.lists]


def test_a_list_that_waits_for_later_does_not_hold_up_that_of_a_companion() -> None:
    story = Story(devices=(A, B)).start().wait(1)
    story.feed(SyncRequired(device=A), ListFailed(device=A, error="timeout"))
    assert {A: ListCause.RETRY} == story.desk.sync.waiting

    story.feed(LinkDown(device=B, cause="reset"), LinkUp(device=B))

    assert ListBookings(device=B, cause=ListCause.CONNECTED) == story.lists[-1]


def test_a_failed_list_is_tried_again_with_growing_distance() -> None:
    story = Story().start().wait(1)
    story.feed(ResyncAsked())
    begun = [story.now]

    for _ in range(9):
        story.feed(ListFailed(device=A, error="timeout"))
        while story.desk.sync.listing is None:
            story.wait(seconds=1, answering=False)
        begun.append(story.now)

    waits = [round((later - earlier).total_seconds()) for earlier, later in pairwise(begun)]
    assert [2, 4, 8, 16, 32, 60, 60, 60, 60] == waits
    assert {ListCause.RETRY} == set(causes(story)[-9:])
    story.answer_list()
    assert 0 == story.desk.sync.failures


def test_a_failed_list_without_a_link_is_left_to_the_next_connect() -> None:
    story = Story().start()

    story.feed(LinkDown(device=A, cause="reset"), ListFailed(device=A, error="closed"))

    assert ["list.failed"] == story.codes()
    assert {} == story.desk.sync.waiting


def test_a_lost_link_forgets_its_lists() -> None:
    story = Story(devices=(A, B)).start().wait(1)
    story.feed(SyncRequired(device=A), SyncRequired(device=B))
    assert {B: ListCause.SYNC_REQUIRED} == story.desk.sync.waiting

    story.feed(LinkDown(device=B, cause="reset"))
    assert {} == story.desk.sync.waiting
    story.feed(LinkDown(device=A, cause="reset"))
    assert story.desk.sync.listing is None


@both_calendars
def test_a_timed_list_corrects_and_counts_what_it_corrects_as_drift(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar).start(listed(M1, at=120), listed("same", at=240), listed("lost", at=300))

    while story.desk.sync.listing is None:
        story.wait(1, answering=False)
    step = story.list_as(listed(M1, at=180), listed("same", at=240), listed("new", at=400))

    assert ListCause.TIMED is causes(story)[-1]
    assert 3 == story.desk.counters.drift
    assert "desk.drift" in story.codes()
    assert "list.asked" in story.root(step) or "list.applied" in story.root(step)


def test_a_timed_list_that_agrees_is_no_drift_and_the_next_is_spread() -> None:
    story = Story().start(listed(M1, at=600))
    first = story.desk.timers["sync"].due - story.now

    story.wait(40)

    assert 0 == story.desk.counters.drift
    assert causes(story).count(ListCause.TIMED) in {2, 3}
    assert 810 <= first.total_seconds() <= 990


@both_calendars
def test_what_is_not_pushed_is_looked_for_often_and_its_corrections_are_no_drift(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar, reconcile_s=600).start()
    looks = len(story.lists)

    while story.desk.sync.listing is None:
        story.wait(1, answering=False)
    story.list_as(listed(M1, at=600))

    assert [ListCause.UNPUSHED] == causes(story)[looks:]
    assert 540 <= (story.now - T0).total_seconds() <= 720
    assert 0 == story.desk.counters.drift
    assert not story.desk.is_stale


def test_where_not_all_is_pushed_a_list_follows_each_known_start_and_end() -> None:
    story = Story(reconcile_s=3600).start(listed(M1, at=10, last=20))

    story.wait(45)

    lists = [step for step in story.steps if any(isinstance(effect, ListBookings) for effect in step.effects)]
    asked = [step.desk.sync.started_at for step in lists]
    minutes = [(at - T0).total_seconds() / 60 for at in asked if at is not None and at > T0]
    for edge in (11, 15, 31):
        assert any(edge <= look <= edge + 0.5 for look in minutes), (edge, minutes)
    assert len(minutes) <= 4


def test_a_timed_list_without_a_link_is_none() -> None:
    story = Story().start()
    story.feed(LinkDown(device=A, cause="reset"))
    before = len(story.lists)

    story.wait(60)

    assert before == len(story.lists)


def test_what_a_list_corrects_for_another_reason_is_no_drift() -> None:
    story = Story().start(listed(M1, at=60)).wait(1)

    story.feed(SyncRequired(device=A))
    story.list_as()

    assert 0 == story.desk.counters.drift


# --- the buffer ------------------------------------------------------------------------------------------------------


def test_events_during_a_list_are_applied_after_it_in_their_order() -> None:
    story = Story().start().wait(1)
    story.feed(SyncRequired(device=A))

    story.feed(
        created(M1, at=60),
        BookingMoved(device=A, meeting_id=M1, start=after(90), duration_min=60),
        created(M2, at=200),
        Deleted(device=A, meeting_id=M2),
    )
    assert {} == story.desk.bookings
    assert ["link.held"] * 4 == story.codes(4)
    story.list_as(listed(M1, at=60))

    assert () == story.desk.buffer
    assert {M1: (after(90), "created"), M2: (after(200), "deleted")} == {
        b.meeting_id: (b.start, b.state.value) for b in story.desk.bookings.values()
    }


def test_what_waited_is_its_own_cause() -> None:
    story = Story(policy=Policy(max_duration_min=30)).start().wait(1)
    story.feed(SyncRequired(device=A), created(M1, at=60))
    held_seq = story.desk.seq

    story.answer_list()
    reasons = {reason.code: reason.cause_seq for reason in story.steps[-1].reasons}

    assert (held_seq, held_seq - 1) == (reasons["booking.created"], reasons["list.applied"])
    # What is judged when the list is there is judged because of the list.
    assert (held_seq - 1, held_seq - 1) == (reasons["booking.rejected"], reasons["command.decided"])


def test_a_list_that_fails_names_why_it_was_asked_for() -> None:
    story = Story().start().wait(1)
    story.feed(SyncRequired(device=A))
    asked_seq = story.desk.seq

    story.feed(ListFailed(device=A, error="timeout"))

    assert [("list.failed", asked_seq)] == [(reason.code, reason.cause_seq) for reason in story.steps[-1].reasons]


def test_each_list_that_waits_names_what_made_us_want_it() -> None:
    story = Story(devices=(A, B)).start().wait(1)
    story.feed(SyncRequired(device=A))
    wanted = story.desk.seq
    story.feed(Updated(device=A), Updated(device=B))

    asked = []
    for _ in range(2):
        story.answer_list()
        story.wait(seconds=2, answering=False)
        asked += [
            (reason.device, reason.cause_seq)
            for step in story.steps
            for reason in step.reasons
            if reason.code == "list.asked" and reason.cause_seq in (wanted + 1, wanted + 2)
        ]

    assert {(A, wanted + 1), (B, wanted + 2)} == set(asked)


def test_a_list_that_fails_lets_them_through() -> None:
    story = Story().start().wait(1)
    story.feed(SyncRequired(device=A), created(M1, at=60))

    story.feed(ListFailed(device=A, error="timeout"))

    assert BookingState.CREATED is story.booking.state
    assert () == story.desk.buffer


def test_a_link_that_drops_takes_what_waited_from_it_along() -> None:
    story = Story(devices=(A, B)).start().wait(1)
    story.feed(SyncRequired(device=A), created(M1, at=60, device=A), created(M2, at=60, device=B))

    story.feed(LinkDown(device=A, cause="reset"))

    assert [M2] == [b.meeting_id for b in story.desk.bookings.values()]
    assert () == story.desk.buffer


def test_a_list_of_a_companion_that_nobody_asked_for_leaves_them_waiting() -> None:
    story = Story(devices=(A, B)).start().wait(1)
    story.feed(SyncRequired(device=A), created(M1, at=60))

    story.feed(BookingsListed(device=B))

    assert 1 == len(story.desk.buffer)


def test_a_device_that_leaves_the_desk_while_it_lists_lets_them_through() -> None:
    story = Story(devices=(A, B)).start().wait(1)
    story.feed(SyncRequired(device=A), created(M1, at=60, device=A), created(M2, at=60, device=B))

    story.devices = (B,)
    story.configure()

    assert () == story.desk.buffer
    assert [M2] == [b.meeting_id for b in story.desk.bookings.values()]


def test_too_many_to_wait_are_applied_at_once_and_listed_again() -> None:
    story = Story().start(listed(M1, at=60)).wait(1)
    story.feed(SyncRequired(device=A))
    held = story.desk.buffer
    more = (Held(seq=1, event=Start(device=A, meeting_id="x")),) * BUFFER_LIMIT
    story.desk = attrs.evolve(story.desk, buffer=held + more)

    story.feed(Deleted(device=A, meeting_id=M1))

    assert BookingState.DELETED is story.booking.state
    assert {A: ListCause.SURPRISE} == story.desk.sync.waiting
    assert BUFFER_LIMIT == len(story.desk.buffer)


# --- what a list means -----------------------------------------------------------------------------------------------


def test_what_stood_before_we_first_looked_is_taken_as_it_is() -> None:
    story = Story(policy=Policy(max_duration_min=60))

    story.start(listed(M1, at=60, last=240))

    assert Verdict.ACCEPTED is story.booking.verdict
    assert Origin.LIST is story.booking.origin
    assert [] == story.sent


def test_what_was_booked_while_the_first_list_failed_is_judged() -> None:
    story = Story(policy=Policy(max_duration_min=60))
    story.configure()
    story.feed(LinkUp(device=A), ListFailed(device=A, error="timeout"), created(M2, at=300, last=240))

    story.wait(seconds=2, answering=False).answer_list(listed(M1, at=60, last=240), listed(M2, at=300, last=240))

    assert {M1: Verdict.ACCEPTED, M2: Verdict.REJECTED} == {
        b.meeting_id: b.verdict for b in story.desk.bookings.values()
    }


def test_what_a_later_list_brings_is_judged() -> None:
    story = Story(policy=Policy(max_duration_min=60)).start().reconnect()

    story.answer_list(listed(M1, at=60, last=240))

    assert Verdict.REJECTED is story.booking.verdict
    assert 1 == len(story.sent)


def test_a_stale_desk_judges_nothing_until_it_is_listed() -> None:
    story = Story(devices=(A, B), policy=Policy(max_duration_min=60)).start().wait(1)
    story.feed(SyncRequired(device=B), SyncRequired(device=B))
    story.list_as()
    assert LinkState.STALE is story.desk.devices[B].link

    story.feed(created(M1, at=60, last=240))
    assert (Verdict.UNDECIDED, []) == (story.booking.verdict, story.sent)
    story.wait(seconds=2)

    assert Verdict.REJECTED is story.booking.verdict
    assert 1 == len(story.sent)


def test_history_in_a_list_is_not_taken_up() -> None:
    story = Story().start(listed("over", at=-120), listed("running", at=-30), listed("ahead", at=30))

    assert {"running": "started", "ahead": "created"} == {
        b.meeting_id: b.state.value for b in story.desk.bookings.values()
    }


def test_missing_after_its_end_it_has_ended_and_before_it_was_deleted() -> None:
    story = Story().start(listed("short", at=-30, last=31), listed("long", at=-30, last=300)).wait(1.5)

    story.feed(SyncRequired(device=A))
    story.list_as()

    assert {"short": "ended", "long": "deleted"} == {b.meeting_id: b.state.value for b in story.desk.bookings.values()}


def test_missing_on_one_device_it_stands_while_a_connected_companion_shows_it() -> None:
    story = Story(devices=(A, B)).start(listed(M1, at=60)).wait(1)

    story.feed(SyncRequired(device=A))
    story.list_as()
    assert BookingState.CREATED is story.booking.state
    story.feed(SyncRequired(device=B))
    story.wait(seconds=2, answering=False)
    story.list_as()

    assert BookingState.DELETED is story.booking.state


def test_a_companion_that_is_down_keeps_nothing_standing() -> None:
    story = Story(devices=(A, B)).start(listed(M1, at=60)).wait(1)
    story.feed(LinkDown(device=B, cause="reset"), SyncRequired(device=A))

    story.list_as()

    assert BookingState.DELETED is story.booking.state


def test_a_list_shows_again_what_we_held_as_over_and_it_is_judged_anew() -> None:
    story = Story(policy=Policy(max_duration_min=60)).start()
    story.book_at_device(last=240, at=30)
    story.feed(Deleted(device=A, meeting_id=U1))
    story.wait(1).feed(SyncRequired(device=A))

    story.list_as(listed(U1, at=30, last=240))

    assert (BookingState.CREATED, None, Verdict.REJECTED) == (
        story.booking.state,
        story.booking.end_cause,
        story.booking.verdict,
    )
    assert 2 == len(story.sent)


def test_a_list_that_still_shows_what_is_over_changes_nothing() -> None:
    story = Story().start(listed(M1, at=-30, last=31)).wait(1.5)
    story.feed(SyncRequired(device=A))
    story.list_as()

    story.wait(seconds=10).feed(SyncRequired(device=A))
    story.list_as(listed(M1, at=-30, last=31))

    assert BookingState.ENDED is story.booking.state


@pytest.mark.parametrize("waits", [0, 6])
def test_a_request_is_missing_in_every_list_until_its_time_is_over(waits: int) -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(requested(U1, at=60)).desk  # noqa: B018
    story.wait(waits).feed(SyncRequired(device=A))
    if story.desk.sync.listing:
        story.list_as()

    assert (BookingState.FAILED if waits else BookingState.REQUESTED) is story.booking.state


def test_a_list_confirms_a_request_by_its_content() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(requested(U1, at=60, title="Desk")).desk  # noqa: B018
    story.wait(1).feed(SyncRequired(device=A))

    story.list_as(listed(M1, at=60, title="Desk", email="person@example.com"))

    assert (BookingState.CREATED, M1, "person@example.com") == (
        story.booking.state,
        story.booking.meeting_id,
        story.booking.organizer.email,
    )


def test_a_list_brings_the_title_that_was_not_known() -> None:
    story = Story().start(listed(M1, at=60)).wait(1)
    story.feed(SyncRequired(device=A))

    story.list_as(listed(M1, at=60, title="Desk"))

    assert "Desk" == story.booking.title


def test_an_event_that_was_lost_is_found_a_minute_after_it_was_due() -> None:
    story = Story().start(listed(M1, at=3, last=5))

    story.wait(4)
    assert BookingState.STARTED is story.booking.state
    story.wait(6, answering=False)
    story.answer_list()

    assert BookingState.ENDED is story.booking.state
    assert [ListCause.UNANSWERED] * 2 == causes(story)[-2:]


@pytest.mark.parametrize("minutes", [0, 1, 1440, 1441])
def test_bookings_of_any_length_that_a_device_tells_are_held(minutes: int) -> None:
    story = Story().start()

    story.feed(created(M1, at=10, last=minutes))
    story.wait(1).feed(SyncRequired(device=A))
    story.list_as(listed(M1, at=10, last=minutes))

    assert (BookingState.CREATED, minutes) == (story.booking.state, story.booking.duration_min)
    assert after(10 + minutes) == story.booking.end


@pytest.mark.parametrize(("hours", "by_our_clock"), [(-5, BookingState.ENDED), (5, BookingState.CREATED)])
def test_the_events_of_a_device_whose_clock_is_hours_off_are_believed_and_its_lists_read_by_ours(
    hours: int, by_our_clock: BookingState
) -> None:
    story = Story().start()

    story.feed(created(M1, at=hours * 60), Start(device=A, meeting_id=M1))
    assert BookingState.STARTED is story.booking.state
    story.wait(seconds=30).feed(SyncRequired(device=A))
    story.list_as(listed(M1, at=hours * 60))

    assert by_our_clock is story.booking.state


def test_a_booking_that_the_list_still_shows_after_its_end_has_ended() -> None:
    story = Story().start(listed(M1, at=-30, last=31)).wait(1.5)
    story.feed(SyncRequired(device=A))

    story.list_as(listed(M1, at=-30, last=31))

    assert (BookingState.ENDED, "listed after its end") == (story.booking.state, story.booking.end_cause)


def test_a_list_without_a_link_is_late() -> None:
    story = Story().start(listed(M1, at=60))
    story.feed(LinkDown(device=A, cause="reset"))

    story.feed(BookingsListed(device=A))

    assert BookingState.CREATED is story.booking.state
    assert ["list.late"] == story.codes()


def test_two_entries_of_one_name_are_two_bookings() -> None:
    story = Story().start(listed(M1, own="webex-1", at=60), listed(M1, own="webex-2", at=180))

    assert 2 == len(story.desk.bookings)


def test_one_stray_timer_is_not_due() -> None:
    story = Story().start()

    story.feed(TimerFired(key="sync"), TimerFired(key="nothing"))

    assert ["timer.void", "timer.void"] == story.codes(2)


def test_a_late_event_of_something_old_is_no_surprise_and_of_something_ahead_it_is() -> None:
    story = Story().start().wait(1)
    again = BookingCreated(device=A, meeting_id=M1, start=T0, duration_min=30)
    story.feed(again, Deleted(device=A, meeting_id=M1))

    story.feed(again)
    assert 1 == story.desk.counters.surprises
    story.wait(40).feed(again)
    assert 1 == story.desk.counters.surprises


@pytest.mark.parametrize(
    "event",
    [
        created(M1, at=300),
        End(device=A, meeting_id=M2, end=after(60)),
        Start(device=A, meeting_id=M2),
    ],
    ids=["created anew for later", "the end of what was moved on", "the start of what was moved on"],
)
def test_an_event_that_tells_other_times_than_we_hold_is_settled_by_a_list(event: BookingEvent) -> None:
    story = Story(calendar=HYBRID).start(listed(M1), listed(M2, at=240)).wait(61)
    story.feed(End(device=A, meeting_id=M1))
    story.wait(1)
    before = len(story.lists)

    story.feed(event)
    story.wait(1, answering=False).answer_list(listed(M2, at=240))

    assert ListCause.SURPRISE is story.lists[before].cause
    assert {M1: "ended", M2: "created"} == {b.meeting_id: b.state.value for b in story.desk.bookings.values()}


def test_an_end_at_the_time_that_we_hold_costs_no_list() -> None:
    story = Story().start(listed(M1)).wait(61)
    before = len(story.lists)

    story.feed(End(device=A, meeting_id=M1, end=after(60)))
    story.wait(1, answering=False)

    assert before == len(story.lists)


def test_a_booking_whose_entry_cannot_be_read_is_not_missing() -> None:
    story = Story().start(listed(M1, at=60), listed(None, own="webex-2", at=180), listed(M2, at=300))
    story.feed(SyncRequired(device=A))
    story.wait(1, answering=False)

    story.feed(BookingsListed(device=A, skipped=2, unread=("webex-1", M1, "webex-2")))

    assert {M1: "created", None: "created", M2: "deleted"} == {
        b.meeting_id: b.state.value for b in story.desk.bookings.values()
    }


def test_a_link_that_is_down_for_another_reason_now_says_the_newer_one() -> None:
    story = Story().start()

    story.feed(LinkDown(device=A, cause="reset"), LinkDown(device=A, cause="user or password are refused (403)"))

    assert "user or password are refused (403)" == story.desk.devices[A].link_cause
    assert [] == story.codes()
