"""
The idle watch: a device that says nothing is asked whether it is there.

It is fed by finished work. Pongs do not feed it: a web server may answer pings long after the xAPI behind it hangs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.setbacks import Setback, SetbackKind

if TYPE_CHECKING:
    from hotdesk_daemon.transport.endpoint import Endpoint
    from hotdesk_daemon.transport.session import Session

_QUESTION = {"Path": ("Status", "SystemUnit", "Uptime")}


class IdleWatch:
    """
    One timer, and one short task while the question is open.

    A session whose reader waits for us (back pressure) is not the device's silence, and is left alone.
    """

    __slots__ = ("_endpoint", "_fed_at", "_loop", "_probe", "_session", "_timer", "reader_is_busy")

    def __init__(self, session: Session, *, endpoint: Endpoint) -> None:
        self._session = session
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._fed_at = self._loop.time()
        self._probe: asyncio.Task[None] | None = None
        self.reader_is_busy = False
        self._timer = self._loop.call_later(endpoint.idle_limit_s, self._look)

    def feed(self) -> None:
        """Tell that a frame was dealt with."""
        self._fed_at = self._loop.time()
        self.reader_is_busy = False

    async def stop(self) -> None:
        """End timer and question; nothing of them is left afterwards."""
        self._timer.cancel()
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait([self._probe])

    def _look(self) -> None:
        due_at = self._fed_at + self._endpoint.idle_limit_s
        if self.reader_is_busy:
            due_at = self._loop.time() + self._endpoint.idle_limit_s
        if due_at > self._loop.time():
            self._timer = self._loop.call_at(due_at, self._look)
            return
        self._probe = self._loop.create_task(self._ask(), name=f"probe device={self._endpoint.device}")

    async def _ask(self) -> None:
        asked_at = self._fed_at
        try:
            await self._session.exchange("xGet", _QUESTION)  # any answer is a sign of life, a refusal too
        except TransientError:
            if not self.reader_is_busy and self._fed_at == asked_at:
                self._session.break_off(Setback(kind=SetbackKind.SILENT, cause="silent: no answer when asked"))
                return
        self._timer = self._loop.call_later(self._endpoint.idle_limit_s, self._look)
