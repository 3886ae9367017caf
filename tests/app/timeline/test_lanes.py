"""What overlaps stands in different lanes, what does not may share one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.app.timeline.lanes import in_lanes

_PLACES = st.floats(0, 1)
_ITEMS = st.lists(st.tuples(_PLACES, _PLACES).map(sorted), max_size=60)


@given(_ITEMS, st.integers(1, 200), st.integers(1, 10), st.integers(0, 3))
def test_nothing_overlaps_in_a_lane_and_nothing_is_lost_or_outside(
    items: list[list[float]], width: int, most: int, gap: int
) -> None:
    placed, left = in_lanes(
        [(number, begins, ends) for number, (begins, ends) in enumerate(items)], width=width, most=most, gap=gap
    )

    assert sorted([one.item for one in placed] + left) == list(range(len(items)))
    for one in placed:
        assert 0 <= one.first < one.end <= width
        assert 0 <= one.lane < most
        begins, ends = items[one.item]
        assert abs(one.first - begins * width) <= 1
        assert one.end >= int(ends * width)
    for lane in range(most):
        inside = sorted((one.first, one.end) for one in placed if one.lane == lane)
        assert all(end + gap <= first for (_, end), (first, _) in pairwise(inside))


def test_as_few_lanes_are_taken_as_overlap() -> None:
    items = [("a", 0.0, 0.5), ("b", 0.25, 0.75), ("c", 0.5, 1.0), ("d", 0.75, 1.0)]
    placed, left = in_lanes(items, width=100, most=5)

    assert {"a": 0, "b": 1, "c": 0, "d": 1} == {one.item: one.lane for one in placed}
    assert [] == left
