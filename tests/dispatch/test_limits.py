from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.dispatch import FleetLimiter, Limits
from tests.dispatch.doubles import DEVICE, Clock, a_command, make_desks, running


async def _begin(limiter: FleetLimiter, clock: Clock, count: int) -> list[float]:
    begun: list[float] = []

    async def ask() -> None:
        async with limiter.slot(DEVICE):
            begun.append(clock.passed_s)

    await asyncio.gather(*(ask() for _ in range(count)))
    return begun


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    clock = Clock()
    limiter = FleetLimiter(Limits(rate_per_s=4, burst=3, concurrency=100), clock=clock.mono, sleep=clock.sleep)

    assert [0, 0, 0, 0.25, 0.5, 0.75] == await _begin(limiter, clock, 6)


async def test_a_pause_fills_the_bucket_no_higher_than_its_rim() -> None:
    clock = Clock()
    limiter = FleetLimiter(Limits(rate_per_s=4, burst=2, concurrency=100), clock=clock.mono, sleep=clock.sleep)
    await _begin(limiter, clock, 2)
    clock.passed_s = 100.0

    assert [100, 100, 100.25] == await _begin(limiter, clock, 3)


@given(rate=st.floats(0.1, 1000), burst=st.integers(1, 20), count=st.integers(1, 40))
def test_never_more_than_burst_and_rate_allow(rate: float, burst: int, count: int) -> None:
    async def run() -> list[float]:
        clock = Clock()
        limiter = FleetLimiter(
            Limits(rate_per_s=rate, burst=burst, concurrency=100), clock=clock.mono, sleep=clock.sleep
        )
        return await _begin(limiter, clock, count)

    begun = asyncio.run(run())

    assert count == len(begun)
    for number, at_s in enumerate(begun, start=1):
        assert number <= burst + at_s * rate + 1e-3


async def test_no_more_requests_are_under_way_than_allowed_over_all_desks() -> None:
    clock = Clock()
    limiter = FleetLimiter(Limits(rate_per_s=1e6, burst=100, concurrency=2), clock=clock.mono, sleep=clock.sleep)
    async with running(make_desks(limiter=limiter)) as desks:
        gates = [asyncio.Event() for _ in range(5)]
        desks.record.script = [*gates]
        for number in range(5):
            desks.dispatcher.submit(f"desk-{number}", a_command(number))  # type: ignore[arg-type]
        await desks.record.until(lambda: len(desks.record.all("call")) == 2)
        for _ in range(20):
            await asyncio.sleep(0)

        assert 2 == len(desks.record.all("call"))
        gates[0].set()
        await desks.record.until(lambda: len(desks.record.all("call")) == 3)
        for gate in gates:
            gate.set()
        await desks.record.answers(5)


async def test_who_gives_up_waiting_takes_no_token() -> None:
    clock = Clock()
    limiter = FleetLimiter(Limits(rate_per_s=1, burst=1, concurrency=1), clock=clock.mono, sleep=clock.sleep)

    async def ask() -> float:
        async with limiter.slot(DEVICE):
            return clock.passed_s

    async with limiter.slot(DEVICE):
        quitter, patient = asyncio.create_task(ask()), asyncio.create_task(ask())
        await asyncio.sleep(0)
        quitter.cancel()
        await asyncio.wait([quitter])

    assert 1.0 == await patient


async def test_other_limits_count_from_the_next_request_on() -> None:
    clock = Clock()
    limiter = FleetLimiter(Limits(rate_per_s=4, burst=1, concurrency=100), clock=clock.mono, sleep=clock.sleep)
    assert [0, 0.25] == await _begin(limiter, clock, 2)

    limiter.change(Limits(rate_per_s=10, burst=3, concurrency=1))
    clock.passed_s = 1.0

    assert [1.0, 1.0, 1.0, 1.1] == [round(at_s, 6) for at_s in await _begin(limiter, clock, 4)]
