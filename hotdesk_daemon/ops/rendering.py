"""What log lines look like: JSON for machines, logfmt, a form for people; with systemd's prefix where it reads them."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, Final

import msgspec
import structlog

from hotdesk_daemon.ops.journald import PRIORITIES
from hotdesk_daemon.ops.settings import LogFormat

#: One line, composed: its fields in order.
Line = MutableMapping[str, Any]
_Renderer = Callable[[Line], bytes]

#: systemd's prefixes of a line, sd-daemon(3).
_PREFIXES: Final = {level: f"<{priority}>".encode() for level, priority in PRIORITIES.items()}


class Finish:
    """Makes the bytes of a line, with systemd's prefix where the journal reads them."""

    def __init__(self, form: LogFormat, *, colors: bool, prefixed: bool) -> None:
        self._render = _renderer(form, colors=colors)
        self._prefixes = _PREFIXES if prefixed else dict.fromkeys(_PREFIXES, b"")

    def __call__(self, _logger: object, _method: str, line: Line) -> bytes:
        prefix = self._prefixes[line["level"]]
        try:
            rendered = self._render(line)
        except UnicodeEncodeError:  # half a character, as bytes that are no text become one
            rendered = self._render({name: _whole(value) for name, value in line.items()})
        return prefix + rendered


def _whole(value: object) -> object:
    if isinstance(value, bool | int | float | None):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text.encode("utf-8", "backslashreplace").decode()


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

    def __call__(self, line: Line) -> bytes:
        line["timestamp"] = line["timestamp"][11:23]
        if stack := line.pop("exception.stacktrace", None):
            line["exception"] = stack
        return str(self._render(None, "", line)).encode()


def _flat(line: Line) -> Line:
    """Lists and tables as JSON text, because logfmt has neither."""
    return {
        name: msgspec.json.encode(value).decode() if isinstance(value, list | dict) else value
        for name, value in line.items()
    }
