"""
Telling systemd how we are: the sd_notify(3) protocol, one datagram per message.

Without ``$NOTIFY_SOCKET`` every call does nothing, so nobody has to ask first.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Notifier:
    """The way to the service manager; ``sent`` counts what it took. A message that cannot be delivered is dropped."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):  # Linux' abstract name space
            self._address = "\0" + self._address[1:]
        watched = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        interval_us = environ.get("WATCHDOG_USEC", "") if watched else ""
        #: How often `watchdog` must be called: half of what the manager waits; None when it does not watch.
        self.watchdog_interval_s = int(interval_us) / 2e6 if interval_us.isdecimal() and int(interval_us) else None
        self.sent = 0

    def ready(self, *, status: str = "") -> None:
        """Say that the start, or a reload, is complete."""
        self._send("READY=1", status)

    def status(self, text: str) -> None:
        """Say in one line what we are doing."""
        self._send("", text)

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
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)  # noqa: FBT003 - the standard library's signature
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return
        self.sent += 1
