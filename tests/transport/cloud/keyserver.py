"""A server of keys, and what verifies with them."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from hotdesk_daemon.simulator.cloud.signing import SigningKey
from hotdesk_daemon.transport.cloud import JwtRefusedError, JwtVerifier, Refusal
from tests.transport.doubles import Noted


async def refusal_of(verifier: JwtVerifier, token: str, *, organisation: str | None = None, used: str = "") -> Refusal:
    with pytest.raises(JwtRefusedError) as caught:
        await verifier.verify(token, organisation=organisation, used=(used,))
    return caught.value.refusal


class KeyServer:
    """Answers with key sets, which a test changes, and notes what it was asked for."""

    def __init__(self, *keys: SigningKey) -> None:
        self.asked: list[str] = []
        self.noted = Noted()
        self.error: Exception | None = None
        self.body = b""
        self.holds = asyncio.Event()
        self.holds.set()
        self.offer(*keys)

    def offer(self, *keys: SigningKey | dict[str, str]) -> None:
        listed = [key.public() if isinstance(key, SigningKey) else key for key in keys]
        self.body = msgspec.json.encode({"keys": listed})

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        await self.noted.note()
        await self.holds.wait()
        if self.error is not None:
            raise self.error
        return self.body
