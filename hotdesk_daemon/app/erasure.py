"""
A person's data, gone from everything that the daemon keeps: the journal, those that were put aside, the files beside.

It wants the state directory for itself: a daemon that runs holds persons in memory and would write them again. At the
end every byte of every file is looked at, and what is still found is told.
"""

from __future__ import annotations

import io
import os
import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, TypeVar

import attrs
import sqlalchemy as sa
import zstandard

from hotdesk_daemon.core.errors import ConfigError, HotdeskError
from hotdesk_daemon.journal import dialect, erasing, store
from hotdesk_daemon.journal.damage import damaged_files
from hotdesk_daemon.journal.lock import exclusive
from hotdesk_daemon.journal.persons import Eraser, Traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_T = TypeVar("_T")

_SQLITE: Final = b"SQLite format 3\0"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_CHUNK: Final = 1 << 20
#: Longer than any form in which a person stands in a file.
_OVERLAP: Final = 1 << 12
_LONGEST_LINE: Final = 1 << 28
_NOT_LOOKED_AT: Final = (".lock", "-shm")


@attrs.frozen(kw_only=True)
class Left:
    """A file in which something of the person is left: how often, and what to do."""

    file: Path
    hits: int
    remedy: str


@attrs.frozen(kw_only=True)
class Erased:
    """
    What was done.

    ``emails``, ``ids`` and ``names`` are what the person was known by; ``shared_names`` are also others', and were
    replaced only where the person is the organizer. ``rows`` counts changed rows by table, ``files`` are other files
    that were changed. ``scanned`` files and bytes were looked at in the end; ``left`` is where something is left.
    """

    emails: tuple[str, ...]
    ids: tuple[str, ...]
    names: tuple[str, ...]
    shared_names: tuple[str, ...]
    rows: dict[str, int]
    files: tuple[Path, ...]
    scanned_files: int
    scanned_bytes: int
    left: tuple[Left, ...]


def erase_person(
    person: str,
    *,
    url: str,
    state_dir: Path,
    files: Sequence[Path] = (),
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _what: None,
) -> Erased:
    """
    Replace a person by a pseudonym in the journal at *url*, in *state_dir* and in *files*; blocking.

    Args:
        person: by an address, an id or a name.
        url: the journal.
        state_dir: where everything else is kept.
        files: captures and copies of journals.
        dry_run: only tell what they are known by and where they stand.
        progress: is told what is being done.

    Raises:
        JournalLockedError: a daemon runs.
        ConfigError: a file is missing, or several people have that name.
        JournalError: a journal cannot be used.
    """
    with ExitStack() as stack:
        if state_dir.is_dir():
            stack.enter_context(exclusive(state_dir, what="state directory"))
        parts = _parts(url, state_dir, files, stack)
        traces = Traces.of(person)
        progress("learning what they are known by")
        erasing.learn_all([part.learn for part in parts], traces)
        if traces.by_name and len(traces.emails) > 1:
            known = ", ".join(sorted(traces.emails))
            raise ConfigError(f"several people are called {person}: {known}; name one of them by the address")
        eraser = Eraser(traces)
        rows: Counter[str] = Counter()
        changed: list[Path] = []
        for part in () if dry_run else parts:
            progress(f"rewriting {part.file}")
            done = part.erase(eraser)
            rows.update(done)
            if any(done.values()) and isinstance(part, _TextPart):
                changed.append(part.file)
        progress("looking at every byte")
        scanned = [_scan(part, eraser, may_rewrite=not dry_run) for part in parts]
    return Erased(
        emails=tuple(sorted(traces.emails)),
        ids=tuple(sorted(traces.ids)),
        names=tuple(sorted(traces.names)),
        shared_names=tuple(sorted(traces.shared_names)),
        rows={name: count for name, count in rows.items() if count and name != "lines"},
        files=tuple(changed),
        scanned_files=sum(one.files for one in scanned),
        scanned_bytes=sum(one.size_bytes for one in scanned),
        left=tuple(one for scan in scanned for one in scan.left),
    )


