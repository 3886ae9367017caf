from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.ops.health import Readiness
from tests.api.memory_site import HYBRID, LOCAL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Running, Terminal


def test_where_nobody_reads_it_looks_once(terminal: Terminal, running: Running) -> None:
    running.site.ready = Readiness(ready=False, reasons=("The journal cannot be written: full.",))
    running.site.switches.halted = "fire drill"
    terminal("book", LOCAL)

    result = terminal("top")

    assert 0 == result.exit_code
    assert "2 desks: " in result.stdout
    assert "1 pending, oldest 0 s" in result.stdout
    for line in ("SENDING IS STOPPED: fire drill", "BREAKER OPEN: too many desks", "not ready: The journal cannot"):
        assert line in result.stdout


def test_the_worst_desk_comes_first(terminal: Terminal, running: Running) -> None:
    terminal("book", HYBRID)
    running.do(running.site.park_all)

    desks = [line.split("  ")[0] for line in terminal("top").stdout.splitlines()]

    assert desks.index(HYBRID) < desks.index(LOCAL)


def test_a_daemon_that_does_not_answer_is_said(alone: Terminal) -> None:
    result = alone("top", "--url", "http://127.0.0.1:1")

    assert 75 == result.exit_code
    assert "does it run?" in result.stderr


def test_it_is_not_for_programs(terminal: Terminal) -> None:
    result = terminal("top", "--format", "json")

    assert 2 == result.exit_code


@pytest.mark.timeout(30)
def test_on_a_terminal_it_goes_on_until_it_is_interrupted(running: Running, token_file: Path) -> None:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "HOTDESK_URL": running.url, "HOTDESK_TOKEN_FILE": str(token_file), "TERM": "xterm"}
    words = [sys.executable, "-m", "hotdesk_daemon", "top", "--every", "0.5"]
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        shown = b""
        while shown.count(b"inputs/s") < 2 and select.select([ours], [], [], 10)[0]:
            shown += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=10)
    os.close(ours)

    assert 2 <= shown.count(b"inputs/s")
    assert 130 == code
