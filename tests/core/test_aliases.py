"""Whatever ids come, they find the booking they mean; and what proves to be one is joined."""

from __future__ import annotations

import pytest

from hotdesk_daemon.core.commands import Delete
from hotdesk_daemon.core.desk import BookingState, Origin, Verdict
from hotdesk_daemon.core.inputs import (
    BookAsked,
    BookingMoved,
    CheckedIn,
    DeleteAsked,
    Deleted,
    End,
    LinkDown,
    LinkUp,
    Personalized,
    Start,
    SyncRequired,
)
from hotdesk_daemon.core.policy import Policy
from tests.core.story import HYBRID, LOCAL, M1, M2, T0, U1, U2, A, B, Story, after, created, listed, requested


def names(story: Story) -> dict[str | None, str]:
    return {b.meeting_id: b.state.value for b in story.desk.bookings.values()}


@pytest.mark.parametrize(
    "event",
    [
        Start(device=A, meeting_id=M1),
        Start(device=A, id="webex-1"),
        Start(device=A, booking_request_uuid=U1),
        Start(device=A, meeting_id=U1),
        Start(device=A, meeting_id=M1, id="webex-unheard-of"),
    ],
    ids=["MeetingId", "Id", "BookingRequestUUID", "the UUID as MeetingId", "MeetingId beside an unknown Id"],
)
def test_any_alias_finds_the_booking(event: Start) -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(requested(U1), created(M1, uuid=U1, own="webex-1"))

    story.feed(event)

    assert BookingState.STARTED is story.booking.state


@pytest.mark.parametrize(("meeting_id", "uuid"), [(M2, None), (None, U2), (M2, U2)])
def test_the_same_id_under_another_meeting_id_or_uuid_is_another_booking(
    meeting_id: str | None, uuid: str | None
) -> None:
    story = Story().start()
    story.feed(requested(U1, at=60), created(M1, uuid=U1, own="webex-1", at=60))

    story.feed(created(meeting_id, uuid=uuid, own="webex-1", at=300))

    assert {M1: "created", meeting_id: "created"} == names(story)


def test_ids_are_forgotten_with_the_session_and_learnt_anew() -> None:
    story = Story().start(listed(None, own="webex-1", at=60), listed(None, own="webex-2", at=180))

    story.reconnect()
    assert [{}, {}] == [b.ids for b in story.desk.bookings.values()]
    story.answer_list(listed(None, own="webex-2", at=60), listed(None, own="webex-1", at=180))
    story.feed(Deleted(device=A, id="webex-1"))

    assert {after(60): "created", after(180): "deleted"} == {
        b.start: b.state.value for b in story.desk.bookings.values()
    }


def test_the_ids_of_companions_are_their_own() -> None:
    story = Story(devices=(A, B)).start()
    story.feed(created(M1, own="webex-1", at=60, device=A), created(M2, own="webex-1", at=180, device=B))

    story.feed(Deleted(device=B, id="webex-1"))

    assert {M1: "created", M2: "deleted"} == names(story)


def test_an_event_without_any_known_id_is_a_surprise_and_asks_for_a_list() -> None:
    story = Story().start().wait(1)
    before = len(story.lists)

    story.feed(
        Start(device=A, meeting_id="?"), End(device=A, id="?"), Deleted(device=A), CheckedIn(device=A, meeting_id="?")
    )

    story.list_as()
    assert before + 1 == len(story.lists)
    assert 4 == story.desk.counters.surprises
    assert {} == story.desk.bookings


def test_a_request_without_a_uuid_is_recognised_by_its_times() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(requested(None, at=60), requested(None, at=180))

    story.feed(created(M1, at=180))

    assert {after(60): "requested", after(180): "created"} == {
        b.start: b.state.value for b in story.desk.bookings.values()
    }


# --- joining ---------------------------------------------------------------------------------------------------------


