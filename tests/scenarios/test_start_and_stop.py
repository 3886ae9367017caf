"""Beginning and ending: with no desk and with one, with leftovers, and with a journal that fails."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from typing import TYPE_CHECKING, Any, Self

import attrs
import msgspec
import pytest

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.journal import JournalUnavailableError
from tests.scenarios.expecting import seen
from tests.scenarios.site import LIMIT_S, site_of
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    import io
    from pathlib import Path

    from tests.scenarios.site import OpenSite
    from tests.scenarios.transports import Transport


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    told = [msgspec.json.decode(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]


async def test_with_one_desk_it_is_ready_once_the_desk_is_live(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local", start=False)
    site.floor.faults.enable("upgrade_503")
    site.floor.faults.enable("cloud_error", command="status")
    await site.start(live=False)
    await site.clock.settle()

    assert (503, ["None of 1 desks is live."]) == await readiness(site)

    site.floor.faults.clear()
    await site.until(site.is_live)

    assert (200, []) == await readiness(site)
    assert [1] == [line["desks"] for line in lines(log, "daemon.ready")]


async def readiness(site: Any) -> tuple[int, list[str]]:
    status, answer = await site.call("GET", "/readyz")
    return status, answer["reasons"]


async def test_with_no_desk_it_serves_and_stops(tmp_path: Path, transport: Transport, log: io.StringIO) -> None:
    async with site_of(directory=tmp_path, transport=transport) as site:
        assert (200, {"alive": True}) == await site.call("GET", "/healthz")
        assert (200, []) == await readiness(site)
        status, page = await site.call("GET", "/api/v1/desks")
        assert (200, []) == (status, page["items"])
        await site.stop()

    assert [0] == [line["desks"] for line in lines(log, "daemon.ready")]


async def test_a_clean_stop_lists_what_is_left_and_the_next_start_takes_it_up(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    site.device.reboot(600)
    await site.clock.settle()
    asked = await site.book()
    await site.stop()

    left = lines(log, "daemon.leftover")
    assert [("desk-1", "Bookings Book", asked["id"], "pending")] == [
        (line["desk_id"], line["command"], line["booking_id"], line["state"]) for line in left
    ]
    assert 1 == site.daemon.left

    await site.start(live=False)
    await site.until(site.is_live)
    await site.advance(10)

    assert [("Bookings Book", "done")] == await site.outbox()
    assert 1 == site.effects("booked")


@over_socket
async def test_of_many_that_are_left_the_first_have_a_line_each_and_the_rest_is_counted(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    site.device.reboot(600)
    await site.clock.settle()
    for number in range(253):
        await site.book(begins_in_min=60 + 30 * number)
    await site.stop()

    assert 250 == len(lines(log, "daemon.leftover"))
    assert [(253, 3)] == [(line["count"], line["untold"]) for line in lines(log, "daemon.leftovers")]


async def test_a_clean_stop_with_nothing_to_do_leaves_nothing(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local", "hybrid")
    await site.play("F06")
    await site.stop()

    assert 0 == site.daemon.left
    assert [] == lines(log, "daemon.leftover")


async def test_a_list_that_a_stop_cuts_off_is_no_failure_and_the_next_start_lists(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    site.floor.faults.enable("no_reply", command="Bookings List")
    status, _ = await site.call("POST", "/api/v1/desks/desk-1/resync")
    await site.stop()

    assert (202, []) == (status, lines(log, "list.failed"))

    site.floor.faults.clear()
    await site.start(live=False)
    await site.until(site.is_live)


@pytest.mark.parametrize("kind", ["local", "hybrid"])
async def test_a_restart_knows_the_desk_as_it_was(open_site: OpenSite, kind: str) -> None:
    """
    Bookings, sign-ins and reasons come back from the journal, before any device has been asked.
    """
    site = await open_site(kind)
    await site.play("F32")
    await site.advance(20)
    before, steps = site.bookings(), await site.steps(since=0)
    await site.stop()
    site.floor.faults.enable("upgrade_503")
    await site.start(live=False)

    assert site.is_stale
    assert before == [attrs.evolve(booking, ids=was.ids) for booking, was in zip(site.bookings(), before, strict=True)]
    assert steps == (await site.steps(since=0))[: len(steps)]

    site.floor.faults.clear()
    await site.until(site.is_live)

    assert ["signed in to booking"] == site.sign_ins()
    await seen(site)


async def test_while_it_was_down_the_world_went_on(open_site: OpenSite) -> None:
    site = await open_site("local")
    device = site.device
    kept = device.people.book(30, "Desk", "person1@example.com", start=site.at(120))
    gone = device.people.book(30, "Desk", "person1@example.com", start=site.at(180))
    await site.advance(5)
    await site.stop()
    device.people.delete(gone)
    device.people.edit(kept, duration_min=45)
    device.people.book(30, "Desk", "person1@example.com", start=site.at(240))
    await site.start()

    assert [("created", 45), ("deleted", 30), ("created", 30)] == [
        (booking.state, booking.duration_min) for booking in site.bookings()
    ]
    await seen(site)


async def test_two_daemons_do_not_share_a_state_directory(
    open_site: OpenSite, tmp_path: Path, transport: Transport
) -> None:
    await open_site("local")

    with pytest.raises(TransientError, match=rf"the state directory {tmp_path} is in use by process {os.getpid()} on "):
        async with site_of(directory=tmp_path, transport=transport):
            pass


class FullDisk:
    """Stands in for the journal's append while its disk is full."""

    def __init__(self, site: Any) -> None:
        self._journal = site.daemon.fleet.journal
        self._append = self._journal.append
        self.refused = asyncio.Event()
        self.is_full = True

    def __enter__(self) -> Self:
        self._journal.append = self._try
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.append = self._append

    async def _try(self, records: Any, *, snapshots: Any = ()) -> None:
        if self.is_full:
            self.refused.set()
            raise JournalUnavailableError("the journal cannot be written: database or disk is full")
        await self._append(records, snapshots=snapshots)


