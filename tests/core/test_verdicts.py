"""The rules on bookings and changes, and how far we go to enforce them."""

from __future__ import annotations

import pytest

from hotdesk_daemon.core.commands import Delete, Edit
from hotdesk_daemon.core.desk import ChangeState, Verdict
from hotdesk_daemon.core.inputs import (
    BookAsked,
    BookingMoved,
    CommandAnswered,
    CommandSending,
    DeleteAsked,
    Deleted,
    EditAsked,
    EditFailed,
    EditRequested,
    ExtensionFailed,
    ExtensionRequested,
    Outcome,
    SyncRequired,
)
from hotdesk_daemon.core.policy import Policy, Stage
from hotdesk_daemon.core.verdicts import MAX_REVERTS
from tests.core.story import HYBRID, M1, U1, A, Story, after, created, listed

HOUR = Policy(max_duration_min=60)


def moved(*, last: int, at: float = 60) -> BookingMoved:
    return BookingMoved(device=A, meeting_id=M1, start=after(at), duration_min=last)


def held() -> Story:
    return Story(policy=HOUR).start(listed(M1, at=60))


def test_observed_nothing_is_sent_whatever_the_rules_say() -> None:
    story = Story(policy=HOUR, stage=Stage.OBSERVE).start(listed(M1, at=60))

    story.feed(moved(last=90), created("new", at=300, last=120))
    booking = next(iter(story.desk.bookings))
    refusals = [
        story.feed(wish).refusal
        for wish in (
            DeleteAsked(booking_id=booking),
            EditAsked(booking_id=booking, start=after(120)),
            BookAsked(booking_request_uuid=U1, start=after(10), duration_min=10),
        )
    ]
    story.wait(60)

    assert ["stage observe: nothing is sent to this desk"] * 3 == refusals
    assert [Verdict.REJECTED] * 2 == [b.verdict for b in story.desk.bookings.values()]
    assert ["maximum duration: 120 min asked, 60 min allowed"] == [
        b.verdict_why for b in story.desk.bookings.values() if b.meeting_id == "new"
    ]
    assert [] == story.sent


def test_a_device_that_moves_it_again_and_again_is_not_fought_for_ever() -> None:
    story = held()

    for _ in range(MAX_REVERTS):
        story.feed(moved(last=90))
        story.send()
        story.feed(moved(last=60))
    story.feed(moved(last=90))

    assert MAX_REVERTS == len(story.sent)
    assert (Verdict.REJECTED, ChangeState.NONE, 90) == (
        story.booking.verdict,
        story.booking.change,
        story.booking.duration_min,
    )
    assert "change.given_up" in story.codes()


def test_the_same_move_told_twice_is_put_back_once() -> None:
    story = held()

    story.feed(moved(last=90), moved(last=90))

    assert [Edit(meeting_id=M1, start=after(60), duration_min=60)] == story.sent
    assert ChangeState.REVERTING is story.booking.change


def test_moved_on_to_times_that_are_allowed_it_is_left_there() -> None:
    story = held()
    story.feed(moved(last=90))

    story.feed(moved(last=30))

    assert (Verdict.ACCEPTED, ChangeState.NONE, 30) == (
        story.booking.verdict,
        story.booking.change,
        story.booking.accepted_duration_min,
    )
    assert ["dropped"] == list(story.outbox.values())
    assert "change.closed" in story.codes()


def test_a_rejected_booking_that_is_made_to_fit_before_its_deletion_left_is_kept() -> None:
    story = Story(policy=HOUR).start()
    story.feed(created(M1, at=60, last=120))
    deletion = story.handed[-1]

    story.feed(moved(last=60))
    sending = story.feed(CommandSending(command_id=deletion.command_id, device=A, attempt=1))

    assert ["dropped"] == list(story.outbox.values())
    assert (Verdict.ACCEPTED, 60) == (story.booking.verdict, story.booking.accepted_duration_min)
    assert "no such open command on this desk" == sending.refusal


@pytest.mark.parametrize(("is_sent", "outbox"), [(False, ["dropped", "pending"]), (True, ["pending"])])
def test_what_a_person_wants_deleted_too_does_not_depend_on_the_rules_any_more(
    *, is_sent: bool, outbox: list[str]
) -> None:
    story = Story(policy=HOUR).start()
    story.feed(created(M1, at=60, last=120))
    if is_sent:
        story.sending()
    story.feed(DeleteAsked(booking_id=story.booking.booking_id))
    if is_sent:
        story.feed(CommandAnswered(command_id=story.handed[-1].command_id, outcome=Outcome.NOT_DONE))

    story.policy = Policy()
    story.configure()

    assert outbox == list(story.outbox.values())
    assert [False] == [command.by_rule for command in story.desk.commands.values()]


@pytest.mark.parametrize(("late_min", "sent"), [(59, [Delete(meeting_id=M1)]), (60, [])])
def test_a_booking_that_is_heard_of_when_it_is_over_is_not_deleted(late_min: int, sent: list[Delete]) -> None:
    story = Story(calendar=HYBRID, policy=Policy(max_duration_min=30)).start().wait(late_min)

    story.feed(created(M1, at=0, last=60))

    assert sent == story.sent


