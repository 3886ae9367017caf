"""
Told to stop in the middle of its work, with many streams and commands in flight: quick, clean, and nothing is lost.

`HOTDESK_STOPS=20 HOTDESK_STOP_DESKS=470 HOTDESK_STOP_COMMANDS=200 pytest -s tests/scenarios/test_stopping.py` is the
full size, 500 devices and more.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

import pytest

from hotdesk_daemon.core.desk import CommandState
from hotdesk_daemon.core.inputs import BookAsked
from hotdesk_daemon.journal import SqlJournal
from hotdesk_daemon.ops.clocks import SystemClock
from tests.scenarios.stopping import StopSite, comes_true, stop_site

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS: Final = int(os.environ.get("HOTDESK_STOPS", "1"))
DESKS: Final = int(os.environ.get("HOTDESK_STOP_DESKS", "30"))
COMMANDS: Final = int(os.environ.get("HOTDESK_STOP_COMMANDS", "20"))
#: The promise: so long after the signal the process has ended.
STOPPED_WITHIN_S: Final = 5.0 * float(os.environ.get("TEST_TIME_SCALE", "1"))
SETTLED: Final = frozenset({CommandState.DONE, CommandState.REFUSED, CommandState.DROPPED, CommandState.PARKED})

Acknowledged = tuple[str, int, str]


@pytest.mark.timeout(120 + 30 * ROUNDS)
async def test_a_stop_under_load_is_quick_and_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    acknowledged: list[Acknowledged] = []
    took: list[float] = []
    async with stop_site(tmp_path, desks=DESKS) as site:
        for number in range(ROUNDS):
            await site.start()
            took.append(await stopped_under_load(site, acknowledged, mute=number % 2 == 0))
        if ROUNDS > 1:
            await everything_is_done_after_the_next_start(site)
            await site.stop()
        await nothing_acknowledged_is_missing(tmp_path, acknowledged)
    with capsys.disabled():
        shown = ", ".join(f"{seconds:.2f}" for seconds in took)
        print(f"\n{ROUNDS} stops, {len(acknowledged)} wishes acknowledged; seconds each took: {shown}")  # noqa: T201


async def stopped_under_load(site: StopSite, acknowledged: list[Acknowledged], *, mute: bool) -> float:
    """Have commands in flight that nobody answers, stop in the middle of it, and hold the stop to its promise."""
    assert site.daemon is not None
    fault, options = ("mute", {}) if mute else ("no_reply", {"command": "Bookings Book"})
    await site.fault(fault, **options)
    desks = [desk["id"] for desk in await site.get("/api/v1/desks?limit=1000")]
    acknowledged += await site.book(desks[:COMMANDS])
    await comes_true(site.sending)
    status, took = await site.stop()
    await site.no_fault(fault)

    assert 0 == status, site.daemon.text
    assert ([], []) == (site.daemon.text, [line for line in site.daemon.lines if line["level"] == "error"])
    assert took < STOPPED_WITHIN_S
    [stopped] = site.daemon.event("daemon.stopped")
    unsettled = await open_commands(site.directory)
    assert len(unsettled) == stopped["left"]
    assert unsettled >= {line["command_id"] for line in site.daemon.event("daemon.leftover")}
    assert min(stopped["left"], 250) == len(site.daemon.event("daemon.leftover"))
    return took


async def open_commands(directory: Path) -> set[str]:
    async with SqlJournal.open(journal_url(directory), clock=SystemClock().now) as journal:
        return {row.command_id for row in await journal.outbox(limit=1_000_000) if row.state not in SETTLED}


async def everything_is_done_after_the_next_start(site: StopSite) -> None:
    """What was left is taken up: it is asked for what became of it, and done if it was not."""
    await site.start()
    unsettled = "/api/v1/commands?state=pending&state=sending&state=unknown&limit=1"
    await comes_true(lambda: site.has_none(unsettled))


async def nothing_acknowledged_is_missing(directory: Path, acknowledged: list[Acknowledged]) -> None:
    assert acknowledged
    async with SqlJournal.open(journal_url(directory), clock=SystemClock().now) as journal:
        for desk, seq, uuid in acknowledged:
            [record] = await journal.history(desk, since_seq=seq - 1, limit=1)  # type: ignore[arg-type]  # an id
            assert isinstance(record.input, BookAsked)
            assert (seq, uuid) == (record.seq, record.input.booking_request_uuid)


def journal_url(directory: Path) -> str:
    return f"sqlite:///{directory / 'state' / 'journal.sqlite3'}"


@pytest.mark.timeout(60)
async def test_a_second_signal_waits_for_no_device_and_leaves_what_it_cuts_for_the_next_start(tmp_path: Path) -> None:
    async with stop_site(tmp_path, desks=3, settings='drain = "5m"\n') as site:
        await site.start()
        await site.fault("mute")
        await site.book([desk["id"] for desk in await site.get("/api/v1/desks?limit=3")])
        await comes_true(site.sending)
        assert site.daemon is not None
        daemon = site.daemon
        daemon.signal(signal.SIGTERM)
        await daemon.until(lambda: daemon.event("daemon.stopping"))
        status, took = await site.stop(signal.SIGINT)
        await site.no_fault("mute")

        assert (0, True) == (status, took < STOPPED_WITHIN_S)
        assert ["SIGINT"] == [line["signal"] for line in daemon.event("daemon.hurried")]
        assert {"sending"} == {line["state"] for line in daemon.event("daemon.leftover")}

        await everything_is_done_after_the_next_start(site)
        await site.stop()
