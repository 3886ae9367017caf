"""A journal that is broken, found so at a start or while the daemon runs: put aside, said once, and nobody notices."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.app.replaying import Replay
from tests.scenarios.expecting import seen
from tests.scenarios.site import LIMIT_S
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    import io
    from pathlib import Path

    from hotdesk_daemon.app.replaying import Replayed
    from tests.scenarios.site import OpenSite, Site


def lines(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    told = [msgspec.json.decode(line) for line in log.getvalue().splitlines()]
    return [line for line in told if line["event"] == event]


def journal_of(site: Site) -> Path:
    return site.settings.daemon.state_dir / "journal.sqlite3"


def aside(site: Site) -> list[Path]:
    beside = ("-wal", "-shm")
    return sorted(path for path in journal_of(site).parent.glob("*.damaged-*") if not path.name.endswith(beside))


def overwrite(path: Path, *, at: int, what: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(what)


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def replayed(path: Path) -> list[Replayed]:
    with recorded(f"sqlite:///{path}") as recording:
        return Replay(recording).run()


def spoil_records(path: Path) -> None:
    """Make the records unreadable; states and outbox stay as they are."""
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'records'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    overwrite(path, at=(root - 1) * size, what=b"\xa5" * size)


async def lived(open_site: OpenSite, *desks: str) -> Site:
    """A site that has seen something, with bookings to come."""
    site = await open_site(*(desks or ("local", "hybrid")))
    for number in range(len(site.floor.desks)):
        site.station(number).people.book(30, "Desk", "person1@example.com", start=site.at(120))
        await site.book(desk=number, begins_in_min=240)
        await site.advance(30)
    return site


async def test_a_broken_journal_is_put_aside_at_the_start_and_every_desk_is_listed_again(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await lived(open_site)
    await site.stop()
    whole = await asyncio.to_thread(journal_of(site).read_bytes)
    await asyncio.to_thread(overwrite, journal_of(site), at=0, what=bytes(4096))
    await site.start()

    (told,) = lines(log, "journal.quarantined")
    (kept,) = await asyncio.to_thread(aside, site)
    assert (str(kept), "error") == (told["file"], told["level"])
    assert whole[4096:] == (await asyncio.to_thread(kept.read_bytes))[4096:]
    for desk in range(2):
        assert site.agrees(desk), site.disagreement(desk)
        assert 2 == len([b for b in site.bookings(desk) if b.state == "created"])
    await site.stop()
    await site.start()

    assert 1 == len(lines(log, "journal.quarantined"))
    assert [None, None] == [one.divergence for one in await asyncio.to_thread(replayed, journal_of(site))]


async def test_what_was_open_in_a_broken_journal_is_taken_over_and_asked_about_before_it_is_sent(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    site.device.reboot(600)
    await site.clock.settle()
    asked = await site.book()
    await site.stop()
    await asyncio.to_thread(spoil_records, journal_of(site))
    await site.start(live=False)
    await site.until(site.is_live)
    await site.advance(60)

    (told,) = lines(log, "journal.quarantined")
    assert (1, 1, 0) == (told["desks"], told["commands_kept"], told["commands_lost"])
    assert [asked["id"]] == [booking.booking_id for booking in site.bookings()]
    assert [("Bookings Book", "done")] == await site.outbox()
    assert 1 == site.effects("booked")
    codes = [reason.code for step in await site.steps(since=0) for reason in step.reasons]
    assert codes.index("command.sent") < codes.index("command.unknown") < codes.index("command.done")


async def test_what_was_open_and_cannot_be_taken_over_is_told_one_by_one(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    site.device.reboot(600)
    await site.clock.settle()
    asked = await site.book()
    (command,) = site.commands()
    await site.stop()
    await asyncio.to_thread(change, journal_of(site), "UPDATE snapshots SET state = ?, seq = 999", b"{}")
    await site.start(live=False)

    (told,) = lines(log, "journal.quarantined")
    assert (0, 0, 1) == (told["desks"], told["commands_kept"], told["commands_lost"])
    assert [(command.command_id, "Bookings Book", asked["id"], "pending")] == [
        (line["command_id"], line["command"], line["booking_id"], line["state"]) for line in lines(log, "command.lost")
    ]
    assert [] == site.commands()
    await site.until(site.is_live)
    assert [] == site.sent()


async def test_a_journal_that_breaks_while_it_is_written_is_renewed_without_a_restart(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await lived(open_site)
    site.mark()
    before = [site.state(desk) for desk in range(2)]
    await break_now(site)
    asked = await site.book(desk=0, begins_in_min=400)
    await site.until(lambda: not site.commands(0))
    await site.quiet()

    (told,) = lines(log, "journal.quarantined")
    assert (2, 0, 0) == (told["desks"], told["commands_kept"], told["commands_lost"])
    assert [told["file"]] == [str(path) for path in await asyncio.to_thread(aside, site)]
    assert asked["id"] in [booking.booking_id for booking in site.bookings(0)]
    assert [state.seq for state in before] < [site.state(desk).seq for desk in range(2)]
    assert 0 == site.lists(0)  # no device was left or listed for it
    assert (1, 1) == (len(lines(log, "journal.unavailable")), len(lines(log, "journal.recovered")))
    assert [None, None] == [one.divergence for one in await asyncio.to_thread(replayed, journal_of(site))]
    await site.stop()
    await site.start()
    await seen(site, desk=0)

    assert 1 == len(lines(log, "journal.quarantined"))


async def break_now(site: Site) -> None:
    """Overwrite what the database has on the disk, as a failing disk does, where the daemon has to read it again."""
    path = journal_of(site)

    def spoil() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE meta SET value = value")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        overwrite(path, at=4096, what=b"\xa5" * (path.stat().st_size - 4096))

    await asyncio.to_thread(spoil)


async def test_a_journal_that_is_found_broken_by_a_reader_is_renewed(open_site: OpenSite, log: io.StringIO) -> None:
    site = await lived(open_site)
    await break_now(site)
    status, _ = await site.call("GET", "/api/v1/commands")
    await wait_for(lambda: lines(log, "journal.quarantined"))

    assert 503 == status
    assert (200, []) == ((await site.call("GET", "/api/v1/commands"))[0], lines(log, "journal.unavailable"))
    assert 1 == len(await asyncio.to_thread(aside, site))


@over_socket
async def test_what_is_committed_while_a_reader_finds_damage_is_in_the_new_journal(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await lived(open_site)
    journal: Any = site.daemon.fleet.journal
    wishes = [asyncio.create_task(ask(site, n)) for n in range(12)]
    for _ in range(3):
        await asyncio.sleep(0.002)
        journal.fault = "a reader says so"
        journal.damaged.set()
        await wait_for(lambda: not journal.damaged.is_set())
    booked = await asyncio.gather(*wishes)
    await site.until(lambda: not site.commands(0) and not site.commands(1))
    found = await asyncio.to_thread(replayed, journal_of(site))

    assert 3 == len(lines(log, "journal.quarantined"))
    held = {booking.booking_id for desk in range(2) for booking in site.bookings(desk)}
    assert set(booked) <= held
    assert [None, None] == [one.divergence for one in found]
    assert [site.state(desk).seq for desk in range(2)] == [one.state.seq for one in found]


async def ask(site: Site, number: int) -> str:
    """Ask for a booking, beside others who do; answer its id."""
    start = site.clock.now().replace(microsecond=0) + timedelta(minutes=300 + 60 * number)
    body = {"start": start.isoformat(), "duration_min": 30, "title": "Desk"}
    headers = {"Authorization": f"Bearer {site.daemon.token}"}
    url = f"{site.daemon.url}/api/v1/desks/{site.desk_id(number % 2)}/bookings"
    async with aiohttp.ClientSession(headers=headers) as http, http.post(url, json=body) as response:
        assert 202 == response.status
        return str((await response.json())["booking"]["id"])


async def wait_for(holds: Any) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not holds():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0.001)
