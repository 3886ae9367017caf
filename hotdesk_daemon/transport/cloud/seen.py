"""
What was heard already.

The cloud may repeat a message whose delivery it is not sure of, and an attacker one that they recorded. A message is
known again by its content: the time in it makes two that differ in nothing else different.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

KEPT: Final = 50_000
KEPT_S: Final = 7_200.0


class Seen:
    """
    The digests of the newest messages, bounded in number and age, each with what tells that it is durable.

    With *canonical* messages count as the same however their JSON is written, as two ways of sending may differ in.
    """

    def __init__(
        self, *, mono: Callable[[], float], kept: int = KEPT, kept_s: float = KEPT_S, canonical: bool = False
    ) -> None:
        self._mono = mono
        self._most = kept
        self.kept = timedelta(seconds=kept_s)
        self._kept_s = kept_s
        self._canonical = canonical
        self._digests: OrderedDict[bytes, tuple[float, asyncio.Future[None]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._digests)

    def find(self, raw: bytes) -> asyncio.Future[None] | None:
        """What tells when *raw*, that was heard before, is durable; None if it is new within our memory."""
        now = self._mono()
        while self._digests and now - next(iter(self._digests.values()))[0] > self._kept_s:
            self._digests.popitem(last=False)
        held = self._digests.get(self._digest(raw))
        return held[1] if held is not None else None

    def note(self, raw: bytes, durable: asyncio.Future[None]) -> None:
        """Remember *raw*, which is new; *durable* tells when it is."""
        self._digests[self._digest(raw)] = (self._mono(), durable)
        if len(self._digests) > self._most:
            self._digests.popitem(last=False)

    def forget(self, raw: bytes) -> None:
        """Take *raw* for new when it comes again: it could not be dealt with."""
        self._digests.pop(self._digest(raw), None)

    def _digest(self, raw: bytes) -> bytes:
        if self._canonical:
            # What means nothing in any form is taken as it came.
            with contextlib.suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
                raw = msgspec.json.encode(msgspec.json.decode(raw), order="deterministic")
        return hashlib.blake2b(raw, digest_size=16).digest()
