"""What people ask us for: taken, refused with a reason, or held already."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hotdesk_daemon.core.commands import Edit
from hotdesk_daemon.core.desk import BookingState, ChangeState
from hotdesk_daemon.core.ids import BookingId
from hotdesk_daemon.core.inputs import (
    BookAsked,
    BookingMoved,
    DeleteAsked,
    Deleted,
    EditAsked,
    EditRequested,
    Input,
    ListCause,
    SyncRequired,
)
from hotdesk_daemon.core.policy import Policy
from tests.core.story import HYBRID, M1, U1, A, Story, after, created, listed, requested


@pytest.mark.parametrize(
    ("start", "minutes", "refusal"),
    [
        (after(60), 0, "duration: 0 min is not within 1–1440"),
        (after(60), 1441, "duration: 1441 min is not within 1–1440"),
        (after(-60), 60, "the booking would be over already"),
        (after(60), 90, "against the rules: maximum duration: 90 min asked, 60 min allowed"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), 60, "start: the year 9999 is not within 1970–2999"),
        (datetime(1, 1, 1, tzinfo=UTC), 60, "start: the year 1 is not within 1970–2999"),
    ],
)
def test_a_booking_that_cannot_be_is_refused_before_anything_is_sent(
    start: datetime, minutes: int, refusal: str
) -> None:
    story = Story(policy=Policy(max_duration_min=60)).start()

    step = story.feed(BookAsked(booking_request_uuid=U1, start=start, duration_min=minutes))

    assert (refusal, None) == (step.refusal, step.booking_id)
    assert ({}, []) == (story.desk.bookings, story.sent)


def test_an_edit_against_the_rules_is_refused_and_a_new_title_is_not() -> None:
    story = Story(policy=Policy(max_duration_min=60)).start(listed(M1, at=60, last=120))
    booking_id = story.booking.booking_id

    refused = story.feed(EditAsked(booking_id=booking_id, duration_min=90))
    assert "against the rules: maximum duration: 90 min asked, 60 min allowed" == refused.refusal
    taken = story.feed(EditAsked(booking_id=booking_id, title="New"))

    assert (None, booking_id) == (taken.refusal, taken.booking_id)
    assert [Edit(meeting_id=M1, title="New")] == story.sent


def test_start_and_duration_travel_together() -> None:
    story = Story().start(listed(M1, at=60))

    story.feed(EditAsked(booking_id=story.booking.booking_id, duration_min=30, title="New"))

    assert [Edit(meeting_id=M1, start=after(60), duration_min=30, title="New")] == story.sent


def test_an_edit_to_what_holds_already_sends_nothing() -> None:
    story = Story().start(listed(M1, at=60))

    step = story.feed(EditAsked(booking_id=story.booking.booking_id, start=after(60), duration_min=60))

    assert (None, []) == (step.refusal, story.sent)
    assert ChangeState.NONE is story.booking.change


def test_a_second_edit_waits_for_the_first() -> None:
    story = Story().start(listed(M1, at=60))
    wish = EditAsked(booking_id=story.booking.booking_id, start=after(90))

    story.feed(wish)

    assert "a change of this booking is open already: edit asked" == story.feed(wish).refusal


@pytest.mark.parametrize("wish", [EditAsked, DeleteAsked])
def test_what_is_not_there_or_over_or_unconfirmed_is_refused(wish: type[EditAsked | DeleteAsked]) -> None:
    story = Story(calendar=HYBRID).start(listed(M1, at=60))
    booking = story.booking.booking_id

    assert "no such booking on this desk" == story.feed(wish(booking_id=BookingId("no"))).refusal
    story.feed(Deleted(device=A, meeting_id=M1))
    assert "the booking is deleted" == story.feed(wish(booking_id=booking)).refusal
    story.feed(requested(U1, at=200))
    unconfirmed = list(story.desk.bookings)[-1]
    assert "the booking is still being confirmed" in str(story.feed(wish(booking_id=unconfirmed)).refusal)
    assert [] == story.sent


def test_a_request_that_has_not_left_us_is_taken_back() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(BookAsked(booking_request_uuid=U1, start=after(60), duration_min=60))

    step = story.feed(DeleteAsked(booking_id=story.booking.booking_id))

    assert step.refusal is None
    assert (BookingState.DELETED, ["dropped"]) == (story.booking.state, list(story.outbox.values()))


def test_a_request_that_has_left_us_must_be_confirmed_first() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(BookAsked(booking_request_uuid=U1, start=after(60), duration_min=60))
    story.send()

    step = story.feed(DeleteAsked(booking_id=story.booking.booking_id))

    assert "the booking is still being confirmed and cannot be deleted yet" == step.refusal
    assert BookingState.REQUESTED is story.booking.state


# --- changes that nobody answers -------------------------------------------------------------------------------------


def edit_at_device() -> Input:
    return EditRequested(device=A, meeting_id=M1)


@pytest.mark.parametrize("is_moved", [False, True])
def test_an_edit_that_is_not_answered_is_listed_and_closed(is_moved: bool) -> None:  # noqa: FBT001
    story = Story(calendar=HYBRID).start(listed(M1, at=60))
    story.feed(edit_at_device())

    story.wait(minutes=5, seconds=10, answering=False)
    assert ListCause.UNANSWERED is story.lists[-1].cause
    assert ChangeState.EDIT_ASKED is story.booking.change
    story.list_as(listed(M1, at=90 if is_moved else 60))

    assert (ChangeState.NONE, after(90 if is_moved else 60)) == (story.booking.change, story.booking.start)


@pytest.mark.parametrize(("at", "change"), [(60, ChangeState.EDIT_ASKED), (90, ChangeState.NONE)])
def test_a_list_in_the_meantime_closes_it_only_when_the_booking_has_moved(at: float, change: ChangeState) -> None:
    story = Story(calendar=HYBRID).start(listed(M1, at=60)).wait(1)
    story.feed(edit_at_device(), SyncRequired(device=A))

    story.list_as(listed(M1, at=at))

    assert change is story.booking.change


def test_a_booking_that_goes_takes_its_open_change_along() -> None:
    story = Story(calendar=HYBRID).start(listed(M1, at=60))
    story.feed(edit_at_device(), Deleted(device=A, meeting_id=M1), edit_at_device())

    assert ChangeState.NONE is story.booking.change
    assert f"change:{story.booking.booking_id}" not in story.desk.timers


def test_told_again_with_other_times_it_keeps_those_it_was_moved_to_and_asks() -> None:
    story = Story().start().wait(1)
    story.feed(created(M1, at=60), BookingMoved(device=A, meeting_id=M1, start=after(90), duration_min=60))

    story.feed(created(M1, at=60, title="Desk", email="person@example.com"))

    assert (after(90), "Desk", "person@example.com") == (
        story.booking.start,
        story.booking.title,
        story.booking.organizer.email,
    )
    assert ListCause.SURPRISE is story.lists[-1].cause