async def test_with_a_full_disk_it_is_not_ready_acts_on_nothing_and_recovers(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    with FullDisk(site) as disk:
        asking = asyncio.create_task(site.book(), name="a wish")
        async with asyncio.timeout(LIMIT_S):
            await disk.refused.wait()

        status, reasons = await readiness(site)
        assert (503, True) == (status, "database or disk is full" in reasons[0])
        assert [] == site.sent()
        assert [] == site.bookings()

        disk.is_full = False
        async with asyncio.timeout(LIMIT_S):
            await asking
    await site.clock.settle()

    assert (200, []) == await readiness(site)
    assert [("Bookings Book", "done")] == await site.outbox()
    assert (1, 1) == (len(lines(log, "journal.unavailable")), len(lines(log, "journal.recovered")))
    await seen(site)


async def test_a_stop_that_the_disk_holds_up_is_cut_and_says_so(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    with FullDisk(site):
        site.device.people.come()
        await site.clock.settle()
        site.daemon.hurry.set()  # somebody is, so that the test need not wait as long as the daemon would
        await site.stop()

    assert 1 == len(lines(log, "daemon.drain_cut"))


async def test_a_journal_locked_by_somebody_delays_and_loses_nothing(open_site: OpenSite, tmp_path: Path) -> None:
    """
    What came meanwhile is decided once the database takes records again.
    """
    site = await open_site("local")
    path = tmp_path / "journal.sqlite3"
    blocker = await asyncio.to_thread(lock, path)
    booking = site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    try:
        async with asyncio.timeout(LIMIT_S):
            while not site.daemon.fleet.journal.writer_stats.waiting:  # noqa: ASYNC110 - nobody could set an event
                await asyncio.sleep(0)
    finally:
        await asyncio.to_thread(blocker.close)
    await site.real(lambda: [b.meeting_id for b in site.bookings()] == [booking])

    await seen(site)


def lock(path: Path) -> sqlite3.Connection:
    """Hold the database, as a backup would."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection
