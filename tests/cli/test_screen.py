"""Tables for people: what fits is shown, what does not is named."""

from __future__ import annotations

import sys

import click
import pytest

from hotdesk_daemon.cli import screen

HEADERS = ("DESK", "STATE", "NEXT", "STAGE")
NOW = "2026-05-04T08:00:00Z"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    def show(width: int, *rows: tuple[str, ...]) -> tuple[list[str], str]:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(width))
        screen.show_table(HEADERS, rows, now=NOW, spare=("STAGE", "NEXT"))
        told = capsys.readouterr()
        return [click.unstyle(line).rstrip() for line in told.out.splitlines()], told.err

    return show


def test_columns_with_nothing_in_them_are_left_out(shown: object) -> None:
    assert callable(shown)
    lines, told = shown(80, ("desk-0001", "free", "", "enforce"))

    assert ["DESK       STATE  STAGE", "desk-0001  free   enforce"] == lines
    assert "no room" not in told


def test_where_there_is_no_room_the_least_important_columns_go_first_and_are_named(shown: object) -> None:
    assert callable(shown)
    lines, told = shown(32, ("desk-0001", "free", "09:00–10:00", "enforce"))

    assert ["DESK       STATE  NEXT", "desk-0001  free   09:00–10:00"] == lines
    assert "no room for STAGE: widen the terminal, or use --format json\n" in told


def test_a_table_without_rows_still_shows_its_headers(shown: object) -> None:
    assert callable(shown)

    assert (["DESK  STATE  NEXT  STAGE"], True) == (shown(80)[0], True)
