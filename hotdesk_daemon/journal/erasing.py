"""
Taking a person out of a journal, in place: out of decoded inputs and messages as they came, commands and states.

First everything is gone through to learn by what else they are known, until nothing new comes; then everything is
gone through again and rewritten where they stand. What cannot be read as JSON is treated as text. Everything here
blocks, and wants the journal for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec
import sqlalchemy as sa

from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.persons import Eraser, Traces
from hotdesk_daemon.journal.schema import bases, marks, outbox, records, snapshots

if TYPE_CHECKING:
    from hotdesk_daemon.journal.pruning import Held

_Row = sa.Row[*tuple[Any, ...]]

_AT_ONCE: Final = 500
#: Ways from an address to an id to another address are not long.
_MOST_ROUNDS: Final = 5


@attrs.frozen(kw_only=True)
class _Place:
    """A table's columns that may name a person, and how each is rewritten."""

    table: sa.Table
    columns: Sequence[str]
    rewrite: Callable[[Eraser, str, bytes], bytes]


def _as_json(eraser: Eraser, column: str, data: bytes) -> bytes:
    try:
        return eraser.json(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return eraser.message(data)


def _as_record(eraser: Eraser, column: str, data: bytes) -> bytes:
    return eraser.message(data) if column in {"raw", "refusal"} else _as_json(eraser, column, data)


def _as_state(eraser: Eraser, column: str, data: bytes) -> bytes:
    try:
        return codec.rewrite_state(data, eraser.json)
    except (UndecodableError, msgspec.DecodeError, ValueError, RecursionError):
        return eraser.message(data)  # damaged already, and of no use to anybody


_PLACES: Final = (
    _Place(table=records, columns=("raw", "input", "reasons", "commands", "refusal"), rewrite=_as_record),
    _Place(table=outbox, columns=("body",), rewrite=_as_json),
    _Place(table=snapshots, columns=("state",), rewrite=_as_state),
    _Place(table=bases, columns=("state",), rewrite=_as_state),
    _Place(table=marks, columns=("state",), rewrite=_as_state),
)


def learn(held: Held, traces: Traces) -> bool:
    """Note in *traces* what is known beside the person in a journal; return whether anything of it is new."""
    is_new = False
    for place in _places(held.connection):
        for page in _pages(held.connection, place):
            for row in page:
                for column in place.columns:
                    is_new |= learn_from(_bytes(getattr(row, column)), traces)
    return is_new


def learn_from(data: bytes, traces: Traces) -> bool:
    """Note in *traces* what one message or line tells; return whether anything of it is new."""
    if b"rganizer" not in data and b"\\u" not in data:
        return False
    try:
        return traces.learn(msgspec.json.decode(data))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False


def learn_all(learners: Sequence[Callable[[Traces], bool]], traces: Traces) -> None:
    """Go through everything again until nothing new is known; who others are is only sure then."""
    for _ in range(_MOST_ROUNDS):
        traces.begin_again()
        news = [learn_one(traces) for learn_one in learners]
        if not any(news):
            return


def erase(held: Held, eraser: Eraser) -> Iterator[dict[str, int]]:
    """Rewrite a journal, a few rows in each step; yields how many rows of each table were changed so far."""
    places = _places(held.connection)
    changed = {place.table.name: 0 for place in places}
    for place in places:
        for page in _pages(held.connection, place):
            changed[place.table.name] += _rewrite(held.connection, place, page, eraser)
            yield dict(changed)


def _rewrite(connection: sa.Connection, place: _Place, page: Sequence[_Row], eraser: Eraser) -> int:
    count = 0
    with connection.begin():
        for row in page:
            new: dict[str, Any] = {}
            for column in place.columns:
                stored = getattr(row, column)
                before = _bytes(stored)
                after = place.rewrite(eraser, column, before)
                if after != before:
                    new[column] = after.decode() if isinstance(stored, str) else after
            if new:
                here = [key == getattr(row, key.name) for key in place.table.primary_key]
                connection.execute(place.table.update().where(*here).values(new))
                count += 1
    return count


def _places(connection: sa.Connection) -> list[_Place]:
    """Those that are in this journal, which may be an old one."""
    with connection.begin():
        known = set(sa.inspect(connection).get_table_names())
    return [place for place in _PLACES if place.table.name in known]


def _pages(connection: sa.Connection, place: _Place) -> Iterator[Sequence[_Row]]:
    """All rows, some at a time, in the order of their keys."""
    keys = list(place.table.primary_key)
    query = sa.select(*keys, *(place.table.c[name] for name in place.columns)).order_by(*keys).limit(_AT_ONCE)
    after: tuple[Any, ...] | None = None
    while True:
        behind = query if after is None else query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, after)))
        with connection.begin():
            page = connection.execute(behind).all()
        if not page:
            return
        after = tuple(getattr(page[-1], key.name) for key in keys)
        yield page


def _bytes(stored: str | bytes | None) -> bytes:
    return stored.encode() if isinstance(stored, str) else bytes(stored or b"")
