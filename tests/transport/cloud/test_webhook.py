from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from hotdesk_daemon.core.errors import LostAnswerError, PermanentError, TransientError
from hotdesk_daemon.transport.cloud import WebhookCheck, WebhookKind, webhook
from hotdesk_daemon.transport.cloud.webhook import MOST_BYTES
from tests.transport.cloud.answering import BODY, HMAC_CHECK, SECRET, Door, a_door, sign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


def basic(username: str = "cloud", password: str = SECRET) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


CHECKS = {
    WebhookKind.HMAC: HMAC_CHECK,
    WebhookKind.BASIC: WebhookCheck(kind=WebhookKind.BASIC, secret=SECRET, username="cloud"),
    WebhookKind.HEADER: WebhookCheck(kind=WebhookKind.HEADER, secret=SECRET),
}
HEADERS = {
    WebhookKind.HMAC: "X-Spark-Signature",
    WebhookKind.BASIC: "Authorization",
    WebhookKind.HEADER: "Authorization",
}
PROOFS: dict[WebhookKind, str] = {WebhookKind.HMAC: sign(), WebhookKind.BASIC: basic(), WebhookKind.HEADER: SECRET}
FALSE: dict[WebhookKind, list[str]] = {
    WebhookKind.HMAC: [
        sign(secret="another"),
        sign(BODY + b" "),
        sign(algorithm="sha256"),
        f"sha1={sign()}",
        base64.b64encode(hashlib.sha1(BODY).digest()).decode(),  # noqa: S324 - the cloud's own choice
        hashlib.sha1(BODY).hexdigest(),  # noqa: S324
        SECRET,
    ],
    WebhookKind.BASIC: [
        basic(password="another"),
        basic(username="another"),
        basic("", ""),
        basic().replace("Basic", "Bearer"),
        basic().removeprefix("Basic "),
        SECRET,
    ],
    WebhookKind.HEADER: [SECRET.upper(), f"Bearer {SECRET}", basic()],
}


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    async with a_door() as door:
        yield door


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the event loop's own time jump: timeouts end at once."""

    def jump(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + seconds)

    return jump


# --- proofs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WebhookKind)
async def test_who_proves_to_be_the_cloud_is_heard(door: Door, kind: WebhookKind) -> None:
    door.port.check = CHECKS[kind]

    answer = await door.send("POST", "org-1/events", data=BODY, headers={HEADERS[kind]: PROOFS[kind]})

    assert (204, b"") == (answer.status, answer.body)
    assert ([BODY], ["taken"]) == (door.port.taken, door.port.outcomes)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        *((kind, shown) for kind in WebhookKind for shown in FALSE[kind]),
        *((kind, shown) for kind in WebhookKind for shown in (None, "", "x", "x" * 4_000)),
        *((kind, PROOFS[kind][:-1]) for kind in WebhookKind),
        *((kind, PROOFS[kind][1:]) for kind in WebhookKind),
        *((kind, PROOFS[kind] + "0") for kind in WebhookKind),
        *((kind, PROOFS[kind] * 2) for kind in WebhookKind),
    ],
)
async def test_who_does_not_learns_nothing_and_is_not_heard(door: Door, kind: WebhookKind, shown: str | None) -> None:
    door.port.check = CHECKS[kind]

    answer = await door.send("POST", "org-1/events", data=BODY, headers={} if shown is None else {HEADERS[kind]: shown})

    assert (401, {"message": "refused"}) == (answer.status, json.loads(answer.body))
    assert ([], ["refused"]) == (door.port.offered, door.port.outcomes)


@pytest.mark.parametrize("kind", WebhookKind)
async def test_a_proof_of_another_kind_is_none(door: Door, kind: WebhookKind) -> None:
    door.port.check = CHECKS[kind]
    others = {HEADERS[other]: PROOFS[other] for other in WebhookKind if HEADERS[other] != HEADERS[kind]}

    assert 401 == (await door.send("POST", "org-1/events", data=BODY, headers=others)).status


async def test_a_signature_may_be_written_in_capitals(door: Door) -> None:
    assert 204 == (await door.post(X_Spark_Signature=sign().upper())).status


async def test_a_changed_body_is_refused(door: Door) -> None:
    assert 401 == (await door.post(BODY + b"\n", X_Spark_Signature=sign())).status
    assert 401 == (await door.post(b"", X_Spark_Signature=sign())).status


