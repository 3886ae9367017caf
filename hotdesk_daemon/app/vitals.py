"""
Whether work is getting done: what the service manager's watchdog is fed with.

The loop turns, because it is a task that asks. The journal's writer finishes what it is given, be it with an error: a
full disk is told otherwise, and a restart would not mend it. And devices are heard, or there is a proven reason why
none is: tries to connect go on, or all of them wait for a moment to come. A cloud that says nothing and a floor that is
switched off are such reasons; links that hang, and nobody tries, are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.housing import Housing
from hotdesk_daemon.app.organisations import Organisations

if TYPE_CHECKING:
    from collections.abc import Collection

    from hotdesk_daemon.transport import DeviceLink

#: How long nothing may be tried and nobody be heard: a try takes no longer, and then it ends or is followed by a wait.
GRACE_S: Final = 120.0


@attrs.define(eq=False, kw_only=True)
class Vitals:
    """Looks at the work of one daemon; *mono* is the machine's time."""

    fleet: Fleet
    housing: Housing
    organisations: Organisations
    mono: Callable[[], float]
    _finished: int = -1
    _tries: int = -1
    _proven_mono: float | None = None

    def trouble(self) -> str | None:
        """What does not get done since the last look, in words; None when all does."""
        return self._journal() or self._streams()

    def _journal(self) -> str | None:
        stats = self.fleet.journal.writer_stats
        finished, self._finished = self._finished, stats.commits + stats.failures
        if stats.waiting and finished == self._finished:
            return f"the journal's writer finishes nothing, and {stats.waiting} records wait"
        return None

    def _streams(self) -> str | None:
        now = self.mono()
        if self._proven_mono is None or self._is_proven(now):
            self._proven_mono = now
        if now - self._proven_mono > GRACE_S:
            return "no device is heard, and nobody tries to reach one"
        return None

    def _is_proven(self, now: float) -> bool:
        """Whether a device is heard, or whoever should hear one is at it."""
        links = self.housing.links
        is_tried = self._is_tried(links, now)
        if any(ways.is_up for ways in self.fleet.ways.values()):
            return True
        return is_tried and self.organisations.are_living

    def _is_tried(self, links: Collection[DeviceLink], now: float) -> bool:
        """Whether there was a try since the last look, or all wait for the next one, which is still to come."""
        tries, self._tries = self._tries, sum(link.tries for link in links)
        waits = (link.next_try_mono for link in links)
        return tries != self._tries or all(until is not None and until > now for until in waits)
