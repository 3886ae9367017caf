"""The journal of a site replayed, beside the daemon that writes it."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.journal.codec import digest_desk
from tests.scenarios.captured import replayed, told

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.app.replaying import Replayed
    from tests.scenarios.site import OpenSite, Site


async def lived(open_site: OpenSite) -> Site:
    """A site whose two desks have seen something, stopped and started in the middle."""
    site = await open_site("local", "hybrid")
    await site.play("F06", desk=0)
    await site.play("F07", desk=1)
    asked = await site.book(desk=1)
    await site.advance(10)
    await site.stop()
    await site.start()
    await site.delete(asked["id"])
    await site.advance(90 * 60)
    return site


async def found_in(site: Site) -> list[Replayed]:
    def run() -> list[Replayed]:
        with recorded(site.settings.journal_url) as recording:
            return replayed(recording)

    return await asyncio.to_thread(run)


async def test_the_same_comes_of_it_while_the_daemon_runs(open_site: OpenSite) -> None:
    site = await lived(open_site)
    found = await found_in(site)

    assert {site.desk_id(0): "same", site.desk_id(1): "same"} == told(found)
    assert [site.state(desk).seq for desk in range(2)] == [one.steps for one in found]
    assert [digest_desk(site.state(desk)) for desk in range(2)] == [one.digests.state for one in found]


async def test_nothing_is_sent_written_or_logged(open_site: OpenSite, tmp_path: Path) -> None:
    site = await lived(open_site)
    site.mark()
    journal = tmp_path / "journal.sqlite3"
    before = await asyncio.to_thread(contents, journal)
    words = [sys.executable, "-m", "hotdesk_daemon", "replay", "--journal", str(journal)]
    run = await asyncio.to_thread(
        subprocess.run, words, capture_output=True, text=True, timeout=10, check=False, cwd=tmp_path
    )
    await site.quiet()

    assert (0, "") == (run.returncode, run.stderr)
    assert [[], []] == [site.sent(desk) for desk in range(2)]
    assert before == await asyncio.to_thread(contents, journal)


def contents(journal: Path) -> tuple[list[str], str]:
    """The files beside the journal, and a fingerprint of all that stands in it."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as database:
        rows = hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()
    database.close()
    return sorted(path.name for path in journal.parent.iterdir()), rows
