from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver, ResolveResult
from structlog.testing import capture_logs

from hotdesk_daemon.core.errors import HotdeskError, LostAnswerError, RefusedError, TransientError
from hotdesk_daemon.transport.cloud import ForbiddenError, NotFoundError, PauseError
from tests.transport.cloud.answering import (
    AnsweringCloud,
    Caller,
    Cut,
    Reply,
    a_caller,
    a_closed_port,
    an_answering_cloud,
    reply,
)
from tests.transport.doubles import TICK_S

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

MOST_BYTES = 16 << 20


@pytest_asyncio.fixture
async def cloud() -> AsyncIterator[AnsweringCloud]:
    async with an_answering_cloud() as cloud:
        yield cloud


@pytest_asyncio.fixture
async def caller(cloud: AnsweringCloud) -> AsyncIterator[Caller]:
    async with a_caller(cloud.url) as caller:
        yield caller


# --- what is sent ----------------------------------------------------------------------------------------------------


async def test_a_question_shows_the_token_and_gives_the_answer(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(reply({"items": []}, status=203, TrackingID="THEIRS_1"))

    answer = await caller.ask("GET", "/v1/devices", params={"max": "100"})

    [asked] = cloud.asked
    assert ("GET", "/v1/devices", {"max": "100"}, b"") == (asked.method, asked.path, asked.query, asked.body)
    assert ("token-1", "application/json") == (asked.token, asked.headers["Accept"])
    assert asked.headers["TrackingID"].startswith("HOTDESK_")
    assert (203, {"items": []}, "THEIRS_1") == (answer.status, answer.json(), answer.tracking_id)


async def test_a_command_carries_its_json(cloud: AnsweringCloud, caller: Caller) -> None:
    await caller.ask("POST", json={"name": "Café"}, carried_out=True)

    [asked] = cloud.asked
    assert ("POST", '{"name":"Café"}'.encode()) == (asked.method, asked.body)
    assert "application/json" == asked.headers["Content-Type"]


async def test_each_try_has_a_tracking_id_of_its_own(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(401), Reply())

    await caller.ask()
    await caller.ask()

    assert 3 == len({asked.headers["TrackingID"] for asked in cloud.asked})


async def test_who_needs_no_token_shows_none(cloud: AnsweringCloud, caller: Caller) -> None:
    await caller.ask(authorized=False)

    assert "Authorization" not in cloud.asked[0].headers


async def test_no_token_means_that_nothing_is_sent(cloud: AnsweringCloud, caller: Caller) -> None:
    caller.tokens.trouble = TransientError("no token")

    with pytest.raises(TransientError, match="no token"):
        await caller.order()

    assert [] == cloud.asked


# --- what answers mean -----------------------------------------------------------------------------------------------

ERRORS: dict[int, tuple[type[HotdeskError], type[HotdeskError]]] = {
    # for a question, for a command
    302: (RefusedError, RefusedError),
    400: (RefusedError, RefusedError),
    401: (TransientError, TransientError),
    403: (ForbiddenError, ForbiddenError),
    404: (NotFoundError, NotFoundError),
    408: (TransientError, LostAnswerError),
    409: (RefusedError, RefusedError),
    410: (NotFoundError, NotFoundError),
    423: (TransientError, TransientError),
    429: (PauseError, PauseError),
    500: (TransientError, LostAnswerError),
    502: (TransientError, LostAnswerError),
    503: (TransientError, LostAnswerError),
    504: (TransientError, LostAnswerError),
}


@pytest.mark.parametrize("status", ERRORS)
async def test_each_status_says_what_was_done(cloud: AnsweringCloud, caller: Caller, status: int) -> None:
    cloud.says(reply({"message": "so\n it is"}, status=status, TrackingID="THEIRS_1", Location="/elsewhere"))
    told = f"the cloud answered {status}: so it is \\(THEIRS_1\\)"

    with pytest.raises(HotdeskError, match=told) as of_question:
        await caller.ask()
    with pytest.raises(HotdeskError, match=told) as of_command:
        await caller.order()

    assert ERRORS[status] == (type(of_question.value), type(of_command.value))
    assert (4 if status == 401 else 2) == len(cloud.asked)  # no redirect is followed, nothing is tried again


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410])
async def test_a_refusal_has_its_code(cloud: AnsweringCloud, caller: Caller, status: int) -> None:
    cloud.says(Reply(status))

    with pytest.raises(RefusedError) as caught:
        await caller.order()

    assert status == caught.value.code


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"message": 3}', b"[]", b'{"message": "\xff"}', b"[" * 100_000])
async def test_a_refusal_without_words_is_one_too(cloud: AnsweringCloud, caller: Caller, body: bytes) -> None:
    cloud.says(Reply(403, body))

    with pytest.raises(ForbiddenError, match="403: no message"):
        await caller.ask()


