from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
import pytest
import pytest_asyncio
from yarl import URL

from hotdesk_daemon.api import Listening, Streams, serve
from tests.api.memory_site import TOKEN, MemorySite, small_site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEARTBEAT_S = 0.05


@attrs.frozen(kw_only=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: Any
    raw: bytes
    json: Any


@attrs.frozen(kw_only=True)
class Caller:
    """A person with an HTTP client; shows the token unless told not to."""

    session: aiohttp.ClientSession
    listening: Listening

    async def __call__(
        self, method: str, path: str, *, token: str | None = TOKEN, raw: bytes | None = None, **more: Any
    ) -> Reply:
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if raw is not None:
            more["data"] = raw
            headers.setdefault("Content-Type", "application/json")
        url = f"{self.listening.url}{path}"
        async with self.session.request(method, _encoded(url), headers=headers, **more) as response:
            data = await response.read()
            json = await response.json(content_type=None) if "json" in response.content_type and data else None
            return Reply(status=response.status, headers=response.headers, raw=data, json=json)

    @asynccontextmanager
    async def stream(self, query: str = "", *, token: str | None = TOKEN) -> AsyncIterator[aiohttp.StreamReader]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = f"{self.listening.url}/api/v1/stream{query}"
        async with self.session.get(_encoded(url), headers=headers) as response:
            assert 200 == response.status
            assert "text/event-stream" == response.content_type
            yield response.content


def _encoded(url: str) -> Any:
    return URL(url, encoded=True)


@pytest.fixture
def site() -> MemorySite:
    return small_site()


@pytest_asyncio.fixture
async def call(site: MemorySite) -> AsyncIterator[Caller]:
    async with (
        serve(site, host="127.0.0.1", port=0, token=TOKEN, streams=Streams(heartbeat_s=HEARTBEAT_S)) as listening,
        aiohttp.ClientSession() as session,
    ):
        yield Caller(session=session, listening=listening)
