"""Doing what the cloud's actions say: those that wait for an answer, and those that came among messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Never

from hotdesk_daemon.app.organisations.waits import backoff_s
from hotdesk_daemon.core.errors import HotdeskError, TransientError
from hotdesk_daemon.transport.cloud import JwtRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.app.organisations.tools import Tools
    from hotdesk_daemon.transport.cloud import Action, Actions, TokenKeeper

#: Actions that may wait for their keys.
_MOST: Final = 100


class Acting:
    """
    Takes action tokens, one after the other where nobody waits for an answer.

    *follow* does what an action that was taken says, and gives what is shown to the cloud; *refused* is told of one
    that is not to be believed.
    """

    def __init__(
        self,
        tools: Tools,
        *,
        actions: Actions,
        keeper: TokenKeeper,
        follow: Callable[[Action], Awaitable[Mapping[str, str] | None]],
        refused: Callable[[JwtRefusedError], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._tools = tools
        self._actions = actions
        self._keeper = keeper
        self._follow = follow
        self._refused = refused
        self._log = log
        self._waiting: asyncio.Queue[tuple[str, datetime]] = asyncio.Queue(_MOST)
        self._under_way: set[asyncio.Task[Any]] = set()

    async def act(self, token: str, *, came: datetime) -> Mapping[str, str] | None:
        """
        Take an action that came at that moment, and do what it says, whoever gives up waiting for that.

        Raises:
            JwtRefusedError: it is not to be believed.
            TransientError: it cannot be taken now.
        """
        work = asyncio.create_task(self._act(token, came), name=f"action org={self._tools.wanted.id}")
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        return await asyncio.shield(work)  # what is used up by taking it must be done, too

    async def _act(self, token: str, came: datetime) -> Mapping[str, str] | None:
        try:
            action = await self._actions.take(token, came=came)
        except JwtRefusedError as exc:
            self._refused(exc)
            raise
        return await self._follow(action)

    def add(self, token: str) -> None:
        """
        Take an action in its turn.

        Raises:
            TransientError: too many wait already.
        """
        try:
            self._waiting.put_nowait((token, self._tools.clock.now()))
        except asyncio.QueueFull as exc:
            raise TransientError("too many actions wait already") from exc

    async def run(self) -> Never:
        """Take those that wait, until cancelled."""
        while True:
            token, came = await self._waiting.get()  # for ever: there may be none
            failures = 0
            while self._keeper.installation is not None:  # else it was removed: nothing is left that could act
                try:
                    await self.act(token, came=came)
                except TransientError as exc:
                    failures += 1
                    (self._log.warning if failures == 1 else self._log.debug)("org.action_waits", error=str(exc))
                    await self._tools.sleep(backoff_s(failures, exc, rng=self._tools.rng))
                    continue
                except HotdeskError:
                    pass  # refused, and told
                break
