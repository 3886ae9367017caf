from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud import Client, Installation, TokenRefusedError
from hotdesk_daemon.transport.cloud.oauth import refreshed
from tests.transport.cloud.doubles import TokenEndpoint, an_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
SECRETS = ("s3cret", "refresh-1", "access-1")
HELD = Installation(
    organisation="1eb65fdf-9643-417f-9974-ad72cae0e10f",
    app_id="9d3c1f52-7a64-4e0b-8f1d-2b6c5a90e7d4",
    app_url="https://cloud.example.com/app",
    oauth_url="https://cloud.example.com/token",
    api_url="https://cloud.example.com/v1",
    refresh_token="refresh-1",
    refresh_expires_at=NOW + timedelta(days=20),
    access_token="access-1",
    access_expires_at=NOW,
    jtis=("jti-1",),
)
CLIENT = Client(client_id="client-1", client_secret="s3cret")


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    async with an_endpoint() as endpoint:
        endpoint.says(access_token="access-2", expires_in=64_799)
        yield endpoint


async def refresh(url: str) -> Installation:
    async with aiohttp.ClientSession() as session:
        return await refreshed(HELD, session=session, client=CLIENT, url=url, now=NOW)


async def test_a_refresh_token_is_given_for_an_access_token(endpoint: TokenEndpoint) -> None:
    endpoint.says(
        access_token="access-2", expires_in=64_799, refresh_token="refresh-1", refresh_token_expires_in=7_776_000
    )

    new = await refresh(endpoint.url)

    asked = {"grant_type": "refresh_token", "client_id": "client-1", "client_secret": "s3cret"}
    assert [asked | {"refresh_token": "refresh-1"}] == endpoint.forms
    assert ("access-2", NOW + timedelta(seconds=64_799)) == (new.access_token, new.access_expires_at)
    assert ("refresh-1", NOW + timedelta(days=90)) == (new.refresh_token, new.refresh_expires_at)
    assert (HELD.organisation, HELD.jtis, HELD.app_url) == (new.organisation, new.jtis, new.app_url)


async def test_another_refresh_token_takes_the_place_of_the_old_one(endpoint: TokenEndpoint) -> None:
    endpoint.says(access_token="access-2", expires_in=1, refresh_token="refresh-2", refresh_token_expires_in=60)

    new = await refresh(endpoint.url)

    assert ("refresh-2", NOW + timedelta(minutes=1)) == (new.refresh_token, new.refresh_expires_at)


@pytest.mark.parametrize("refresh_token", [None, ""])
async def test_what_is_not_said_of_the_refresh_token_stays(endpoint: TokenEndpoint, refresh_token: str | None) -> None:
    endpoint.says(access_token="access-2", expires_in=0.5, refresh_token=refresh_token)

    new = await refresh(endpoint.url)

    assert ("refresh-1", HELD.refresh_expires_at) == (new.refresh_token, new.refresh_expires_at)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_plain_no_is_for_a_person(endpoint: TokenEndpoint, status: int) -> None:
    endpoint.says(status, message="person@example.com s3cret refresh-1")

    with pytest.raises(TokenRefusedError, match=str(status)) as caught:
        await refresh(endpoint.url)

    assert [] == [secret for secret in SECRETS if secret in str(caught.value)]


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("body", [b"", b"<html>blocked</html>", b"[]", b'"no"', b'{"a": "\xff"}', b"{" * 100_000])
async def test_a_no_that_is_not_the_endpoints_own_is_passing_trouble(
    endpoint: TokenEndpoint, status: int, body: bytes
) -> None:
    endpoint.status, endpoint.body = status, body
    endpoint.headers["Retry-After"] = "60"

    with pytest.raises(TransientError, match=str(status)) as caught:
        await refresh(endpoint.url)

    assert 60.0 == caught.value.retry_after_s


async def test_a_no_in_pieces_is_a_plain_no(endpoint: TokenEndpoint) -> None:
    endpoint.says(400, message="no", errors=[{"description": "no"}])
    endpoint.pieces = 3

    with pytest.raises(TokenRefusedError, match="400"):
        await refresh(endpoint.url)


@pytest.mark.parametrize("status", [204, 302, 404, 408, 429, 500, 502, 503])
async def test_any_other_answer_is_passing_trouble(endpoint: TokenEndpoint, status: int) -> None:
    endpoint.status, endpoint.body = status, b""
    endpoint.headers["Location"] = endpoint.url

    with pytest.raises(TransientError):
        await refresh(endpoint.url)

    assert 1 == len(endpoint.forms)  # the secret does not follow a redirect


@pytest.mark.parametrize(
    ("said", "pause_s"),
    [("120", 120.0), ("Mon, 04 May 2026 08:01:00 GMT", 60.0), ("999999999", 86_400.0), ("soon", None), (None, None)],
)
async def test_the_pause_that_is_asked_for_is_told(
    endpoint: TokenEndpoint, said: str | None, pause_s: float | None
) -> None:
    endpoint.status = 503
    if said is not None:
        endpoint.headers |= {"Retry-After": said, "Date": "Mon, 04 May 2026 08:00:00 GMT"}

    with pytest.raises(TransientError) as caught:
        await refresh(endpoint.url)

    assert pause_s == caught.value.retry_after_s


UNREADABLE = {
    "nothing": b"",
    "a page": b"<html>",
    "a list": b"[]",
    "not UTF-8": b'{"access_token": "\xff", "expires_in": 1}',
    "endless": b"[" * 100_000,
    "no token": b'{"expires_in": 1}',
    "empty token": b'{"access_token": "", "expires_in": 1}',
    "a number for a token": b'{"access_token": 7, "expires_in": 1}',
    "no time": b'{"access_token": "access-2"}',
    "no time left": b'{"access_token": "access-2", "expires_in": 0}',
    "negative time": b'{"access_token": "access-2", "expires_in": -1}',
    "time beyond all dates": b'{"access_token": "access-2", "expires_in": 1e300}',
    "words for a time": b'{"access_token": "access-2", "expires_in": "long"}',
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_an_answer_that_makes_no_sense_is_passing_trouble(endpoint: TokenEndpoint, what: str) -> None:
    endpoint.body = UNREADABLE[what]

    with pytest.raises(TransientError, match="cannot be read") as caught:
        await refresh(endpoint.url)

    assert "access-2" not in str(caught.value)


async def test_an_answer_that_comes_in_pieces_is_read_to_its_end(endpoint: TokenEndpoint) -> None:
    endpoint.says(access_token="access-2", expires_in=64_799, refresh_token="refresh-2")
    endpoint.pieces = 3

    assert "refresh-2" == (await refresh(endpoint.url)).refresh_token


@pytest.mark.parametrize("status", [200, 400])
async def test_an_answer_without_end_is_not_read_to_it(endpoint: TokenEndpoint, status: int) -> None:
    endpoint.says(status, access_token="access-2", expires_in=1, more="a" * (1 << 20))

    with pytest.raises(TransientError, match="cannot be reached"):
        await refresh(endpoint.url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/token", "ftp://cloud.example.com", "nowhere", ""])
async def test_an_endpoint_out_of_reach_is_passing_trouble_and_no_secret_is_told(url: str) -> None:
    with pytest.raises(TransientError, match="cannot be reached") as caught:
        await refresh(url)

    assert [] == [secret for secret in SECRETS if secret in str(caught.value)]


def test_no_secret_stands_in_a_text() -> None:
    assert "s3cret" not in repr(CLIENT)