async def test_long_words_are_cut(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(reply({"message": "x" * 10_000}, status=400))

    with pytest.raises(RefusedError) as caught:
        await caller.ask()

    assert 400 > len(str(caught.value))


@pytest.mark.parametrize("body", [b"<html>", b'{"a": ', b"\xff", b"[" * 100_000])
async def test_a_good_answer_that_is_no_json_is_a_lost_one(cloud: AnsweringCloud, caller: Caller, body: bytes) -> None:
    cloud.says(Reply(200, body))
    answer = await caller.order()

    with pytest.raises(LostAnswerError, match="no JSON"):
        answer.json()


async def test_an_empty_answer_is_an_empty_object(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(204))

    assert {} == (await caller.ask()).json()


# --- tokens ----------------------------------------------------------------------------------------------------------


async def test_a_refused_token_is_renewed_once(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(401), reply({"done": True}))

    answer = await caller.order()

    assert {"done": True} == answer.json()
    assert ["token-1", "token-2"] == cloud.tokens()
    assert cloud.asked[0].body == cloud.asked[1].body
    assert ["token-1"] == caller.tokens.rejected


async def test_a_second_refusal_is_passing_trouble(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(401))

    with pytest.raises(TransientError, match="token is refused") as caught:
        await caller.order()

    assert TransientError is type(caught.value)
    assert ["token-1", "token-2"] == cloud.tokens()


async def test_what_the_second_try_is_answered_counts(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(401), Reply(504))

    with pytest.raises(LostAnswerError, match="504"):
        await caller.order()


async def test_401_without_a_token_renews_none(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(401))

    with pytest.raises(TransientError):
        await caller.ask(authorized=False)

    assert (1, []) == (len(cloud.asked), caller.tokens.rejected)


# --- connections -----------------------------------------------------------------------------------------------------


async def test_where_nobody_listens_nothing_was_done() -> None:
    async with a_caller(a_closed_port()) as caller:
        with pytest.raises(TransientError, match=r"POST /v1/thing: no connection") as caught:
            await caller.order()

    assert TransientError is type(caught.value)


class NoNames(AbstractResolver):
    """Finds no address."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = 0) -> list[ResolveResult]:  # type: ignore[assignment]
        raise OSError("unknown")

    async def close(self) -> None:
        """Hold nothing."""


async def test_a_name_that_nobody_knows_means_that_nothing_was_done() -> None:
    connector = aiohttp.TCPConnector(resolver=NoNames())
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(TransientError, match="no connection") as caught:
            await Caller("http://cloud.example.com", session).order()

    assert TransientError is type(caught.value)


class NoEnd(AbstractResolver):
    """Looks for ever."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = 0) -> list[ResolveResult]:  # type: ignore[assignment]
        await asyncio.Event().wait()
        raise AssertionError("it never happens")

    async def close(self) -> None:
        """Hold nothing."""


async def test_a_connection_that_is_not_made_in_time_means_that_nothing_was_done() -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=NoEnd())) as session:
        with pytest.raises(TransientError, match=r"POST /v1/thing: no connection") as caught:
            await Caller("http://cloud.example.com", session).order(timeout_s=TICK_S)

    assert TransientError is type(caught.value)


