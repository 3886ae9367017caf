"""The way to the cloud by a proxy of the environment."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud.proxies import proxy_of
from tests.transport.cloud.answering import AnsweringCloud, a_caller, an_answering_cloud, reply
from tests.transport.cloud.doubles import an_endpoint
from tests.transport.cloud.test_oauth import refresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CLOUD = "https://webexapis.com/v1/devices"
PLAIN = "http://cloud.example.com"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest_asyncio.fixture
async def cloud() -> AsyncIterator[AnsweringCloud]:
    async with an_answering_cloud() as cloud:
        yield cloud


@asynccontextmanager
async def a_proxy_that_refuses(heads: list[bytes]) -> AsyncIterator[str]:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("set_to", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"ALL_PROXY": "http://me:secret@proxy:3128"}, "http://me:secret@proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.com,.webexapis.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None),
    ],
)
def test_the_environment_says_by_which_proxy(
    environment: pytest.MonkeyPatch, set_to: dict[str, str], proxy: str | None
) -> None:
    for name, value in set_to.items():
        environment.setenv(name, value)

    assert proxy == proxy_of(CLOUD)


@pytest.mark.parametrize("url", ["https://127.0.0.1:8/", "https://localhost/", "https://[::1]:8/", "https://[bad", ""])
def test_this_machine_is_reached_without_a_proxy(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("ALL_PROXY", "http://proxy:3128")

    assert proxy_of(url) is None


@pytest.mark.parametrize("proxy", ["socks5://me:secret@proxy:1080", "http://", "http://proxy:port", "://"])
def test_what_is_no_http_proxy_is_told_without_what_it_says(environment: pytest.MonkeyPatch, proxy: str) -> None:
    environment.setenv("HTTPS_PROXY", proxy)

    with pytest.raises(TransientError) as told:
        proxy_of(CLOUD)

    assert "HTTPS_PROXY in the environment is no address such as http://proxy:3128" == str(told.value)


async def test_requests_and_token_requests_go_by_the_proxy(
    environment: pytest.MonkeyPatch, cloud: AnsweringCloud
) -> None:
    environment.setenv("HTTP_PROXY", cloud.url)
    cloud.says(reply({"items": []}))
    async with a_caller(PLAIN) as caller:
        answer = await caller.ask("GET", "/v1/devices")
    async with an_endpoint() as endpoint:
        endpoint.says(access_token="access-2", expires_in=64_799)
        environment.setenv("HTTP_PROXY", endpoint.url.removesuffix("/token"))
        new = await refresh(f"{PLAIN}/token")

    assert (["cloud.example.com"], {"items": []}) == ([one.headers["Host"] for one in cloud.asked], answer.json())
    assert "access-2" == new.access_token


async def test_a_proxy_that_refuses_has_carried_nothing_out_and_its_password_is_not_told(
    environment: pytest.MonkeyPatch,
) -> None:
    heads: list[bytes] = []
    async with a_proxy_that_refuses(heads) as place, a_caller("https://webexapis.com") as caller:
        environment.setenv("HTTPS_PROXY", f"http://me:secret@{place}")
        with pytest.raises(TransientError) as told:
            await caller.order()

    assert b"CONNECT webexapis.com:443 HTTP/1.1" == heads[0].split(b"\r\n")[0]
    assert str(told.value).endswith("no connection to the cloud: the proxy answered 407")
