"""
The daemon as it is, in a process of its own: `app.daemon.Daemon` with its journal, links, workers and HTTP door.

Nothing is taken out and nothing put in its place. Only the fleet's `stepped`, which is called once an input is durable,
is listened in on.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.mix import sent_ns
from bench.tally import Tally
from bench.wires import Parent, order, private_kib
from hotdesk_daemon.app.daemon import Daemon
from hotdesk_daemon.app.process import loop_factory
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.ops.clocks import SystemClock
from hotdesk_daemon.ops.logs import configure_logs
from hotdesk_daemon.ops.settings import (
    DaemonSettings,
    DeskSettings,
    DeviceSettings,
    DispatchSettings,
    HttpSettings,
    LogFormat,
    LogLevel,
    Secret,
    Settings,
    SocketSettings,
)

if TYPE_CHECKING:
    from hotdesk_daemon.app.fleet import Fleet
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import Record

#: Far above what one process can do, so that the work is measured and not the pacing.
_UNPACED: Final = 10_000.0


def settings_of(given: dict[str, Any]) -> Settings:
    """One desk with one device for each address."""
    return Settings(
        daemon=DaemonSettings(state_dir=Path(given["dir"])),
        http=HttpSettings(port=0),
        sockets=SocketSettings(connects_per_s=_UNPACED),
        dispatch=DispatchSettings(rate_per_s=_UNPACED),
        desks=tuple(_desk(number, **device) for number, device in enumerate(given["devices"])),
    )


def _desk(number: int, *, url: str, fingerprint: str | None) -> DeskSettings:
    device = DeviceSettings(
        id=f"device-{number:04d}", url=url, password=Secret("password"), fingerprint_sha256=fingerprint
    )
    return DeskSettings(id=f"desk-{number:04d}", calendar=CalendarKind.LOCAL, devices=(device,))


class Ear:
    """Hears of every durable step."""

    def __init__(self, fleet: Fleet, *, desks: int) -> None:
        self.tally = Tally()
        self.all_listed = asyncio.Event()
        self.kinds: dict[str, int] = {}
        self._left = desks
        self._tell = fleet.stepped
        fleet.stepped = self._stepped  # type: ignore[method-assign]  # this is the listening in
        if not desks:
            self.all_listed.set()

    def _stepped(self, record: Record, step: Step) -> None:
        self._tell(record, step)
        if record.raw is not None and (sent := sent_ns(record.raw)) is not None:
            self.tally.durable(sent, time.monotonic_ns())
        elif record.kind == "BookingsListed":
            self._left -= 1
            if self._left == 0:
                self.all_listed.set()


async def _answer(parent: Parent, daemon: Daemon, *, desks: int) -> None:
    await daemon.ready.wait()
    began, empty_kib = time.monotonic(), private_kib()
    ear = Ear(daemon.fleet, desks=desks)
    await ear.all_listed.wait()
    parent.say(connect_s=time.monotonic() - began)
    while (wish := await parent.hear()) is not None:
        if "memory" in wish:
            gc.collect()
            parent.say(empty_kib=empty_kib, kib=private_kib())
        else:
            figures = await ear.tally.until(wish["events"])
            counters = [desk.counters for desk in daemon.fleet.desks()]
            parent.say(**figures, surprises=sum(c.surprises for c in counters), lists=sum(c.lists for c in counters))


async def main() -> None:
    """Run until the parent goes."""
    parent, given = await Parent.meet(), order()
    daemon = Daemon(settings=settings_of(given), clock=SystemClock())
    async with asyncio.TaskGroup() as group:
        group.create_task(daemon.run())
        await _answer(parent, daemon, desks=len(given["devices"]))
        daemon.stop.set()


if __name__ == "__main__":
    with Path(order()["dir"], "log").open("w", encoding="utf-8") as log:
        configure_logs(level=LogLevel(order().get("level", "info")), form=LogFormat.JSON, stream=log)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(main())
    sys.exit(0)
