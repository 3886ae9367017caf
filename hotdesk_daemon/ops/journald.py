"""
Log lines for systemd's journal, by its native protocol: one datagram a line, every field under its own name.

The protocol is described in systemd's "Native Journal Protocol". A field is ``NAME=value`` and a line feed; a value
with line feeds in it stands after its length instead, eight bytes, little endian. What is too large for a datagram goes
as a sealed file in memory, whose descriptor is sent.

Our fields have their own names in capitals, so that ``journalctl DESK_ID=osl-4-014`` finds them; what people look for
most has a short name besides (`SHORT`). ``MESSAGE`` is the whole line as text, ``MESSAGE_ID`` stands for the event.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import sys
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SOCKET: Final = "/run/systemd/journal/socket"
IDENTIFIER: Final = "hotdesk-daemon"
#: What the ``MESSAGE_ID`` of an event is made from, with its name; it must never change.
NAMESPACE: Final = uuid.UUID("5f0f6a3e-4f4e-5b0c-9b7e-6f1a54d2c9b1")
#: Fields that have a second, shorter name in the journal.
SHORT: Final[Mapping[str, str]] = {"desk_id": "DESK", "device_id": "DEVICE", "booking_id": "BOOKING"}
#: Fields whose name means something else to the journal.
RENAMED: Final[Mapping[str, str]] = {"message": "TEXT"}
#: Levels as the journal counts them, syslog(3).
PRIORITIES: Final[Mapping[str, str]] = {"error": "3", "warning": "4", "info": "6", "debug": "7"}

#: The journal writes these itself: its own time, and the level as a number.
_ITS_OWN: Final = frozenset({"timestamp", "level"})
_LONGEST_NAME: Final = 64
_TOO_LARGE: Final = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_SEND_BUFFER: Final = 8 << 20
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_QUOTED: Final = re.compile(r'[\s"=]')


class JournalSocket:
    """The way to the journal. It never waits, and finds a journal that was started anew by itself."""

    def __init__(self, address: str = SOCKET) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)

    def send(self, fields: Iterable[tuple[str, str]]) -> None:
        """
        Send one line.

        Raises:
            OSError: the journal is away, or has so much to do that it takes nothing now.
        """
        payload = frame(fields)
        try:
            self._socket.sendto(payload, self._address)
        except OSError as exc:
            if exc.errno not in _TOO_LARGE:
                raise
            self._send_as_file(payload)

    def _send_as_file(self, payload: bytes) -> None:
        file = os.memfd_create("hotdesk-log-line", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(file, "wb", closefd=False) as out:
                out.write(payload)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
            # Not `socket.send_fds`, which forgets the address.
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, file.to_bytes(4, sys.byteorder))]
            self._socket.sendmsg([b""], ancillary, 0, self._address)
        finally:
            os.close(file)

    def __del__(self) -> None:
        self._socket.close()  # loggers keep their way for as long as they live, so nobody knows an earlier end


def frame(fields: Iterable[tuple[str, str]]) -> bytes:
    """The bytes of one line."""
    parts: list[bytes] = []
    for name, text in fields:
        value = text.encode("utf-8", "backslashreplace")
        if b"\n" in value:
            parts += (name.encode(), b"\n", len(value).to_bytes(8, "little"), value, b"\n")
        else:
            parts += (name.encode(), b"=", value, b"\n")
    return b"".join(parts)


def fields_of(line: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of the journal for one finished log line."""
    event = line["event"]
    yield "MESSAGE", as_text(line)
    yield "PRIORITY", PRIORITIES[line["level"]]
    yield "MESSAGE_ID", message_id(event)
    yield "SYSLOG_IDENTIFIER", IDENTIFIER
    for name, value in line.items():
        if name in _ITS_OWN or value is None:
            continue
        text = _text(value)
        yield field_name(name), text
        if name in SHORT:
            yield SHORT[name], text


def as_text(line: Mapping[str, Any]) -> str:
    """One line as people read it: the event, the fields, and a traceback below where there is one."""
    stack = line.get("exception.stacktrace")
    left_out = (*_ITS_OWN, "event", "exception.stacktrace")
    words = [line["event"], *(f"{key}={_quoted(_text(line[key]))}" for key in line if key not in left_out)]
    return " ".join(words) + (f"\n{stack.rstrip()}" if stack else "")


@lru_cache(maxsize=1000)
def field_name(name: str) -> str:
    """What the journal calls one of our fields: capitals, digits and underscores, with a letter first."""
    if name in RENAMED:
        return RENAMED[name]
    plain = re.sub(r"[^A-Z0-9_]", "_", name.upper()).lstrip("_0123456789")
    return plain[:_LONGEST_NAME] or "FIELD"


@lru_cache(maxsize=1000)
def message_id(event: str) -> str:
    """The ``MESSAGE_ID`` of an event, the same on every machine and in every version."""
    return uuid.uuid5(NAMESPACE, event).hex


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode() if not text or _QUOTED.search(text) else text
