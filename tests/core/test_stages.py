"""What each stage lets the daemon do, and maintenance, which is none for a while."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hotdesk_daemon.core.commands import AlertDisplay, Delete
from hotdesk_daemon.core.desk import ChangeState, CommandState, Verdict
from hotdesk_daemon.core.inputs import (
    BookAsked,
    BookingMoved,
    CommandSending,
    DaemonStarted,
    DeleteAsked,
    LinkUp,
    MaintenanceAsked,
    Outcome,
    SignOutAsked,
    TimerFired,
)
from hotdesk_daemon.core.policy import Policy, Stage
from tests.core.story import M1, U1, A, Story, after, created, listed

HOUR = Policy(max_duration_min=60)
TOO_LONG = "maximum duration: 120 min asked, 60 min allowed"


def at(stage: Stage) -> Story:
    return Story(policy=HOUR, stage=stage).start(listed(M1, at=60))


@pytest.mark.parametrize("stage", [Stage.OFF, Stage.OBSERVE])
def test_nothing_is_sent_before_people_are_to_notice(stage: Stage) -> None:
    story = at(stage)

    story.feed(
        created("new", at=300, last=120), BookingMoved(device=A, meeting_id=M1, start=after(60), duration_min=90)
    )
    refusal = story.feed(BookAsked(booking_request_uuid=U1, start=after(10), duration_min=10)).refusal
    story.wait(60)

    assert f"stage {stage}: nothing is sent to this desk" == refusal
    assert [] == story.sent


def test_switched_off_the_rules_judge_nothing() -> None:
    story = at(Stage.OFF)

    story.feed(created("new", at=300, last=120))

    assert [Verdict.ACCEPTED] * 2 == [booking.verdict for booking in story.desk.bookings.values()]


@pytest.mark.parametrize("stage", [Stage.OFF, Stage.OBSERVE, Stage.WARN])
def test_what_the_rules_decided_does_not_leave_at_a_stage_that_does_not_enforce_them(stage: Stage) -> None:
    story = at(Stage.ENFORCE)
    story.feed(
        created("new", at=300, last=120), BookingMoved(device=A, meeting_id=M1, start=after(60), duration_min=90)
    )

    story.stage = stage
    story.configure()
    story.stage = Stage.ENFORCE
    story.configure()

    assert ["dropped", "dropped"] == list(story.outbox.values())
    told = {
        command.message for step in story.steps for command in step.commands if command.state is CommandState.DROPPED
    }
    assert {"the rules no longer ask for it"} == told
    assert {(Verdict.REJECTED, ChangeState.NONE)} == {(b.verdict, b.change) for b in story.desk.bookings.values()}


def test_mended_rules_take_back_what_was_wrong_and_has_not_left() -> None:
    story = at(Stage.ENFORCE)
    story.feed(
        created("new", at=300, last=120),
        BookingMoved(device=A, meeting_id=M1, start=after(60), duration_min=90),
        created("far too long", at=600, last=600),
    )

    story.policy = Policy(max_duration_min=240)
    story.configure()

    assert ["dropped", "dropped", "pending"] == list(story.outbox.values())
    assert [(Verdict.ACCEPTED, ChangeState.NONE)] * 2 + [(Verdict.REJECTED, ChangeState.NONE)] == [
        (b.verdict, b.change) for b in story.desk.bookings.values()
    ]


def test_a_deletion_whose_answer_was_lost_is_not_sent_again_by_rules_that_were_mended() -> None:
    story = at(Stage.ENFORCE)
    story.feed(created("new", at=300, last=120))
    story.send(Outcome.UNKNOWN)

    story.policy = Policy(max_duration_min=240)
    story.configure()
    for _ in range(2):
        story.answer_list(listed(M1, at=60), listed("new", at=300, last=120))
        story.wait(0.5, answering=False)

    assert 1 == len(story.sent)
    assert ["dropped"] == list(story.outbox.values())


def test_a_warning_that_is_no_longer_true_is_not_shown() -> None:
    story = at(Stage.WARN)
    story.feed(created("new", at=300, last=120))

    story.policy = Policy(max_duration_min=240)
    story.configure()

    assert ["dropped"] == list(story.outbox.values())


def test_what_was_let_pass_stays_when_the_rules_are_switched_on() -> None:
    story = at(Stage.OFF)
    story.feed(created("new", at=300, last=120))

    story.stage = Stage.ENFORCE
    story.configure()
    story.wait(60)

    assert [] == story.sent


def test_warned_people_are_told_and_keep_their_booking() -> None:
    story = at(Stage.WARN)

    story.feed(created("new", at=300, last=120))
    sent = story.send()
    story.wait(60)

    assert AlertDisplay(title="Desk booking", text=f"Not allowed here: {TOO_LONG}", duration_s=60) == sent.command
    assert sent.by_rule
    assert [AlertDisplay] == [type(command) for command in story.sent]
    assert {} == story.desk.commands
    assert [Verdict.ACCEPTED, Verdict.REJECTED] == [booking.verdict for booking in story.desk.bookings.values()]


def test_warned_of_a_move_it_is_not_put_back() -> None:
    story = at(Stage.WARN)

    story.feed(BookingMoved(device=A, meeting_id=M1, start=after(60), duration_min=120))
    story.send()

    assert [AlertDisplay] == [type(command) for command in story.sent]
    assert 120 == story.booking.duration_min


def test_at_stage_warn_people_may_ask_for_anything() -> None:
    story = at(Stage.WARN)

    story.feed(DeleteAsked(booking_id=story.booking.booking_id))

    assert isinstance(story.send().command, Delete)


@pytest.mark.parametrize(
    ("outcome", "state", "text"),
    [
        (Outcome.UNKNOWN, CommandState.DONE, "it may have been shown: not shown again"),
        (Outcome.REFUSED, CommandState.REFUSED, "the device refused it: no"),
        (Outcome.GAVE_UP, CommandState.DROPPED, "too late to be shown"),
    ],
)
def test_a_warning_that_fails_is_not_repeated_and_waits_for_nobody(
    outcome: Outcome, state: CommandState, text: str
) -> None:
    story = at(Stage.WARN)
    story.feed(created("new", at=300, last=120))

    story.send(outcome, message="no")

    step = story.steps[-1]
    assert [state] == [command.state for command in step.commands]
    assert text in [reason.text for reason in step.reasons]
    assert {} == story.desk.commands
    assert 1 == len(story.sent)


def test_a_warning_that_could_not_be_shown_in_time_is_dropped() -> None:
    story = at(Stage.WARN)
    story.feed(created("new", at=300, last=120))

    story.wait(3)

    assert {} == story.desk.commands
    assert ["dropped"] == [*story.outbox.values()]


# --- maintenance -----------------------------------------------------------------------------------------------------


def test_during_maintenance_a_desk_is_left_alone() -> None:
    story = at(Stage.ENFORCE)

    story.feed(MaintenanceAsked(until=after(120)), created("new", at=300, last=120))
    refusals = [
        story.feed(wish).refusal
        for wish in (
            BookAsked(booking_request_uuid=U1, start=after(10), duration_min=10),
            DeleteAsked(booking_id=next(iter(story.desk.bookings))),
        )
    ]

    assert ["maintenance until 2026-05-04 10:00 UTC: nothing is sent to this desk"] * 2 == refusals
    assert [] == story.sent
    assert "desk.maintenance" in story.codes(last=4)


def test_maintenance_ends_by_itself_and_what_was_made_meanwhile_stays() -> None:
    story = at(Stage.ENFORCE)
    story.feed(MaintenanceAsked(until=after(120)), created("new", at=300, last=120))

    story.wait(121)
    story.feed(created("later", at=500, last=120))

    assert story.desk.maintenance_until is None
    assert "desk.maintenance_over" in story.codes(last=99)
    assert [TOO_LONG] == [b.verdict_why for b in story.desk.bookings.values() if b.verdict is Verdict.REJECTED]
    assert isinstance(story.send().command, Delete)


def test_a_command_that_was_decided_before_waits_for_the_end_of_the_maintenance() -> None:
    story = at(Stage.ENFORCE)
    story.feed(created("new", at=300, last=120))
    waiting = story.handed[-1]

    story.feed(MaintenanceAsked(until=after(5)))
    refused = story.feed(CommandSending(command_id=waiting.command_id, device=A, attempt=1))
    story.wait(6)

    assert "maintenance until 2026-05-04 08:05 UTC: nothing is sent to this desk" == refused.refusal
    assert isinstance(story.send().command, Delete)


def test_a_person_ends_maintenance_early() -> None:
    story = at(Stage.ENFORCE)
    story.feed(MaintenanceAsked(until=after(120)))

    ended = story.feed(MaintenanceAsked())
    again = story.feed(MaintenanceAsked())

    assert ended.refusal is None
    assert "no maintenance is going on" == again.refusal
    assert "maintenance" not in story.desk.timers


def test_maintenance_that_is_asked_for_anew_lasts_until_the_newer_moment() -> None:
    story = at(Stage.ENFORCE)
    story.feed(MaintenanceAsked(until=after(5)), MaintenanceAsked(until=after(60)))

    story.wait(6)
    early = story.desk.maintenance_until
    story.wait(55)

    assert after(60) == early
    assert story.desk.maintenance_until is None


def test_maintenance_in_the_past_is_refused() -> None:
    story = at(Stage.ENFORCE)

    refused = story.feed(MaintenanceAsked(until=story.now - timedelta(minutes=1)))

    assert "the maintenance would be over already" == refused.refusal
    assert story.desk.maintenance_until is None


def test_maintenance_lasts_over_a_restart() -> None:
    story = at(Stage.ENFORCE)
    story.feed(MaintenanceAsked(until=after(60)), DaemonStarted(version="2"), LinkUp(device=A))

    refused = story.feed(SignOutAsked())

    assert after(60) == story.desk.maintenance_until
    assert "nothing is sent to this desk" in str(refused.refusal)


def test_the_end_of_a_maintenance_that_is_over_means_nothing() -> None:
    story = at(Stage.ENFORCE)

    step = story.feed(TimerFired(key="maintenance"))

    assert ["timer.void"] == [reason.code for reason in step.reasons]
