"""How fast history goes by: as fast as it happened, or so many times faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

#: No wait is longer, in real seconds: a quiet night is not waited for.
LONGEST_S: Final = 10.0


class Pace:
    """
    Waits between inputs as long as there was between them, divided by *speed*.

    *sleep* waits so many seconds, *mono* tells the machine's monotonic clock in seconds.
    """

    def __init__(self, speed: float, *, sleep: Callable[[float], object], mono: Callable[[], float]) -> None:
        self._speed = speed
        self._sleep = sleep
        self._mono = mono
        self._last: datetime | None = None
        self._due_mono = 0.0

    def wait(self, at: datetime) -> None:
        """Return when it is time for what happened *at*; at once when time ran backwards, or we are late."""
        now = self._mono()
        if self._last is None:
            self._last, self._due_mono = at, now
            return
        gap = max((at - self._last).total_seconds(), 0.0) / self._speed
        self._last = max(at, self._last)
        self._due_mono += min(gap, LONGEST_S)
        if self._due_mono > now:
            self._sleep(self._due_mono - now)
