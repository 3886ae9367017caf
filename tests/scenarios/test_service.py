"""What the service manager hears: how the site is, and that work gets done, or that it does not."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.core.inputs import DaemonStarted
from hotdesk_daemon.journal import JournalUnavailableError
from hotdesk_daemon.journal.store import Store
from hotdesk_daemon.ops.settings import PolicySettings
from tests.scenarios.transports import over_cloud, over_socket

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

    from tests.scenarios.site import OpenSite, Site

#: What the manager waits for WATCHDOG=1, and how often it comes when all is well.
WATCHDOG_S: Final = 30.0


class Manager:
    """A service manager's end of the socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))
        self.environ = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))}

    def heard(self) -> list[str]:
        """Everything since the last look, a line each."""
        lines: list[str] = []
        while True:
            try:
                lines += self.socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                return lines

    def fed(self) -> int:
        """How often the watchdog was fed since the last look."""
        return self.heard().count("WATCHDOG=1")

    def said(self) -> list[str]:
        """The words since the last look, without status and times."""
        return [line for line in self.heard() if line in {"READY=1", "RELOADING=1", "STOPPING=1"}]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.socket.close()


async def begun(open_site: OpenSite, manager: Manager, *desks: str, live: bool = True) -> Site:
    site = await open_site(*desks, start=False)
    site.service = manager.environ
    await site.start(live=live)
    return site


def last_status(lines: list[str]) -> str:
    return [line for line in lines if line.startswith("STATUS=")][-1].removeprefix("STATUS=")


async def test_it_is_ready_once_and_tells_how_many_desks_are_live(open_site: OpenSite, manager: Manager) -> None:
    site = await begun(open_site, manager, "local", "hybrid")
    await site.advance(5)
    lines = manager.heard()

    assert ["READY=1"] == [line for line in lines if line == "READY=1"]
    assert last_status(lines).startswith("2/2 desks live, 0 parked")


@over_socket
async def test_the_status_and_the_history_say_how_the_run_before_ended(open_site: OpenSite, manager: Manager) -> None:
    site = await begun(open_site, manager, "local")
    run_file = site.settings.daemon.state_dir / "last-run.json"
    endings = []
    for spoilt in (b"", None):  # as a kill in the middle of writing it leaves it
        await site.stop()
        if spoilt is not None:
            run_file.write_bytes(spoilt)
        await site.start()
        started = [step.input for step in await site.steps(since=0) if isinstance(step.input, DaemonStarted)][-1]
        endings.append((last_status(manager.heard()).partition(", last stop: ")[2], started.last_stop))

    (killed, in_history), (clean, in_history_too) = endings
    assert ("killed", "killed", "clean") == (killed[:6], in_history, in_history_too)
    assert clean.startswith("clean at 20")


async def test_before_it_is_ready_it_asks_for_time(open_site: OpenSite, manager: Manager) -> None:
    await begun(open_site, manager, "local")
    lines = manager.heard()

    assert "EXTEND_TIMEOUT_USEC=30000000" in lines[: lines.index("READY=1")]


@over_cloud
async def test_the_status_says_how_long_the_tokens_last_and_who_is_to_be_activated(
    open_site: OpenSite, manager: Manager
) -> None:
    site = await begun(open_site, manager, "local")
    await site.advance(10)
    days = last_status(manager.heard())
    site.organisation().new_refresh_token()
    site.organisation().access_tokens.clear()
    await site.call("POST", "/api/v1/desks/desk-1/resync")
    await site.until(lambda: not site.daemon.fleet.readiness().ready)
    await site.advance(10)

    assert "1/1 desks live, 0 parked, token 89 d" == days
    assert last_status(manager.heard()).endswith(", activate simulated-org-1")


async def test_the_watchdog_is_fed_while_work_gets_done(open_site: OpenSite, manager: Manager) -> None:
    site = await begun(open_site, manager, "local")
    manager.heard()
    for _ in range(10):
        await site.advance(WATCHDOG_S)
        assert manager.fed() >= 2


@over_cloud
@pytest.mark.parametrize("silence", ["answers with nothing", "does not answer well"])
async def test_a_cloud_that_says_nothing_leaves_the_watchdog_fed(
    open_site: OpenSite, manager: Manager, monkeypatch: pytest.MonkeyPatch, silence: str
) -> None:
    site = await begun(open_site, manager, "local", "local")
    if silence == "answers with nothing":
        monkeypatch.setattr(site.organisation(), "send", lambda _: None)
    else:
        site.organisation().faults.enable("poll_error", status=502)
        site.organisation().faults.enable("refresh_error", status=500)
    manager.heard()
    for _ in range(20):
        await site.advance(WATCHDOG_S)
        assert manager.fed() >= 2


