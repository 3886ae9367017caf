"""
The daemon as it is, in a process of its own, reached by one organisation of the simulated cloud.

As in `bench.ours`, nothing is taken out; only the fleet's `stepped` is listened in on.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.mix import sent_ns
from bench.sampler import Sampler
from bench.tally import Tally
from bench.wires import Parent, order, private_kib
from hotdesk_daemon.app.activate import activate_organisation
from hotdesk_daemon.app.daemon import Daemon
from hotdesk_daemon.app.process import loop_factory
from hotdesk_daemon.ops.clocks import SystemClock
from hotdesk_daemon.ops.logs import configure_logs
from hotdesk_daemon.ops.settings import (
    DaemonSettings,
    Events,
    HttpSettings,
    LogFormat,
    LogLevel,
    OrganisationSettings,
    Secret,
    Settings,
    WebhookDoorSettings,
    WebhookSettings,
)

if TYPE_CHECKING:
    from hotdesk_daemon.app.fleet import Fleet
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import Record

ORGANISATION: Final = "org"
SECRET: Final = "the key of a measurement, long enough"  # noqa: S105 - of a webhook on loopback
_HINTS: Final = 12


def settings_of(given: dict[str, Any]) -> Settings:
    """No desks but those of the organisation."""
    port = given.get("port", 0)
    return Settings(
        daemon=DaemonSettings(state_dir=Path(given["dir"])),
        http=HttpSettings(port=0),
        webhook=WebhookDoorSettings(port=port),
        organisations=(_organisation(given["cloud"], port=port, rate=given["rate"]),),
    )


def _organisation(cloud: dict[str, Any], *, port: int, rate: float) -> OrganisationSettings:
    """By webhook if there is a port for it."""
    return OrganisationSettings(
        id=ORGANISATION,
        client_id=cloud["client_id"],
        client_secret=Secret(cloud["client_secret"]),
        app_id=cloud["app_id"],
        events=Events.WEBHOOK if port else Events.QUEUE,
        webhook=WebhookSettings(url=f"http://127.0.0.1:{port}", secret=Secret(SECRET)) if port else None,
        rate_per_s=rate,
        jwks_url=cloud["jwks_url"],
        supported_url=cloud["supported_url"],
    )


class Ear:
    """Hears of every durable step."""

    def __init__(self, fleet: Fleet, *, desks: int) -> None:
        self.tally = Tally()
        self.live: set[str] = set()
        self.all_live = asyncio.Event()
        self._desks = desks
        self._tell = fleet.stepped
        fleet.stepped = self._stepped  # type: ignore[method-assign]  # this is the listening in

    def _stepped(self, record: Record, step: Step) -> None:
        self._tell(record, step)
        if record.raw is not None and (sent := sent_ns(record.raw)) is not None:
            self.tally.durable(sent, time.monotonic_ns())
        elif record.kind == "BookingsListed" and not step.desk.is_stale:
            self.live.add(record.desk_id)
            if len(self.live) == self._desks:
                self.all_live.set()


async def _live(ear: Ear, *, most_s: float) -> dict[str, Any]:
    """How long it took until all desks were live, or how many are after so long."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(most_s):
            await ear.all_live.wait()
    except TimeoutError:
        pass
    return {"took_s": time.monotonic() - began, "live": len(ear.live)}


async def _answer(parent: Parent, daemon: Daemon, given: dict[str, Any]) -> None:
    await daemon.ready.wait()
    empty_kib = private_kib()
    ear = Ear(daemon.fleet, desks=given["desks"])
    parent.say(**await _live(ear, most_s=given["most_s"]))
    while (wish := await parent.hear()) is not None:
        if "memory" in wish:
            gc.collect()
            parent.say(empty_kib=empty_kib, kib=private_kib())
            continue
        sampler = Sampler() if wish.get("sample") else None
        if sampler is not None:
            sampler.start()
        before = daemon.fleet.journal.writer_stats
        figures = await ear.tally.until(wish["events"])
        after = daemon.fleet.journal.writer_stats
        parent.say(
            **figures,
            surprises=sum(desk.counters.surprises for desk in daemon.fleet.desks()),
            per_commit=(after.records - before.records) / max(1, after.commits - before.commits),
            hints=sampler.stop(most=_HINTS) if sampler is not None else [],
        )


async def main() -> None:
    """Activate, tell so, and run until the parent goes."""
    parent, given = await Parent.meet(), order()
    settings, clock = settings_of(given), SystemClock()
    await activate_organisation(
        given["cloud"]["code"], settings=settings, wanted=settings.organisations[0], now=clock.now
    )
    parent.say(activated=True)
    await parent.hear()
    daemon = Daemon(settings=settings, clock=clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(daemon.run())
        await _answer(parent, daemon, given)
        daemon.stop.set()


if __name__ == "__main__":
    with Path(order()["dir"], "log").open("w", encoding="utf-8") as log:
        configure_logs(level=LogLevel(order().get("level", "info")), form=LogFormat.JSON, stream=log)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(main())
    sys.exit(0)
