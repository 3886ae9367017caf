"""A journal of a day, cut or with one bit changed at places drawn by chance: the daemon serves, and tells the truth."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec
import pytest

from hotdesk_daemon.simulator import plan_floor
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    import io
    from pathlib import Path

    from tests.scenarios.site import OpenSite, Site

PLACES: Final = int(os.environ.get("HOTDESK_BROKEN_PLACES", "25"))
SEED: Final = int(os.environ.get("HOTDESK_BROKEN_SEED", "1"))
#: A start may take so long, whatever it finds; slow machines scale it.
START_S: Final = 2.0 * float(os.environ.get("TEST_TIME_SCALE", "1"))
DESKS: Final = 4


@attrs.frozen
class Break:
    """What is done to which file: cut at a place, or one bit changed there."""

    file: str
    how: str
    place: int
    bit: int = 0

    def apply(self, path: Path) -> None:
        if self.how == "cut":
            os.truncate(path, self.place)
            return
        with path.open("r+b") as opened:
            opened.seek(self.place)
            (byte,) = opened.read(1)
            opened.seek(self.place)
            opened.write(bytes([byte ^ 1 << self.bit]))


def drawn(rng: random.Random, saved: Path) -> Break:
    """A place in one of the files; the larger one the likelier, and every fourth among the first that are read."""
    files = sorted(saved.iterdir())
    file = rng.choices(files, [path.stat().st_size for path in files])[0]
    size = min(file.stat().st_size, 8192) if rng.random() < 0.25 else file.stat().st_size
    how = "cut" if rng.random() < 0.4 else "flip"
    return Break(file.name, how, rng.randrange(size), rng.randrange(8))


async def a_day(open_site: OpenSite) -> Site:
    """A living floor's day, and its journal as it stands after a stop and as a kill would leave it."""
    site = await open_site(*plan_floor(DESKS, seed=SEED, companion=0.3), seed=SEED, living=True, sync_s=900.0)
    for _ in range(6):
        await site.advance(3600)
        await site.book(desk=site.floor.desks.index(site.plan), begins_in_min=300)
    await site.quiet()
    directory = site.settings.daemon.state_dir
    await asyncio.to_thread(save, directory, directory / "killed")
    await site.stop()
    await asyncio.to_thread(save, directory, directory / "stopped")
    return site


def save(directory: Path, saved: Path) -> None:
    saved.mkdir()
    for name in ("journal.sqlite3", "journal.sqlite3-wal"):
        if (directory / name).exists():
            shutil.copy(directory / name, saved / name)


def bring_back(directory: Path, saved: Path, broken: Break) -> None:
    for path in directory.glob("journal.sqlite3*"):
        path.unlink()
    for path in saved.iterdir():
        shutil.copy(path, directory / path.name)
    broken.apply(directory / broken.file)


@over_socket
@pytest.mark.timeout(120 + 3 * PLACES)
async def test_a_journal_broken_at_any_place_keeps_nobody_from_the_truth(
    open_site: OpenSite, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    site = await a_day(open_site)
    rng = random.Random(SEED)
    outcomes: Counter[tuple[str, str]] = Counter()
    slowest_s = 0.0
    for number in range(PLACES):
        directory = site.settings.daemon.state_dir
        saved = directory / rng.choice(("killed", "stopped"))
        broken = await asyncio.to_thread(drawn, rng, saved)
        await asyncio.to_thread(bring_back, directory, saved, broken)
        log.seek(0)
        log.truncate()
        began = time.monotonic()
        await site.start(live=False)
        took_s = time.monotonic() - began
        slowest_s = max(slowest_s, took_s)
        await site.until(site.is_live)
        await site.advance(5)

        told = lines(log, "journal.quarantined")
        desks = range(DESKS)
        assert took_s < START_S, (number, broken)
        assert [""] * DESKS == [site.disagreement(desk) for desk in desks], (number, broken)
        assert len(told) <= 1, (number, broken)
        assert len(told) == len(await asyncio.to_thread(put_aside, directory)), (number, broken)
        assert all(line["file"] and line["remedy"] for line in told), (number, broken)
        outcomes[broken.how, "put aside" if told else "opened"] += 1

        await site.stop()
        await site.start()
        assert told == lines(log, "journal.quarantined"), (number, broken)
        assert [""] * DESKS == [site.disagreement(desk) for desk in desks], (number, broken)
        await site.stop()
    with capsys.disabled():
        counts = ", ".join(f"{how} {what}: {count}" for (how, what), count in sorted(outcomes.items()))
        print(f"\n{PLACES} places; {counts}; slowest start {slowest_s:.2f} s")  # noqa: T201 - what the run is for


def put_aside(directory: Path) -> list[Path]:
    found = directory.glob("journal.sqlite3.damaged-*")
    return [path for path in found if not path.name.endswith(("-wal", "-shm"))]


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    told = [msgspec.json.decode(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]
