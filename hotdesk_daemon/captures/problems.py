"""What is found wrong or odd while a capture is gone through: an end in strict reading, counted and told in lenient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.captures.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of each kind of problem so many are told whole; the others are counted.
TOLD_WHOLE: Final = 3


@attrs.define(eq=False)
class Problems:
    """
    The problems of one going-through.

    A *fault* is something that the format does not allow: it ends a strict reading, and a lenient one goes on without
    what it concerns. A *note* is odd and allowed.
    """

    is_lenient: bool = False
    _found: dict[str, list[str]] = attrs.field(factory=dict)
    _counts: dict[str, int] = attrs.field(factory=dict)

    def again(self) -> Problems:
        """A copy, to which what another going-through finds is added."""
        found = {kind: first[:] for kind, first in self._found.items()}
        return Problems(is_lenient=self.is_lenient, found=found, counts=dict(self._counts))

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each kind of problem was met."""
        return self._counts

    @property
    def total(self) -> int:
        """How many problems there are."""
        return sum(self._counts.values())

    def fault(self, kind: str, message: str, *, file: str, line: int | None = None) -> None:
        """
        Keep a fault in mind.

        Raises:
            CaptureError: the reading is strict.
        """
        if not self.is_lenient:
            raise CaptureError(f"{message}; --lenient uses what can be used", file=file, line=line)
        self.note(kind, message, file=file, line=line)

    def note(self, kind: str, message: str, *, file: str, line: int | None = None) -> None:
        """Keep something odd in mind."""
        self._keep(kind, str(CaptureError(message, file=file, line=line)))

    def told(self) -> list[str]:
        """Lines for people: the first few of each kind, and how many more there are."""
        lines = []
        for kind, first in self._found.items():
            lines += first
            more = self._counts[kind] - len(first)
            if more:
                lines.append(f"{kind}: {more} more, {self._counts[kind]} in all")
        return lines

    def _keep(self, kind: str, text: str) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        first = self._found.setdefault(kind, [])
        if len(first) < TOLD_WHOLE:
            first.append(text)
