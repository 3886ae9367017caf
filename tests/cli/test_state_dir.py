"""The state directory as processes meet it: one daemon at a time, of one version, in a place that can be written."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM: Final = (sys.executable, "-m", "hotdesk_daemon")
LIMIT_S: Final = 8.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hotdesk.toml"
    path.write_text(f'[daemon]\nstate_dir = "{tmp_path / "state"}"\n[http]\nport = 0\n[log]\nformat = "json"\n')
    return path


@contextmanager
def running(config: Path, name: str = "log") -> Iterator[subprocess.Popen[bytes]]:
    """A daemon that is ready, and killed in the end if it still runs."""
    log = config.with_name(name)
    with log.open("wb") as out, subprocess.Popen([*PROGRAM, "run", "--config", str(config)], stdout=out) as daemon:
        try:
            wait_for(log, "daemon.ready")
            yield daemon
        finally:
            daemon.kill()


def wait_for(log: Path, event: str) -> None:
    """Look until the other process has written it: there is nothing else to wait on."""
    end_mono = time.monotonic() + LIMIT_S
    while event not in [line["event"] for line in lines(log.read_bytes())]:
        assert time.monotonic() < end_mono, f"no {event}"
        time.sleep(0.02)


def lines(text: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in text.splitlines()]


def refused(config: Path) -> tuple[int, str]:
    """The exit code of a daemon that does not start, and the one error that it tells."""
    ended = subprocess.run(
        [*PROGRAM, "run", "--config", str(config)], capture_output=True, timeout=LIMIT_S, check=False
    )
    assert b"" == ended.stderr
    (told,) = [line for line in lines(ended.stdout) if line["level"] == "error"]
    return ended.returncode, told.get("error") or told["problem"]


def test_a_second_daemon_is_refused_and_told_who_is_there_since_when(config: Path) -> None:
    with running(config) as first:
        code, told = refused(config)

    assert 75 == code
    state = config.with_name("state")
    assert f"the state directory {state} is in use by process {first.pid} on {socket.gethostname()} since 20" in told


def test_the_lock_of_a_daemon_that_was_killed_is_no_obstacle(config: Path) -> None:
    with running(config) as first:
        first.send_signal(signal.SIGKILL)
        first.wait(LIMIT_S)

    assert str(first.pid).encode() in config.with_name("state").joinpath("daemon.lock").read_bytes()
    with running(config, "second") as second:
        second.terminate()
        assert 0 == second.wait(LIMIT_S)


@pytest.mark.timeout(20)
def test_a_start_says_how_the_run_before_ended_and_writes_down_its_own_end(config: Path) -> None:
    for name, end in (("first", signal.SIGKILL), ("second", signal.SIGTERM)):
        with running(config, name) as daemon:
            daemon.send_signal(end)
            daemon.wait(LIMIT_S)
    told = [line for line in lines(config.with_name("second").read_bytes()) if line["event"] == "daemon.last_stop"]
    run_file = config.with_name("state") / "last-run.json"

    assert [("warning", "killed")] == [(line["level"], line["stopped"]) for line in told]
    assert ("clean", 0o600) == (msgspec.json.decode(run_file.read_bytes())["stopped"], run_file.stat().st_mode & 0o777)


def test_a_journal_of_a_newer_version_is_refused_and_left_alone(config: Path) -> None:
    with running(config) as daemon:
        daemon.terminate()
        daemon.wait(LIMIT_S)
    journal = config.with_name("state") / "journal.sqlite3"
    with closing(sqlite3.connect(journal)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    code, told = refused(config)

    assert 78 == code
    assert "schema 9999, written by a newer version; this one knows up to 0" in told
    beside = {"http-token", "last-run.json"}
    assert ["journal.sqlite3"] == sorted(
        path.name for path in journal.parent.iterdir() if path.suffix != ".lock" and path.name not in beside
    )


def test_a_file_that_is_no_journal_is_refused_and_left_alone(config: Path, tmp_path: Path) -> None:
    minutes = tmp_path / "minutes.txt"
    minutes.write_text("minutes of the meeting\n" * 100)
    config.write_text(config.read_text() + f'[journal]\npath = "{minutes}"\n')
    code, told = refused(config)

    assert (78, f"{minutes} is no journal; choose another journal.path") == (code, told)
    assert minutes.read_text().startswith("minutes of the meeting")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_directory_of_somebody_else_is_refused(config: Path) -> None:
    state = config.with_name("state")
    state.mkdir(mode=0o500)
    code, told = refused(config)

    assert 78 == code
    assert f"{state}: the state cannot be kept here: Permission denied; let the daemon's user write there" in told
