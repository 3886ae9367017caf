"""A journal whose file is broken: told from one that is only busy, put aside whole, and gone on from without a loss."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import AbstractAsyncContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import sqlalchemy as sa

from hotdesk_daemon.core.desk import CommandState, Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import JournalDamagedError, JournalUnavailableError, SqlJournal, damage, dialect
from hotdesk_daemon.journal.salvage import salvage
from tests.journal.values import DESK, OTHER, T0, command, now, record

if TYPE_CHECKING:
    from collections.abc import Callable

MOMENT: Final = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def opened(path: Path) -> AbstractAsyncContextManager[SqlJournal]:
    return SqlJournal.open(f"sqlite:///{path}", clock=now)


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def names(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir() if not file.name.endswith(".lock")}


async def filled(path: Path) -> None:
    async with opened(path) as journal:
        opened_one = command("c1")
        await journal.append([record(1, commands=(opened_one, command("c2", state=CommandState.DONE)))])
        state = Desk(desk_id=DESK, seq=1, commands={opened_one.command_id: opened_one})
        await journal.append([record(2), record(1, desk_id=OTHER)], snapshots=[state])


def _overwrite(path: Path, at: int, what: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(what)


HARMS: Final[dict[str, Callable[[Path], None]]] = {
    "emptied": lambda path: os.truncate(path, 0),
    "cut to its half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "another first page": lambda path: _overwrite(path, 0, bytes(4096)),
    "read-only by its header": lambda path: _overwrite(path, 18, b"\x07\x07"),
    "no schema number": lambda path: change(path, "DELETE FROM alembic_version"),
    "an unreadable schema number": lambda path: change(path, "UPDATE alembic_version SET version_num = '0oo2'"),
    "a table lost": lambda path: change(path, "DROP TABLE meta"),
    "a column called otherwise": lambda path: change(path, "ALTER TABLE records RENAME COLUMN source TO sourcf"),
    "an index lost": lambda path: change(path, "DROP INDEX outbox_newest"),
    "a moment that cannot be": lambda path: change(path, "UPDATE records SET at = ? WHERE seq = 2", 2**62),
    "text that is none": lambda path: change(path, "UPDATE records SET kind = CAST(x'ff' AS TEXT) WHERE seq = 2"),
    "an end that contradicts itself": lambda path: change(path, "UPDATE snapshots SET seq = 9"),
}


@pytest.mark.parametrize("harm", HARMS)
async def test_what_is_broken_is_put_aside_whole_and_another_begins(path: Path, harm: str) -> None:
    await filled(path)
    await asyncio.to_thread(HARMS[harm], path)
    broken = await asyncio.to_thread(path.read_bytes)
    async with opened(path) as journal:
        aside = (await journal.opening()).aside
        if aside is None:  # opened: it shows when it is read
            with pytest.raises(JournalDamagedError) as found:
                await journal.load()
            await journal.condemn(str(found.value))
            aside = await journal.begin_anew([])
        await journal.append([record(1)])

        assert [DESK] == list(await journal.load())
    kept = Path(aside.file)
    assert broken == await asyncio.to_thread(kept.read_bytes)
    assert aside.fault


async def test_a_sound_journal_is_opened_and_left_as_it_is(path: Path) -> None:
    await filled(path)
    async with opened(path) as journal:
        assert None is (await journal.opening()).aside
        assert {"c1", "c2"} == {row.command_id for row in await journal.outbox()}


async def test_a_log_without_its_database_is_put_aside(path: Path) -> None:
    await asyncio.to_thread(path.with_name("journal.db-wal").write_bytes, b"a log")
    async with opened(path) as journal:
        aside = (await journal.opening()).aside

    assert aside is not None
    assert b"a log" == await asyncio.to_thread(Path(f"{aside.file}-wal").read_bytes)


async def test_a_newer_version_is_refused_and_not_put_aside(path: Path) -> None:
    await filled(path)
    await asyncio.to_thread(change, path, "UPDATE alembic_version SET version_num = '9999'")
    before = names(path)
    with pytest.raises(Exception, match="schema 9999, written by a newer version"):
        await opened(path).__aenter__()

    assert before == names(path)


def test_what_is_put_aside_takes_the_place_of_nothing(path: Path) -> None:
    kept = []
    for number in range(3):
        for suffix in ("", "-wal"):
            path.with_name(path.name + suffix).write_text(f"{number}{suffix}")
        kept.append(damage.put_aside(path, at=MOMENT))

    assert ["journal.db.damaged-20261120T090000Z", *(f"{kept[0].name}.{n}" for n in (2, 3))] == [k.name for k in kept]
    assert ["0", "1", "2"] == [one.read_text() for one in kept]
    assert ["0-wal", "1-wal", "2-wal"] == [one.with_name(f"{one.name}-wal").read_text() for one in kept]
    assert sorted(kept) == damage.damaged_files(path)


async def test_looking_for_damage_takes_no_longer_than_it_may(path: Path) -> None:
    async with opened(path) as journal:
        for first in range(0, 5000, 1000):
            await journal.append([record(first + n + 1, raw=b"x" * 2000) for n in range(1000)])
    await asyncio.to_thread(damage.examine, path, limit_s=0.0)


# --- while it is used ------------------------------------------------------------------------------------------------


def spoil(path: Path) -> None:
    """Break everything behind the first page, where the daemon has to read it again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE meta SET value = value")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _overwrite(path, 4096, b"\xa5" * (path.stat().st_size - 4096))