async def test_no_free_connection_in_time_means_that_nothing_was_done(cloud: AnsweringCloud) -> None:
    cloud.holds.clear()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        caller = Caller(cloud.url, session)
        first = asyncio.create_task(caller.order())
        await cloud.come(1)
        with pytest.raises(TransientError, match="no connection") as caught:
            await caller.order(timeout_s=TICK_S)
        cloud.holds.set()
        await first

    assert (TransientError, 1) == (type(caught.value), len(cloud.asked))


async def test_no_tls_means_that_nothing_was_done(cloud: AnsweringCloud, caller: Caller) -> None:
    caller.url = cloud.url.replace("http:", "https:")

    with pytest.raises(TransientError, match="no connection") as caught:
        await caller.order()

    assert TransientError is type(caught.value)
    assert [] == cloud.asked


@pytest.mark.parametrize("how", Cut)
async def test_a_connection_cut_after_sending_loses_the_answer(cloud: AnsweringCloud, caller: Caller, how: Cut) -> None:
    cloud.says(how)

    with pytest.raises(LostAnswerError, match=r"POST /v1/thing: the answer is lost \(HOTDESK_"):
        await caller.order()

    assert 1 == len(cloud.asked)  # a command is never sent twice by itself


async def test_no_answer_in_time_loses_the_answer(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.holds.clear()

    late = rf"the answer is lost \(HOTDESK_\S+\): 127.0.0.1:\d+ did not answer within {TICK_S:g} s$"
    with pytest.raises(LostAnswerError, match=late):
        await caller.order(timeout_s=TICK_S)

    assert 1 == len(cloud.asked)


@pytest.mark.parametrize(
    "url", ["http://", "http://[x", "nowhere", "http://cloud.example.com:99999", "http://cloud..example.com"]
)
async def test_no_address_is_refused(caller: Caller, url: str) -> None:
    caller.url = url

    with pytest.raises(RefusedError, match="no address"):
        await caller.ask(path="")


# --- sizes -----------------------------------------------------------------------------------------------------------


async def test_a_big_answer_is_read_whole(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(200, b"x" * MOST_BYTES))

    assert MOST_BYTES == len((await caller.ask()).body)


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_that_is_too_big_is_lost(cloud: AnsweringCloud, caller: Caller, *, packed: bool) -> None:
    body = b"x" * (MOST_BYTES + 1)
    cloud.says(Reply(200, gzip.compress(body, 1), (("Content-Encoding", "gzip"),)) if packed else Reply(200, body))

    with pytest.raises(LostAnswerError, match="more than 16777216 bytes"):
        await caller.ask()


async def test_an_answer_that_cannot_be_unpacked_is_lost(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(Reply(200, b"no gzip at all", (("Content-Encoding", "gzip"),)))

    with pytest.raises(LostAnswerError):
        await caller.order()


# --- what is logged --------------------------------------------------------------------------------------------------


async def test_every_answer_is_logged_with_its_tracking_id(cloud: AnsweringCloud, caller: Caller) -> None:
    cloud.says(reply({}, TrackingID="THEIRS_1"), Reply(404))

    with capture_logs() as lines:
        await caller.ask("GET", "/v1/devices", params={"token": "s3cret"})
        with pytest.raises(NotFoundError):
            await caller.order()

    ours = cloud.asked[1].headers["TrackingID"]
    assert [("GET /v1/devices", 200, "THEIRS_1"), ("POST /v1/thing", 404, ours)] == [
        (line["request"], line["status"], line["tracking_id"]) for line in lines
    ]
    assert [] == [text for text in ("s3cret", "token-1") if text in str(lines)]
