"""The verbs that look after a journal, on one that a floor's day has filled."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest
import zstandard

from hotdesk_daemon.app.recordings import recorded
from hotdesk_daemon.app.replaying import Replay
from hotdesk_daemon.journal.codec import digest_desk
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdesk_daemon.app.replaying import Replayed
    from tests.scenarios.site import OpenSite, Site

pytestmark = over_socket
ANNE: Final = "person1@example.com"


def program(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hotdesk_daemon", "journal", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)


async def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(program, *words)


async def told(*words: str | Path) -> dict[str, Any]:
    """What a verb says as JSON; it must be well."""
    ended = await run(*words, "--format", "json")
    assert (0, "") == (ended.returncode, ended.stderr)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def journal_of(site: Site) -> Path:
    return site.settings.daemon.state_dir / "journal.sqlite3"


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def peek(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute(sql))


async def lived(open_site: OpenSite) -> Site:
    """Two desks with bookings of two people, and commands of ours."""
    site = await open_site("local", "hybrid")
    for desk in range(2):
        people = site.station(desk).people
        people.book(30, "Anne's own corner", ANNE, start=site.at(60))
        people.book(30, "Desk", "person2@example.com", start=site.at(120))
        await site.book(desk=desk, begins_in_min=200, organizer={"email": ANNE}, title="Desk")
        await site.play("F04", desk=desk)
        await site.advance(30)
    return site


def replayed(path: Path) -> list[Replayed]:
    with recorded(f"sqlite:///{path}") as recording:
        return Replay(recording).run()


# --- verify ----------------------------------------------------------------------------------------------------------


async def test_a_sound_journal_is_found_sound_while_the_daemon_runs(open_site: OpenSite) -> None:
    site = await lived(open_site)
    found = await told("verify", "--journal", journal_of(site))

    assert (True, 2, []) == (found["sound"], found["desks"], found["findings"])
    assert sum(site.state(desk).seq for desk in range(2)) == found["records"]


def _a_page(path: Path) -> None:
    (root,) = peek(path, "SELECT rootpage FROM sqlite_master WHERE name = 'records'")[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096 + 8)
        file.write(b"\xa5" * 200)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: change(path, "DELETE FROM records WHERE seq = 5"), "records 5 to 5 are missing"),
        (lambda path: change(path, "UPDATE records SET input = x'7b' WHERE seq = 5"), "record 5: stored input"),
        (lambda path: change(path, "UPDATE records SET reasons = x'7b' WHERE seq = 5"), "record 5: stored reasons"),
        (lambda path: change(path, "UPDATE snapshots SET state = x'7b7d'"), "the snapshot cannot be read"),
        (lambda path: change(path, "UPDATE marks SET state = x'7b7d'"), "a mark cannot be read"),
        (lambda path: change(path, "UPDATE outbox SET state = 'pending'"), "is listed as pending, but is done"),
        (lambda path: change(path, "DELETE FROM records WHERE seq > 20"), "but the records end at 20"),
        (lambda path: change(path, "ALTER TABLE outbox RENAME COLUMN body TO bodies"), "the table outbox lacks body"),
        (lambda path: change(path, "UPDATE alembic_version SET version_num = '0001'"), "its schema is 0001, not"),
        (_a_page, "SQLite finds the file damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_wrong_is_told_with_what_to_do(
    open_site: OpenSite, harm: Callable[[Path], None], said: str
) -> None:
    site = await lived(open_site)
    await site.stop()
    await asyncio.to_thread(harm, journal_of(site))
    ended = await run("verify", "--journal", journal_of(site))
    lines = ended.stdout.splitlines()
    (place,) = [number for number, line in enumerate(lines) if said in line][:1]

    assert (1, "") == (ended.returncode, ended.stderr)
    assert lines[place + 1].startswith("  ")
    assert "wrong" in lines[-1]


async def test_a_state_that_the_records_do_not_lead_to_is_found(open_site: OpenSite) -> None:
    site = await lived(open_site)
    await site.stop()
    journal = journal_of(site)

    def exchange() -> None:
        """Give the snapshot a state that is sound in itself, and another one's."""
        from hotdesk_daemon.journal import codec  # noqa: PLC0415 - for this one test

        (data,) = peek(journal, "SELECT state FROM snapshots WHERE desk_id = 'desk-1'")[0]
        desk = codec.decode_desk(data)
        other = attrs.evolve(desk, bookings={})
        change(journal, "UPDATE snapshots SET state = ? WHERE desk_id = 'desk-1'", codec.encode_desk(other))

    await asyncio.to_thread(exchange)
    ended = await run("verify", "--journal", journal)

    assert 1 == ended.returncode
    assert "desk-1: the snapshot at" in ended.stdout
    assert "is not what the records lead to" in ended.stdout


