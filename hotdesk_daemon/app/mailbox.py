"""
Where everything for one desk waits, in order and bounded.

Devices wait when it is full: their sockets are read no further, so a flood slows its own desk. People are refused.
"""

from __future__ import annotations

import asyncio
from collections import deque

import attrs

from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import Input
from hotdesk_daemon.core.steps import Step


@attrs.define(eq=False)
class Letter:
    """
    One thing for a desk: a device's message still to be understood (``params``), or inputs as they are.

    ``raw`` is the message as it came. ``done`` is told the last step once it is durable. ``seq``, where there is
    one, is the desk's sequence number of the input that led to this one.
    """

    source: str
    inputs: tuple[Input, ...] = ()
    raw: bytes | None = None
    params: bytes | None = None
    device: DeviceId | None = None
    cause_seq: int | None = None
    done: asyncio.Future[Step] | None = None


class Mailbox:
    """A bounded queue with one reader; ``wake`` is set while there is something to look at."""

    def __init__(self, *, limit: int) -> None:
        self.wake = asyncio.Event()
        self.limit = limit
        self._letters: deque[Letter] = deque()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._letters)

    @property
    def is_full(self) -> bool:
        """Whether `put` would wait and `offer` refuse."""
        return len(self._letters) >= self.limit

    async def put(self, letter: Letter) -> None:
        """Add *letter*, after waiting for room if there is none; the wait ends as the desk's worker works."""
        while len(self._letters) >= self.limit:
            self._room.clear()
            await self._room.wait()
        self._letters.append(letter)
        self.wake.set()

    def offer(self, letter: Letter) -> bool:
        """Add *letter* if there is room; say whether there was."""
        if self.is_full:
            return False
        self._letters.append(letter)
        self.wake.set()
        return True

    def take(self, most: int) -> list[Letter]:
        """The oldest letters, *most* at the most."""
        letters = self._letters
        taken = [letters.popleft() for _ in range(min(most, len(letters)))]
        if not letters:
            self.wake.clear()
        self._room.set()
        return taken
