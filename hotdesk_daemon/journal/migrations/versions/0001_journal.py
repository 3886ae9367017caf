"""
The first journal: records, outbox, snapshots, meta.

A released migration is never edited; a change of the tables is a new file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "records",
        sa.Column(
            "journal_seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("desk_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("mono", sa.Double, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("cause_seq", sa.BigInteger),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("raw", sa.LargeBinary),
        sa.Column("input", sa.LargeBinary, nullable=False),
        sa.Column("reasons", sa.LargeBinary, nullable=False),
        sa.Column("commands", sa.LargeBinary),
        sa.Column("refusal", sa.Text),
        sa.UniqueConstraint("desk_id", "seq", name="records_of_desk"),
    )
    op.create_table(
        "outbox",
        sa.Column("command_id", sa.Text, primary_key=True),
        sa.Column("desk_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("outbox_newest", "outbox", ["decided_at", "command_id"])
    op.create_table(
        "snapshots",
        sa.Column("desk_id", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    raise NotImplementedError("a journal is not taken back to an older version; restore a backup instead")
