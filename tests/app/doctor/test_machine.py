"""Faults of machine and configuration, each found by its name."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Final

import attrs
import pytest

from hotdesk_daemon.app.daemon import Daemon
from hotdesk_daemon.app.doctor import CHECKS, Asked, Doctor, known_checks
from hotdesk_daemon.app.doctor.reference import reference
from hotdesk_daemon.app.doctor.surroundings import Space
from hotdesk_daemon.cli.program import VERBS
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.clocks import SystemClock
from hotdesk_daemon.ops.settings import (
    DaemonSettings,
    HttpSettings,
    PolicySettings,
    Secret,
    Settings,
    SimulatorSettings,
)
from tests.app.doctor.sites import ROOMY, a_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hotdesk_daemon.app.doctor import Finding
    from hotdesk_daemon.app.doctor.surroundings import Surroundings

pytestmark = pytest.mark.may_block(reason="the tests write files")
GB: Final = 10**9


def _settings(directory: Path, *, port: int = 0) -> Settings:
    return Settings(
        daemon=DaemonSettings(state_dir=directory / "state"),
        http=HttpSettings(port=port),
        policy=PolicySettings(max_duration_s=3600.0),
    )


async def _found(settings: Settings, *, around: Surroundings = ROOMY) -> list[Finding]:
    return [one for one in await Doctor(settings, around=around).examine() if one.level != "ok"]


async def _told(settings: Settings, *, around: Surroundings = ROOMY) -> list[str]:
    return [f"{one.level} {one.name}" for one in await _found(settings, around=around)]


def test_of_a_machine_on_which_nothing_ran_yet_there_is_nothing_to_tell(tmp_path: Path) -> None:
    told = asyncio.run(_told(_settings(tmp_path)))

    assert ([], []) == (told, [*tmp_path.iterdir()])


# --- files -----------------------------------------------------------------------------------------------------------


def _open_directory(directory: Path) -> None:
    (directory / "state").mkdir()
    (directory / "state").chmod(0o755)


def _no_directory(directory: Path) -> None:
    (directory / "state").write_text("a file")


def _open_token(directory: Path) -> None:
    (directory / "state").mkdir(mode=0o700)
    (directory / "state" / "http-token").write_text("secret")
    (directory / "state" / "http-token").chmod(0o644)


def _open_installation(directory: Path) -> None:
    (directory / "state" / "organisations").mkdir(mode=0o700, parents=True)
    (directory / "state").chmod(0o700)
    file = directory / "state" / "organisations" / "acme.json"
    file.write_text("{}")
    file.chmod(0o640)


def _switch(name: str) -> Callable[[Path], None]:
    def seed(directory: Path) -> None:
        (directory / "state").mkdir(mode=0o700)
        (directory / "state" / name).write_text("fire drill")

    return seed


def _no_journal(directory: Path) -> None:
    (directory / "state").mkdir(mode=0o700)
    file = directory / "state" / "journal.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE other (one TEXT)")
    file.chmod(0o600)


def _damaged_journal(directory: Path) -> None:
    (directory / "state").mkdir(mode=0o700)
    file = directory / "state" / "journal.sqlite3"
    file.write_bytes(b"no database at all" * 1000)
    file.chmod(0o600)


def _journal_put_aside(directory: Path) -> None:
    (directory / "state").mkdir(mode=0o700)
    file = directory / "state" / "journal.sqlite3.damaged-20261120T090000Z"
    file.write_bytes(b"no database at all" * 1000)
    file.chmod(0o600)


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (_open_directory, "warning machine.state_directory"),
        (_no_directory, "failed machine.state_directory"),
        (_open_token, "warning machine.permissions"),
        (_open_installation, "warning machine.permissions"),
        (_switch("halt"), "warning machine.halt"),
        (_switch("breaker"), "warning machine.breaker"),
        (_no_journal, "failed machine.journal"),
        (_damaged_journal, "failed machine.journal"),
        (_journal_put_aside, "warning machine.journal"),
    ],
)
async def test_a_seeded_fault_of_files_is_found_by_its_name(
    tmp_path: Path, seed: Callable[[Path], None], expected: str
) -> None:
    seed(tmp_path)
    found = await _found(_settings(tmp_path))

    assert [expected] == [f"{one.level} {one.name}" for one in found]
    assert str(tmp_path / "state") in found[0].subject


async def test_a_secret_that_others_can_read_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hush")
    file.chmod(0o644)
    settings = _settings(tmp_path)
    warning = f"hotdesk.toml:3: http.token: everybody on this machine can read {file}; run: chmod o-rwx {file}"
    http = HttpSettings(port=0, token=Secret("hush", origin=f"from file:{file}"))
    found = await _found(attrs.evolve(settings, http=http, warnings=(warning,)))

    assert [("machine.permissions", str(file))] == [(one.name, one.subject) for one in found]
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("total", "free", "expected"),
    [
        (100 * GB, 50 * GB, []),
        (100 * GB, 4 * GB, ["warning machine.disk"]),
        (10 * GB, GB - 1, ["warning machine.disk"]),
        (10 * GB, GB // 10 - 1, ["failed machine.disk"]),
    ],
)
async def test_a_full_disk_is_foreseen(tmp_path: Path, total: int, free: int, expected: list[str]) -> None:
    around = attrs.evolve(ROOMY, space=lambda _path: Space(total=total, free=free))

    assert expected == await _told(_settings(tmp_path), around=around)


async def test_too_few_files_are_told(tmp_path: Path) -> None:
    around = attrs.evolve(ROOMY, most_files=lambda: 60)

    assert ["failed machine.open_files"] == await _told(_settings(tmp_path), around=around)


# --- ports and a daemon beside ---------------------------------------------------------------------------------------


@contextmanager
def _stranger() -> Iterator[int]:
    """Another program's HTTP server."""

    class _Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


