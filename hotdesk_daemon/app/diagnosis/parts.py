"""The parts that this machine alone tells: versions, limits, the journal's numbers, parked commands, the unit's log."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon import __version__
from hotdesk_daemon.app.capture import Capture, Stop, Wanted
from hotdesk_daemon.core.desk import CommandState, OpenCommand
from hotdesk_daemon.core.errors import ConfigError, TransientError
from hotdesk_daemon.journal import WriterStats, dialect, queries
from hotdesk_daemon.journal.reading import reading

if TYPE_CHECKING:
    from hotdesk_daemon.ops.settings import Settings

#: A bundle is to be sent: no part of it grows beyond this.
_MOST_CAPTURE_BYTES: Final = 64 << 20
_MOST_LOG_BYTES: Final = 4 << 20
_MOST_FILES: Final = 1000
_MOST_COMMANDS: Final = 1000
#: How long a capture, and the system's journal, may take.
_CAPTURE_S: Final = 120.0
_JOURNALCTL_S: Final = 20.0
_UNIT: Final = "hotdesk-daemon*"


def versions() -> dict[str, Any]:
    """What runs, on what."""
    requires = importlib.metadata.requires("hotdesk-daemon") or []
    names = sorted({name for line in requires if (name := _name_of(line))})
    return {
        "hotdesk-daemon": __version__,
        "python": sys.version,
        "system": platform.platform(),
        "written_at": datetime.now(UTC).isoformat(),
        "libraries": {name: found for name in names if (found := _version_of(name)) is not None},
    }


def _name_of(requirement: str) -> str:
    letters = (char if char.isalnum() or char in "-_." else " " for char in requirement)
    return "".join(letters).split(" ", 1)[0]


def _version_of(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def machine(settings: Settings) -> dict[str, Any]:
    """Room, limits, load, and what lies in the state directory; of files only names, sizes and modes."""
    state_dir = settings.daemon.state_dir
    standing = next((one for one in (state_dir.absolute(), *state_dir.absolute().parents) if one.exists()), Path("/"))
    usage = shutil.disk_usage(standing)
    limits = {
        name: list(resource.getrlimit(getattr(resource, name))) for name in dir(resource) if name.startswith("RLIMIT_")
    }
    return {
        "state_dir": str(state_dir),
        "disk": {"of": str(standing), "total": usage.total, "used": usage.used, "free": usage.free},
        "files": [_file(path, state_dir) for path in sorted(state_dir.rglob("*"))[:_MOST_FILES]],
        "limits": limits,
        "load": list(os.getloadavg()),
        "cpus": os.cpu_count(),
        "user": os.geteuid(),
    }


def _file(path: Path, below: Path) -> dict[str, Any]:
    found = path.lstat()
    return {
        "name": str(path.relative_to(below)),
        "size": found.st_size,
        "mode": stat.filemode(found.st_mode),
        "owner": found.st_uid,
        "changed_at": datetime.fromtimestamp(found.st_mtime, UTC).isoformat(),
    }


def journal_numbers(settings: Settings) -> dict[str, Any]:
    """
    How much the journal holds.

    Raises:
        ConfigError: there is none, or one of another version.
        JournalUnavailableError: it cannot be read.
    """
    with reading(settings.journal_url) as journal:
        name = journal.journal_id
    url = dialect.parse_url(settings.journal_url)
    path = dialect.file_of(url)
    # What was written last stands in a file beside it.
    files = [path, path.with_name(f"{path.name}-wal")] if path is not None else []
    size_bytes = sum(file.stat().st_size for file in files if file.exists())
    with dialect.make_engine(url, read_only=True).connect() as connection:
        found = queries.stats(connection, size_bytes, WriterStats())
    return {
        "journal": name,
        "desks": found.desks,
        "snapshots": found.snapshots,
        "records": found.last_journal_seq,
        "oldest_at": found.oldest_at.isoformat() if found.oldest_at is not None else None,
        "newest_at": found.newest_at.isoformat() if found.newest_at is not None else None,
        "commands": {state.value: count for state, count in sorted(found.outbox.items())},
        "size_bytes": found.size_bytes,
    }


def parked(settings: Settings) -> list[dict[str, Any]]:
    """
    Commands that wait for a person, without what they say and to whom.

    Raises:
        ConfigError: there is no journal, or one of another version.
        JournalUnavailableError: it cannot be read.
    """
    with reading(settings.journal_url):
        pass  # it is there and of this version
    with dialect.make_engine(dialect.parse_url(settings.journal_url), read_only=True).connect() as connection:
        rows = queries.outbox_page(connection, None, {CommandState.PARKED}, _MOST_COMMANDS, None)
    return [
        {
            "command": row.command_id,
            "desk": row.desk_id,
            "path": row.kind,
            "attempts": row.open.attempts if isinstance(row.open, OpenCommand) else None,
            "by_rule": row.open.by_rule if isinstance(row.open, OpenCommand) else None,
            "decided_at": row.decided_at.isoformat(),
            "parked_at": row.updated_at.isoformat(),
        }
        for row in rows
    ]


def capture(settings: Settings, *, last_s: float) -> bytes:
    """
    The newest history, redacted and packed; a key of pseudonyms that cannot be kept is of this capture alone.

    Raises:
        ConfigError: there is no journal, or nothing in it.
        HotdeskError: it cannot be read, or takes too long.
    """
    wanted = Wanted(last_s=last_s, packed=True, max_bytes=_MOST_CAPTURE_BYTES)
    state_dir = settings.daemon.state_dir
    if state_dir.is_dir() and os.access(state_dir, os.W_OK):
        wanted = Wanted(last_s=last_s, packed=True, max_bytes=_MOST_CAPTURE_BYTES, state_dir=state_dir)
    stop = Stop()
    alarm = threading.Timer(_CAPTURE_S, stop.set)
    alarm.daemon = True
    alarm.start()
    try:
        with tempfile.TemporaryFile() as file:
            Capture(settings.journal_url, wanted, stop=stop).write(file)
            file.seek(0)
            return file.read()
    finally:
        alarm.cancel()


def unit_log(*, last_s: float) -> str:
    """
    The last lines that the unit wrote, as the system keeps them.

    Raises:
        ConfigError: this system keeps none.
        TransientError: they cannot be had.
    """
    program = shutil.which("journalctl")
    if program is None:
        raise ConfigError("there is no journalctl here; add the lines around the trouble by hand")
    words = [program, "--unit", _UNIT, "--since", f"-{round(last_s)}s", "--no-pager", "--no-hostname"]
    try:
        with closing(tempfile.TemporaryFile()) as file:
            done = subprocess.run(  # noqa: S603 - our own words
                [*words, "--output", "short-iso", "--lines", "5000"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
                timeout=_JOURNALCTL_S,
                check=False,
            )
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MOST_LOG_BYTES))
            text = file.read().decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise TransientError(f"journalctl did not answer: {type(exc).__name__}") from exc
    if done.returncode:
        raise TransientError(f"journalctl ended with status {done.returncode}")
    return text
