"""How fast the queue is polled where the cloud keeps no answer back, and what is known of the present place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.transport.cloud.answering import Reply, a_caller, an_answering_cloud
from tests.transport.cloud.polling import EMPTY, PATH, Polling, batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def polling() -> AsyncIterator[Polling]:
    async with an_answering_cloud() as cloud, a_caller(cloud.url) as caller:
        cloud.says(EMPTY)
        yield Polling(cloud, caller)


async def test_a_cloud_that_keeps_no_empty_answer_back_is_asked_ever_less(polling: Polling) -> None:
    polling.poll_s = 0.1

    async with polling.run():
        await polling.wakes_until(11)

    assert [0.25 * 2**doublings for doublings in (0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8)] == polling.waits.asked
    assert (["up"], 12) == (polling.sink.kinds(), len(polling.cloud.asked))


@pytest.mark.parametrize("other", [batch(1), Reply(503)])
async def test_one_early_answer_or_one_with_messages_is_no_reason_to_wait(polling: Polling, other: Reply) -> None:
    polling.poll_s = 0.1
    polling.cloud.says(EMPTY, other, EMPTY, batch(2), EMPTY, EMPTY)

    async with polling.run():
        if other.status != 200:
            await polling.sleeps()
            assert [2.0] == polling.waits.asked
            polling.waits.asked.clear()
            polling.waits.end_one()
        await polling.sleeps()

    assert [0.25] == polling.waits.asked
    assert 6 == len(polling.cloud.asked)


async def test_whether_it_is_heard_is_known_of_the_present_place(polling: Polling) -> None:
    polling.cloud.says(EMPTY, Reply(502))

    async with polling.run() as reader:
        assert (False, False, polling.cloud.url + PATH) == (reader.is_up, reader.is_failing, reader.last_url)
        await polling.sink.comes("up")
        assert (True, False) == (reader.is_up, reader.is_failing)
        await polling.sleeps()
        assert (False, True) == (reader.is_up, reader.is_failing)
        reader.go_to(polling.cloud.url + PATH)
        assert reader.is_failing
        reader.go_to(polling.cloud.url + "/other")
        assert (False, False) == (reader.is_up, reader.is_failing)
