"""
Secrets: named by reference in the configuration, held so that they cannot be shown by accident.

A reference is ``credential:NAME`` (a systemd credential), ``file:PATH`` or ``env:NAME``. The value itself never stands
in a configuration file, so that the file can be shown, copied and kept under version control.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMS: Final = "credential:NAME, file:PATH or env:NAME"
_SCHEMES: Final = frozenset({"credential", "file", "env"})
_LIMIT_BYTES: Final = 64 * 1024
#: Long enough for whatever a secret must be.
_UNREAD: Final = "a secret that was not read"
_FROM: Final = "from "
_TOKEN_FILE: Final = "http-token"  # noqa: S105 - the file's name


class Secret:
    """A value that appears in no text: only `reveal` gives it away. ``origin`` says where it came from."""

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, *, origin: str = "given directly") -> None:
        self._value = value
        self.origin = origin

    def reveal(self) -> str:
        """Return the secret itself; hand it on to where it is used and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return f"<secret, {self.origin}>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and secrets.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


def read_secret(reference: str, environ: Mapping[str, str]) -> tuple[Secret, str | None]:
    """
    Fetch the secret that *reference* names, and a warning if others can read it too.

    Raises:
        ValueError: it cannot be had; the text says why and never holds the value.

    """
    scheme, name = _parts(reference)
    if scheme == "env":
        if name not in environ:
            raise ValueError(f"the environment has no {name}; set it where the daemon is started")
        return _secret(environ[name], reference), None
    if scheme == "credential":
        return _secret(_read(_credential(name, environ)), reference), None
    return _secret(_read(Path(name)), reference), _exposure(Path(name))


def unread_secret(reference: str) -> Secret:
    """
    Stand in for the secret that *reference* names, where it is not to be fetched.

    Raises:
        ValueError: *reference* is none.

    """
    _parts(reference)
    return Secret(_UNREAD, origin=f"{_FROM}{reference}")


def fetched(secret: Secret, environ: Mapping[str, str]) -> Secret:
    """
    Fetch what *secret*, an unread one, stands in for.

    Raises:
        ConfigError: it cannot be had.

    """
    try:
        return read_secret(secret.origin.removeprefix(_FROM), environ)[0]
    except ValueError as exc:
        raise ConfigError(str(exc)) from None


def _parts(reference: str) -> tuple[str, str]:
    scheme, _, name = reference.partition(":")
    if scheme not in _SCHEMES or not name:
        # What was written may be the secret itself: it is not repeated.
        raise ValueError(f"is no reference to a secret; write {FORMS}, never the secret itself")
    return scheme, name


def ensure_http_token(state_dir: Path) -> Secret:
    """
    The HTTP token kept in *state_dir*, made there (readable by its owner only) if there is none.

    Raises:
        ConfigError: the directory or the file cannot be used.

    """
    path = state_dir / _TOKEN_FILE
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_token(path)
        return _secret(_read(path), f"file:{path}")
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise ConfigError(f"{path}: the HTTP token cannot be kept here: {reason}; mend daemon.state_dir") from exc


def stored_http_token(state_dir: Path) -> Secret | None:
    """Return the HTTP token that a daemon keeps in *state_dir*, if there is one that we may read."""
    try:
        return _secret(_read(state_dir / _TOKEN_FILE), f"file:{state_dir / _TOKEN_FILE}")
    except ValueError:
        return None


def _write_token(path: Path) -> None:
    """Put a new token at *path*: complete or not at all, and never over one that appeared meanwhile."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _credential(name: str, environ: Mapping[str, str]) -> Path:
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory is None:
        raise ValueError("there are no credentials here ($CREDENTIALS_DIRECTORY is not set); LoadCredential= sets it")
    if "/" in name or name in {".", ".."}:
        raise ValueError("a credential's name is one file name, without a slash")
    return Path(directory) / name


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT_BYTES + 1)
    except (OSError, ValueError) as exc:
        raise ValueError(
            f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}; mend path or permissions"
        ) from exc
    if len(data) > _LIMIT_BYTES:
        raise ValueError(f"{path} is longer than {_LIMIT_BYTES} bytes and no secret")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


def _secret(text: str, reference: str) -> Secret:
    """Make the secret; the newline that editors end a file with is not part of it."""
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise ValueError(f"{reference} is empty")
    if any(ord(char) < ord(" ") for char in value):
        raise ValueError(f"{reference} has more than one line, or control characters")
    return Secret(value, origin=f"{_FROM}{reference}")


def _exposure(path: Path) -> str | None:
    mode = stat.S_IMODE(path.stat().st_mode)
    for bit, what in ((stat.S_IROTH, "read"), (stat.S_IWOTH, "change")):
        if mode & bit:
            return f"everybody on this machine can {what} {path}; run: chmod o-rwx {path}"
    return None
