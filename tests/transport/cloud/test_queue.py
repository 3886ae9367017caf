from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from hotdesk_daemon.core.errors import TransientError
from tests.transport.cloud.answering import Cut, Reply, a_caller, a_closed_port, an_answering_cloud, reply
from tests.transport.cloud.polling import EMPTY, PATH, Polling, batch
from tests.transport.doubles import TICK_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def polling() -> AsyncIterator[Polling]:
    async with an_answering_cloud() as cloud, a_caller(cloud.url) as caller:
        cloud.says(EMPTY)
        yield Polling(cloud, caller)


# --- taking ----------------------------------------------------------------------------------------------------------


async def test_messages_are_taken_in_order_batch_after_batch(polling: Polling) -> None:
    polling.cloud.says(batch(1, 2), EMPTY, batch(3), Reply(503))

    async with polling.run() as reader:
        await polling.sleeps()

    assert ["up", "offered", "taken", "offered", "taken", "gap"] == polling.sink.kinds()
    assert [[1, 2], [3]] == polling.sink.taken()
    assert 3 == reader.polls
    assert {("GET", PATH, "token-1")} == {(one.method, one.path, one.token) for one in polling.cloud.asked}


async def test_empty_answers_are_no_news_and_no_reason_to_wait(polling: Polling) -> None:
    async with polling.run():
        await polling.cloud.come(20)

    assert ["up"] == polling.sink.kinds()
    assert [] == polling.waits.asked


async def test_there_is_one_poll_at_a_time(polling: Polling) -> None:
    async with polling.run():
        await polling.cloud.come(20)

    assert 1 == polling.cloud.most_under_way


async def test_the_next_poll_begins_only_when_everything_was_taken(polling: Polling) -> None:
    polling.cloud.says(batch(1), EMPTY)
    polling.sink.hold.clear()

    async with polling.run():
        await polling.sink.comes("offered")
        for _ in range(50):
            await asyncio.sleep(0)
        assert 1 == len(polling.cloud.asked)
        polling.sink.hold.set()
        await polling.cloud.come(2)

    assert [[1]] == polling.sink.taken()


async def test_what_cannot_be_taken_now_is_offered_again_until_it_is(polling: Polling) -> None:
    polling.cloud.says(batch(1, 2), EMPTY)
    polling.sink.troubles = [TransientError("the disk is full") for _ in range(8)]

    async with polling.run():
        await polling.wakes_until(8)
        assert 1 == len(polling.cloud.asked)
        polling.waits.end_one()
        await polling.cloud.come(2)

    assert [[1, 2]] * 9 == [entry[1] for entry in polling.sink.news if entry[0] == "offered"]
    assert [[1, 2]] == polling.sink.taken()
    assert [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0] == polling.waits.asked
    assert "down" not in polling.sink.kinds()  # the cloud is heard: it is we who cannot write


async def test_what_cannot_be_taken_for_hours_is_offered_until_it_is(polling: Polling) -> None:
    polling.cloud.says(batch(1), EMPTY)
    polling.sink.troubles = [TransientError("the disk is full") for _ in range(1_100)]
    for _ in range(1_100):  # more than doublings of a float
        polling.waits.end_one()

    async with polling.run():
        await polling.sink.comes("taken")

    assert {60.0} == set(polling.waits.asked[5:])


