"""Captures that are not as they should be: said with the line, and what can be used is used when that is asked for."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from hotdesk_daemon.captures.blocks import LONGEST_LINE
from hotdesk_daemon.captures.errors import CaptureError
from hotdesk_daemon.captures.reading import read_captures
from hotdesk_daemon.core.ids import DeskId
from tests.captures.made import OTHER, T0, entry, header, put, read, seqs, text

if TYPE_CHECKING:
    from pathlib import Path

HEAD, ONE, TWO, THREE, END = text(entry(1), entry(2), entry(3)).splitlines(keepends=True)
MIB: Final = 1 << 20


class Bad(NamedTuple):
    """A capture, what is said of it, the line that is named, and what a lenient reading finds in it."""

    data: bytes
    line: int | None
    said: str
    used: list[int]


BAD: Final = {
    "no end": Bad(HEAD + ONE + TWO, 3, "ends here without an end line", [1, 2]),
    "cut in a line": Bad(HEAD + ONE + TWO[:-20], 3, "the last line is not whole", [1]),
    "header alone": Bad(HEAD, 1, "ends here without an end line", []),
    "no header": Bad(ONE + TWO + b'{"type":"end","inputs":2}\n', 1, "the header is missing", [1, 2]),
    "swapped": Bad(HEAD + ONE + THREE + TWO + END, 3, "input 2 of desk osl-4-014 missing before 3", [1, 3]),
    "again": Bad(HEAD + ONE + TWO + TWO + THREE + END, 4, "lines are out of order", [1, 2, 3]),
    "again later in the journal": Bad(
        text(entry(1), entry(2), entry(2, journal_seq=3)), 4, "input 2 of desk osl-4-014 stands behind 2", [1, 2]
    ),
    "journal out of order": Bad(
        text(entry(1, journal_seq=5), entry(1, desk=OTHER, journal_seq=4)), 3, "4 of the journal stands behind 5", [1]
    ),
    "gap": Bad(text(entry(1), entry(5)), 3, "inputs 2 to 4 of desk osl-4-014 missing before 5", [1, 5]),
    "count": Bad(text(entry(1), end=7), 3, "the end line counts 7 inputs, but 1 stand above", [1]),
    "behind the end": Bad(HEAD + ONE + b'{"type":"end","inputs":1}\n' + TWO, 4, "stands behind the end", [1, 2]),
    "two headers": Bad(text(entry(1)) + text(entry(2)), 4, "a second header: captures are not joined", [1, 2]),
    "versions mixed": Bad(
        text(entry(1)) + text(entry(2), head=header(version=2)), 4, "a second header of format 2", [1, 2]
    ),
    "newer": Bad(text(entry(1), head=header(version=3)), 1, "written by format 3; this version reads up to 1", [1]),
    "header not understood": Bad(
        HEAD.replace(b'"steps":true', b'"steps":"yes"') + ONE + b'{"type":"end","inputs":1}\n',
        1,
        "the header cannot be understood",
        [1],
    ),
    "a header that is no UTF-8": Bad(
        HEAD.replace(b'"software":"', b'"software":"\xe9') + ONE + b'{"type":"end","inputs":1}\n',
        1,
        "the header cannot be understood",
        [1],
    ),
    "no UTF-8": Bad(HEAD + ONE + TWO.replace(b"people", b"p\xe9ople") + END, 3, "is no UTF-8 text", [1]),
    "no UTF-8 where nobody looks": Bad(
        HEAD + ONE + TWO.replace(b'"device":"panel"}', b'"device":"p\xe9nel"}') + END, 3, "is no UTF-8 text", [1]
    ),
    "no JSON": Bad(HEAD + ONE + b"Traceback (most recent call last):\n" + TWO + END, 3, "is no JSON", [1, 2]),
    "another object": Bad(HEAD + b'{"level":"info"}\n' + ONE, 2, "is no line of a capture", [1]),
    "a member of another type": Bad(HEAD + ONE.replace(b'"seq":1', b'"seq":"1"'), 2, "$.seq", []),
    "a number out of bounds": Bad(HEAD + ONE.replace(b'"seq":1', b'"seq":0'), 2, "$.seq", []),
    "a time without a zone": Bad(HEAD + ONE.replace(b"01Z", b"01"), 2, "$.at", []),
    "a year that no daemon lived in": Bad(
        HEAD + ONE + TWO.replace(b"2026-", b"0001-").replace(b'Z","mono"', b'+14:00","mono"') + END,
        3,
        "is of the year 1, which no daemon lived in",
        [1],
    ),
    "two on a line": Bad(HEAD + ONE[:-1] + TWO + THREE, 2, "is no JSON", [3]),
    "nested without end": Bad(HEAD + ONE + b"[" * MIB + b"\n" + TWO + END, 3, "is no line of a capture", [1, 2]),
    "nested in an input": Bad(
        HEAD + ONE.replace(b'"input":{', b'"input":{"a":' + b"[" * MIB), 2, "is nested too deeply", []
    ),
    "a state of somebody else": Bad(
        HEAD + b'{"type":"state","desk":"osl-4-014","seq":0,"state":{"kinds":{},"desk":{"desk_id":"x"}}}\n' + ONE,
        2,
        "is the state of desk x after input 0",
        [1],
    ),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_with_its_line_and_the_rest_is_used_when_asked_for(
    tmp_path: Path, name: str, *, packed: bool
) -> None:
    bad = BAD[name]
    path = put(tmp_path / "capture", bad.data, packed=packed)
    with pytest.raises(CaptureError) as caught:
        read(path)
    items, told = read(path, lenient=True)

    assert (str(path), bad.line) == (caught.value.file, caught.value.line)
    assert bad.said in str(caught.value)
    assert "--lenient" in str(caught.value)
    assert bad.used == seqs(items)
    assert f"{path}:{bad.line}: " in told[0]
    assert bad.said in told[0]


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n" * 100, "is no capture: its first line is no header"),
        (b"hello\nworld\n", "is no capture: its first line is no header"),
        (b"\x00" * MIB * 2, "is no capture: its first line is no header"),
        (b'{"type":"header","format":"other","version":1}\n', "is no capture: its first line says it is 'other'"),
        (b'[{"type":"header"}]', "is no capture"),
        (b"SQLite format 3\x00 and so on", "is a database, perhaps a journal"),
        (b"\x1f\x8b\x08 and so on", "is compressed with gzip"),
        (b"\xff\xfe{\x00", "is UTF-16 text"),
        (b"\x28\xb5\x2f\xfd and so on", "is damaged"),
    ],
)
def test_what_is_no_capture_is_refused_in_any_case(tmp_path: Path, data: bytes, said: str, *, lenient: bool) -> None:
    path = put(tmp_path / "capture", data)
    with pytest.raises(CaptureError) as caught:
        read(path, lenient=lenient)

    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_what_cannot_be_opened_is_refused_with_the_reason(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "nothing", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(CaptureError, match=why):
            read(path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_of_a_gigabyte_is_never_held(tmp_path: Path, *, packed: bool) -> None:
    path = tmp_path / "capture"
    if packed:
        size = 1 << 28
        put(path, HEAD, ONE, b" " * size, b"\n", TWO, END, packed=True)
    else:
        size = 1 << 30
        with path.open("wb") as file:
            file.write(HEAD + ONE)
            file.seek(size, 1)  # a hole, which takes no room on the disk
            file.write(b"\n" + TWO + END)
    tracemalloc.start()
    try:
        items, told = read(path, lenient=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [1, 2] == seqs(items)
    assert f"{path}:3: is longer than 32 MiB: no line of a capture is" == told[0]
    assert peak < 3 * LONGEST_LINE
    with pytest.raises(CaptureError, match=":3: is longer than 32 MiB"):
        read(path)


def test_a_frame_that_was_cut_is_used_up_to_there(tmp_path: Path) -> None:
    many = [entry(seq) for seq in range(1, 20_001)]
    path = put(tmp_path / "capture", text(*many), packed=True)
    path.write_bytes(path.read_bytes()[:-5_000])
    with pytest.raises(CaptureError, match=r"the last line is not whole|ends here without an end line"):
        read(path)
    items, told = read(path, lenient=True)

    assert many[: len(items)] == items
    assert 1_000 < len(items) < 20_000
    assert "without an end line" in told[-1]


def test_damage_is_noticed_and_what_stands_before_it_is_used(tmp_path: Path) -> None:
    many = [entry(seq) for seq in range(1, 20_001)]
    path = put(tmp_path / "capture", text(*many), packed=True)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # the checksum
    path.write_bytes(data)
    with pytest.raises(CaptureError, match="is damaged behind here"):
        read(path)
    items, told = read(path, lenient=True)

    assert many[: len(items)] == items
    assert 1_000 < len(items)
    assert "is damaged behind here" in told[0]
    with read_captures([path], lenient=True) as captures:
        assert len(items) == sum(1 for _ in captures.newest(many[0].desk_id))


def test_what_is_met_often_is_told_a_few_times_and_counted(tmp_path: Path) -> None:
    path = put(tmp_path / "capture", HEAD, b"?\n" * 1000, ONE, b'{"type":"end","inputs":1}\n')
    items, told = read(path, lenient=True)

    assert [1] == seqs(items)
    assert [f"{path}:{line}: is no JSON" for line in (2, 3, 4)] == [line.rsplit(": ", 2)[0] for line in told[:3]]
    assert ["no JSON: 997 more, 1000 in all"] == told[3:]


def test_a_name_cannot_command_the_terminal(tmp_path: Path) -> None:
    evil = DeskId("\x1b[2J\u202edesk")
    path = put(tmp_path / "capture", text(entry(1, desk=evil), entry(9, desk=evil)))

    assert "inputs 2 to 8 of desk ·[2J·desk missing before 9" in read(path, lenient=True)[1][0]


def test_each_going_through_counts_anew(tmp_path: Path) -> None:
    path = put(tmp_path / "capture", HEAD, b"?\n", ONE, b'{"type":"end","inputs":1}\n')
    with read_captures([path], lenient=True) as captures:
        counts = [(len(list(captures.entries())), dict(captures.problems.counts)) for _ in range(2)]

    assert [(1, {"no JSON": 1})] * 2 == counts


# --- what is odd and no fault ----------------------------------------------------------------------------------------


def test_a_clock_that_was_set_back_is_told_and_no_fault(tmp_path: Path) -> None:
    path = put(tmp_path / "capture", text(entry(1), entry(2, at=T0 - timedelta(hours=1)), entry(3)))
    items, told = read(path)

    assert [1, 2, 3] == seqs(items)
    assert [f"{path}:3: the clock of desk osl-4-014 was set back by 3601 s before input 2"] == told


def test_a_line_of_a_type_that_came_later_is_told_and_no_fault(tmp_path: Path) -> None:
    path = put(tmp_path / "capture", HEAD, ONE, b'{"type":"weather","sun":true}\n', TWO, THREE, END)
    items, told = read(path)

    assert [1, 2, 3] == seqs(items)
    assert [f"{path}:3: lines of type 'weather' are not known to this version, and passed over"] == told


def test_a_beginning_without_its_state_is_told_and_no_fault(tmp_path: Path) -> None:
    path = put(tmp_path / "capture", text(entry(7), entry(8)))
    items, told = read(path)

    assert [7, 8] == seqs(items)
    assert ["desk osl-4-014 begins at input 7 without the state before it"] == [
        line.split(": ", 1)[1].rsplit(":", 1)[0] for line in told
    ]


def test_a_state_that_is_not_understood_is_told_and_no_fault(tmp_path: Path) -> None:
    state = b'{"type":"state","desk":"osl-4-014","seq":6,"state":{"of another":"version"}}\n'
    first, *rest = text(entry(7)).splitlines(keepends=True)
    items, told = read(put(tmp_path / "capture", first, state, *rest))

    assert [7] == seqs(items)
    assert 2 == len(told)
    assert "the state of desk osl-4-014 is not understood, so that nothing can be compared" in told[0]


def test_where_only_some_kinds_were_asked_for_nothing_is_missing(tmp_path: Path) -> None:
    path = put(tmp_path / "capture", text(entry(2), entry(9), head=header(kinds=("PeopleCount",))))

    assert (2, []) == (len(read(path)[0]), read(path)[1])
