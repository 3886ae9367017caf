"""
What must last of an organisation's activation: who it is, where its cloud is, and the tokens.

One file per organisation, readable by its owner only and replaced as a whole. Two processes write it, the daemon and
``activate``; a generation number and a lock keep the one from undoing what the other has just done. Of an installation
that is removed the ids of used tokens stay, for a token may be good for longer than that.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import attrs
import msgspec

from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: So many ids of used tokens are kept: more than come while a token can be good, which an activation code is for a day.
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


@attrs.frozen(kw_only=True)
class Remains:
    """What is left of an installation that was removed; as there, ``jtis`` stay used and ``generation`` counts on."""

    removed: Literal[True]
    jtis: tuple[str, ...] = ()
    generation: int = 0


class _Kind(msgspec.Struct):
    removed: bool = False


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
        found = self.look()
        return found if isinstance(found, Installation) else None

    def look(self) -> Installation | Remains | None:
        """
        Read whatever stands there; None when nothing ever did.

        Raises:
            ConfigError: as `load` does.
        """
        try:
            content = self.path.read_bytes()
            is_removed = msgspec.json.decode(content, type=_Kind).removed
            if is_removed:
                return msgspec.json.decode(content, type=Remains)
            return msgspec.json.decode(content, type=Installation)
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
        Replace what stands by what *how* makes of it, with nobody else writing meanwhile.

        None leaves what is not there alone, and removes what is there as `remove` does. What was used before a removal
        stays used after the next activation.

        Raises:
            ConfigError: as `load` does.
            OSError: it cannot be written; the old one stands.
        """
        with self._locked():
            found = self.look()
            new = how(found if isinstance(found, Installation) else None)
            if new is None:
                if isinstance(found, Installation):
                    self._write(_remains(found, found.jtis))
                return None
            if isinstance(found, Remains):
                used = [jti for jti in found.jtis if jti not in new.jtis]
                new = attrs.evolve(new, jtis=(*used, *new.jtis)[-JTIS_KEPT:])
            new = attrs.evolve(new, generation=_generation(found) + 1)
            self._write(new)
            return new

    def remove(self, jti: str) -> bool:
        """
        Remove the installation and use *jti* up, in one step; False, and nothing happens, when it was used before.

        Raises:
            ConfigError: as `load` does.
            OSError: it cannot be written; the old one stands.
        """
        with self._locked():
            found = self.look()
            used = found.jtis if found is not None else ()
            if jti in used:
                return False
            self._write(_remains(found, (*used, jti)[-JTIS_KEPT:]))
            return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        for directory in (self.path.parent.parent, self.path.parent):  # the mode of `mkdir` is not for parents
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # held for one write by the other process
            yield
        finally:
            os.close(handle)

    def _write(self, content: Installation | Remains) -> None:
        """Make it durable under a name of its own, then let the name change hands at once."""
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(content))
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


def _generation(found: Installation | Remains | None) -> int:
    return found.generation if found is not None else 0


def _remains(found: Installation | Remains | None, jtis: tuple[str, ...]) -> Remains:
    return Remains(removed=True, jtis=jtis, generation=_generation(found) + 1)
