"""The writer thread when it meets what nobody thought of."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import JournalClosedError, store
from hotdesk_daemon.journal.work import Work, encode_work
from hotdesk_daemon.journal.writer import Writer
from tests.journal.values import T0, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class CursedStore(store.Store):
    """A real store that meets a mistake of ours at its second commit."""

    commits = 0

    def commit(self, works: Sequence[Work]) -> list[store.Outcome]:
        self.commits += 1
        if self.commits == 2:
            raise ZeroDivisionError("a mistake of ours")
        return super().commit(works)


@pytest.fixture
def url(tmp_path: Path) -> sa.URL:
    return sa.make_url(f"sqlite:///{tmp_path}/journal.db")


async def test_a_writer_that_ends_by_mistake_says_so_to_everybody(url: sa.URL) -> None:
    @contextmanager
    def cursed() -> Iterator[store.Store]:
        with store.opened(url, created_at=T0) as opened:
            opened.__class__ = CursedStore
            yield opened

    writer = Writer(cursed, max_waiting=100, max_commit=1)
    await writer.start()

    def write(desk: str) -> asyncio.Task[None]:
        given = [record(1, desk_id=DeskId(desk))]
        work = encode_work(given, (), now=T0, done=writer.new_future())
        return asyncio.create_task(writer.write(work))

    results = await asyncio.gather(*(write(f"desk-{n}") for n in range(5)), return_exceptions=True)
    with pytest.raises(JournalClosedError, match="the journal's writer has ended: a mistake of ours"):
        await write("desk-6")
    await writer.close(timeout_s=1)

    assert [type(None)] + [JournalClosedError] * 4 == [type(result) for result in results]
    assert 0 == writer.stats.waiting
