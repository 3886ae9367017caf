"""
The tables. ``migrations/versions`` makes them; a test holds the two together.

Few indexes: each one is paid for on every commit. Moments are whole microseconds since 1970 in UTC, which both SQLite
and PostgreSQL hold exactly.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa

#: The newest migration; a database that says anything this version does not know is refused.
HEAD: Final = "0002"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

metadata = sa.MetaData()

#: A 64 bit counter; SQLite counts by itself only in a column declared INTEGER.
_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

records = sa.Table(
    "records",
    metadata,
    sa.Column("journal_seq", _COUNTER, primary_key=True, autoincrement=True),
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

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("command_id", sa.Text, primary_key=True),
    sa.Column("desk_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("decided_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("outbox_newest", "decided_at", "command_id"),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("desk_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("written_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
)

#: From which state a desk's history goes on where its beginning was pruned: its records up to ``seq`` are gone, or
#: about to go, and nobody reads them any more. ``at`` is when it was the desk's state.
bases = sa.Table(
    "bases",
    metadata,
    sa.Column("desk_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
)

#: States kept on the way, about one a day: each may become the base, and only they can.
marks = sa.Table(
    "marks",
    metadata,
    sa.Column("desk_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
    sa.Index("marks_by_age", "at", "desk_id", "seq"),
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


#: The key in `meta` of the journal's own name, by which captures of it are known to belong together.
JOURNAL_ID: Final = "journal_id"

#: The key in `meta` that only a backup has: it says that what is open in here may have been sent since.
COPIED_AT: Final = "copied_at"

#: The key in `meta` of the damaged file in whose place the journal is, as long as nothing was taken over from that.
ASIDE: Final = "aside"

#: The key in `meta` of the number behind which desks begin that the journal does not know; none means 0.
FIRST_SEQ: Final = "first_seq"

#: The key in `meta` of how far into the journal the verbatim messages have been dropped.
RAW_DROPPED: Final = "raw_dropped"

#: The key in `meta` of the time that retention goes by; see `retention`.
TRUSTED_TIME: Final = "trusted_time"


def to_micros(moment: datetime) -> int:
    """Whole microseconds since 1970, exactly; a naive *moment* is a `TypeError`."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
