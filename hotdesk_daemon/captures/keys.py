"""
The key of an installation's pseudonyms: kept, so that a person has the same one in all of its captures.

It never stands in a capture. Who has it can find out whether a pseudonym stands for a person whom they know.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

KEY_FILE: Final = "pseudonyms.key"
_KEY_BYTES: Final = 32


def fresh_key() -> bytes:
    """A key that nobody else has."""
    return secrets.token_bytes(_KEY_BYTES)


def kept_key(state_dir: Path) -> bytes:
    """
    The key kept in *state_dir*, made there (readable by the directory's owner only) if there is none.

    Raises:
        ConfigError: the directory or the file cannot be used.
    """
    path = state_dir / KEY_FILE
    try:
        if not path.exists():
            _write(path)
        with path.open("rb") as file:
            key = file.read(_KEY_BYTES + 1)
    except OSError as exc:
        raise ConfigError(
            f"{path}: the key of the pseudonyms cannot be kept here: {exc.strerror or exc}; capture as the user whom "
            "the daemon runs as"
        ) from exc
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{path}: is no key of pseudonyms, which has {_KEY_BYTES} bytes; move it away for a new one")
    return key


def key_name(key: bytes) -> str:
    """What *key* is called in captures, so that it can be seen whether two were written with the same."""
    return hashlib.blake2b(key, digest_size=8, person=b"hotdesk-capture").hexdigest()


def _write(path: Path) -> None:
    """Put a new key at *path*: complete or not at all, and never over one that appeared meanwhile."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            owner = path.parent.stat()
            if os.geteuid() == 0:
                # Else the daemon's own user, who captures next, could not read it.
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(fresh_key())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
