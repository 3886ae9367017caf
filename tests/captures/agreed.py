"""
The golden captures: every flow as it was once heard, and the steps that come of it.

`golden/TRANSPORT/FLOW-KIND.jsonl` is a capture of what was heard, without steps, as it was recorded; it is not changed
any more. `FLOW-KIND.txt` beside it is what `hotdesk-daemon replay --steps` says of it now: a change of behaviour is a
change of these files, for people to read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from hotdesk_daemon.simulator import FLOWS

DIRECTORY: Final = Path(__file__).parent / "golden"
REJECTED: Final = "rejected"
TRANSPORT_NAMES: Final = ("queue", "socket", "webhook")


@attrs.frozen(kw_only=True)
class Golden:
    """One flow on one kind of calendar, heard one way."""

    transport: str
    flow: str
    kind: str
    variant: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return "-".join(part for part in (self.flow, self.variant, self.kind) if part)

    @property
    def capture(self) -> Path:
        """What was heard."""
        return DIRECTORY / self.transport / f"{self.name}.jsonl"

    @property
    def steps(self) -> Path:
        """What came of it."""
        return self.capture.with_suffix(".txt")


#: Flows that are also played under a rule that forbids them, and the longest booking that it allows, in minutes.
FORBIDDEN: Final = {("F06", "local"): 20, ("F10", "hybrid"): 30, ("F21", "local"): 40, ("F22", "hybrid"): 40}


def golden() -> list[Golden]:
    """Every one that there must be."""
    played = [(name, kind, variant) for name, flow in FLOWS.items() for kind in flow.kinds for variant in flow.variants]
    played += [(name, kind, REJECTED) for name, kind in FORBIDDEN]
    return [
        Golden(transport=transport, flow=name, kind=kind, variant=variant)
        for transport in TRANSPORT_NAMES
        for name, kind, variant in sorted(played)
    ]