# --- stats and prune -------------------------------------------------------------------------------------------------


async def test_stats_tell_what_is_in_it_and_what_would_go(open_site: OpenSite) -> None:
    site = await lived(open_site)
    found = await told("stats", "--journal", journal_of(site), "--top", "1")
    classes = {one["name"]: one for one in found["classes"]}
    (largest,) = found["largest"]

    assert sum(site.state(desk).seq for desk in range(2)) == classes["records"]["rows"]
    assert (2, 0) == (found["desks"], classes["records"]["doomed"])
    assert largest["rows"] == max(site.state(desk).seq for desk in range(2))
    assert classes["commands"]["rows"] == len(await site.outbox(0)) + len(await site.outbox(1))
    assert found["size_bytes"] > classes["raw"]["size_bytes"] > 0


async def test_a_running_daemon_is_not_pruned_by_somebody_else(open_site: OpenSite) -> None:
    site = await lived(open_site)
    ended = await run("prune", "--journal", journal_of(site))

    assert 75 == ended.returncode
    assert f"is in use by process {os.getpid()}" in ended.stderr


async def test_pruning_by_hand_leaves_states_and_an_exact_replay(open_site: OpenSite) -> None:
    site = await lived(open_site)
    await site.stop()
    moment = site.clock.now().isoformat()
    journal = journal_of(site)
    before = await asyncio.to_thread(replayed, journal)
    dry = await told("prune", "--journal", journal, "--before", moment, "--dry-run")
    pruned = await told("prune", "--journal", journal, "--before", moment, "--compact")
    found = await asyncio.to_thread(replayed, journal)

    assert 0 < dry["would_go"]["records"] == pruned["records"] <= sum(one.steps for one in before)
    assert [digest_desk(one.state) for one in before] == [digest_desk(one.state) for one in found]
    assert [None, None] == [one.divergence for one in found]
    assert (await told("verify", "--journal", journal))["sound"]
    await site.start()

    assert [""] * 2 == [site.disagreement(desk) for desk in range(2)]


# --- backup ----------------------------------------------------------------------------------------------------------


async def test_a_backup_of_a_running_journal_is_whole_and_for_its_owner_alone(open_site: OpenSite) -> None:
    site = await lived(open_site)
    target = site.settings.daemon.state_dir / "backup.sqlite3"
    await asyncio.to_thread(target.write_text, "an older one")
    done = await told("backup", target, "--journal", journal_of(site))

    assert (2, sum(site.state(desk).seq for desk in range(2))) == (done["desks"], done["records"])
    assert 0o600 == stat.S_IMODE(target.stat().st_mode)
    assert (await told("verify", "--journal", target))["sound"]
    assert [] == [path.name for path in target.parent.iterdir() if path.name.startswith((".", "backup.sqlite3-"))]


