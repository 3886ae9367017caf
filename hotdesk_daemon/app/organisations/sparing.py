"""Telling of what anybody can cause as often as they like."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: What happens again is told of no more often than this.
_PAUSE_S: Final = 60.0


class Sparing:
    """Remembers what was told of when."""

    def __init__(self, mono: Callable[[], float]) -> None:
        self._mono = mono
        self._told_mono: dict[str, float] = {}

    def may_tell(self, what: str) -> bool:
        """Whether *what* is to be told of now; then it counts as told."""
        now = self._mono()
        if now - self._told_mono.get(what, -math.inf) < _PAUSE_S:
            return False
        self._told_mono[what] = now
        return True
