"""The two waits of an organisation's tasks: until something happens or time is up, and before trying again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core.errors import TransientError

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

LONGEST_WAIT_S: Final = 300.0
_FIRST_WAIT_S: Final = 2.0
_MOST_DOUBLINGS: Final = 10


async def happens_within(event: asyncio.Event, most_s: float, *, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Return when *event* is set or *most_s* of the machine's time have passed, whichever is first."""

    async def pause() -> None:
        await sleep(most_s)

    waits = {
        asyncio.create_task(event.wait(), name=f"{asyncio.current_task()}: event"),
        asyncio.create_task(pause(), name=f"{asyncio.current_task()}: pause"),
    }
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
        await asyncio.wait(waits)


def backoff_s(failures: int, exc: BaseException, *, rng: random.Random) -> float:
    """How long to wait after so many failures: as the other side says, or ever longer and never the same."""
    if isinstance(exc, TransientError) and exc.retry_after_s is not None:
        return exc.retry_after_s
    most_s = min(LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(failures, _MOST_DOUBLINGS))
    return rng.uniform(most_s / 2, most_s)
