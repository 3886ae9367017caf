"""
Bases and marks: states from which history goes on where its beginning is pruned.

The snapshots that stand become the first marks. A journal made before cannot give room back by itself (that has to be
decided before the first table); it uses the room again, and ``journal prune --compact`` makes it like a new one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "bases",
        sa.Column("desk_id", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "marks",
        sa.Column("desk_id", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_index("marks_by_age", "marks", ["at", "desk_id", "seq"])
    op.execute(
        "INSERT INTO marks (desk_id, seq, at, version, state) "
        "SELECT desk_id, seq, written_at, version, state FROM snapshots"
    )


def downgrade() -> None:
    raise NotImplementedError("a journal is not taken back to an older version; restore a backup instead")
