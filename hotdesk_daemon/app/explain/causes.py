"""
From a move back to its root cause: the inputs that led there, each with what the rules made of it.

A reason names the earlier input that led to it, where there is one: who set the timer that fired, why the list was
asked for, where the command was decided whose effect shows. Followed back, such a chain begins with something from
outside: what a device said, what a person wished, our settings, our start, or a look that was due.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.explain.past import Past
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.inputs import Input, TimerFired
from hotdesk_daemon.core.steps import Life, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import StoredRecord

#: So many inputs of one chain are followed.
LONGEST: Final = 200
#: So many of the same again are told one by one.
_ALIKE: Final = 2
#: What we brought about ourselves, and which therefore has something of ours before it.
_OUR_OWN: Final = frozenset({"TimerFired", "CommandSending", "CommandAnswered"})
#: What a list's own reasons are called; their cause is the input under which it was asked for.
_OF_LISTS: Final = frozenset({"list.applied", "list.failed"})


class Ending(StrEnum):
    """What stands at the beginning of a chain: its root, or why that cannot be seen."""

    ROOT = "root"
    GONE = "gone"  # the record that comes before is not there (any more)
    LONG = "long"  # there is more than is followed
    UNNAMED = "unnamed"  # something of our own that names nothing before it


@attrs.frozen(kw_only=True)
class Cause:
    """
    One input of a chain, and what came of it that matters here.

    ``given`` is None where this version cannot read it. ``times`` counts it together with those before it that were
    the same again.
    """

    seq: int
    at: datetime
    source: str
    kind: str
    given: Input | None
    reasons: tuple[Reason, ...]
    times: int = 1


@attrs.frozen(kw_only=True)
class Chain:
    """``causes`` lead from the root to the input that moved something; ``next_seq`` is the number that is missing."""

    causes: tuple[Cause, ...]
    ending: Ending
    next_seq: int | None = None


def chain_of(past: Past, record: StoredRecord, reason: Reason) -> Chain:
    """What led to *reason*, which is one of *record*."""
    causes: list[Cause] = []
    at, about = record, reason
    while True:
        related = _related(at, about)
        causes.append(_cause(at, related))
        cause_seq, through = _before(at, related, about)
        if cause_seq is None:
            ending = Ending.UNNAMED if at.kind in _OUR_OWN and not _is_look(at) else Ending.ROOT
            return Chain(causes=_folded(causes), ending=ending)
        if len(causes) >= LONGEST:
            return Chain(causes=_folded(causes), ending=Ending.LONG, next_seq=cause_seq)
        earlier = past.record(cause_seq) if cause_seq < at.seq else None
        if earlier is None:
            return Chain(causes=_folded(causes), ending=Ending.GONE, next_seq=cause_seq)
        causes += _traffic(past, earlier, at, through)
        at, about = earlier, _asked(earlier, through)


def rootless(recording: Recording) -> Iterator[tuple[DeskId, StoredRecord, Reason, Chain]]:
    """Every move of a recording whose chain reaches no root. There should be none; the past is held in memory."""
    for desk_id in recording.desks():
        past = Past(recording, desk_id, most=None)
        past.back_to(1)
        for record in past.kept():
            for reason in record.reasons:
                chain = chain_of(past, record, reason)
                if reason.before != reason.after and chain.ending is not Ending.ROOT:
                    yield desk_id, record, reason, chain


def _is_look(record: StoredRecord) -> bool:
    """Whether it is the timed look. Each list sets the next one: followed back it would lead to the first connect."""
    return isinstance(record.input, TimerFired) and record.input.key == "sync"


def _before(record: StoredRecord, related: Sequence[Reason], about: Reason) -> tuple[int | None, Reason]:
    """The number of the input that led to *record*, and the reason that names it."""
    if _is_look(record):
        return None, about
    listed = next((reason for reason in record.reasons if reason.code in _OF_LISTS), None)
    # Its own word first; else what was said before it in the same step led to it, and has its cause.
    words = (about, *related) if about in record.reasons else related
    by_list = {None} if listed is None else {None, listed.cause_seq}
    naming = next((reason for reason in words if reason.cause_seq not in by_list), None)
    if naming is not None:
        return naming.cause_seq, naming
    return (record.cause_seq, about) if listed is None else (listed.cause_seq, listed)


def _asked(record: StoredRecord, through: Reason) -> Reason:
    """Which reason of an earlier record to go on from: where a list was asked for, the one that says why."""
    if through.code not in _OF_LISTS:
        return through
    asked = (reason for reason in record.reasons if reason.code == "list.asked" and reason.device == through.device)
    return next(asked, through)


def _related(record: StoredRecord, about: Reason) -> tuple[Reason, ...]:
    """The reasons of *record* that belong to *about*; all of them where none does, for one of them led there."""
    if about.code == "list.asked":
        # Whatever it was that made us want the list, the list does not say.
        return (about,) if about in record.reasons and about.cause_seq is not None else record.reasons
    return tuple(reason for reason in record.reasons if _belongs(reason, about)) or record.reasons


def _belongs(reason: Reason, about: Reason) -> bool:
    """Whether *reason* is of the same command or booking, else of the same device."""
    if about.command_id is not None and reason.command_id == about.command_id:
        return True
    if about.booking_id is not None and reason.booking_id == about.booking_id:
        return True
    is_of_device = about.device is not None and reason.device == about.device
    if about.command_id is None and about.booking_id is None:
        return is_of_device
    return is_of_device and about.life is reason.life is Life.SIGN_IN


def _traffic(past: Past, decided: StoredRecord, at: StoredRecord, through: Reason) -> list[Cause]:
    """Between a decision and what came of it: the sending of the command and its answers, newest first."""
    moved = {
        seq: reason.command_id
        for reason in decided.reasons
        if reason.code == "command.decided" and reason.command_id is not None and _belongs(reason, through)
        for seq in past.command_seqs(reason.command_id, after=decided.seq, before=at.seq)
    }
    return [
        _cause(record, tuple(reason for reason in record.reasons if reason.command_id == moved[seq]))
        for seq in sorted(moved, reverse=True)
        if (record := past.record(seq)) is not None
    ]


def _cause(record: StoredRecord, reasons: tuple[Reason, ...]) -> Cause:
    return Cause(
        seq=record.seq,
        at=record.at,
        source=record.source,
        kind=record.kind,
        given=None if isinstance(record.input, UndecodableError) else record.input,
        reasons=reasons,
    )


def _folded(newest_first: Sequence[Cause]) -> tuple[Cause, ...]:
    """From the oldest on; what came again and again is told `_ALIKE` times, the last time with how often it came."""
    folded: list[Cause] = []
    for cause in reversed(newest_first):
        alike = [earlier for earlier in folded[-2 * _ALIKE :] if _sort(earlier) == _sort(cause)]
        if len(alike) < _ALIKE:
            folded.append(cause)
            continue
        folded.remove(alike[-1])
        folded.append(attrs.evolve(cause, times=alike[-1].times + 1))
    return tuple(folded)


def _sort(cause: Cause) -> tuple[str, ...]:
    return (cause.kind, *(reason.code for reason in cause.reasons))
