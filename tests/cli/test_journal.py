"""``journal`` as a process: what it cannot do, it says in a line and with the right code."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("prune", "--keep", "soon"), 2, 'write one such as "30d"'),
        (("prune", "--max-size", "10"), 2, 'write one such as "5GiB"'),
        (("prune", "--before", "yesterday"), 2, "is no time with offset"),
        (("prune", "--before", "2026-05-04T12:00:00Z", "--keep", "3d"), 2, "do not go together"),
        (("stats", "--journal", "/nonexistent/journal"), 78, "there is no journal"),
        (("verify", "--journal", "/nonexistent/journal"), 78, "there is no journal"),
        (("erase", "a@example.com", "--journal", "/nonexistent/journal"), 78, "there is no journal"),
        (("backup", "/tmp/x", "--journal", "/nonexistent/journal"), 78, "there is no journal"),  # noqa: S108 - not written
        (("backup", "/nonexistent/x", "--journal", __file__), 78, "cannot be written there"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_said_in_a_line(words: tuple[str, ...], code: int, said: str) -> None:
    command = [sys.executable, "-m", "hotdesk_daemon", "journal", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)

    assert code == ended.returncode
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
