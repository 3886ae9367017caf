"""
What ``what-if --format json`` prints: one object, which the text is made of too. It holds no person and no title.

Members may be added. When one changes its meaning, `VERSION` goes up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon import __version__
from hotdesk_daemon.app.whatif.rulings import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from hotdesk_daemon.app.whatif.tally import DeskTally, Difference, Tally, Verdicts

VERSION: Final = 1
Fact = dict[str, Any]


def tally_fact(tally: Tally, *, policy_file: str, history: str, group_by: str) -> Fact:
    """All of *tally*."""
    return {
        "type": "what-if",
        "version": VERSION,
        "software": f"hotdesk-daemon {__version__}",
        "policy_file": policy_file,
        "history": history,
        "begins": _time(tally.begins),
        "ends": _time(tally.ends),
        **_counts(tally.verdicts.items()),
        "verdicts": list(_verdicts(tally)),
        "rules": list(_rules(tally)),
        "group_by": group_by,
        "groups": list(_groups(tally)),
        "desks": [_desk(one) for one in tally.desks],
        "differences": [_difference(one) for one in tally.differences],
        "differences_left_out": tally.left_out,
        "unknowable": [
            {"desk": desk, "start": _time(span.start), "end": _time(span.end)} for desk, span in tally.spans
        ],
        "unknowable_left_out": tally.spans_left_out,
    }


def _counts(verdicts: Iterable[tuple[Verdicts, int]]) -> Fact:
    """How many there are, how many nobody can know, and of the others how many would have been otherwise, and how."""
    fact = {
        "judged": 0, "in_doubt": 0, "rejected_instead": 0, "accepted_instead": 0, "otherwise": 0, "consequences": 0,
    }  # fmt: skip
    for verdict, count in verdicts:
        fact["judged"] += count
        if not verdict.is_certain:
            fact["in_doubt"] += count
        if not verdict.differ:
            continue
        if not verdict.is_certain:
            fact["consequences"] += count
        elif verdict.was is Outcome.ACCEPTED:
            fact["rejected_instead"] += count
        elif verdict.would_be is Outcome.ACCEPTED:
            fact["accepted_instead"] += count
        else:
            fact["otherwise"] += count
    return fact


def _verdicts(tally: Tally) -> Iterable[Fact]:
    found: dict[tuple[str, ...], Fact] = {}
    for verdict, count in sorted(tally.verdicts.items(), key=lambda each: _order(each[0])):
        _add(found, verdict, count, fact={})
    return found.values()


def _rules(tally: Tally) -> Iterable[Fact]:
    found: dict[tuple[str, ...], Fact] = {}
    for (cause, verdict), count in sorted(
        tally.causes.items(), key=lambda each: (each[0][0].is_recorded, str(each[0][0]), _order(each[0][1]))
    ):
        whose = "recorded" if cause.is_recorded else "new"
        fact = {"rule": cause.rule, "limits": dict(cause.limits), "of": whose}
        _add(found, verdict, count, fact=fact)
    return found.values()


def _add(found: dict[tuple[str, ...], Fact], verdict: Verdicts, count: int, *, fact: Mapping[str, Any]) -> None:
    """Count those of one kind that are certain and those that are not side by side."""
    key = (*map(str, fact.values()), verdict.subject, verdict.was, verdict.would_be)
    kind = {"subject": verdict.subject.value, "was": verdict.was.value, "would_be": verdict.would_be.value}
    line = found.setdefault(key, {**fact, **kind, "certain": 0, "in_doubt": 0})
    line["certain" if verdict.is_certain else "in_doubt"] += count


def _order(verdict: Verdicts) -> tuple[str, bool, str, str]:
    return verdict.subject, verdict.was is not Outcome.ACCEPTED, verdict.was, verdict.would_be


def _groups(tally: Tally) -> Iterable[Fact]:
    for group in sorted({group for one in tally.desks for group in one.groups}):
        verdicts = ((verdict, count) for (name, verdict), count in tally.groups.items() if name == group)
        yield {"group": group, "desks": sum(group in one.groups for one in tally.desks), **_counts(verdicts)}


def _desk(one: DeskTally) -> Fact:
    replayed = one.replayed
    return {
        "desk": one.desk,
        "groups": list(one.groups),
        "rules_of": one.origin,
        "inputs": replayed.inputs,
        "unreadable": replayed.unreadable,
        "gaps": replayed.gaps,
        "replay": replayed.verdict,
        "diverges_at": None if replayed.divergence is None else replayed.divergence.seq,
        **_counts(one.verdicts.items()),
        "unknowable_s": round(one.doubtful.total_seconds()),
    }


def _difference(one: Difference) -> Fact:
    objection = one.objection
    return {
        "desk": one.desk,
        "booking": one.booking_id,
        "at": _time(one.at),
        "seq": one.seq,
        "subject": one.subject.value,
        "start": _time(one.start),
        "duration_min": one.duration_min,
        "was": one.was.value,
        "would_be": one.would_be.value,
        "rule": None
        if objection is None
        else {
            "rule": objection.rule,
            "limits": dict(objection.limits),
            "text": str(objection),
            "of": "recorded" if one.is_recorded else "new",
        },
        "known": "certain" if one.is_certain else "consequence",
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
