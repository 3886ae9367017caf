"""The machine: directory, files, disk, limits and switches. Everything here blocks: use a thread."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, warned
from hotdesk_daemon.app.process import files_needed
from hotdesk_daemon.app.safety import BREAKER_FILE, HALT_FILE, NO_REASON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.app.doctor.surroundings import Surroundings
    from hotdesk_daemon.ops.settings import Secret, Settings

_LEAST_BYTES: Final = 100 * 10**6
_SOON_BYTES: Final = 10**9
_SOON_SHARE: Final = 0.05
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_GROUP_READS: Final = stat.S_IRGRP
_FROM_FILE: Final = "from file:"
#: Files of the state directory that hold secrets or what people booked, and nobody else is to read.
_OURS: Final = ("http-token", "pseudonyms.key", "journal.sqlite3*", "organisations/*.json", "organisations/*.jsonl")
_MOST_FILES: Final = 10_000


def look_at_machine(settings: Settings, around: Surroundings) -> Iterator[Finding]:
    """Every check of the section that looks at nothing but this machine's files and limits."""
    state_dir = settings.daemon.state_dir
    yield from _state_directory(state_dir)
    yield from _permissions(settings)
    yield from _disk(settings, around)
    yield _open_files(settings, around)
    yield _switch(state_dir / HALT_FILE, "machine.halt", "sending is stopped")
    yield _switch(state_dir / BREAKER_FILE, "machine.breaker", "the breaker is open")


# --- files -----------------------------------------------------------------------------------------------------------


def _state_directory(path: Path) -> Iterator[Finding]:
    name, subject = "machine.state_directory", str(path)
    try:
        found = path.stat()
    except FileNotFoundError:
        parent = _standing(path)
        if os.access(parent, os.W_OK | os.X_OK):
            yield fine(name, subject, "is not there yet, and can be made")
        else:
            yield failed(name, subject, f"is not there, and {parent} does not let us make it")
        return
    except OSError as exc:
        yield failed(name, subject, f"cannot be looked at: {exc.strerror}")
        return
    if not stat.S_ISDIR(found.st_mode):
        yield failed(name, subject, "is no directory")
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield failed(name, subject, "cannot be written to by this user")
    elif found.st_uid != os.geteuid():
        text = f"belongs to user {found.st_uid}, not to user {os.geteuid()} as whom the doctor runs"
        yield warned(name, subject, text, remedy="run the doctor as the daemon's user; else give the directory to it")
    elif found.st_mode & _OTHERS:
        yield warned(name, subject, f"is open to others (mode {stat.S_IMODE(found.st_mode):04o})")
    else:
        yield fine(name, subject, "is ours alone, and writable")


def _permissions(settings: Settings) -> Iterator[Finding]:
    """A group may read a secret, as for a service's group; nobody but the owner may read what is the daemon's own."""
    found = list(_open_secrets(settings)) + list(_open_files_of_ours(settings.daemon.state_dir))
    yield from found or [fine("machine.permissions", "", "secrets and state are closed to others")]


def _open_secrets(settings: Settings) -> Iterator[Finding]:
    for path in sorted({path for secret in secrets_of(settings) if (path := file_of(secret)) is not None}):
        try:
            mode = path.stat().st_mode
        except OSError as exc:
            yield failed("machine.permissions", str(path), f"cannot be looked at: {exc.strerror}")
            continue
        if mode & _OTHERS & ~_GROUP_READS:
            text = f"holds a secret, and is open to others (mode {stat.S_IMODE(mode):04o})"
            yield warned("machine.permissions", str(path), text)


def _open_files_of_ours(state_dir: Path) -> Iterator[Finding]:
    try:
        owner = state_dir.stat().st_uid
        paths = [path for pattern in _OURS for path in sorted(state_dir.glob(pattern))][:_MOST_FILES]
    except OSError:
        return  # told by the check of the directory
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue  # gone meanwhile, or not ours to see
        if found.st_uid != owner:
            text = f"belongs to user {found.st_uid}, its directory to user {owner}: the daemon cannot use it"
            yield failed("machine.permissions", str(path), text)
        elif found.st_mode & _OTHERS:
            yield warned(
                "machine.permissions", str(path), f"is open to others (mode {stat.S_IMODE(found.st_mode):04o})"
            )


def secrets_of(settings: Settings) -> Iterator[Secret]:
    """Every secret that the configuration refers to."""
    if settings.http.token is not None:
        yield settings.http.token
    for organisation in settings.organisations:
        yield organisation.client_secret
        if organisation.webhook is not None:
            yield organisation.webhook.secret
    for desk in settings.desks:
        yield from (device.password for device in desk.devices if device.password is not None)


def file_of(secret: Secret) -> Path | None:
    """The file that a secret was read from, if it was one of the configuration's own."""
    if not secret.origin.startswith(_FROM_FILE):
        return None
    return Path(secret.origin.removeprefix(_FROM_FILE))


# --- room ------------------------------------------------------------------------------------------------------------


def _disk(settings: Settings, around: Surroundings) -> Iterator[Finding]:
    places = {settings.daemon.state_dir}
    if settings.journal.path is not None:
        places.add(settings.journal.path.parent)
    for place in sorted(places):
        try:
            space = around.space(_standing(place))
        except OSError as exc:
            yield failed("machine.disk", str(place), f"cannot be looked at: {exc.strerror}")
            continue
        text = f"{space.free / 10**9:.2f} GB of {space.total / 10**9:.1f} GB are free"
        if space.free < _LEAST_BYTES:
            yield failed("machine.disk", str(place), text)
        elif space.free < max(_SOON_BYTES, _SOON_SHARE * space.total):
            yield warned("machine.disk", str(place), text)
        else:
            yield fine("machine.disk", str(place), text)


def _open_files(settings: Settings, around: Surroundings) -> Finding:
    most, needed = around.most_files(), files_needed(settings)
    if 0 <= most < needed:
        return failed("machine.open_files", "", f"only {most} files may be open, but {needed} may be needed")
    return fine(
        "machine.open_files", "", f"{needed} files may be needed, {'any number' if most < 0 else most} may be open"
    )


def _switch(path: Path, name: str, text: str) -> Finding:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            why = " ".join(file.read(500).split()) or NO_REASON
    except (FileNotFoundError, NotADirectoryError):  # the latter is told by the check of the directory
        return fine(name, str(path), "is not there")
    except OSError as exc:
        return warned(name, str(path), f"{text}: the file cannot be read: {exc.strerror}")
    return warned(name, str(path), f"{text}: {why}", named=(why,))


def _standing(path: Path) -> Path:
    """*path*, or what is nearest above it and there."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
