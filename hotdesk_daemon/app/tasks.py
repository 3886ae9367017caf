"""Tasks that should never end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.ops.logs import get_log

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, Never


@attrs.frozen
class Tasks:
    """Makes tasks of ``group`` that should never end: one that does is a mistake and says its name."""

    group: asyncio.TaskGroup

    def add(self, work: Coroutine[Any, Any, Never], *, name: str) -> asyncio.Task[Never]:
        """Start *work*; whoever called cancels it, or the group does."""
        return self.group.create_task(self._guard(work, name), name=name)

    @staticmethod
    async def _guard(work: Coroutine[Any, Any, Never], name: str) -> Never:
        try:
            await work
        except Exception as exc:
            get_log().error("task.failed", task=name, exc_info=exc)
            raise
        raise AssertionError(f"{name} ended, which it never should")
