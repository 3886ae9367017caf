from __future__ import annotations

import asyncio
import itertools

import pytest

from hotdesk_daemon.transport.cloud import Budget
from tests.transport.cloud.answering import PassingClock


class Requests:
    """Requests of a budget: when they began, and how many were under way at once."""

    def __init__(self, *, rate_per_s: float, concurrency: int) -> None:
        self.clock = PassingClock()
        self.budget = Budget(
            rate_per_s=rate_per_s, concurrency=concurrency, mono=self.clock.mono, sleep=self.clock.sleep
        )
        self.begun: list[tuple[str, float]] = []
        self.under_way = self.most = 0

    def times(self) -> list[float]:
        return [round(at_s, 6) for _, at_s in self.begun]

    def names(self) -> list[str]:
        return [name for name, _ in self.begun]

    async def make(self, name: str = "", *, urgent: bool = False, turns: int = 0) -> None:
        async with self.budget.slot(urgent=urgent):
            self.begun.append((name, self.clock.passed_s))
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            for _ in range(turns):
                await asyncio.sleep(0)
            self.under_way -= 1

    def start(self, name: str = "", *, urgent: bool = False, turns: int = 0) -> asyncio.Task[None]:
        return asyncio.create_task(self.make(name, urgent=urgent, turns=turns))


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_five_hundred_who_wait_are_let_in_at_the_rate_and_no_slower() -> None:
    requests = Requests(rate_per_s=10, concurrency=5)

    await asyncio.gather(*(requests.make(str(number)) for number in range(500)))

    assert [str(number) for number in range(500)] == requests.names()
    assert [0.0, 0.1, 0.2, 0.3] == requests.times()[:4]
    early = [at_s for number, at_s in enumerate(requests.times()) if at_s < number / 10 - 1e-5]
    assert [] == early
    assert 49.9 == pytest.approx(requests.times()[-1])


async def test_no_second_has_more_than_its_rate_and_one_burst() -> None:
    requests = Requests(rate_per_s=60, concurrency=100)

    await asyncio.gather(*(requests.make() for _ in range(500)))

    times = requests.times()
    assert 63 >= max(sum(1 for at_s in times if first_s <= at_s < first_s + 1.0) for first_s in times)


async def test_a_rate_below_one_is_kept() -> None:
    requests = Requests(rate_per_s=0.5, concurrency=10)

    await asyncio.gather(*(requests.make() for _ in range(4)))

    assert [0.0, 2.0, 4.0, 6.0] == requests.times()


async def test_a_quiet_hour_saves_up_no_more_than_one_burst() -> None:
    requests = Requests(rate_per_s=80, concurrency=10)
    await requests.clock.sleep(3_600.0)

    await asyncio.gather(*(requests.make() for _ in range(6)))

    assert [3_600.0] * 4 + [3_600.0125, 3_600.025] == requests.times()


async def test_at_a_usual_rate_nothing_is_saved_up() -> None:
    requests = Requests(rate_per_s=15, concurrency=10)
    await requests.clock.sleep(3_600.0)

    await asyncio.gather(*(requests.make() for _ in range(60)))

    times = requests.times()
    assert 15 >= max(sum(1 for at_s in times if first_s <= at_s < first_s + 1.0) for first_s in times)


async def test_no_more_are_under_way_than_allowed() -> None:
    requests = Requests(rate_per_s=10_000, concurrency=7)

    await asyncio.gather(*(requests.make(turns=5) for _ in range(500)))

    assert (7, 500) == (requests.most, len(requests.begun))


async def test_who_fails_frees_their_place() -> None:
    requests = Requests(rate_per_s=10_000, concurrency=1)
    with pytest.raises(ZeroDivisionError):
        async with requests.budget.slot():
            raise ZeroDivisionError

    await requests.make()

    assert 1 == len(requests.begun)


