"""What an organisation works with: made once for it, handed in."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.app.fleet import Fleet
from hotdesk_daemon.app.housing import Housing
from hotdesk_daemon.ops.clocks import Clock
from hotdesk_daemon.ops.metrics import Metrics
from hotdesk_daemon.ops.settings import OrganisationSettings, Settings

if TYPE_CHECKING:
    from pathlib import Path


@attrs.define(eq=False, kw_only=True)
class Tools:
    """
    The settings of one organisation and of the site, which a reload may replace, its surroundings, and time.

    ``clock`` is the site's, by which tokens last and desks are looked at; ``mono`` and ``sleep`` are the machine's, by
    which the network is met.
    """

    wanted: OrganisationSettings
    settings: Settings
    fleet: Fleet
    housing: Housing
    metrics: Metrics
    clock: Clock
    rng: random.Random
    mono: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]

    def file(self, suffix: str) -> Path:
        """A file of the organisation's in the state directory."""
        return self.settings.daemon.state_dir / "organisations" / f"{self.wanted.id}{suffix}"
