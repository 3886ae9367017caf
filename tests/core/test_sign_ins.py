"""Who is signed in to what, as far as `Personalized` and the bookings tell."""

from __future__ import annotations

import pytest

from hotdesk_daemon.core.commands import Logout
from hotdesk_daemon.core.desk import SignInState
from hotdesk_daemon.core.inputs import (
    ActiveCalls,
    BookingMoved,
    CommandSending,
    DaemonStarted,
    Deleted,
    End,
    LinkDown,
    LinkUp,
    ListCause,
    Personalized,
    SignOutAsked,
    Start,
    SyncRequired,
    SystemState,
)
from hotdesk_daemon.core.policy import Stage
from tests.core.story import M1, M2, A, B, Story, after, created, listed

ON, OFF, UNSAID = (Personalized(device=A, value=value) for value in (True, False, None))


def in_use() -> Story:
    story = Story().start(listed(M1))
    story.feed(Start(device=A, meeting_id=M1), ON)
    return story.wait(1)


def test_a_booking_whose_start_event_is_late_counts_as_running() -> None:
    story = Story().start(listed(M1, at=1))

    story.wait(seconds=5).feed(ON)

    assert SignInState.CHECKING is story.device.sign_in


def test_a_started_booking_that_should_long_be_over_still_runs_until_it_ends() -> None:
    story = Story().start(listed(M1, last=10))
    story.feed(Start(device=A, meeting_id=M1))

    story.wait(10.5).feed(ON)

    assert SignInState.CHECKING is story.device.sign_in


def test_said_again_it_is_no_news() -> None:
    story = in_use()

    story.feed(ON)
    assert [] == story.codes()
    story.feed(OFF, OFF)

    assert [] == story.codes()
    assert SignInState.SHARED is story.device.sign_in


def test_a_device_that_does_not_say_is_unknown() -> None:
    story = in_use()

    story.feed(UNSAID)

    assert (SignInState.UNKNOWN, None) == (story.device.sign_in, story.device.signed_in_to)


@pytest.mark.parametrize(
    "lost", [LinkDown(device=A, cause="reset"), DaemonStarted(version="2")], ids=["link", "daemon"]
)
def test_after_a_gap_the_same_user_is_there_as_before(lost: LinkDown | DaemonStarted) -> None:
    story = in_use()

    story.feed(lost)
    assert SignInState.UNKNOWN is story.device.sign_in
    story.feed(LinkUp(device=A), ON)

    assert SignInState.BOOKED is story.device.sign_in
    assert "someone is signed in: as before" in [reason.text for reason in story.steps[-1].reasons]


def test_nobody_after_a_gap_is_nobody() -> None:
    story = in_use()

    story.feed(LinkDown(device=A, cause="reset"), LinkUp(device=A), OFF)

    assert SignInState.SHARED is story.device.sign_in
    assert "sign_in.none" in story.codes()


def test_while_the_device_checks_a_booking_that_is_not_theirs_changes_nothing() -> None:
    story = Story().start(listed(M1))
    story.feed(Start(device=A, meeting_id=M1), ON, created(M2, at=300))

    assert SignInState.CHECKING is story.device.sign_in


def test_while_the_device_checks_the_booking_goes_and_the_user_has_none() -> None:
    story = Story().start(listed(M1))
    story.feed(Start(device=A, meeting_id=M1), ON, Deleted(device=A, meeting_id=M1))

    assert SignInState.UNBOOKED is story.device.sign_in
    assert "settle:osl-4-014-a" not in story.desk.timers


def test_while_the_device_checks_the_booking_gives_way_to_the_next() -> None:
    story = Story().start(listed(M1), listed(M2, last=120))
    story.feed(Start(device=A, meeting_id=M1), Start(device=A, meeting_id=M2), ON)

    story.feed(Deleted(device=A, meeting_id=story.desk.bookings[story.device.signed_in_to].meeting_id))  # type: ignore[index]

    assert SignInState.BOOKED is story.device.sign_in


@pytest.mark.parametrize("in_call", [False, True], ids=["leaving", "staying"])
def test_a_user_whose_booking_is_over_gets_the_next_that_runs(in_call: bool) -> None:  # noqa: FBT001
    story = in_use()
    story.feed(ActiveCalls(device=A, value=int(in_call)), End(device=A, meeting_id=M1))
    assert (SignInState.STAYING if in_call else SignInState.LEAVING) is story.device.sign_in

    story.feed(created(M2, at=1))

    assert SignInState.BOOKED is story.device.sign_in
    assert "leave:osl-4-014-a" not in story.desk.timers


def test_the_next_booking_follows_at_once() -> None:
    story = Story().start(listed(M1), listed(M2, at=0, last=120))
    story.feed(Start(device=A, meeting_id=M1), Start(device=A, meeting_id=M2), ON)
    story.wait(1)

    story.feed(End(device=A, meeting_id=M1), End(device=A, meeting_id="?"))

    assert SignInState.BOOKED is story.device.sign_in


