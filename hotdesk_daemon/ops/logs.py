"""
Log lines: one fact each, JSON for machines, readable on a terminal, fields for systemd's journal.

`configure_logs` is called once, before anything logs. `get_log` gives a logger with fields bound to it; `noting` adds
fields to every line that is logged meanwhile, wherever. Event names and their fields stand in ``events``; the first
argument of a logging call is always one of them, written out, so that a test can hold the code to the list. What
libraries log through ``logging`` becomes ``library.message`` and takes the same way, from WARNING up only: below that,
libraries log handshakes and statements with everything in them.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

import attrs
import structlog

from hotdesk_daemon.ops.events import EVENTS
from hotdesk_daemon.ops.floods import Floods
from hotdesk_daemon.ops.guard import is_withheld, scrub, scrub_text
from hotdesk_daemon.ops.journald import SOCKET
from hotdesk_daemon.ops.rendering import Finish, Line
from hotdesk_daemon.ops.settings import LogFormat, LogLevel
from hotdesk_daemon.ops.writers import LINES, JournalWriter, LineWriter, is_socket, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

#: What a logger is for the rest of the program.
Log = structlog.typing.FilteringBoundLogger

_LEVELS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
#: Fields with text of devices and the cloud in it, in every line but those about ourselves and this machine.
QUOTING: Final = frozenset({"reason", "message", "error", "cause", "after", "software"})
OUR_OWN: Final = ("daemon.", "config.", "journal.", "task.", "log.", "library.", "sending.", "breaker.", "clock.")
_METHOD_LEVELS: Final = {"exception": "error", "critical": "error", "warn": "warning", "fatal": "error"}


def configure_logs(
    *,
    level: LogLevel,
    form: LogFormat,
    stream: TextIO,
    environ: Mapping[str, str] = os.environ,
    journal: str = SOCKET,
    quote: Callable[[str], str] = str,
) -> None:
    """
    Send every log line from *level* up to *stream*, or to the journal; may be called again to change its mind.

    Loggers that there are follow. Lines of other forms carry systemd's level prefix when *stream* is the journal's.
    *journal* is its socket. *quote* makes text fit that devices and the cloud may have said: see `QUOTING`.
    """
    chosen = _choose(form, stream, environ)
    prefixed = chosen is LogFormat.JOURNALD or (chosen is not LogFormat.CONSOLE and _is_of_journal(stream, environ))
    finish = Finish(chosen, colors=stream.isatty(), prefixed=prefixed)
    # What can fail comes first: a reload that cannot have its way leaves the old one whole.
    writer = JournalWriter(stream, journal, finish) if chosen is LogFormat.JOURNALD else LineWriter(stream)
    close_logs()
    _outlet.quote = quote
    _processors[:] = [
        structlog.contextvars.merge_contextvars,
        Floods(counted=_count_folded),
        _compose,
        _hand_on if chosen is LogFormat.JOURNALD else finish,
    ]
    _Leveled.go_to(level)
    _outlet.writer = writer
    structlog.configure(
        processors=_processors,
        wrapper_class=_Leveled,
        logger_factory=_outlet,
        cache_logger_on_first_use=False,  # `get_log` binds once, and that is the logger that is kept
    )
    _bridge(LibraryHandler())
    logging.captureWarnings(capture=True)


def close_logs() -> None:
    """Say what was folded and is only counted so far; call it when nothing more will be logged."""
    for processor in structlog.get_config()["processors"]:
        if isinstance(processor, Floods):
            processor.end()


def _count_folded() -> None:
    LINES.folded += 1


def get_log(**bound: object) -> Log:
    """
    Return a logger whose every line carries *bound*.

    Ask for it where the work begins, after `configure_logs`: before that there is nothing that it could follow.
    """
    return cast("Log", structlog.get_logger().bind(**bound))


def noting(**fields: object) -> AbstractContextManager[object]:
    """Let every line that this task logs inside the context carry *fields*, also those of parts that know nothing."""
    return structlog.contextvars.bound_contextvars(**fields)


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether *stream* is connected to systemd's journal: ``$JOURNAL_STREAM`` names its device and inode."""
    status = status_of(stream)
    return status is not None and environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _is_of_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Likewise; where stdout and stderr have a connection each, the variable names that of stderr."""
    return is_journal(stream, environ) or (is_socket(stream) and is_journal(sys.stderr, environ))


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
        self.writer: LineWriter | JournalWriter | None = None
        self.quote: Callable[[str], str] = str

    def __call__(self, *args: object) -> _Outlet:
        return self

    def write(self, line: Any) -> None:  # noqa: ANN401 - what the last of the processors made for this writer
        """Write one finished line."""
        if self.writer is not None:
            self.writer.write(line)

    debug = info = warning = warn = error = exception = critical = fatal = msg = write


_outlet: Final = _Outlet()


def _choose(form: LogFormat, stream: TextIO, environ: Mapping[str, str]) -> LogFormat:
    if form is not LogFormat.AUTO:
        return form
    if stream.isatty():
        return LogFormat.CONSOLE
    return LogFormat.JOURNALD if _is_of_journal(stream, environ) else LogFormat.JSON


class LibraryHandler(logging.Handler):
    """Hands the records of ``logging`` to our own way of writing lines; see the module for those it leaves out."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)

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


def _compose(_logger: object, method: str, line: Line) -> Line:
    """Put a line in order: time, level and name first, then the fields, without persons and secrets."""
    composed: dict[str, Any] = {
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": _METHOD_LEVELS.get(method, method),
        "event": line.pop("event", ""),
    }
    LINES.written[composed["level"]] += 1
    raised = line.pop("exc_info", None) or (method == "exception")
    withheld = []
    is_quoting = not composed["event"].startswith(OUR_OWN)
    for name, value in line.items():
        if is_withheld(name):
            withheld.append(name)
        elif is_quoting and name in QUOTING and isinstance(value, str):
            composed[name] = _outlet.quote(scrub_text(value))
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


def _hand_on(_logger: object, _method: str, line: Line) -> tuple[tuple[Line], dict[str, Any]]:
    """Give the writer the line as it is."""
    return (line,), {}


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

    def is_down(self, key: str) -> bool:
        """Whether *key* is said to fail."""
        return key in self._repeats

    def forget(self, key: str) -> None:
        """Nothing more will be said of *key*."""
        self._repeats.pop(key, None)

    def _say(self, event: str, **fields: object) -> None:
        getattr(self.log, EVENTS[event].level)(event, **fields)