def test_one_message_that_names_two_joins_them_under_the_id_that_a_person_was_told() -> None:
    story = Story(calendar=HYBRID, policy=Policy(max_duration_min=120)).start()
    asked = story.feed(BookAsked(booking_request_uuid=U1, start=T0, duration_min=60))
    story.send()
    story.wait(1).feed(SyncRequired(device=A))
    story.list_as(listed("x", at=0, last=60), listed(M1, at=0, last=60))
    assert 3 == len(story.desk.bookings), "two entries fit: neither is taken for it"
    other = next(b for b in story.desk.bookings.values() if b.meeting_id == M1)
    story.feed(Personalized(device=A, value=True), CheckedIn(device=A, meeting_id=M1))
    story.feed(DeleteAsked(booking_id=other.booking_id))
    assert other.booking_id in {c.booking_id for c in story.desk.commands.values()}

    story.feed(created(M1, uuid=U1, own="webex-3", at=0, last=60))

    joined = next(b for b in story.desk.bookings.values() if b.meeting_id == M1)
    assert asked.booking_id == joined.booking_id
    assert (U1, Origin.INTEGRATION, BookingState.STARTED) == (
        joined.booking_request_uuid,
        joined.origin,
        joined.state,
    )
    assert (Verdict.ACCEPTED, T0, True) == (joined.verdict, joined.accepted_start, joined.checked_in)
    assert 2 == len(story.desk.bookings)
    assert "booking.joined" in story.codes()
    assert {joined.booking_id} == {c.booking_id for c in story.desk.commands.values()}
    assert f"watch:{joined.booking_id}" in story.desk.timers
    assert not [key for key in story.desk.timers if other.booking_id in key]


def test_who_is_signed_in_to_a_joined_booking_stays_so() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(requested(U1, at=0)).desk  # noqa: B018
    story.wait(1).feed(SyncRequired(device=A))
    story.list_as(listed(M1, at=0, last=30))
    story.feed(Personalized(device=A, value=True))
    story.wait(1)
    joined_id, other_id = story.desk.bookings
    assert other_id == story.device.signed_in_to

    story.feed(created(M1, uuid=U1, at=0, last=30))

    assert joined_id == story.device.signed_in_to
    assert story.booking.signed_in


def test_what_was_accepted_at_other_times_is_judged_again_when_joined() -> None:
    story = Story(calendar=HYBRID, policy=Policy(max_duration_min=60)).start()
    story.feed(BookAsked(booking_request_uuid=U1, start=after(60), duration_min=60))
    story.send()
    # Two devices tell of one booking at times that the person did not ask for; only then of whose request it is.
    story.feed(LinkDown(device=A, cause="reset"), LinkUp(device=A))
    story.feed(BookingMoved(device=A, booking_request_uuid=U1, id="webex-1", start=after(60), duration_min=60))
    story.answer_list(listed(M1, own="webex-2", at=60, last=90))
    story.feed(created(M1, uuid=U1, at=60, last=90))

    joined = next(b for b in story.desk.bookings.values() if b.booking_request_uuid == U1)
    assert M1 == joined.meeting_id
    assert joined.verdict in {Verdict.REJECTED, Verdict.ACCEPTED}


def test_two_meetings_that_once_had_the_same_name_are_not_joined_and_the_named_one_is_meant() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(requested(U1, at=60), created(M1, uuid=U1, at=60), created(M2, at=180), Start(device=A, meeting_id=M1))

    story.feed(Deleted(device=A, booking_request_uuid=U1, meeting_id=M2))

    assert {M1: "started", M2: "deleted"} == names(story)


def test_three_that_are_one_are_joined() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(requested(U1, at=60), created(M1, at=180), created(None, own="webex-1", at=300))

    story.feed(created(M1, uuid=U1, own="webex-1", at=60))

    assert (U1, M1, {A: "webex-1"}) == (
        story.booking.booking_request_uuid,
        story.booking.meeting_id,
        story.booking.ids,
    )


def test_of_two_that_are_over_one_stays() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(requested(U1, at=60), created(M1, at=60))
    story.feed(Deleted(device=A, meeting_id=M1), Deleted(device=A, booking_request_uuid=U1))

    story.feed(Deleted(device=A, booking_request_uuid=U1, meeting_id=M1))

    assert BookingState.DELETED is story.booking.state


# --- by content ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "fits"),
    [
        (listed(M1, at=60), True),
        (listed(M1, at=60.5), True),
        (listed(M1, at=60, title="Desk", email="Person@Example.com"), True),
        (listed(M1, at=62), False),
        (listed(M1, at=60, last=59), False),
        (listed(M1, at=60, title="Other"), False),
        (listed(M1, at=60, email="person2@example.com"), False),
    ],
    ids=["times", "within a minute", "all", "other start", "other duration", "other title", "other organizer"],
)
def test_a_request_of_ours_is_found_by_its_content(entry: listed, fits: bool) -> None:  # type: ignore[valid-type]  # noqa: FBT001
    story = Story(calendar=HYBRID).start()
    story.feed(
        BookAsked(
            booking_request_uuid=U1,
            start=after(60),
            duration_min=60,
            title="Desk",
            organizer_email="person@example.com",
        )
    )
    story.send()
    story.wait(1).feed(SyncRequired(device=A))

    story.list_as(entry)

    assert (1 if fits else 2) == len(story.desk.bookings)


