"""Two recordings held against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from hotdesk_daemon.app.replaying.comparing import compare
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import Entry
from tests.app.replaying.histories import TITLE, in_turn, morning, opened, write_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hotdesk_daemon.app.replaying.comparing import Compared

NAMES = tuple(f"osl-{number}" for number in range(3))
#: The input at which a booking is rejected, and how many there are: not the same, for timed lists are spread.
REJECTED = [next(r.seq for r in morning(name).records if r.commands) for name in NAMES]
LENGTHS = [len(morning(name).records) for name in NAMES]


class Kept:
    """A recording whose entries are in a list, in the order that they stand in there."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.kept = entries

    def desks(self) -> list[DeskId]:
        return sorted({entry.desk_id for entry in self.kept})

    def entries(self, *, desks: Sequence[DeskId] = (), until: Any = None) -> Iterator[Entry]:
        return (entry for entry in self.kept if not desks or entry.desk_id in desks)

    def changed(self, change: Callable[[Entry], Entry | None]) -> Kept:
        return Kept([changed for entry in self.kept if (changed := change(entry)) is not None])


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """The mornings of three desks."""
    records = in_turn(*(morning(name) for name in NAMES))
    with opened(write_journal(tmp_path / "journal.sqlite3", records)) as recording:
        return Kept([entry for entry in recording.entries() if isinstance(entry, Entry)])


def compared(old: Kept, new: Kept, **how: Any) -> list[Compared]:
    return compare(old, new, **how)  # type: ignore[arg-type]  # all that a comparison needs of a recording


def of_input(seq: int, **members: Any) -> Callable[[Entry], Entry]:
    """Change members of an input of the first desk."""

    def change(entry: Entry) -> Entry:
        if (entry.desk_id, entry.seq) != ("osl-0", seq):
            return entry
        return msgspec.structs.replace(entry, input=msgspec.json.encode(msgspec.json.decode(entry.input) | members))

    return change


def test_what_is_the_same_has_no_difference(kept: Kept) -> None:
    found = compared(kept, kept)

    assert [None] * 3 == [one.divergence for one in found]
    assert [(length, 0, 0) for length in LENGTHS] == [(one.common, one.only_old, one.only_new) for one in found]


def test_the_first_input_that_is_another_is_told(kept: Kept) -> None:
    found = compared(kept, kept.changed(of_input(REJECTED[0], duration_min=15)))

    assert [REJECTED[0], None, None] == [one.divergence.seq if one.divergence else None for one in found]
    assert found[0].divergence is not None
    assert [("input/duration_min", 240, 15)] == [(d.path, d.old, d.new) for d in found[0].divergence.differences]
    assert "the two were given other inputs" == found[0].divergence.why


def test_the_first_step_that_is_another_is_told(kept: Kept) -> None:
    def change(entry: Entry) -> Entry:
        return (
            msgspec.structs.replace(entry, reasons=b"[]")
            if entry.seq >= REJECTED[NAMES.index(entry.desk_id)]
            else entry
        )

    found = compared(kept, kept.changed(change))

    assert REJECTED == [one.divergence.seq if one.divergence else None for one in found]
    assert found[0].divergence is not None
    assert "booking.created, booking.rejected, command.decided is missing" == found[0].divergence.why


def test_inputs_are_compared_where_steps_are_not_recorded(kept: Kept) -> None:
    inputs_alone = kept.changed(lambda entry: msgspec.structs.replace(entry, reasons=None, commands=None))
    found = compared(inputs_alone, kept)

    assert [(None, 0)] * 3 == [(one.divergence, one.steps) for one in found]


def test_what_only_one_has_is_counted(kept: Kept) -> None:
    shorter = kept.changed(lambda entry: None if entry.seq <= 4 or entry.seq == 24 else entry)
    found = compared(kept, shorter)

    assert {(5, 0, None)} == {(one.only_old, one.only_new, one.divergence) for one in found}
    assert {(0, 5, None)} == {(one.only_old, one.only_new, one.divergence) for one in compared(shorter, kept)}


def test_desks_may_stand_in_quite_another_order(kept: Kept) -> None:
    turned = Kept(sorted(kept.kept, key=lambda entry: entry.desk_id, reverse=True))
    other = turned.changed(of_input(REJECTED[0], duration_min=15))

    found = compared(kept, other, most_kept=5)

    assert [REJECTED[0], None, None] == [one.divergence.seq if one.divergence else None for one in found]
    assert LENGTHS == [one.common for one in found]


def test_one_may_be_far_behind_the_other(kept: Kept) -> None:
    late = kept.changed(lambda entry: entry if entry.seq > 20 else None)
    found = compared(kept, late, most_kept=5)

    assert {20} == {one.only_old for one in found}


def test_titles_and_persons_may_make_no_difference(kept: Kept) -> None:
    other = kept.changed(of_input(REJECTED[0], title="else", organizer_email="else@example.com"))

    assert [TITLE] == [
        each.old
        for one in compared(kept, other)
        if one.divergence
        for each in one.divergence.differences
        if each.path == "input/title"
    ]
    assert [None] * 3 == [one.divergence for one in compared(kept, other, but_for_persons=True)]


def test_only_the_desks_that_are_named_are_compared(kept: Kept) -> None:
    assert ["osl-1"] == [one.desk for one in compared(kept, kept, desks=[DeskId("osl-1")])]
