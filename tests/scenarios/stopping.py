"""
A simulated site in a process of its own, and the daemon in another that is told to stop in the middle of its work.

Both are started as their commands do; everything runs in real time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import aiohttp
import attrs
import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

PASSWORD: Final = "simulated"
TOKEN: Final = "stop-test-token"
#: How long a process may take to be ready, and to end when it should: a limit, not what is expected.
LIMIT_S: Final = 60.0
_PROGRAM: Final = (sys.executable, "-m", "hotdesk_daemon")
_LOOK_S: Final = 0.05


def environ(**more: str) -> Mapping[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("HOTDESK_")}
    return {**mine, "HOTDESK_SIMULATED_PASSWORD": PASSWORD, "STOP_TOKEN": TOKEN, **more}


async def comes_true(ask: Callable[[], Awaitable[object]]) -> None:
    """Ask another process again and again until it says yes: there is nothing else to wait on."""
    async with asyncio.timeout(LIMIT_S):
        while not await ask():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(_LOOK_S)


@attrs.define(eq=False)
class Process:
    """One of the two, its log as it comes, and its lines that are no JSON."""

    process: asyncio.subprocess.Process
    log: Path  # where all of it stands after the end, for those who look at what tests log
    lines: list[dict[str, Any]] = attrs.field(factory=list)
    text: list[str] = attrs.field(factory=list)
    _raw: list[bytes] = attrs.field(factory=list)
    _readers: list[asyncio.Task[None]] = attrs.field(factory=list)

    @classmethod
    async def start(cls, *words: str, cwd: Path, env: Mapping[str, str]) -> Process:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *_PROGRAM, *words, cwd=cwd, env=env, stdout=pipe, stderr=pipe, limit=1 << 24
        )
        made = cls(process, cwd / f"{words[0]}-{process.pid}.log")
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            made._readers.append(asyncio.create_task(made._read(stream), name=f"output of {words[0]}"))
        return made

    async def _read(self, stream: asyncio.StreamReader) -> None:
        async for raw in stream:
            self._raw.append(raw)
            try:
                line = msgspec.json.decode(raw)
                self.lines.append(line) if isinstance(line, dict) else self.text.append(raw.decode())
            except msgspec.DecodeError:
                self.text.append(raw.decode())

    async def until(self, found: Callable[[], Any]) -> Any:
        """Look until something was *found* in what it wrote: there is nothing else to wait on."""
        async with asyncio.timeout(LIMIT_S):
            while not (value := found()):
                assert self.process.returncode is None, self.text + self.lines[-5:]
                await asyncio.sleep(_LOOK_S)
        return value

    def event(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("event") == name]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> int:
        """Wait for its end; return its status."""
        async with asyncio.timeout(LIMIT_S):
            status = await self.process.wait()
            await asyncio.gather(*self._readers)
        await asyncio.to_thread(self.log.write_bytes, b"".join(self._raw))
        return status

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.end()


@attrs.define(eq=False)
class StopSite:
    """The simulated site, and the daemon of the moment."""

    directory: Path
    config: Path
    control: str
    floor: Process
    http: aiohttp.ClientSession
    daemon: Process | None = None
    url: str = ""

    async def start(self) -> float:
        """Start the daemon, and wait until every desk is live; return how long that took."""
        began = time.monotonic()
        self.daemon = await Process.start("run", "--config", str(self.config), cwd=self.directory, env=environ())
        ready = await self.daemon.until(lambda: self.daemon and self.daemon.event("daemon.ready"))
        self.url = ready[0]["url"]
        await comes_true(lambda: self.has_none("/api/v1/desks?stale=true&limit=1"))
        return time.monotonic() - began

    async def get(self, path: str) -> list[dict[str, Any]]:
        async with self.http.get(f"{self.url}{path}") as response:
            items: list[dict[str, Any]] = (await response.json())["items"]
            return items

    async def has_none(self, path: str) -> bool:
        return not await self.get(path)

    async def fault(self, name: str, **options: Any) -> None:
        """Switch a fault on at every device."""
        async with self.http.put(f"{self.control}/faults/{name}", json={"options": options}) as response:
            assert 200 == response.status, await response.text()

    async def no_fault(self, name: str) -> None:
        async with self.http.delete(f"{self.control}/faults/{name}") as response:
            assert 200 == response.status, await response.text()

    async def book(self, desks: list[str]) -> list[tuple[str, int, str]]:
        """Ask for a booking at each of *desks* at once; return what was acknowledged: desk, sequence number, UUID."""
        return [one for one in await asyncio.gather(*map(self._book, desks)) if one is not None]

    async def _book(self, desk: str) -> tuple[str, int, str] | None:
        # Each at a time of its own, so that nothing stands in its way.
        start = datetime.now(UTC) + timedelta(minutes=uuid4().int % 500_000 + 600)
        body = {"start": start.isoformat(), "duration_min": 15, "title": "Ours", "booking_request_uuid": str(uuid4())}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{self.url}/api/v1/desks/{desk}/bookings"
        async with self.http.post(url, json=body, headers=headers) as response:
            answer = await response.json()
            taken = response.status == 202
            return (answer["desk"], answer["seq"], str(body["booking_request_uuid"])) if taken else None

    async def sending(self) -> int:
        """How many commands have left and are not answered."""
        return len(await self.get("/api/v1/commands?state=sending&limit=1000"))

    async def stop(self, *numbers: signal.Signals) -> tuple[int, float]:
        """Send these signals one after the other; return the exit status and how long the end took."""
        assert self.daemon is not None
        began = time.monotonic()
        for number in numbers or (signal.SIGTERM,):
            self.daemon.signal(number)
            await asyncio.sleep(0)
        status = await self.daemon.end()
        return status, time.monotonic() - began


@asynccontextmanager
async def stop_site(directory: Path, *, desks: int, settings: str = "") -> AsyncIterator[StopSite]:
    """A site of so many desks whose daemon has not started yet."""
    empty = directory / "floor.toml"
    await asyncio.to_thread(empty.write_text, "")
    floor = await Process.start("simulate", "--config", str(empty), "--desks", str(desks), cwd=directory, env=environ())
    try:
        told = await floor.until(lambda: next((line for line in floor.text if "What can be done" in line), ""))
        control = told.split("curl ")[1].split("/desks")[0]
        shown = "".join(line for line in floor.text if line.startswith("[") or " = " in line)
        config = directory / "hotdesk.toml"
        text = _SETTINGS.format(state=directory / "state", settings=settings)
        await asyncio.to_thread(config.write_text, f"{text}{shown}")
        timeout = aiohttp.ClientTimeout(total=LIMIT_S)
        connector = aiohttp.TCPConnector(limit=1000)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
            site = StopSite(directory, config, control, floor, http)
            try:
                yield site
            finally:
                if site.daemon is not None:
                    await site.daemon.kill()
    finally:
        await floor.kill()


_SETTINGS: Final = """\
[daemon]
state_dir = "{state}"
{settings}
[http]
port = 0
token = "env:STOP_TOKEN"
[log]
format = "json"
[sockets]
connects_per_s = 1000.0
[dispatch]
concurrency = 1000
"""
