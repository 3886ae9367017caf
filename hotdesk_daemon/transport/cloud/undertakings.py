"""
Work that goes on to its end whoever gives up waiting for it: half of it may be on the disk already.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hotdesk_daemon.core.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Coroutine

#: How long the end waits for what is under way: a token that is on its way to us may have rotated.
STOP_S: Final = 10.0
_OVER: Final = "the tokens are kept no more"

T = TypeVar("T")


class Undertakings:
    """What is under way, each a task of its own, from `open` to `close`; *name* is in theirs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_over = False

    def open(self) -> None:
        """Take work in (again)."""
        self._is_over = False

    def begin(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """
        Have *work* done.

        Raises:
            TransientError: it is over.
        """
        if self._is_over:
            work.close()
            raise TransientError(_OVER)
        task = asyncio.create_task(work, name=f"{self._name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it is told to whoever waits, and perhaps nobody does any more

    async def close(self) -> None:
        """Begin nothing any more, and let what is under way come to its end; bounded."""
        self._is_over = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S)
        for task in [*self._tasks]:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def outcome(task: asyncio.Task[T]) -> T:
    """
    What *task* comes to; it goes on when the caller is cancelled.

    Raises:
        TransientError: it was cancelled.
    """
    await asyncio.wait({task})
    if task.cancelled():
        raise TransientError(_OVER)
    return task.result()