async def test_where_no_webhook_is_expected_nothing_is_heard(door: Door) -> None:
    door.port.check = None

    assert 401 == (await door.post()).status
    assert [] == door.port.offered


def test_another_algorithm_is_one_of_the_check() -> None:
    check = WebhookCheck(kind=WebhookKind.HMAC, secret=SECRET, algorithm="sha256")

    assert check.proves({"X-Spark-Signature": sign(algorithm="sha256")}, BODY)
    assert not check.proves({"X-Spark-Signature": sign()}, BODY)


@given(st.sampled_from(WebhookKind), st.binary().map(lambda raw: raw.decode(errors="surrogateescape")), st.binary())
def test_whatever_is_shown_is_no_proof(kind: WebhookKind, shown: str, body: bytes) -> None:
    assert not CHECKS[kind].proves({HEADERS[kind]: shown}, body)


@pytest.mark.parametrize("kind", WebhookKind)
def test_a_secret_that_everybody_knows_proves_nothing(kind: WebhookKind) -> None:
    check = WebhookCheck(kind=kind, secret="", username="cloud")
    shown = {WebhookKind.HMAC: sign(secret=""), WebhookKind.BASIC: basic(password=""), WebhookKind.HEADER: ""}

    assert not check.proves({HEADERS[kind]: shown[kind]}, BODY)
    assert not check.proves({}, BODY)


def test_a_check_hides_its_secret() -> None:
    assert [] == [kind for kind, check in CHECKS.items() if SECRET in repr(check)]


# --- sizes and paces -------------------------------------------------------------------------------------------------


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(body), 1 << 16):
        yield body[first : first + (1 << 16)]


async def test_a_big_message_is_taken(door: Door) -> None:
    body = b" " * (MOST_BYTES - 1)

    assert 204 == (await door.post(body)).status
    assert [body] == door.port.taken


@pytest.mark.parametrize("way", ["at once", "in pieces", "packed"])
async def test_a_message_that_is_too_big_is_refused(door: Door, way: str) -> None:
    body = b" " * (MOST_BYTES + 1)
    signature = sign(body)
    match way:
        case "at once":
            answer = await door.post(body)
        case "in pieces":
            answer = await door.post(in_pieces(body), X_Spark_Signature=signature)
        case _:
            answer = await door.post(gzip.compress(body), X_Spark_Signature=signature, Content_Encoding="gzip")

    assert 413 == answer.status
    assert ([], ["too big"]) == (door.port.offered, door.port.outcomes)


async def test_a_message_that_trickles_in_is_given_up(door: Door, pass_time: Callable[[float], None]) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        yield BODY
        await asyncio.Event().wait()

    post = asyncio.create_task(door.post(trickle(), X_Spark_Signature=sign()))
    await door.came.wait()
    pass_time(11.0)
    answer = await post

    assert 408 == answer.status
    assert ([], ["busy"]) == (door.port.offered, door.port.outcomes)
    pass_time(11.0)  # so long the server still looks for the rest
    assert 204 == (await door.post()).status


async def test_a_commit_that_takes_too_long_is_not_acknowledged(door: Door, pass_time: Callable[[float], None]) -> None:
    door.port.hold.clear()
    post = asyncio.create_task(door.post())
    await door.port.until(lambda: door.port.offered)
    pass_time(11.0)

    answer = await post

    assert (503, "5") == (answer.status, answer.headers["Retry-After"])
    assert ([], ["busy"]) == (door.port.taken, door.port.outcomes)


async def test_a_connection_that_ends_within_the_body_brings_nothing(door: Door) -> None:
    host, port = door.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /webex/org-1/events HTTP/1.1\r\nHost: a\r\nX-Spark-Signature: {sign()}\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + BODY)
    await door.came.wait()
    writer.close()
    await writer.wait_closed()

    assert 204 == (await door.post()).status
    assert [BODY] == door.port.offered


async def test_too_many_at_once_are_told_to_come_back(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "AT_ONCE", 2)
    door.port.hold.clear()
    posts = [asyncio.create_task(door.post()) for _ in range(2)]
    await door.port.until(lambda: len(door.port.offered) == 2)

    refused = await door.post()
    of_another = await door.post(org="org-2")
    door.port.hold.set()

    assert (503, "5") == (refused.status, refused.headers["Retry-After"])
    assert 204 == of_another.status
    assert [204, 204] == [answer.status for answer in await asyncio.gather(*posts)]
    assert 204 == (await door.post()).status
    assert ["busy", "taken", "taken", "taken"] == door.port.outcomes


