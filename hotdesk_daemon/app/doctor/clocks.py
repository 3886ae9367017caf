"""
Whose clock is off.

Every device and every cloud says its time; we know only how far it is from ours. When they agree with each other and
not with us, it is this machine's, and there is no use in telling of each of them.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, skipped, warned

if TYPE_CHECKING:
    from collections.abc import Sequence

_WARNING_S: Final = 5.0
_FAILURE_S: Final = 60.0
#: So many must agree before this machine is blamed.
_LEAST: Final = 2


@attrs.frozen(kw_only=True)
class Skew:
    """By how many seconds the clock of *subject* is ahead of ours; ``name`` is the check that tells of it."""

    name: str
    subject: str
    ahead_s: float


def judge(skews: Sequence[Skew]) -> list[Finding]:
    """One finding for each clock, and one for ours."""
    common_s = median(skew.ahead_s for skew in skews) if len(skews) >= _LEAST else 0.0
    agree = sum(1 for skew in skews if abs(skew.ahead_s - common_s) <= _WARNING_S)
    is_ours = abs(common_s) > _WARNING_S and agree > len(skews) / 2
    found = [_finding(skew.name, skew.subject, skew.ahead_s - (common_s if is_ours else 0.0)) for skew in skews]
    if is_ours:
        text = f"{agree} of {len(skews)} clocks of devices and clouds agree that this machine's is {_off(-common_s)}"
        found.append((failed if abs(common_s) > _FAILURE_S else warned)("machine.clock", "", text))
    elif right := sum(1 for skew in skews if abs(skew.ahead_s) <= _WARNING_S):
        found.append(fine("machine.clock", "", f"is right by {right} of {len(skews)} clocks of devices and clouds"))
    elif skews:
        found.append(skipped("machine.clock", "", "no clock to compare it with"))
    return found


def _finding(name: str, subject: str, ahead_s: float) -> Finding:
    if abs(ahead_s) > _FAILURE_S:
        return failed(name, subject, f"the clock is {_off(ahead_s)}")
    if abs(ahead_s) > _WARNING_S:
        return warned(name, subject, f"the clock is {_off(ahead_s)}")
    return fine(name, subject, "the clock is right")


def _off(ahead_s: float) -> str:
    return f"{abs(ahead_s):.0f} s {'ahead' if ahead_s > 0 else 'behind'}"
