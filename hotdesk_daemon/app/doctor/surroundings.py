"""What the doctor sees of the machine, handed in so that a test can put another one in its place."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class Space:
    """Bytes of a file system."""

    total: int
    free: int


def _space(path: Path) -> Space:
    usage = shutil.disk_usage(path)
    return Space(total=usage.total, free=usage.free)


def _now() -> datetime:
    return datetime.now(UTC)


def _most_files() -> int:
    """How many files may be open at most; -1 is without limit. The daemon raises its own limit as far as it may."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@attrs.frozen(kw_only=True)
class Surroundings:
    """Time, disks and limits of this machine."""

    now: Callable[[], datetime] = _now
    space: Callable[[Path], Space] = _space
    most_files: Callable[[], int] = _most_files
