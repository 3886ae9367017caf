"""The interaction flows F01–F33, at the level of decisions: what is held, what is sent, and why."""

from __future__ import annotations

import pytest

from hotdesk_daemon.core.commands import Book, Delete, Edit, Logout
from hotdesk_daemon.core.desk import BookingState, ChangeState, LinkState, Origin, SignInState, Verdict
from hotdesk_daemon.core.inputs import (
    ActiveCalls,
    BookAsked,
    BookingFailed,
    BookingMoved,
    CalendarKind,
    CheckedIn,
    DeleteAsked,
    Deleted,
    EditAsked,
    EditFailed,
    EditRequested,
    End,
    EndTimeBuffer,
    ExtensionFailed,
    ExtensionRequested,
    LinkUp,
    ListCause,
    NotificationSnoozed,
    Personalized,
    SignOutAsked,
    Start,
    StartTimeBuffer,
    SyncRequired,
    TimeRemaining,
    Updated,
)
from hotdesk_daemon.core.policy import Policy
from hotdesk_daemon.core.steps import ListBookings, SendCommand
from tests.core.story import HYBRID, LOCAL, M1, T0, U1, A, B, Story, after, created, listed, requested

both_calendars = pytest.mark.parametrize("calendar", [LOCAL, HYBRID])
SHORT = Policy(max_duration_min=120)


def moved(*, at: float, last: int = 60, meeting_id: str = M1) -> BookingMoved:
    return BookingMoved(device=A, meeting_id=meeting_id, start=after(at), duration_min=last)


def held(calendar: CalendarKind, *, policy: Policy = Policy(), at: float = 0, last: int = 60) -> Story:  # noqa: B008
    """A desk with one booking that was there before we came."""
    return Story(calendar=calendar, policy=policy).start(listed(M1, own="webex-1", at=at, last=last))


def in_use(calendar: CalendarKind) -> Story:
    """A desk whose running booking's user is signed in."""
    story = held(calendar)
    story.feed(Start(device=A, meeting_id=M1), Personalized(device=A, value=True))
    return story.wait(1)


# --- calendar synchronisation ----------------------------------------------------------------------------------------


@both_calendars
def test_f01_the_list_replaces_what_is_held_and_until_then_the_desk_is_stale(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar).start(listed("gone", at=60), listed("moved", at=120), listed("same", at=180))
    story.wait(1)

    story.feed(SyncRequired(device=A))

    assert story.desk.is_stale
    assert LinkState.STALE is story.device.link
    assert (ListBookings(device=A, cause=ListCause.SYNC_REQUIRED),) == story.steps[-1].effects

    step = story.list_as(listed("moved", at=150), listed("same", at=180), listed("new", at=240))

    assert not story.desk.is_stale
    assert {"gone": "deleted", "moved": "created", "same": "created", "new": "created"} == {
        b.meeting_id: b.state.value for b in story.desk.bookings.values()
    }
    assert after(150) == next(b.start for b in story.desk.bookings.values() if b.meeting_id == "moved")
    assert {"link.doubted", "list.asked"} == story.root(step)


def test_f01_several_in_a_row_need_one_list_and_one_that_comes_while_it_is_under_way_another() -> None:
    story = Story().start().wait(1)
    before = len(story.lists)

    story.feed(SyncRequired(device=A), SyncRequired(device=A), SyncRequired(device=A))
    assert before + 1 == len(story.lists)
    story.list_as()

    assert story.desk.is_stale, "another doubt came while the list was under way"
    story.wait(seconds=2, answering=False)
    assert before + 2 == len(story.lists)
    story.list_as()
    assert not story.desk.is_stale
    story.wait(seconds=30)
    assert before + 2 == len(story.lists)


@both_calendars
def test_f02_companions_report_the_same_change_and_the_desk_has_one_booking(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar, devices=(A, B), policy=SHORT).start()

    story.feed(
        requested(U1, last=240, device=A),
        requested(U1, last=240, device=B),
        created(M1, uuid=U1, own="webex-4", last=240, device=A),
        created(M1, uuid=U1, own="webex-9", last=240, device=B),
    )

    assert {A: "webex-4", B: "webex-9"} == story.booking.ids
    assert [Delete(meeting_id=M1)] == story.sent, "sent once, by the alias that both understand"


