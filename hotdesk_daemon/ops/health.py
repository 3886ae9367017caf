"""
Whether the daemon is fit to serve, and if not, why not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable


@attrs.frozen(kw_only=True)
class Readiness:
    """The answer of ``/readyz``; ``reasons`` are whole sentences for people, empty when ``ready``."""

    ready: bool
    reasons: tuple[str, ...] = ()

    @classmethod
    def unless(cls, reasons: Iterable[str]) -> Readiness:
        """Ready unless there are *reasons* against it."""
        against = tuple(reasons)
        return cls(ready=not against, reasons=against)
