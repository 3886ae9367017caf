"""What an explanation says of each kind of input: something, and nothing of persons and titles."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given, settings

from hotdesk_daemon.app.explain import Cause, said, spoken
from hotdesk_daemon.app.explain.shapes import RFC3339
from hotdesk_daemon.app.explain.words import fired, timer
from hotdesk_daemon.core.inputs import KINDS, Input
from tests.journal.values import any_of

if TYPE_CHECKING:
    from hotdesk_daemon.core.inputs import Input as AnyInput

CANARY = "Ides of March"
NAMED = ("title", "organizer_name", "organizer_email", "organizer_id")
some = settings(max_examples=15)


def words(given_: AnyInput, **more: Any) -> str:
    kind = type(given_).__name__
    facts: dict[str, Any] = {"seq": 1, "at": datetime(2026, 5, 4, tzinfo=UTC), "source": "device:a", "reasons": ()}
    return spoken(said(Cause(**facts | {"kind": kind, "given": given_} | more)), RFC3339)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_without_persons_and_titles(kind: str) -> None:
    personal = {field.name: CANARY for field in attrs.fields(KINDS[kind]) if field.name in NAMED}

    @some
    @given(any_of(KINDS[kind]))
    def is_told(value: Input) -> None:
        text = words(attrs.evolve(value, **personal))

        assert text.strip()
        assert CANARY not in text

    is_told()


def test_what_the_cloud_told_says_so() -> None:
    told = KINDS["SyncRequired"](device="desk-1")  # type: ignore[call-arg]  # its field

    assert ("desk-1 said SyncRequired", "desk-1 said SyncRequired (by the cloud)") == (
        words(told),
        words(told, source="cloud:desk-1"),
    )


def test_what_this_version_cannot_read_is_told_as_that() -> None:
    cause = Cause(
        seq=1, at=datetime(2026, 5, 4, tzinfo=UTC), source="device:a", kind="Teleported", given=None, reasons=()
    )

    assert "Teleported, which this version cannot read" == spoken(said(cause), RFC3339)


def test_every_timer_of_core_has_words_for_what_it_is_for_and_what_it_was() -> None:
    core = Path(__file__).parents[3] / "hotdesk_daemon" / "core"
    named = {
        name
        for file in core.glob("*.py")
        for name in re.findall(r"set_timer\(\s*f?\"([a-z_]+)", file.read_text("utf-8"))
    }

    assert {"sync", "list", "hand", "request", "watch", "change", "settle", "leave", "command"} <= named
    for name in named:
        assert "the timer" not in timer(f"{name}:desk-1")
        assert "the timer" not in fired(f"{name}:desk-1")
