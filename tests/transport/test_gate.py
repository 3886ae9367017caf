from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

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
        async with gate.admission():
            begun.append((number, clock() - 1_000.0))

    await asyncio.gather(*(connect(number) for number in range(5)))

    assert [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0)] == begun


async def test_no_more_handshakes_are_under_way_than_allowed() -> None:
    clock = Clock()
    gate = FleetGate(per_s=1_000, at_once=3, clock=clock, sleep=clock.sleep)
    under_way = most = 0

    async def connect() -> None:
        nonlocal under_way, most
        async with gate.admission():
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
        async with gate.admission():
            return clock() - 1_000.0

    async with gate.admission():
        quitter = asyncio.create_task(connect())
        patient = asyncio.create_task(connect())
        await asyncio.sleep(0)
        quitter.cancel()
        await asyncio.wait([quitter])

    assert 1.0 == await patient
