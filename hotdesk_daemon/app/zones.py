"""
The time zones that rules are judged in, read before anybody judges; and moments as clocks of a zone show them.

Python reads a zone's file when it is first named and forgets zones that nobody holds; the event loop must not wait for
a disk in the middle of a decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, tzinfo

    from hotdesk_daemon.ops.settings import DeskSettings, PolicySettings


def load_zones(desks: Iterable[DeskSettings], policy: PolicySettings) -> tuple[ZoneInfo, ...]:
    """Every zone that a rule names; `core` finds them in memory for as long as the caller holds them. Blocks."""
    names = {"UTC", policy.time_zone, *(desk.policy.time_zone for desk in desks if desk.policy is not None)}
    return tuple(ZoneInfo(name) for name in sorted(names))


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """*moment* as clocks of *zone* show it; at the ends of the calendar, where they have no such time, as it is."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.replace(tzinfo=zone)
