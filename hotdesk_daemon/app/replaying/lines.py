"""
What ``replay --format json`` prints, one object a line: what programs read, and other versions of this one.

First comes one line ``replay``, which says the version of these lines; then, if asked for, one line ``step`` for each
input and one line ``state`` for each state; then one line ``desk`` for each desk and one line ``total``. Members may be
added. When one changes its meaning, `VERSION` goes up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from hotdesk_daemon import __version__
from hotdesk_daemon.app.replaying.changes import changes
from hotdesk_daemon.app.replaying.facts import Fact, desk_fact, hidden, input_fact, step_fact, veiled
from hotdesk_daemon.app.replaying.track import digest_of_all
from hotdesk_daemon.journal.entries import input_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hotdesk_daemon.app.replaying.comparing import Compared
    from hotdesk_daemon.app.replaying.differing import Difference
    from hotdesk_daemon.app.replaying.divergence import Divergence
    from hotdesk_daemon.app.replaying.replay import Taken
    from hotdesk_daemon.app.replaying.track import Replayed
    from hotdesk_daemon.app.replaying.versions import Versus
    from hotdesk_daemon.core.desk import Desk

VERSION: Final = 1

_encode: Final = msgspec.json.Encoder().encode


def encode_line(line: Fact) -> str:
    """*line* as JSON, with its newline."""
    return f"{_encode(line).decode()}\n"


def head_line() -> Fact:
    """The first line: which version of the lines, and which of the software, this is."""
    return {"type": "replay", "version": VERSION, "software": f"hotdesk-daemon {__version__}"}


def step_line(taken: Taken, *, names: bool) -> Fact:
    """
    One step: the input by number, moment, source, kind and members, and what came of it.

    Without ``reasons`` this version cannot read or decide the input.
    """
    entry, before, step = taken
    given = input_fact(input_of(entry.kind, entry.input))
    line: Fact = {
        "type": "step",
        "desk": entry.desk_id,
        "seq": entry.seq,
        "journal_seq": entry.journal_seq,
        "at": entry.at.isoformat(),
        "source": entry.source,
        "kind": entry.kind,
        "input": given if names else hidden(given),
    }
    if step is not None:
        said = step_fact(step)
        line |= said if names else hidden(said)
        line["changes"] = differences_fact(changes(before, step.desk), names=names)
    return line


def state_line(desk: Desk, *, names: bool) -> Fact:
    """A desk's whole state."""
    state = desk_fact(desk)
    return {"type": "state", "desk": desk.desk_id, "seq": desk.seq, "state": state if names else hidden(state)}


def desk_line(found: Replayed, *, names: bool) -> Fact:
    """What was found of a desk."""
    return {
        "type": "desk",
        "desk": found.desk,
        "inputs": found.inputs,
        "steps": found.steps,
        "unreadable": found.unreadable,
        "repeated": found.repeated,
        "gaps": found.gaps,
        "compared": found.compared,
        "begins": found.begins,
        "ends": found.ends,
        "verdict": found.verdict,
        "digests": {
            "steps": found.digests.steps,
            "commands": found.digests.commands,
            "state": found.digests.state,
        },
        "divergence": None if found.divergence is None else divergence_fact(found.divergence, names=names),
    }


def total_line(found: Sequence[Replayed]) -> Fact:
    """All desks together."""
    return {
        "type": "total",
        "desks": len(found),
        "inputs": sum(one.inputs for one in found),
        "steps": sum(one.steps for one in found),
        "unreadable": sum(one.unreadable for one in found),
        "compared": sum(one.compared for one in found),
        "diverging": sum(one.divergence is not None for one in found),
        "digest": digest_of_all(found),
    }


def divergence_fact(found: Divergence, *, names: bool) -> Fact:
    """Where and how a step came out otherwise."""
    return {
        "seq": found.seq,
        "journal_seq": found.journal_seq,
        "at": found.at.isoformat(),
        "source": found.source,
        "kind": found.kind,
        "input": found.given if names else hidden(found.given),
        "reason": found.why,
        "differences": differences_fact(found.differences, names=names, old="expected", new="got"),
    }


def differences_fact(
    found: Iterable[Difference], *, names: bool, old: str = "before", new: str = "after"
) -> list[Fact]:
    """Members that differ; *old* and *new* name the two sides, and a side that lacks the member is left out."""
    shown = found if names else map(veiled, found)
    return [{"path": each.path, **_side(old, each.old), **_side(new, each.new)} for each in shown]


def _side(name: str, value: Any) -> Fact:  # noqa: ANN401 - any JSON
    return {} if value is UNSET else {name: value}


def compared_line(found: Compared, *, names: bool) -> Fact:
    """What was found of a desk in two recordings."""
    return {
        "type": "compared",
        "desk": found.desk,
        "common": found.common,
        "only_old": found.only_old,
        "only_new": found.only_new,
        "steps": found.steps,
        "divergence": None if found.divergence is None else divergence_fact(found.divergence, names=names),
    }


def versus_line(found: Versus, *, names: bool) -> Fact:
    """What was found of a desk in two versions."""
    return {
        "type": "versus",
        "desk": found.desk,
        "steps": found.steps,
        "divergence": None if found.divergence is None else divergence_fact(found.divergence, names=names),
        "state": None if found.state is None else divergence_fact(found.state, names=names),
    }
