"""The reader's thread when a read lasts longer than anybody waits for it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from hotdesk_daemon.journal import JournalClosedError, JournalUnavailableError
from hotdesk_daemon.journal.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path

#: The unit of the few time limits that are real.
TICK_S = 0.1
LIMIT_S = 4.0
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def url(tmp_path: Path) -> sa.URL:
    (tmp_path / "journal.db").touch()
    return sa.make_url(f"sqlite:///{tmp_path}/journal.db")


def one(connection: sa.Connection) -> int:
    return int(connection.execute(sa.text("SELECT 1")).scalar_one())


def endless(connection: sa.Connection) -> None:
    connection.execute(sa.text(ENDLESS))


async def test_a_read_that_takes_too_long_is_broken_off_and_the_next_gets_its_turn(url: sa.URL) -> None:
    reader = Reader(url, timeout_s=TICK_S)
    with pytest.raises(JournalUnavailableError, match=r"did not answer within 0\.1 s"):
        await reader.run(endless)
    for _ in range(3):
        assert 1 == await reader.run(one)
    await reader.close()


async def test_a_read_that_nobody_waits_for_is_broken_off(url: sa.URL) -> None:
    reader = Reader(url, timeout_s=LIMIT_S)
    started = threading.Event()

    def begin(connection: sa.Connection) -> None:
        started.set()
        endless(connection)

    read = asyncio.create_task(reader.run(begin))
    await asyncio.to_thread(started.wait, LIMIT_S)
    read.cancel()
    async with asyncio.timeout(LIMIT_S / 2):
        assert 1 == await reader.run(one)
    await reader.close()


async def test_closing_breaks_a_read_off_and_leaves_no_thread(url: sa.URL) -> None:
    before = set(threading.enumerate())
    reader = Reader(url, timeout_s=60)
    (thread,) = set(threading.enumerate()) - before
    reads = [asyncio.create_task(reader.run(query)) for query in (endless, one)]
    await asyncio.sleep(0)
    async with asyncio.timeout(LIMIT_S):
        await reader.close()
        outcomes = await asyncio.gather(*reads, return_exceptions=True)

    assert JournalClosedError is type(outcomes[0])
    await asyncio.to_thread(thread.join, LIMIT_S)
    assert not thread.is_alive()


async def test_a_read_that_cannot_be_broken_off_keeps_no_process_from_ending(
    url: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotdesk_daemon.journal.reader._CLOSE_TIMEOUT_S", TICK_S)
    before = set(threading.enumerate())
    reader = Reader(url, timeout_s=TICK_S)
    disk = threading.Event()
    read = asyncio.create_task(reader.run(lambda _: disk.wait(LIMIT_S)))
    with pytest.raises(JournalUnavailableError):
        await read
    (thread,) = set(threading.enumerate()) - before
    await reader.close()

    assert (True, True) == (thread.is_alive(), thread.daemon)
    disk.set()
    await asyncio.to_thread(thread.join, LIMIT_S)
