"""The state directory, for one daemon alone, and in it how each run ended, for the next."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.core.errors import ConfigError, TransientError
from hotdesk_daemon.journal.lock import exclusive
from hotdesk_daemon.ops.logs import get_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager
    from pathlib import Path

#: What passes when there is room again, or the disk is back.
_PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})

RUN_FILE: Final = "last-run.json"
_LONGEST: Final = 1024


@attrs.frozen(kw_only=True)
class LastRun:
    """
    A run and how it ended: ``stopped`` is "clean", "failed", or "killed", which it stays unless the run says otherwise.

    ``began`` and ``ended`` are the machine's time in UTC; None where they are not known.
    """

    stopped: str = "killed"
    began: datetime | None = None
    ended: datetime | None = None


@asynccontextmanager
async def held_alone(directory: Path) -> AsyncIterator[LastRun | None]:
    """
    See that *directory* is there and can be written, and hold it until the end of the block.

    Gives the run before this one; None where there was none, or nobody wrote it down.

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
    path, this = directory / RUN_FILE, LastRun(began=datetime.now(UTC))
    stopped = "failed"
    try:
        yield await asyncio.to_thread(_turn_over, path, this)
        stopped = "clean"
    except asyncio.CancelledError:  # by a signal, before it served anybody
        stopped = "clean"
        raise
    finally:
        await asyncio.to_thread(_write, path, attrs.evolve(this, stopped=stopped, ended=datetime.now(UTC)))
        await asyncio.to_thread(lock.__exit__, None, None, None)


def tell_of_last(last: LastRun, last_record: datetime | None) -> str:
    """Log how the *last* run ended, of which the journal's newest record is *last_record*; return it in words."""
    say = get_log().info if last.stopped == "clean" else get_log().warning
    say("daemon.last_stop", stopped=last.stopped, began=last.began, ended=last.ended, last_record=last_record)
    at, when = (last.ended, "at") if last.ended else (last_record or last.began, "after")
    return f"last stop: {last.stopped}" + (f" {when} {at:%Y-%m-%d %H:%M:%S} UTC" if at else "")


def _enter(directory: Path, lock: AbstractContextManager[None]) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock.__enter__()


def _turn_over(path: Path, this: LastRun) -> LastRun | None:
    """Read of the last run, and begin *this* one."""
    try:
        with path.open("rb") as file:
            last = msgspec.json.decode(file.read(_LONGEST), type=LastRun)
    except FileNotFoundError:
        last = None
    except (OSError, msgspec.DecodeError):  # cut off in the middle of writing it
        last = LastRun()
    _write(path, this)
    return last


def _write(path: Path, run: LastRun) -> None:
    """In the place of what stands there, so that a full disk takes it too; where it cannot be, nothing is claimed."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(handle, os.pwrite(handle, msgspec.json.encode(run) + b"\n", 0))
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        with suppress(OSError):
            path.unlink()