# --- start and end ---------------------------------------------------------------------------------------------------


@both_calendars
def test_f03_and_f04_a_booking_starts_and_ends(calendar: CalendarKind) -> None:
    story = held(calendar, at=30)

    story.wait(30).feed(Start(device=A, meeting_id=M1))
    assert BookingState.STARTED is story.booking.state
    assert ["booking.started"] == story.codes()

    story.wait(60).feed(End(device=A, meeting_id=M1, start=after(30), end=after(90), scheduled_duration_min=60))
    assert BookingState.ENDED is story.booking.state
    assert ["booking.ended"] == story.codes()
    assert [] == story.sent


@both_calendars
def test_f05_informative_events_change_nothing_and_updated_asks_for_a_list(calendar: CalendarKind) -> None:
    story = held(calendar)
    story.feed(Start(device=A, meeting_id=M1))
    before = story.booking

    story.feed(
        TimeRemaining(device=A, meeting_id=M1, id="webex-1", seconds=300),
        StartTimeBuffer(device=A, meeting_id=M1),
        EndTimeBuffer(device=A, meeting_id=M1),
        NotificationSnoozed(device=A, meeting_id=M1),
    )
    assert before == story.booking
    assert [] == story.codes(4)

    story.feed(CheckedIn(device=A, meeting_id=M1))
    assert story.booking.checked_in

    story.wait(1).feed(Updated(device=A))
    assert ListBookings(device=A, cause=ListCause.UPDATED) == story.lists[-1]
    assert story.desk.is_stale


# --- creating --------------------------------------------------------------------------------------------------------


def test_f06_ad_hoc_at_a_local_desk_is_accepted_under_its_meeting_id() -> None:
    story = Story().start()

    story.feed(requested(U1, at=5), created(U1, uuid=U1, own="webex-1", at=5, email="person@example.com"))

    assert BookingState.CREATED is story.booking.state
    assert (U1, U1, {A: "webex-1"}) == (
        story.booking.booking_request_uuid,
        story.booking.meeting_id,
        story.booking.ids,
    )
    assert (Verdict.ACCEPTED, Origin.DEVICE) == (story.booking.verdict, story.booking.origin)
    assert "person@example.com" == story.booking.organizer.email
    assert [] == story.sent


@both_calendars
def test_f06_and_f07_a_created_booking_against_the_rules_is_deleted(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar, policy=SHORT).start()
    meeting_id = U1 if calendar is LOCAL else M1

    story.feed(requested(U1, last=240))
    assert [] == story.sent, "a request is not judged before it is created"
    step = story.feed(created(meeting_id, uuid=U1, last=240))

    assert [Delete(meeting_id=meeting_id)] == story.sent
    assert (Verdict.REJECTED, BookingState.CREATED) == (story.booking.verdict, story.booking.state)
    assert ["booking.created", "booking.rejected", "command.decided"] == [r.code for r in step.reasons]

    story.send()
    assert BookingState.CREATED is story.booking.state, "taken is not deleted"
    done = story.feed(Deleted(device=A, meeting_id=meeting_id, cause="Deleted"))

    assert BookingState.DELETED is story.booking.state
    assert ["done"] == list(story.outbox.values())
    assert {step.desk.seq} == {reason.cause_seq for reason in done.reasons}, "it leads back to what was booked"


def test_f07_ad_hoc_at_a_hybrid_desk_is_confirmed_later() -> None:
    story = Story(calendar=HYBRID).start()

    story.feed(requested(U1))
    assert (BookingState.REQUESTED, None) == (story.booking.state, story.booking.meeting_id)

    story.wait(seconds=45).feed(created(M1, uuid=U1))
    assert (BookingState.CREATED, M1, U1) == (
        story.booking.state,
        story.booking.meeting_id,
        story.booking.booking_request_uuid,
    )


