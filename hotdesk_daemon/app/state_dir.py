"""The state directory, for one daemon alone."""

from __future__ import annotations

import asyncio
import errno
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core.errors import ConfigError, TransientError
from hotdesk_daemon.journal.lock import exclusive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager
    from pathlib import Path

#: What passes when there is room again, or the disk is back.
_PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})


@asynccontextmanager
async def held_alone(directory: Path) -> AsyncIterator[None]:
    """
    See that *directory* is there and can be written, and hold it until the end of the block.

    Raises:
        JournalLockedError: another daemon holds it.
        ConfigError: it cannot be used.
        TransientError: it cannot be used now.
    """
    lock = exclusive(directory, what="state directory")
    try:
        await asyncio.to_thread(_enter, directory, lock)
    except OSError as exc:
        told = f"{directory}: the state cannot be kept here: {exc.strerror}"
        if exc.errno in _PASSING:
            raise TransientError(told) from exc
        remedy = "let the daemon's user write there, or choose another daemon.state_dir"
        raise ConfigError(f"{told}; {remedy}") from exc
    try:
        yield
    finally:
        await asyncio.to_thread(lock.__exit__, None, None, None)


def _enter(directory: Path, lock: AbstractContextManager[None]) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock.__enter__()
