"""The generated document says what the tables say, and knows when it is out of date."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from hotdesk_daemon.core.diagram import main, render
from hotdesk_daemon.core.transitions import TABLES

ROOT = Path(__file__).parents[2]


def test_every_life_has_a_diagram_and_a_table_of_every_row() -> None:
    text = render()

    assert len(TABLES) == text.count("stateDiagram-v2")
    for table in TABLES.values():
        assert f"= {len(table)} rows" in text
        for row in table.values():
            assert f"| `{row.code}` | {row.text} |" in text
    assert "    down --> syncing: LinkUp\n" in text
    assert "| down | `LinkUp` | syncing | `link.up` | connected: the list comes next |\n" in text


def test_the_document_of_the_project_is_current() -> None:
    assert render() == (ROOT / "docs/transitions.md").read_text(encoding="utf-8")


def test_written_is_current_and_changed_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "transitions.md"

    assert 1 == main(["--check", str(path)])
    assert 0 == main(["--write", str(path)])
    assert 0 == main(["--check", str(path)])
    path.write_text(path.read_text(encoding="utf-8") + "by hand\n", encoding="utf-8")
    assert 1 == main(["--check", str(path)])
    assert "run `make diagram`" in capsys.readouterr().err


def test_asked_wrongly_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == main(["--read"])
    assert "usage:" in capsys.readouterr().err


def test_it_is_a_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["diagram", "--write", str(tmp_path / "out.md")])
    monkeypatch.delitem(sys.modules, "hotdesk_daemon.core.diagram")

    with pytest.raises(SystemExit) as ended:
        runpy.run_module("hotdesk_daemon.core.diagram", run_name="__main__")

    assert 0 == ended.value.code
    assert render() == (tmp_path / "out.md").read_text(encoding="utf-8")
