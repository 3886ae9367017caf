"""
Whether what zstd has packed came to its end: unpacking a file that was cut off gives what is there, and no error.

The frames are those of RFC 8878; only their lengths are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_DICTIONARY_BYTES: Final = (0, 1, 2, 4)
_SIZE_BYTES: Final = (0, 2, 4, 8)
_RLE: Final = 1
_CHECKSUM_BYTES: Final = 4


class Frames:
    """Hands *file* on, and goes along its frames; ``is_whole`` says whether one has just ended."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held = b""
        self._skip = 0
        self._wanted = len(ZSTD_MAGIC)
        self._meet: Callable[[bytes], None] = self._magic
        self._has_checksum = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing of what was read so far."""
        return not self._held and not self._skip and self._meet == self._magic

    def read(self, size: int = -1) -> bytes:
        """What the file gives."""
        data = self._file.read(size)
        at = 0
        while at < len(data):
            passed = min(self._skip, len(data) - at)
            self._skip -= passed
            at += passed
            part = data[at : at + self._wanted - len(self._held)] if not self._skip else b""
            at += len(part)
            self._held += part
            if len(self._held) == self._wanted:
                held, self._held = self._held, b""
                self._meet(held)
        return data

    def _then(self, wanted: int, meet: Callable[[bytes], None]) -> None:
        self._wanted, self._meet = wanted, meet

    def _magic(self, held: bytes) -> None:
        if held == ZSTD_MAGIC:
            self._then(1, self._header)
        else:
            self._then(4, self._skippable)

    def _skippable(self, held: bytes) -> None:
        self._skip = int.from_bytes(held, "little")
        self._then(len(ZSTD_MAGIC), self._magic)

    def _header(self, held: bytes) -> None:
        told = held[0]
        is_single, self._has_checksum = bool(told & 0x20), bool(told & 0x04)
        window = 0 if is_single else 1
        size = _SIZE_BYTES[told >> 6] or int(is_single)
        self._skip = window + size + _DICTIONARY_BYTES[told & 3]
        self._then(3, self._block)

    def _block(self, held: bytes) -> None:
        told = int.from_bytes(held, "little")
        self._skip = 1 if (told >> 1) & 3 == _RLE else told >> 3
        if told & 1:
            self._skip += _CHECKSUM_BYTES * self._has_checksum
            self._then(len(ZSTD_MAGIC), self._magic)
