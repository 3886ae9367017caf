"""A look at what the main thread does, every so much CPU time: which part of the program dominates."""

from __future__ import annotations

import signal
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

_EVERY_S: Final = 0.002
_OURS: Final = "hotdesk_daemon."
#: Where the main thread stands when the loop waits, or is in its own C code.
_RESTING: Final = ("asyncio.runners", "runpy", "__main__")


class Sampler:
    """
    Looks by a signal, so it sees the main thread wherever it is; a thread would see it where it lets others run.

    A look is counted under the innermost function of ours, or under the library that the loop itself has called. The
    writer's thread runs the timer too: the main thread is then seen waiting, or waiting for the interpreter.
    """

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()

    def start(self) -> None:
        """Begin to look."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)

    def stop(self, *, most: int) -> list[tuple[str, float]]:
        """Look no more; the commonest places with their shares of the time in which the main thread was at work."""
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        total = self._found.total() or 1
        return [(place, count / total) for place, count in self._found.most_common(most)]

    def _look(self, _number: int, frame: FrameType | None) -> None:
        place = _place(frame)
        if place is not None:
            self._found[place] += 1


def _place(frame: FrameType | None) -> str | None:
    innermost = None
    while frame is not None:
        module = str(frame.f_globals.get("__name__", "?"))
        if module.startswith(_OURS):
            return f"{module.removeprefix(_OURS)}.{frame.f_code.co_name}"
        if innermost is None and module not in _RESTING:
            innermost = module.partition(".")[0]
        frame = frame.f_back
    return innermost