async def test_damage_while_writing_is_told_and_nothing_more_is_taken_until_another_has_begun(path: Path) -> None:
    await filled(path)
    async with opened(path) as journal:
        await asyncio.to_thread(spoil, path)
        with pytest.raises(JournalDamagedError):
            await journal.append([record(3)])
        assert journal.damaged.is_set()
        with pytest.raises(JournalDamagedError):
            await journal.append([record(2, desk_id=OTHER)])

        assert {DESK: 2, OTHER: 1} == await journal.last_seqs()
        parked = command("c1", state=CommandState.PARKED)
        states = [Desk(desk_id=DESK, seq=2, commands={parked.command_id: parked}), Desk(desk_id=OTHER, seq=1)]
        aside = await journal.begin_anew(states)
        await journal.append([record(3), record(2, desk_id=OTHER)])
        loaded = await journal.load()

        assert await asyncio.to_thread(Path(aside.file).is_file)
        assert not journal.damaged.is_set()
        assert states == [loaded[desk].snapshot for desk in (DESK, OTHER)]
        assert [[3], [2]] == [[entry.seq for entry in loaded[desk].tail] for desk in (DESK, OTHER)]
        assert [parked] == [row.open for row in await journal.outbox()]


async def test_a_row_that_is_there_already_means_a_broken_index(path: Path) -> None:
    await filled(path)
    async with opened(path) as journal:
        await asyncio.to_thread(
            change,
            path,
            "INSERT INTO records SELECT 99, desk_id, 3, at, mono, source, kind, cause_seq, part, raw, input, reasons, "
            "commands, refusal FROM records WHERE seq = 2",
        )
        with pytest.raises(JournalDamagedError, match="UNIQUE"):
            await journal.append([record(3)])


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY]
)
async def test_a_disk_in_trouble_is_no_damage_and_passes(
    path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as journal:
        await journal.append([record(1)])
        insert = dialect.insert_records

        def fail(connection: sa.Connection, rows: Any) -> None:
            error = sqlite3.OperationalError("the disk is in trouble")
            error.sqlite_errorcode = code
            insert(connection, rows)
            raise sa.exc.OperationalError("INSERT", (), error)

        monkeypatch.setattr(dialect, "insert_records", fail)
        with pytest.raises(JournalUnavailableError, match="the disk is in trouble") as caught:
            await journal.append([record(2)])
        monkeypatch.undo()
        await journal.append([record(2)])

        assert JournalUnavailableError is type(caught.value)
        assert [1, 2] == [r.seq for r in await journal.history(DESK)]


async def test_a_journal_that_cannot_be_put_aside_is_tried_again_and_nothing_is_deleted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(path)

    def refuse(_database: Path, *, at: datetime) -> Path:
        raise OSError(30, "Read-only file system")

    async with opened(path) as journal:
        await journal.condemn("it looks odd")
        monkeypatch.setattr(damage, "put_aside", refuse)
        for _ in range(2):
            with pytest.raises(Exception, match="Read-only file system"):
                await journal.begin_anew([])
            assert (await asyncio.to_thread(path.stat)).st_size > 4096
        monkeypatch.undo()
        aside = await journal.begin_anew([Desk(desk_id=DESK, seq=2)])
        await journal.append([record(3)])

        assert "it looks odd" == aside.fault
    with closing(sqlite3.connect(aside.file)) as connection:
        assert (3,) == connection.execute("SELECT count(*) FROM records").fetchone()


@pytest.mark.may_block(reason="reads as a verb does, beside the journal")
async def test_a_reader_of_the_broken_file_does_not_touch_the_new_one_when_it_ends(path: Path) -> None:
    """
    SQLite deletes the log of a database that it closes last by its name, and that name is another's by then.
    """
    await filled(path)
    async with opened(path) as journal:
        engine = dialect.make_engine(sa.make_url(f"sqlite:///{path}"), read_only=True)
        reader = engine.connect()
        reader.exec_driver_sql("SELECT count(*) FROM records")
        await journal.condemn("it looks odd")
        await journal.begin_anew([])
        await journal.append([record(1)])
        reader.close()

        assert path.with_name("journal.db-wal").stat().st_size > 0
        assert [1] == [r.seq for r in await journal.history(DESK)]


# --- what can still be read ------------------------------------------------------------------------------------------


async def test_states_and_open_commands_are_read_out_of_a_broken_file(path: Path) -> None:
    await filled(path)
    found = await asyncio.to_thread(salvage, path)

    assert [DESK] == list(found.stored)
    assert 2 == found.stored[DESK].last_seq
    assert [("c1", "pending", command("c1"))] == [(one.command_id, one.state, one.open) for one in found.open_commands]
    assert (True, 2) == (found.is_whole, found.last_seq)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE snapshots SET state = x'7b7d'",
        "DELETE FROM records WHERE seq = 2",
        "UPDATE records SET input = x'7b' WHERE seq = 2",
        "UPDATE snapshots SET seq = 0",
    ],
)
async def test_a_desk_that_cannot_be_read_to_its_end_is_not_taken_over(path: Path, harm: str) -> None:
    await filled(path)
    async with opened(path) as journal:
        await journal.append([record(3)])
    await asyncio.to_thread(change, path, harm)
    found = await asyncio.to_thread(salvage, path)

    assert {} == found.stored
    assert ["c1"] == [one.command_id for one in found.open_commands]


def test_of_a_file_that_is_none_nothing_is_read_and_that_is_said(path: Path) -> None:
    path.write_bytes(b"\xa5" * 10_000)
    found = salvage(path)

    assert ({}, [], False, 0) == (found.stored, found.open_commands, found.is_whole, found.last_seq)


async def test_numbers_go_on_behind_those_of_the_journal_before(path: Path) -> None:
    async with opened(path) as journal:
        await journal.begin_with([Desk(desk_id=DESK, seq=1000)], first_seq=1000)
        await journal.append([record(1001), record(1001, desk_id=OTHER)])
    async with opened(path) as journal:
        loaded = await journal.load()
        await journal.append([record(1001, desk_id=DeskId("third"))])

        assert {DESK: 1001, OTHER: 1001} == {desk: stored.last_seq for desk, stored in loaded.items()}
    assert T0.tzinfo is not None
