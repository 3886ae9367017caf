"""
What a look at ``/metrics`` costs the event loop on a large site: everything else waits for it.

Bare is prometheus-client rendering the same two series of each desk, set as its users set them.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from bench.figures import Line
from hotdesk_daemon.app.narrator import Narrator
from hotdesk_daemon.core.desk import Desk, Device, LinkState
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import PeopleCount
from hotdesk_daemon.core.steps import Step
from hotdesk_daemon.journal import Record
from hotdesk_daemon.ops.metrics import Metrics

DESKS = 5000
_NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)


def scrapes(*, rounds: int) -> list[Line]:
    """Milliseconds for one scrape of `DESKS` desks."""
    desks = [_desk(number) for number in range(DESKS)]
    ours = [_ours(desks) for _ in range(rounds)]
    bare = [_bare() for _ in range(rounds)]
    return [Line(name=f"a look at the metrics of {DESKS:,} desks", unit="ms", ours=ours, bare=bare, target=1.0)]


def _desk(number: int) -> Desk:
    device = DeviceId(f"device-{number:04}")
    held = Device(device_id=device, link=LinkState.LIVE, link_cause="listed")
    return Desk(desk_id=DeskId(f"desk-{number:04}"), devices={device: held})


def _ours(desks: list[Desk]) -> float:
    metrics = Metrics(version="bench")
    narrator = Narrator(metrics)
    for desk in desks:
        given = PeopleCount(device=next(iter(desk.devices)), value=1)
        record = Record(desk_id=desk.desk_id, seq=1, at=_NOW, mono=0.0, source="bench", kind="PeopleCount", input=given)
        narrator.stepped(record, Step(desk=desk))
    began = time.perf_counter()
    narrator.count_desks(desks, now=_NOW)
    metrics.render()
    return (time.perf_counter() - began) * 1000


def _bare() -> float:
    registry = CollectorRegistry()
    gauges = [Gauge(name, "One series a desk.", ["desk"], registry=registry) for name in ("up", "heard")]
    began = time.perf_counter()
    for number in range(DESKS):
        for gauge in gauges:
            gauge.labels(f"desk-{number:04}").set(1)
    generate_latest(registry)
    return (time.perf_counter() - began) * 1000
