"""Commands whose answers are lost, refused or late: one effect at most, and nothing sent again without asking."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hotdesk_daemon.core.commands import Book, Command, Delete, Edit, Logout
from hotdesk_daemon.core.desk import BookingState, ChangeState, CommandState, Verdict
from hotdesk_daemon.core.ids import CommandId
from hotdesk_daemon.core.inputs import (
    ActiveCalls,
    BookAsked,
    BookingMoved,
    CalendarKind,
    CommandAnswered,
    CommandSending,
    DaemonStarted,
    DeleteAsked,
    Deleted,
    DropAsked,
    EditAsked,
    LinkDown,
    LinkUp,
    ListCause,
    ListedBooking,
    Outcome,
    Personalized,
    RetryAsked,
    SignOutAsked,
    Start,
    TimerFired,
)
from hotdesk_daemon.core.policy import Policy
from tests.core.story import HYBRID, LOCAL, M1, T0, U1, U2, A, Story, after, created, listed, requested

both_calendars = pytest.mark.parametrize("calendar", [LOCAL, HYBRID])
each_order = pytest.mark.parametrize("order", ["book", "edit", "delete", "logout"])


def ordered(order: str, calendar: CalendarKind) -> Story:
    """A desk on which one command of ours has been handed out."""
    if order == "book":
        story = Story(calendar=calendar).start()
        story.feed(BookAsked(booking_request_uuid=U1, start=after(60), duration_min=60))
        return story
    story = Story(calendar=calendar).start(listed(M1, at=0 if order == "logout" else 60))
    if order == "edit":
        story.feed(EditAsked(booking_id=story.booking.booking_id, start=after(120)))
    elif order == "delete":
        story.feed(DeleteAsked(booking_id=story.booking.booking_id))
    else:
        story.feed(Start(device=A, meeting_id=M1), Personalized(device=A, value=True))
        story.wait(1).feed(SignOutAsked(device=A))
    return story


def undone(order: str) -> list[ListedBooking]:
    """What the device lists when the command has not been carried out."""
    return {"book": [], "edit": [listed(M1, at=60)], "delete": [listed(M1, at=60)], "logout": [listed(M1)]}[order]


def done(order: str, calendar: CalendarKind) -> list[ListedBooking]:
    """What the device lists when it has."""
    name = U1 if calendar is LOCAL else M1
    return {"book": [listed(name, at=60)], "edit": [listed(M1, at=120)], "delete": [], "logout": []}[order]


def lose_answer(story: Story) -> None:
    command = story.sending()
    story.feed(CommandAnswered(command_id=command.command_id, outcome=Outcome.UNKNOWN, message="connection lost"))


def only(story: Story) -> str:
    (state,) = story.outbox.values()
    return state


@each_order
@both_calendars
def test_a_lost_answer_is_asked_for_and_an_effect_that_shows_settles_it(order: str, calendar: CalendarKind) -> None:
    story = ordered(order, calendar)

    lose_answer(story)
    assert "unknown" == only(story)
    assert ListCause.LOST_ANSWER is story.lists[-1].cause
    if order == "logout":
        story.feed(Personalized(device=A, value=False))
    story.answer_list(*done(order, calendar))
    story.wait(20)

    assert "done" == only(story)
    assert 1 == len(story.sent)


@pytest.mark.parametrize(
    ("order", "calendar"),
    [("book", LOCAL), ("edit", LOCAL), ("edit", HYBRID), ("delete", LOCAL), ("delete", HYBRID), ("logout", LOCAL)],
)
def test_without_an_effect_it_is_sent_again_after_the_time_in_which_it_might_still_show(
    order: str, calendar: CalendarKind
) -> None:
    story = ordered(order, calendar)
    first = story.sent[0]
    patience = timedelta(seconds=10 if calendar is LOCAL else 310)  # the calendar's own limit, and grace

    lose_answer(story)
    lost_at = story.now
    story.answer_list(*undone(order))
    assert 1 == len(story.sent), "it may be on its way still"
    while len(story.sent) == 1 and story.now < lost_at + 2 * patience:
        story.wait(seconds=1, answering=False)
        if story.desk.sync.listing:
            story.answer_list(*undone(order))

    assert [first, first] == story.sent
    assert patience <= story.now - lost_at <= patience + timedelta(seconds=2)
    assert {"pending"} == {only(story)}
    if order == "logout":
        story.feed(Personalized(device=A, value=False))
    story.sending() if order != "logout" else None
    story.feed(LinkUp(device=A))
    story.answer_list(*done(order, calendar))
    assert "done" == only(story)


def test_a_lost_book_on_a_hybrid_calendar_that_nothing_shows_is_parked() -> None:
    story = ordered("book", HYBRID)

    lose_answer(story)
    story.answer_list()
    story.wait(6)

    assert "parked" == only(story)
    assert 1 == len(story.sent)
    assert BookingState.FAILED is story.wait(20).booking.state


def test_a_lost_book_on_a_hybrid_calendar_is_found_by_its_content_when_one_booking_fits() -> None:
    story = ordered("book", HYBRID)

    lose_answer(story)
    story.answer_list(listed(M1, at=60))

    assert ("done", M1, U1) == (only(story), story.booking.meeting_id, story.booking.booking_request_uuid)


def test_a_lost_book_is_parked_when_two_bookings_fit() -> None:
    story = ordered("book", HYBRID)

    lose_answer(story)
    story.answer_list(listed("one", at=60), listed("two", at=60))
    story.wait(6)

    assert "parked" == only(story)
    assert 1 == len(story.sent)


def test_a_lost_sign_out_is_parked_when_the_next_user_may_be_signed_in() -> None:
    story = ordered("logout", LOCAL)

    lose_answer(story)
    story.answer_list()
    story.wait(5)

    assert "parked" == only(story)
    assert [Logout()] == story.sent


def test_a_lost_edit_is_parked_when_somebody_has_moved_the_booking_since() -> None:
    story = ordered("edit", LOCAL)

    lose_answer(story)
    story.answer_list(listed(M1, at=180))
    story.wait(1)

    assert "parked" == only(story)
    assert 1 == len(story.sent)


def test_after_five_attempts_without_an_answer_a_person_has_to_look() -> None:
    story = ordered("delete", LOCAL)

    for _ in range(5):
        lose_answer(story)
        story.answer_list(*undone("delete"))
        story.wait(1)

    assert 5 == len(story.sent)
    assert "parked" == only(story)


@each_order
@both_calendars
def test_a_restart_while_it_was_being_sent_asks_first(order: str, calendar: CalendarKind) -> None:
    story = ordered(order, calendar)
    story.sending()

    story.feed(DaemonStarted(version="2"))
    assert "unknown" == only(story)
    story.wait(3)
    assert 1 == len(story.sent), "no link, no list: nothing is known"
    story.feed(LinkUp(device=A))
    if order == "logout":
        story.feed(Personalized(device=A, value=False))
    story.answer_list(*done(order, calendar))

    assert "done" == only(story)
    assert 1 == len(story.sent)


@each_order
def test_what_was_waiting_when_we_ended_is_handed_out_anew(order: str) -> None:
    story = ordered(order, LOCAL)
    if order == "logout":
        story.feed(Personalized(device=A, value=True))

    story.feed(DaemonStarted(version="2"))

    assert 2 == len(story.sent)
    assert story.handed[0].command_id == story.handed[1].command_id


@each_order
def test_taken_without_an_effect_is_asked_for_and_parked(order: str) -> None:
    story = ordered(order, LOCAL)
    story.send()
    assert "taken" == only(story)

    story.wait(seconds=10, answering=False)
    assert ListCause.UNANSWERED is story.lists[-1].cause
    story.answer_list(*undone(order))

    assert "parked" == only(story)
    assert 1 == len(story.sent)


def test_taken_on_a_hybrid_calendar_waits_as_long_as_the_device_says() -> None:
    story = Story(calendar=HYBRID)
    story.configure()
    story.feed(LinkUp(device=A, booking_timeout_s=120))
    story.answer_list(listed(M1, at=60))
    story.feed(DeleteAsked(booking_id=story.booking.booking_id))
    story.send()

    story.wait(seconds=129, answering=False)
    assert ListCause.CONNECTED is story.lists[-1].cause
    story.wait(seconds=1, answering=False)
    assert ListCause.UNANSWERED is story.lists[-1].cause


def test_a_taken_command_without_a_link_asks_until_there_is_one() -> None:
    story = ordered("delete", LOCAL)
    story.send()
    story.feed(LinkDown(device=A, cause="reset"))

    story.wait(30)
    assert "taken" == only(story)
    story.feed(LinkUp(device=A))
    story.answer_list()

    assert "done" == only(story)


def test_an_unknown_one_is_parked_at_its_deadline_when_no_list_can_settle_it() -> None:
    story = ordered("delete", LOCAL)
    lose_answer(story)
    story.feed(LinkDown(device=A, cause="reset"))

    story.wait(20)

    assert "parked" == only(story)
    assert "no list could settle it before its deadline" == next(iter(story.desk.commands.values())).message


def test_one_that_could_not_be_sent_before_its_deadline_is_parked() -> None:
    story = ordered("delete", LOCAL)

    story.wait(14)
    assert "pending" == only(story)
    story.wait(1)

    assert "parked" == only(story)
    late = story.feed(CommandSending(command_id=story.handed[0].command_id, device=A, attempt=1))
    assert "the command is parked and no longer to be sent" == late.refusal


def test_while_it_is_being_sent_its_deadline_only_waits() -> None:
    story = ordered("delete", LOCAL)
    story.sending()

    story.wait(15)

    assert "sending" == only(story)


def test_given_up_it_is_parked_for_a_person() -> None:
    story = ordered("delete", LOCAL)
    story.send(Outcome.GAVE_UP, message="not connected")

    assert "parked" == only(story)
    assert "not connected" == next(iter(story.desk.commands.values())).message


def test_an_attempt_that_certainly_did_nothing_leaves_it_pending_for_the_next() -> None:
    story = ordered("delete", LOCAL)
    story.send(Outcome.NOT_DONE, message="not ready")
    assert ("pending", 1) == (only(story), len(story.sent))
    assert "not ready" == next(iter(story.desk.commands.values())).message

    story.sending()

    assert ("sending", 2) == (only(story), next(iter(story.desk.commands.values())).attempts)


def test_what_certainly_was_not_done_is_not_in_doubt_after_a_restart() -> None:
    story = ordered("delete", LOCAL)
    story.send(Outcome.NOT_DONE)

    story.feed(DaemonStarted(version="1"))

    assert "pending" == only(story)


def test_an_attempt_that_outlasted_its_deadline_and_did_nothing_is_the_last() -> None:
    story = ordered("delete", LOCAL)
    command = story.sending()
    story.wait(15)

    story.feed(CommandAnswered(command_id=command.command_id, outcome=Outcome.NOT_DONE))
    story.wait(0)

    assert "parked" == only(story)


def test_the_next_attempt_may_begin_without_word_of_the_last_as_earlier_versions_wrote_it() -> None:
    story = ordered("delete", LOCAL)
    story.sending()

    step = story.feed(CommandSending(command_id=story.handed[0].command_id, device=A, attempt=2))

    assert step.refusal is None
    assert (CommandState.SENDING, 2) == (step.commands[0].state, step.commands[0].attempts)
    assert ["command.tried"] == story.codes()


# --- refused ---------------------------------------------------------------------------------------------------------


def test_a_refused_delete_of_what_is_gone_is_done() -> None:
    story = ordered("delete", LOCAL)

    story.send(Outcome.REFUSED, message="no such booking")
    story.answer_list()

    assert "done" == only(story)
    assert 1 == story.desk.counters.refused


def test_a_refused_command_without_its_effect_is_parked_and_not_repeated() -> None:
    story = ordered("delete", LOCAL)

    story.send(Outcome.REFUSED, message="not allowed")
    story.answer_list(*undone("delete"))
    story.wait(30)

    assert "parked" == only(story)
    assert "not allowed" == next(iter(story.desk.commands.values())).message
    assert 1 == len(story.sent)


def test_a_refused_book_is_a_failed_booking_with_a_reason() -> None:
    story = ordered("book", LOCAL)

    story.send(Outcome.REFUSED, message="busy")
    story.answer_list()

    assert (BookingState.FAILED, "refused") == (story.booking.state, story.booking.end_cause)
    assert "parked" == only(story)
    assert "booking.failed" in story.codes()


def test_a_command_that_the_device_cannot_take_is_refused_before_it_is_sent() -> None:
    story = ordered("delete", LOCAL)

    story.feed(CommandAnswered(command_id=story.handed[0].command_id, outcome=Outcome.REFUSED, message="unknown here"))
    story.answer_list(*undone("delete"))

    assert "parked" == only(story)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_an_answer_to_an_earlier_attempt_changes_nothing(outcome: Outcome) -> None:
    story = ordered("delete", LOCAL)

    story.feed(CommandAnswered(command_id=story.handed[0].command_id, outcome=outcome))

    assert "pending" == only(story)
    assert ["command.late"] == story.codes()


def test_an_answer_after_the_effect_is_late() -> None:
    story = ordered("delete", LOCAL)
    command = story.sending()
    story.feed(Deleted(device=A, meeting_id=M1))

    step = story.feed(CommandAnswered(command_id=command.command_id, outcome=Outcome.ACCEPTED))

    assert ["command.late"] == [reason.code for reason in step.reasons]
    assert "done" == only(story)


# --- a person --------------------------------------------------------------------------------------------------------


def test_a_parked_command_is_retried_with_a_new_deadline() -> None:
    story = ordered("delete", LOCAL)
    story.send(Outcome.GAVE_UP)
    story.wait(60)

    story.feed(RetryAsked(command_id=story.handed[0].command_id))

    assert 2 == len(story.sent)
    assert (story.now + timedelta(seconds=900), 0) == (story.handed[1].deadline, story.handed[1].attempts)
    story.send()
    story.feed(Deleted(device=A, meeting_id=M1))
    assert "done" == only(story)


def test_a_retried_book_asks_for_the_booking_anew() -> None:
    story = ordered("book", LOCAL)
    story.send(Outcome.REFUSED)
    story.answer_list()

    story.feed(RetryAsked(command_id=story.handed[0].command_id))
    assert (BookingState.REQUESTED, None) == (story.booking.state, story.booking.end_cause)
    story.send()
    story.feed(created(U1, uuid=U1, at=60))

    assert (BookingState.CREATED, "done") == (story.booking.state, only(story))


def test_a_dropped_book_is_a_failed_booking() -> None:
    story = ordered("book", LOCAL)
    story.send(Outcome.GAVE_UP)

    story.feed(DropAsked(command_id=story.handed[0].command_id))

    assert (BookingState.FAILED, "dropped") == (story.booking.state, story.booking.end_cause)
    assert "dropped" == only(story)
    assert {} == story.desk.commands


@pytest.mark.parametrize("outcome", [Outcome.GAVE_UP, Outcome.UNKNOWN])
def test_a_dropped_edit_closes_its_change(outcome: Outcome) -> None:
    story = ordered("edit", LOCAL)
    story.send(outcome)

    story.feed(DropAsked(command_id=story.handed[0].command_id))

    assert ChangeState.NONE is story.booking.change
    assert "change.dropped" in story.codes()
    again = story.feed(EditAsked(booking_id=story.booking.booking_id, start=after(180)))
    assert again.refusal is None


def test_a_dropped_title_leaves_another_change_open() -> None:
    story = Story().start(listed(M1, at=60, title="Old"))
    story.feed(EditAsked(booking_id=story.booking.booking_id, title="New"))
    story.feed(EditAsked(booking_id=story.booking.booking_id, start=after(90)))

    story.feed(DropAsked(command_id=story.handed[0].command_id))

    assert ChangeState.EDIT_ASKED is story.booking.change
    assert [Edit(meeting_id=M1, title="New"), Edit(meeting_id=M1, start=after(90), duration_min=60)] == story.sent


def test_only_a_parked_one_can_be_retried_and_one_under_way_not_be_dropped() -> None:
    story = ordered("delete", LOCAL)
    command_id = story.handed[0].command_id

    assert story.feed(RetryAsked(command_id=command_id)).refusal
    story.sending()
    assert story.feed(DropAsked(command_id=command_id)).refusal
    assert "sending" == only(story)


def test_what_is_settled_cannot_be_retried_and_its_answer_is_late() -> None:
    story = Story().start()
    unknown = CommandId("osl-4-014.c1.1")

    assert "no such open command on this desk" == story.feed(RetryAsked(command_id=unknown)).refusal
    assert story.feed(CommandAnswered(command_id=unknown, outcome=Outcome.ACCEPTED)).refusal is None
    assert ["command.late"] == story.codes()


# --- order and aim ---------------------------------------------------------------------------------------------------


def test_one_command_at_a_time_in_the_order_of_their_decision() -> None:
    story = Story().start(listed(M1, at=60), listed("other", at=180))
    first, second = story.desk.bookings

    story.feed(DeleteAsked(booking_id=first), DeleteAsked(booking_id=second))
    assert [Delete(meeting_id=M1)] == story.sent
    story.send()

    assert [Delete(meeting_id=M1), Delete(meeting_id="other")] == story.sent


def test_two_commands_of_one_input_have_ids_of_their_own() -> None:
    story = Story(policy=Policy(max_duration_min=60)).start()
    story.feed(LinkDown(device=A, cause="reset"), LinkUp(device=A))

    story.answer_list(listed(M1, at=0, last=90), listed("other", at=180, last=90))

    assert 2 == len({*story.outbox})
    assert [f"{story.desk.desk_id}.c{story.desk.seq}.{n}" for n in (1, 2)] == list(story.outbox)


def test_a_booking_without_a_meeting_id_is_named_by_the_id_that_a_connected_device_gave_it() -> None:
    story = Story().start(listed(None, own="webex-7", at=60))

    story.feed(DeleteAsked(booking_id=story.booking.booking_id))

    assert [Delete(id="webex-7")] == story.sent
    assert A == story.handed[0].device


def test_an_id_of_another_boot_never_leaves() -> None:
    story = Story().start(listed(None, own="webex-7", at=60))
    story.feed(DeleteAsked(booking_id=story.booking.booking_id))
    old = story.handed[0]
    story.reconnect()
    story.answer_list(listed(None, own="webex-7", at=240), listed(None, own="webex-9", at=60))

    refused = story.feed(CommandSending(command_id=old.command_id, device=A, attempt=1))

    assert "the booking is known by another name now" == refused.refusal
    assert () == refused.effects, "the dispatcher forgets the command only when it hears of that"
    story.wait(seconds=1)
    assert [Delete(id="webex-7"), Delete(id="webex-9")] == story.sent
    assert story.handed[1].command_id == old.command_id


def test_without_an_alias_that_a_connected_device_understands_it_waits() -> None:
    story = Story().start(listed(None, own="webex-7", at=60))
    story.feed(LinkDown(device=A, cause="reset"))

    story.feed(DeleteAsked(booking_id=story.booking.booking_id))
    assert [] == story.sent
    story.feed(LinkUp(device=A))
    assert [] == story.sent
    story.answer_list(listed(None, own="webex-3", at=60))

    assert [Delete(id="webex-3")] == story.sent


@each_order
def test_a_command_of_an_observed_desk_does_not_leave(order: str) -> None:
    story = ordered(order, LOCAL)
    story.stage = story.stage.OBSERVE
    story.configure()

    refused = story.feed(CommandSending(command_id=story.handed[0].command_id, device=A, attempt=1))
    story.wait(seconds=5)

    assert "stage observe: nothing is sent to this desk" == refused.refusal
    assert 1 == len(story.sent)
    story.stage = story.stage.ENFORCE
    story.configure()
    assert 2 == len(story.sent)


# --- settled by the picture ------------------------------------------------------------------------------------------


def test_a_delete_of_what_vanishes_before_it_was_sent_is_done_and_never_sent_again() -> None:
    story = Story(policy=Policy(max_duration_min=60)).start()
    story.feed(LinkDown(device=A, cause="reset"), LinkUp(device=A))
    story.answer_list(listed(M1, at=10, last=90))
    assert Verdict.REJECTED is story.booking.verdict

    story.feed(Deleted(device=A, meeting_id=M1))

    assert "done" == only(story)
    late = story.feed(CommandSending(command_id=story.handed[0].command_id, device=A, attempt=1))
    assert "no such open command on this desk" == late.refusal


def test_an_edit_to_what_somebody_else_brought_about_is_done() -> None:
    story = ordered("edit", LOCAL)

    story.feed(BookingMoved(device=A, meeting_id=M1, start=after(120), duration_min=60))

    assert "done" == only(story)


def test_a_title_is_done_when_the_device_took_it() -> None:
    story = Story().start(listed(M1, at=60, title="Old"))
    story.feed(EditAsked(booking_id=story.booking.booking_id, title="New"))

    assert [Edit(meeting_id=M1, title="New")] == story.sent
    story.send()

    assert "done" == only(story)


def test_a_parked_book_is_done_when_its_booking_comes_after_all() -> None:
    story = ordered("book", HYBRID)
    lose_answer(story)
    story.answer_list()
    story.wait(25)
    assert ("parked", BookingState.FAILED) == (only(story), story.booking.state)

    story.feed(created(M1, uuid=U1, at=60))

    assert ("done", BookingState.CREATED, None) == (only(story), story.booking.state, story.booking.end_cause)


def test_a_sign_out_from_a_device_that_left_the_desk_is_done() -> None:
    story = ordered("logout", LOCAL)

    story.devices = ()
    story.configure()

    assert "done" == only(story)


def test_a_sign_out_that_was_taken_is_done_when_the_device_does_not_say_who_is_there() -> None:
    story = Story()
    story.configure()
    story.feed(LinkUp(device=A))
    story.answer_list()

    story.feed(SignOutAsked(device=A))
    assert [Logout()] == story.sent
    story.send()

    assert "done" == only(story)


def test_what_a_device_said_before_its_link_went_down_does_not_settle_a_sign_out() -> None:
    story = Story().start()
    story.feed(LinkDown(device=A, cause="reset"))

    story.feed(SignOutAsked(device=A))

    assert "pending" == only(story)


def test_a_timer_of_a_settled_command_finds_nothing_to_do() -> None:
    story = ordered("delete", LOCAL)
    key = f"command:{story.handed[0].command_id}"
    story.feed(Deleted(device=A, meeting_id=M1))

    story.wait(15).feed(TimerFired(key=key))

    assert ["timer.void"] == story.codes()


def test_commands_of_one_booking_do_not_settle_those_of_another() -> None:
    story = Story().start(listed(M1, at=60))
    story.feed(BookAsked(booking_request_uuid=U2, start=after(200), duration_min=30))

    story.feed(Deleted(device=A, meeting_id=M1), requested(U2, at=200, last=30), ActiveCalls(device=A, value=0))

    assert "pending" == only(story)
    assert isinstance(story.sent[0], Book)
    assert isinstance(story.sent[0], Command)
    assert T0 == story.now


# --- what comes too late ---------------------------------------------------------------------------------------------


def ask(story: Story, wish: BookAsked | EditAsked, *, held_up_min: float) -> CommandSending:
    """The wish is handed out, and the dispatcher gets to it so much later."""
    story.feed(wish)
    command_id = story.handed[-1].command_id
    story.wait(held_up_min)
    return CommandSending(command_id=command_id, device=A, attempt=1)


@pytest.mark.parametrize(("held_up_min", "outbox"), [(4, "sending"), (5, "dropped")])
def test_a_booking_is_not_made_when_its_time_is_over_before_it_could_be_sent(held_up_min: int, outbox: str) -> None:
    story = Story().start()
    sending = ask(story, BookAsked(booking_request_uuid=U1, start=T0, duration_min=5), held_up_min=held_up_min)

    story.feed(sending)

    assert [outbox] == list(story.outbox.values())
    if outbox == "dropped":
        assert (BookingState.FAILED, "its time was over before it could be sent") == (
            story.booking.state,
            story.booking.end_cause,
        )


def test_a_booking_is_not_moved_to_a_time_that_is_over() -> None:
    story = Story(calendar=HYBRID).start(listed(M1, at=60))
    wish = EditAsked(booking_id=story.booking.booking_id, start=T0, duration_min=2)

    story.feed(ask(story, wish, held_up_min=3))

    assert ["dropped"] == list(story.outbox.values())
    assert (BookingState.CREATED, ChangeState.NONE) == (story.booking.state, story.booking.change)
    story.feed(EditAsked(booking_id=story.booking.booking_id, start=after(120)))
    assert Edit(meeting_id=M1, start=after(120), duration_min=60) == story.sent[-1]


def test_a_booking_that_was_made_and_is_over_is_not_made_again_when_its_answer_is_lost() -> None:
    story = Story().start()
    story.feed(BookAsked(booking_request_uuid=U1, start=T0, duration_min=1))
    lose_answer(story)

    story.feed(LinkDown(device=A, cause="reset"))
    story.wait(3).feed(LinkUp(device=A))
    story.answer_list()
    story.feed(CommandSending(command_id=story.handed[-1].command_id, device=A, attempt=2))

    assert ["dropped"] == list(story.outbox.values())


def test_what_comes_too_late_for_another_attempt_ends_with_the_next() -> None:
    story = Story().start()
    first = ask(story, BookAsked(booking_request_uuid=U1, start=T0, duration_min=5), held_up_min=1)
    story.feed(first)

    story.wait(5).feed(first)
    assert ["pending"] == list(story.outbox.values())
    story.wait(1).feed(first)

    assert ["dropped"] == list(story.outbox.values())