def test_f07_ad_hoc_at_a_hybrid_desk_is_refused_by_the_calendar() -> None:
    story = Story(calendar=HYBRID).start()

    story.feed(requested(U1), BookingFailed(device=A, booking_request_uuid=U1, failure_cause="Decline"))

    assert (BookingState.FAILED, "Decline") == (story.booking.state, story.booking.end_cause)
    assert "not confirmed: Decline" == story.steps[-1].reasons[0].text


@both_calendars
def test_f08_and_f09_from_the_integration_it_is_matched_by_the_uuid_that_we_gave(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar).start()
    meeting_id = U1 if calendar is LOCAL else M1

    asked = story.feed(
        BookAsked(
            booking_request_uuid=U1,
            start=after(10),
            duration_min=30,
            title="Desk",
            organizer_email="person@example.com",
        )
    )
    assert story.booking.booking_id == asked.booking_id
    assert [
        Book(
            booking_request_uuid=U1,
            start=after(10),
            duration_min=30,
            title="Desk",
            organizer_email="person@example.com",
        )
    ] == story.sent
    story.send()
    story.feed(requested(U1, at=10, last=30))
    assert BookingState.REQUESTED is story.booking.state
    done = story.wait(seconds=2 if calendar is LOCAL else 40).feed(created(meeting_id, uuid=U1, at=10, last=30))

    assert (BookingState.CREATED, Origin.INTEGRATION) == (story.booking.state, story.booking.origin)
    assert ["done"] == list(story.outbox.values())
    assert {asked.desk.seq} == {reason.cause_seq for reason in done.reasons}


@both_calendars
def test_f08_and_f09_from_the_integration_it_fails(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar).start()
    story.feed(BookAsked(booking_request_uuid=U1, start=after(10), duration_min=30))
    story.send()

    story.feed(requested(U1), BookingFailed(device=A, booking_request_uuid=U1, failure_cause="Timeout"))

    assert (BookingState.FAILED, "Timeout") == (story.booking.state, story.booking.end_cause)
    assert ["refused"] == list(story.outbox.values())
    assert 1 == len(story.sent)


def test_f10_from_the_calendar_there_is_no_request() -> None:
    story = Story(calendar=HYBRID).start()

    story.feed(created(M1, own="webex-1", at=60))

    assert (BookingState.CREATED, Origin.CALENDAR) == (story.booking.state, story.booking.origin)


# --- deleting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["Deleted", "ManualCheckOut", "NoShow", "SomethingNew"])
@both_calendars
def test_f11_f12_and_f15_deleted_elsewhere(calendar: CalendarKind, cause: str) -> None:
    story = held(calendar)

    story.feed(Deleted(device=A, meeting_id=M1, cause=cause))

    assert (BookingState.DELETED, cause) == (story.booking.state, story.booking.end_cause)
    assert [] == story.sent


@both_calendars
def test_f13_and_f14_deleted_from_the_integration_once_the_event_says_so(calendar: CalendarKind) -> None:
    story = held(calendar)

    asked = story.feed(DeleteAsked(booking_id=story.booking.booking_id))
    assert [Delete(meeting_id=M1)] == story.sent
    story.send()
    assert BookingState.CREATED is story.booking.state or BookingState.STARTED is story.booking.state
    assert ["taken"] == list(story.outbox.values())
    done = story.feed(Deleted(device=A, meeting_id=M1, cause="Deleted"))

    assert BookingState.DELETED is story.booking.state
    assert ["done"] == list(story.outbox.values())
    assert {asked.desk.seq} == {reason.cause_seq for reason in done.reasons}


# --- moving ----------------------------------------------------------------------------------------------------------


@both_calendars
def test_f16_and_f17_an_edit_at_the_device_is_accepted(calendar: CalendarKind) -> None:
    story = held(calendar, at=60)

    story.feed(EditRequested(device=A, meeting_id=M1))
    assert ChangeState.EDIT_ASKED is story.booking.change
    story.feed(moved(at=90))

    assert (ChangeState.NONE, after(90), after(90)) == (
        story.booking.change,
        story.booking.start,
        story.booking.accepted_start,
    )
    assert [] == story.sent


