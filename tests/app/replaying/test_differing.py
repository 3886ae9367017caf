"""Where two values differ, and what a step changed of a desk's state."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from hotdesk_daemon.app.replaying.changes import changes
from hotdesk_daemon.app.replaying.differing import Difference, differences
from hotdesk_daemon.app.replaying.facts import HIDDEN, hidden, veiled
from tests.app.replaying.histories import PERSON, TITLE, morning


def found(old: Any, new: Any, *, only_common: bool = False) -> list[tuple[str, Any, Any]]:
    return [(each.path, each.old, each.new) for each in differences(old, new, only_common=only_common)]


REASON = {"life": "booking", "code": "booking.created", "text": "confirmed"}
OTHER = {"life": "link", "code": "link.up", "text": "connected"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, [("a/b", [1], [2])]),
        ({"a": 1}, {}, [("a", 1, UNSET)]),
        ({}, {"a": 1}, [("a", UNSET, 1)]),
        ({"r": [REASON]}, {"r": [REASON | {"text": "else"}]}, [("r[0]/text", "confirmed", "else")]),
        ({"r": [REASON]}, {"r": [OTHER, REASON]}, [("r[0]", UNSET, OTHER)]),
        ({"r": [OTHER, REASON]}, {"r": [REASON]}, [("r[0]", OTHER, UNSET)]),
        ({"r": [REASON]}, {"r": [OTHER]}, [("r[0]", REASON, OTHER)]),
    ],
)
def test_only_what_differs_is_found(old: Any, new: Any, expected: list[Any]) -> None:
    assert expected == found(old, new)


def test_what_one_side_alone_knows_may_be_no_difference() -> None:
    assert [("a", 1, 2)] == found({"a": 1, "old": 1}, {"a": 2, "new": 1}, only_common=True)


def test_the_changes_of_each_step_make_the_last_state_of_the_first() -> None:
    """Whatever a step does to a desk is among its changes: applied one after the other they lead to the end."""
    history = morning()
    state: dict[str, Any] = msgspec.to_builtins(history.steps[0].desk)
    before = history.steps[0].desk
    for step in history.steps[1:]:
        for change in changes(before, step.desk):
            apply(state, change)
        before = step.desk

    assert without_echoes(msgspec.to_builtins(history.desk)) == without_echoes(state)


def apply(state: dict[str, Any], change: Difference) -> None:
    *above, name = change.path.split("/")
    at = state
    for key in above:
        at = at[key]
    assert change.old is UNSET or name in at
    if change.new is UNSET:
        del at[name]
    else:
        at[name] = change.new


def without_echoes(state: Any) -> Any:
    """*state* without what changes leave out, or add for people."""
    left_out = {"seq", "changed_at", "changed_seq", "cause_seq", "asked_seq", "kind", "path"}
    if isinstance(state, dict):
        return {key: without_echoes(value) for key, value in state.items() if key not in left_out}
    return state


def test_a_step_that_does_nothing_changes_nothing() -> None:
    desk = morning().desk

    assert () == changes(desk, desk)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ({"title": TITLE, "start": "now"}, {"title": HIDDEN, "start": "now"}),
        ({"title": ""}, {"title": ""}),
        ({"organizer_email": PERSON, "organizer_name": None}, {"organizer_email": HIDDEN, "organizer_name": None}),
        ({"organizer": {"name": None, "email": PERSON}}, {"organizer": {"name": None, "email": HIDDEN}}),
        ({"bookings": [{"title": TITLE}]}, {"bookings": [{"title": HIDDEN}]}),
        ({"command": {"title": TITLE}, "why": "a rule"}, {"command": {"title": HIDDEN}, "why": "a rule"}),
    ],
)
def test_titles_and_persons_are_hidden(fact: dict[str, Any], expected: dict[str, Any]) -> None:
    assert expected == hidden(fact)


@pytest.mark.parametrize(
    ("path", "old", "expected"),
    [
        ("bookings/b1/title", TITLE, HIDDEN),
        ("bookings/b1/organizer/email", PERSON, HIDDEN),
        ("bookings/b1/organizer", {"email": PERSON, "id": None}, {"email": HIDDEN, "id": None}),
        ("bookings/b1", {"title": TITLE, "state": "created"}, {"title": HIDDEN, "state": "created"}),
        ("bookings/b1/state", "created", "created"),
        ("commands[0]", {"command": {"organizer_email": PERSON}}, {"command": {"organizer_email": HIDDEN}}),
    ],
)
def test_a_difference_of_them_is_told_by_its_path(path: str, old: Any, expected: Any) -> None:
    shown = veiled(Difference(path=path, old=old, new=UNSET))

    assert (path, expected, UNSET) == (shown.path, shown.old, shown.new)
