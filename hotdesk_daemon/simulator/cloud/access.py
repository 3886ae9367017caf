"""
What a workspace integration may see and what the cloud pushes at all: paths with wildcards.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.xapi.cloud import HELPFUL_EVENTS, WANTED_EVENTS, WANTED_STATUSES
from hotdesk_daemon.xapi.manifest import OPTIONAL_COMMANDS, REQUIRED_COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What an installation is granted: all that the manifest asks for.
STATUSES: Final = WANTED_STATUSES
COMMANDS: Final = (*REQUIRED_COMMANDS, *OPTIONAL_COMMANDS)
EVENTS: Final = (*WANTED_EVENTS, *HELPFUL_EVENTS)
#: What the narrowest of the public lists says is pushed.
REDUCED_STATUSES: Final = (
    "RoomAnalytics.*",
    "Standby.State",
    "SystemUnit.State.NumberOfActiveCalls",
    "SystemUnit.State.System",
    "Conference.Presentation.LocalInstance[*].SendingMode",
    "Bookings.Availability.Status",
)
REDUCED_EVENTS: Final = (
    "Bookings.Start",
    "Bookings.End",
    "Bookings.ExtensionRequested",
    "Bookings.Deleted",
    "BootEvent",
    "UserInterface.Message.Prompt.Response",
    "UserInterface.Message.Prompt.Cleared",
)


def covers(patterns: Iterable[str], path: str) -> bool:
    """Whether one of *patterns* names *path*: `*` is any words, `[*]` and a missing index any element."""
    return any(_expression(pattern).fullmatch(path) for pattern in patterns)


def reaches(patterns: Iterable[str], path: str) -> bool:
    """Whether one of *patterns* names *path* or something under it."""
    depth = path.count(".") + 1
    return covers((".".join(pattern.split(".")[:depth]) for pattern in patterns), path)


@lru_cache(maxsize=1000)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = []
    for word in pattern.split("."):
        if word in ("*", "**"):
            parts.append(r".+")
        else:
            name = re.escape(re.sub(r"\[[^\]]*\]$", "", word))
            parts.append(rf"{name}(?:\[[^\]]+\])?")
    return re.compile(r"\.".join(parts), re.IGNORECASE)
