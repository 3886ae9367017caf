"""
What a transition table is made of.

A table maps (state, column) to a `Row`. A column is the kind of an input, or a kind with a facet after a slash where
one kind can mean different things to the same life (``Personalized/true``). Every pair of a table has a row; what a
life does not care about says so in a row too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar, cast

import attrs

from hotdesk_daemon.core.inputs import KINDS
from hotdesk_daemon.core.steps import Life

S = TypeVar("S", bound=StrEnum)
Act = Callable[..., Any]


@attrs.frozen(kw_only=True)
class Row(Generic[S]):
    """
    What one state does with one column.

    ``to`` are the states that may follow; one alone is always taken, of several ``act`` chooses. ``act`` is a function
    of that life's signature, or ``None`` when nothing but the state changes. A ``quiet`` row leaves no reason unless
    the state moved.
    """

    code: str
    text: str
    to: tuple[S, ...]
    act: Act | None = None
    quiet: bool = False


Table = Mapping[tuple[S, str], Row[S]]

#: Kinds that mean different things to one life, and their facets.
FACETS: Final[Mapping[tuple[Life, str], tuple[str, ...]]] = {
    **{(life, "BookingsListed"): ("present", "missing") for life in (Life.BOOKING, Life.CHANGE)},
    **{(life, "TimerFired"): (timer, "other") for life, timer in ((Life.CHANGE, "change"),)},
    (Life.BOOKING, "TimerFired"): ("request", "watch", "other"),
    (Life.SIGN_IN, "TimerFired"): ("settle", "leave", "other"),
    (Life.LINK, "TimerFired"): ("sync", "list", "other"),
    (Life.COMMAND, "TimerFired"): ("command", "other"),
    (Life.SIGN_IN, "Personalized"): ("true", "false", "unknown"),
    (Life.COMMAND, "CommandAnswered"): ("accepted", "refused", "unknown", "not done", "gave up"),
}


def columns(life: Life) -> tuple[str, ...]:
    """Every column of the table of *life*, in kind order."""
    return tuple(f"{kind}/{facet}" if facet else kind for kind in KINDS for facet in FACETS.get((life, kind), ("",)))


def build(
    life: Life,
    states: type[S],
    *,
    rest: str,
    rows: Iterable[tuple[S | Iterable[S], str | Iterable[str], Row[S] | Callable[[S], Row[S]]]],
) -> Table[S]:
    """
    Make a total table.

    Every pair that *rows* does not name keeps its state, for the reason *rest*. A row that stands twice, or for a
    column that does not exist, is a programming mistake and raises `AssertionError` at import.
    """
    legal = set(columns(life))
    table: dict[tuple[S, str], Row[S]] = {}
    for where, when, row in rows:
        # A state is a string, and so an iterable itself: what is none is an iterable of states.
        for state in [where] if isinstance(where, states) else cast("Iterable[S]", where):
            for column in [when] if isinstance(when, str) else when:
                if column not in legal or (state, column) in table:
                    raise AssertionError(f"{life} table: {state} × {column} is unknown or stands twice")
                table[state, column] = row(state) if callable(row) else row
    for state in states:
        quiet = Row(code=f"{life}.untouched", text=rest, to=(state,), quiet=True)
        for column in legal:
            table.setdefault((state, column), quiet)
    return table


def stay(code: str, text: str, act: Act | None = None, *, quiet: bool = False) -> Callable[[S], Row[S]]:
    """A row that keeps the state."""
    return lambda state: Row(code=code, text=text, to=(state,), act=act, quiet=quiet)


def go(code: str, text: str, *to: S, act: Act | None = None, quiet: bool = False) -> Row[S]:
    """A row that moves the state to one of *to*."""
    return Row(code=code, text=text, to=to, act=act, quiet=quiet)