def test_a_rejected_booking_is_judged_by_its_new_times() -> None:
    story = Story(policy=HOUR, stage=Stage.OBSERVE).start()
    story.feed(created(M1, at=60, last=120), moved(last=180))

    assert "maximum duration: 180 min asked, 60 min allowed" == story.booking.verdict_why


def test_another_title_that_a_person_asked_for_is_not_given_up_with_our_putting_back() -> None:
    story = held()
    story.feed(EditAsked(booking_id=story.booking.booking_id, title="Focus"), moved(last=90), moved(last=30))

    assert ["pending", "dropped"] == list(story.outbox.values())


def test_moved_on_while_we_put_it_back_what_is_on_its_way_is_let_go() -> None:
    story = held()
    story.feed(moved(last=90))
    story.sending()

    story.feed(moved(last=30))

    assert ["sending"] == list(story.outbox.values())
    assert ChangeState.NONE is story.booking.change


def test_while_we_put_it_back_other_changes_are_noted_and_wishes_refused() -> None:
    story = held()
    story.feed(moved(last=90))

    story.feed(
        EditRequested(device=A, meeting_id=M1),
        ExtensionRequested(device=A, meeting_id=M1),
        ExtensionFailed(device=A, meeting_id=M1),
    )
    assert ChangeState.REVERTING is story.booking.change
    refused = story.feed(EditAsked(booking_id=story.booking.booking_id, start=after(120)))

    assert "a change of this booking is open already: reverting" == refused.refusal


def test_old_times_that_cannot_be_put_back_are_left_to_a_person() -> None:
    story = held()
    story.feed(moved(last=90))
    story.send()

    story.feed(EditFailed(device=A, meeting_id=M1, failure_cause="Decline"))

    assert (ChangeState.NONE, Verdict.REJECTED) == (story.booking.change, story.booking.verdict)
    assert ["parked"] == list(story.outbox.values())


@pytest.mark.parametrize(("last", "change"), [(60, ChangeState.NONE), (90, ChangeState.REVERTING)])
def test_a_list_tells_whether_the_old_times_are_back(last: int, change: ChangeState) -> None:
    story = held()
    story.feed(moved(last=90))
    story.send()
    story.wait(seconds=5).feed(SyncRequired(device=A))

    story.list_as(listed(M1, at=60, last=last))

    assert change is story.booking.change


def test_a_rejected_booking_that_a_person_deletes_is_deleted_once() -> None:
    story = Story(policy=HOUR).start()
    story.feed(created(M1, at=60, last=90))
    (by_rule,) = story.handed

    story.feed(*[DeleteAsked(booking_id=story.booking.booking_id)] * 2)

    assert ["dropped", "pending"] == list(story.outbox.values())
    assert "a person asks: a deletion is under way already" == story.steps[-1].reasons[0].text
    assert story.feed(CommandSending(command_id=by_rule.command_id, device=A, attempt=1)).refusal


def test_rejected_and_asked_for_deletion_already_no_second_one_is_sent() -> None:
    story = Story(policy=HOUR).start().wait(1)
    story.feed(SyncRequired(device=A))
    story.list_as()
    story.feed(SyncRequired(device=A), created(M1, at=60, last=90))
    assert Verdict.UNDECIDED is story.booking.verdict
    story.feed(DeleteAsked(booking_id=story.booking.booking_id))
    story.wait(seconds=3)

    assert Verdict.REJECTED is story.booking.verdict
    assert [Delete(meeting_id=M1)] == story.sent


def test_a_rejected_booking_that_is_gone_before_we_send_is_let_go() -> None:
    story = Story(policy=HOUR).start()
    story.feed(created(M1, at=60, last=90), Deleted(device=A, meeting_id=M1))

    assert ["done"] == list(story.outbox.values())


def test_new_rules_are_for_what_comes_after() -> None:
    story = Story().start()
    story.feed(created(M1, at=60, last=240))

    story.policy = HOUR
    story.configure()
    assert [] == story.sent
    story.feed(created("new", at=400, last=240))

    assert [Delete(meeting_id="new")] == story.sent


def test_a_move_while_we_only_look_is_judged_and_left() -> None:
    story = Story(calendar=HYBRID, policy=HOUR, stage=Stage.OBSERVE).start(listed(M1, at=60))

    story.feed(moved(last=90))

    assert (Verdict.REJECTED, ChangeState.NONE) == (story.booking.verdict, story.booking.change)


def test_refused_by_the_device_the_old_times_are_parked() -> None:
    story = held()
    story.feed(moved(last=90))
    story.send(Outcome.REFUSED)

    story.answer_list(listed(M1, at=60, last=90))

    assert ["parked"] == list(story.outbox.values())
    assert ChangeState.REVERTING is story.booking.change
