"""Whole days of a living floor over a lying network: when the faults stop, every picture is true again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

import pytest

from hotdesk_daemon.simulator import plan_floor

if TYPE_CHECKING:
    from tests.scenarios.site import OpenSite, Site

SYNC_S: Final = 900.0
#: What a network and a device may do to what is said, with how often per desk and quarter of an hour.
TROUBLES: Final = ("duplicate", "late", "reorder", "lost", "cut", "reboot", "no_meeting_id", "hybrid_delay", "flicker")


def trouble(site: Site, rng: random.Random) -> None:
    """Let something go wrong at some of the desks."""
    for desk in site.floor.desks:
        name = rng.choice((*TROUBLES, "", ""))
        device = rng.choice(desk.stations).device
        device.faults.clear()
        if name in ("duplicate", "late", "reorder", "lost"):
            device.faults.enable(name, times=rng.randint(1, 6))
        elif name:
            device.faults.enable(name)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("transport", "seed"), [("socket", 1), ("socket", 2), ("queue", 3), ("webhook", 1)], indirect=["transport"]
)
async def test_after_a_day_of_faults_every_picture_is_true_within_one_sync_interval(
    open_site: OpenSite, seed: int
) -> None:
    rng = random.Random(seed)
    site = await open_site(*plan_floor(6, seed=seed, companion=0.3), seed=seed, living=True, sync_s=SYNC_S)
    for _ in range(12):
        trouble(site, rng)
        await site.advance(900)
    for desk in site.floor.desks:
        for station in desk.stations:
            station.device.faults.clear()
    await site.advance(SYNC_S * 1.1 + 60)

    desks = range(len(site.floor.desks))
    assert [""] * len(desks) == [site.disagreement(desk) for desk in desks]
    assert [False] * len(desks) == [site.state(desk).is_stale for desk in desks]
    assert {} == {desk: site.state(desk).buffer for desk in desks if site.state(desk).buffer}
