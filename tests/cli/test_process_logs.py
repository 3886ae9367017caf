"""What the program logs as a process: why it does not start, and what a simulated site tells."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM: Final = (sys.executable, "-m", "hotdesk_daemon")
#: How long a process may take; far more than it does.
LIMIT_S: Final = 8.0


def lines(log: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in log.read_bytes().splitlines()]


def ended(directory: Path, http: str) -> tuple[int, list[tuple[str, str]]]:
    """Run the daemon, which ends by itself: its exit status, and the errors that it logged."""
    config, log = directory / "hotdesk.toml", directory / "log"
    config.write_text(f'[daemon]\nstate_dir = "state"\n[http]\n{http}\n')
    with log.open("w") as out:
        words = [*PROGRAM, "run", "--config", str(config)]
        code = subprocess.run(words, cwd=directory, stdout=out, timeout=LIMIT_S, check=False).returncode
    errors = [line for line in lines(log) if line["level"] == "error"]
    return code, [(line["event"], line.get("problem") or line["error"]) for line in errors]


def test_a_port_that_is_taken_is_an_error_that_may_pass(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = f"http: port {port} of 127.0.0.1 is taken by another program; choose another http.port"

        assert (75, [("daemon.failed", words)]) == ended(tmp_path, f"port = {port}")


def test_an_address_that_is_not_of_this_machine_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    code, errors = ended(tmp_path, 'host = "192.0.2.1"\nport = 0')

    assert (78, ["config.invalid"]) == (code, [event for event, _ in errors])
    assert "192.0.2.1" in errors[0][1]


@pytest.mark.timeout(30)
def test_a_simulated_site_tells_what_it_is_and_its_numbers(tmp_path: Path) -> None:
    config, log = tmp_path / "hotdesk.toml", tmp_path / "log"
    config.write_text(
        '[daemon]\nstate_dir = "state"\n[http]\nport = 0\n[log]\nlevel = "debug"\n'
        "[simulator]\nenabled = true\ndesks = 3\nspeed = 600\nstart = 2026-05-04T07:30:00Z\n"
    )
    words = [*PROGRAM, "run", "--config", str(config)]
    with log.open("w") as out, subprocess.Popen(words, cwd=tmp_path, stdout=out) as daemon:
        try:
            ready = until(log, "daemon.ready")
            until(log, "booking.created")
            with urllib.request.urlopen(f"{ready['url']}/metrics", timeout=LIMIT_S) as page:  # noqa: S310 - our own
                text = page.read().decode()
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(timeout=LIMIT_S)

    assert [3] == [line["desks"] for line in lines(log) if line["event"] == "simulator.started"]
    assert 'hotdesk_stream_up{desk="desk-0001"}' in text
    assert "process_open_fds" in text
    assert "daemon.stopped" == lines(log)[-1]["event"]


def until(log: Path, event: str) -> dict[str, Any]:
    """Look until the other process has written it: there is nothing else to wait on."""
    end_mono = time.monotonic() + LIMIT_S
    while True:
        for line in log.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n") and f'"event":"{event}"'.encode() in line:
                found: dict[str, Any] = msgspec.json.decode(line)
                return found
        assert time.monotonic() < end_mono, f"no {event}"
        time.sleep(0.02)


def test_warnings_of_python_become_lines(tmp_path: Path) -> None:
    script = (
        "import sys, warnings\n"
        "from hotdesk_daemon.ops.logs import configure_logs\n"
        "from hotdesk_daemon.ops.settings import LogFormat, LogLevel\n"
        "configure_logs(level=LogLevel.INFO, form=LogFormat.JSON, stream=sys.stdout, environ={})\n"
        'warnings.warn("old: ask person@example.com", DeprecationWarning, stacklevel=1)\n'
    )
    environ = {**os.environ, "PYTHONWARNINGS": "default"}
    log = tmp_path / "log"
    with log.open("w") as out:
        subprocess.run([sys.executable, "-c", script], env=environ, stdout=out, timeout=LIMIT_S, check=True)

    told = lines(log)
    assert [("library.message", "warning", "py.warnings")] == [(x["event"], x["level"], x["logger"]) for x in told]
    assert "DeprecationWarning: old: ask <address>" in told[0]["message"]
