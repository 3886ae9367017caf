"""The first step of a desk that comes out otherwise than it is recorded, told so that a person sees where and how."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.replaying.differing import Difference, differences
from hotdesk_daemon.app.replaying.facts import Fact, input_fact, step_fact
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal.entries import read_back

if TYPE_CHECKING:
    from hotdesk_daemon.core.errors import UndecodableError
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import Entry, StoredRecord

#: What the daemon records in place of an input that it could not decide; it refuses a wish by itself then.
_STAND_IN: Final = "Undecodable"


@attrs.frozen(kw_only=True)
class Divergence:
    """
    A step that is not the recorded one.

    ``given`` are the members of the input, ``why`` says in a sentence what about the step is other, ``differences`` are
    its members that differ, ``old`` as recorded and ``new`` as it came.
    """

    desk: DeskId
    seq: int
    journal_seq: int
    at: datetime
    source: str
    kind: str
    given: Fact
    why: str
    differences: tuple[Difference, ...]


def compared(entry: Entry, step: Step) -> Divergence | UndecodableError | None:
    """
    How *step* differs from what is recorded with *entry*, if it does.

    An error says that the recorded step cannot be read by this version: then nobody knows.
    """
    record = read_back(entry)
    if record.faults:
        return record.faults[0]
    old, new = step_fact(record), step_fact(step)
    if entry.kind == _STAND_IN:
        old["refusal"] = new["refusal"]
    found = tuple(differences(old, new))
    return told(record, found, why=why_other(found)) if found else None


def undecided(entry: Entry, exc: Exception) -> Divergence:
    """That *entry*, which was decided once, cannot be decided."""
    found = Difference(path="decision", old="a step", new=f"{type(exc).__name__}: {exc}")
    return told(read_back(entry), (found,), why="it could not be decided, which is a mistake of this version")


def told(record: StoredRecord, found: tuple[Difference, ...], *, why: str) -> Divergence:
    """The divergence at *record* that *found* is."""
    return Divergence(
        desk=record.desk_id,
        seq=record.seq,
        journal_seq=record.journal_seq,
        at=record.at,
        source=record.source,
        kind=record.kind,
        given=input_fact(record.input),
        why=why,
        differences=found,
    )


def why_other(found: tuple[Difference, ...]) -> str:
    """What is other about a step with these differences, in words."""
    parts: dict[str, list[Difference]] = {}
    for each in found:
        parts.setdefault(each.path.partition("/")[0].partition("[")[0], []).append(each)
    return "; ".join(_part(part, differing) for part, differing in parts.items())


def _part(part: str, found: list[Difference]) -> str:
    if part == "refusal":
        return "it is refused otherwise"
    gone = [_named(each.old) for each in found if isinstance(each.old, dict)]
    come = [_named(each.new) for each in found if isinstance(each.new, dict)]
    if gone and come:
        return f"{', '.join(come)} instead of {', '.join(gone)}"
    if gone or come:
        return f"{', '.join(gone or come)} is {'missing' if gone else 'new'}"
    return f"its {part} say something else"


def _named(fact: Fact) -> str:
    return str(fact.get("code") or f"the command {fact.get('path')}")
