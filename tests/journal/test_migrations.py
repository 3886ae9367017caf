"""The tables that the migrations make, and files that old versions wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

from hotdesk_daemon.core.desk import CommandState
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import BookingCreated
from hotdesk_daemon.journal import SqlJournal, loading, queries, schema
from hotdesk_daemon.journal.dialect import upsert
from hotdesk_daemon.journal.migrate import MIGRATIONS
from tests.journal.values import now, record

OLD = sorted((Path(__file__).parent / "old").glob("*.sql"))


async def test_the_migrations_make_the_tables_that_the_code_expects(tmp_path: Path) -> None:
    async with SqlJournal.open(f"sqlite:///{tmp_path}/journal.db", clock=now):
        pass
    engine = sa.create_engine(f"sqlite:///{tmp_path}/journal.db", poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), schema.metadata)


def test_the_newest_migration_is_the_one_that_the_code_expects() -> None:
    assert schema.HEAD == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_every_released_schema_has_a_file_written_by_it() -> None:
    assert {s.revision for s in ScriptDirectory(str(MIGRATIONS)).walk_revisions()} == {p.stem for p in OLD}


@pytest.fixture(params=OLD, ids=lambda path: path.stem)
def _old_journal(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "journal.db")) as old:
        old.executescript(request.param.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("_old_journal")
async def test_a_file_written_by_an_old_version_is_read_and_continued(tmp_path: Path) -> None:
    async with SqlJournal.open(f"sqlite:///{tmp_path}/journal.db", clock=now) as journal:
        first, second = await journal.history(DeskId("osl-4-014"))
        (row,) = await journal.outbox()
        stored = (await journal.load())[DeskId("osl-4-014")]

        assert ((), ()) == (first.faults, second.faults)
        assert isinstance(first.input, BookingCreated)
        assert datetime(2026, 11, 20, 9, 0, 1, 123456, tzinfo=UTC) == first.at
        assert (CommandState.PENDING, "Book") == (row.state, row.kind)
        assert stored.missing_seq is None

        await journal.append([record(3)])


def test_nothing_but_the_dialect_module_is_bound_to_sqlite() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    page = queries.outbox_query(desk_id=DeskId("d"), states={CommandState.PARKED}, limit=1, before=None)

    assert "ORDER BY records.desk_id, records.seq" in str(loading.tail_query().compile(dialect=dialect))
    assert "LIMIT" in str(page.compile(dialect=dialect))
    assert "ON CONFLICT (desk_id) DO UPDATE" in str(upsert("postgresql", schema.snapshots).compile(dialect=dialect))
    assert "BIGSERIAL" in str(sa.schema.CreateTable(schema.records).compile(dialect=dialect))