def test_f16_an_edit_at_a_local_desk_against_the_rules_is_put_back() -> None:
    story = held(LOCAL, policy=SHORT, at=60)

    step = story.feed(EditRequested(device=A, meeting_id=M1), moved(at=60, last=240))

    assert [Edit(meeting_id=M1, start=after(60), duration_min=60)] == story.sent
    assert (ChangeState.REVERTING, Verdict.REJECTED) == (story.booking.change, story.booking.verdict)
    assert ["booking.moved", "change.done", "booking.rejected", "booking.reverted", "command.decided"] == [
        r.code for r in step.reasons
    ]

    story.send()
    story.feed(moved(at=60, last=60))
    assert (ChangeState.NONE, Verdict.ACCEPTED, 60) == (
        story.booking.change,
        story.booking.verdict,
        story.booking.duration_min,
    )
    assert ["done"] == list(story.outbox.values())
    assert 1 == len(story.sent)


def test_f17_an_edit_at_a_hybrid_desk_is_refused_by_the_calendar() -> None:
    story = held(HYBRID, at=60)

    story.feed(EditRequested(device=A, meeting_id=M1), EditFailed(device=A, meeting_id=M1, failure_cause="Decline"))

    assert (ChangeState.NONE, after(60)) == (story.booking.change, story.booking.start)
    assert "change.failed" in story.codes()


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
@both_calendars
def test_f18_and_f19_an_edit_from_the_integration(calendar: CalendarKind, announced: bool) -> None:  # noqa: FBT001
    story = held(calendar, at=60)

    story.feed(EditAsked(booking_id=story.booking.booking_id, start=after(120)))
    assert [Edit(meeting_id=M1, start=after(120), duration_min=60)] == story.sent
    assert (ChangeState.EDIT_ASKED, after(60)) == (story.booking.change, story.booking.start)
    story.send()
    if announced:
        story.feed(EditRequested(device=A, meeting_id=M1))
    story.feed(moved(at=120))

    assert (ChangeState.NONE, after(120)) == (story.booking.change, story.booking.start)
    assert ["done"] == list(story.outbox.values())


def test_f19_an_edit_from_the_integration_is_refused_by_the_calendar_and_kept_for_a_person() -> None:
    story = held(HYBRID, at=60)
    story.feed(EditAsked(booking_id=story.booking.booking_id, start=after(120)))
    story.send()

    story.feed(EditRequested(device=A, meeting_id=M1), EditFailed(device=A, meeting_id=M1, failure_cause="HttpError"))

    assert (ChangeState.NONE, after(60)) == (story.booking.change, story.booking.start)
    assert ["parked"] == list(story.outbox.values())


@both_calendars
def test_f20_moved_in_the_calendar(calendar: CalendarKind) -> None:
    story = held(calendar, at=60)

    story.feed(moved(at=120))

    assert (after(120), Verdict.ACCEPTED, ChangeState.NONE) == (
        story.booking.start,
        story.booking.verdict,
        story.booking.change,
    )


@both_calendars
def test_f21_and_f22_an_extension_is_accepted(calendar: CalendarKind) -> None:
    story = held(calendar)

    story.feed(ExtensionRequested(device=A, meeting_id=M1, duration_min=30, new_end=after(90)))
    assert (ChangeState.EXTENSION_ASKED, after(90)) == (story.booking.change, story.booking.change_end)
    story.feed(moved(at=0, last=90))

    assert (ChangeState.NONE, None, 90) == (story.booking.change, story.booking.change_end, story.booking.duration_min)


def test_f21_an_extension_at_a_local_desk_against_the_rules_is_put_back() -> None:
    story = held(LOCAL, policy=Policy(max_duration_min=60))

    story.feed(ExtensionRequested(device=A, meeting_id=M1, new_end=after(90)), moved(at=0, last=90))
    assert [Edit(meeting_id=M1, start=T0, duration_min=60)] == story.sent
    story.send()
    story.feed(moved(at=0, last=60))

    assert (60, ChangeState.NONE) == (story.booking.duration_min, story.booking.change)
    assert ["done"] == list(story.outbox.values())


