"""
Telling systemd how we are: the sd_notify(3) protocol, one datagram per message.

Without ``$NOTIFY_SOCKET`` every call does nothing, so nobody has to ask first.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


#: What is out of date when it could not be said at once.
_PASSING: Final = ("WATCHDOG", "EXTEND_TIMEOUT_USEC")
_MOST_UNSENT: Final = 16


class Notifier:
    """
    The way to the service manager; ``sent`` counts what it took.

    Nothing ever waits for it. What it does not take at once, because it has too much to read, is sent again with the
    next message if it is a change of state; a status and a sign of life are out of date by then, and dropped.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):  # Linux' abstract name space
            self._address = "\0" + self._address[1:]
        watched = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        interval_us = environ.get("WATCHDOG_USEC", "") if watched else ""
        #: How often `watchdog` must be called: half of what the manager waits; None when it does not watch.
        self.watchdog_interval_s = int(interval_us) / 2e6 if interval_us.isdecimal() and int(interval_us) else None
        self.sent = 0
        self._unsent: list[str] = []

    @property
    def is_heard(self) -> bool:
        """Whether there is a service manager to tell."""
        return bool(self._address)

    def extend(self, seconds: float, *, status: str = "") -> None:
        """Ask for so much more time, from now on, for the start or the stop that is going on."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}", status)

    def ready(self, *, status: str = "") -> None:
        """Say that the start, or a reload, is complete."""
        self._send("READY=1", status)

    def status(self, text: str, *, alive: bool = False) -> None:
        """Say in one line what we are doing; *alive* feeds the watchdog besides, as `watchdog` does."""
        self._send("WATCHDOG=1" if alive else "", text)

    def reloading(self) -> None:
        """Say that a reload begins; `ready` ends it. Type=notify-reload wants the monotonic time with it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", "")

    def stopping(self, *, status: str = "") -> None:
        """Say that the stop has begun."""
        self._send("STOPPING=1", status)

    def watchdog(self) -> None:
        """Say that work is getting done; call it from where the work is, not from a bare timer."""
        self._send("WATCHDOG=1", "")

    def _send(self, state: str, status: str) -> None:
        if not self._address:
            return
        one_line = " ".join(status.split())
        lines = [line for line in (state, f"STATUS={one_line}" if one_line else "") if line]
        is_lasting = not state.startswith(_PASSING) and bool(state)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)  # noqa: FBT003 - the standard library's signature
                while self._unsent:
                    sender.sendto(self._unsent[0].encode(), self._address)
                    del self._unsent[0]
                    self.sent += 1
                sender.sendto("\n".join(lines).encode(), self._address)
                self.sent += 1
        except BlockingIOError:
            if is_lasting:
                self._unsent = [*self._unsent, "\n".join(lines)][-_MOST_UNSENT:]
        except OSError:
            return
