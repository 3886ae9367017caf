"""
The idle watch: a device that says nothing, or no longer answers, is asked whether it is there.

It is fed by finished work. Pongs do not feed it: a web server may answer pings long after the xAPI behind it hangs.
Missing pongs tell sooner that the whole device is gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.setbacks import Setback, SetbackKind

if TYPE_CHECKING:
    from hotdesk_daemon.transport.endpoint import Endpoint
    from hotdesk_daemon.transport.session import Session

_QUESTION = {"Path": ("Status", "SystemUnit", "Uptime")}
#: Answers lost in a row after which a device is asked even though it goes on telling news.
_LOST_ANSWERS: Final = 3


class IdleWatch:
    """
    One timer, one task that pings, and one short task while the question is open.

    A session whose reader waits for us (back pressure) is not the device's silence, and is left alone: then neither
    pongs nor answers are read.
    """

    __slots__ = ("_endpoint", "_fed_at", "_loop", "_pinging", "_probe", "_session", "_timer", "reader_is_busy")

    def __init__(self, session: Session, *, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._fed_at = self._loop.time()
        self._probe: asyncio.Task[None] | None = None
        self.reader_is_busy = False
        self._timer = self._loop.call_later(endpoint.idle_limit_s, self._look)
        self._pinging = self._loop.create_task(self._ping(), name=f"ping device={endpoint.device}")

    def feed(self) -> None:
        """Tell that a frame was dealt with."""
        self._fed_at = self._loop.time()
        self.reader_is_busy = False

    async def stop(self) -> None:
        """End timer, pings and question; nothing of them is left afterwards."""
        self._timer.cancel()
        tasks = [self._pinging] if self._probe is None else [self._pinging, self._probe]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _ping(self) -> None:
        endpoint = self._endpoint
        while True:
            await asyncio.sleep(endpoint.ping_interval_s)
            pinged_at = self._loop.time()
            if await self._session.ping(timeout_s=endpoint.ping_timeout_s):
                continue
            if not self.reader_is_busy and self._fed_at < pinged_at:
                self._session.break_off(Setback(kind=SetbackKind.SILENT, cause="silent: no pong"))
                return

    def _look(self) -> None:
        due_at = self._fed_at + self._endpoint.idle_limit_s
        if self.reader_is_busy:
            due_at = self._loop.time() + self._endpoint.idle_limit_s
        elif self._session.lost_in_a_row >= _LOST_ANSWERS:
            due_at = self._loop.time()
        if due_at > self._loop.time():
            self._timer = self._loop.call_at(due_at, self._look)
            return
        self._probe = self._loop.create_task(self._ask(), name=f"probe device={self._endpoint.device}")

    async def _ask(self) -> None:
        asked_at = self._fed_at
        try:
            await self._session.exchange("xGet", _QUESTION)  # any answer is a sign of life, a refusal too
        except TransientError:
            is_mute = self._fed_at == asked_at or self._session.lost_in_a_row > _LOST_ANSWERS
            if not self.reader_is_busy and is_mute:
                self._session.break_off(Setback(kind=SetbackKind.SILENT, cause="silent: no answer when asked"))
                return
        self._timer = self._loop.call_later(self._endpoint.idle_limit_s, self._look)