async def test_a_port_that_another_program_has_is_told(tmp_path: Path) -> None:
    with _stranger() as port:
        told = await _told(_settings(tmp_path, port=port))

    assert ["failed machine.port"] == told


async def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    settings = attrs.evolve(_settings(tmp_path), http=HttpSettings(host="192.0.2.7", port=1))

    assert ["failed machine.port"] == await _told(settings, around=ROOMY)


async def test_beside_a_daemon_its_readiness_is_told_and_its_journal_looked_at(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        devices = [desk.device for desk in site.floor.desks]
        daemon = Daemon(site.settings, SystemClock())
        running = asyncio.create_task(daemon.run())
        try:
            await asyncio.wait_for(daemon.ready.wait(), 15)
            settings = attrs.evolve(site.settings, http=HttpSettings(port=int(daemon.url.rpartition(":")[2])))
            await _until(lambda: daemon.fleet.readiness().ready)
            healthy = await _told(settings)
            # The daemon's own link to each device is left, and none of the doctor's.
            await _until(lambda: [1] * len(devices) == [len(device.listeners) for device in devices])
            await _until(lambda: daemon.fleet.readiness().ready)
            tomorrow = attrs.evolve(ROOMY, now=lambda: ROOMY.now() + timedelta(days=1))
            age = Asked(checks=frozenset({"machine.journal_age"}))
            old = await Doctor(settings, asked=age, around=tomorrow).examine()
            await daemon.fleet.switches.halt("a drill")
            halted = await _told(settings)
            site.floor.faults.enable("upgrade_502")
            for device in devices:
                device.faults.enable("cut")
            await _until(lambda: not daemon.fleet.readiness().ready)
            ready = Asked(checks=frozenset(known_checks("machine.ready")))
            down = await Doctor(settings, asked=ready, around=ROOMY).examine()
        finally:
            daemon.stop.set()
            await asyncio.wait_for(running, 15)

    assert [] == healthy
    assert [("machine.journal_age", "warning")] == [(one.name, one.level) for one in old]
    assert ["warning machine.halt"] == halted
    assert [("machine.ready", "failed")] == [(one.name, one.level) for one in down]


async def _until(reached: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not reached():  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0)


# --- configuration ---------------------------------------------------------------------------------------------------


async def test_warnings_of_the_configuration_are_told(tmp_path: Path) -> None:
    settings = attrs.evolve(_settings(tmp_path), warnings=("hotdesk.toml:3: http.host: is reached from elsewhere",))

    assert ["warning configuration.warning"] == await _told(settings)


async def test_what_does_not_go_together_is_found_by_name(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        first, second = site.settings.desks
        url = (first.devices[0].url or "").replace("/ws", "/other")
        twin = attrs.evolve(second, devices=(attrs.evolve(second.devices[0], url=url),))
        settings = attrs.evolve(
            site.settings,
            desks=(first, twin),
            policy=PolicySettings(time_zone="Europe/Nowhere"),
            simulator=SimulatorSettings(enabled=True),
        )
        asked = Asked(checks=frozenset(known_checks("configuration")))
        found = [one for one in await Doctor(settings, asked=asked, around=ROOMY).examine() if one.level != "ok"]

    assert [
        ("configuration.address", "failed"),
        ("configuration.time_zone", "failed"),
        ("configuration.rules", "warning"),
        ("configuration.simulator", "warning"),
    ] == [(one.name, one.level.value) for one in found]


async def test_without_a_stage_that_enforces_no_rules_are_missed(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        daemon = attrs.evolve(site.settings.daemon, stage=Stage.OBSERVE)
        settings = attrs.evolve(site.settings, daemon=daemon, policy=PolicySettings())

        assert [] == await _told(settings)


# --- the catalogue ---------------------------------------------------------------------------------------------------


def test_every_check_stands_in_the_docs(pytestconfig: pytest.Config) -> None:
    shown = (pytestconfig.rootpath / "docs" / "doctor.md").read_text(encoding="utf-8")

    assert reference() == shown


def test_every_verb_that_a_remedy_names_is_one() -> None:
    named = {verb for check in CHECKS.values() for verb in re.findall(r"hotdesk-daemon ([a-z-]+)", check.remedy)}

    assert {"activate", "breaker", "resume"} <= named
    assert named <= {*VERBS}


def test_a_name_stands_for_itself_and_a_section_for_all_of_its_checks() -> None:
    assert ("device.role",) == known_checks("device.role")
    assert [name for name in CHECKS if name.startswith("device.")] == [*known_checks("device")]
    assert () == known_checks("devices")