def test_a_request_that_has_never_left_us_is_in_no_list() -> None:
    story = Story(calendar=HYBRID).start()
    story.feed(BookAsked(booking_request_uuid=U1, start=after(60), duration_min=60))
    story.wait(1).feed(SyncRequired(device=A))

    story.list_as(listed(M1, at=60))

    assert 2 == len(story.desk.bookings)
    assert ["pending"] == list(story.outbox.values())


def test_a_local_list_names_requests_by_their_uuid_and_content_proves_nothing() -> None:
    story = Story(calendar=LOCAL).start()
    story.feed(requested(U1, at=60)).desk  # noqa: B018
    story.wait(seconds=30).feed(SyncRequired(device=A))

    story.list_as(listed("somebody else's", at=60))

    assert 2 == len(story.desk.bookings)


def test_a_local_list_without_meeting_ids_is_matched_by_content() -> None:
    story = Story(calendar=LOCAL).start()
    story.feed(requested(U1, at=60)).desk  # noqa: B018
    story.wait(seconds=30).feed(SyncRequired(device=A))

    story.list_as(listed(None, own="webex-1", at=60))

    assert BookingState.CREATED is story.booking.state


def test_asked_twice_under_one_uuid_is_one_wish() -> None:
    story = Story().start(listed(U2, at=300))
    wish = BookAsked(booking_request_uuid=U1, start=after(60), duration_min=60)

    first, second = story.feed(wish), story.feed(wish)
    assert first.booking_id == second.booking_id
    assert 1 == len(story.sent)

    third = story.feed(BookAsked(booking_request_uuid=U2, start=after(300), duration_min=60))
    assert list(story.desk.bookings)[0] == third.booking_id  # noqa: RUF015
    assert 1 == len(story.sent)


# --- one MeetingId for all occurrences of a recurring meeting ---------------------------------------------------------

DAILY = tuple(listed(M1, own=f"webex-{day}", at=60 + day * 1440, last=30) for day in range(3))


def series() -> Story:
    story = Story(calendar=HYBRID).start(*DAILY)
    story.feed(SyncRequired(device=A))
    story.wait(1, answering=False).answer_list(*DAILY)
    return story


def starts(story: Story) -> dict[str, float]:
    return {b.booking_id: (b.start - T0).total_seconds() / 60 for b in story.desk.bookings.values() if not b.is_over}


def test_occurrences_that_share_a_meeting_id_stay_apart_over_lists_and_sessions() -> None:
    story = series()
    before = starts(story)

    story.reconnect().answer_list(*(listed(M1, own=f"again-{k}", at=60 + k * 1440, last=30) for k in (2, 1, 0)))

    assert [60, 60 + 1440, 60 + 2 * 1440] == list(before.values())
    assert before == starts(story)


@pytest.mark.parametrize("own", ["webex-1", None])
def test_an_event_is_about_the_occurrence_with_its_id_else_about_the_first(own: str | None) -> None:
    story = series()

    story.feed(Deleted(device=A, meeting_id=M1, id=own))

    first, second, third = starts(series()).items()
    assert dict([first, third] if own else [second, third]) == starts(story)


def test_an_occurrence_nobody_knows_is_not_taken_for_another() -> None:
    story = series()

    story.feed(created(M1, own="webex-9", at=60 + 3 * 1440, last=30), Deleted(device=A, meeting_id=M1, id="webex-8"))

    assert [60, 60 + 1440, 60 + 2 * 1440, 60 + 3 * 1440] == list(starts(story).values())


def test_a_companion_tells_of_the_same_occurrence_by_its_start() -> None:
    story = Story(calendar=HYBRID, devices=(A, B)).start(*DAILY)

    story.feed(created(M1, own="b-7", at=60 + 1440, last=30, device=B))

    assert 3 == len(starts(story))


def test_one_occurrence_is_deleted_by_its_id() -> None:
    story = series()

    story.feed(DeleteAsked(booking_id=list(story.desk.bookings)[1]))

    assert [Delete(id="webex-1")] == story.sent


def test_what_a_list_shows_twice_is_one_booking() -> None:
    story = Story(calendar=HYBRID).start(*DAILY, DAILY[0])

    assert 3 == len(starts(story))


def test_two_entries_under_one_id_are_two_bookings() -> None:
    story = Story().start(listed(None, own="webex-1"), listed(None, own="webex-1", at=60))

    assert [0, 60] == list(starts(story).values())
