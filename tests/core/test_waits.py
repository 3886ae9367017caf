"""A wall clock that was set: what is waited for moves with it, what stands in calendars does not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.desk import BookingState, CommandState
from hotdesk_daemon.core.inputs import BookAsked, ClockSet, MaintenanceAsked, Personalized, Updated
from tests.core.story import U1, A, Story, after, listed

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
