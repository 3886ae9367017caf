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
