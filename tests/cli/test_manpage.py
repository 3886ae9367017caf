"""The manual page: what man makes of it, and that it tells every verb."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import click
import pytest

from hotdesk_daemon.cli.manpage import render
from hotdesk_daemon.cli.program import VERBS, main

GROFF = shutil.which("groff") or ""
MAN = shutil.which("man") or ""
SECTIONS = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "COMMANDS",
    "EXIT STATUS",
    "FILES",
    "ENVIRONMENT",
    "SIGNALS",
    "SEE ALSO",
]


@pytest.fixture(scope="module")
def page() -> str:
    return render()


def plain(text: str) -> str:
    """What a reader sees of *text*, roughly: without fonts and escapes."""
    return re.sub(r"\\f[BIR]", "", text).replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "")


def leaves(command: click.Command, name: str) -> list[tuple[str, click.Command]]:
    """The verbs that can be called: *command*, or those in it."""
    if not isinstance(command, click.Group):
        return [(name, command)]
    context = click.Context(command)
    inner = [(one, command.get_command(context, one)) for one in command.list_commands(context)]
    return [leaf for one, found in inner if found is not None for leaf in leaves(found, f"{name} {one}".strip())]


def test_the_page_has_the_sections_that_people_look_for(page: str) -> None:
    found = [line.removeprefix(".SH ") for line in page.splitlines() if line.startswith(".SH ")]

    assert SECTIONS == found


def test_every_verb_stands_under_commands_in_the_order_of_the_help(page: str) -> None:
    headings = [plain(line.removeprefix(".SS ")) for line in page.splitlines() if line.startswith(".SS ")]

    assert list(VERBS) == list(dict.fromkeys(heading.split()[0] for heading in headings))


def test_every_option_of_every_verb_is_told(page: str) -> None:
    chapters = re.split(r"^\.SS ", plain(page), flags=re.MULTILINE)
    missing = [
        f"{name} {option.opts[0]}"
        for name, command in leaves(main, "")
        for option in command.params
        if isinstance(option, click.Option)
        if not any(option.opts[0] in chapter for chapter in chapters if chapter.startswith(f"{name} "))
    ]

    assert [] == missing


def test_the_page_is_the_same_each_time_it_is_made() -> None:
    made = [
        subprocess.run(
            [sys.executable, "-m", "hotdesk_daemon.cli.manpage"],
            env={**os.environ, "PYTHONHASHSEED": seed, "COLUMNS": width, "LC_ALL": "C"},
            capture_output=True,
            timeout=15,
            check=True,
        ).stdout
        for seed, width in (("1", "60"), ("2", "200"))
    ]

    assert made[0] == made[1] == render().encode()


@pytest.mark.skipif(not GROFF, reason="groff is not here")
def test_groff_has_no_warning_about_the_page(page: str) -> None:
    shown = subprocess.run(
        [GROFF, "-man", "-ww", "-Tutf8"], input=page, capture_output=True, text=True, timeout=15, check=True
    )

    assert "" == shown.stderr
    assert "hotdesk" in shown.stdout


@pytest.mark.skipif(not MAN, reason="man is not here")
def test_man_finds_and_shows_the_page(page: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("man8") / "hotdesk-daemon.8"
    file.write_text(page, encoding="ascii")

    shown = subprocess.run(
        [MAN, "--warnings", "-l", str(file)],
        env={**os.environ, "MANWIDTH": "100", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=15,
        check=True,
    )

    assert "" == shown.stderr
    assert "keeps the true state of Webex hot desks" in shown.stdout
