"""
How long to wait before the next try.

Data and arithmetic only: who waits, and what counts as success, is the link's business.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import random

#: Beyond this many doublings every ceiling is reached; it keeps the power from growing without bound.
_MOST_DOUBLINGS = 32
#: However long a device asks us to stay away, we look again after this time.
LONGEST_RETRY_AFTER_S = 3600.0


class Pace(StrEnum):
    """How soon trying again makes sense."""

    SHORT = "short"  # it is starting and will be there in a moment
    NORMAL = "normal"  # the network, or the session broke
    LONG = "long"  # it asked for fewer connections, or its service is off
    SLOW = "slow"  # only a person can mend it


@attrs.frozen(kw_only=True)
class Steps:
    """One pace in seconds: the least wait, the ceiling of the first wait, the ceiling of all."""

    least_s: float
    first_s: float
    cap_s: float


@attrs.frozen(kw_only=True)
class BackoffSettings:
    """
    The paces of one device's link.

    ``proven_after_s``: a session that stood this long (or brought a frame after it stood) proves that the link works;
    nothing less sets the waits back.
    """

    short: Steps = Steps(least_s=0.5, first_s=2.0, cap_s=20.0)
    normal: Steps = Steps(least_s=0.0, first_s=1.0, cap_s=60.0)
    long: Steps = Steps(least_s=5.0, first_s=15.0, cap_s=300.0)
    slow: Steps = Steps(least_s=30.0, first_s=60.0, cap_s=900.0)
    proven_after_s: float = 30.0

    def steps(self, pace: Pace) -> Steps:
        """The numbers of *pace*."""
        return {
            Pace.SHORT: self.short,
            Pace.NORMAL: self.normal,
            Pace.LONG: self.long,
            Pace.SLOW: self.slow,
        }[pace]


class Backoff:
    """
    Full-jitter exponential waits, counted per pace.

    After the *n*-th failure of one pace without a proven success between::

        ceiling = min(cap_s, first_s * 2 ** (n - 1))
        wait    = uniform(least_s, max(least_s, ceiling))

    When the other side named a time (``Retry-After``), it is at least waited for: ``wait = retry_after_s + wait``,
    the named time being cut at one hour. So many links told the same time do not come back in the same instant.
    """

    __slots__ = ("_failures", "_rng", "_settings")

    def __init__(self, settings: BackoffSettings, *, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._failures: Counter[Pace] = Counter()

    def next_wait_s(self, pace: Pace, *, retry_after_s: float | None = None) -> float:
        """Count a failure of *pace* and say how long to wait now."""
        self._failures[pace] += 1
        steps = self._settings.steps(pace)
        doublings = min(self._failures[pace] - 1, _MOST_DOUBLINGS)
        ceiling = min(steps.cap_s, steps.first_s * 2**doublings)
        wait_s = self._rng.uniform(steps.least_s, max(steps.least_s, ceiling))
        return wait_s + min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)

    def change(self, settings: BackoffSettings) -> None:
        """Draw the next waits by other numbers; what was counted stays."""
        self._settings = settings

    def reset(self) -> None:
        """Forget the failures; only proven success may call this, a connect that went through proves nothing."""
        self._failures.clear()
