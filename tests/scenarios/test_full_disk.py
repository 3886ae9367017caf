"""A disk that is full, or read-only: a small file system of the daemon's own, where that may be mounted."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs
import pytest

from hotdesk_daemon.simulator import Floor, ScaledClock
from tests.scenarios.crashing import PLANS, write_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

LIMIT_S: Final = 15.0
SIZE: Final = "3m"


def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    trying = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return not subprocess.run(trying, capture_output=True, check=False).returncode


pytestmark = pytest.mark.skipif(not _may_mount(), reason="no file system of its own may be mounted here")


@attrs.define(eq=False)
class Mounted:
    """A daemon whose state directory is a small file system; seen from here through its process."""

    floor: Floor
    process: asyncio.subprocess.Process
    state: Path
    lines: list[dict[str, Any]] = attrs.field(factory=list)
    url: str = ""

    def events(self, *names: str) -> list[str]:
        return [line["event"] for line in self.lines if line["event"] in names]

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            line = json.loads(raw)
            self.lines.append(line)
            if line["event"] == "daemon.ready":
                self.url = line["url"]

    async def until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not holds():  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.02)

    async def readiness(self) -> tuple[int, str]:
        async with aiohttp.ClientSession(self.url) as http, http.get("/readyz") as response:
            return response.status, " ".join((await response.json())["reasons"])

    async def until_ready(self, status: int) -> str:
        async with asyncio.timeout(LIMIT_S):
            while True:
                found, reasons = await self.readiness()
                if found == status:
                    return reasons
                await asyncio.sleep(0.05)

    async def bookings(self, desk: str) -> set[str]:
        path = f"/api/v1/desks/{desk}/bookings?state=created&state=started"
        async with aiohttp.ClientSession(self.url) as http, http.get(path) as response:
            return {booking["meeting_id"] for booking in (await response.json())["items"]}

    def fill(self) -> Path:
        """Leave no byte free."""
        ballast = self.state / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        return ballast


@asynccontextmanager
async def mounted(directory: Path, *, options: str = f"size={SIZE}") -> AsyncIterator[Mounted]:
    clock = ScaledClock()
    async with Floor(PLANS[:3], clock=clock, seed=1) as floor:
        config = await asyncio.to_thread(write_config, floor, directory)
        state = directory / "state"
        await asyncio.to_thread(state.mkdir)
        script = f'mount -t tmpfs -o {options} none "$1" && shift && exec "$@"'
        process = await asyncio.create_subprocess_exec(
            "unshare", "-rm", "sh", "-c", script, "sh", str(state),
            sys.executable, "-m", "hotdesk_daemon", "run", "--config", str(config),
            env={**os.environ, "CRASH_TOKEN": "token", "CRASH_PASSWORD": floor.users[0].password},
            stdout=asyncio.subprocess.PIPE, limit=1 << 24,
        )  # fmt: skip
        site = Mounted(floor, process, Path(f"/proc/{process.pid}/root{state}"))
        reading = asyncio.create_task(site.read(), name="the daemon's log")
        try:
            yield site
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(LIMIT_S):
                await process.wait()
                await reading


@pytest.mark.timeout(90)
async def test_with_a_full_disk_it_is_not_ready_keeps_its_streams_and_recovers_alone(tmp_path: Path) -> None:
    async with mounted(tmp_path) as site:
        await site.until(lambda: site.url)
        await site.until_ready(200)
        people = site.floor.desks[0].device.people
        first = people.book(30, "Desk", "person1@example.com", start=None)
        await site.until(lambda: "booking.created" in site.events("booking.created"))
        ballast = await asyncio.to_thread(site.fill)
        meetings = [people.book(30, "Desk", "person2@example.com", start=later(site, n)) for n in range(1, 40)]
        reasons = await site.until_ready(503)
        during = await site.bookings("local-0")

        assert "full" in reasons
        assert ["journal.unavailable"] == site.events("journal.unavailable", "journal.recovered")
        assert 3 == len(site.events("link.up", "link.down"))
        assert first in during

        await asyncio.to_thread(ballast.unlink)
        await site.until_ready(200)
        async with asyncio.timeout(LIMIT_S):
            while not {first, *meetings} <= await site.bookings("local-0"):  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.05)

        assert ["journal.unavailable", "journal.recovered"] == site.events("journal.unavailable", "journal.recovered")
        assert ["link.up"] * 3 == site.events("link.up", "link.down", "task.failed", "journal.quarantined")
        site.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            assert 0 == await site.process.wait()


def later(site: Mounted, number: int) -> datetime:
    return site.floor.clock.now().replace(microsecond=0) + timedelta(minutes=60 * number)


async def test_a_state_directory_that_is_read_only_is_told_clearly(tmp_path: Path) -> None:
    async with mounted(tmp_path, options="ro") as site:
        async with asyncio.timeout(LIMIT_S):
            code = await site.process.wait()
        (told,) = [line for line in site.lines if line["level"] == "error"]

    assert 78 == code
    cause = f"{tmp_path / 'state'}: the state cannot be kept here: Read-only file system"
    remedy = "let the daemon's user write there, or choose another daemon.state_dir"
    assert f"{cause}; {remedy}" == told["problem"]
