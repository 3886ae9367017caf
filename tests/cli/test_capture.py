"""The verb as people and scripts use it: as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from hotdesk_daemon.journal import SqlJournal
from tests.app.replaying.histories import in_turn, morning, write_journal
from tests.captures.made import entry, header, put, text
from tests.core.story import T0

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdesk_daemon.journal import Record

LIMIT_S: Final = 15.0 * float(os.environ.get("TEST_TIME_SCALE", "1"))
PROGRAM: Final = (sys.executable, "-m", "hotdesk_daemon")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two desks' morning."""
    return write_journal(tmp_path / "journal", in_turn(morning("osl-4-014"), morning("osl-4-015")))


def run(*words: object, given: bytes | None = None, **how: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *map(str, words)], input=given, capture_output=True, timeout=LIMIT_S, check=False, **how
    )


def verdicts(*words: object, given: bytes | None = None) -> list[str]:
    """What replay says of each desk."""
    ended = run("replay", "--format", "json", *words, given=given)
    assert 0 == ended.returncode, ended.stderr
    told = map(json.loads, ended.stdout.splitlines())
    return [line["verdict"] for line in told if line["type"] == "desk"]


def test_a_capture_of_a_journal_replays_to_the_same(journal: Path, tmp_path: Path) -> None:
    ended = run("capture", "--journal", journal, "--output", tmp_path / "monday.jsonl.zst")

    assert (0, b"") == (ended.returncode, ended.stdout)
    assert b"captured 64 inputs of 2 desks, 2026-05-04 08:00:00 to " in ended.stderr
    assert b"monday.jsonl.zst" in ended.stderr
    assert b"\x28\xb5\x2f\xfd" == (tmp_path / "monday.jsonl.zst").read_bytes()[:4]
    assert ["same", "same"] == verdicts(tmp_path / "monday.jsonl.zst")


@pytest.mark.parametrize("packed", [False, True])
def test_one_goes_through_a_pipe(journal: Path, *, packed: bool) -> None:
    ended = run("capture", "--journal", journal, "osl-4-015", *(["--zstd"] if packed else []))

    assert ["same"] == verdicts("-", given=ended.stdout)


def test_the_verbs_that_look_back_read_captures_alike(journal: Path, tmp_path: Path) -> None:
    path = tmp_path / "capture"
    run("capture", "--journal", journal, "--output", path)
    desk = ["osl-4-014", "--format", "json"]
    by_journal, by_capture = (run("explain", *desk, *how) for how in (["--journal", journal], ["--from", path]))

    assert (0, 0) == (by_journal.returncode, by_capture.returncode)
    assert json.loads(by_journal.stdout)["seq"] == json.loads(by_capture.stdout)["seq"]


def test_an_installation_keeps_its_key_and_a_journal_elsewhere_has_one_of_its_own(tmp_path: Path) -> None:
    config = tmp_path / "hotdesk.toml"
    config.write_text('[daemon]\nstate_dir = "state"\n[simulator]\nenabled = true\n')
    (tmp_path / "state").mkdir()
    here = write_journal(tmp_path / "state" / "journal.sqlite3", morning().records)
    there = write_journal(tmp_path / "elsewhere", morning().records)

    def pseudonyms(*words: object) -> str:
        ended = run("capture", *words, cwd=tmp_path)
        assert 0 == ended.returncode, ended.stderr
        name: str = json.loads(ended.stdout.splitlines()[0])["pseudonyms"]
        return name

    kept = pseudonyms("--config", config)

    assert [kept, kept] == [pseudonyms("--config", config), pseudonyms("--journal", here)]
    assert 3 == len({kept, pseudonyms("--journal", there), pseudonyms("--journal", there)})
    assert 0o600 == (tmp_path / "state" / "pseudonyms.key").stat().st_mode & 0o777


def test_a_file_that_is_there_is_not_written_over_unless_told_to(journal: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "capture", b"dear")
    refused = run("capture", "--journal", journal, "--output", path)

    assert (78, b"dear") == (refused.returncode, path.read_bytes())
    assert b"exists already; name another file, or give --force" in refused.stderr
    assert 0 == run("capture", "--journal", journal, "--output", path, "--force").returncode
    assert ["same", "same"] == verdicts(path)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--live", "--last", "2h"), 2, "--live is from now on"),
        (("--for", "2m"), 2, "--for is for --live"),
        (("--last", "2h", "--since", "1h ago"), 2, "either --last or --since"),
        (("--last", "yesterday"), 2, "'yesterday' is no duration such as 90s"),
        (("--since", "ages ago"), 2, "is no duration"),
        (("--since", "2026-05-04"), 2, "is no time with offset"),
        (("--max-size", "100"), 2, "'100' is no size such as 100MB"),
        (("--kind", "BookingCreate"), 2, "did you mean BookingCreated?"),
        (("nobody",), 78, "the journal has nothing of a desk 'nobody'"),
        (("--since", "2027-05-04T08:00:00Z"), 78, "the journal has nothing since 2027-05-04T08:00:00Z"),
        (("--output", "/nonexistent/capture"), 1, "/nonexistent/capture: cannot be written: No such file"),
        (("--output", "/dev/null/capture"), 1, "cannot be written: Not a directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(journal: Path, words: tuple[str, ...], code: int, said: str) -> None:
    ended = run("capture", "--journal", journal, *words)

    assert (code, b"") == (ended.returncode, ended.stdout)
    assert said in ended.stderr.decode()
    assert b"Traceback" not in ended.stderr


def test_a_terminal_is_not_written_to_unasked(journal: Path) -> None:
    main, other = pty.openpty()
    try:
        words = [*PROGRAM, "capture", "--journal", str(journal)]
        ended = subprocess.run(words, stdout=other, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)
    finally:
        os.close(main)
        os.close(other)

    assert 2 == ended.returncode
    assert b"say where to write it" in ended.stderr


def test_a_reader_that_leaves_is_no_trouble(journal: Path) -> None:
    words = f"{' '.join(PROGRAM)} capture --journal {journal} | true; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", words], capture_output=True, timeout=LIMIT_S, check=False)  # noqa: S607

    assert b"Traceback" not in ended.stderr
    assert ended.stdout.strip() in {b"0", b"141"}


