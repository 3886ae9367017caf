"""
Why a desk is as it is: each thing of it, every move that led there, and what caused each move.

It is read from the journal's own reasons, newest first, so that a long history costs no more than a short one; nothing
is decided again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core.desk import BookingState, CommandState
from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.steps import Life
from hotdesk_daemon.journal.reading import reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdesk_daemon.core.ids import BookingId
    from hotdesk_daemon.core.steps import Reason
    from hotdesk_daemon.journal import StoredRecord
    from hotdesk_daemon.journal.reading import JournalReading

#: How far back is looked; what moved before that is as it was.
MOST_RECORDS: Final = 20_000
_LONGEST_CHAIN: Final = 50
_OVER: Final = frozenset(
    {
        *(state.value for state in (BookingState.ENDED, BookingState.DELETED, BookingState.FAILED)),
        *(state.value for state in (CommandState.DONE, CommandState.DROPPED)),
        "none",
    }
)


@attrs.frozen(kw_only=True)
class Cause:
    """One input of a chain: its number, moment, source and kind, and the reason that it gave."""

    seq: int
    at: datetime
    source: str
    kind: str
    code: str
    text: str


@attrs.frozen(kw_only=True)
class Move:
    """One move of a thing; ``causes`` lead from the root to the input that moved it."""

    before: str
    after: str
    causes: tuple[Cause, ...]


@attrs.frozen(kw_only=True)
class Thing:
    """Something of the desk that has states: ``life`` and whose it is; ``state`` is its present one."""

    life: str
    name: str
    state: str
    moves: tuple[Move, ...]

    @property
    def is_over(self) -> bool:
        """Whether it is of the past."""
        return self.state in _OVER


@attrs.frozen(kw_only=True)
class Explanation:
    """A desk at a moment, that of its newest input; ``is_whole`` unless the history is longer than is looked at."""

    desk: DeskId
    at: datetime
    seq: int
    things: tuple[Thing, ...]
    is_whole: bool


def explain(
    url: str,
    desk: DeskId,
    *,
    at: datetime | None = None,
    since: datetime | None = None,
    booking: BookingId | None = None,
) -> Explanation:
    """
    Explain *desk* as it was *at* a moment, or is; with *since* by what moved from then on, with *booking* that alone.

    Raises:
        ConfigError: there is no such journal, or nothing of the desk in it.
        JournalUnavailableError: it cannot be read.
    """
    with reading(url) as journal:
        found: dict[tuple[Life, str], list[Move]] = {}
        bookings: dict[tuple[Life, str], set[str]] = {}
        newest: StoredRecord | None = None
        is_whole = True
        for count, record in enumerate(journal.newest(desk, until=at)):
            newest = newest or record
            if count == MOST_RECORDS or (since is not None and record.at < since):
                is_whole = count < MOST_RECORDS
                break
            for reason in reversed(record.reasons):
                if reason.before != reason.after:
                    key = reason.life, _whose(reason)
                    found.setdefault(key, []).append(_move(journal, record, reason))
                    bookings.setdefault(key, set()).add(str(reason.booking_id))
        if newest is None:
            raise ConfigError(f"the journal has nothing of a desk {desk!r}" + (" until then" if at else ""))
        things = tuple(
            Thing(life=life.value, name=name, state=moves[0].after, moves=tuple(reversed(moves)))
            for (life, name), moves in sorted(found.items(), key=lambda item: (item[0][0].value, item[0][1]))
            if booking is None or booking in bookings[life, name]
        )
        return Explanation(desk=desk, at=newest.at, seq=newest.seq, things=things, is_whole=is_whole)


def _whose(reason: Reason) -> str:
    match reason.life:
        case Life.LINK | Life.SIGN_IN:
            return str(reason.device or "")
        case Life.COMMAND:
            return str(reason.command_id or "")
        case _:
            return str(reason.booking_id or reason.device or "")


def _move(journal: JournalReading, record: StoredRecord, reason: Reason) -> Move:
    chain = [_cause(record, reason)]
    at, cause_seq = record, reason.cause_seq or record.cause_seq
    while cause_seq is not None and cause_seq < at.seq and len(chain) < _LONGEST_CHAIN:
        earlier = journal.record(record.desk_id, cause_seq)
        if earlier is None:
            break
        why = _fitting(earlier.reasons, reason)
        chain.append(_cause(earlier, why))
        at, cause_seq = earlier, (why.cause_seq if why is not None else None) or earlier.cause_seq
    return Move(before=reason.before, after=reason.after, causes=tuple(reversed(chain)))


def _fitting(reasons: Iterable[Reason], about: Reason) -> Reason | None:
    """Which of an earlier step's reasons led to *about*: of the same command, booking or device, else the first."""
    given = [*reasons]
    for name in ("command_id", "booking_id", "device"):
        wanted = getattr(about, name)
        for reason in given:
            if wanted is not None and getattr(reason, name) == wanted:
                return reason
    return given[0] if given else None


def _cause(record: StoredRecord, reason: Reason | None) -> Cause:
    return Cause(
        seq=record.seq,
        at=record.at,
        source=record.source,
        kind=record.kind,
        code=reason.code if reason is not None else "",
        text=reason.text if reason is not None else "",
    )
