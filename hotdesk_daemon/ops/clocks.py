"""
The daemon's time, handed in wherever time matters.

A simulated site runs faster than the machine, and tests stand still until they say otherwise; so nothing but this
module asks the machine for the time that desks live in.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

#: A sleeper looks at the wall clock at least this often, because that clock may be set.
_LOOK_S: Final = 30.0


class Clock(Protocol):
    """The time of the site."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...

    def mono(self) -> float:
        """Return seconds of the site that only ever grow, from an arbitrary beginning."""
        ...

    async def sleep_until(self, when: datetime) -> None:
        """Return at *when*, at once if it has passed."""
        ...

    def real_s(self, seconds: float) -> float:
        """Return how many seconds of the machine *seconds* of the site take."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the machine's wall-clock time."""
        return datetime.now(UTC)

    def mono(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    async def sleep_until(self, when: datetime) -> None:
        """Return at *when*, also if the wall clock is set meanwhile."""
        while (left_s := (when - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time itself is awaited, nobody sets an event
            await asyncio.sleep(min(left_s, _LOOK_S))

    def real_s(self, seconds: float) -> float:
        """Return *seconds*."""
        return seconds


class ScaledClock:
    """
    Time that begins at *start* (the present when None) and runs *speed* times as fast as the machine's.

    The machine's monotonic clock drives it: setting the wall clock does not disturb a simulated day.
    """

    def __init__(self, *, speed: float, start: datetime | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"a clock must run forwards: speed is {speed}")
        self.speed = speed
        self.start = (start or datetime.now(UTC)).astimezone(UTC)
        self._began_mono = time.monotonic()

    def now(self) -> datetime:
        """Return the moment of the site."""
        return self.start + timedelta(seconds=self.mono())

    def mono(self) -> float:
        """Return the seconds of the site since its clock was made."""
        return (time.monotonic() - self._began_mono) * self.speed

    async def sleep_until(self, when: datetime) -> None:
        """Return at *when* of the site's time."""
        # A timer may fire a hair early by this clock's arithmetic: look again rather than return before the time.
        while (left_s := (when - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(self.real_s(left_s))

    def real_s(self, seconds: float) -> float:
        """Return *seconds* of the site in seconds of the machine."""
        return seconds / self.speed
