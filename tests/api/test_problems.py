from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from hotdesk_daemon.api import serve
from hotdesk_daemon.core.errors import ConfigError, TransientError
from hotdesk_daemon.ops.logs import configure_logs
from hotdesk_daemon.ops.settings import LogFormat, LogLevel
from tests.api.memory_site import EMAIL, LOCAL, TITLE, TOKEN, booked, full

if TYPE_CHECKING:
    from tests.api.conftest import Caller, Reply
    from tests.api.memory_site import MemorySite

BOOKINGS = f"/api/v1/desks/{LOCAL}/bookings"
BOOK = {"start": "now", "duration_min": 30}
CHANGES = [
    ("POST", BOOKINGS),
    ("PATCH", "/api/v1/bookings/x.b1"),
    ("DELETE", "/api/v1/bookings/x.b1"),
    ("POST", f"/api/v1/desks/{LOCAL}/sign-out"),
    ("POST", f"/api/v1/desks/{LOCAL}/resync"),
    ("POST", "/api/v1/commands/x.c1.1/retry"),
    ("POST", "/api/v1/commands/x.c1.1/drop"),
]


def kind(reply: Reply) -> tuple[int, str]:
    """Status and kind of a problem, which is rendered as one."""
    assert "application/problem+json" == reply.headers["Content-Type"]
    assert reply.status == reply.json["status"]
    assert reply.json["title"]
    return reply.status, reply.json["type"].rpartition(":")[2]


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_every_change_needs_the_token(call: Caller, site: MemorySite, method: str, path: str) -> None:
    replies = [await call(method, path, token=token) for token in (None, "wrong", f"{TOKEN}x", "", "ø")]

    assert [(401, "unauthenticated")] * 5 == [kind(reply) for reply in replies]
    assert all(reply.headers["WWW-Authenticate"].startswith("Bearer") for reply in replies)
    assert [] == site.wishes


async def test_a_wrong_token_is_an_error_even_for_reading(call: Caller) -> None:
    assert (401, "unauthenticated") == kind(await call("GET", "/api/v1/desks", token="wrong"))


async def test_another_scheme_than_bearer_is_no_token(call: Caller) -> None:
    reply = await call("POST", BOOKINGS, token=None, headers={"Authorization": f"Basic {TOKEN}"}, json=BOOK)

    assert (401, "unauthenticated") == kind(reply)


async def test_without_a_configured_token_nothing_can_be_changed(site: MemorySite) -> None:
    async with (
        serve(site, host="127.0.0.1", port=0, token=None) as listening,
        aiohttp.ClientSession() as session,
        session.post(f"{listening.url}{BOOKINGS}", json=BOOK, headers={"Authorization": "Bearer "}) as response,
    ):
        status = response.status

    assert 403 == status


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v1",
        "/api/v1/desks/",
        "/api/v1/desks/none",
        "/api/v1/desks/none/bookings",
        "/api/v1/bookings/none",
        f"/api/v1/bookings/{LOCAL}.b99",
        "/api/v1/commands/none",
        "/api/v1/commands?desk=none",
        "/api/v1/events?desk=none",
        "/api/v1/stream?desk=none",
    ],
)
async def test_what_is_not_there_is_404(call: Caller, path: str) -> None:
    assert (404, "not-found") == kind(await call("GET", path))


async def test_a_method_that_a_path_lacks_is_405_and_says_which_it_has(call: Caller) -> None:
    reply = await call("PUT", BOOKINGS)

    assert (405, "blank") == kind(reply)
    assert "GET, HEAD, POST" == reply.headers["Allow"]


@pytest.mark.parametrize(
    "raw",
    [b"{", b"nul", b"\xff\xfe", b"{} {}", b"[" * 60_000, b'{"start": NaN}'],
    ids=["cut off", "a word", "no UTF-8", "two values", "nested deeply", "NaN"],
)
async def test_what_is_no_json_is_400(call: Caller, raw: bytes) -> None:
    assert (400, "malformed") == kind(await call("POST", BOOKINGS, raw=raw))


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], ["#"]),
        (None, ["#"]),
        ({}, ["#"]),
        ({**BOOK, "colour": 1, "organizer": {"phone": 1, "a/b": 2}},
         ["#/colour", "#/organizer/phone", "#/organizer/a~1b"]),
        ({**BOOK, "duration_min": 0}, ["#/duration_min"]),
        ({**BOOK, "duration_min": 1441}, ["#/duration_min"]),
        ({**BOOK, "duration_min": "30"}, ["#/duration_min"]),
        ({**BOOK, "duration_min": True}, ["#/duration_min"]),
        ({**BOOK, "duration_min": 1.5}, ["#/duration_min"]),
        ({**BOOK, "duration_min": 10**400}, ["#/duration_min"]),
        ({**BOOK, "start": "tomorrow"}, ["#/start"]),
        ({**BOOK, "start": "2026-05-04T09:00:00"}, ["#/start"]),
        ({**BOOK, "start": "2026-02-30T09:00:00Z"}, ["#/start"]),
        ({**BOOK, "start": "0001-01-01T00:00:00+14:00"}, ["#/start"]),
        ({**BOOK, "start": "9999-12-31T23:59:00Z"}, ["#/start"]),
        ({**BOOK, "start": None}, ["#/start"]),
        ({**BOOK, "title": "x" * 129}, ["#/title"]),
        ({**BOOK, "title": "a\u0000b"}, ["#/title"]),
        ({**BOOK, "title": None}, ["#/title"]),
        ({**BOOK, "organizer": {"email": "nobody"}}, ["#/organizer/email"]),
        ({**BOOK, "organizer": None}, ["#/organizer"]),
        ({**BOOK, "booking_request_uuid": "1"}, ["#/booking_request_uuid"]),
    ],
    ids=lambda value: json.dumps(value)[:50] if not isinstance(value, list) else None,
)  # fmt: skip
async def test_a_wrong_booking_is_422_and_says_where(
    call: Caller, site: MemorySite, body: Any, pointers: list[str]
) -> None:
    reply = await call("POST", BOOKINGS, raw=json.dumps(body).encode())

    assert (422, "invalid") == kind(reply)
    assert pointers == [flaw["pointer"] for flaw in reply.json["errors"]]
    assert [] == site.wishes


