"""A wall clock that was set: what is waited for moves with it, what stands in calendars does not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.desk import BookingState, CommandState
from hotdesk_daemon.core.inputs import (
    BookAsked,
    ClockSet,
    DaemonStarted,
    DeleteAsked,
    LinkUp,
    MaintenanceAsked,
    Outcome,
    Personalized,
    Updated,
)
from tests.core.story import M1, U1, A, Story, after, listed

if TYPE_CHECKING:
    from datetime import datetime

DAY_S = 86_400
STEPS = pytest.mark.parametrize("by_s", [3600, -3600, DAY_S, -DAY_S])


def clock_set(story: Story, by_s: int) -> Story:
    story.now += timedelta(seconds=by_s)
    story.feed(ClockSet(by_s=by_s))
    return story


def due(story: Story, key: str) -> datetime:
    return story.desk.timers[key].due


@STEPS
def test_a_list_that_is_wanted_comes_as_soon_as_it_would_have(by_s: int) -> None:
    story = Story().start().wait(1)
    clock_set(story, by_s)
    lists = len(story.lists)
    story.feed(Updated(device=A))
    story.wait(seconds=3)

    assert lists + 1 == len(story.lists)


@STEPS
def test_the_next_timed_list_is_as_far_away_as_before(by_s: int) -> None:
    story = Story().start().wait(1)
    left = due(story, "sync") - story.now
    clock_set(story, by_s)

    assert left == due(story, "sync") - story.now


@STEPS
def test_who_signed_in_settles_after_the_same_time(by_s: int) -> None:
    story = Story().start(listed(at=-1, last=60)).wait(seconds=5)
    story.feed(Personalized(device=A, value=True))
    key = f"settle:{A}"
    left = due(story, key) - story.now
    clock_set(story, by_s)

    assert left == due(story, key) - story.now


@STEPS
def test_a_command_is_given_up_after_the_same_time_and_keeps_its_place(by_s: int) -> None:
    story = Story().start().wait(1)
    story.feed(BookAsked(booking_request_uuid=U1, start=after(60), duration_min=60))
    [before] = story.desk.commands.values()
    left = before.deadline - story.now
    clock_set(story, by_s)
    [held] = story.desk.commands.values()

    assert (CommandState.PENDING, left) == (held.state, held.deadline - story.now)
    assert timedelta(seconds=by_s) == held.decided_at - before.decided_at
    assert due(story, f"command:{held.command_id}") == held.deadline


@STEPS
def test_what_stands_in_calendars_stays_where_it_is(by_s: int) -> None:
    story = Story().start(listed(at=60, last=30)).wait(1)
    story.feed(MaintenanceAsked(until=after(120)))
    [booking] = story.desk.bookings.values()
    watch = due(story, f"watch:{booking.booking_id}")
    clock_set(story, by_s)

    [held] = story.desk.bookings.values()
    assert (BookingState.CREATED, after(60)) == (held.state, held.start)
    assert watch == due(story, f"watch:{booking.booking_id}")
    assert (after(120), after(120)) == (story.desk.maintenance_until, due(story, "maintenance"))


def test_a_desk_that_waits_for_nothing_only_notes_it() -> None:
    story = Story()
    story.configure()
    step = story.feed(ClockSet(by_s=-3600))

    assert ["clock.set"] == [reason.code for reason in step.reasons]
    assert ["the clock was set by -3600 s: what is waited for moves with it"] == [r.text for r in step.reasons]
    assert () == step.effects


@pytest.mark.parametrize("by_s", [-3600, -DAY_S])
def test_a_clock_that_was_set_back_while_nobody_ran_holds_nothing_up(by_s: int) -> None:
    """As on a machine that keeps no time while it is off."""
    story = Story().start(listed(M1, at=60)).wait(1)
    story.feed(DeleteAsked(booking_id=story.booking.booking_id))
    story.send(Outcome.UNKNOWN)
    story.answer_list(listed(M1, at=60))

    story.now += timedelta(seconds=by_s)
    story.feed(DaemonStarted(), LinkUp(device=A))
    story.answer_list(listed(M1, at=60))
    assert not story.desk.is_stale
    story.wait(1)

    assert 2 == len(story.sent), "that it was not done is known after a list of now, and then it is sent again"
    assert due(story, "sync") <= story.now + timedelta(seconds=story.desk.sync_interval_s * 1.1)


def test_a_clock_that_goes_right_again_after_such_a_start_holds_nothing_up_either() -> None:
    story = Story().start(listed(M1, at=60)).wait(1)
    story.now -= timedelta(days=3)
    story.feed(DaemonStarted())
    clock_set(story, 3 * DAY_S)

    story.feed(LinkUp(device=A))

    assert A == story.desk.sync.listing


def test_a_clock_that_nobody_set_moves_nothing_at_a_start() -> None:
    story = Story().start().wait(1)
    before = due(story, "sync")

    step = story.feed(DaemonStarted())

    assert before == due(story, "sync")
    assert "clock.set" not in [reason.code for reason in step.reasons]
