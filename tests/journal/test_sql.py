"""What the journal in a database promises beyond the contract: files, owners, faults, groups."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import AbstractAsyncContextManager, closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import ConfigError, TransientError, UndecodableError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import (
    JournalClosedError,
    JournalLockedError,
    JournalPlaceError,
    JournalRefusedError,
    JournalUnavailableError,
    JournalVersionError,
    Reading,
    SqlJournal,
)
from hotdesk_daemon.journal.dialect import make_engine
from tests.journal.values import DESK, OTHER, command, now, record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


def opened(path: Path, **settings: Any) -> AbstractAsyncContextManager[SqlJournal]:
    return SqlJournal.open(f"sqlite:///{path}", clock=now, **settings)


def change(path: Path, sql: str, *values: object) -> None:
    """Meddle with a journal behind its back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def read(path: Path, sql: str) -> list[object]:
    """The first column of what is there."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(sql)]


async def seqs_of(journal: SqlJournal, desk_id: DeskId = DESK) -> list[int]:
    return [r.seq for r in await journal.history(desk_id)]


# --- files and owners ------------------------------------------------------------------------------------------------


async def test_the_files_are_for_their_owner_alone(path: Path) -> None:
    async with opened(path) as journal:
        await journal.append([record(1)])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
    assert {f"journal.db{end}": 0o600 for end in ("", "-wal", "-shm", ".lock")} == modes


async def test_what_was_appended_is_there_after_closing_and_opening(path: Path) -> None:
    async with opened(path) as journal:
        await journal.append([record(1, commands=(command("c1"),))], snapshots=[Desk(desk_id=DESK, seq=1)])
    async with opened(path) as journal:
        await journal.append([record(2)])
        stored = (await journal.load())[DESK]

        assert (1, [2]) == (stored.snapshot and stored.snapshot.seq, [entry.seq for entry in stored.tail])
        assert ["c1"] == [row.command_id for row in await journal.outbox()]
        assert (await journal.stats()).size_bytes > 0


async def test_a_second_daemon_is_refused_and_told_who_is_there(path: Path) -> None:
    async with opened(path) as journal:
        with pytest.raises(JournalLockedError, match=r"journal\.db is in use by process \d+ on \S+ since 20") as caught:
            await opened(path).__aenter__()
        await journal.append([record(1)])
    async with opened(path) as journal:
        assert [1] == await seqs_of(journal)

    assert caught.value.holder is not None


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    async with opened(path):
        pass
    change(path, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(JournalVersionError, match="schema 9999, written by a newer version"):
        await opened(path).__aenter__()


@pytest.mark.parametrize(
    "url", ["", "journal.db", "nosuch://x/y", "sqlite://", "sqlite:///:memory:"], ids=lambda url: url or "empty"
)
async def test_a_url_that_cannot_hold_a_journal_is_a_mistake_in_the_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match="journal URL"):
        await SqlJournal.open(url, clock=now).__aenter__()


@pytest.fixture
def minutes(path: Path) -> Path:
    path.parent.mkdir()
    path.write_bytes(b"minutes of the meeting\n" * 100)
    return path


async def test_a_file_that_is_something_else_is_refused_and_left_alone(minutes: Path) -> None:
    before = await asyncio.to_thread(minutes.read_bytes)
    for _ in range(2):
        with pytest.raises(JournalPlaceError) as refused:
            await opened(minutes).__aenter__()

        assert f"{minutes} is no journal; choose another journal.path" == str(refused.value)

    assert before == await asyncio.to_thread(minutes.read_bytes)


async def test_the_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    change(path, "CREATE TABLE customers (name)")

    with pytest.raises(JournalPlaceError, match="is no journal"):
        await opened(path).__aenter__()

    assert ["customers"] == read(path, "SELECT name FROM sqlite_master")


async def test_a_place_that_cannot_be_made_is_refused_clearly(minutes: Path) -> None:
    with pytest.raises(JournalPlaceError, match=r"cannot be opened: .* choose another daemon.state_dir"):
        await opened(minutes / "journal.db").__aenter__()


def test_connections_have_the_settings_that_durability_rests_on(tmp_path: Path) -> None:
    names = ("journal_mode", "synchronous", "wal_autocheckpoint", "auto_vacuum", "secure_delete", "query_only")
    with make_engine(sa.make_url(f"sqlite:///{tmp_path}/journal.db")).connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert ["wal", 2, 4000, 2, 1, 0] == found  # synchronous 2 is FULL, auto_vacuum 2 is INCREMENTAL


def test_a_connection_for_reading_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    change(file, "CREATE TABLE old (number)")
    before = file.read_bytes()
    with make_engine(sa.make_url(f"sqlite:///{file}"), read_only=True).connect() as connection:
        assert 0 == connection.exec_driver_sql("SELECT count(*) FROM old").scalar()
        with pytest.raises(sa.exc.OperationalError, match="readonly"):
            connection.exec_driver_sql("INSERT INTO old VALUES (1)")

    assert before == file.read_bytes()


# --- faults ----------------------------------------------------------------------------------------------------------


async def test_a_full_disk_refuses_appends_keeps_what_was_there_and_recovers_alone(path: Path) -> None:
    async with opened(path, max_size_bytes=400_000) as journal:
        await journal.append([record(1, raw=b"x" * 200_000)])
        with pytest.raises(JournalUnavailableError, match="database or disk is full") as caught:
            await journal.append([record(2, raw=b"y" * 300_000), record(1, desk_id=OTHER)])
        with pytest.raises(JournalUnavailableError, match="database or disk is full"):
            await journal.append([record(2, raw=b"y" * 300_000), record(1, desk_id=OTHER)])
        await journal.append([record(2)])
        before = await seqs_of(journal)
        change(path, "UPDATE records SET raw = NULL")
        await journal.append([record(3, raw=b"y" * 200_000), record(1, desk_id=OTHER)])

        assert isinstance(caught.value, TransientError)
        assert [1, 2] == before
        assert ([1, 2, 3], [1]) == (await seqs_of(journal), await seqs_of(journal, OTHER))
        assert (2, 0) == (journal.writer_stats.failures, journal.writer_stats.waiting)


async def test_a_failing_group_is_acknowledged_to_nobody(path: Path) -> None:
    async with opened(path, max_size_bytes=400_000) as journal:
        big = [record(1, desk_id=DeskId(f"desk-{n}"), raw=b"x" * 300_000) for n in range(5)]
        results = await asyncio.gather(*(journal.append([r]) for r in big), return_exceptions=True)
        loaded = await journal.load()

        kept = {r.desk_id for r, result in zip(big, results, strict=True) if result is None}
        assert kept == loaded.keys()
        assert {JournalUnavailableError} == {type(result) for result in results if result is not None}


async def test_a_value_that_cannot_be_stored_is_refused_and_its_neighbours_are_not(path: Path) -> None:
    async with opened(path) as journal:
        unsayable = msgspec.structs.replace(record(1, desk_id=DeskId("bad-1")), source="\ud800")
        too_big = msgspec.structs.replace(record(1, desk_id=DeskId("bad-2")), cause_seq=2**70)
        naive = msgspec.structs.replace(record(1, desk_id=DeskId("bad-3")), at=record(1).at.replace(tzinfo=None))
        given = [record(1), unsayable, too_big, naive, record(1, desk_id=OTHER)]
        results = await asyncio.gather(*(journal.append([r]) for r in given), return_exceptions=True)
        await journal.append([record(1, desk_id=DeskId("bad-1"))])

        refused = JournalRefusedError
        assert [type(None), refused, refused, refused, type(None)] == [type(result) for result in results]
        assert {DESK, OTHER, "bad-1"} == (await journal.load()).keys()


async def test_what_this_version_cannot_read_is_handed_out_as_an_error_with_its_bytes(path: Path) -> None:
    async with opened(path) as journal:
        await journal.append([record(1, commands=(command("c1"),)), record(2)])
        change(path, "UPDATE records SET kind = 'Teleported', reasons = ?, commands = ? WHERE seq = 1", b"x", b"[1]")
        change(path, "UPDATE outbox SET body = ?", b"{}")
        first, second = await journal.history(DESK)
        stored = (await journal.load())[DESK]
        (row,) = await journal.outbox()

        assert isinstance(first.input, UndecodableError)
        assert [first.input.raw, b"x", b"1"] == [fault.raw for fault in first.faults]
        assert ((), record(2).input) == (second.faults, second.input)
        assert [UndecodableError, type(record(2).input)] == [type(entry.input) for entry in stored.tail]
        assert isinstance(row.open, UndecodableError)


@pytest.mark.parametrize(
    ("meddling", "value"),
    [("UPDATE snapshots SET version = ?", "0-elsewhere"), ("UPDATE snapshots SET state = ?", b"{}")],
    ids=["other version", "damaged"],
)
async def test_without_a_usable_snapshot_the_whole_history_is_loaded(
    path: Path, meddling: str, value: str | bytes
) -> None:
    async with opened(path) as journal:
        await journal.append([record(1), record(2)], snapshots=[Desk(desk_id=DESK, seq=2)])
        await journal.append([record(1, desk_id=OTHER)])
        change(path, meddling, value)
        stored = (await journal.load())[DESK]

        assert (None, [1, 2]) == (stored.snapshot, [entry.seq for entry in stored.tail])
        assert stored.missing_seq is None


async def test_records_that_are_missing_are_noticed(path: Path) -> None:
    async with opened(path) as journal:
        await journal.append([record(1), record(2), record(3)])
        change(path, "DELETE FROM records WHERE seq = 2")

        assert 2 == (await journal.load())[DESK].missing_seq


# --- groups, backpressure, ends --------------------------------------------------------------------------------------


async def test_what_waits_is_committed_together(path: Path) -> None:
    async with opened(path) as journal:
        async with asyncio.TaskGroup() as group:
            for n in range(300):
                group.create_task(journal.append([record(1, desk_id=DeskId(f"desk-{n}"))]))

        assert 300 == journal.writer_stats.records
        assert journal.writer_stats.commits < 30


async def test_a_commit_is_bounded(path: Path) -> None:
    async with opened(path, max_commit=10) as journal:
        async with asyncio.TaskGroup() as group:
            for n in range(100):
                group.create_task(journal.append([record(1, desk_id=DeskId(f"desk-{n}"))]))

        assert (100, 10) == (journal.writer_stats.records, journal.writer_stats.largest_commit)


@pytest.mark.parametrize("variables", [32_766, 999], ids=["this SQLite", "one of before 2020"])
async def test_a_large_append_is_kept_whole_and_in_order(
    path: Path, variables: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    However many statements that takes.
    """
    connect = sqlite3.connect

    def limited(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, variables)
        return connection

    monkeypatch.setattr(sqlite3.dbapi2, "connect", limited)
    async with opened(path) as journal:
        await journal.append([record(seq) for seq in range(1, 1000)])
        stored = (await journal.load())[DESK]

    assert [*range(1, 1000)] == [entry.seq for entry in stored.tail]
    assert 1 == journal.writer_stats.commits


