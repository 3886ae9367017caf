"""Captures that are as they should be: what comes out is what went in, however it is stored."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from msgspec import Raw

from hotdesk_daemon.captures.errors import CaptureError
from hotdesk_daemon.captures.lines import StateLine, encode_line
from hotdesk_daemon.captures.reading import read_captures
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import Entry, codec
from hotdesk_daemon.journal.entries import read_back
from tests.captures.made import DESK, OTHER, T0, entries, entry, header, put, read, seqs, text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few lines in each block, so that a short capture has many."""
    monkeypatch.setattr("hotdesk_daemon.captures.blocks.BLOCK_BYTES", 700)


def state_line(seq: int) -> bytes:
    state = Desk(desk_id=DESK, seq=seq)
    return encode_line(StateLine(desk=DESK, seq=seq, state=Raw(codec.encode_desk(state)))) + b"\n"


def two_desks(count: int) -> list[Entry]:
    """So many inputs of each of two desks, in turn."""
    return [
        entry(seq, desk=desk, journal_seq=2 * seq + place)
        for seq in range(1, count + 1)
        for place, desk in enumerate((DESK, OTHER))
    ]


@given(first=entries)
def test_any_entry_comes_out_as_it_went_in(tmp_path_factory: pytest.TempPathFactory, first: Entry) -> None:
    path = put(tmp_path_factory.getbasetemp() / "any.jsonl", text(first))

    assert ([first], []) == read(path)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("packed", [False, True])
def test_it_is_gone_through_as_often_as_one_likes(tmp_path: Path, *, packed: bool) -> None:
    given = two_desks(40)
    path = put(tmp_path / "capture", text(*given), packed=packed)
    with read_captures([path]) as captures:
        assert [given, given] == [list(captures.entries()), list(captures.entries())]
        assert captures.header == header()
        assert 1.0 == captures.progress


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("packed", [False, True])
def test_it_is_looked_at_backwards_and_for_single_inputs(tmp_path: Path, *, packed: bool) -> None:
    given = two_desks(40)
    path = put(tmp_path / "capture", text(*given), packed=packed)
    with read_captures([path]) as captures:
        assert [DESK, OTHER] == captures.desks()
        assert [*range(40, 0, -1)] == [record.seq for record in captures.newest(OTHER)]
        assert [12, 11] == [record.seq for record in captures.newest(DESK, until=T0 + timedelta(seconds=12))][:2]
        assert read_back(given[2 * 17 - 1]) == captures.record(OTHER, 17)
        assert [None, None, None] == [
            captures.record(OTHER, 0),
            captures.record(OTHER, 41),
            captures.record(DeskId("nobody"), 1),
        ]


def test_desks_and_a_moment_are_chosen(tmp_path: Path) -> None:
    given = two_desks(5)
    path = put(tmp_path / "capture", text(*given))
    items, _ = read(path, desks=[OTHER], until=T0 + timedelta(seconds=3))

    assert [item for item in given if item.desk_id == OTHER and item.seq <= 3] == items


def test_a_state_stands_before_the_input_that_goes_on_from_it(tmp_path: Path) -> None:
    lines = text(entry(1, desk=OTHER), entry(8, journal_seq=9), entry(9, journal_seq=10)).splitlines(keepends=True)
    path = put(tmp_path / "capture", lines[0], state_line(7), *lines[1:])
    items, told = read(path)

    assert [OTHER, (DESK, 7), DESK, DESK] == [
        (item.desk_id, item.seq) if isinstance(item, Desk) else item.desk_id for item in items
    ]
    assert [] == told
    assert [8, 9] == seqs(read(path, desks=[DESK])[0])


def test_without_steps_nothing_is_recorded_to_compare_with(tmp_path: Path) -> None:
    (found,), _ = read(put(tmp_path / "capture", text(entry(1), head=header(steps=False))))

    assert isinstance(found, Entry)
    assert None is found.reasons


def test_blank_lines_line_ends_and_a_mark_at_the_beginning_are_no_problem(tmp_path: Path) -> None:
    lines = text(entry(1), entry(2)).replace(b"\n", b"\r\n\r\n")

    assert ([entry(1), entry(2)], []) == read(put(tmp_path / "capture", b"\xef\xbb\xbf", lines))


