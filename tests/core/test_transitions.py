"""The tables are total, every kind of input has its way to them, and rows lead where they say."""

from __future__ import annotations

from enum import StrEnum

import pytest

from hotdesk_daemon.core.decide import ROUTES
from hotdesk_daemon.core.desk import BookingState, ChangeState, CommandState, LinkState, SignInState
from hotdesk_daemon.core.inputs import KINDS
from hotdesk_daemon.core.rows import FACETS, Row, Table, build, columns, go, stay
from hotdesk_daemon.core.steps import Life
from hotdesk_daemon.core.transitions import TABLES

STATES: dict[Life, type[StrEnum]] = {
    Life.LINK: LinkState,
    Life.SIGN_IN: SignInState,
    Life.BOOKING: BookingState,
    Life.CHANGE: ChangeState,
    Life.COMMAND: CommandState,
}
each_life = pytest.mark.parametrize("life", STATES)


@each_life
def test_every_state_has_a_row_with_a_reason_for_every_input(life: Life) -> None:
    table = TABLES[life]

    assert len(STATES[life]) * len(columns(life)) == len(table)
    for state in STATES[life]:
        for column in columns(life):
            row = table[state, column]
            assert row.code.replace("_", "").replace(".", "").replace("-", "").isalpha()
            assert row.text
            assert row.to
            assert set(row.to) <= set(STATES[life])


def test_the_tables_are_as_large_as_lives_and_kinds_make_them() -> None:
    assert len(KINDS) == 48
    assert {
        Life.LINK: 4 * 50,
        Life.SIGN_IN: 7 * 52,
        Life.BOOKING: 7 * 51,
        Life.CHANGE: 4 * 50,
        Life.COMMAND: 8 * 53,
    } == {life: len(table) for life, table in TABLES.items()}


def test_every_kind_of_input_is_routed() -> None:
    assert set(KINDS.values()) == set(ROUTES)


def test_every_facet_is_of_a_kind() -> None:
    assert {kind for _, kind in FACETS} <= set(KINDS)


@each_life
def test_a_row_with_several_ways_has_an_act_that_chooses(life: Life) -> None:
    for (state, column), row in TABLES[life].items():
        if len(row.to) > 1:
            assert row.act is not None, f"{state} × {column}"


@each_life
def test_a_code_begins_with_the_name_of_what_it_is_about(life: Life) -> None:
    subjects = {row.code.partition(".")[0] for row in TABLES[life].values()}

    assert subjects <= {"booking", "change", "command", "input", "link", "list", "sign-in", "sign_in", "wish"}


class Lamp(StrEnum):
    DARK = "dark"
    LIT = "lit"


def a_table(*rows: tuple[Lamp | type[Lamp], str, Row[Lamp]]) -> Table[Lamp]:
    return build(Life.LINK, Lamp, rest="does not concern the lamp", rows=rows)


def test_what_no_row_names_is_untouched_and_says_so_quietly() -> None:
    row = a_table()[Lamp.LIT, "SyncRequired"]

    assert ("link.untouched", (Lamp.LIT,), True) == (row.code, row.to, row.quiet)


def test_a_row_may_stand_for_many_states_and_inputs() -> None:
    table = build(Life.LINK, Lamp, rest="-", rows=[(Lamp, ("LinkUp", "LinkDown"), stay("lamp.same", "stays"))])

    assert {Lamp.DARK: (Lamp.DARK,), Lamp.LIT: (Lamp.LIT,)} == {s: table[s, "LinkDown"].to for s in Lamp}


@pytest.mark.parametrize("column", ["NoSuchKind", "TimerFired", "LinkUp"])
def test_a_column_that_does_not_exist_or_stands_twice_is_a_mistake(column: str) -> None:
    row = go("lamp.lit", "lit", Lamp.LIT)

    with pytest.raises(AssertionError, match="unknown or stands twice"):
        a_table((Lamp.DARK, "LinkUp", row), (Lamp.DARK, column, row))