async def test_an_answer_without_content_is_an_empty_one(polling: Polling) -> None:
    polling.cloud.says(Reply(204))

    async with polling.run() as reader:
        await polling.cloud.come(20)
        assert 19 <= reader.polls

    assert (["up"], []) == (polling.sink.kinds(), polling.waits.asked)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"messages": [', b'{"messages": {}}', b"\xff", b"[" * 100_000])
async def test_an_answer_that_nobody_understands_is_kept(polling: Polling, body: bytes) -> None:
    polling.cloud.says(Reply(200, body), batch(1))

    async with polling.run():
        await polling.sleeps()
        polling.waits.end_one()
        await polling.sink.comes("taken")

    assert ["garbled", "gap", "up", "offered", "taken"] == polling.sink.kinds()[:5]
    assert body == polling.sink.news[0][1]


async def test_a_message_that_is_no_object_is_handed_on_like_any_other(polling: Polling) -> None:
    polling.cloud.says(reply({"messages": [{"n": 1}, {"n": [None]}]}), EMPTY)

    async with polling.run():
        await polling.sink.comes("taken")

    assert [[1, [None]]] == polling.sink.taken()


# --- failures --------------------------------------------------------------------------------------------------------


async def test_a_refused_token_is_renewed_and_nothing_is_told(polling: Polling) -> None:
    polling.cloud.says(Reply(401), batch(1))

    async with polling.run():
        await polling.sink.comes("taken")

    assert ["token-1", "token-2"] == polling.cloud.tokens()[:2]
    assert "down" not in polling.sink.kinds()


@pytest.mark.parametrize(
    "answer", [Reply(400), Reply(401), Reply(403), Reply(423), Reply(500), Reply(502), Reply(503), *Cut]
)
async def test_a_failed_poll_is_told_once_and_repeated_ever_later(polling: Polling, answer: Reply | Cut) -> None:
    polling.cloud.says(answer)

    async with polling.run():
        await polling.wakes_until(8)
        polling.cloud.says(EMPTY)
        polling.waits.end_one()
        await polling.sink.comes("up")

    # What was taken off the queue for us may be lost, unless the cloud refused us or was not reached at all.
    is_gap = not isinstance(answer, Reply) or answer.status >= 500
    assert ["gap" if is_gap else "down", "up"] == polling.sink.kinds()
    assert [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0] == polling.waits.asked


async def test_after_an_answer_the_waits_begin_anew(polling: Polling) -> None:
    polling.cloud.says(Reply(500), Reply(500), EMPTY, Reply(500))

    async with polling.run():
        await polling.wakes_until(3)

    assert [2.0, 4.0, 2.0] == polling.waits.asked
    assert ["gap", "up", "gap"] == polling.sink.kinds()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_named_pause_is_kept_and_a_little_more(polling: Polling, status: int) -> None:
    polling.cloud.says(Reply(status, headers=(("Retry-After", "30"),)))

    async with polling.run():
        await polling.wakes_until(2)

    assert [36.0, 36.0] == polling.waits.asked  # jitter adds to it and never takes away


@pytest.mark.parametrize("said", ["0", "1", "Mon, 04 May 2026 07:00:00 GMT"])
async def test_a_pause_that_is_short_or_over_leaves_the_usual_waits(polling: Polling, said: str) -> None:
    polling.cloud.says(Reply(503, headers=(("Retry-After", said),)))

    async with polling.run():
        await polling.wakes_until(7)

    assert [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] == polling.waits.asked


async def test_a_pause_that_the_queue_is_asked_for_holds_for_all(polling: Polling) -> None:
    polling.cloud.says(Reply(429, headers=(("Retry-After", "30"),)))

    async with polling.run():
        await polling.sleeps()

    assert 30.0 == polling.caller.budget.held_s()


async def test_where_nobody_listens_is_a_failure_like_others(polling: Polling) -> None:
    async with polling.run(a_closed_port()):
        await polling.wakes_until(2)

    assert ["down"] == polling.sink.kinds()
    assert "no connection" in polling.sink.news[0][1]


async def test_a_poll_that_is_never_answered_is_given_up(polling: Polling) -> None:
    polling.timeout_s = TICK_S
    polling.cloud.holds.clear()

    async with polling.run():
        await polling.sleeps()

    assert ["gap"] == polling.sink.kinds()


# --- places ----------------------------------------------------------------------------------------------------------


async def test_without_a_queue_it_asks_for_one_and_waits(polling: Polling) -> None:
    async with polling.run(None) as reader:
        await polling.sink.comes("gone")
        assert [] == polling.cloud.asked
        reader.go_to(polling.cloud.url + PATH)
        await polling.sink.comes("up")

    assert ["gone", "up"] == polling.sink.kinds()


@pytest.mark.parametrize("status", [404, 410])
async def test_a_queue_that_is_no_more_is_told_and_polled_no_longer(polling: Polling, status: int) -> None:
    polling.cloud.says(EMPTY, Reply(status))

    async with polling.run() as reader:
        await polling.sleeps()
        polling.waits.end_one()
        await polling.sink.comes("gone")
        assert 2 == len(polling.cloud.asked)
        reader.go_to(polling.cloud.url + "/new")
        polling.cloud.says(batch(1))
        await polling.sink.comes("taken")

    assert ["up", "down", "gone", "up"] == polling.sink.kinds()[:4]
    assert "/new" == polling.cloud.paths()[-1]


async def test_a_queue_that_went_while_another_was_named_is_not_missed(polling: Polling) -> None:
    polling.cloud.holds.clear()

    async with polling.run() as reader:
        await polling.cloud.come(1)
        reader.go_to(polling.cloud.url + "/new")
        polling.cloud.says(Reply(404), EMPTY)
        polling.cloud.holds.set()
        await polling.sleeps()
        polling.waits.end_one()
        await polling.sink.comes("up")

    assert ["down", "up"] == polling.sink.kinds()
    assert [PATH, "/new"] == polling.cloud.paths()[:2]


@pytest.mark.parametrize("where", ["top", "queue"])
async def test_another_place_that_an_answer_names_is_polled_from_then_on(polling: Polling, where: str) -> None:
    named = {"pollUrl": polling.cloud.url + "/new"}
    polling.cloud.says(batch(1, **(named if where == "top" else {"queue": named})), batch(2), EMPTY)

    async with polling.run():
        await polling.sink.comes("taken", 2)

    assert [PATH, "/new"] == polling.cloud.paths()[:2]
    assert [[1], [2]] == polling.sink.taken()


async def test_another_place_is_polled_only_when_the_messages_are_taken(polling: Polling) -> None:
    polling.cloud.says(batch(1, pollUrl=polling.cloud.url + "/new"), EMPTY)
    polling.sink.troubles = [TransientError("the disk is full")]

    async with polling.run():
        await polling.sleeps()
        assert [PATH] == polling.cloud.paths()
        polling.waits.end_one()
        await polling.cloud.come(2)

    assert [PATH, "/new"] == polling.cloud.paths()[:2]


@pytest.mark.parametrize("url", ["https://cloud.example.com/new", "ftp://cloud.example.com", "/new", "", "null"])
async def test_a_place_of_another_scheme_is_not_followed(polling: Polling, url: str) -> None:
    polling.cloud.says(batch(1, pollUrl=None if url == "null" else url), batch(2))

    async with polling.run():
        await polling.sink.comes("taken", 2)

    assert {PATH} == set(polling.cloud.paths())
    assert "down" not in polling.sink.kinds()


async def test_what_we_were_told_meanwhile_goes_before_what_an_old_answer_names(polling: Polling) -> None:
    polling.cloud.says(batch(1, pollUrl=polling.cloud.url + "/theirs"), EMPTY)
    polling.sink.hold.clear()

    async with polling.run() as reader:
        await polling.sink.comes("offered")
        reader.go_to(polling.cloud.url + "/ours")
        polling.sink.hold.set()
        await polling.cloud.come(2)

    assert [PATH, "/ours"] == polling.cloud.paths()[:2]


@pytest.mark.parametrize(
    "host",
    ["", "[x", "[::1", ":80", "a:99999", "a:b", "user@", "a b", "a..b", "a\x00b", "a\n", "\u2100", "a" * 300],
)
async def test_a_place_that_is_no_address_does_not_replace_a_good_one(polling: Polling, host: str) -> None:
    polling.cloud.says(batch(1, pollUrl=f"http://{host}"), batch(2), EMPTY)

    with capture_logs() as lines:
        async with polling.run():
            await polling.sink.comes("taken", 2)
            await polling.cloud.come(3)

    assert ({PATH}, ["no address"]) == (
        set(polling.cloud.paths()),
        [line["reason"] for line in lines if line["event"] == "cloud.poll_url_refused"],
    )
    assert "down" not in polling.sink.kinds()


@pytest.mark.parametrize("answer", [Reply(400), Reply(403), Reply(302)])
async def test_a_place_that_refuses_us_for_long_is_asked_for_anew_now_and_then(polling: Polling, answer: Reply) -> None:
    polling.cloud.says(answer)

    async with polling.run() as reader:
        await polling.wakes_until(10)
        assert ["down"] == polling.sink.kinds()
        for times in (1, 2):
            polling.waits.end_one()
            await polling.sink.comes("gone", times)
            assert 10 * times == len(polling.cloud.asked)
            reader.go_to(polling.cloud.url + PATH)  # the answer may well be the same
            for number in range(10 * times + 1, 10 * times + 10):
                await polling.sleeps(number)
                polling.waits.end_one()
            await polling.sleeps(10 * times + 10)

    assert ["down", "gone", "gone"] == polling.sink.kinds()
    assert {60.0} == set(polling.waits.asked[5:])


async def test_a_place_that_is_no_address_is_asked_for_anew(polling: Polling) -> None:
    async with polling.run("http://") as reader:
        await polling.wakes_until(10)
        polling.waits.end_one()
        await polling.sink.comes("gone")
        reader.go_to(polling.cloud.url + PATH)
        await polling.sink.comes("up")

    assert ["down", "gone", "up"] == polling.sink.kinds()


async def test_an_answer_forgives_earlier_refusals(polling: Polling) -> None:
    polling.cloud.says(*[Reply(400)] * 9, EMPTY, Reply(400))

    async with polling.run():
        await polling.wakes_until(18)

    assert (19, ["down", "up", "down"]) == (len(polling.cloud.asked), polling.sink.kinds())


async def test_a_cloud_that_is_only_in_trouble_keeps_its_queue(polling: Polling) -> None:
    polling.cloud.says(Reply(500))

    async with polling.run():
        await polling.wakes_until(30)

    assert ["gap"] == polling.sink.kinds()
