"""
A busy floor in this process, and the daemon as a process of its own that is killed again and again.

Everything runs in real time: people act many times a second, wishes come over HTTP, and the kill comes when it comes.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import aiohttp
import attrs
import msgspec

from hotdesk_daemon.simulator import DeskPlan, Effect, Floor, ScaledClock
from hotdesk_daemon.simulator.statuses import BOOKING_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.simulator import Desk, Entry

#: Longer than a restart takes, so that a calendar is still at it when the daemon looks again.
BACKEND_S: Final = 2.0
PLANS: Final = (
    *(DeskPlan(workspace=f"Local {number}") for number in range(2)),
    *(DeskPlan(workspace=f"Hybrid {number}", kind="hybrid", backend_delay_s=BACKEND_S) for number in range(3)),
    DeskPlan(workspace="Companion", releases=("26.4.1", "26.4.1")),
    DeskPlan(workspace="Old", releases=("11.24.4.1",)),
)
TOKEN: Final = "crash-test-token"
MAX_MIN: Final = 120
_ENTRIES: Final = 10
_SLOW: Final = ("Bookings Book", "Bookings Book", "Bookings Edit", "Bookings Delete", "Webex Registration Logout")
_ACT_EVERY_S: Final = 0.02
_READY_S: Final = 20.0


@attrs.frozen(kw_only=True)
class Acknowledged:
    """A wish that the daemon said it had recorded."""

    desk: str
    seq: int
    kind: str
    uuid: str | None = None


def desk_name(desk: Desk) -> str:
    return desk.workspace.lower().replace(" ", "-")


def write_config(floor: Floor, directory: Path) -> Path:
    """A configuration file as a person would write it."""
    lines = [
        "[daemon]",
        f'state_dir = "{directory / "state"}"',
        "[http]",
        "port = 0",
        'token = "env:CRASH_TOKEN"',
        "[log]",
        'format = "json"',
        "[sockets]",
        "connects_per_s = 1000.0",
        'backoff_initial = "50ms"',
        "[hybrid]",
        'booking_timeout = "10s"',
        "[safety]",
        "breaker_share = 1.0",  # so few desks, so often: that would be trouble anywhere else
        "[policy]",
        f'max_duration = "{MAX_MIN}m"',
    ]
    for desk in floor.desks:
        lines += ["[[desk]]", f'id = "{desk_name(desk)}"', f'calendar = "{desk.kind}"']
        for station in desk.stations:
            lines += [
                "[[desk.device]]",
                f'id = "{station.device_id}"',
                f'url = "{station.url}"',
                f'username = "{station.username}"',
                'password = "env:CRASH_PASSWORD"',
            ]
    path = directory / "hotdesk.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@attrs.define(eq=False)
class CrashSite:
    """The floor, what really happened on it, and the daemon of the moment."""

    floor: Floor
    clock: ScaledClock
    config: Path
    rng: random.Random
    effects: list[Effect] = attrs.field(factory=list)
    acknowledged: list[Acknowledged] = attrs.field(factory=list)
    asked: Counter[str] = attrs.field(factory=Counter)
    wishes: Counter[str] = attrs.field(factory=Counter)
    errors: list[str] = attrs.field(factory=list)
    url: str = ""
    kills: int = 0
    took: asyncio.Event = attrs.field(factory=asyncio.Event)
    _process: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[None] | None = None
    _ready: asyncio.Event = attrs.field(factory=asyncio.Event)

    # --- the daemon --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the daemon as its command does, and wait until it serves."""
        self._ready.clear()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hotdesk_daemon", "run", "--config", str(self.config),
            env={"CRASH_TOKEN": TOKEN, "CRASH_PASSWORD": self.floor.users[0].password},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, limit=1 << 24,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(), name="the daemon's log")
        async with asyncio.timeout(_READY_S):
            await self._ready.wait()

    async def _read(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        async for raw in process.stdout:
            try:
                line = msgspec.json.decode(raw)
            except msgspec.DecodeError:
                self.errors.append(raw.decode(errors="replace"))
                continue
            if line.get("level") == "error" and line.get("event") != "command.parked":
                self.errors.append(raw.decode())
            if line.get("event") == "daemon.ready":
                self.url = line["url"]
                self._ready.set()

    async def kill(self) -> None:
        """Kill it at this very instruction."""
        await self._end(signal.SIGKILL)
        self.kills += 1

    async def stop(self) -> int:
        """End it politely; return its exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        with suppress(ProcessLookupError):
            process.send_signal(number)
        async with asyncio.timeout(_READY_S):
            status = await process.wait()
            if self._reader is not None:
                await self._reader
        return status

    # --- people ------------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """People act at all desks, many times a second, until cancelled."""
        while True:
            self._act()
            await asyncio.sleep(_ACT_EVERY_S * self.rng.random() * 2)

    def _act(self) -> None:
        rng, desk = self.rng, self.rng.choice(self.floor.desks)
        people = rng.choice(desk.stations).device.people
        mine = [entry for entry in desk.calendar.entries.values() if entry.by == "person"]
        if len(desk.calendar.entries) > _ENTRIES:
            self._tidy(desk)
        match rng.randrange(8):
            case 0 | 1:
                start = None if rng.random() < 0.5 else self._later()
                people.book(rng.choice((15, 30, 60, 300)), "Desk", self._somebody(), start=start)
            case 2 if mine:
                people.edit(rng.choice(mine).meeting_id, duration_min=rng.choice((20, 40, 80)))
            case 3 if mine:
                people.delete(rng.choice(mine).meeting_id)
            case 4:
                people.sign_in(self._somebody())
            case 5:
                people.sign_out()
            case 6:
                people.come() if rng.random() < 0.5 else people.leave()
            case 7 if desk.kind == "hybrid":
                desk.backend.create(self._somebody(), self._later(), 30, title="Desk")
            case _:
                people.start_call() if rng.random() < 0.3 else people.end_call()

    def _tidy(self, desk: Desk) -> None:
        entry: Entry = self.rng.choice(desk.calendar.in_order())
        if entry.by != "integration":
            desk.device.people.delete(entry.meeting_id)

    def _later(self) -> datetime:
        return self.clock.now().replace(microsecond=0) + timedelta(minutes=self.rng.randrange(5, 500))

    def _own_time(self, desk: str) -> datetime:
        """A start that no other wish for the desk has: a lost booking is told by its content, if that is its own."""
        self.wishes[desk] += 1
        return self.clock.start.replace(microsecond=0) + timedelta(minutes=30 + 2 * self.wishes[desk])

    def _somebody(self) -> str:
        return f"person{self.rng.randrange(1, 6)}@example.com"

    # --- wishes ------------------------------------------------------------------------------------------------------

    async def wish(self) -> None:
        """Ask for things over HTTP until cancelled; remember what was acknowledged."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        timeout = aiohttp.ClientTimeout(total=3)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
            while True:
                await self._ready.wait()
                with suppress(aiohttp.ClientError, TimeoutError):
                    await self._ask(http)
                await asyncio.sleep(_ACT_EVERY_S)

    async def _ask(self, http: aiohttp.ClientSession) -> None:
        rng, desk = self.rng, desk_name(self.rng.choice(self.floor.desks))
        bookings = f"{self.url}/api/v1/desks/{desk}/bookings"
        what = rng.choice(("BookAsked", "BookAsked", "EditAsked", "DeleteAsked", "SignOutAsked"))
        if what == "BookAsked":
            uuid = str(UUID(int=rng.getrandbits(128), version=4))
            body = {
                "start": self._own_time(desk).isoformat(),
                "duration_min": rng.choice((15, 30, 60)),
                "title": "Ours",
            }
            await self._send(http, what, "POST", bookings, body | {"booking_request_uuid": uuid}, uuid=uuid)
            return
        if what == "SignOutAsked":
            await self._send(http, what, "POST", f"{self.url}/api/v1/desks/{desk}/sign-out", {})
            return
        async with http.get(bookings, params={"state": "created"}) as response:
            ours = [b for b in (await response.json())["items"] if b["origin"] == "integration"]
        if not ours or (what == "DeleteAsked" and len(ours) < 4):
            return
        url = f"{self.url}/api/v1/bookings/{rng.choice(ours)['id']}"
        if what == "EditAsked":
            await self._send(http, what, "PATCH", url, {"duration_min": rng.choice((10, 25, 50, 75))})
        else:
            await self._send(http, what, "DELETE", url, None)

    async def _send(
        self, http: aiohttp.ClientSession, kind: str, method: str, url: str, body: object, *, uuid: str | None = None
    ) -> None:
        self.asked[kind] += 1
        async with http.request(method, url, json=body) as response:
            answer = await response.json()
            if response.status == 202:
                self.acknowledged.append(Acknowledged(desk=answer["desk"], seq=answer["seq"], kind=kind, uuid=uuid))
                self.took.set()

    # --- the end -----------------------------------------------------------------------------------------------------

    async def settled(self, *, limit_s: float) -> str:
        """Wait until every desk equals its devices and no command is under way; return what does not, else ""."""
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_s
        async with aiohttp.ClientSession(self.url) as http:
            while True:
                wrong = await self._disagreements(http)
                if not wrong or loop.time() > end:
                    return wrong
                await asyncio.sleep(0.2)

    async def _disagreements(self, http: aiohttp.ClientSession) -> str:
        async with http.get("/api/v1/desks") as response:
            desks = {desk["id"]: desk for desk in (await response.json())["items"]}
        for plan in self.floor.desks:
            held = desks[desk_name(plan)]
            async with http.get(f"/api/v1/desks/{held['id']}/bookings?state=created&state=started") as response:
                bookings = (await response.json())["items"]
            wrong = self._compare(plan, held, bookings)
            if wrong:
                return f"{held['id']}: {wrong}"
        return ""

    def _compare(self, plan: Desk, held: dict[str, Any], bookings: list[dict[str, Any]]) -> str:
        if held["stale"]:
            return "stale"
        if held["commands"]["open"] != held["commands"]["parked"]:
            return f"commands under way: {held['commands']}"
        ours = {(b["meeting_id"], b["start"], b["duration_min"]) for b in bookings}
        now = self.clock.now()
        entries = [entry for entry in plan.calendar.in_order() if entry.end > now]
        real = {(e.meeting_id, f"{e.start:%Y-%m-%dT%H:%M:%SZ}", e.duration_min) for e in entries}
        if ours != real:
            return f"bookings held only here {sorted(ours - real)}, only there {sorted(real - ours)}"
        signed_in = [station.device.signin.person is not None for station in plan.stations]
        told = [device["personalized"] for device in held["devices"]]
        return "" if told == signed_in else f"signed in as told {told}, really {signed_in}"


@asynccontextmanager
async def crash_site(directory: Path, *, clock: ScaledClock, seed: int) -> AsyncIterator[CrashSite]:
    """A floor whose effects are all recorded, and no daemon yet."""
    async with Floor(PLANS, clock=clock, seed=seed) as floor:
        config = await asyncio.to_thread(write_config, floor, directory)
        site = CrashSite(floor, clock, config, random.Random(seed))
        for desk in floor.desks:
            for station in desk.stations:
                # Below what a person could configure, so that nobody has to wait for a minute.
                station.device.configurations.put({BOOKING_TIMEOUT: 3})
                # Slow answers, so that many a kill comes between a command and its answer.
                station.device.faults.enable("late_reply", command=site.rng.choice(_SLOW), seconds=0.3)
                _record(station.device, site.effects)
        try:
            yield site
        finally:
            await site.kill()


def _record(device: Any, effects: list[Effect]) -> None:
    """Keep every effect: the device itself keeps the newest only."""
    note = device.note

    def keep(effect: Effect) -> None:
        effects.append(effect)
        note(effect)

    device.note = keep
