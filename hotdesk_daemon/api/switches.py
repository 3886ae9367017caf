"""What stops and releases commands, over HTTP. It is no desk's business, so nothing of it is recorded as an input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.api.calls import Answer, answer
from hotdesk_daemon.api.problems import unavailable
from hotdesk_daemon.api.wire import Safety
from hotdesk_daemon.core.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from hotdesk_daemon.api.asks import Halt, Nothing
    from hotdesk_daemon.api.calls import Call
    from hotdesk_daemon.api.site import Site


async def get_safety(call: Call[None, None]) -> Answer:
    return _shown(call.site)


async def halt(call: Call[None, Halt]) -> Answer:
    return await _switched(call.site, call.site.switches.halt(call.body.why))


async def resume(call: Call[None, Nothing]) -> Answer:
    return await _switched(call.site, call.site.switches.resume())


async def close_breaker(call: Call[None, Nothing]) -> Answer:
    return await _switched(call.site, call.site.switches.close_breaker())


async def _switched(site: Site, switching: Awaitable[None]) -> Answer:
    try:
        await switching
    except TransientError as exc:
        raise unavailable(str(exc), retry_after_s=exc.retry_after_s) from exc
    return _shown(site)


def _shown(site: Site) -> Answer:
    view = site.switches.view()
    return answer(
        Safety(
            halted=view.halted,
            breaker_open=view.breaker_open,
            hit=view.hit,
            most=view.most,
            window_s=view.window_s,
        )
    )
