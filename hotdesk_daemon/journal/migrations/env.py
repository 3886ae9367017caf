"""Alembic's entry: run the migrations on the connection that the journal hands in; the journal commits."""

from __future__ import annotations

from alembic import context

# All migrations stand or fall in the one transaction that the caller began.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
