"""What a person is told when the journal cannot be kept as it should be."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from hotdesk_daemon.app import journal_tools
from hotdesk_daemon.journal import JournalUnavailableError, SqlJournal, damage
from hotdesk_daemon.journal.pruning import Horizons
from hotdesk_daemon.journal.schema import to_micros
from hotdesk_daemon.ops.settings import JournalSettings
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    import io
    from pathlib import Path

    import pytest

    from tests.scenarios.site import OpenSite, Site

pytestmark = over_socket


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    told = [msgspec.json.decode(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]


def journal_of(site: Site) -> Path:
    return site.settings.daemon.state_dir / "journal.sqlite3"


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


async def test_a_broken_journal_that_cannot_be_put_aside_is_told_once_and_tried_again(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local")

    def refuse(_database: Path, *, at: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(damage, "put_aside", refuse)
    journal: Any = site.daemon.fleet.journal
    await journal.condemn("the disk is odd")
    asking = asyncio.create_task(site.book())
    await site.until(lambda: bool(lines(log, "journal.renewal_failed")))
    await site.advance(30)
    status, answer = await site.call("GET", "/readyz")

    assert (503, True) == (status, "the disk is odd" in answer["reasons"][0])
    assert ["error"] == [line["level"] for line in lines(log, "journal.renewal_failed")]

    monkeypatch.undo()
    await site.advance(10)
    await asking

    assert 1 == len(lines(log, "journal.quarantined"))
    assert (200, 1) == ((await site.call("GET", "/readyz"))[0], len(site.bookings()))


async def test_pruning_that_fails_is_told_once_and_goes_on_when_it_can(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local", sync_s=900.0)
    journal: Any = site.daemon.fleet.journal

    async def fail(_action: object) -> None:
        raise JournalUnavailableError("the journal cannot be kept in order: database or disk is full")

    monkeypatch.setattr(journal, "do", fail)
    await site.advance(2.5 * 3600)

    assert 1 == len(lines(log, "journal.prune_failed"))

    monkeypatch.undo()
    await site.advance(3600)

    assert 1 == len(lines(log, "journal.prune_failed"))


async def test_a_journal_that_is_too_large_loses_its_oldest_and_says_when_that_does_not_help(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local", start=False, sync_s=900.0)
    site.settings = attrs.evolve(site.settings, journal=JournalSettings(max_size_bytes=1))
    await site.start()
    await site.advance(2.5 * 3600)

    assert lines(log, "journal.shortened")
    assert 1 == len(lines(log, "journal.too_large"))
    assert 1 == lines(log, "journal.too_large")[0]["limit_bytes"]
    assert (await site.steps(since=0))[0].seq > 1
    await site.stop()
    await site.start()

    assert site.agrees(), site.disagreement()


async def test_a_desk_whose_state_is_lost_begins_anew_and_what_was_open_is_told(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local", "local")
    meeting = site.device.people.book(30, "Desk", "person1@example.com", start=site.at(120))
    site.device.reboot(600)
    await site.clock.settle()
    asked = await site.book(begins_in_min=300)
    (command,) = site.commands()
    await site.stop()
    horizons = Horizons(records=to_micros(site.clock.now()))
    url = site.settings.journal_url
    await asyncio.to_thread(journal_tools.prune_now, url, horizons, progress=lambda _pruned: None)
    for table in ("snapshots", "bases"):
        sql = f"UPDATE {table} SET version = '0-old' WHERE desk_id = 'desk-1'"  # noqa: S608 - our own names
        await asyncio.to_thread(change, journal_of(site), sql)
    await site.start(live=False)

    assert [("desk-1", 1)] == [(line["desk_id"], line["commands_lost"]) for line in lines(log, "desk.begun_anew")]
    assert [(command.command_id, asked["id"])] == [
        (line["command_id"], line["booking_id"]) for line in lines(log, "command.lost")
    ]
    assert [] == lines(log, "journal.quarantined")
    await site.until(site.is_live)

    assert [meeting] == [booking.meeting_id for booking in site.bookings()]
    assert [("Bookings Book", "dropped")] == await site.outbox()
    assert 1 == site.effects("booked")  # by the person: ours is lost, and nobody sends it


async def test_a_journal_that_cannot_be_measured_is_measured_later(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local")
    sizes = iter((OSError(errno.EIO, "Input/output error"), 4711))

    async def size_bytes(_journal: SqlJournal) -> int:
        size = next(sizes, 4711)
        if isinstance(size, OSError):
            raise size
        return size

    monkeypatch.setattr(SqlJournal, "size_bytes", size_bytes)
    await site.advance(900)

    assert "task.failed" not in log.getvalue()
    assert "hotdesk_journal_size_bytes 4711.0" in await site.text("/metrics")
