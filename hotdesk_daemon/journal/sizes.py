"""How large a journal is, what of it is what, how it grows, and what retention would take out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs
import sqlalchemy as sa

from hotdesk_daemon.core.desk import SETTLED
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import dialect
from hotdesk_daemon.journal.pruning import cuts
from hotdesk_daemon.journal.schema import bases, from_micros, marks, outbox, records, snapshots

if TYPE_CHECKING:
    from hotdesk_daemon.journal.pruning import Horizons

#: What growth is told of.
_LATELY: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
#: What a row takes beside its values: keys, lengths, and its place in the index.
_ROW_BYTES: Final = 60


@attrs.frozen(kw_only=True)
class Class:
    """One kind of things: how many, their bytes, and what of them retention would take out now."""

    name: str
    rows: int
    size_bytes: int
    doomed: int | None = None


@attrs.frozen(kw_only=True)
class DeskSize:
    """What one desk takes of the records."""

    desk: DeskId
    rows: int
    size_bytes: int


@attrs.frozen(kw_only=True)
class Sizes:
    """
    A journal in numbers.

    ``size_bytes`` is the file's, ``free_bytes`` what of it is free. ``classes`` add up to about the rest; the records
    are counted without their messages, which are the class ``raw``. ``a_day_bytes`` is the growth of late; None where
    there is less than a day.
    """

    size_bytes: int
    free_bytes: int
    oldest_at: datetime | None
    newest_at: datetime | None
    classes: tuple[Class, ...]
    desks: int
    largest: tuple[DeskSize, ...]
    a_day_bytes: int | None


def measure(connection: sa.Connection, horizons: Horizons, *, top: int = 10) -> Sizes:
    """Measure a journal; it goes through all records."""
    raw = sa.func.coalesce(sa.func.length(records.c.raw), 0)
    rest = sum(
        (sa.func.coalesce(sa.func.length(records.c[name]), 0) for name in ("input", "reasons", "commands", "refusal")),
        start=sa.literal(_ROW_BYTES),
    )
    query = sa.select(
        records.c.desk_id, sa.func.count(), sa.func.sum(rest), sa.func.sum(raw), sa.func.count(records.c.raw)
    ).group_by(records.c.desk_id)
    desks = [
        (DeskId(name), count, int(held), int(raws), messages)
        for name, count, held, raws, messages in connection.execute(query)
    ]
    oldest, newest = connection.execute(sa.select(sa.func.min(records.c.at), sa.func.max(records.c.at))).one()
    largest = sorted(desks, key=lambda desk: -(desk[2] + desk[3]))[:top]
    page_size = dialect.pragma(connection, "page_size")
    return Sizes(
        size_bytes=dialect.pragma(connection, "page_count") * page_size,
        free_bytes=dialect.pragma(connection, "freelist_count") * page_size,
        oldest_at=from_micros(oldest) if oldest is not None else None,
        newest_at=from_micros(newest) if newest is not None else None,
        classes=(
            Class(
                name="records",
                rows=sum(desk[1] for desk in desks),
                size_bytes=sum(desk[2] for desk in desks),
                doomed=_doomed_records(connection, horizons),
            ),
            Class(
                name="raw",
                rows=sum(desk[4] for desk in desks),
                size_bytes=sum(desk[3] for desk in desks),
                doomed=_doomed_raw(connection, horizons.raw),
            ),
            _class(connection, outbox, outbox.c.body, doomed=_doomed_commands(connection, horizons.commands)),
            _class(connection, snapshots, snapshots.c.state),
            _class(connection, marks, marks.c.state),
            _class(connection, bases, bases.c.state),
        ),
        desks=len(desks),
        largest=tuple(DeskSize(desk=desk[0], rows=desk[1], size_bytes=desk[2] + desk[3]) for desk in largest),
        a_day_bytes=_growth(connection, rest + raw, oldest, newest),
    )


def _class(connection: sa.Connection, table: sa.Table, column: sa.Column[bytes], *, doomed: int | None = None) -> Class:
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(sa.func.length(column) + _ROW_BYTES), 0))
    rows, size_bytes = connection.execute(query.select_from(table)).one()
    return Class(
        name="commands" if table is outbox else table.name, rows=rows, size_bytes=int(size_bytes), doomed=doomed
    )


def _growth(
    connection: sa.Connection, size: sa.ColumnElement[int], oldest: int | None, newest: int | None
) -> int | None:
    day = _DAY // timedelta(microseconds=1)
    if oldest is None or newest is None or newest - oldest < day:
        return None
    since = max(oldest, newest - _LATELY // timedelta(microseconds=1))
    lately = connection.scalar(sa.select(sa.func.sum(size)).where(records.c.at >= since)) or 0
    return int(lately) * day // (newest - since)


def _doomed_records(connection: sa.Connection, horizons: Horizons) -> int | None:
    """Records before the newest mark of their desk that is old enough."""
    if horizons.records is None:
        return None
    total = 0
    for desk_id, seq, _ in cuts(connection, horizons.records, horizons.now):
        below = (records.c.desk_id == desk_id, records.c.seq <= seq)
        total += connection.scalar(sa.select(sa.func.count()).select_from(records).where(*below)) or 0
    return total


def _doomed_raw(connection: sa.Connection, horizon: int | None) -> int | None:
    if horizon is None:
        return None
    old = (records.c.at <= horizon, records.c.raw.is_not(None), records.c.kind != "Undecodable")
    return connection.scalar(sa.select(sa.func.count()).select_from(records).where(*old)) or 0


def _doomed_commands(connection: sa.Connection, horizon: int | None) -> int | None:
    if horizon is None:
        return None
    settled = sorted(state.value for state in SETTLED)
    old = (outbox.c.decided_at <= horizon, outbox.c.updated_at <= horizon, outbox.c.state.in_(settled))
    return connection.scalar(sa.select(sa.func.count()).select_from(outbox).where(*old)) or 0
