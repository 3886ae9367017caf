"""Other people's words in logs: which of them stay, and that all of ours do."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hotdesk_daemon
from hotdesk_daemon.captures.quoting import LONGEST, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The rooms whose sentences stand in the fields of log lines that are quoted.
ROOMS = ("core", "dispatch", "transport", "app/organisations")


def sentences() -> Iterator[str]:
    """The texts of those rooms, but no docstrings."""
    package = Path(hotdesk_daemon.__path__[0])
    for file in (file for room in ROOMS for file in sorted((package / room).rglob("*.py"))):
        tree = ast.parse(file.read_text())
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        named = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "name"]  # tasks
        left_out = alone | {id(part) for name in named for part in ast.walk(name)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
                text = node.value.strip()
                if " " in text and "%" not in text and not text.startswith("usage: "):
                    yield text


@pytest.mark.may_block(reason="the test reads the sources")
def test_our_own_sentences_stay_as_they_are() -> None:
    masked = {text: quoted(text) for text in sentences() if len(text) <= LONGEST and "…" not in text}

    assert {} == {text: shown for text, shown in masked.items() if "…" in shown}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the booking of Kari Nordmann (tel 91234567) overlaps", "the booking of … (…) overlaps"),
        ("refused: kari.nordmann", "refused: …"),
        ("RoomOS 11.24.1.5 8a3d1f2", "RoomOS 11.24.1.5 8a3d1f2"),
        ("ce11.24.1 Kari", "ce11.24.1 …"),
        ("it is " + "ab" * 32 + ", says Kari", "it is " + "ab" * 32 + ", says …"),
        ("K" * 80, "…"),
        ("Kari " * 100, f"…  ({5 * 100 - LONGEST} more characters)"),
        ("", ""),
    ],
)
def test_of_others_words_those_stay_that_name_nobody(said: str, shown: str) -> None:
    assert shown == quoted(said)
