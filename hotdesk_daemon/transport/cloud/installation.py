"""
What must last of an organisation's activation: who it is, where its cloud is, and the tokens.

One file per organisation, readable by its owner only and replaced as a whole. Two processes write it, the daemon and
``activate``; a generation number and a lock keep the one from undoing what the other has just done.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Ids of tokens that were used, kept as long as a token can be good: an activation code is for a day.
JTIS_KEPT: Final = 2_000


@attrs.frozen(kw_only=True)
class Installation:
    """
    One activation. URLs are the cloud's, out of a verified token; times are UTC.

    ``organisation`` is its UUID. ``statuses``, ``commands`` and ``events`` are the paths that were granted. ``jtis``
    are the ids of the tokens that were acted on. ``generation`` counts up with every change.
    """

    organisation: str
    organisation_name: str = ""
    app_id: str
    region: str | None = None
    app_url: str
    oauth_url: str
    api_url: str
    refresh_token: str = attrs.field(repr=False)
    refresh_expires_at: datetime | None = None
    access_token: str | None = attrs.field(default=None, repr=False)
    access_expires_at: datetime | None = None
    poll_url: str | None = None
    scopes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    jtis: tuple[str, ...] = ()
    activated_at: datetime | None = None
    generation: int = 0

    def with_jti(self, jti: str) -> Installation:
        """The same, with *jti* used."""
        return attrs.evolve(self, jtis=(*self.jtis, jti)[-JTIS_KEPT:])


class InstallationStore:
    """The file of one organisation's `Installation`. Everything here blocks: use a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Installation | None:
        """
        Read it; None when there is no activation.

        Raises:
            ConfigError: it cannot be read or is damaged.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Installation)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise ConfigError(f"{self.path}: the activation cannot be read: {exc.strerror}") from exc
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            # What msgspec says of a place is harmless; what stands there may be a token and is not repeated.
            problem = f"{self.path}: the activation is damaged; remove the file and run hotdesk-daemon activate"
            raise ConfigError(problem) from exc

    def change(self, how: Callable[[Installation | None], Installation | None]) -> Installation | None:
        """
        Replace what stands by what *how* makes of it, with nobody else writing meanwhile; None removes it.

        Raises:
            ConfigError: as `load` does.
            OSError: it cannot be written; the old one stands.
        """
        with self._locked():
            held = self.load()
            new = how(held)
            if new is None:
                self.path.unlink(missing_ok=True)
                return None
            new = attrs.evolve(new, generation=(held.generation if held is not None else 0) + 1)
            self._write(new)
            return new

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # held for one write by the other process
            yield
        finally:
            os.close(handle)

    def _write(self, installation: Installation) -> None:
        """Make it durable under a name of its own, then let the name change hands at once."""
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(installation))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
