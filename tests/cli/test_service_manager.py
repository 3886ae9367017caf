"""The program under a service manager: a real process, and the manager's end of a real socket."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT_S: Final = 8.0
WATCHDOG_S: Final = 0.4
CONFIG: Final = """\
[daemon]
state_dir = "state"
[http]
port = 0
[simulator]
enabled = true
desks = 3
"""


@attrs.define(eq=False)
class Service:
    """A daemon as a manager starts it."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    config: Path
    log: Path

    def next(self, within_s: float = LIMIT_S) -> str | None:
        """The next message, None when there is none in time."""
        self.socket.settimeout(within_s)
        try:
            return self.socket.recv(65536).decode()
        except TimeoutError:
            return None

    def until(self, wanted: Callable[[str], bool]) -> list[str]:
        """Messages up to the first that is *wanted*."""
        end_mono, heard = time.monotonic() + LIMIT_S, list[str]()
        while not (heard and wanted(heard[-1])):
            message = self.next(max(0.01, end_mono - time.monotonic()))
            assert message is not None, heard
            heard.append(message)
        return heard

    def ask(self, path: str) -> int:
        """The status that the HTTP door answers with."""
        lines = [msgspec.json.decode(line) for line in self.log.read_bytes().splitlines()]
        url = next(str(line["url"]) for line in lines if line["event"] == "daemon.ready")
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=LIMIT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def service(tmp_path: Path) -> Iterator[Service]:
    config, log, address = tmp_path / "hotdesk.toml", tmp_path / "log", tmp_path / "notify"
    config.write_text(CONFIG)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HOTDESK_")},
        "NOTIFY_SOCKET": str(address),
        "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6)),
    }
    words = [sys.executable, "-m", "hotdesk_daemon", "run", "--config", str(config)]
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
        log.open("wb") as out,
    ):
        listener.bind(str(address))
        with subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=out) as process:
            try:
                yield Service(process, listener, config, log)
            finally:
                process.send_signal(signal.SIGCONT)
                process.kill()


def test_a_service_manager_hears_each_turn_of_a_daemons_life(tmp_path: Path) -> None:
    with service(tmp_path) as daemon:
        starting = daemon.until(lambda message: "READY=1" in message)
        assert 200 == daemon.ask("/healthz")
        assert [] == [message for message in starting[:-1] if "WATCHDOG=1" in message]
        assert "3/3 desks live, 0 parked" in daemon.until(lambda message: "STATUS=3/3" in message)[-1]
        fed = [daemon.next(WATCHDOG_S) for _ in range(3)]
        assert [True] * 3 == [message is not None and message.startswith("WATCHDOG=1\n") for message in fed]

        daemon.process.send_signal(signal.SIGHUP)
        reloading = daemon.until(lambda message: message.startswith("READY=1"))
        assert [True] == [
            message.partition("\n")[2].startswith("MONOTONIC_USEC=")
            for message in reloading
            if message.startswith("RELOADING=1")
        ]

        daemon.process.terminate()
        daemon.until(lambda message: message.startswith("STOPPING=1"))

        assert 0 == daemon.process.wait(LIMIT_S)


def test_a_loop_that_does_not_turn_leaves_the_watchdog_hungry(tmp_path: Path) -> None:
    with service(tmp_path) as daemon:
        daemon.until(lambda message: message.startswith("WATCHDOG=1"))
        daemon.process.send_signal(signal.SIGSTOP)
        while daemon.next(0.05) is not None:  # what was under way
            pass

        assert daemon.next(2 * WATCHDOG_S) is None

        daemon.process.send_signal(signal.SIGCONT)
        assert daemon.until(lambda message: message.startswith("WATCHDOG=1"))