async def test_nobody_begins_within_a_pause() -> None:
    requests = Requests(rate_per_s=100, concurrency=100)
    requests.budget.hold(30.0)

    await asyncio.gather(*(requests.make(urgent=number % 2 == 0) for number in range(500)))

    assert 500 == len(requests.begun)
    assert 30.0 <= min(at_s for _, at_s in requests.begun)


async def test_a_pause_stops_those_who_wait_already() -> None:
    requests = Requests(rate_per_s=1, concurrency=1)
    tasks = [requests.start() for _ in range(3)]
    await turns(3)
    begun = len(requests.begun)
    requests.budget.hold(600.0)
    until_s = requests.clock.passed_s + 600.0

    await asyncio.gather(*tasks)

    assert 0 < begun < 3
    assert until_s <= min(requests.times()[begun:])


async def test_after_a_pause_the_rate_is_half_of_it_and_grows_back() -> None:
    requests = Requests(rate_per_s=10, concurrency=2)
    requests.budget.hold(60.0)
    requests.budget.hold(60.0)  # the same pause, told of twice

    await asyncio.gather(*(requests.make() for _ in range(3_000)))

    times = requests.times()
    assert [60.2, 60.4, 60.6] == pytest.approx(times[:3], abs=0.01)
    assert 0.1 == pytest.approx(times[-1] - times[-2])
    assert 360.0 == pytest.approx(next(b for a, b in itertools.pairwise(times) if b - a < 0.1001), abs=2.0)


async def test_a_rate_that_is_too_high_is_found_out() -> None:
    """The other side takes ten a second and asks for a pause of a minute beyond that."""
    requests = Requests(rate_per_s=15, concurrency=20)
    clock, budget, refused = requests.clock, requests.budget, 0
    taken: list[float] = []

    async def make() -> None:
        nonlocal refused
        async with budget.slot():
            while True:
                now = clock.passed_s
                if len([at_s for at_s in taken[-20:] if now - at_s < 1.0]) < 10:
                    taken.append(now)
                    return
                refused += 1
                budget.hold(60.0)
                await budget.spend()

    await asyncio.gather(*(make() for _ in range(3_000)))

    assert refused < 20
    assert taken[-1] < 900


@pytest.mark.parametrize("pauses", [(30.0, 5.0), (5.0, 30.0)])
async def test_the_longest_pause_counts(pauses: tuple[float, float]) -> None:
    requests = Requests(rate_per_s=100, concurrency=100)
    for pause_s in pauses:
        requests.budget.hold(pause_s)

    assert 30.0 == requests.budget.held_s()
    await requests.make()
    assert [30.02] == requests.times()
    assert 0.0 == requests.budget.held_s()


async def test_a_pause_leaves_alone_what_is_under_way() -> None:
    requests = Requests(rate_per_s=100, concurrency=100)
    async with requests.budget.slot():
        requests.budget.hold(30.0)

    assert 0.0 == requests.clock.passed_s


async def test_urgent_ones_go_first_each_kind_in_its_order() -> None:
    requests = Requests(rate_per_s=10_000, concurrency=1)
    async with requests.budget.slot():
        tasks = [requests.start(name, urgent=name.isupper()) for name in "abXcYdZ"]
        await turns()
        assert 7 == requests.budget.waiting
    await asyncio.gather(*tasks)

    assert list("XYZabcd") == requests.names()
    assert 0 == requests.budget.waiting


async def test_an_urgent_one_that_comes_in_a_pause_goes_before_those_who_wait() -> None:
    requests = Requests(rate_per_s=1, concurrency=4)
    requests.budget.hold(30.0)
    tasks = [requests.start(name) for name in "abc"]
    await asyncio.sleep(0)  # they wait, and the pause has begun
    tasks.append(requests.start("X", urgent=True))

    await asyncio.gather(*tasks)

    assert list("Xabc") == requests.names()
    assert 30.0 <= requests.times()[0]


