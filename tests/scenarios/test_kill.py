"""Killed without warning, again and again, on a busy floor: nothing is lost and nothing is done twice."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.app.recordings import recorded, recorded_files
from hotdesk_daemon.core.commands import Book, Edit
from hotdesk_daemon.core.desk import CommandState, OpenCommand
from hotdesk_daemon.core.inputs import BookAsked
from hotdesk_daemon.journal import SqlJournal
from hotdesk_daemon.simulator import ScaledClock
from tests.scenarios.captured import captured_live, replayed, told
from tests.scenarios.crashing import CrashSite, crash_site

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.app.replaying import Replayed
    from hotdesk_daemon.journal import Journal, OutboxRow

KILLS = int(os.environ.get("HOTDESK_CRASHES", "2"))
SEED = int(os.environ.get("HOTDESK_CRASH_SEED", "1"))
#: Longer than the daemon waits before it sends a command again whose fate it does not know.
SETTLE_S = 45.0


@pytest.mark.timeout(120 + 5 * KILLS)
async def test_kill_nine_loses_nothing_and_repeats_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = ScaledClock()
    async with crash_site(tmp_path, clock=clock, seed=SEED) as site:
        url = f"sqlite:///{tmp_path / 'state' / 'journal.sqlite3'}"
        live = tmp_path / "live.jsonl"
        await site.start()
        with captured_live(url, live):
            await crash(site)
        wrong = await site.settled(limit_s=SETTLE_S)
        status = await site.stop()

        assert "" == wrong
        assert 0 == status
        assert [] == site.floor.schedule.failures
        assert [] == site.errors

        async with SqlJournal.open(url, clock=clock.now) as journal:
            await nothing_acknowledged_is_missing(site, journal)
            rows = await journal.outbox(limit=1_000_000)
            nothing_was_done_twice(site, rows)
        replays = await asyncio.to_thread(replays_of, url, live)
        everything_comes_out_as_it_was_done(replays, rows)
        with capsys.disabled():
            print(report(site, rows))  # noqa: T201 - the figures are what this run is for


async def crash(site: CrashSite) -> None:
    """Let everything happen at once, and kill the daemon at moments drawn by chance."""
    busy = [asyncio.create_task(site.live(), name="people"), asyncio.create_task(site.wish(), name="wishes")]
    try:
        for _ in range(KILLS):
            await a_moment(site)
            await site.kill()
            await site.start()
        await asyncio.sleep(0.5)
    finally:
        for task in busy:
            task.cancel()
        await asyncio.wait(busy)
        for task in busy:
            if not task.cancelled():
                task.result()


async def a_moment(site: CrashSite) -> None:
    """Any moment, or one shortly after a wish was taken: then its command is on its way."""
    await asyncio.sleep(site.rng.uniform(0.05, 1.0))
    if site.rng.random() < 0.6:
        site.took.clear()
        async with asyncio.timeout(20):
            await site.took.wait()
        await asyncio.sleep(site.rng.uniform(0.0, 0.1))


async def nothing_acknowledged_is_missing(site: CrashSite, journal: Journal) -> None:
    """Whatever was answered with 202 stands in the journal, as the wish that it was."""
    assert site.acknowledged
    for desk in {wish.desk for wish in site.acknowledged}:
        records = {r.seq: r for r in await journal.history(desk, limit=10_000_000)}  # type: ignore[arg-type]  # an id
        assert sorted(records) == list(range(1, len(records) + 1))
        for wish in (each for each in site.acknowledged if each.desk == desk):
            record = records[wish.seq]
            assert wish.kind == record.kind
            if isinstance(record.input, BookAsked):
                assert wish.uuid == record.input.booking_request_uuid


def nothing_was_done_twice(site: CrashSite, rows: list[OutboxRow]) -> None:
    """No command had two effects at any device."""
    ours = [effect for effect in site.effects if effect.by == "integration"]
    booked = Counter(effect.request_uuid for effect in ours if effect.kind == "booked")
    assert {} == {uuid: times for uuid, times in booked.items() if times > 1}

    commands = [row.open.command for row in rows if isinstance(row.open, OpenCommand)]
    edits = Counter(command.meeting_id for command in commands if isinstance(command, Edit))
    edited = Counter(effect.meeting_id for effect in ours if effect.kind in ("moved", "changed"))
    assert {} == {meeting: times for meeting, times in edited.items() if times > edits[meeting]}

    deleted = Counter(effect.meeting_id for effect in ours if effect.kind == "deleted")
    assert {} == {meeting: times for meeting, times in deleted.items() if times > 1}

    # A hybrid calendar that has no such booking may still be at it: only a person can decide to ask again.
    parked = [row for row in rows if row.state is CommandState.PARKED]
    assert [] == [row for row in parked if row.kind != "Book" or not row.desk_id.startswith("hybrid")]
    asked = [row.open.command for row in parked if isinstance(row.open, OpenCommand)]
    assert [] == [book for book in asked if isinstance(book, Book) and booked[book.booking_request_uuid]]

    signed_out = sum(1 for effect in ours if effect.kind == "signed_out")
    assert signed_out <= sum(1 for row in rows if row.kind == "Logout")


def replays_of(url: str, capture: Path) -> list[list[Replayed]]:
    """What comes of the journal, and of the capture that was made of it meanwhile."""
    with recorded(url) as journal, recorded_files([capture]) as captured:
        return [replayed(journal), replayed(captured)]


def everything_comes_out_as_it_was_done(replays: list[list[Replayed]], rows: list[OutboxRow]) -> None:
    """Every step comes out as it was recorded, and the commands that are left are those that the daemon has left."""
    desks = {row.desk_id for row in rows}
    for found in replays:
        assert {"same"} == set(told(found).values())
        assert desks <= told(found).keys()
    left = {row.command_id: row.open for row in rows if row.state not in _SETTLED}
    assert left == {key: command for one in replays[0] for key, command in one.state.commands.items()}


def report(site: CrashSite, rows: list[OutboxRow]) -> str:
    states = Counter((row.kind, row.state) for row in rows)
    unsettled = [row.state for row in rows if row.state not in (*_SETTLED, CommandState.PARKED)]
    commands = ", ".join(f"{kind} {state}: {count}" for (kind, state), count in sorted(states.items()))
    return (
        f"\n{site.kills} kills, {len(site.effects)} effects on the floor, {len(site.acknowledged)} of "
        f"{sum(site.asked.values())} wishes acknowledged; {commands}; unsettled: {len(unsettled)}"
    )


_SETTLED = (CommandState.DONE, CommandState.REFUSED, CommandState.DROPPED)
