"""A bar that shows how far a long run has come: on stderr, on a terminal only, and not for short runs."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A run that takes less shows nothing, in real seconds.
_PATIENCE_S: Final = 1.0
_EVERY_S: Final = 0.1


class Going(Protocol):
    """What takes long."""

    @property
    def progress(self) -> float:
        """How much of it is done, from 0 to 1."""


@contextmanager
def following(going: Going) -> Iterator[Callable[[], None] | None]:
    """What is to be called now and then while *going* goes on; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    bar = Progress(
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=1.0)
    due = time.monotonic() + _PATIENCE_S

    def tick() -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + _EVERY_S
            bar.start()
            bar.update(task, completed=going.progress)

    try:
        yield tick
    finally:
        bar.stop()
