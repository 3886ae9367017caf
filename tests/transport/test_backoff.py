from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.transport import Backoff, BackoffSettings, Pace, Steps

STEPS = Steps(least_s=2, first_s=4, cap_s=60)


@given(seed=st.integers(), failures=st.integers(1, 2_000), pace=st.sampled_from(Pace))
def test_a_wait_lies_between_its_least_and_the_doubled_ceiling(seed: int, failures: int, pace: Pace) -> None:
    settings = BackoffSettings(short=STEPS, normal=STEPS, long=STEPS, slow=STEPS)
    backoff = Backoff(settings, rng=random.Random(seed))

    wait_s = [backoff.next_wait_s(pace) for _ in range(failures)][-1]

    assert 2 <= wait_s <= min(60, 4 * 2 ** (failures - 1))


def test_failures_are_counted_per_pace() -> None:
    settings = BackoffSettings(
        normal=Steps(least_s=9, first_s=1, cap_s=9), slow=Steps(least_s=0, first_s=60, cap_s=900)
    )
    backoff = Backoff(settings, rng=random.Random(1))
    for _ in range(20):
        backoff.next_wait_s(Pace.NORMAL)

    assert backoff.next_wait_s(Pace.SLOW) <= 60


def test_after_a_reset_waits_begin_small_again() -> None:
    backoff = Backoff(BackoffSettings(), rng=random.Random(1))
    for _ in range(20):
        backoff.next_wait_s(Pace.NORMAL)
    backoff.reset()

    assert backoff.next_wait_s(Pace.NORMAL) <= 1


def test_links_that_were_told_the_same_time_do_not_return_together() -> None:
    waits = {
        Backoff(BackoffSettings(), rng=random.Random(n)).next_wait_s(Pace.LONG, retry_after_s=30) for n in range(50)
    }

    assert 50 == len(waits)
    assert all(35 <= wait_s <= 45 for wait_s in waits)
