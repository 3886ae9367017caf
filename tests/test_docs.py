"""What the pages tell people to type."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from hotdesk_daemon.cli.program import VERBS, main

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
#: `hotdesk-daemon VERB …` at the beginning of a line of code, or in a span of code.
CODE = re.compile(r"""(?:^ {4,}(?:\$ |\.venv/bin/)?|`)hotdesk-daemon ([a-z][^`#"\n.]*)""", re.MULTILINE)
#: Within a sentence it is one if there is such a verb.
PROSE = re.compile(rf"""hotdesk-daemon ((?:{"|".join(VERBS)})\b[^`#"\n|;,).]*)""")


def calls_of(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [*CODE.findall(text), *PROSE.findall(text)]


def called(words: list[str]) -> click.Command | None:
    """The verb that *words* begin with; of a group the one in it, if it is named."""
    command: click.Command | None = main
    for word in words:
        if not isinstance(command, click.Group):
            break
        inner = command.get_command(click.Context(command), word)
        if inner is None:
            break
        command = inner
    return None if command is main else command


def wrong(call: str) -> str | None:
    words = call.split()
    command = called(words)
    if command is None:
        return f"{call}: no such verb"
    known = {one for option in command.params for one in (*option.opts, *option.secondary_opts)}
    strange = [word for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in {*known, "--help"}]
    return f"{call}: no such option: {', '.join(strange)}" if strange and not isinstance(command, click.Group) else None


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_verb_and_option_that_a_page_names_is_there(page: Path) -> None:
    calls = calls_of(page)

    assert [] == [found for call in calls if (found := wrong(call))]


def test_the_pages_are_full_of_calls() -> None:
    assert sum(len(calls_of(page)) for page in PAGES) > 100