def test_a_capture_in_several_pieces_of_zstd_is_one(tmp_path: Path) -> None:
    first, second = text(entry(1), entry(2)).split(b"\n", 1)
    path = put(tmp_path / "first", first + b"\n", packed=True)
    path.write_bytes(path.read_bytes() + put(tmp_path / "second", second, packed=True).read_bytes())

    assert [1, 2] == seqs(read(path)[0])


def test_times_of_another_zone_are_the_same_moments(tmp_path: Path) -> None:
    lines = text(entry(1)).replace(b'"at":"2026-05-04T08:00:01Z"', b'"at":"2026-05-04T10:00:01+02:00"')

    assert [entry(1)] == read(put(tmp_path / "capture", lines))[0]


def test_members_that_came_later_are_passed_over(tmp_path: Path) -> None:
    lines = text(entry(1)).replace(b'"seq":1,', b'"seq":1,"mood":{"a":[1]},').replace(b'"format"', b'"x":1,"format"')

    assert ([entry(1)], []) == read(put(tmp_path / "capture", lines))


def test_a_long_capture_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = put(tmp_path / "capture", text(*two_desks(count)))
        tracemalloc.start()
        try:
            with read_captures([path]) as captures:
                assert 2 * count == sum(1 for _ in captures.entries())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(8_000) < 1.2 * peak(2_000)


# --- several ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_blocks")
def test_several_captures_of_a_journal_are_one_recording(tmp_path: Path) -> None:
    given = two_desks(40)
    mine = [item for item in given if item.desk_id == DESK]
    paths = [
        put(tmp_path / "all", text(*given[:50])),
        put(tmp_path / "one desk", text(*mine), packed=True),
        put(tmp_path / "late", text(*given[46:], head=header(steps=False))),
    ]
    with read_captures(paths) as captures:
        found = list(captures.entries())
        back = [record.seq for record in captures.newest(DESK)]

    assert given[:50] == found[:50]
    assert [(item.desk_id, item.seq) for item in given] == [(item.desk_id, item.seq) for item in found]
    assert [*range(40, 0, -1)] == back


def test_of_two_copies_the_one_with_the_step_is_taken(tmp_path: Path) -> None:
    bare = put(tmp_path / "bare", text(entry(1, reasons=None, raw=None), head=header(steps=False)))
    whole = put(tmp_path / "whole", text(entry(1)))

    assert [entry(1)] == read(bare, whole)[0]


def test_a_state_between_two_captures_is_only_used_where_they_do_not_meet(tmp_path: Path) -> None:
    def late(first: int) -> Path:
        head, *rest = text(entry(first), entry(first + 1)).splitlines(keepends=True)
        return put(tmp_path / f"from {first}", head, state_line(first - 1), *rest)

    early = put(tmp_path / "early", text(entry(1), entry(2)))

    assert [1, 2, 3, 4] == [item.seq for item in read(early, late(3))[0]]
    assert [1, 2, 6, 7, 8] == [item.seq for item in read(early, late(7))[0]]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"journal": "journal-2"}, "is a capture of another installation: of journal journal-2, but "),
        ({"journal": None}, "cannot be read as one recording"),
        ({"redacted": False}, "is not redacted, unlike "),
        ({"pseudonyms": "key-2"}, "has other pseudonyms than "),
    ],
)
def test_captures_that_do_not_belong_together_are_refused(tmp_path: Path, other: dict[str, object], why: str) -> None:
    first = put(tmp_path / "first", text(entry(1)))
    second = put(tmp_path / "second", text(entry(2), head=header(**other)))
    with pytest.raises(CaptureError) as caught:
        read(first, second)
    items, told = read(first, second, lenient=True)

    assert str(second) in str(caught.value)
    assert str(first) in str(caught.value)
    assert why in str(caught.value)
    assert [1] == seqs(items)
    assert [True] == [why in line for line in told]


def test_two_captures_that_disagree_are_refused(tmp_path: Path) -> None:
    first = put(tmp_path / "first", text(entry(1)))
    second = put(tmp_path / "second", text(entry(1, input=b'{"value":7,"device":"panel"}')))
    with pytest.raises(CaptureError, match="input 1 of desk osl-4-014 is another than"):
        read(first, second)

    assert [entry(1)] == read(first, second, lenient=True)[0]
