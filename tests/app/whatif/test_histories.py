"""Histories in which it matters what a difference leaves unknown, and when the rules were asked."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

from hotdesk_daemon.app.whatif import Tally, compare, grouping
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import BookAsked, BookingMoved, EditAsked, PeopleCount, ResyncAsked
from hotdesk_daemon.core.policy import Policy, Stage
from hotdesk_daemon.ops.settings import DeskRules
from tests.app.replaying.histories import History, in_turn, opened, write_journal
from tests.core.story import M1, M2, U1, A, B, after, created, listed

if TYPE_CHECKING:
    from pathlib import Path

HOUR = Policy(max_duration_min=60)


def asked(path: Path, *histories: History, stage: Stage | None = None, lost: range = range(0)) -> Tally:
    """What an hour at most would have changed; records that are *lost* are not in the journal."""
    rules = DeskRules(policy=HOUR, stage=stage, origin="policy")
    journal = write_journal(path / "journal.sqlite3", in_turn(*histories))
    with sqlite3.connect(journal) as database:
        database.executemany("DELETE FROM records WHERE seq = ?", [(seq,) for seq in lost])
    database.close()
    with opened(journal) as recording:
        return compare(recording, lambda _: rules, groups_of=grouping("prefix", tags={}))


def rows(tally: Tally) -> list[tuple[int, str, str, bool]]:
    return [(one.duration_min, one.was.value, one.would_be.value, one.is_certain) for one in tally.differences]


def verdicts(tally: Tally) -> dict[tuple[str, str, bool], int]:
    return {(one.was.value, one.would_be.value, one.is_certain): count for one, count in tally.verdicts.items()}


def observed() -> History:
    """Under rules that are only looked at, a booking of 90 minutes was made and stands."""
    history = History(policy=HOUR, stage=Stage.OBSERVE)
    history.start()
    history.feed(created(M1, at=60, last=90))
    return history


def test_where_a_booking_went_that_would_be_gone_is_unknown_too(tmp_path: Path) -> None:
    history = observed()
    history.feed(BookingMoved(device=A, meeting_id=M1, start=after(600), duration_min=90))
    history.feed(created(M2, at=620, last=75))

    would_be = [(90, "left", "deleted", True), (90, "left", "deleted", False), (75, "left", "deleted", False)]
    assert would_be == rows(asked(tmp_path, history, stage=Stage.ENFORCE))


def test_what_people_want_of_a_booking_that_would_be_gone_is_unknown(tmp_path: Path) -> None:
    history = observed()
    history.feed(EditAsked(booking_id=history.booking.booking_id, start=after(600)))

    found = verdicts(asked(tmp_path, history, stage=Stage.ENFORCE))
    assert {("left", "deleted", True): 1, ("refused", "refused", False): 1} == found


def test_what_settings_let_through_is_judged_by_the_other_rules(tmp_path: Path) -> None:
    """
    An event waits for a list; the settings take the device away that was asked for it, and the event counts at once.
    """
    history = History(devices=(A, B))
    history.start()
    history.feed(ResyncAsked())
    waiting, other = (B, A) if history.desk.sync.listing == A else (A, B)
    history.feed(created(M1, at=60, last=90, device=waiting))
    assert {} == history.desk.bookings
    history.devices = (waiting,)
    history.configure()

    assert [M1] == [booking.meeting_id for booking in history.desk.bookings.values()], other
    assert [(90, "accepted", "deleted", True)] == rows(asked(tmp_path, history))


def test_what_one_list_brings_does_not_follow_from_one_another(tmp_path: Path) -> None:
    history = History()
    history.start()
    history.feed(ResyncAsked())
    history.list_as(listed(M1, at=60, last=90), listed(M2, at=100, last=80))
    history.feed(created("later", at=150, last=70))

    assert [
        (90, "accepted", "deleted", True), (80, "accepted", "deleted", True), (70, "accepted", "deleted", False),
    ] == rows(asked(tmp_path, history))  # fmt: skip


def test_what_stood_before_the_first_look_is_judged_by_nobody(tmp_path: Path) -> None:
    history = History()
    history.start(listed(M1, at=60, last=90))

    assert {} == verdicts(asked(tmp_path, history))


def test_a_wish_that_no_rule_refused_is_none_of_theirs(tmp_path: Path) -> None:
    history = History()
    history.start()
    step = history.feed(BookAsked(booking_request_uuid=U1, start=after(-500), duration_min=90))

    assert "the booking would be over already" == step.refusal
    assert {} == verdicts(asked(tmp_path, history))


def test_times_long_past_are_told_and_do_not_reach_what_comes(tmp_path: Path) -> None:
    history = History()
    history.start()
    history.feed(created(M1, at=60, last=90))
    history.now += timedelta(days=4)
    history.feed(created(M2, at=4 * 1440 + 60, last=90))
    tally = asked(tmp_path, history)

    assert [True, True] == [one.is_certain for one in tally.differences]
    assert [(after(60), after(150)), (after(4 * 1440 + 60), after(4 * 1440 + 150))] == [span for _, span in tally.spans]
    assert timedelta(minutes=180) == tally.desks[0].doubtful


def test_desks_are_counted_by_the_first_part_of_their_names(tmp_path: Path) -> None:
    histories = []
    for name in ("osl-4-014", "osl-4-015", "osl-5-001", "lobby"):
        history = History(desk=Desk(desk_id=DeskId(name)))
        history.start()
        history.feed(created(M1, at=60, last=90))
        histories.append(history)
    tally = asked(tmp_path, *histories)

    assert {"lobby": 1, "osl-4": 2, "osl-5": 1} == {group: count for (group, _), count in sorted(tally.groups.items())}
    assert ["lobby", "osl-4-014", "osl-4-015", "osl-5-001"] == [one.desk for one in tally.desks]


def test_the_time_that_a_booking_would_have_been_put_back_to_is_unknown(tmp_path: Path) -> None:
    history = History()
    history.start()
    history.book_at_device(at=60, last=60)
    history.feed(BookingMoved(device=A, meeting_id=U1, start=after(600), duration_min=90))
    history.feed(created(M1, at=100, last=75), created(M2, at=120 + 75, last=80))

    assert [
        (90, "accepted", "put back", True), (75, "accepted", "deleted", False), (80, "accepted", "deleted", True),
    ] == rows(asked(tmp_path, history))  # fmt: skip


def test_a_history_of_which_parts_are_lost_is_told(tmp_path: Path) -> None:
    history = History()
    history.start()
    history.feed(PeopleCount(device=A, value=1), created(M1, at=60, last=90))
    begins, within = tmp_path / "begins", tmp_path / "within"
    for path in (begins, within):
        path.mkdir()
    without_start = asked(begins, history, lost=range(1, 4))
    without_one = asked(within, history, lost=range(history.desk.seq - 1, history.desk.seq))

    assert {} == verdicts(without_start)
    assert {("accepted", "deleted", True): 1} == verdicts(without_one)
    assert [1, 1] == [one.replayed.gaps for tally in (without_start, without_one) for one in tally.desks]
