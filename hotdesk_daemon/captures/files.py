"""
A capture as a file that can be read again and again, whatever it is stored in: plain, zstd, a pipe, standard input.

What can be read only once is put into a temporary file, and so is what zstd wraps when somebody jumps about in it.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast

import zstandard

from hotdesk_daemon.captures.blocks import BLOCK_BYTES
from hotdesk_daemon.captures.errors import CaptureError
from hotdesk_daemon.captures.frames import ZSTD_MAGIC, Frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdesk_daemon.captures.blocks import Stream

STDIN: Final = Path("-")
#: How others begin, and what may be said to who gives us one of them.
_OTHERS: Final = {
    b"SQLite format 3\x00": "is a database, perhaps a journal, and no capture; --journal reads a journal",
    b"\x1f\x8b": "is compressed with gzip; unpack it first, only zstd is known here",
    b"BZh": "is compressed with bzip2; unpack it first, only zstd is known here",
    b"\xfd7zXZ": "is compressed with xz; unpack it first, only zstd is known here",
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"\xff\xfe": "is UTF-16 text; a capture is UTF-8",
    b"\xfe\xff": "is UTF-16 text; a capture is UTF-8",
}
_MAGIC_BYTES: Final = 16
#: Memory that unpacking may take; zstd's own limit for what it is not told to trust.
_MOST_WINDOW_BYTES: Final = 128 * 1024 * 1024


class DamagedError(Exception):
    """What is behind here cannot be read."""


class CutError(DamagedError):
    """What zstd packed was cut off here; a live capture that is being written looks like that too."""


class CaptureFile:
    """One file, by the name that a person gave it."""

    def __init__(self, path: Path) -> None:
        self.name = "standard input" if path == STDIN else str(path)
        self._path = path
        self._spool: IO[bytes] | None = None
        self._is_packed = False
        self._damage: DamagedError | None = None
        self._reading: BinaryIO | None = None

    @property
    def read_bytes(self) -> int:
        """How far the newest reading has come, in what is stored."""
        if self._reading is None:
            return 0
        return self.size_bytes if self._reading.closed else self._reading.tell()

    @property
    def size_bytes(self) -> int:
        """What is stored; 0 where it is not there any more."""
        try:
            return self._again().stat().st_size
        except OSError:
            return 0

    def prepare(self, *, accept: Callable[[Stream], None]) -> None:
        """
        See what the file is; keep it aside if it can be read only once, after *accept* saw its beginning.

        Raises:
            CaptureError: it cannot be read, or is something else.
        """
        with self._errors("read"), self._given() as file:
            magic = file.peek(_MAGIC_BYTES)[:_MAGIC_BYTES]
            if not magic:
                raise CaptureError("is empty", file=self.name)
            for beginning, what in _OTHERS.items():
                if magic.startswith(beginning):
                    raise CaptureError(what, file=self.name)
            self._is_packed = magic.startswith(ZSTD_MAGIC)
            stream = _Stream(file, is_packed=self._is_packed)
            if self._path != STDIN and stat.S_ISREG(self._path.stat().st_mode):
                accept(stream)
                return
            kept = _Keeping(stream)
            accept(kept)
            self._keep(kept)

    def random(self) -> None:
        """Make jumping about possible in what `open` opens from now on."""
        if self._is_packed:
            with self.open() as stream:
                self._keep(_Keeping(stream))

    @contextmanager
    def open(self, *, offset: int = 0) -> Iterator[Stream]:
        """
        The content from byte *offset* on; other than 0 after `random` only.

        Reading it raises `DamagedError` where it cannot be unpacked, and `CaptureError` where it cannot be read.
        """
        with self._errors("read"), self._again().open("rb") as file:
            file.seek(offset)
            self._reading = file
            yield _Stream(file, is_packed=self._is_packed, damage=self._damage)

    def close(self) -> None:
        """Let go of what was kept aside."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    @contextmanager
    def _given(self) -> Iterator[io.BufferedReader]:
        if self._path == STDIN:
            # Not sys.stdin, which a test or a wrapper may have replaced by something that is no file.
            with os.fdopen(0, "rb", closefd=False) as file:
                yield file
            return
        with self._path.open("rb") as file:
            yield file

    def _again(self) -> Path:
        return self._path if self._spool is None else Path(self._spool.name)

    def _keep(self, kept: _Keeping) -> None:
        """Write what there is into a temporary file, unpacked, and read it there from now on."""
        with self._errors(f"kept aside in {gettempdir()}"):
            spool = NamedTemporaryFile(prefix="hotdesk-capture-")  # noqa: SIM115 - closed by close()
            self._spool = spool
            try:
                kept.pour(spool)
            except DamagedError as exc:
                self._damage = exc
            spool.flush()
            self._is_packed = False

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise CaptureError(f"cannot be {done}: {exc.strerror or exc}", file=self.name) from exc


class _Stream:
    """The bytes of a file, unpacked; *damage* is what is known to be behind its end."""

    def __init__(self, file: BinaryIO, *, is_packed: bool, damage: DamagedError | None = None) -> None:
        self._file = file
        self._damage = damage
        self._frames: Frames | None = None
        if is_packed:
            unpacker = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW_BYTES)
            self._frames = Frames(file)
            reader = unpacker.stream_reader(cast("IO[bytes]", self._frames), read_across_frames=True)
            self._file = io.BufferedReader(cast("io.RawIOBase", reader), BLOCK_BYTES)

    def read(self, size: int) -> bytes:
        return self._whole(self._file.read, size)

    def readline(self, size: int) -> bytes:
        return self._whole(self._file.readline, size)

    def _whole(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            data = read(size)
        except zstandard.ZstdError as exc:
            raise DamagedError(str(exc)) from exc
        if not data and self._damage is not None:
            raise self._damage
        if not data and size and self._frames is not None and not self._frames.is_whole:
            raise CutError("it was cut off")
        return data


class _Keeping:
    """A stream whose beginning is remembered while it is looked at."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._seen: list[bytes] = []

    def read(self, size: int) -> bytes:
        return self._remember(self._stream.read(size))

    def readline(self, size: int) -> bytes:
        return self._remember(self._stream.readline(size))

    def pour(self, target: IO[bytes]) -> None:
        """Write what was seen and everything behind it."""
        for data in self._seen:
            target.write(data)
        while data := self._stream.read(BLOCK_BYTES):
            target.write(data)

    def _remember(self, data: bytes) -> bytes:
        self._seen.append(data)
        return data
