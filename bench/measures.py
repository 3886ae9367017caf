"""
The measures: each runs ours and the bare loop in turn, every run in fresh processes, and returns its lines.

The load comes from processes of its own. Sockets are in clear text where throughput and delay are measured, because TLS
costs both sides the same and would hide the difference; memory and connecting are measured over TLS, which devices
speak.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from bench import cloud, lookback
from bench.cold import cold_starts
from bench.figures import Line
from bench.scrape import scrapes
from bench.wires import Child, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

OURS: Final = "bench.ours"
BARE: Final = "bench.bare"
#: Processes that play devices where many connect at once: one alone would be the bottleneck.
SHARDS: Final = 2


@attrs.frozen(kw_only=True)
class Scale:
    """How much is measured."""

    rounds: int
    fleet_rounds: int
    ingest_events: int
    delay_events: int
    delay_rate: int = 5_000
    delay_sockets: int = 200
    devices: int = 1_000
    device_events: int = 60
    cold_desks: int = 1_000
    cold_inputs: int = 100_000
    org_rounds: int = 2
    org_desks: int = 5_000
    org_rate: float = 400.0
    slow_desks: int = 60
    slow_rate: float = 5.0
    cloud_desks: int = 200
    queue_events: int = 60_000
    webhook_posts: int = 20_000
    webhook_connections: int = 100
    webhook_paced: int = 10_000
    webhook_rate: int = 1_000
    history_inputs: int = 1_000_000
    history_desks: int = 200


FULL: Final = Scale(rounds=5, fleet_rounds=3, ingest_events=60_000, delay_events=30_000)
QUICK: Final = Scale(
    rounds=1, fleet_rounds=1, ingest_events=30_000, delay_events=15_000,
    org_rounds=1, queue_events=30_000, webhook_posts=10_000, webhook_paced=5_000, history_inputs=200_000,
)  # fmt: skip


@contextlib.contextmanager
def site(sockets: int, *, tls: bool = False, shards: int = 1) -> Iterator[tuple[list[Child], list[Words]]]:
    """Processes that play *sockets* devices, and where each device is."""
    with contextlib.ExitStack() as stack:
        players = [stack.enter_context(Child("bench.devices", {"tls": tls})) for _ in range(shards)]
        places = [player.hear() for player in players]
        yield players, list(itertools.islice(itertools.cycle(places), sockets))


@contextlib.contextmanager
def subject(module: str, devices: Sequence[Words], **more: object) -> Iterator[tuple[Child, Words]]:
    """A process that is measured, connected; and what it said then."""
    with (
        tempfile.TemporaryDirectory(prefix="hotdesk-bench-") as folder,
        Child(module, {"devices": devices, "dir": folder, "commits": True, **more}) as child,
    ):
        yield child, child.hear()


def talk(module: str, *, sockets: int, events: int, **more: object) -> Words:
    """Let devices talk and return the figures; ``rate`` paces them, ``level`` is ours to log at."""
    pace = {"rate": more.pop("rate")} if "rate" in more else {}
    with site(sockets) as (players, devices), subject(module, devices, **more) as (child, _):
        child.say(events=events)
        players[0].say(events=events, **pace)
        figures = child.hear()
    if figures.get("surprises"):
        raise AssertionError(f"the mix of events surprised the daemon {figures['surprises']} times")
    return figures


def ingest(scale: Scale) -> list[Line]:
    """One busy socket: how many messages a second become durable decisions."""
    rates: dict[str, list[float]] = {OURS: [], BARE: []}
    cpu: dict[str, list[float]] = {OURS: [], BARE: []}
    for module in _turns(scale.rounds, OURS, BARE):
        figures = talk(module, sockets=1, events=scale.ingest_events)
        rates[module].append(scale.ingest_events / figures["took_s"])
        cpu[module].append(figures["cpu_s"] / scale.ingest_events * 1e6)
    return [
        Line(
            name="durable ingest, one socket", unit="messages/s",
            ours=rates[OURS], bare=rates[BARE], target=0.5, higher=True,
        ),
        Line(name="its CPU time", unit="µs/message", ours=cpu[OURS], bare=cpu[BARE], target=None),
    ]  # fmt: skip


def delay(scale: Scale) -> list[Line]:
    """Many sockets at a steady rate: how long from a frame's sending to its durable decision."""
    found: dict[str, list[Words]] = {OURS: [], BARE: []}
    for module in _turns(scale.rounds, OURS, BARE):
        figures = talk(module, sockets=scale.delay_sockets, events=scale.delay_events, rate=scale.delay_rate)
        found[module].append(figures)
    what = f"frame to durable at {scale.delay_rate:,}/s over {scale.delay_sockets} sockets"
    return [
        Line(
            name=f"{key[:3]}, {what}", unit="ms",
            ours=[f[key] for f in found[OURS]], bare=[f[key] for f in found[BARE]], target=3.0,
        )
        for key in ("p50_ms", "p99_ms")
    ]  # fmt: skip


