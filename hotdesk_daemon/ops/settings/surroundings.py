"""
What the daemon will need of this machine, looked at without changing anything.

Only what can be known before a start, by the user who looks: the unit runs the check as the daemon's own user.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.ops.settings.checking import Check
    from hotdesk_daemon.ops.settings.places import KeyPath
    from hotdesk_daemon.ops.settings.site import Settings


def look_around(check: Check, settings: Settings) -> None:
    """Note directories and files that cannot be used as *settings* want."""
    state_dir = settings.daemon.state_dir
    _check_directory(check, state_dir, ("daemon", "state_dir"))
    if settings.http.token is None:
        _check_file(check, state_dir / "http-token", ("daemon", "state_dir"), access=os.R_OK)
    journal = settings.journal_path
    if journal.parent != state_dir.absolute():
        _check_directory(check, journal.parent, _journal_key(settings))
    _check_file(check, journal, _journal_key(settings), access=os.R_OK | os.W_OK)


def _journal_key(settings: Settings) -> KeyPath:
    if settings.journal.url is not None:
        return ("journal", "url")
    return ("journal", "path") if settings.journal.path is not None else ("daemon", "state_dir")


def _check_directory(check: Check, directory: Path, path: KeyPath) -> None:
    """It can be written to, or made."""
    who = f"user {os.geteuid()}"
    try:
        there = next(one for one in (directory.absolute(), *directory.absolute().parents) if os.path.lexists(one))
        is_here = there == directory.absolute()
        if not there.is_dir():
            check.problem(path, f"{there} is no directory; remove it, or name another one")
        elif not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
            what = "cannot be written to" if is_here else f"cannot be made: {there} cannot be written to"
            check.problem(path, f"{directory} {what} by {who}; mend its permissions, or look as the daemon's user")
        elif not is_here and there != directory.absolute().parent:
            text = f"{directory} will be made with all that it is in, below {there}; is something not mounted?"
            check.warning(path, text)
    except OSError as exc:
        check.problem(path, f"{directory} cannot be looked at: {exc.strerror}; mend its permissions")


def _check_file(check: Check, file: Path, path: KeyPath, *, access: int) -> None:
    """If it is there, it is a file, and it can be used."""
    try:
        if not file.exists():
            return
        if not file.is_file():
            check.problem(path, f"{file} is no file; remove it")
        elif not os.access(file, access, effective_ids=True):
            who = f"user {os.geteuid()}"
            check.problem(path, f"{file} cannot be used by {who}; mend its owner and permissions")
    except OSError:
        return  # its directory cannot be looked at, which is told