# --- what there is ---------------------------------------------------------------------------------------------------


def _parts(url: str, state_dir: Path, files: Sequence[Path], stack: ExitStack) -> list[_Part]:
    parsed = dialect.parse_url(url)
    journal = dialect.file_of(parsed)
    if journal is not None and not journal.is_file():
        raise ConfigError(f"{journal}: there is no journal; name another with --journal")
    held = stack.enter_context(store.opened(parsed, created_at=datetime.now(UTC), may_put_aside=False))
    parts: list[_Part] = [_JournalPart(journal or Path(url), held)]
    others = [*(damaged_files(journal) if journal is not None else ()), *files]
    for file in others:
        if not file.is_file():
            raise ConfigError(f"{file}: there is no such file")
        parts.append(_part_of(file, stack))
    seen = {suffixed for part in parts for suffixed in part.all_files()}
    beside = sorted(state_dir.rglob("*")) if state_dir.is_dir() else []
    found = [file for file in beside if file.is_file() and file not in seen]
    return parts + [_part_of(file, stack) for file in found if not file.name.endswith(_NOT_LOOKED_AT)]


def _part_of(file: Path, stack: ExitStack) -> _Part:
    with file.open("rb") as opened:
        begins = opened.read(len(_SQLITE))
    if begins != _SQLITE:
        return _TextPart(file)
    try:
        return _JournalPart(file, stack.enter_context(_held(file)))
    except (sa.exc.SQLAlchemyError, HotdeskError):
        return _BrokenPart(file)


@attrs.frozen
class _AnyJournal:
    """A journal of whatever version, as it is."""

    connection: sa.Connection


@contextmanager
def _held(file: Path) -> Iterator[_AnyJournal]:
    url = sa.make_url(f"sqlite:///{file}")
    with dialect.held(url), dialect.make_engine(url).connect() as connection:
        yield _AnyJournal(connection)


@attrs.define
class _Part:
    """One file, and what belongs to it."""

    file: Path

    def all_files(self) -> list[Path]:
        """It, and what SQLite keeps beside it."""
        return [self.file, *(self.file.with_name(self.file.name + suffix) for suffix in ("-wal", "-shm"))]

    def learn(self, traces: Traces) -> bool:
        """Note what is known beside the person; return whether anything of it is new."""
        return False

    def erase(self, eraser: Eraser) -> dict[str, int]:
        """Rewrite it; return how many rows were changed, by table."""
        return {}

    def finish(self) -> None:
        """Do more, where something is left in room that is free."""

    @property
    def remedy(self) -> str:
        """What to do when something is left."""
        return "it is no file of the daemon's: look into it, and delete it if it is not needed"


@attrs.define
class _BrokenPart(_Part):
    """A journal that cannot be read."""

    @property
    def remedy(self) -> str:
        return "it is damaged and cannot be rewritten: delete it"


@attrs.define
class _JournalPart(_Part):
    """A journal."""

    held: store.Store | _AnyJournal
    _fault: str = ""

    def learn(self, traces: Traces) -> bool:
        return self._unbroken(lambda: erasing.learn(self.held, traces), default=False)

    def erase(self, eraser: Eraser) -> dict[str, int]:
        def rewrite() -> dict[str, int]:
            changed: dict[str, int] = {}
            for so_far in erasing.erase(self.held, eraser):
                changed = so_far
            dialect.empty_log(self.held.connection)
            return changed

        return self._unbroken(rewrite, default={})

    def finish(self) -> None:
        self._unbroken(lambda: dialect.compact(self.held.connection), default=0)

    @property
    def remedy(self) -> str:
        if self._fault:
            return f"it is damaged and cannot be rewritten ({self._fault}): delete it"
        return "run it again; if it stays, tell the makers"

    def _unbroken(self, act: Callable[[], _T], *, default: _T) -> _T:
        try:
            return act()
        except sa.exc.DBAPIError as exc:
            if isinstance(self.held, store.Store):
                raise self.held.failed("rewritten", exc) from exc
            self._fault = str(exc.orig)
            return default
        except sqlite3.Error as exc:
            self._fault = str(exc)
            return default


