"""
How long things are kept, and by which time that is counted.

A clock that is set to the wrong day must not delete a day, let alone ten years. So retention goes by a *trusted* time:
it follows the wall clock as long as that agrees with how long we have been running, and follows it back at once. When
the wall clock is suddenly far ahead, after a jump or after a long time in which nobody ran, it is believed only once it
has stood for a day of our running; until then nothing is too old that was not before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs
import msgspec
import sqlalchemy as sa

from hotdesk_daemon.journal import dialect
from hotdesk_daemon.journal.pruning import Held, Horizons
from hotdesk_daemon.journal.schema import TRUSTED_TIME, from_micros, meta, records, to_micros

if TYPE_CHECKING:
    from collections.abc import Collection

    from hotdesk_daemon.core.ids import DeskId

#: How far the wall clock may be ahead of what our running explains, before it is doubted.
TOLERANCE: Final = timedelta(minutes=15)
#: How long a doubted wall clock has to stand.
STANDS_AFTER: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Retention:
    """How long is kept what, and how much there may be in all; the verbatim messages go with their records at last."""

    records: timedelta
    raw: timedelta
    commands: timedelta
    size_bytes: int | None

    def horizons(self, now: datetime, *, served: Collection[DeskId] | None = None) -> Horizons:
        """What is too old at *now*."""
        return Horizons(
            records=_micros_before(now, self.records),
            raw=_micros_before(now, self.raw),
            commands=_micros_before(now, self.commands),
            size_bytes=self.size_bytes,
            served=served,
            now=to_micros(now),
        )

    @property
    def mark_every(self) -> timedelta:
        """How far apart the states are at which history may be cut: a day, less where less than a month is kept."""
        return min(timedelta(days=1), self.records / 24)


def _micros_before(now: datetime, age: timedelta) -> int:
    return to_micros(now - age) if now - _BEGINNING > age else 0


class TrustedTime(msgspec.Struct, frozen=True):
    """The time that retention goes by; ``doubted_s`` is for how long of our running the wall clock is doubted."""

    at: datetime
    doubted_s: float = 0.0

    @property
    def is_doubtful(self) -> bool:
        """Whether the wall clock is ahead of it and not believed yet."""
        return self.doubted_s > 0.0

    def after(self, ran_s: float, *, now: datetime) -> TrustedTime:
        """The trusted time *ran_s* seconds of our running later, when the wall clock says *now*."""
        expected = self.at + timedelta(seconds=ran_s)
        doubted_s = self.doubted_s + ran_s
        if now <= expected + TOLERANCE or doubted_s >= STANDS_AFTER.total_seconds():
            return TrustedTime(now)
        return TrustedTime(expected, max(doubted_s, 1e-6))


def advance(held: Held, ran_s: float, *, now: datetime) -> TrustedTime:
    """Read the trusted time of a journal, let *ran_s* seconds of our running pass, and write it down; blocking."""
    with held.connection.begin():
        here = meta.c.key == TRUSTED_TIME
        text = held.connection.scalar(sa.select(meta.c.value).where(here))
        known = _read(text) if text is not None else TrustedTime(_newest(held.connection) or now)
        trusted = known.after(ran_s, now=now)
        value = msgspec.json.encode(trusted).decode()
        put = dialect.upsert(held.connection.dialect.name, meta)
        held.connection.execute(put, {"key": TRUSTED_TIME, "value": value})
    return trusted


def trusted_time(connection: sa.Connection, *, now: datetime) -> TrustedTime:
    """The trusted time as a journal has it, without letting any pass; *now* where it has none and is empty."""
    text = connection.scalar(sa.select(meta.c.value).where(meta.c.key == TRUSTED_TIME))
    return _read(text) if text is not None else TrustedTime(_newest(connection) or now)


def _read(text: str) -> TrustedTime:
    try:
        return msgspec.json.decode(text, type=TrustedTime)
    except (msgspec.DecodeError, ValueError):
        return TrustedTime(_BEGINNING)  # nothing is old by it, until a day has passed


def _newest(connection: sa.Connection) -> datetime | None:
    at = connection.scalar(sa.select(records.c.at).order_by(records.c.journal_seq.desc()).limit(1))
    return from_micros(at) if at is not None else None
