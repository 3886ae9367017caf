"""What a running daemon says of itself, asked without a token: then it names no persons."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from hotdesk_daemon.api.routes import API
from hotdesk_daemon.core.errors import ProtocolError, TransientError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_ANSWER_S: Final = 15.0
_MOST_BYTES: Final = 32 << 20
_PAGE: Final = 1000
_MOST_PAGES: Final = 20


class DoorOfDaemon:
    """The HTTP door at *url*."""

    def __init__(self, url: str, *, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def text(self, path: str) -> str:
        """
        What stands at *path*, whatever the status: readiness says no in the same words as yes.

        Raises:
            TransientError: nobody answers.
        """
        try:
            async with asyncio.timeout(_ANSWER_S), self._session.get(f"{self._url}{path}") as answer:
                parts: list[bytes] = []
                async for part in answer.content.iter_chunked(1 << 16):
                    parts.append(part)
                    if sum(map(len, parts)) > _MOST_BYTES:
                        raise ProtocolError(f"{path}: the answer is too long")
                return b"".join(parts).decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise TransientError(f"the daemon at {self._url} does not answer; does it run?") from exc

    async def document(self, path: str) -> Any:  # noqa: ANN401 - as JSON has it
        """
        The JSON at *path*.

        Raises:
            TransientError: nobody answers.
            ProtocolError: it is no JSON.
        """
        try:
            return json.loads(await self.text(path))
        except (ValueError, RecursionError) as exc:
            raise ProtocolError(f"what answers at {self._url} is no hotdesk daemon") from exc

    async def desks(self) -> AsyncIterator[Any]:
        """Every desk, page after page."""
        after = ""
        for _ in range(_MOST_PAGES):
            page = await self.document(f"{API}/desks?limit={_PAGE}{after}")
            if not isinstance(page, dict) or "items" not in page:
                raise ProtocolError(f"what answers at {self._url} is no hotdesk daemon")
            for desk in page["items"]:
                yield desk
            if page.get("next") is None:
                return
            after = f"&after={page['next']}"
