"""The two simple rules, as a site is configured with them, and what a rejection says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hotdesk_daemon.ops.settings import OpeningHours, PolicySettings, Weekday

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES: Final[Mapping[str, str]] = {
    "maximum duration": "maximum duration: {asked} min asked, {allowed} min allowed",
    "opening hours": "opening hours: not open from start to end in Europe/Oslo",
}


def rule(name: str, *, max_min: int = 60, closes_at: float = 18) -> PolicySettings:
    """One of the rules: *max_min* minutes at most, or open on Mondays until *closes_at* o'clock in Oslo."""
    if name == "maximum duration":
        return PolicySettings(max_duration_s=max_min * 60.0)
    hours = OpeningHours(days=(Weekday.MON,), opens_min=0, closes_min=round(closes_at * 60))
    return PolicySettings(time_zone="Europe/Oslo", opening_hours=(hours,))
