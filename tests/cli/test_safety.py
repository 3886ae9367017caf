from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.inputs import MaintenanceAsked
from tests.api.memory_site import LOCAL, NOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Running, Terminal


def test_halt_says_why_and_how_the_switches_stand(terminal: Terminal, running: Running) -> None:
    result = terminal("halt", "fire", "drill")

    assert (0, "fire drill") == (result.exit_code, running.site.switches.halted)
    assert [
        "sending\tstopped: fire drill",
        "breaker\topen: too many desks",
        "hit by rules\t3 desks within 600 s, at most 50 may be",
    ] == result.stdout.splitlines()


def test_resume_and_close_undo_them(terminal: Terminal, running: Running) -> None:
    running.site.switches.halted = "fire drill"

    resumed, closed = terminal("resume"), terminal("breaker", "close", "--format", "json")

    assert (0, 0) == (resumed.exit_code, closed.exit_code)
    assert (None, None) == (running.site.switches.halted, running.site.switches.opened)
    assert "sending\ton" in resumed.stdout
    assert json.loads(closed.stdout)["breaker_open"] is None


def test_breaker_alone_changes_nothing(terminal: Terminal, running: Running) -> None:
    result = terminal("breaker")

    assert 0 == result.exit_code
    assert "too many desks" == running.site.switches.opened


def test_halt_without_a_daemon_leaves_the_file_that_it_will_find(terminal: Terminal, tmp_path: Path) -> None:
    config = tmp_path / "hotdesk.toml"
    config.write_text(f'[daemon]\nstate_dir = "{tmp_path}"\n[simulator]\nenabled = true\n')

    result = terminal("halt", "by hand", "--config", str(config), "--url", "http://127.0.0.1:1")

    assert 0 == result.exit_code
    assert "by hand\n" == (tmp_path / "halt").read_text()
    assert f"made {tmp_path / 'halt'}" in result.stderr


def test_halt_without_a_daemon_and_a_place_for_the_file_says_so(terminal: Terminal, tmp_path: Path) -> None:
    config = tmp_path / "hotdesk.toml"
    config.write_text(f'[daemon]\nstate_dir = "{tmp_path / "nowhere"}"\n[simulator]\nenabled = true\n')

    result = terminal("halt", "--config", str(config), "--url", "http://127.0.0.1:1")

    assert 75 == result.exit_code
    assert "cannot be made" in result.stderr


def test_what_is_done_but_cannot_be_written_down_is_temporary(terminal: Terminal, running: Running) -> None:
    running.site.switches.trouble = TransientError("done, but not to outlast a restart")

    result = terminal("resume")

    assert 75 == result.exit_code
    assert "not to outlast a restart" in result.stderr


def test_maintenance_is_asked_for_and_ended(terminal: Terminal, running: Running) -> None:
    asked = terminal("maintenance", LOCAL, "--for", "1h30m")
    ended = terminal("maintenance", LOCAL, "--end")

    assert (0, 0) == (asked.exit_code, ended.exit_code)
    assert "left alone for 90 min" in asked.stdout
    assert [MaintenanceAsked(until=NOW + timedelta(minutes=90)), MaintenanceAsked()] == running.site.wishes


def test_a_desk_in_maintenance_is_shown_as_such_in_place_of_its_stage(terminal: Terminal, running: Running) -> None:
    running.feed(LOCAL, MaintenanceAsked(until=NOW + timedelta(minutes=90)))

    result = terminal("desks")

    assert ["maintenance"] == [line.split("\t")[8].strip() for line in result.stdout.splitlines() if LOCAL in line]


@pytest.mark.parametrize("text", ["soon", "1s", "15d"])
def test_a_time_that_is_none_is_a_mistake_of_usage(terminal: Terminal, text: str) -> None:
    result = terminal("maintenance", LOCAL, "--for", text)

    assert 2 == result.exit_code
    assert "write a duration" in result.stderr
