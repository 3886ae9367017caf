"""Writing captures: whole or not there, never larger than allowed, readable while they grow."""

from __future__ import annotations

import io
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.captures.errors import CaptureError, UnwritableError
from hotdesk_daemon.captures.reading import read_captures
from hotdesk_daemon.captures.writing import CaptureWriter, capture_file
from hotdesk_daemon.core.desk import Desk, Held
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import Start
from hotdesk_daemon.journal import Entry, JournalRefusedError
from hotdesk_daemon.journal.entries import read_back
from tests.captures.made import DESK, HEADER, entry, put, read, seqs

if TYPE_CHECKING:
    from pathlib import Path


def written(*entries: Entry, packed: bool = False, max_bytes: int | None = None) -> tuple[bytes, CaptureWriter]:
    """What is written of them, until there is no room."""
    sink = io.BytesIO()
    writer = CaptureWriter(sink, HEADER, packed=packed, max_bytes=max_bytes)
    is_whole = all(writer.write(one) for one in entries)
    writer.end(cut=None if is_whole else "size")
    return sink.getvalue(), writer


@pytest.mark.parametrize("live", [False, True])
def test_a_file_is_for_its_owner_only(tmp_path: Path, *, live: bool) -> None:
    path = tmp_path / "capture"
    with capture_file(path, live=live) as file:
        file.write(b"x")

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == [*tmp_path.iterdir()]
    assert b"x" == path.read_bytes()


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    with capture_file(path) as file:
        file.write(b"x")
        file.flush()

        assert not path.exists()
    with pytest.raises(ZeroDivisionError), capture_file(tmp_path / "other") as file:
        file.write(b"x" * (1 // 0))

    assert [path] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("live", [False, True])
def test_a_file_that_is_there_is_kept_unless_told_otherwise(tmp_path: Path, *, live: bool) -> None:
    path = put(tmp_path / "capture", b"dear")
    path.chmod(0o644)
    with pytest.raises(CaptureError, match="exists already"), capture_file(path, live=live):
        pass

    assert b"dear" == path.read_bytes()

    with capture_file(path, live=live, replace=True) as file:
        file.write(b"new")

    assert (b"new", 0o600) == (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    with pytest.raises(CaptureError, match="exists already"), capture_file(path):
        put(path, b"dear")

    assert b"dear" == path.read_bytes()


@pytest.mark.parametrize("live", [False, True])
def test_what_cannot_be_written_is_said(tmp_path: Path, *, live: bool) -> None:
    with (
        pytest.raises(UnwritableError, match="cannot be written: No such file"),
        capture_file(tmp_path / "nowhere" / "capture", live=live),
    ):
        pass


def test_a_full_disk_is_said() -> None:
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
        CaptureWriter(full, HEADER).end()


@pytest.mark.parametrize("packed", [False, True])
@given(room=st.integers(700, 40_000))
def test_it_is_never_larger_than_allowed_and_whole_all_the_same(
    tmp_path_factory: pytest.TempPathFactory, room: int, *, packed: bool
) -> None:
    many = [entry(seq, refusal=f"{seq * 7919:x}" * 10) for seq in range(1, 300)]
    data, writer = written(*many, packed=packed, max_bytes=room)
    path = put(tmp_path_factory.getbasetemp() / "capture", data)

    assert len(data) == writer.size_bytes <= room
    assert (many[: writer.inputs], []) == read(path)


def test_compressed_more_finds_room(tmp_path: Path) -> None:
    many = [entry(seq) for seq in range(1, 3000)]
    plain, packed = (written(*many, packed=packed, max_bytes=50_000)[1].inputs for packed in (False, True))

    assert 100 < plain < packed / 4


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_flushed_can_be_read_while_it_is_written(tmp_path: Path, *, packed: bool) -> None:
    path = tmp_path / "capture"
    with capture_file(path, live=True) as file:
        writer = CaptureWriter(file, HEADER, packed=packed)
        for seq in (1, 2, 3):
            writer.write(entry(seq))
            writer.flush()
            items, told = read(path, lenient=True)

            assert [*range(1, seq + 1)] == seqs(items)
            assert ["no end"] == [kind for kind in ("no end",) if "without an end line" in told[0]]
        writer.end(cut="stopped")

    assert [1, 2, 3] == seqs(read(path)[0])


def test_a_state_stands_before_its_input_and_may_not_wait_for_a_list(tmp_path: Path) -> None:
    sink = io.BytesIO()
    writer = CaptureWriter(sink, HEADER)
    state = Desk(desk_id=DESK, seq=4)
    event = Start(device=DeviceId("panel"), id="1")
    with pytest.raises(JournalRefusedError):
        writer.write(entry(5), state=Desk(desk_id=DESK, seq=4, buffer=(Held(seq=4, event=event),)))
    writer.write(entry(5), state=state)
    writer.end()

    assert ([state, entry(5)], []) == read(put(tmp_path / "capture", sink.getvalue()))


@pytest.mark.parametrize(
    "stored",
    [b"\xff\xfe not JSON", b"not JSON", b"", b"{", b'"\\ud800"', b"[" * 5000, b'{"a":"\xff"}'],
)
def test_what_is_no_json_in_a_journal_is_kept_and_as_unreadable_as_before(tmp_path: Path, stored: bytes) -> None:
    given = entry(1, input=stored, reasons=stored, commands=stored)
    with read_captures([put(tmp_path / "capture", written(given)[0])]) as captures:
        record = captures.record(DESK, 1)
        (found,) = captures.entries()
        told = captures.problems.told()

    assert record is not None
    assert isinstance(record.input, UndecodableError)
    assert 3 == len(record.faults) == len(read_back(given).faults)
    assert [] == told
    assert (given.at, given.raw) == (found.at, found.raw) if isinstance(found, Entry) else False


def test_json_of_several_lines_comes_out_on_one(tmp_path: Path) -> None:
    data, _ = written(entry(1, input=b'{\n  "value": 3,\n  "device": "panel"\n}'))

    assert 3 == data.count(b"\n")
    assert [entry(1, input=b'{"value":3,"device":"panel"}')] == read(put(tmp_path / "capture", data))[0]


def test_a_message_whose_line_would_be_too_long_is_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotdesk_daemon.captures.writing.LONGEST_LINE", 2_000)
    long = entry(1, raw=b"x" * 2_000)
    data, writer = written(long, entry(2), entry(3, input=b'{"value":%d}' % (10**2_000)))
    items, _ = read(put(tmp_path / "capture", data))

    assert 2 == writer.shortened
    assert [entry(1, raw=None), entry(2)] == items[:2]
    assert isinstance(items[2], Entry)
    assert (3, b'"too long"') == (items[2].seq, items[2].input)
