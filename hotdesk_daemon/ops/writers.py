"""
Where log lines go: a stream, or systemd's journal, and what became of them as numbers.

Logging never ends the daemon: a line that cannot be written is counted.
"""

from __future__ import annotations

import os
import socket
import stat
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol, TextIO, cast

import attrs
import structlog

from hotdesk_daemon.ops.journald import JournalSocket, fields_of

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.ops.rendering import Finish, Line


@attrs.define
class LogCounts:
    """
    What became of log lines since the process began, for metrics.

    ``written`` counts by level; ``beside`` are those of them that went to stdout because the journal did not take
    them; ``lost`` could not be written anywhere; ``folded`` were left out in a flood, and told of as a number.
    """

    written: Counter[str] = attrs.field(factory=Counter)
    beside: int = 0
    lost: int = 0
    folded: int = 0


LINES: Final = LogCounts()


class LineWriter:
    """
    The end of the way: writes finished lines.

    It is its own factory, as structlog wants one. A line that cannot be written is counted; logging never ends the
    daemon.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: _Sink = stream.buffer if hasattr(stream, "buffer") else _Encoding(stream)

    def __call__(self, *args: object) -> LineWriter:
        return self

    def write(self, line: bytes) -> None:
        """Write one finished line."""
        try:
            self._stream.write(line + b"\n")
            self._stream.flush()
        except (OSError, ValueError):
            LINES.lost += 1

    debug = info = warning = warn = error = exception = critical = fatal = msg = write


class JournalWriter:
    """
    The end of the way to the journal: takes lines that are composed and not rendered.

    A line that the journal does not take at once goes to *stream*, as *finish* renders it; that it is away and that it
    is back is said once each.
    """

    def __init__(self, stream: TextIO, journal: str, finish: Finish) -> None:
        self._journal = JournalSocket(journal)
        self._finish = finish
        self._beside = LineWriter(cast("TextIO", _Unwaiting(stream)) if is_socket(stream) else stream)
        self._away = 0  # lines that went beside it since it was away

    def __call__(self, *args: object) -> JournalWriter:
        return self

    def write(self, line: Line) -> None:
        """Send one composed line."""
        try:
            self._journal.send(fields_of(line))
        except OSError as exc:
            self._away += 1
            LINES.beside += 1
            if self._away == 1:
                _log().warning("log.journal_away", error=exc.strerror or str(exc))
            self._beside.write(self._finish(None, "", line))
            return
        if self._away:
            lines, self._away = self._away, 0
            _log().info("log.journal_back", lines=lines)

    debug = info = warning = warn = error = exception = critical = fatal = msg = write


class _Unwaiting:
    """
    A stream that is a socket, written to without ever waiting: a journal that hangs would hold the daemon up.

    Of a line that does not fit the rest is lost, and the next one begins on a line of its own.
    """

    def __init__(self, stream: TextIO) -> None:
        self.buffer = self
        self._socket = socket.socket(fileno=os.dup(stream.fileno()))
        self._is_cut = False

    def write(self, line: bytes, /) -> None:
        data = b"\n" + line if self._is_cut else line
        sent = self._socket.send(data, socket.MSG_DONTWAIT)
        self._is_cut = sent < len(data)
        if self._is_cut:
            raise BlockingIOError("the rest of the line did not fit")

    def flush(self) -> None:
        """Nothing is held back."""

    def __del__(self) -> None:
        self._socket.close()


class _Sink(Protocol):
    """What a line is written to."""

    def write(self, line: bytes, /) -> object: ...

    def flush(self) -> object: ...


class _Encoding:
    """Bytes into a stream that takes text only."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: bytes, /) -> None:
        self._stream.write(line.decode())

    def flush(self) -> None:
        self._stream.flush()


def is_socket(stream: TextIO) -> bool:
    """Whether *stream* is a socket, as the journal's are."""
    status = status_of(stream)
    return status is not None and stat.S_ISSOCK(status.st_mode)


def status_of(stream: TextIO) -> os.stat_result | None:
    """What the system says of *stream*; None for what is no file."""
    try:
        return os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return None


def _log() -> FilteringBoundLogger:
    return cast("FilteringBoundLogger", structlog.get_logger())
