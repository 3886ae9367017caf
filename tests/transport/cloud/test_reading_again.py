"""What only reads and meets a pause of the cloud: it alone is asked for once more, and not without end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.errors import HotdeskError
from hotdesk_daemon.transport.cloud import Budget, CloudRest, PauseError
from hotdesk_daemon.transport.cloud.rest import READ_TRIES
from tests.transport.cloud.answering import Cut, Reply, reply

if TYPE_CHECKING:
    from tests.transport.cloud.answering import Api, Asked

PAUSE = reply({"message": "slower"}, status=429, Retry_After="30")


async def test_of_statuses_only_the_part_that_was_refused_is_asked_for_again(api: Api) -> None:
    api.cloud.says(reply({"result": {"A": 1}}), PAUSE, PAUSE, reply({"result": {"B": 2}}), reply({"result": {"C": 3}}))

    assert {"A": 1, "B": 2, "C": 3} == await api.status(*(f"Word{number}" for number in range(21)))

    first, second, third = (",".join(f"Word{n}" for n in range(21)[at : at + 10]) for at in (0, 10, 20))
    assert [first, second, second, second, third] == [asked.query["name"] for asked in api.cloud.asked]
    assert 60.0 == pytest.approx(api.caller.clock.passed_s, abs=0.1)
    assert 60.0 <= api.caller.clock.passed_s


async def test_a_list_that_was_refused_is_asked_for_again_within_the_callers_slot(api: Api) -> None:
    api.cloud.says(PAUSE, reply({"result": {"Booking": []}}))
    budget = Budget(rate_per_s=100, concurrency=1, mono=api.caller.clock.mono, sleep=api.caller.clock.sleep)
    api.rest = CloudRest(http=api.caller.http, budget=budget, base_url=f"{api.cloud.url}/v1")

    async with budget.slot():
        assert {"Booking": []} == await api.bookings()

    assert 2 == len(api.cloud.asked)


async def test_a_list_that_a_pause_overtakes_waits_for_its_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.cloud.says(reply({"result": {"Booking": []}}))
    spend, held = api.caller.budget.spend, [30.0]

    async def spend_before_a_pause() -> None:
        await spend()
        if held:
            api.caller.budget.hold(held.pop())  # called for by another request

    monkeypatch.setattr(api.caller.budget, "spend", spend_before_a_pause)

    assert {"Booking": []} == await api.bookings()
    assert 30.0 <= api.caller.clock.passed_s
    assert 1 == len(api.cloud.asked)


async def test_a_page_that_was_refused_does_not_undo_those_before_it(api: Api) -> None:
    api.cloud.says(api.links("?start=1"), PAUSE, reply({"items": [2]}))

    assert [1, 2] == await api.items()

    assert [None, "1", "1"] == [asked.query.get("start") for asked in api.cloud.asked]


@pytest.mark.parametrize("pause", [PAUSE, reply({}, status=429, Retry_After="0")], ids=["30 s", "none"])
async def test_pause_after_pause_is_given_up(api: Api, pause: Reply) -> None:
    api.cloud.says(pause)
    for read in (api.bookings, lambda: api.status("Standby.State"), api.items):
        api.cloud.asked.clear()
        with pytest.raises(PauseError):
            await read()
        assert READ_TRIES == len(api.cloud.asked)


async def test_what_fails_otherwise_is_not_asked_for_again(api: Api) -> None:
    for answer in (Reply(404), Reply(423), Reply(500), Reply(503, headers=(("Retry-After", "30"),)), Cut.HALF):
        api.cloud.asked.clear()
        api.cloud.says(answer)
        with pytest.raises(HotdeskError):
            await api.status("Standby.State")
        assert 1 == len(api.cloud.asked)


async def test_of_many_that_are_refused_at_once_each_is_read_once(api: Api) -> None:
    seen: set[str] = set()

    def answer(asked: Asked) -> Reply:
        is_new = asked.query["name"] not in seen
        seen.add(asked.query["name"])
        return PAUSE if is_new else reply({"result": {asked.query["name"]: 1}})

    api.cloud.decides = answer

    found = await asyncio.gather(*(api.status(f"Word{number}") for number in range(20)))

    assert [{f"Word{number}": 1} for number in range(20)] == found
    assert 40 == len(api.cloud.asked)
