"""
Days of a living floor, captured while they go on and replayed: the same comes of them as the daemon did.

A few hours as they stand; `make days` plays a hundred whole days.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from hotdesk_daemon.app.capture import Capture, Wanted
from hotdesk_daemon.app.recordings import recorded, recorded_files
from hotdesk_daemon.journal.codec import digest_desk
from hotdesk_daemon.simulator import plan_floor
from tests.scenarios.captured import captured_live, replayed, told
from tests.scenarios.rules import rule
from tests.scenarios.test_days import trouble
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.app.replaying import Replayed
    from tests.scenarios.site import OpenSite, Site

DAYS: Final = int(os.environ.get("HOTDESK_DAYS", "1"))
HOURS: Final = int(os.environ.get("HOTDESK_DAY_HOURS", "2"))
REPLAYS: Final = int(os.environ.get("HOTDESK_REPLAYS", "3"))
FIRST: Final = int(os.environ.get("HOTDESK_DAY_SEED", "1"))
_ZONES: Final = ("UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Chatham", "Europe/Oslo")


async def wish(site: Site, rng: random.Random) -> None:
    """Somebody wants something over HTTP; whether it can be done is not the point."""
    desk = rng.randrange(len(site.floor.desks))
    name = site.desk_id(desk)
    alive = [booking for booking in site.bookings(desk) if not booking.is_over]
    match rng.choice(("book", "book", "edit", "delete", "sign out", "resync")):
        case "book":
            start = site.clock.now().replace(microsecond=0) + timedelta(minutes=rng.randrange(5, 300))
            body = {"start": start.isoformat(), "duration_min": rng.choice((15, 30, 240)), "title": "Desk"}
            await site.call("POST", f"/api/v1/desks/{name}/bookings", body)
        case "edit" if alive:
            body = {"duration_min": rng.choice((10, 45, 90))}
            await site.call("PATCH", f"/api/v1/bookings/{rng.choice(alive).booking_id}", body)
        case "delete" if alive:
            await site.call("DELETE", f"/api/v1/bookings/{rng.choice(alive).booking_id}")
        case "sign out":
            await site.call("POST", f"/api/v1/desks/{name}/sign-out", {"even_in_call": rng.random() < 0.5})
        case _:
            await site.call("POST", f"/api/v1/desks/{name}/resync")


async def lived(site: Site, rng: random.Random) -> None:
    """Hours in which people use the desks, the network lies, and the daemon is stopped and started once."""
    quarters = HOURS * 4
    for quarter in range(quarters):
        trouble(site, rng)
        if rng.random() < 0.7:
            await wish(site, rng)
        await site.advance(900)
        if quarter == quarters // 2:
            await site.stop()
            await site.start(live=False)


@pytest.mark.timeout(60 + 20 * HOURS)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + DAYS))
async def test_a_day_that_is_captured_comes_out_as_the_daemon_did_it(
    open_site: OpenSite, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    floor = plan_floor(4, seed=seed, companion=0.3)
    site = await open_site(*floor, seed=seed, living=True, sync_s=900.0, policy=rule("maximum duration"))
    url, live = site.settings.journal_url, tmp_path / "live.jsonl.zst"
    whole, redacted = tmp_path / "whole.jsonl", tmp_path / "redacted.jsonl"
    with captured_live(url, live):
        await lived(site, rng)
    states = {desk.desk_id: digest_desk(desk) for desk in site.daemon.fleet.desks()}

    def replay_all() -> tuple[list[Replayed], ...]:
        for path, wanted in ((whole, Wanted(redacted=False)), (redacted, Wanted())):
            with path.open("wb") as file:
                Capture(url, wanted).write(file)
        captures = [recorded_files([path]) for path in (whole, redacted, live)]
        with recorded(url) as journal, captures[0] as first, captures[1] as second, captures[2] as third:
            return tuple(map(replayed, (journal, first, second, third)))

    from_journal, from_capture, from_redacted, from_live = await asyncio.to_thread(replay_all)

    assert dict.fromkeys(states, "same") == told(from_journal)
    assert from_journal == from_capture
    assert dict.fromkeys(states, "same") == told(from_redacted) == told(from_live)
    assert [one.digests.steps for one in from_journal] == [one.digests.steps for one in from_redacted]
    assert states == {one.desk: one.digests.state for one in from_capture}
    assert [one.ends for one in from_capture] == [one.ends for one in from_live]


@over_socket
@pytest.mark.timeout(60 + 20 * HOURS + 3 * REPLAYS)
async def test_every_process_hash_seed_and_zone_has_the_same_digest(open_site: OpenSite, tmp_path: Path) -> None:
    rng = random.Random(FIRST)
    site = await open_site(
        *plan_floor(3, seed=FIRST), seed=FIRST, living=True, sync_s=900.0, policy=rule("opening hours")
    )
    await lived(site, rng)
    await site.stop()
    capture = tmp_path / "day.jsonl"
    with capture.open("wb") as file:
        await asyncio.to_thread(Capture(site.settings.journal_url, Wanted()).write, file)
    runs = [await asyncio.to_thread(replay_elsewhere, capture, number) for number in range(REPLAYS)]

    assert {(0, "")} == {(run.returncode, run.stderr) for run in runs}
    assert 1 == len({run.stdout for run in runs})
    lines = [json.loads(line) for line in runs[0].stdout.splitlines()]
    assert ["same"] * 3 == [line["verdict"] for line in lines if line["type"] == "desk"]


def replay_elsewhere(capture: Path, number: int) -> subprocess.CompletedProcess[str]:
    """Replay in a process of its own, with another order of hashes and in another time zone than the last one."""
    zone = _ZONES[number % len(_ZONES)]
    return subprocess.run(
        [sys.executable, "-m", "hotdesk_daemon", "replay", str(capture), "--format", "json"],
        env={**os.environ, "PYTHONHASHSEED": str(number * 4001), "TZ": zone},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