# --- captures that are not as they should be -------------------------------------------------------------------------

VERBS: Final = (("replay",), ("explain", "osl-4-014", "--from"))
NO_END: Final = text(entry(1), entry(2)).rsplit(b"\n", 2)[0] + b"\n"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ": is empty"),
        (b"hello\n", ":1: is no capture: its first line is no header"),
        (NO_END, ":3: ends here without an end line"),
        (text(entry(1), head=header(version=3)), ":1: written by format 3; this version reads up to 1"),
        (text(entry(1), entry(2)).replace(b"people", b"p\xe9ople"), ":2: is no UTF-8 text"),
    ],
)
def test_each_verb_says_what_is_wrong_with_a_capture(
    tmp_path: Path, verb: tuple[str, ...], data: bytes, said: str
) -> None:
    path = put(tmp_path / "capture", data)
    ended = run(*verb, path)

    assert 78 == ended.returncode
    assert f"hotdesk-daemon: {path}{said}" in ended.stderr.decode()
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_each_verb_uses_what_can_be_used_and_says_what_cannot(
    journal: Path, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    run("capture", "--journal", journal, "--output", tmp_path / "whole")
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    path = put(tmp_path / "capture", *lines[:20], b"?\n", *lines[20:-1])
    ended = run(*verb, path, "--lenient")

    assert 0 == ended.returncode
    assert ended.stdout
    assert [f"{path}:21: is no JSON", f"{path}:{len(lines)}: ends here without an end line"] == [
        line.rsplit(": ", 1 + ("JSON" in line))[0] for line in ended.stderr.decode().splitlines()
    ]


def test_an_unbounded_stream_of_nothing_is_refused_at_once() -> None:
    with open("/dev/zero", "rb") as zeros:  # noqa: PTH123
        ended = subprocess.run(
            [*PROGRAM, "replay", "-"], stdin=zeros, capture_output=True, timeout=LIMIT_S, check=False
        )

    assert 78 == ended.returncode
    assert b"standard input:1: is no capture" in ended.stderr


# --- live ------------------------------------------------------------------------------------------------------------


def append(journal: Path, records: list[Record]) -> None:
    async def write() -> None:
        async with SqlJournal.open(f"sqlite:///{journal}", clock=lambda: T0) as opened:
            await opened.append(records)

    asyncio.run(write())


@contextmanager
def capturing(journal: Path, path: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A live capture that has begun."""
    command = [*PROGRAM, "capture", "--journal", str(journal), "--live", "--output", str(path), *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: path.exists() and path.stat().st_size > 0)
            yield process
        finally:
            process.kill()


def wait_until(is_so: Any) -> None:
    """Look until the other process has done it: there is nothing else to wait on."""
    end_mono = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < end_mono
        time.sleep(0.02)


@pytest.mark.timeout(4 * LIMIT_S)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_live_one_that_is_told_to_stop_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    records = morning().records
    journal = write_journal(tmp_path / "journal", records[:12])
    path = tmp_path / "live"
    with capturing(journal, path) as process:
        before = path.stat().st_size
        append(journal, records[12:20])
        wait_until(lambda: path.stat().st_size > before)
        append(journal, records[20:])
        process.send_signal(number)
        _, told = process.communicate(timeout=LIMIT_S)

    assert 0 == process.returncode
    assert f"captured {len(records) - 12} inputs of 1 desk" in told.decode()
    assert b"it ended when it was told to" in told
    assert {"type": "end", "inputs": len(records) - 12, "cut": "stopped"} == json.loads(
        path.read_bytes().splitlines()[-1]
    )
    assert ["same"] == verdicts(path)


@pytest.mark.timeout(4 * LIMIT_S)
@pytest.mark.parametrize("words", [(), ("--zstd",)])
def test_a_live_one_that_is_killed_can_be_read_up_to_there(tmp_path: Path, words: tuple[str, ...]) -> None:
    records = morning().records
    journal = write_journal(tmp_path / "journal", records[:12])
    path = tmp_path / "live"
    with capturing(journal, path, *words) as process:
        before = path.stat().st_size
        append(journal, records[12:])
        wait_until(lambda: path.stat().st_size > before)
        process.kill()

    assert 78 == run("replay", path).returncode
    assert ["same"] == verdicts("--lenient", path)
