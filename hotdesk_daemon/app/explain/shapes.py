"""
An explanation as JSON: the same over HTTP and from the command line.

The HTTP door promises the shape (``api.wire.Explanation``). It is made without it, because the command line would have
to import a web server to say three lines.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hotdesk_daemon.app.explain.words import Words, said, spoken
from hotdesk_daemon.app.zones import in_zone
from hotdesk_daemon.captures.quoting import quoted

if TYPE_CHECKING:
    from hotdesk_daemon.app.explain.causes import Cause
    from hotdesk_daemon.app.explain.explanation import Explanation, Thing
    from hotdesk_daemon.app.explain.moves import Move
    from hotdesk_daemon.core.steps import Reason

Shape = dict[str, Any]


def to_json(found: Explanation) -> str:
    """One document in one line."""
    return msgspec.json.encode(shape(found)).decode()


def shape(found: Explanation) -> Shape:
    pending = found.pending
    return {
        "desk": found.desk,
        "at": found.at.astimezone(UTC),
        "seq": found.seq,
        "stale": found.is_stale,
        "things": [_thing(thing) for thing in found.things],
        "pending": None
        if pending is None
        else [{"key": one.key, "due": one.due, "said": _text(one.words), "set_seq": one.set_seq} for one in pending],
        "notes": found.notes,
    }


def _thing(thing: Thing) -> Shape:
    return {
        "life": thing.life,
        "id": thing.name,
        "state": thing.state,
        "sentence": _text(thing.words),
        "over": thing.is_over,
        "whole": thing.is_whole,
        "booking": thing.booking_id,
        "moves": [_move(move) for move in thing.moves],
    }


def _move(move: Move) -> Shape:
    return {
        "seq": move.seq,
        "at": move.at,
        "life": move.life,
        "code": move.code,
        "text": move.text,
        "before": move.before,
        "after": move.after,
        "causes": [_cause(cause) for cause in move.chain.causes],
        "ending": move.chain.ending,
        "missing_seq": move.chain.next_seq,
    }


def _cause(cause: Cause) -> Shape:
    return {
        "seq": cause.seq,
        "at": cause.at,
        "source": cause.source,
        "kind": cause.kind,
        "said": _text(said(cause)),
        "times": cause.times,
        "reasons": [_reason(reason) for reason in cause.reasons],
    }


def _reason(reason: Reason) -> Shape:
    return {
        "life": reason.life,
        "code": reason.code,
        "text": quoted(reason.text),
        "before": reason.before,
        "after": reason.after,
        "booking": reason.booking_id,
        "device": reason.device,
        "command": reason.command_id,
        "cause_seq": reason.cause_seq,
    }


def _text(words: Words) -> str:
    return spoken(words, RFC3339)


class _Rfc3339:
    """Moments for programs."""

    def tell(self, moment: datetime) -> str:
        return in_zone(moment, UTC).replace(tzinfo=None).isoformat() + "Z"

    def age(self, moment: datetime) -> str:
        return ""

    def span(self, start: datetime, end: datetime) -> str:
        return f"{self.tell(start)}–{self.tell(end)}"


#: Writes moments in UTC as RFC 3339 has them.
RFC3339: Final = _Rfc3339()