@over_socket
async def test_a_floor_that_is_switched_off_leaves_the_watchdog_fed(open_site: OpenSite, manager: Manager) -> None:
    site = await begun(open_site, manager, "local", "local")
    for desk in site.floor.desks:
        for station in desk.stations:
            station.device.reboot(7200)
    manager.heard()
    for _ in range(20):
        await site.advance(WATCHDOG_S)
        assert manager.fed() >= 2
    assert site.is_stale


@over_socket
async def test_when_no_device_is_heard_and_nobody_tries_the_watchdog_grows_hungry(
    open_site: OpenSite, manager: Manager, log: io.StringIO
) -> None:
    site = await begun(open_site, manager, "local", "local")
    gate = site.daemon.reload.take_over.housing.gate
    gate.change(per_s=10_000.0, at_once=1)
    await site.advance(1)
    async with gate.admission(failures=0):  # somebody who never leaves has the only place
        for desk in site.floor.desks:
            desk.device.reboot(1)
        await site.advance(600)
        manager.heard()
        await site.advance(600)
        lines = manager.heard()

        assert ("STUCK: no device is heard, and nobody tries to reach one" in last_status(lines), 0) == (
            True,
            lines.count("WATCHDOG=1"),
        )
        assert 1 == log.getvalue().count('"daemon.stuck","error":"no device is heard')
    await site.until(site.is_live)
    await site.advance(WATCHDOG_S)

    assert manager.fed() >= 2
    assert '"daemon.works"' in log.getvalue().rpartition('"daemon.stuck"')[2]


async def test_a_journal_that_finishes_nothing_leaves_the_watchdog_hungry_until_it_does(
    open_site: OpenSite, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await begun(open_site, manager, "local")
    hangs, goes_on = threading.Event(), threading.Event()
    commit = Store.commit

    def hang(store: Store, works: Any) -> Any:
        hangs.set()
        goes_on.wait(10)
        return commit(store, works)

    status = site.daemon.status
    monkeypatch.setattr(Store, "commit", hang)
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    try:
        while not hangs.is_set():  # noqa: ASYNC110 - a thread's event
            await asyncio.sleep(0)
        status.tell()
        manager.heard()
        status.tell()
        lines = manager.heard()
    finally:
        goes_on.set()
    await site.clock.settle()
    status.tell()

    assert (0, True) == (lines.count("WATCHDOG=1"), "STUCK: the journal's writer finishes nothing" in lines[-1])
    assert 1 == manager.fed()


async def test_a_journal_on_a_full_disk_is_told_and_leaves_the_watchdog_fed(
    open_site: OpenSite, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await begun(open_site, manager, "local")
    status = site.daemon.status
    monkeypatch.setattr(Store, "commit", full)
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    try:
        while not site.daemon.fleet.troubles():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0)
        status.tell()
        manager.heard()
        status.tell()
        lines = manager.heard()
    finally:
        monkeypatch.undo()
    await site.real(lambda: not site.daemon.fleet.troubles())

    assert (1, True) == (lines.count("WATCHDOG=1"), "Nothing new is taken: the disk is full" in last_status(lines))


def full(_store: Store, works: Any) -> Any:
    return [(work, JournalUnavailableError("the disk is full")) for work in works]


async def test_a_reload_is_told_from_beginning_to_end_also_one_that_fails(
    open_site: OpenSite, manager: Manager
) -> None:
    site = await begun(open_site, manager, "local")
    manager.heard()
    await site.reload(attrs.evolve(site.settings, policy=PolicySettings(max_duration_s=3600.0)))
    lines = manager.heard()

    reloading = lines.index("RELOADING=1")
    assert lines[reloading + 1].startswith("MONOTONIC_USEC=")
    assert "READY=1" in lines[reloading + 2 :]

    await site.reload(ConfigError("a.toml:1: is no TOML"))
    await site.advance(5)
    lines = manager.heard()

    assert ["RELOADING=1", "READY=1"] == [line for line in lines if line in {"RELOADING=1", "READY=1"}]
    assert "the configuration was not reloaded: 1 problems" in last_status(lines)


async def test_a_stop_is_told_first_of_all(open_site: OpenSite, manager: Manager) -> None:
    site = await begun(open_site, manager, "local")
    manager.heard()
    await site.stop()
    lines = manager.heard()

    assert ("STOPPING=1", "STATUS=stopping: 0 commands under way") == (lines[0], lines[1])
    assert [] == [line for line in lines if line in {"READY=1", "WATCHDOG=1"}]