async def test_a_change_of_nothing_is_422(call: Caller, site: MemorySite) -> None:
    assert (422, "invalid") == kind(await call("PATCH", f"/api/v1/bookings/{booked(site)}", json={}))


async def test_a_member_where_none_is_taken_is_422(call: Caller) -> None:
    reply = await call("POST", f"/api/v1/desks/{LOCAL}/resync", json={"now": True})

    assert (422, ["#/now"]) == (reply.status, [flaw["pointer"] for flaw in reply.json["errors"]])


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/v1/desks?colour=red&size=1", ["colour", "size"]),
        ("/api/v1/desks?limit=0", ["limit"]),
        ("/api/v1/desks?limit=many", ["limit"]),
        ("/api/v1/desks?limit=1&limit=2", ["limit"]),
        ("/api/v1/desks?state=free,occupied", ["state"]),
        (f"{BOOKINGS}?after=none", ["after"]),
        ("/api/v1/commands?before=none", ["before"]),
        (f"/api/v1/events?desk={LOCAL}&since=-1", ["since"]),
        ("/api/v1/stream?kind=BookingCrated", ["kind"]),
    ],
)
async def test_a_wrong_query_is_422_and_names_the_parameter(call: Caller, path: str, parameters: list[str]) -> None:
    reply = await call("GET", path)

    assert (422, "invalid") == kind(reply)
    assert parameters == [flaw["parameter"] for flaw in reply.json["errors"]]


async def test_a_missing_parameter_is_named(call: Caller) -> None:
    reply = await call("GET", "/api/v1/events")

    assert (422, "invalid") == kind(reply)
    assert "desk" in reply.json["detail"]


async def test_a_misspelt_kind_gets_a_suggestion(call: Caller) -> None:
    assert "did you mean BookingCreated" in (await call("GET", "/api/v1/stream?kind=BookingCrated")).json["detail"]


async def test_another_media_type_is_415(call: Caller) -> None:
    reply = await call("POST", BOOKINGS, raw=json.dumps(BOOK).encode(), headers={"Content-Type": "text/plain"})

    assert (415, "blank") == kind(reply)
    assert "application/json" == reply.headers["Accept"]


async def test_a_body_of_64_kib_is_read_and_a_longer_one_is_413(call: Caller) -> None:
    longest = json.dumps(BOOK).encode().ljust(64 * 1024)

    assert 202 == (await call("POST", BOOKINGS, raw=longest)).status
    assert (413, "blank") == kind(await call("POST", BOOKINGS, raw=longest + b" "))


async def test_a_journal_that_cannot_be_read_is_503(call: Caller, site: MemorySite) -> None:
    site.trouble = full()

    assert (503, "unavailable") == kind(await call("GET", "/api/v1/commands"))


async def test_our_own_mistake_is_500_logged_without_persons_and_not_shown(call: Caller, site: MemorySite) -> None:
    lines = io.StringIO()
    configure_logs(level=LogLevel.INFO, form=LogFormat.JSON, stream=lines, environ={})
    site.trouble = RuntimeError("a secret of the inside")
    wish = {**BOOK, "title": TITLE, "organizer": {"email": EMAIL}}

    reply = await call("POST", BOOKINGS, json=wish)

    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert (500, "internal") == kind(reply)
    assert b"secret" not in reply.raw
    assert [("http.request_failed", "POST", "/api/v1/desks/{desk}/bookings", 500)] == [
        (line["event"], line["method"], line["route"], line["status"]) for line in logged
    ]
    assert TITLE not in lines.getvalue()
    assert EMAIL not in lines.getvalue()


async def test_every_answer_forbids_keeping_and_guessing(call: Caller) -> None:
    for path in ("/healthz", "/api/v1/desks", "/nowhere"):
        headers = (await call("GET", path)).headers

        assert ("no-store", "nosniff") == (headers["Cache-Control"], headers["X-Content-Type-Options"])
        assert "aiohttp" not in headers["Server"]


async def test_a_port_that_is_taken_is_said_to_be(site: MemorySite) -> None:
    async with serve(site, host="127.0.0.1", port=0, token=TOKEN) as listening:
        with pytest.raises(TransientError, match=f"port {listening.port} of 127.0.0.1 is taken"):
            async with serve(site, host="127.0.0.1", port=listening.port, token=TOKEN):
                pass


async def test_an_address_that_is_not_ours_is_a_mistake_in_the_configuration(site: MemorySite) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1"):
        async with serve(site, host="192.0.2.1", port=0, token=TOKEN):
            pass


async def test_bytes_that_are_no_http_are_answered_and_no_error_in_the_log(call: Caller) -> None:
    lines = io.StringIO()
    configure_logs(level=LogLevel.INFO, form=LogFormat.JSON, stream=lines, environ={})
    address = urlsplit(call.listening.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n")
    async with asyncio.timeout(2):
        answer = await reader.read()
    writer.close()

    assert (True, "") == (b" 400 " in answer.splitlines()[0], lines.getvalue())
