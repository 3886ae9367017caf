"""
What was heard already.

The cloud may repeat a message whose delivery it is not sure of, and an attacker one that they recorded. A message is
known again by its content: the time in it makes two that differ in nothing else different.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT: Final = 50_000
KEPT_S: Final = 7_200.0


class Seen:
    """The digests of the newest messages, bounded in number and age."""

    def __init__(self, *, mono: Callable[[], float], kept: int = KEPT, kept_s: float = KEPT_S) -> None:
        self._mono = mono
        self._kept = kept
        self._kept_s = kept_s
        self._digests: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._digests)

    def is_new(self, raw: bytes) -> bool:
        """Whether *raw* was not seen within our memory; from now on it is."""
        now = self._mono()
        while self._digests and now - next(iter(self._digests.values())) > self._kept_s:
            self._digests.popitem(last=False)
        digest = _digest(raw)
        if digest in self._digests:
            return False
        self._digests[digest] = now
        if len(self._digests) > self._kept:
            self._digests.popitem(last=False)
        return True

    def forget(self, raw: bytes) -> None:
        """Take *raw* for new when it comes again: it could not be dealt with."""
        self._digests.pop(_digest(raw), None)


def _digest(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=16).digest()