async def test_appends_beyond_the_bound_wait_in_line_and_keep_their_order(path: Path) -> None:
    async with opened(path, max_waiting=4) as journal:
        most = 0

        async def append(seq: int) -> None:
            nonlocal most
            await journal.append([record(seq)])
            most = max(most, journal.writer_stats.waiting)

        async with asyncio.TaskGroup() as group:
            for seq in range(1, 101):
                group.create_task(append(seq))

        assert list(range(1, 101)) == await seqs_of(journal)
        assert most <= 4


async def test_cancelling_an_append_harms_no_other(path: Path) -> None:
    async with opened(path, max_waiting=2) as journal:
        tasks = [asyncio.create_task(journal.append([record(1, desk_id=DeskId(f"desk-{n}"))])) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await journal.append([record(1)])
        loaded = await journal.load()

        assert [None] * 10 == results[1::2]
        assert {f"desk-{n}" for n in range(1, 20, 2)} <= loaded.keys()
        assert 0 == journal.writer_stats.waiting


async def test_closing_commits_what_was_appended(path: Path) -> None:
    async with opened(path) as journal:
        tasks = [asyncio.create_task(journal.append([record(1, desk_id=DeskId(f"desk-{n}"))])) for n in range(50)]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    async with opened(path) as journal:
        assert 50 == len(await journal.load())


async def test_closing_refuses_those_who_wait_in_line(path: Path) -> None:
    async with opened(path, max_waiting=1) as journal:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # so that the first cannot be done before the others are refused
            tasks = [asyncio.create_task(journal.append([record(seq)])) for seq in (1, 2, 3)]
            await asyncio.sleep(0)
            ending = asyncio.create_task(journal.close())
            refused = await asyncio.gather(*tasks[1:], return_exceptions=True)
            other.execute("ROLLBACK")
        await ending
        await tasks[0]

        assert [JournalClosedError, JournalClosedError] == [type(result) for result in refused]


async def test_reading_does_not_wait_for_writing(path: Path) -> None:
    async with opened(path) as journal:
        await journal.append([record(1)])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            blocked = asyncio.create_task(journal.append([record(2)]))
            await asyncio.sleep(0)

            assert ([1], 1) == (await seqs_of(journal), journal.writer_stats.waiting)

            other.execute("ROLLBACK")
        await blocked


async def test_a_look_that_takes_too_long_ends_and_holds_up_nobody(path: Path) -> None:
    def look_for_ever(history: Reading) -> None:
        while True:
            history.record(DESK, 1)

    async with opened(path, look_timeout_s=0.1) as journal:
        await journal.append([record(1)])
        looking = asyncio.create_task(journal.look(look_for_ever))
        assert [1] == await seqs_of(journal)
        with pytest.raises(JournalUnavailableError, match=r"did not answer within 0\.1 s"):
            await looking
        assert [DESK] == await journal.look(lambda history: history.desks())