@attrs.frozen(kw_only=True)
class _Fleet:
    connect_s: float
    kib: float


@cache
def _fleets(scale: Scale) -> Mapping[str, Sequence[_Fleet]]:
    """Connect a fleet over TLS and let every device play a cycle; both fleet measures read off this."""
    found: dict[str, list[_Fleet]] = {OURS: [], BARE: []}
    events = scale.devices * scale.device_events
    for module in _turns(scale.fleet_rounds, OURS, BARE):
        with (
            site(scale.devices, tls=True, shards=SHARDS) as (players, devices),
            subject(module, devices, commits=module == OURS) as (child, connected),  # the bare clients keep nothing
        ):
            child.say(events=events)
            for player in players:
                player.say(events=events // SHARDS, rate=5_000 / SHARDS)
            child.hear()
            memory = child.ask(memory=True)
        kib = (memory["kib"] - memory["empty_kib"]) / scale.devices
        found[module].append(_Fleet(connect_s=connected["connect_s"], kib=kib))
    return found


def memory(scale: Scale) -> list[Line]:
    """What one more device costs, with its state."""
    fleets = _fleets(scale)
    ours, bare = ([fleet.kib for fleet in fleets[module]] for module in (OURS, BARE))
    return [Line(name="memory per wss device", unit="KiB", ours=ours, bare=bare, target=1.5)]


def connect(scale: Scale) -> list[Line]:
    """From nothing to a fleet that is subscribed and listed; the bare loop connects only."""
    fleets = _fleets(scale)
    ours, bare = ([fleet.connect_s for fleet in fleets[module]] for module in (OURS, BARE))
    name = f"connect, subscribe, list {scale.devices:,} devices over wss"
    return [Line(name=name, unit="s", ours=ours, bare=bare, target=2.5)]


def cold(scale: Scale) -> list[Line]:
    """From the start of the program, after a kill, to a daemon that says it is ready."""
    with (
        tempfile.TemporaryDirectory(prefix="hotdesk-bench-") as folder,
        site(scale.cold_desks) as (players, devices),
    ):
        with subject(OURS, devices, dir=folder) as (child, _):
            child.say(events=scale.cold_inputs)
            players[0].say(events=scale.cold_inputs)
            child.hear()
            child.kill()
        took_s = cold_starts(Path(folder), desks=scale.cold_desks, starts=max(2, scale.rounds))
    name = f"cold start, {scale.cold_desks:,} desks, {scale.cold_inputs:,} journaled inputs, after a kill"
    return [Line(name=name, unit="s", ours=took_s, target=3.0)]


def logs(scale: Scale) -> list[Line]:
    """What log lines at info cost: the ingest again, with them and with errors only."""
    cpu: dict[str, list[float]] = {"info": [], "error": []}
    for level in _turns(scale.rounds, *cpu):
        figures = talk(OURS, sockets=1, events=scale.ingest_events, level=level)
        cpu[level].append(figures["cpu_s"] / scale.ingest_events * 1e6)
    name = "CPU time with logs at info (here bare is: at error)"
    return [Line(name=name, unit="µs/message", ours=cpu["info"], bare=cpu["error"], target=1.1)]


def _turns(rounds: int, *sides: str) -> Iterable[str]:
    """The sides in turn, as often as there are rounds, so that a busy minute of the machine hits both."""
    return itertools.chain.from_iterable(itertools.repeat(sides, rounds))


MEASURES: Final[Mapping[str, Callable[[Scale], list[Line]]]] = {
    "ingest": ingest,
    "delay": delay,
    "memory": memory,
    "connect": connect,
    "cold": cold,
    "logs": logs,
    "scrape": lambda scale: scrapes(rounds=scale.rounds),
    "cloud-start": cloud.start,
    "queue": cloud.queue,
    "webhook": cloud.webhook,
    "replay": lookback.replay,
    "explain": lookback.explain,
}
