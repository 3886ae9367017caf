"""The units as systemd sees them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hotdesk_daemon.cli.program import VERBS

SYSTEMD = Path(__file__).parents[1] / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_has_nothing_to_say_against_the_units() -> None:
    checked = subprocess.run(
        ["/bin/sh", str(SYSTEMD / "check")], capture_output=True, text=True, timeout=15, check=False
    )

    assert (0, "") == (checked.returncode, checked.stderr)
    assert len(UNITS) == checked.stdout.count("Overall exposure level")


@pytest.mark.parametrize("unit", UNITS, ids=[unit.stem for unit in UNITS])
def test_a_unit_calls_verbs_that_there_are(unit: Path) -> None:
    called = re.findall(r"^Exec\w+=/usr/bin/hotdesk-daemon (\S+)", unit.read_text(), re.MULTILINE)

    assert ["check-config", "run", "check-config"] == called
    assert set(called) <= set(VERBS)


def test_the_instance_form_differs_in_its_names_only() -> None:
    one, many = (
        [line for line in (SYSTEMD / name).read_text().splitlines() if line and not line.startswith("#")]
        for name in ("hotdesk-daemon.service", "hotdesk-daemon@.service")
    )

    differ = [line for line, other in zip(one, many, strict=True) if line != other]

    assert len(one) - len(differ) > 3 * len(differ)
    assert all("hotdesk" in line or line.startswith("Description=") for line in differ)
    assert all("%i" in other for line, other in zip(one, many, strict=True) if line != other)
