"""``doctor`` and ``diagnose`` as processes, against simulated devices."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tarfile
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from hotdesk_daemon.simulator import DeskPlan, Floor, ScaledClock
from hotdesk_daemon.simulator.statuses import CHECK_IN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Terminal

pytestmark = [pytest.mark.may_block(reason="the test reads files"), pytest.mark.timeout(60)]

PROGRAM: Final = (sys.executable, "-m", "hotdesk_daemon")
LIMIT_S: Final = 25.0
PASSWORD: Final = "correct-horse-battery"


@attrs.frozen
class Ended:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


async def _run(*words: str, cwd: Path) -> Ended:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("HOTDESK_")}
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *words,
        cwd=cwd,
        env={**environ, "DESK_PASSWORD": PASSWORD},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    except TimeoutError:
        process.kill()
        raise
    return Ended(process.returncode or 0, out.decode(), err.decode())


def _write(directory: Path, floor: Floor) -> Path:
    """A configuration that names the floor's devices."""
    text = '[daemon]\nstate_dir = "state"\n[http]\nport = 0\n[policy]\nmax_duration = "8h"\n'
    for number, desk in enumerate(floor.desks, start=1):
        station = desk.stations[0]
        text += (
            f'[[desk]]\nid = "desk-{number}"\ncalendar = "{desk.kind}"\n[[desk.device]]\nid = "{station.device_id}"\n'
        )
        text += f'url = "{station.url}"\npassword = "env:DESK_PASSWORD"\n'
    path = directory / "hotdesk.toml"
    path.write_text(text)
    return path


def _floor() -> Floor:
    plans = (DeskPlan(workspace="Desk 1"), DeskPlan(workspace="Desk 2", kind="hybrid"))
    floor = Floor(plans, clock=ScaledClock())
    floor.users = (attrs.evolve(floor.users[0], password=PASSWORD),)
    return floor


def _but_for_the_disk(found: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    """This machine's own disk is as it is."""
    return [(one["level"], one["name"], one["subject"]) for one in found if one["name"] != "machine.disk"]


async def test_the_doctor_has_nothing_to_tell_of_a_healthy_floor(tmp_path: Path) -> None:
    async with _floor() as floor:
        config = _write(tmp_path, floor)
        shown = await _run("doctor", "--config", str(config), "--format", "json", cwd=tmp_path)

    assert (0, []) == (shown.code, _but_for_the_disk(shown.document["findings"]))
    assert not (tmp_path / "state").exists()


async def test_the_doctor_tells_what_failed_in_one_line_each_with_the_remedy(tmp_path: Path) -> None:
    async with _floor() as floor:
        config = _write(tmp_path, floor)
        first, second = floor.desks
        first.device.users = (attrs.evolve(first.device.users[0], roles=frozenset({"User"})),)
        second.device.configurations.put({CHECK_IN: "True"})
        shown = await _run("doctor", "--config", str(config), "--only", "device", cwd=tmp_path)
        chosen = await _run("doctor", "--config", str(config), "--only", "device", "--desk", "desk-2", cwd=tmp_path)

    lines = [line.split("\t") for line in shown.out.splitlines()]
    assert 1 == shown.code
    assert [
        ["failed", "device.role", f"desk-1/{first.device.device_id}"],
        ["warning", "device.check_in", f"desk-2/{second.device.device_id}"],
    ] == [line[:3] for line in lines]
    assert all(len(line) == 5 and line[4] for line in lines)
    assert "1 failed, 1 warnings, 0 skipped" in shown.err
    assert (0, ["device.check_in"]) == (chosen.code, [line.split("\t")[1] for line in chosen.out.splitlines()])


async def test_a_bundle_is_written_by_the_program(tmp_path: Path) -> None:
    async with _floor() as floor:
        config = _write(tmp_path, floor)
        shown = await _run("diagnose", "--config", str(config), "--output", "ticket.tar.gz", cwd=tmp_path)
        again = await _run("diagnose", "--config", str(config), "--output", "ticket.tar.gz", cwd=tmp_path)

    with tarfile.open(tmp_path / "ticket.tar.gz") as tar:
        names = tar.getnames()
        content = b"".join(file.read() for name in names if (file := tar.extractfile(name)) is not None)
    assert (0, "ticket.tar.gz") == (shown.code, shown.out.strip())
    assert "ticket/manifest.json" == names[0]
    assert "ticket/doctor.json" in names
    assert "without journal.json" in shown.err
    assert PASSWORD.encode() not in content
    assert (78, True) == (again.code, "is there already" in again.err)


@pytest.mark.parametrize("verb", ["doctor", "diagnose"])
def test_a_configuration_that_cannot_be_read_is_78(alone: Terminal, tmp_path: Path, verb: str) -> None:
    (tmp_path / "hotdesk.toml").write_text("[http]\nport = 'eight'\n")
    shown = alone(verb, "--config", "hotdesk.toml")

    assert 78 == shown.exit_code
    assert "hotdesk.toml:2" in shown.stderr


def test_in_json_too(alone: Terminal, tmp_path: Path) -> None:
    (tmp_path / "hotdesk.toml").write_text("[http]\nport = 'eight'\n")
    shown = alone("doctor", "--config", "hotdesk.toml", "--format", "json")
    document = json.loads(shown.stdout)

    assert (78, False, 1) == (shown.exit_code, document["usable"], len(document["problems"]))


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--only", "device.roll"), "is no check"), (("--desk", "nowhere"), "no [[desk]] of the configuration")],
)
def test_what_is_no_check_or_desk_is_said(alone: Terminal, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    (tmp_path / "hotdesk.toml").touch()
    shown = alone("doctor", "--config", "hotdesk.toml", *words)

    assert 2 == shown.exit_code
    assert told in shown.stderr
