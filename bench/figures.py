"""What was measured: figures of single rounds, and the lines of the table that they become."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import attrs


@attrs.frozen(kw_only=True)
class Line:
    """
    One line of the table.

    ``ours`` and ``bare`` are the rounds' figures, interleaved as they were measured; ``bare`` is empty where the
    target is absolute. ``higher`` says whether more is better. The ratio is that of the rounds' medians.
    """

    name: str
    unit: str
    ours: Sequence[float]
    bare: Sequence[float] = ()
    target: float | None
    higher: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours by bare."""
        return statistics.median(self.ours) / statistics.median(self.bare) if self.bare else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        reached = statistics.median(self.ours) if self.ratio is None else self.ratio
        return reached >= self.target if self.higher else reached <= self.target

    def cells(self) -> tuple[str, ...]:
        """The line as text: what, ours, bare, ratio, target, met."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        bound = "≥" if self.higher else "≤"
        unit = f" {self.unit}" if not self.bare else ""
        target = "" if self.target is None else f"{bound} {self.target:g}{unit}"
        met = {True: "yes", False: "**no**", None: ""}[self.is_met]
        return (f"{self.name} ({self.unit})", _figure(self.ours), _figure(self.bare), ratio, target, met)


def _figure(rounds: Sequence[float]) -> str:
    """The median, and the range when there were several rounds."""
    if not rounds:
        return ""
    middle = _number(statistics.median(rounds))
    return middle if len(rounds) == 1 else f"{middle} ({_number(min(rounds))}–{_number(max(rounds))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
