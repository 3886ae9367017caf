"""
Releases of RoomOS, ordered, however a device spells its own.

Several release lines exist side by side (11.x until 2025, then 26.x): what matters here is only which came
later.
"""

from __future__ import annotations

import re
from typing import Final, Self

import attrs

from hotdesk_daemon.core.errors import ProtocolError

# "26.4.1", "ce11.24.4.1.0123abc", "RoomOS 26.4.1 2e1a2b3c4d5": numbers with dots between them, then perhaps a
# hash, which may begin with digits and is no part of the number.
_NUMBERS: Final = re.compile(r"(?<![0-9.])[0-9]{1,4}(?:\.[0-9]{1,4}(?![0-9A-Za-z])){1,3}", re.ASCII)


@attrs.frozen(order=True)
class Release:
    """
    A RoomOS release as its numbers, ordered as they are.

    11.23 stands before 11.23.1, so a feature "since 11.23" is
    ``Release.of(11, 23) <= release``.
    """

    numbers: tuple[int, ...]

    @classmethod
    def of(cls, *numbers: int) -> Self:
        """The release with these numbers: ``Release.of(11, 23)``."""
        return cls(numbers)

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        The release that *text* names, in any of the spellings that devices and publications use.

        Raises:
            ProtocolError: when no release number stands in it.
        """
        found = _NUMBERS.search(text)
        if found is None:
            raise ProtocolError(f"no RoomOS release can be read from {text[:80]!r}")
        return cls(tuple(int(number) for number in found[0].split(".")))

    def __str__(self) -> str:
        return ".".join(str(number) for number in self.numbers)


def release_of(text: str | None) -> Release | None:
    """The release that *text* names, or None when it is absent or unreadable: then nothing is known."""
    if text is None:
        return None
    try:
        return Release.parse(text)
    except ProtocolError:
        return None