@attrs.define
class _TextPart(_Part):
    """Any other file, taken as lines: a capture, or messages that belong to no desk."""

    def learn(self, traces: Traces) -> bool:
        is_new = False
        with _lines_of(self.file) as lines:
            for line in lines:
                is_new |= erasing.learn_from(line, traces)
        return is_new

    def erase(self, eraser: Eraser) -> dict[str, int]:
        with _lines_of(self.file) as lines:
            if not any(eraser.may_hold(line) and eraser.line(line) != line for line in lines):
                return {}
        return {"lines": _rewrite(self.file, eraser)}


# --- files of lines --------------------------------------------------------------------------------------------------


@contextmanager
def _lines_of(file: Path) -> Iterator[Iterator[bytes]]:
    with file.open("rb") as raw, _unpacked(raw) as plain:
        yield iter(lambda: plain.readline(_LONGEST_LINE), b"")


@contextmanager
def _unpacked(raw: IO[bytes]) -> Iterator[IO[bytes]]:
    """*raw*, decompressed if it is compressed."""
    begins = raw.read(len(_ZSTD))
    raw.seek(0)
    if begins != _ZSTD:
        yield raw
        return
    reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    with io.BufferedReader(reader, buffer_size=_CHUNK) as plain:
        yield plain


def _rewrite(file: Path, eraser: Eraser) -> int:
    """Put a new file in the place of *file*, and overwrite what the old one held; return how many lines changed."""
    status = file.stat()
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    count = 0
    try:
        with file.open("r+b") as old, os.fdopen(handle, "wb") as new:
            os.fchmod(new.fileno(), status.st_mode & 0o777)
            is_packed = old.read(len(_ZSTD)) == _ZSTD
            old.seek(0)
            with ExitStack() as stack:
                out: IO[bytes] = new
                if is_packed:
                    out = stack.enter_context(zstandard.ZstdCompressor().stream_writer(new, closefd=False))
                lines = stack.enter_context(_lines_of(file))
                for line in lines:
                    without = eraser.line(line)
                    count += without != line
                    out.write(without)
            new.flush()
            os.fsync(new.fileno())
            Path(name).replace(file)
            _blot_out(old)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return count


def _blot_out(old: IO[bytes]) -> None:
    """Overwrite a file that has no name any more."""
    left = old.seek(0, os.SEEK_END)
    old.seek(0)
    while left > 0:
        left -= old.write(bytes(min(_CHUNK, left)))
    old.flush()
    os.fsync(old.fileno())


# --- the scan --------------------------------------------------------------------------------------------------------


@attrs.define
class _Scan:
    files: int = 0
    size_bytes: int = 0
    left: list[Left] = attrs.field(factory=list)


def _scan(part: _Part, eraser: Eraser, *, may_rewrite: bool) -> _Scan:
    """Look at every byte of a part; where something is left in free room, write that anew and look again."""
    scan = _scan_once(part, eraser)
    if scan.left and may_rewrite:
        part.finish()
        scan = _scan_once(part, eraser)
    return scan


def _scan_once(part: _Part, eraser: Eraser) -> _Scan:
    scan = _Scan()
    for file in part.all_files():
        if not file.is_file():
            continue
        scan.files += 1
        scan.size_bytes += file.stat().st_size
        with file.open("rb") as raw, _unpacked(raw) as plain:
            hits = _count(plain, eraser)
        if hits:
            scan.left.append(Left(file=file, hits=hits, remedy=part.remedy))
    return scan


def _count(plain: IO[bytes], eraser: Eraser) -> int:
    hits, before = 0, b""
    while chunk := plain.read(_CHUNK):
        window = before + chunk
        hits += eraser.find(window) - eraser.find(before)
        before = window[-_OVERLAP:]
    return hits