def test_f22_an_extension_at_a_hybrid_desk_is_refused() -> None:
    story = held(HYBRID)

    story.feed(
        ExtensionRequested(device=A, meeting_id="extra", original_meeting_id=M1, new_end=after(90)),
        ExtensionFailed(device=A, meeting_id=M1, failure_cause="Decline", extension_start=after(60)),
    )

    assert (60, ChangeState.NONE) == (story.booking.duration_min, story.booking.change)


# --- hot desking -----------------------------------------------------------------------------------------------------


@both_calendars
def test_f23_sign_in_first_and_book_then(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar).start()

    story.feed(Personalized(device=A, value=True))
    assert SignInState.UNBOOKED is story.device.sign_in
    booking = story.book_at_device()

    assert SignInState.BOOKED is story.device.sign_in
    assert booking.booking_id == story.device.signed_in_to
    assert story.booking.signed_in


def test_f23_the_calendar_refuses_and_the_user_is_signed_out() -> None:
    story = Story(calendar=HYBRID).start()

    story.feed(Personalized(device=A, value=True), requested(U1))
    story.feed(
        BookingFailed(device=A, booking_request_uuid=U1, failure_cause="Timeout"), Personalized(device=A, value=False)
    )

    assert SignInState.SHARED is story.device.sign_in
    assert BookingState.FAILED is story.booking.state


@both_calendars
def test_f23_we_reject_and_the_user_is_signed_out(calendar: CalendarKind) -> None:
    story = Story(calendar=calendar, policy=SHORT).start()
    story.feed(Personalized(device=A, value=True))
    story.book_at_device(last=240)
    story.send()

    story.feed(Deleted(device=A, meeting_id=story.booking.meeting_id))
    assert SignInState.LEAVING is story.device.sign_in
    story.feed(Personalized(device=A, value=False))

    assert SignInState.SHARED is story.device.sign_in
    assert 1 == len(story.sent), "no sign-out of ours: the device does it"


def test_f24_sign_in_and_cancel_leaves_nothing() -> None:
    story = Story().start()

    story.feed(Personalized(device=A, value=True), Personalized(device=A, value=False))

    assert SignInState.SHARED is story.device.sign_in
    assert {} == story.desk.bookings
    assert ["sign_in.started", "sign_in.ended"] == story.codes(2)


@both_calendars
def test_f25_sign_in_to_a_running_booking_counts_once_it_stays(calendar: CalendarKind) -> None:
    story = held(calendar)
    story.feed(Start(device=A, meeting_id=M1))

    story.feed(Personalized(device=A, value=True))
    assert (SignInState.CHECKING, False) == (story.device.sign_in, story.booking.signed_in)
    story.wait(seconds=15)

    assert (SignInState.BOOKED, True) == (story.device.sign_in, story.booking.signed_in)
    assert {"sign_in.started"} == story.root(story.steps[-1])


def test_f26_a_sign_in_that_fails_says_nothing() -> None:
    story = held(LOCAL)
    story.feed(Start(device=A, meeting_id=M1))

    story.feed(Personalized(device=A, value=False))

    assert [] == story.codes()
    assert BookingState.STARTED is story.booking.state


@both_calendars
def test_f27_a_wrong_user_flickers_and_is_no_check_in(calendar: CalendarKind) -> None:
    story = held(calendar)
    story.feed(Start(device=A, meeting_id=M1))

    story.feed(Personalized(device=A, value=True))
    story.wait(seconds=4).feed(Personalized(device=A, value=False))
    story.wait(minutes=1)

    assert (SignInState.SHARED, False) == (story.device.sign_in, story.booking.signed_in)
    assert BookingState.STARTED is story.booking.state
    assert any("sign_in.wrong_user" == r.code for step in story.steps for r in step.reasons)


@both_calendars
def test_f28_the_booking_ends_and_the_user_is_signed_out(calendar: CalendarKind) -> None:
    story = in_use(calendar)

    story.wait(59).feed(End(device=A, meeting_id=M1))
    assert SignInState.LEAVING is story.device.sign_in
    story.wait(seconds=5).feed(Personalized(device=A, value=False))

    assert SignInState.SHARED is story.device.sign_in
    assert "sign_in.ended" in story.codes()