async def test_who_gives_up_uses_no_turn() -> None:
    requests = Requests(rate_per_s=1, concurrency=1)
    async with requests.budget.slot():
        quitters = [requests.start("quitter") for _ in range(50)]
        patient = requests.start("patient")
        await turns()
        for quitter in quitters:
            quitter.cancel()
        await asyncio.wait(quitters)
        assert 1 == requests.budget.waiting
    await patient

    assert [("patient", 1.0)] == requests.begun


async def test_who_gives_up_at_the_moment_of_their_turn_frees_the_place() -> None:
    requests = Requests(rate_per_s=10_000, concurrency=1)
    async with requests.budget.slot():
        quitter = requests.start("quitter")
        await turns()
    while requests.budget.waiting:  # noqa: ASYNC110 - the turn itself is looked for
        await asyncio.sleep(0)
    quitter.cancel()
    await asyncio.wait([quitter])
    await requests.make("patient")

    assert quitter.cancelled()
    assert ["patient"] == requests.names()


async def test_who_gives_up_while_under_way_frees_the_place() -> None:
    requests = Requests(rate_per_s=10_000, concurrency=1)
    quitter = requests.start("quitter", turns=1_000)
    await turns()
    assert ["quitter"] == requests.names()
    quitter.cancel()
    await asyncio.wait([quitter])

    await requests.make("patient")

    assert ["quitter", "patient"] == requests.names()


async def test_the_last_one_may_give_up_and_others_come_later() -> None:
    requests = Requests(rate_per_s=10, concurrency=1)
    requests.budget.hold(30.0)
    quitter = requests.start("quitter")
    await asyncio.sleep(0)
    quitter.cancel()
    await asyncio.wait([quitter])

    await requests.make("late")

    assert ["late"] == requests.names()
    assert 30.0 <= requests.times()[0]


async def test_a_further_request_within_a_slot_waits_for_its_turn() -> None:
    requests = Requests(rate_per_s=2, concurrency=1)
    async with requests.budget.slot():
        waits = requests.start()
        await turns()
        for _ in range(3):
            await requests.budget.spend()
        assert 1.5 == requests.clock.passed_s

    await waits

    assert [2.0] == requests.times()  # four were made before, at two per second


async def test_a_further_request_within_a_slot_waits_for_the_end_of_a_pause() -> None:
    requests = Requests(rate_per_s=2, concurrency=2)
    async with requests.budget.slot():
        requests.budget.hold(30.0)
        await requests.budget.spend()

    assert 30.0 <= requests.clock.passed_s


async def test_with_further_requests_in_every_slot_the_rate_is_kept() -> None:
    requests = Requests(rate_per_s=10, concurrency=5)

    async def make() -> None:
        async with requests.budget.slot():
            for _ in range(4):
                await requests.budget.spend()

    await asyncio.gather(*(make() for _ in range(100)))
    await requests.make()

    assert [pytest.approx(50.0)] == requests.times()  # 500 before it


async def test_more_places_let_those_in_who_wait_and_fewer_take_none_away() -> None:
    requests = Requests(rate_per_s=10_000, concurrency=1)
    requests.budget.change(rate_per_s=10_000, concurrency=3)
    await asyncio.gather(*(requests.make(turns=3) for _ in range(9)))
    assert 3 == requests.most

    requests.budget.change(rate_per_s=10_000, concurrency=2)
    requests.most = 0
    await asyncio.gather(*(requests.make(turns=3) for _ in range(9)))

    assert 2 == requests.most


async def test_another_rate_counts_at_once_and_a_pause_still_slows_it_down() -> None:
    requests = Requests(rate_per_s=1, concurrency=5)
    await requests.make()
    requests.budget.change(rate_per_s=10, concurrency=5)
    await asyncio.gather(*(requests.make() for _ in range(3)))
    assert [0.0, 0.1, 0.2, 0.3] == requests.times()

    requests.budget.hold(1.0)
    requests.budget.change(rate_per_s=20, concurrency=5)
    await asyncio.gather(*(requests.make() for _ in range(2)))
    began = requests.times()[4:]

    assert began[0] >= 1.3
    assert began[1] - began[0] > 1 / 20  # half the old rate, and growing
