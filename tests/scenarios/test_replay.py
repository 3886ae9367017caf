"""A journal replayed: the same steps come of it, and what does not is found."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.app.replay import replay
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal.codec import digest_desk

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.app.replay import Replayed, StepView
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


async def replayed(path: Path, *desks: str) -> list[Replayed]:
    def run() -> list[Replayed]:
        with recorded(f"sqlite:///{path}") as recording:
            return replay(recording, desks=[DeskId(desk) for desk in desks])

    return await asyncio.to_thread(run)


def program(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hotdesk_daemon", "replay", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=10, check=False, env={**os.environ, **environ}
    )


async def test_the_same_comes_of_it_while_the_daemon_runs(open_site: OpenSite, tmp_path: Path) -> None:
    site = await lived(open_site)
    found = await replayed(tmp_path / "journal.sqlite3")

    assert [site.desk_id(0), site.desk_id(1)] == [one.desk for one in found]
    assert [None, None] == [one.divergence for one in found]
    assert [site.state(desk).seq for desk in range(2)] == [one.steps for one in found]
    assert [digest_desk(site.state(desk)) for desk in range(2)] == [digest_desk(one.state) for one in found]


async def test_every_process_and_zone_has_the_same_digest(open_site: OpenSite, tmp_path: Path) -> None:
    site = await lived(open_site)
    await site.stop()
    journal = tmp_path / "journal.sqlite3"
    runs = [
        await asyncio.to_thread(
            program, "--journal", str(journal), "--format", "json", PYTHONHASHSEED=str(seed), TZ=zone
        )
        for seed, zone in enumerate(["UTC", "Asia/Kathmandu", "America/New_York"], start=1)
    ]

    assert {(0, "")} == {(run.returncode, run.stderr) for run in runs}
    assert 1 == len({run.stdout for run in runs})
    told = [json.loads(line) for line in runs[0].stdout.splitlines()]
    assert [one.digest for one in await replayed(journal)] == [one["digest"] for one in told]


async def test_a_step_that_was_recorded_otherwise_is_found(open_site: OpenSite, tmp_path: Path) -> None:
    site = await lived(open_site)
    await site.stop()
    journal = tmp_path / "journal.sqlite3"
    with sqlite3.connect(journal) as database:
        (seq,) = database.execute(
            "SELECT min(seq) FROM records WHERE desk_id = ? AND instr(reasons, 'booking.created')", (site.desk_id(0),)
        ).fetchone()
        database.execute(
            "UPDATE records SET reasons = CAST(replace(CAST(reasons AS TEXT), 'booking.created', 'booking.other') "
            "AS BLOB) WHERE desk_id = ? AND seq = ?",
            (site.desk_id(0), seq),
        )
    database.close()
    other, same = await replayed(journal)

    assert other.divergence is not None
    assert (seq, "reasons") == (other.divergence.seq, other.divergence.part)
    assert "booking.other" in other.divergence.recorded
    assert "booking.created" in other.divergence.replayed
    assert None is same.divergence

    ended = await asyncio.to_thread(program, "--journal", str(journal))
    assert 1 == ended.returncode
    assert f"at {seq}, " in ended.stdout


async def test_it_ends_at_a_moment_and_shows_its_steps(open_site: OpenSite, tmp_path: Path) -> None:
    site = await lived(open_site)
    await site.stop()
    views: list[StepView] = []
    until = site.clock.start + timedelta(minutes=5)

    def run() -> list[Replayed]:
        with recorded(f"sqlite:///{tmp_path / 'journal.sqlite3'}") as recording:
            return replay(recording, desks=[site.desk_id(0)], until=until, watch=views.append)

    (found,) = await asyncio.to_thread(run)

    assert found.steps == len(views) == views[-1].seq
    assert all(view.at <= until for view in views)
    assert found.steps < site.state(0).seq
    assert "booking.created" in [reason.code for view in views for reason in view.reasons]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--journal", "/nonexistent/journal"), 78, "there is no journal"),
        (("--until", "yesterday"), 2, "is no time with offset"),
        (("--until", "2026-05-04T12:00:00"), 2, "is no time with offset"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_a_line(words: tuple[str, ...], code: int, said: str) -> None:
    ended = program(*words)

    assert code == ended.returncode
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
