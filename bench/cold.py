"""Starts of the program as its users start it, on a journal that a killed daemon left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from bench.wires import ROOT

_LIMIT_S: Final = 60.0
_HEAD: Final = """
[daemon]
state_dir = "{state}"
[http]
port = 0
[log]
format = "json"
"""
#: Nobody listens there: what connecting costs is another measure.
_DESK: Final = """
[[desk]]
id = "desk-{number:04d}"
calendar = "local"
[[desk.device]]
id = "device-{number:04d}"
url = "ws://127.0.0.1:9/{number}"
password = "env:HOTDESK_BENCH_PASSWORD"
"""


def cold_starts(journal: Path, *, desks: int, starts: int) -> list[float]:
    """Seconds from the program's start to its line `daemon.ready`, each time on a copy of what *journal* holds."""
    return [_start_once(journal, desks=desks) for _ in range(starts)]


def _start_once(journal: Path, *, desks: int) -> float:
    with tempfile.TemporaryDirectory(prefix="hotdesk-bench-") as folder:
        state = Path(folder) / "state"
        shutil.copytree(journal, state)
        config = Path(folder) / "hotdesk.toml"
        tables = [_HEAD.format(state=state), *(_DESK.format(number=number) for number in range(desks))]
        config.write_text("".join(tables), encoding="utf-8")
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "hotdesk_daemon", "run", "--config", str(config)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "HOTDESK_BENCH_PASSWORD": "password"},
        )
        killer = threading.Timer(_LIMIT_S, process.kill)
        killer.start()
        try:
            _wait_until_ready(process, desks=desks)
            return time.monotonic() - began
        finally:
            killer.cancel()
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _wait_until_ready(process: subprocess.Popen[bytes], *, desks: int) -> None:
    assert process.stdout is not None
    for row in process.stdout:
        line = json.loads(row)
        if line["event"] == "journal.opened":
            assert line["desks"] == desks, f"the journal holds {line['desks']} desks"
        if line["event"] == "daemon.ready":
            return
    raise AssertionError(f"the daemon ended with status {process.wait()} before it was ready")
