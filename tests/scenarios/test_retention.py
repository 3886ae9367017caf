"""What retention takes out while the daemon runs, and that a clock that is set takes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec
import pytest

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.app.replaying import Replay
from hotdesk_daemon.ops.settings import JournalSettings
from tests.scenarios.test_clock_steps import SetClock
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    import io
    from pathlib import Path

    from hotdesk_daemon.app.replaying import Replayed
    from tests.scenarios.site import OpenSite, Site

pytestmark = over_socket
HOUR_S: Final = 3600.0
STEPS: Final = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)]


async def keeping(open_site: OpenSite, seconds: float) -> tuple[Site, SetClock]:
    """Two desks whose journal keeps everything for so long, on a machine whose clock may be set."""
    site = await open_site("local", "hybrid", start=False, sync_s=900.0)
    site.settings = attrs.evolve(site.settings, journal=JournalSettings(keep_s=seconds, keep_raw_s=seconds))
    clock = SetClock(site.clock)
    site.lives_by = clock
    await site.start()
    return site, clock


async def look(site: Site) -> None:
    """Have retention looked at now; between its slices it lets time pass."""
    looking = asyncio.create_task(site.daemon.care.look())
    await site.until(looking.done, step_s=0.1)
    await looking


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    told = [msgspec.json.decode(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]


def replayed(path: Path) -> list[Replayed]:
    with recorded(f"sqlite:///{path}") as recording:
        return Replay(recording).run()


@pytest.mark.parametrize("step", STEPS, ids=str)
async def test_a_clock_that_is_set_takes_nothing_and_disorders_nothing(
    open_site: OpenSite, log: io.StringIO, step: timedelta
) -> None:
    site, clock = await keeping(open_site, 4 * HOUR_S)
    await site.advance(2 * HOUR_S)
    count = site.state().seq
    clock.ahead_s += step.total_seconds()
    await site.advance(1.5 * HOUR_S)
    await look(site)

    assert list(range(1, site.state().seq + 1)) == [item.seq for item in await site.steps(since=0)]
    assert count < site.state().seq
    assert [] == lines(log, "journal.pruned")
    ahead = [line["ahead_s"] for line in lines(log, "journal.clock_doubted")]
    assert ([round(step.total_seconds())] if step > timedelta() else []) == ahead


async def test_what_is_too_old_goes_while_the_daemon_runs_and_the_rest_replays_exactly(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site, _ = await keeping(open_site, HOUR_S)
    await site.book(begins_in_min=60 * 24 * 4)
    await site.advance(5 * HOUR_S)
    await look(site)
    begins = [(await site.steps(desk, since=0))[0] for desk in range(2)]
    page = await site.text("/metrics")
    pruned = [line for line in page.splitlines() if line.startswith('hotdesk_journal_pruned_total{kind="records"}')]
    found = await asyncio.to_thread(replayed, site.settings.daemon.state_dir / "journal.sqlite3")

    ages = [site.clock.now() - item.at for item in begins]
    assert [True, True] == [timedelta(hours=1) <= age < timedelta(hours=3) for age in ages]
    assert sum(item.seq - 1 for item in begins) == float(pruned[0].split()[-1]) > 50
    assert lines(log, "journal.pruned")
    assert [(None, 0, item.seq) for item in begins] == [(r.divergence, r.gaps, r.begins) for r in found]
    await site.stop()
    await site.start()

    assert 1 == len(site.bookings())
    assert ["", ""] == [site.disagreement(desk) for desk in range(2)]
