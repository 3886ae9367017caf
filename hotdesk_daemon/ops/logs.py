"""
Log lines: one fact each, JSON for machines, readable on a terminal.

`configure_logs` is called once, before anything logs. `get_log` gives a logger with fields bound to it. Event names
and their fields stand in ``events``; the first argument of a logging call is always one of them, written out, so that a
test can hold the code to the list. What libraries log through ``logging`` becomes ``library.message`` and takes the
same way, from WARNING up only: below that, libraries log handshakes and statements with everything in them.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TextIO, cast

import attrs
import msgspec
import structlog

from hotdesk_daemon.ops.events import EVENTS
from hotdesk_daemon.ops.guard import is_withheld, scrub, scrub_text
from hotdesk_daemon.ops.settings import LogFormat, LogLevel

#: What a logger is for the rest of the program.
Log = structlog.typing.FilteringBoundLogger

_Line = MutableMapping[str, Any]
_Renderer = Callable[[_Line], bytes]

_LEVELS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
_METHOD_LEVELS: Final = {"exception": "error", "critical": "error", "warn": "warning", "fatal": "error"}
#: systemd's prefixes of a line, sd-daemon(3).
_PREFIXES: Final = {"error": b"<3>", "warning": b"<4>", "info": b"<6>", "debug": b"<7>"}


def configure_logs(
    *, level: LogLevel, form: LogFormat, stream: TextIO, environ: Mapping[str, str] = os.environ
) -> None:
    """
    Send every log line from *level* up to *stream*; may be called again to change its mind.

    Loggers that there are follow. Lines carry systemd's level prefix when *stream* is the journal's.
    """
    chosen = form
    if form is LogFormat.AUTO:
        chosen = LogFormat.CONSOLE if stream.isatty() else LogFormat.JSON
    prefixed = chosen is not LogFormat.CONSOLE and is_journal(stream, environ)
    _processors[:] = [_compose, _Finish(_renderer(chosen, colors=stream.isatty()), prefixed=prefixed)]
    _Leveled.go_to(level)
    _outlet.writer = LineWriter(stream)
    structlog.configure(
        processors=_processors,
        wrapper_class=_Leveled,
        logger_factory=_outlet,
        cache_logger_on_first_use=False,  # `get_log` binds once, and that is the logger that is kept
    )
    _bridge(LibraryHandler())


def get_log(**bound: object) -> Log:
    """
    Return a logger whose every line carries *bound*.

    Ask for it where the work begins, after `configure_logs`: before that there is nothing that it could follow.
    """
    return cast("Log", structlog.get_logger().bind(**bound))


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether *stream* is connected to systemd's journal: ``$JOURNAL_STREAM`` names its device and inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


#: Every logger has this very list, so that changing what is in it changes them all.
_processors: Final[list[Any]] = []


class _Leveled(structlog.make_filtering_bound_logger(logging.DEBUG)):  # type: ignore[misc]  # a class made at run time
    """What every logger is: its methods are those of the level of the moment, and one below it costs nothing."""

    @classmethod
    def go_to(cls, level: LogLevel) -> None:
        """Let lines from *level* up pass, whoever logs them."""
        for name, method in vars(structlog.make_filtering_bound_logger(_LEVELS[level])).items():
            if callable(method):
                setattr(cls, name, method)


class _Outlet:
    """Where every logger writes to, whatever that is at the moment; its own factory, as structlog wants one."""

    def __init__(self) -> None:
        self.writer: LineWriter | None = None

    def __call__(self, *args: object) -> _Outlet:
        return self

    def write(self, line: bytes) -> None:
        """Write one finished line."""
        if self.writer is not None:
            self.writer.write(line)

    debug = info = warning = warn = error = exception = critical = fatal = msg = write


_outlet: Final = _Outlet()


class LineWriter:
    """
    The end of the way: writes finished lines.

    A line that cannot be written is counted in ``lost``; logging never ends the daemon.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream: _Sink = stream.buffer if hasattr(stream, "buffer") else _Encoding(stream)
        self.lost = 0

    def write(self, line: bytes) -> None:
        """Write one finished line."""
        try:
            self._stream.write(line + b"\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1


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


class LibraryHandler(logging.Handler):
    """Hands the records of ``logging`` to our own way of writing lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* as ``library.message``; the text is scrubbed like every other."""
        try:
            message = record.getMessage()
        except Exception as exc:  # noqa: BLE001 - a library's wrong format string must not end ours
            message = f"{record.msg} ({exc})"
        log = get_log(logger=record.name)
        say = log.error if record.levelno >= logging.ERROR else log.warning
        say("library.message", message=message, exc_info=record.exc_info)


def _bridge(handler: logging.Handler) -> None:
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, LibraryHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)


