"""
What can go wrong with a capture.

::

    HotdeskError
     ├── ConfigError
     │    └── CaptureError     a file cannot be used as a capture, or must not be written over
     └── UnwritableError       a capture cannot be written any further
"""

from __future__ import annotations

from hotdesk_daemon.core.errors import ConfigError, HotdeskError


class CaptureError(ConfigError):
    """
    A capture that cannot be used; ``file`` is its name, ``line`` the number of the line, from 1, if there is one.

    Names in the message may be anybody's, so what a terminal would obey is taken out of it.
    """

    def __init__(self, message: str, *, file: str, line: int | None = None) -> None:
        where = file if line is None else f"{file}:{line}"
        super().__init__("".join(char if char.isprintable() else "·" for char in f"{where}: {message}"))
        self.file = file
        self.line = line


class UnwritableError(HotdeskError):
    """A capture cannot be written (any further), for instance because the disk is full."""
