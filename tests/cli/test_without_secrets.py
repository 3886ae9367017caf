"""Verbs that need no secrets work where only the daemon can read them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SITE = """
[daemon]
state_dir = "{state}"

[http]
port = 1

[[desk]]
id = "osl-4-014"
calendar = "local"

[[desk.device]]
id = "osl-4-014-1"
url = "wss://127.0.0.1:1/ws"
username = "hotdesk"
password = "credential:desk-014"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    file = tmp_path / "hotdesk.toml"
    (tmp_path / "state").mkdir()
    file.write_text(SITE.format(state=tmp_path / "state"), encoding="utf-8")
    return file


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    without = {name: text for name, text in os.environ.items() if name != "CREDENTIALS_DIRECTORY"}
    return subprocess.run(
        [sys.executable, "-m", "hotdesk_daemon", *arguments, "--config", str(site)],
        env=without,
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )


def test_sending_can_be_stopped_by_somebody_who_cannot_read_the_passwords(site: Path) -> None:
    done = run(site, "halt", "fire", "drill")

    assert 0 == done.returncode, done.stderr
    assert "fire drill\n" == (site.parent / "state" / "halt").read_text(encoding="utf-8")


def test_asking_a_daemon_needs_no_passwords(site: Path) -> None:
    asked = run(site, "desks")

    assert 75 == asked.returncode, asked.stderr
    assert "cannot be reached" in asked.stderr


def test_a_token_that_is_configured_and_cannot_be_read_is_told(site: Path) -> None:
    text = site.read_text(encoding="utf-8")
    site.write_text(text.replace("port = 1", 'port = 1\ntoken = "file:/nonexistent/token"'), encoding="utf-8")

    asked = run(site, "desks")

    assert 78 == asked.returncode
    assert "/nonexistent/token cannot be read" in asked.stderr


@pytest.mark.parametrize("named", [True, False], ids=["beside-a-real-configuration", "without-any"])
def test_a_site_is_simulated_without_the_secrets_and_the_file_of_a_real_one(site: Path, *, named: bool) -> None:
    simulate = [sys.executable, "-m", "hotdesk_daemon", "simulate", "--desks", "1"]
    environ = {name: text for name, text in os.environ.items() if name != "CREDENTIALS_DIRECTORY"}
    environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    given = ["--config", str(site)] if named else []
    with subprocess.Popen(
        [*simulate, *given], cwd=site.parent, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as simulated:
        assert simulated.stdout is not None
        try:
            first = simulated.stdout.readline()
        finally:
            simulated.terminate()

    assert "[[desk]]\n" == first


@pytest.mark.parametrize(
    "mistake",
    ['[daemon]\nstage = "enforced"', "[[desk]]\ncalender = 1", '[log]\nlevel = "loud"'],
    ids=["stage", "desk", "log"],
)
def test_a_mistake_in_a_half_made_change_keeps_nobody_from_stopping_the_daemon(site: Path, mistake: str) -> None:
    (site.parent / "conf.d").mkdir()
    (site.parent / "conf.d" / "change.toml").write_text(mistake, encoding="utf-8")

    checked, done = run(site, "check-config"), run(site, "halt", "fire", "drill")

    assert (78, 0) == (checked.returncode, done.returncode), done.stderr
    assert (site.parent / "state" / "halt").exists()


def test_a_misspelt_setting_of_the_door_is_told_before_another_daemon_is_asked(site: Path) -> None:
    text = site.read_text(encoding="utf-8")
    site.write_text(text.replace("port = 1", "prot = 1"), encoding="utf-8")

    asked = run(site, "desks")

    assert 78 == asked.returncode
    assert f'{site}:6: http.prot: is no setting (did you mean "port"?)' in asked.stderr


def test_a_configuration_that_cannot_be_read_says_how_to_stop_the_daemon_all_the_same(site: Path) -> None:
    site.write_text("[daemon\n", encoding="utf-8")

    done = run(site, "halt")

    assert 78 == done.returncode
    assert "touch halt in the daemon's state directory" in done.stderr
