"""What an explanation cannot be given of."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from hotdesk_daemon.core.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdesk_daemon.core.ids import DeskId


class NotRecordedError(PermanentError):
    """There is no such desk or booking, or nothing at that moment; ``near`` are names that may have been meant."""

    def __init__(self, message: str, *, near: Sequence[str] = ()) -> None:
        super().__init__(message + (f"; did you mean {', '.join(near)}?" if near else ""))
        self.near = tuple(near)

    @classmethod
    def of_desk(cls, desk: DeskId, desks: Sequence[DeskId]) -> NotRecordedError:
        """For a desk that has no records at all (then), with those that have."""
        if desk in desks:
            return cls(f"nothing is recorded of desk {desk} until then")
        return cls(f"nothing is recorded of a desk {desk!r}", near=get_close_matches(desk, desks, n=3))
