"""Lanes: what overlaps stands below each other, what does not shares a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class Placed(Generic[_T]):
    """Something in a lane, from place ``first`` to before place ``end``."""

    item: _T
    lane: int
    first: int
    end: int


def in_lanes(
    items: Iterable[tuple[_T, float, float]], *, width: int, most: int, gap: int = 0
) -> tuple[list[Placed[_T]], list[_T]]:
    """
    Put items (with where they begin and end, from 0 to 1) into as few lanes of *width* places as it takes.

    Each takes at least one place, and *gap* places lie between two in a lane. What does not fit into *most* lanes comes
    back as the second list.
    """
    ends: list[int] = []
    placed: list[Placed[_T]] = []
    left: list[_T] = []
    for item, begins, stops in sorted(items, key=lambda one: (one[1], -one[2])):
        first = min(int(begins * width), width - 1)
        end = min(width, max(first + 1, round(stops * width)))
        lane = next((number for number, taken in enumerate(ends) if taken + gap <= first), len(ends))
        if lane == most:
            left.append(item)
            continue
        if lane == len(ends):
            ends.append(end)
        ends[lane] = end
        placed.append(Placed(item=item, lane=lane, first=first, end=end))
    return placed, left