def _compose(_logger: object, method: str, line: _Line) -> _Line:
    """Put a line in order: time, level and name first, then the fields, without persons and secrets."""
    composed: dict[str, Any] = {
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": _METHOD_LEVELS.get(method, method),
        "event": line.pop("event", ""),
    }
    raised = line.pop("exc_info", None) or (method == "exception")
    withheld = []
    for name, value in line.items():
        if is_withheld(name):
            withheld.append(name)
        else:
            composed[name] = scrub(value)
    if withheld:
        composed["withheld"] = withheld
    if raised:
        _add_exception(composed, raised)
    return composed


def _add_exception(composed: dict[str, Any], raised: object) -> None:
    exc: object = sys.exc_info()[1]
    if isinstance(raised, BaseException):
        exc = raised
    elif isinstance(raised, tuple):
        exc = raised[1]
    if isinstance(exc, BaseException):
        composed["exception.type"] = type(exc).__qualname__
        composed["exception.message"] = scrub_text(str(exc))
        composed["exception.stacktrace"] = scrub_text("".join(traceback.format_exception(exc)))


class _Finish:
    """Makes the bytes of a line, with systemd's prefix where the journal reads them."""

    def __init__(self, render: _Renderer, *, prefixed: bool) -> None:
        self._render = render
        self._prefixes = _PREFIXES if prefixed else dict.fromkeys(_PREFIXES, b"")

    def __call__(self, _logger: object, _method: str, line: _Line) -> bytes:
        return self._prefixes[line["level"]] + self._render(line)


def _renderer(form: LogFormat, *, colors: bool) -> _Renderer:
    match form:
        case LogFormat.CONSOLE:
            return _Console(colors=colors)
        case LogFormat.LOGFMT:
            logfmt = structlog.processors.LogfmtRenderer(bool_as_flag=False)
            return lambda line: str(logfmt(None, "", _flat(line))).encode()
        case _:
            return msgspec.json.Encoder().encode


class _Console:
    """Lines for people: the time of day, the name, the fields, and a traceback below where there is one."""

    def __init__(self, *, colors: bool) -> None:
        # The plain formatter: the others show local variables, and those hold anything.
        self._render = structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=24, sort_keys=False
        )

    def __call__(self, line: _Line) -> bytes:
        line["timestamp"] = line["timestamp"][11:23]
        if stack := line.pop("exception.stacktrace", None):
            line["exception"] = stack
        return str(self._render(None, "", line)).encode()


def _flat(line: _Line) -> _Line:
    """Lists and tables as JSON text, because logfmt has neither."""
    return {
        name: msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value
        for name, value in line.items()
    }


@attrs.define
class Fold:
    """
    Says a lasting failure once: at its event's level when it begins, at DEBUG while it repeats, once when it is over.

    ``key`` tells one failing thing from another. Both events stand in ``events``, like every other.
    """

    log: Log
    _repeats: dict[str, int] = attrs.field(factory=dict, init=False)

    def down(self, key: str, event: str, **fields: object) -> None:
        """Log one more failure of *key*."""
        repeats = self._repeats.get(key)
        self._repeats[key] = 0 if repeats is None else repeats + 1
        if repeats is None:
            self._say(event, **fields)
        else:
            self.log.debug(event, repeats=repeats + 1, **fields)

    def up(self, key: str, event: str, **fields: object) -> None:
        """Log that *key* works again, if it had failed."""
        repeats = self._repeats.pop(key, None)
        if repeats is not None:
            self._say(event, repeats=repeats, **fields)

    def _say(self, event: str, **fields: object) -> None:
        getattr(self.log, EVENTS[event].level)(event, **fields)
