"""Where to stop: at a step that gives a certain reason, meets a certain kind of input, or surprises."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core.ids import DeskId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.app.replaying.replay import Taken

#: What is no reason or kind of its own: a surprise of any sort, an input that cannot be read, a step that came out
#: otherwise than it is recorded.
SURPRISE: Final = "desk.surprise"
UNREADABLE: Final = "desk.unreadable"
DIVERGENCE: Final = "desk.divergence"


@attrs.define(eq=False)
class Breaks:
    """
    Names, or patterns of names such as ``booking.*``, of what to stop at.

    A name is a reason's code (``booking.rejected``), a kind of input (``BookingCreated``), a command's path
    (``Bookings Delete``), or one of the three above.
    """

    patterns: Sequence[str]
    _diverged: set[DeskId] = attrs.field(factory=set)

    def met(self, taken: Taken, *, has_diverged: bool) -> str | None:
        """The name of *taken* that is to be stopped at, if it has one; *has_diverged*: its desk, by now."""
        return next((name for name in self._names(taken, has_diverged=has_diverged) if self._is_wanted(name)), None)

    def _is_wanted(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)

    def _names(self, taken: Taken, *, has_diverged: bool) -> Iterator[str]:
        entry, before, step = taken
        if has_diverged and entry.desk_id not in self._diverged:
            self._diverged.add(entry.desk_id)
            yield DIVERGENCE
        yield entry.kind
        if step is None:
            yield UNREADABLE
            return
        for reason in step.reasons:
            yield reason.code
        for command in step.commands:
            yield command.command.path
        if step.desk.counters.surprises > before.counters.surprises:
            yield SURPRISE
