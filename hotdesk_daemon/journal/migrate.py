"""Bring a database to this version's schema, or refuse it."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from hotdesk_daemon.journal.errors import JournalVersionError
from hotdesk_daemon.journal.schema import HEAD

MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(connection: sa.Connection) -> None:
    """
    Run the missing migrations in one transaction: killed in the middle, the database is as it was.

    Raises:
        JournalVersionError: the database is newer than this program.
    """
    with connection.begin():
        found = _version(connection)
        if found == HEAD:
            return  # without loading Alembic, which takes longer than everything else at start-up
        if found is not None and found > HEAD:
            raise JournalVersionError(
                f"the journal has schema {found}, written by a newer version; "
                f"this one knows up to {HEAD}: run the newer one"
            )
        _upgrade(connection)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return version


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415  # only needed when there is something to do
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    # Alembic reads % as an interpolation, and a path may contain one.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
