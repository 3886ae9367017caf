from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Self

from hotdesk_daemon.transport import FleetGate
from tests.transport.doubles import a_device, a_link


class Clock:
    """Time that passes only in its own sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


async def test_fifty_links_connect_no_faster_than_the_gate_allows() -> None:
    clock = Clock()
    gate = FleetGate(per_s=10, at_once=50, clock=clock, sleep=clock.sleep)
    async with a_device() as device, AsyncExitStack() as stack:
        links = [await stack.enter_async_context(a_link(device.url, gate=gate)) for _ in range(50)]
        for running in links:
            await running.up()

    assert 50 == len(device.upgrades)
    assert clock.now >= 1_000.0 + 49 / 10 - 1e-6


async def test_connects_begin_in_the_order_of_asking_and_at_the_rate() -> None:
    clock = Clock()
    gate = FleetGate(per_s=4, at_once=100, clock=clock, sleep=clock.sleep)
    begun: list[tuple[int, float]] = []

    async def connect(number: int) -> None:
        async with gate.admission(failures=0):
            begun.append((number, clock() - 1_000.0))

    await asyncio.gather(*(connect(number) for number in range(5)))

    assert [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)] == begun


async def test_no_more_handshakes_are_under_way_than_allowed() -> None:
    clock = Clock()
    gate = FleetGate(per_s=1_000, at_once=3, clock=clock, sleep=clock.sleep)
    under_way = most = 0

    async def connect() -> None:
        nonlocal under_way, most
        async with gate.admission(failures=0):
            under_way += 1
            most = max(most, under_way)
            for _ in range(5):
                await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(connect() for _ in range(20)))

    assert 3 == most


async def test_who_gives_up_waiting_uses_no_turn() -> None:
    clock = Clock()
    gate = FleetGate(per_s=1, at_once=1, clock=clock, sleep=clock.sleep)

    async def connect() -> float:
        async with gate.admission(failures=0):
            return clock() - 1_000.0

    async with gate.admission(failures=0):
        quitter = asyncio.create_task(connect())
        patient = asyncio.create_task(connect())
        await asyncio.sleep(0)
        quitter.cancel()
        await asyncio.wait([quitter])

    assert 1.0 == await patient


class Crowd:
    """Handshakes that last until the test ends them."""

    def __init__(self, *, at_once: int) -> None:
        clock = Clock()
        self._gate = FleetGate(per_s=1_000_000, at_once=at_once, clock=clock, sleep=clock.sleep)
        self.under_way: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, name: str, *, failures: int) -> asyncio.Task[None]:
        self._ends[name] = asyncio.Event()
        self.tasks.append(asyncio.create_task(self._connect(name, failures)))
        await self.settle()
        return self.tasks[-1]

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def _connect(self, name: str, failures: int) -> None:
        async with self._gate.admission(failures=failures):
            self.under_way.append(name)
            await self._ends[name].wait()
            self.under_way.remove(name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


async def test_hosts_that_only_time_out_leave_places_for_the_others() -> None:
    async with Crowd(at_once=8) as crowd:
        for number in range(20):
            await crowd.ask(f"dead-{number}", failures=3)
        assert 6 == len(crowd.under_way)

        await crowd.ask("sound", failures=0)
        assert "sound" in crowd.under_way


async def test_who_failed_less_often_goes_first_and_equals_as_they_came() -> None:
    async with Crowd(at_once=1) as crowd:
        await crowd.ask("first", failures=0)
        for name, failures in [("gone", 1_000), ("lost", 10), ("rebooting", 2), ("also", 2), ("sound", 0)]:
            await crowd.ask(name, failures=failures)
        order = []
        for _ in range(6):
            (name,) = crowd.under_way
            order.append(name)
            await crowd.end(name)

    assert ["first", "sound", "rebooting", "also", "gone", "lost"] == order


async def test_a_place_handed_to_one_who_gives_up_in_that_moment_is_not_lost() -> None:
    async with Crowd(at_once=1) as crowd:
        first = await crowd.ask("first", failures=0)
        quitter = await crowd.ask("quitter", failures=0)
        await crowd.ask("patient", failures=0)
        first.cancel()
        await asyncio.wait([first])  # its place goes to the quitter, which has not run since
        quitter.cancel()
        await crowd.settle()

        assert "patient" in crowd.under_way


async def test_a_link_says_how_often_it_failed_since_it_last_stood() -> None:
    told: list[int] = []

    class Gate:
        def admission(self, *, failures: int) -> AbstractAsyncContextManager[None]:
            told.append(failures)
            return nullcontext()

    async with a_device() as device, a_link(device.url, gate=Gate()) as running:
        await running.up()
        device.refuse_with = 502
        device.sockets[0].transport.abort()
        for count in (1, 2, 3):
            await running.waits.begun(count)
            if count == 3:
                device.refuse_with = None
            running.waits.end_one()
        await running.up(2)
        device.sockets[-1].transport.abort()
        await running.waits.begun(4)
        running.waits.end_one()
        await running.up(3)

    assert [0, 0, 1, 2, 0] == told


async def test_other_numbers_count_for_those_who_wait_already() -> None:
    clock = Clock()
    gate = FleetGate(per_s=1_000, at_once=1, clock=clock, sleep=clock.sleep)
    leave = asyncio.Event()
    inside: list[int] = []

    async def connect(number: int) -> None:
        async with gate.admission(failures=0):
            inside.append(number)
            await leave.wait()

    tasks = [asyncio.create_task(connect(number)) for number in range(5)]
    await turns()
    assert [0] == inside

    gate.change(per_s=1_000, at_once=3)
    await turns()
    assert [0, 1, 2] == inside

    gate.change(per_s=1_000, at_once=1)
    leave.set()
    await asyncio.gather(*tasks)
    assert [0, 1, 2, 3, 4] == inside


async def turns() -> None:
    for _ in range(30):
        await asyncio.sleep(0)
