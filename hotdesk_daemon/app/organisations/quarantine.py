"""
Where messages are kept that belong to no desk because nobody understands them.

What a device says goes to its desk's journal, understood or not; these do not even say which device they are of.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

#: The file and its predecessor hold so much each; older messages go.
LIMIT_BYTES: Final = 8 << 20
_LONGEST: Final = 1 << 20


class Quarantine:
    """One JSON object a line: ``at``, ``error`` and the message (``raw``) in base64, at most a megabyte of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one_at_a_time = threading.Lock()

    def keep(self, raw: bytes, *, error: str, at: datetime) -> None:
        """
        Append one message; blocking.

        Raises:
            OSError: the file cannot be written.
        """
        line = msgspec.json.encode({"at": at, "error": error, "raw": raw[:_LONGEST]}) + b"\n"
        with self._one_at_a_time:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(line)
                size = file.tell()
            if size >= LIMIT_BYTES:
                self._path.replace(self._path.with_suffix(f"{self._path.suffix}.1"))
