"""``init`` and ``check-config``: a configuration to begin with, and all that is wrong with one."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Terminal

SIMULATED = "[simulator]\nenabled = true\n"

needs_a_user = pytest.mark.skipif(os.geteuid() == 0, reason="to root every directory is open")


def write(directory: Path, text: str) -> Path:
    path = directory / "hotdesk.toml"
    path.write_text(text)
    return path


def test_init_writes_a_configuration_that_check_config_takes(alone: Terminal, tmp_path: Path) -> None:
    written = alone("init", "--simulated")
    checked = alone("check-config", "--config", "hotdesk.toml")

    assert (0, "") == (written.exit_code, written.stdout)
    assert (0, "the configuration can be used: 0 desks, 0 devices, and a simulated site of 12 desks\n") == (
        checked.exit_code,
        checked.stdout,
    )
    assert [] == [name for name in os.listdir(tmp_path) if name != "hotdesk.toml"]  # noqa: PTH208 - names are wanted


def test_init_writes_over_nothing_unless_told_to(alone: Terminal, tmp_path: Path) -> None:
    path = write(tmp_path, "mine")

    refused = alone("init")
    assert (78, "mine") == (refused.exit_code, path.read_text())
    assert "is there already" in refused.stderr

    assert 0 == alone("init", "--force").exit_code
    assert "[[desk]]" in path.read_text()


def test_init_shows_it_on_stdout_for_a_dash(alone: Terminal, tmp_path: Path) -> None:
    shown = alone("init", "-", "--organisation")

    assert (0, "") == (shown.exit_code, shown.stderr)
    assert 'client_secret = "credential:webex-client-secret"' in shown.stdout
    assert [] == [*tmp_path.iterdir()]


def test_init_into_a_directory_that_is_not_there_says_so(alone: Terminal) -> None:
    result = alone("init", "nowhere/hotdesk.toml")

    assert (78, "nowhere/hotdesk.toml: cannot be written: No such file or directory" in result.stderr) == (
        result.exit_code,
        True,
    )


def test_a_simulated_site_and_a_real_one_are_two_configurations(alone: Terminal) -> None:
    assert 2 == alone("init", "--simulated", "--devices").exit_code


def test_check_config_shows_what_counts_and_where_it_comes_from(
    alone: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTDESK_HTTP__PORT", "8481")
    write(tmp_path, SIMULATED)
    words = ["check-config", "--config", "hotdesk.toml", "--log-level", "debug", "--print-effective"]

    shown = alone(*words).stdout.splitlines()
    as_json = json.loads(alone(*words, "--format", "json").stdout)

    assert {
        "enabled = true  # hotdesk.toml:2",
        "port = 8481  # environment HOTDESK_HTTP__PORT",
        'level = "debug"  # command line',
        'format = "auto"  # default',
    } <= {*shown}
    assert {"name": "log.level", "value": "debug", "origin": "command line"} in as_json["settings"]


def test_check_config_tells_mistakes_and_missing_directories_at_once(alone: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    write(tmp_path, '[daemon]\nstate_dir = "file/state"\n[log]\nlevel = "loud"\n[journal]\npath = "file"\n')
    result = alone("check-config", "--config", "hotdesk.toml")

    assert 78 == result.exit_code
    told = result.stderr.replace(f"{tmp_path}/", "").splitlines()
    assert [
        'hotdesk-daemon: hotdesk.toml:4: log.level: "loud" is not known; write "debug", "info", "warning" or "error"',
        "hotdesk-daemon: hotdesk.toml:2: daemon.state_dir: file is no directory; remove it, or name another one",
    ] == told[:2]


def test_a_state_directory_of_which_the_parents_are_missing_gets_a_warning(alone: Terminal, tmp_path: Path) -> None:
    write(tmp_path, f'{SIMULATED}[daemon]\nstate_dir = "not/mounted/state"\n')
    result = alone("check-config", "--config", "hotdesk.toml")

    assert (0, True) == (result.exit_code, "is something not mounted?" in result.stderr)
    assert not (tmp_path / "not").exists()


def test_a_journal_that_is_a_directory_is_told(alone: Terminal, tmp_path: Path) -> None:
    (tmp_path / "state" / "journal.sqlite3").mkdir(parents=True)
    write(tmp_path, f'{SIMULATED}[daemon]\nstate_dir = "state"\n')
    result = alone("check-config", "--config", "hotdesk.toml")

    assert (78, True) == (result.exit_code, "journal.sqlite3 is no file; remove it" in result.stderr)


@needs_a_user
def test_a_state_directory_that_we_may_not_write_to_is_told_with_who_we_are(alone: Terminal, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o500)
    write(tmp_path, f'{SIMULATED}[daemon]\nstate_dir = "state"\n')
    result = alone("check-config", "--config", "hotdesk.toml")

    assert (78, True) == (result.exit_code, f"cannot be written to by user {os.geteuid()}" in result.stderr)


def test_with_files_only_secrets_and_directories_of_another_machine_are_let_be(alone: Terminal, tmp_path: Path) -> None:
    written = alone("init", "--devices", "--organisation")
    there = alone("check-config", "--config", "hotdesk.toml")
    elsewhere = alone("check-config", "--config", "hotdesk.toml", "--files-only")

    assert (0, 78, 0) == (written.exit_code, there.exit_code, elsewhere.exit_code)
    assert 2 == there.stderr.count("there are no credentials here")
    path = tmp_path / "hotdesk.toml"
    path.write_text(path.read_text().replace("credential:desk-014", "hunter2"))
    wrong = alone("check-config", "--config", "hotdesk.toml", "--files-only")

    assert (78, True, False) == (wrong.exit_code, "no reference" in wrong.stderr, "hunter2" in wrong.stderr)


def test_two_doors_at_one_port_are_a_mistake(alone: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "a secret of twenty letters")
    organisation = (
        '[[organisation]]\nid = "acme"\nclient_id = "C"\nclient_secret = "env:SECRET"\nevents = "both"\n'
        '[organisation.webhook]\nurl = "https://desks.example.com"\nsecret = "env:SECRET"\n'
    )
    write(tmp_path, f"[webhook]\nport = 8480\n{organisation}")
    result = alone("check-config", "--config", "hotdesk.toml")

    assert (78, "hotdesk-daemon: hotdesk.toml:2: webhook.port: 8480 is http.port too; choose another one\n") == (
        result.exit_code,
        result.stderr,
    )


def test_a_secret_that_everybody_can_change_gets_a_warning(alone: Terminal, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("a-token\n")
    secret.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IWOTH)
    write(tmp_path, f'{SIMULATED}[http]\ntoken = "file:{secret}"\n')
    result = alone("check-config", "--config", "hotdesk.toml")

    assert (0, True) == (result.exit_code, f"everybody on this machine can change {secret}" in result.stderr)
