"""
Folding floods of log lines: of one event at one desk, the first few are written, the rest is counted.

A device that says nonsense a thousand times a second must not fill the disk, nor hide what else happens. So within a
minute an event of one desk (or organisation, or library) is written `MOST` times; how many more there were is said
once, by ``log.folded``, when the minute is over. Debug lines are not folded: who asks for them wants them all. Nor is
what a reload says: the mistakes of the third try are not those of the first.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import attrs
import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from structlog.typing import FilteringBoundLogger

#: Lines of one event at one desk that are written within `WINDOW_S`.
MOST: Final = 20
WINDOW_S: Final = 60.0
#: Events at desks that are counted at the same time; of more, the oldest begin anew.
KEYS_KEPT: Final = 20_000
#: What a person's own act brings, who reads it next: as much of it as is told is bounded there.
_BY_A_PERSON: Final = "config."
FOLDED: Final = "log.folded"
#: What tells one source of an event from another; the first that a line has counts.
_SOURCES: Final = ("desk_id", "org", "logger")


class _Key(NamedTuple):
    event: str
    level: str
    field: str
    source: str


@attrs.define
class _Window:
    ends_mono: float
    lines: int = 0


@attrs.define(eq=False)
class Floods:
    """
    A processor of log lines; may be used by any thread. *counted* is called for each line that is not written.
    """

    counted: Callable[[], None] = lambda: None
    mono: Callable[[], float] = time.monotonic
    most: int = MOST
    window_s: float = WINDOW_S
    keys_kept: int = KEYS_KEPT
    _windows: OrderedDict[_Key, _Window] = attrs.field(factory=OrderedDict, init=False)
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)

    def __call__(self, _logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """
        Pass *line* on, unless there were too many of its kind.

        Raises:
            structlog.DropEvent: there were.
        """
        event = line.get("event", "")
        if method == "debug" or event == FOLDED or event.startswith(_BY_A_PERSON):
            return line
        field = next((name for name in _SOURCES if name in line), "")
        level = method if method in {"info", "warning"} else "error"
        key = _Key(event, level, field, str(line[field]) if field else "")
        now = self.mono()
        with self._lock:
            over = list(self._take_over(now))
            window = self._windows.get(key)
            if window is None:
                window = self._windows[key] = _Window(now + self.window_s)
            window.lines += 1
            is_one_more = window.lines > self.most
            is_first = window.lines == self.most + 1
        self._tell(over)
        if is_first:
            self._look_later()
        if is_one_more:
            self.counted()
            raise structlog.DropEvent
        return line

    def end(self) -> None:
        """Say now what was left out: nothing comes afterwards that could say it."""
        with self._lock:
            over = [*self._windows.items()]
            self._windows.clear()
        self._tell(over)

    def _take_over(self, now: float) -> Iterator[tuple[_Key, _Window]]:
        """Windows that are over, and the oldest where there are too many."""
        while self._windows:
            oldest = next(iter(self._windows.values()))
            if oldest.ends_mono > now and len(self._windows) < self.keys_kept:
                return
            yield self._windows.popitem(last=False)

    def _tell(self, over: list[tuple[_Key, _Window]]) -> None:
        for key, window in over:
            if window.lines > self.most:
                log = cast("FilteringBoundLogger", structlog.get_logger())
                if key.field:
                    log = log.bind(**{key.field: key.source})
                say = getattr(log, key.level)
                say("log.folded", folded=key.event, lines=window.lines - self.most, window_s=self.window_s)

    def _look_later(self) -> None:
        """Where there is an event loop, have it said in time even if nothing else is logged."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_later(self.window_s, self._look)

    def _look(self) -> None:
        with self._lock:
            over = list(self._take_over(self.mono()))
        self._tell(over)
