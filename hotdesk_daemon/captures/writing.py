"""
Writing a capture: line after line, to a file that is complete or not there, or live, readable while it grows.

The one who writes says when to `flush`; what was flushed can be read although the writer is killed later.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

import msgspec
import zstandard
from msgspec import UNSET, Raw

from hotdesk_daemon.captures.blocks import LONGEST_LINE
from hotdesk_daemon.captures.errors import CaptureError, UnwritableError
from hotdesk_daemon.captures.lines import EndLine, Header, InputLine, StateLine, encode_line
from hotdesk_daemon.journal import codec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdesk_daemon.captures.lines import Line
    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.journal import Entry

#: Held before it is written.
_BATCH_BYTES: Final = 256 * 1024
#: What an end line needs at most, and what zstd adds to a batch that cannot be made smaller.
_END_BYTES: Final = 256
_NOTHING: Final = (None, b"[]")
_DEVICE: Final = "device:"


def line_of(entry: Entry) -> InputLine:
    """*entry* as a line; what in it is no JSON becomes a string, and is as unreadable as before."""
    raw = entry.raw
    text, other = None, None
    if raw is not None:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            other = raw
    return InputLine(
        desk=entry.desk_id,
        seq=entry.seq,
        journal_seq=entry.journal_seq,
        at=entry.at,
        mono=entry.mono,
        source=entry.source,
        kind=entry.kind,
        device=entry.source.removeprefix(_DEVICE) if entry.source.startswith(_DEVICE) else None,
        cause_seq=entry.cause_seq,
        part=entry.part,
        input=_json(entry.input),
        raw=text,
        raw_base64=other,
        reasons=UNSET if entry.reasons in _NOTHING else _json(entry.reasons),
        commands=UNSET if entry.commands in _NOTHING else _json(entry.commands),
        refusal=entry.refusal,
    )


def _json(data: bytes | None) -> Raw:
    """*data* in one line."""
    data = data or b"null"
    try:
        if b"\n" in data:
            data = msgspec.json.format(data, indent=-1)
        data.decode()
        msgspec.json.decode(data, type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        data = msgspec.json.encode(data.decode(errors="replace"))
    return Raw(data)


class CaptureWriter:
    """
    Writes the lines of one capture to *sink*; the header at once.

    ``inputs`` and ``size_bytes`` count what is written; ``shortened`` counts the inputs whose message was left out
    because their line would have been too long. With *max_bytes* nothing is written beyond.
    """

    def __init__(self, sink: IO[bytes], header: Header, *, packed: bool = False, max_bytes: int | None = None) -> None:
        self._sink = sink
        self._packer = zstandard.ZstdCompressor(write_checksum=True).compressobj() if packed else None
        self._max_bytes = max_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self.inputs = 0
        self.size_bytes = 0
        self.shortened = 0
        self._put(self._encoded(header))

    def write(self, entry: Entry, *, state: Desk | None = None) -> bool:
        """
        Write an input, behind the *state* that it goes on from, if one is given; False if there is no room for it.

        Raises:
            JournalRefusedError: the state cannot be written, for it waits for a list.
        """
        data = self._input(entry)
        if state is not None:
            line = StateLine(desk=state.desk_id, seq=state.seq, state=Raw(codec.encode_desk(state)))
            data = self._encoded(line) + data
        if not self._has_room(len(data)):
            return False
        self._put(data)
        self.inputs += 1
        return True

    def flush(self) -> None:
        """Give away what is held, so that it can be read."""
        self._give(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        self._sink.flush()

    def end(self, *, cut: str | None = None) -> None:
        """Write the end line; *cut* says why it is not where it was to be."""
        self._put(self._encoded(EndLine(inputs=self.inputs, cut=cut)))
        self._give(zstandard.COMPRESSOBJ_FLUSH_FINISH)
        self._sink.flush()

    @staticmethod
    def _encoded(line: Line) -> bytes:
        return encode_line(line) + b"\n"

    def _input(self, entry: Entry) -> bytes:
        line = line_of(entry)
        data = self._encoded(line)
        if len(data) <= LONGEST_LINE:
            return data
        self.shortened += 1
        line = msgspec.structs.replace(line, raw=None, raw_base64=None)
        data = self._encoded(line)
        if len(data) <= LONGEST_LINE:
            return data
        # What is understood of a message is shorter than the message, so this is nothing that a device said.
        return self._encoded(msgspec.structs.replace(line, input=Raw(b'"too long"'), reasons=UNSET, commands=UNSET))

    def _has_room(self, size: int) -> bool:
        if self._max_bytes is None:
            return True
        room = self._max_bytes - _END_BYTES - size
        if self.size_bytes + self._held_bytes > room and self._packer is not None:
            # Only what is packed shows how small it becomes.
            self._give(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        return self.size_bytes + self._held_bytes <= room

    def _put(self, data: bytes) -> None:
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= _BATCH_BYTES:
            self._give(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def _give(self, how: int) -> None:
        data = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        if self._packer is not None:
            data = self._packer.compress(data) + self._packer.flush(how)
        self._sink.write(data)
        self.size_bytes += len(data)


@contextmanager
def capture_file(path: Path, *, live: bool = False, replace: bool = False) -> Iterator[IO[bytes]]:
    """
    A new file at *path*, for its owner only: there, whole, when all is written; with *live* at once.

    Raises:
        CaptureError: there is one already, and it may not be replaced.
        UnwritableError: it cannot be written.
    """
    if not replace and path.exists():
        raise _exists(path)
    try:
        if live:
            with _new(path, replace=replace) as file:
                yield file
            return
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with _new(draft, replace=False) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _move(draft, path, replace=replace)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as exc:
        raise _exists(path) from exc
    except OSError as exc:
        raise UnwritableError(f"{path}: cannot be written: {exc.strerror or exc}") from exc


def _exists(path: Path) -> CaptureError:
    return CaptureError("exists already; name another file, or give --force", file=str(path))


def _new(path: Path, *, replace: bool) -> IO[bytes]:
    if replace:
        path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _move(draft: Path, path: Path, *, replace: bool) -> None:
    if replace:
        draft.replace(path)
    else:
        # Not over one that appeared meanwhile, where the file system can say so.
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            raise
        except OSError:
            draft.replace(path)