@both_calendars
def test_f28_in_a_call_the_user_stays_on_until_it_ends(calendar: CalendarKind) -> None:
    story = in_use(calendar)
    story.feed(ActiveCalls(device=A, value=1))

    story.wait(59).feed(End(device=A, meeting_id=M1))
    assert SignInState.STAYING is story.device.sign_in
    story.wait(14)
    assert SignInState.STAYING is story.device.sign_in
    story.feed(ActiveCalls(device=A, value=0))
    assert SignInState.LEAVING is story.device.sign_in
    story.feed(Personalized(device=A, value=False))

    assert SignInState.SHARED is story.device.sign_in
    assert [] == story.sent


@both_calendars
def test_f29_the_booking_is_deleted_while_signed_in(calendar: CalendarKind) -> None:
    story = in_use(calendar)
    story.feed(ActiveCalls(device=A, value=1), DeleteAsked(booking_id=story.booking.booking_id))
    story.send()

    story.feed(Deleted(device=A, meeting_id=M1))
    assert SignInState.STAYING is story.device.sign_in
    story.feed(ActiveCalls(device=A, value=0), Personalized(device=A, value=False))

    assert SignInState.SHARED is story.device.sign_in
    assert [Delete(meeting_id=M1)] == story.sent


@both_calendars
def test_f30_moved_and_still_inside_nothing_more_happens(calendar: CalendarKind) -> None:
    story = in_use(calendar)

    story.feed(moved(at=0, last=90))

    assert (SignInState.BOOKED, BookingState.STARTED) == (story.device.sign_in, story.booking.state)


@both_calendars
def test_f30_moved_away_from_under_the_user(calendar: CalendarKind) -> None:
    story = in_use(calendar)

    story.feed(moved(at=120))
    assert (SignInState.LEAVING, BookingState.CREATED) == (story.device.sign_in, story.booking.state)
    story.feed(Personalized(device=A, value=False))

    assert SignInState.SHARED is story.device.sign_in


@both_calendars
def test_f31_a_local_sign_out_removes_the_booking(calendar: CalendarKind) -> None:
    story = in_use(calendar)

    story.feed(Deleted(device=A, meeting_id=M1, cause="HotdeskSignout"), Personalized(device=A, value=False))

    assert (BookingState.DELETED, "HotdeskSignout") == (story.booking.state, story.booking.end_cause)
    assert SignInState.SHARED is story.device.sign_in


@both_calendars
def test_f32_a_remote_sign_out(calendar: CalendarKind) -> None:
    story = in_use(calendar)

    asked = story.feed(SignOutAsked(device=A))
    assert [Logout()] == story.sent
    story.send()
    deleted = story.feed(Deleted(device=A, meeting_id=M1, cause="SomeCause"))
    done = story.feed(Personalized(device=A, value=False))

    assert (BookingState.DELETED, SignInState.SHARED) == (story.booking.state, story.device.sign_in)
    assert ["done"] == list(story.outbox.values())
    assert asked.desk.seq in {reason.cause_seq for reason in deleted.reasons}
    assert asked.desk.seq in {reason.cause_seq for reason in done.reasons}


def test_f32_during_a_call_only_when_that_was_said() -> None:
    story = in_use(LOCAL)
    story.feed(ActiveCalls(device=A, value=1))

    refused = story.feed(SignOutAsked(device=A))
    assert ("a call is running: signing out would end it", []) == (refused.refusal, story.sent)

    story.feed(SignOutAsked(device=A, even_in_call=True))
    assert [Logout()] == story.sent


@both_calendars
def test_f33_the_organizer_is_not_in_the_organisation(calendar: CalendarKind) -> None:
    story = held(calendar)

    story.feed(Start(device=A, meeting_id=M1), Deleted(device=A, meeting_id=M1, cause="HotdeskOrganizerNotFoundInOrg"))

    assert (BookingState.DELETED, "HotdeskOrganizerNotFoundInOrg") == (story.booking.state, story.booking.end_cause)


def test_a_new_session_is_listed_before_anything_else() -> None:
    story = Story()
    story.configure()

    step = story.feed(LinkUp(device=A))

    assert (ListBookings(device=A, cause=ListCause.CONNECTED),) == step.effects
    assert not any(isinstance(effect, SendCommand) for effect in step.effects)
