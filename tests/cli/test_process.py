"""The program as a process: streams that are closed or full, and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

PROGRAM: Final = (sys.executable, "-m", "hotdesk_daemon")
#: How long a process may take; far more than it does.
LIMIT_S: Final = 4.0


@pytest.mark.parametrize("verb", ["version", "check-config"])
def test_a_verb_whose_output_is_closed_does_not_mind(tmp_path: Path, verb: str) -> None:
    config = tmp_path / "hotdesk.toml"
    config.touch()
    ended = subprocess.run(
        ["/bin/sh", "-c", '"$@" >&-', "sh", *PROGRAM, verb],
        env={**os.environ, "HOTDESK_CONFIG": str(config)},
        stderr=subprocess.PIPE,
        timeout=LIMIT_S,
        check=False,
    )

    assert (0, False) == (ended.returncode, b"Traceback" in ended.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full here")
def test_a_full_disk_is_told_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([*PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False)

    assert (1, [b"hotdesk-daemon: the output cannot be written: No space left on device"]) == (
        ended.returncode,
        ended.stderr.splitlines(),
    )


def test_a_daemon_asked_to_reload_takes_what_is_right_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "hotdesk.toml"
    plain = '[daemon]\nstate_dir = "state"\n[http]\nport = 0\n'
    config.write_text(plain)
    log = tmp_path / "log"
    with (
        log.open("w") as out,
        subprocess.Popen([*PROGRAM, "run", "--config", str(config)], cwd=tmp_path, stdout=out) as daemon,
    ):
        try:
            _wait_for(log, "daemon.ready")
            config.write_text(f'{plain}[log]\nlevel = "debgu"\n[htpp]\n')
            daemon.send_signal(signal.SIGHUP)
            _wait_for(log, "config.reload_failed")
            config.write_text(f'{plain}[log]\nlevel = "warning"\nformat = "logfmt"\n')
            daemon.send_signal(signal.SIGHUP)
            _wait_for(log, "config.reloaded")
        finally:
            daemon.terminate()
        code = daemon.wait(timeout=LIMIT_S)

    problems = [line["problem"] for line in _lines(log) if line["event"] == "config.invalid"]
    known = 'write "debug", "info", "warning" or "error"'
    assert [
        f'{config}:7: htpp: is no setting (did you mean "http"?); mend or remove it',
        f'{config}:6: log.level: "debgu" is not known (did you mean "debug"?); {known}',
    ] == problems
    assert (0, "config.reloaded") == (code, _events(log)[-1])  # what comes later is below the new level


def test_a_reload_asked_for_before_the_daemon_can_reload_is_neither_lost_nor_its_end(tmp_path: Path) -> None:
    """
    The configuration comes through a pipe, so that each reading of it lasts until it is written.
    """
    config, log = tmp_path / "hotdesk.toml", tmp_path / "log"
    os.mkfifo(config)
    with (
        log.open("w") as out,
        subprocess.Popen([*PROGRAM, "run", "--config", str(config)], cwd=tmp_path, stdout=out) as daemon,
    ):
        try:
            with config.open("w") as pipe:  # opens when the other end is being read
                daemon.send_signal(signal.SIGHUP)
                pipe.write('[daemon]\nstate_dir = "state"\n[http]\nport = 0\n')
            _wait_for(log, "daemon.started")  # that it was read is certain
            config.write_text('[daemon]\nstate_dir = "state"\nstage = "observe"\n[http]\nport = 0\n')
            _wait_for(log, "config.reloaded")
        finally:
            daemon.terminate()
        code = daemon.wait(timeout=LIMIT_S)

    assert (0, [["daemon.stage"]]) == (
        code,
        [line["settings"] for line in _lines(log) if line["event"] == "config.reloaded"],
    )


def test_a_daemon_that_may_open_too_few_files_says_how_to_allow_more(tmp_path: Path) -> None:
    config = tmp_path / "hotdesk.toml"
    config.write_text('[daemon]\nstate_dir = "state"\n[http]\nport = 0\n')
    log = tmp_path / "log"
    words = ["/bin/sh", "-c", 'ulimit -n 60; exec "$@"', "sh", *PROGRAM, "run", "--config", str(config)]
    with log.open("w") as out, subprocess.Popen(words, cwd=tmp_path, stdout=out) as daemon:
        try:
            _wait_for(log, "daemon.ready")
        finally:
            daemon.terminate()
        daemon.wait(timeout=LIMIT_S)

    told = [line["problem"] for line in map(msgspec.json.decode, log.read_bytes().splitlines()) if "problem" in line]
    assert ["only 60 files may be open, but 320 may be needed; raise ulimit -n, or LimitNOFILE= of the unit"] == [
        line for line in told if "files" in line
    ]


def _lines(log: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in log.read_bytes().splitlines()]


def _events(log: Path) -> list[str]:
    return [line["event"] for line in _lines(log)]


def _wait_for(log: Path, event: str) -> None:
    """Look until the other process has written it: there is nothing else to wait on."""
    end_mono = time.monotonic() + LIMIT_S
    while event not in _events(log):
        assert time.monotonic() < end_mono, f"no {event} in {_events(log)}"
        time.sleep(0.02)
