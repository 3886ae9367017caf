"""
What a person does with a journal at a terminal: look at it, take out what is old, copy it.

Looking and copying happen beside a running daemon. Taking out wants the journal for itself, for a daemon prunes by
itself while it runs.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.journal import backups, dialect, store
from hotdesk_daemon.journal.backups import Backup
from hotdesk_daemon.journal.damage import damaged_files
from hotdesk_daemon.journal.pruning import Horizons, Pruned, prune
from hotdesk_daemon.journal.reading import connected
from hotdesk_daemon.journal.retention import Retention, trusted_time
from hotdesk_daemon.journal.schema import to_micros
from hotdesk_daemon.journal.sizes import Sizes, measure
from hotdesk_daemon.journal.store import unavailable
from hotdesk_daemon.journal.verifying import Finding, Verified, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


#: Nobody else waits for the journal.
_SLICE_S: Final = 0.25

__all__ = [
    "Backup",
    "Finding",
    "Horizons",
    "Pruned",
    "Retention",
    "Sizes",
    "Stats",
    "Verified",
    "back_up",
    "horizons",
    "look",
    "prune_now",
    "stats",
    "would_prune",
]


@attrs.frozen(kw_only=True)
class Stats:
    """A journal's sizes, what retention goes by, and the damaged files that were put aside beside it."""

    sizes: Sizes
    now: datetime
    damaged: tuple[Path, ...]


def stats(url: str, retention: Retention, *, top: int) -> Stats:
    """
    Measure the journal at *url*.

    Raises:
        ConfigError: there is none, or one of another version.
        JournalUnavailableError: it cannot be read.
    """
    with connected(url) as connection:
        now = trusted_time(connection, now=datetime.now(UTC)).at
        sizes = measure(connection, retention.horizons(now), top=top)
    file = dialect.file_of(dialect.parse_url(url))
    return Stats(sizes=sizes, now=now, damaged=tuple(damaged_files(file)) if file is not None else ())


def horizons(url: str, retention: Retention, *, before: datetime | None = None) -> Horizons:
    """
    What *retention* lets go of now, or *before* a moment; by the time that the journal trusts.

    Raises:
        ConfigError, JournalUnavailableError: as `stats`.
    """
    with connected(url) as connection:
        found = retention.horizons(trusted_time(connection, now=datetime.now(UTC)).at)
    return found if before is None else attrs.evolve(found, records=to_micros(before))


def would_prune(url: str, horizons: Horizons) -> Sizes:
    """
    What `prune_now` would take out: see the classes' ``doomed``.

    Raises:
        ConfigError, JournalUnavailableError: as `stats`.
    """
    with connected(url) as connection:
        return measure(connection, horizons, top=0)


@contextmanager
def look(url: str, *, progress: Callable[[int], None]) -> Iterator[tuple[Iterator[Finding], Verified]]:
    """
    Everything that is wrong with the journal at *url*, of whatever version and however damaged.

    Raises:
        ConfigError: there is none.
        JournalUnavailableError: it cannot be looked at now.
    """
    parsed = dialect.parse_url(url)
    file = dialect.file_of(parsed)
    if file is not None and not file.is_file():
        raise ConfigError(f"{file}: there is no journal; name another with --journal")
    verified = Verified()
    try:
        with dialect.make_engine(parsed, read_only=True).connect() as connection:
            yield verify(connection, verified, progress=progress), verified
    except sa.exc.SQLAlchemyError as exc:
        raise unavailable("read", exc) from exc


def prune_now(url: str, horizons: Horizons, *, progress: Callable[[Pruned], None], compact: bool = False) -> Pruned:
    """
    Take out of the journal at *url* what is beyond *horizons*; with *compact* give all free room back to the disk.

    Raises:
        JournalLockedError: a daemon uses it.
        JournalError: it cannot be done.
    """
    parsed = dialect.parse_url(url)
    file = dialect.file_of(parsed)
    if file is not None and not file.is_file():
        raise ConfigError(f"{file}: there is no journal; name another with --journal")
    pruned = Pruned()
    with store.opened(parsed, created_at=datetime.now(UTC), may_put_aside=False) as held:
        for step in prune(held, horizons, slice_s=_SLICE_S):
            pruned = step
            progress(pruned)
        if compact:
            pruned.freed_bytes += dialect.compact(held.connection)
    return pruned


def back_up(url: str, target: Path, *, progress: Callable[[int, int], None]) -> Backup:
    """
    Copy the journal at *url* to *target*, beside a running daemon; see `backups.back_up`.

    Raises:
        ConfigError: there is none, or *target* cannot be written.
        JournalError: it cannot be done.
    """
    file: Any = dialect.file_of(dialect.parse_url(url))
    if file is None:
        raise ConfigError("only a journal in a file can be copied; use what the database has for it")
    return backups.back_up(file, target, progress=progress)