async def test_a_failure_frees_its_place(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "AT_ONCE", 1)
    for _ in range(3):
        assert 401 == (await door.post(X_Spark_Signature="x")).status
        assert 413 == (await door.post(b" " * (MOST_BYTES + 1))).status

    assert 204 == (await door.post()).status


# --- answers ---------------------------------------------------------------------------------------------------------


async def test_a_message_is_acknowledged_only_when_it_is_durable(door: Door) -> None:
    door.port.hold.clear()
    post = asyncio.create_task(door.post())
    await door.port.until(lambda: door.port.offered)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not post.done()

    door.port.hold.set()

    assert 204 == (await post).status


@pytest.mark.parametrize("trouble", [TransientError("the disk is full"), LostAnswerError("unclear")])
async def test_a_message_that_cannot_be_kept_is_to_come_again(door: Door, trouble: TransientError) -> None:
    door.port.trouble = trouble

    answer = await door.post()

    assert (503, "5") == (answer.status, answer.headers["Retry-After"])
    assert {"message": "try again"} == json.loads(answer.body)
    assert ["busy"] == door.port.outcomes


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"no JSON"])
async def test_what_a_message_says_is_not_for_the_door_to_judge(door: Door, body: bytes) -> None:
    assert 204 == (await door.post(body)).status
    assert [body] == door.port.taken


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["org-1/events", "org-1/actions"])
async def test_there_is_nothing_to_get(door: Door, method: str, path: str) -> None:
    answer = await door.send(method, path)

    assert (405, "POST") == (answer.status, answer.headers["Allow"])
    assert [] == door.port.outcomes


@pytest.mark.parametrize(
    "path", ["org-3/events", "org-3/actions", "org-1", "org-1/", "org-1/other", "/events", "%00/events"]
)
async def test_elsewhere_is_nobody(door: Door, path: str) -> None:
    assert 404 == (await door.send("POST", path, data=BODY, headers={"X-Spark-Signature": sign()})).status


async def test_every_organisation_has_a_secret_of_its_own(door: Door) -> None:
    door.ports["org-2"].check = WebhookCheck(kind=WebhookKind.HMAC, secret="another")

    assert 401 == (await door.post(org="org-2")).status
    assert [204, 204] == [
        (await door.post(org="org-2", X_Spark_Signature=sign(secret="another"))).status,
        (await door.post()).status,
    ]
    assert ([BODY], [BODY]) == (door.port.taken, door.ports["org-2"].taken)


# --- actions ---------------------------------------------------------------------------------------------------------


async def test_an_action_needs_no_proof_but_its_token(door: Door) -> None:
    answer = await door.act(b'{"jwt": "a.b.c", "other": 1}')

    assert (204, b"") == (answer.status, answer.body)
    assert (["a.b.c"], ["taken"]) == (door.port.tokens, door.port.outcomes)


async def test_what_an_action_is_answered_is_shown(door: Door) -> None:
    door.port.shown = {"operationalState": "operational"}

    answer = await door.act(b'{"jwt": "a.b.c"}')

    assert (200, {"operationalState": "operational"}) == (answer.status, json.loads(answer.body))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"jwt": null}', b'{"jwt": "\xff"}', b"{", b"[" * 100_000])
async def test_what_is_no_action_is_refused(door: Door, body: bytes) -> None:
    answer = await door.act(body)

    assert (401, {"message": "refused"}) == (answer.status, json.loads(answer.body))
    assert ([], ["refused"]) == (door.port.tokens, door.port.outcomes)


@pytest.mark.parametrize(
    ("trouble", "status", "outcome"),
    [(PermanentError("s3cret reason"), 401, "refused"), (TransientError("s3cret reason"), 503, "busy")],
)
async def test_an_action_that_fails_is_answered_without_a_reason(
    door: Door, trouble: Exception, status: int, outcome: str
) -> None:
    door.port.trouble = trouble

    answer = await door.act(b'{"jwt": "a.b.c"}')

    assert (status, [outcome]) == (answer.status, door.port.outcomes)
    assert b"s3cret" not in answer.body


async def test_an_action_that_is_too_big_is_refused(door: Door) -> None:
    assert 413 == (await door.act(b" " * (MOST_BYTES + 1))).status
    assert [] == door.port.tokens