async def test_a_backup_counts_desks_that_have_no_snapshot_yet(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    target = site.settings.daemon.state_dir / "backup.sqlite3"

    assert 2 == (await told("backup", target, "--journal", journal_of(site)))["desks"]


async def test_a_backup_that_cannot_be_finished_leaves_the_older_one(open_site: OpenSite) -> None:
    site = await lived(open_site)
    await site.stop()
    target = site.settings.daemon.state_dir / "backup.sqlite3"
    await told("backup", target, "--journal", journal_of(site))
    before = await asyncio.to_thread(target.read_bytes)
    await asyncio.to_thread(_a_page, journal_of(site))
    ended = await run("backup", target, "--journal", journal_of(site))

    assert 75 == ended.returncode
    assert "damaged" in ended.stderr
    assert before == await asyncio.to_thread(target.read_bytes)


async def test_what_was_open_in_a_backup_that_is_put_back_is_not_sent_unasked(open_site: OpenSite) -> None:
    """
    The command was sent after the backup was made: to send it because a copy says that it is to be sent would be wrong.
    """
    site = await open_site("local")
    site.device.reboot(600)
    await site.clock.settle()
    asked = await site.book()
    backup = site.settings.daemon.state_dir / "backup.sqlite3"
    await told("backup", backup, "--journal", journal_of(site))
    await site.until(lambda: site.effects("booked") == 1)
    await site.stop()
    for part in journal_of(site).parent.glob("journal.sqlite3*"):
        await asyncio.to_thread(part.unlink)
    await asyncio.to_thread(shutil.copy, backup, journal_of(site))
    await site.start()
    await site.advance(120)

    assert 1 == site.effects("booked")
    assert [("Bookings Book", "done")] == await site.outbox()
    assert asked["id"] in [booking.booking_id for booking in site.bookings()]
    codes = [reason.code for step in await site.steps(since=0) for reason in step.reasons]
    assert "command.unknown" in codes
    assert [] == await asyncio.to_thread(peek, journal_of(site), "SELECT value FROM meta WHERE key = 'copied_at'")


# --- erase -----------------------------------------------------------------------------------------------------------


def every_byte(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()).lower()


async def test_an_erased_person_is_in_no_byte_and_history_goes_on_as_it_was(open_site: OpenSite) -> None:
    site = await lived(open_site)
    await site.stop()
    directory = site.settings.daemon.state_dir
    backup, capture, packed = directory / "backup", directory / "day.jsonl", directory / "day.jsonl.zst"
    await told("backup", backup, "--journal", journal_of(site))
    line = json.dumps({"type": "input", "raw": json.dumps({"OrganizerEmail": ANNE.upper()}), "at": 1.0}) + "\n"
    await asyncio.to_thread(capture.write_text, line * 3)
    await asyncio.to_thread(packed.write_bytes, zstandard.compress(line.encode()))
    before = await asyncio.to_thread(replayed, journal_of(site))
    dry = await told("erase", ANNE, "--journal", journal_of(site), "--dry-run")
    done = await told("erase", ANNE, "--journal", journal_of(site), capture, packed, backup)
    after = await asyncio.to_thread(replayed, journal_of(site))

    assert [ANNE] == dry["known_by"]["emails"]
    assert {"journal.sqlite3", "backup", "day.jsonl", "day.jsonl.zst"} == {
        Path(one["file"]).name for one in dry["left"]
    }
    assert [] == done["left"]
    assert {"records", "outbox", "snapshots"} <= done["rows"].keys()
    assert done["scanned_bytes"] > 100_000
    plain = await asyncio.to_thread(every_byte, directory)
    for form in (ANNE, "person1@", "anne's own corner", *dry["known_by"]["names"], *dry["known_by"]["ids"]):
        assert form.lower().encode() not in plain, form
    unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(await asyncio.to_thread(packed.read_bytes))
    assert (True, False) == (b"erased.invalid" in unpacked, ANNE.encode() in unpacked.lower())
    assert b"person2@example.com" in plain
    assert [one.steps for one in before] == [one.steps for one in after]
    assert [None, None] == [one.divergence for one in after]
    assert (await told("verify", "--journal", journal_of(site)))["sound"]
    await site.start()

    assert 2 == len({booking.organizer.email for booking in site.bookings()} - {None})


async def test_a_person_cannot_be_erased_while_a_daemon_knows_them(open_site: OpenSite) -> None:
    site = await lived(open_site)
    ended = await run("erase", ANNE, "--journal", journal_of(site))

    assert 75 == ended.returncode
    assert f"the state directory {journal_of(site).parent} is in use by process {os.getpid()}" in ended.stderr


async def test_somebody_of_whom_nothing_is_known_is_found_nowhere(open_site: OpenSite) -> None:
    site = await lived(open_site)
    await site.stop()
    done = await told("erase", "nobody@example.org", "--journal", journal_of(site))

    assert ({}, [], []) == (done["rows"], done["files"], done["left"])


async def test_a_damaged_file_that_cannot_be_rewritten_is_told_and_is_no_success(open_site: OpenSite) -> None:
    site = await lived(open_site)
    await site.stop()
    aside = journal_of(site).with_name("journal.sqlite3.damaged-20260504T080000Z")
    await asyncio.to_thread(shutil.copy, journal_of(site), aside)
    await asyncio.to_thread(_a_page, aside)
    ended = await run("erase", ANNE, "--journal", journal_of(site))

    assert 1 == ended.returncode
    assert f"{aside}: is left" in ended.stdout
    assert "cannot be rewritten" in ended.stdout
