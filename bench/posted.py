"""The bare webhook: aiohttp on uvloop with a handler that reads the body and answers 204, and nothing else."""

from __future__ import annotations

import asyncio
import resource

import uvloop
from aiohttp import web

from bench.wires import LIFE_S, Parent


async def _events(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


async def main() -> None:
    """Listen, tell where, and tell the CPU time used since last asked, until the parent goes."""
    parent = await Parent.meet()
    app = web.Application()
    app.router.add_post("/webex/{organisation}/events", _events)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        async with asyncio.timeout(LIFE_S):
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            parent.say(port=runner.addresses[0][1])
            before_s = _cpu_s()
            while await parent.hear() is not None:
                parent.say(cpu_s=_cpu_s() - before_s)
                before_s = _cpu_s()
    finally:
        await runner.cleanup()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    uvloop.run(main())