def test_a_call_that_begins_while_leaving_keeps_the_user() -> None:
    story = in_use()
    story.feed(End(device=A, meeting_id=M1))

    story.feed(ActiveCalls(device=A, value=0))
    assert SignInState.LEAVING is story.device.sign_in
    story.feed(SystemState(device=A, value="InCall"))
    assert SignInState.STAYING is story.device.sign_in
    story.feed(SystemState(device=A, value="InCall"))
    assert SignInState.STAYING is story.device.sign_in
    story.wait(60)
    assert SignInState.STAYING is story.device.sign_in
    story.feed(SystemState(device=A, value="Initialized"))

    assert SignInState.LEAVING is story.device.sign_in


def test_somebody_who_is_not_signed_out_is_said_to_overstay_and_looked_at_again() -> None:
    story = in_use()
    story.feed(End(device=A, meeting_id=M1))

    story.wait(2, answering=False)

    assert (SignInState.UNBOOKED, None) == (story.device.sign_in, story.device.signed_in_to)
    assert ListCause.UNANSWERED is story.lists[-1].cause
    assert "sign_in.overstayed" in story.codes()


def test_a_list_tells_that_the_booking_does_not_run_any_more() -> None:
    story = in_use()
    story.feed(SyncRequired(device=A))

    story.list_as()

    assert SignInState.LEAVING is story.device.sign_in


def test_companions_have_sign_ins_of_their_own() -> None:
    story = Story(devices=(A, B)).start(listed(M1))
    story.feed(Start(device=A, meeting_id=M1), Personalized(device=B, value=True))

    assert {A: SignInState.SHARED, B: SignInState.CHECKING} == {
        d.device_id: d.sign_in for d in story.desk.devices.values()
    }


def test_a_booking_may_be_signed_in_to_on_two_devices() -> None:
    story = Story(devices=(A, B)).start(listed(M1))
    story.feed(Start(device=A, meeting_id=M1), ON, Personalized(device=B, value=True))

    story.wait(1)

    assert {SignInState.BOOKED} == {d.sign_in for d in story.desk.devices.values()}
    assert story.booking.signed_in


def test_a_booking_moved_out_from_under_a_sign_in_that_is_being_checked() -> None:
    story = Story().start(listed(M1))
    story.feed(Start(device=A, meeting_id=M1), ON)

    story.feed(BookingMoved(device=A, meeting_id=M1, start=after(300), duration_min=60))

    assert SignInState.UNBOOKED is story.device.sign_in


# --- signing out -----------------------------------------------------------------------------------------------------


def test_nobody_cannot_be_signed_out() -> None:
    story = Story().start()

    assert "nobody is signed in" == story.feed(SignOutAsked(device=A)).refusal
    assert "nobody is signed in" == story.feed(SignOutAsked()).refusal
    assert [] == story.sent


def test_only_a_device_of_the_desk_can_be_asked() -> None:
    story = Story().start()

    assert "no such device on this desk" == story.feed(SignOutAsked(device=B)).refusal


def test_a_desk_without_devices_can_sign_nobody_out() -> None:
    story = Story(devices=())
    story.configure()

    assert "no such device on this desk" == story.feed(SignOutAsked()).refusal


def test_one_sign_out_at_a_time() -> None:
    story = in_use()

    story.feed(SignOutAsked(device=A), SignOutAsked(device=A))

    assert [Logout()] == story.sent
    assert 1 == len(story.outbox)


def test_without_a_device_named_whoever_is_signed_in_is_signed_out() -> None:
    story = Story(devices=(A, B)).start()
    story.feed(Personalized(device=B, value=True))

    story.feed(SignOutAsked())

    assert [B] == [command.device for command in story.handed]


def test_a_call_on_one_device_keeps_all_from_being_signed_out() -> None:
    story = Story(devices=(A, B)).start()
    story.feed(ON, Personalized(device=B, value=True), ActiveCalls(device=B, value=1))

    assert "a call is running: signing out would end it" == story.feed(SignOutAsked()).refusal
    assert {} == story.outbox

    story.feed(SignOutAsked(even_in_call=True))

    assert 2 == len(story.outbox)


@pytest.mark.parametrize(
    ("even_in_call", "refusal", "outbox"),
    [(False, "a call is running: signing out would end it", ["dropped"]), (True, None, ["sending"])],
)
def test_a_call_that_began_before_the_sign_out_left_is_ended_only_if_they_said_so(
    *, even_in_call: bool, refusal: str | None, outbox: list[str]
) -> None:
    story = in_use()
    story.feed(SignOutAsked(even_in_call=even_in_call))
    (command,) = story.handed

    story.feed(ActiveCalls(device=A, value=1))
    step = story.feed(CommandSending(command_id=command.command_id, device=A, attempt=1))

    assert refusal == step.refusal
    assert outbox == list(story.outbox.values())


def test_a_sign_out_that_would_end_a_call_can_be_asked_for_again_after_it() -> None:
    story = in_use()
    story.feed(SignOutAsked(), ActiveCalls(device=A, value=1))
    (command,) = story.handed
    story.feed(CommandSending(command_id=command.command_id, device=A, attempt=1))

    assert ["dropped"] == list(story.outbox.values())
    story.wait(5).feed(ActiveCalls(device=A, value=0), SignOutAsked())

    assert [Logout(), Logout()] == story.sent


def test_an_observed_desk_signs_nobody_out() -> None:
    story = Story(stage=Stage.OBSERVE).start()
    story.feed(ON)

    assert "stage observe: nothing is sent to this desk" == story.feed(SignOutAsked()).refusal
    assert [] == story.sent
