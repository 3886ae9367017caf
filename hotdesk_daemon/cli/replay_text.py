"""
What a replay shows, as text: steps as they come, divergences, and a table of what was found.

It is made of the lines that ``--format json`` prints, so that both say the same and hide the same.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon.cli.screen import clean, moment, show_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Fact = dict[str, Any]

#: Letters of a digest that are shown; JSON has them all.
_DIGEST: Final = 12
_UNREADABLE: Final = "this version cannot read or decide it"
_VERDICTS: Final = {
    "same": "the same",
    "partly_same": "the same as far as it can be compared",
    "not_compared": "nothing to compare with",
    "diverges": "diverges",
}
#: They say when and by which input something moved, which the step says already.
_ECHOES: Final = frozenset({"changed_at", "changed_seq", "cause_seq", "asked_seq"})
_HEADERS: Final = (
    "desk",
    "inputs",
    "steps",
    "unreadable",
    "gaps",
    "repeated",
    "steps digest",
    "state digest",
    "verdict",
)
_SPARE: Final = ("steps", "state digest", "inputs")


def step_lines(line: Fact) -> list[str]:
    """A step for people: a line for the input and one for each thing that came of it; for programs all in one line."""
    head = [_time(line["at"]), line["desk"], str(line["seq"]), line["source"], line["kind"]]
    if "reasons" not in line:
        said, changed, told = [_UNREADABLE], [], []
    else:
        said = [reason_text(reason) for reason in line["reasons"]]
        said += [f"refused: {line['refusal']}"] if line["refusal"] else []
        changed = [difference_text(each, old="before", new="after") for each in line["changes"]]
        told = [command_text(command) for command in line["commands"]]
    if sys.stdout.isatty():
        rest = [*said, *(f"state: {each}" for each in changed), *(f"command: {each}" for each in told)]
        return [clean(text) for text in ("  ".join(head) + _members(line["input"]), *(f"    {each}" for each in rest))]
    return ["\t".join(clean(cell) for cell in (*head, "; ".join(said), "; ".join(changed), "; ".join(told))).rstrip()]


def divergence_lines(desk: str, found: Fact) -> list[str]:
    """Where a desk's history came out otherwise, and how."""
    return [clean(line) for line in _divergence(desk, found)]


def _divergence(desk: str, found: Fact) -> Iterator[str]:
    yield f"{desk} diverges at input {found['seq']}, {_time(found['at'])} UTC: {found['kind']} from {found['source']}"
    yield f"  {found['reason']}"
    if found["input"]:
        yield f"  input:{_members(found['input'])}"
    for each in found["differences"]:
        yield f"  {each['path']}"
        yield f"    expected  {_brief(each['expected']) if 'expected' in each else 'nothing'}"
        yield f"    got       {_brief(each['got']) if 'got' in each else 'nothing'}"


def show_results(desks: Sequence[Fact], total: Fact, *, apart: bool) -> None:
    """A table of desks, *apart* from what stands above, one line about all, and each divergence in full."""
    print_lines([""] if apart else [])
    show_table(_HEADERS, [_row(line) for line in desks], spare=_SPARE)
    plural = "desk" if total["desks"] == 1 else "desks"
    said = f"{total['desks']} {plural}, {total['inputs']:,} inputs, {total['compared']:,} steps compared"
    print_lines([f"{said}, digest {total['digest'][:_DIGEST]}"])
    for line in desks:
        if line["divergence"] is not None:
            print_lines(["", *divergence_lines(line["desk"], line["divergence"])])


def print_lines(lines: Sequence[str]) -> None:
    """Show lines; many may come, so they are not flushed one by one."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def reason_text(reason: Fact) -> str:
    """A reason: its code, what moved and whose, and why."""
    move = f" {reason['before'] or 'nothing'} → {reason['after']}" if reason["before"] != reason["after"] else ""
    whose = reason["command_id"] or reason["booking_id"] or reason["device"]
    cause = f", caused by {reason['cause_seq']}" if reason["cause_seq"] is not None else ""
    return f"{reason['code']}{move}{f' of {whose}' if whose else ''}: {reason['text']}{cause}"


def command_text(command: Fact) -> str:
    """A command: what it is, as it stands now."""
    said = f"{command['path']} {command['state']} {command['command_id']}"
    return f"{said}: {command['why']}" if command["why"] else said


def difference_text(each: Fact, *, old: str, new: str) -> str:
    """A member of the state that changed."""
    if old not in each:
        return f"+ {each['path']} {_brief(_own(each[new], each['path']))}"
    if new not in each:
        return f"- {each['path']}"
    return f"{each['path']} {_brief(each[old])} → {_brief(each[new])}"


def _own(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    """*value* without what its place says already."""
    if not isinstance(value, dict) or "path" in value:
        return value
    return {key: member for key, member in value.items() if key not in _ECHOES and member != path.rpartition("/")[2]}


def _row(line: Fact) -> tuple[object, ...]:
    verdict = _VERDICTS[line["verdict"]]
    if line["gaps"] and line["begins"] != 1 and line["gaps"] == 1:
        verdict = f"{verdict}: begins at {line['begins']}"
    elif line["begins"] > 1:
        verdict = f"{verdict}, from {line['begins']} on: what was before is gone"
    return (
        line["desk"],
        line["inputs"],
        line["steps"],
        line["unreadable"] or "",
        line["gaps"] or "",
        line["repeated"] or "",
        line["digests"]["steps"][:_DIGEST],
        line["digests"]["state"][:_DIGEST],
        verdict,
    )


def _brief(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        if "code" in value and "before" in value:
            return reason_text(value)
        if "path" in value and "command_id" in value:
            return command_text(value)
        return _members(value).strip() or "nothing in it"
    if isinstance(value, list | tuple):
        return ", ".join(map(_brief, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "yes", False: "no"}[value]
    return str(value)


def _members(fact: Fact) -> str:
    """What a value says, in short; long lists only by their length."""
    told = {key: value for key, value in fact.items() if value not in (None, "", [], {}, False)}
    return "".join(
        f" {name}={len(value) if isinstance(value, list | tuple) and any(map(_is_object, value)) else _brief(value)}"
        for name, value in told.items()
    )


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _time(text: str) -> str:
    when = moment(text)
    return f"{when:%Y-%m-%d %H:%M:%S}" + (f".{when.microsecond // 1000:03}" if when.microsecond else "")
