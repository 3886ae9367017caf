"""
The transition tables as a document: a diagram and a full table per life.

``python -m hotdesk_daemon.core.diagram --write FILE`` writes it, ``--check FILE`` says whether the file is current.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon.core.rows import Row, columns
from hotdesk_daemon.core.transitions import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from enum import StrEnum

    from hotdesk_daemon.core.steps import Life

_USAGE: Final = "usage: python -m hotdesk_daemon.core.diagram --write|--check FILE\n"
_HEAD: Final = """\
# Transitions

What every state of a desk does with everything that can happen. This page is made from the tables in
`hotdesk_daemon/core/transitions.py` by `make diagram`; changing it by hand is undone by the next run.

A desk has five lives. Each device has a *link* and a *sign-in*, each booking a life of its own and one open *change* at
most, each command of ours a life from its decision until it is settled. An input with a word behind it
(`Personalized/true`) has more than one meaning for that life. Where more than one state may follow, the input and the
rest of the desk decide which.

Two things move a state at the end of a step without a row, because they follow from the whole picture: a command whose
effect holds is `done` whatever state it is in (one that asked for a booking that failed is `refused`), and a change
that the rules reject is `reverting`. What becomes of a command also moves the booking it asked for: refused or
dropped, the booking has `failed`; retried, it is `requested` again.
"""


def render() -> str:
    """The whole document."""
    return "\n".join([_HEAD, *(line for life, table in TABLES.items() for line in _section(life, table))]) + "\n"


def _section(life: Life, table: Mapping[tuple[Any, str], Row[Any]]) -> Iterator[str]:
    states = list(dict.fromkeys(state for state, _ in table))
    names = columns(life)
    title = life.capitalize()
    yield f"## {title}\n"
    yield f"{len(states)} states × {len(names)} inputs = {len(table)} rows.\n"
    yield "```mermaid\nstateDiagram-v2"
    yield from (f'    state "{state}" as {_key(state)}' for state in states)
    yield from _arrows(table, names)
    yield "```\n"
    yield "| in state | input | next state | code | why |\n|---|---|---|---|---|"
    yield from _lines(life, table, states, names)
    yield ""


def _key(state: str) -> str:
    return state.replace(" ", "_").replace("-", "_")


def _arrows(table: Mapping[tuple[Any, str], Row[Any]], names: Iterable[str]) -> Iterator[str]:
    """One arrow for each pair of states that an input can lead between."""
    ways: dict[tuple[StrEnum, StrEnum], list[str]] = defaultdict(list)
    for state in dict.fromkeys(state for state, _ in table):
        for name in names:
            for target in table[state, name].to:
                if target is not state:
                    ways[state, target].append(name)
    for (state, target), by in ways.items():
        yield f"    {_key(state)} --> {_key(target)}: {', '.join(by)}"


def _lines(
    life: Life, table: Mapping[tuple[Any, str], Row[Any]], states: Iterable[StrEnum], names: Iterable[str]
) -> Iterator[str]:
    """The table's lines; states that do the same with the same inputs share one."""
    alike: dict[tuple[str, str, str, tuple[str, ...]], list[StrEnum]] = defaultdict(list)
    for state in states:
        inputs: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for name in names:
            row = table[state, name]
            inputs[row.code, row.text, _next(state, row)].append(name)
        for (code, text, to), which in inputs.items():
            untouched = code == f"{life}.untouched"
            alike[code, text, to, ("everything else",) if untouched else tuple(which)].append(state)
    for (code, text, to, by), who in sorted(alike.items(), key=lambda item: item[0][0].endswith(".untouched")):
        shown = ", ".join(f"`{name}`" if name[0].isupper() else name for name in by)
        yield f"| {', '.join(who)} | {shown} | {to} | `{code}` | {text} |"


def _next(state: StrEnum, row: Row[Any]) -> str:
    return " or ".join("*stays*" if target is state else target.value for target in row.to)


def main(arguments: list[str]) -> int:
    """Write or check the document; 0 when it is current afterwards, 1 when it is not, 2 when asked wrongly."""
    match arguments:
        case ["--write", name]:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(render(), encoding="utf-8")
            return 0
        case ["--check", name]:
            path = Path(name)
            if path.is_file() and path.read_text(encoding="utf-8") == render():
                return 0
            sys.stderr.write(f"{name} is not what the tables say: run `make diagram`\n")
            return 1
        case _:
            sys.stderr.write(_USAGE)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
