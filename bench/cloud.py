"""
The measures of the cloud: starting over it, and hearing it by webhook and by queue.

Ours is the daemon with one organisation, activated at a simulated cloud; load, cloud, daemon and bare server are
processes of their own on loopback, in clear text.
"""

from __future__ import annotations

import contextlib
import random
import socket
import sys
import tempfile
from typing import TYPE_CHECKING, Final

from bench.clouded import ORGANISATION, SECRET
from bench.figures import Line
from bench.wires import Child, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measures import Scale

PATH: Final = f"/webex/{ORGANISATION}/events"
#: What the simulated cloud grants beyond the configured rate.
GRANTED: Final = 1.1
#: How long a start may take; desks that are not live then are told of.
START_S: Final = 90.0
_UNPACED: Final = 1_000.0
_BARE: Final = "bare"
#: What a large organisation's devices say at their busiest, many times over.
_POSTS_PER_S: Final = 2000.0
_OURS: Final = "ours"


@contextlib.contextmanager
def organisation(
    desks: int, *, rate: float = _UNPACED, most_per_s: float | None = None, port: int = 0
) -> Iterator[tuple[Child, Child, Words]]:
    """The cloud and the daemon with an organisation of *desks*, by webhook if there is a *port*; how it started."""
    with (
        tempfile.TemporaryDirectory(prefix="hotdesk-bench-") as folder,
        Child("bench.cloudsite", {"desks": desks, "most_per_s": most_per_s}) as cloud,
    ):
        place = cloud.hear()
        order = {"cloud": place, "dir": folder, "desks": desks, "rate": rate, "port": port, "most_s": START_S}
        with Child("bench.clouded", order) as daemon:
            daemon.hear()  # it is activated
            cloud.ask(forget=True)
            started = daemon.ask(go=True)
            yield cloud, daemon, started


def start(scale: Scale) -> list[Line]:
    """The first start of an organisation: a large one, and a small one at the rate that is the default."""
    large = _start(scale.org_rounds, desks=scale.org_desks, rate=scale.org_rate)
    small = _start(1, desks=scale.slow_desks, rate=scale.slow_rate)
    return [*large, *small]


def _start(rounds: int, *, desks: int, rate: float) -> list[Line]:
    granted = rate * GRANTED
    found: list[Words] = []
    for _ in range(rounds):
        with organisation(desks, rate=rate, most_per_s=granted) as (cloud, daemon, started):
            seen = cloud.ask(seen=True)
            memory = daemon.ask(memory=True)
        answers = seen["statuses"]
        good = answers.get("200", 0)
        found.append({
            "took_s": started["took_s"],
            "least_s": good / rate,
            "live": started["live"],
            "per_s": seen["requests"] / seen["took_s"],
            "most_per_s": seen["most_per_s"],
            "throttled": answers.get("429", 0),
            "per_desk": good / desks,
            "kib": (memory["kib"] - memory["empty_kib"]) / desks,
        })  # fmt: skip
    what = f"start of {desks:,} desks by cloud at {rate:g} requests/s"

    def figures(key: str) -> list[float]:
        return [one[key] for one in found]

    return [
        Line(
            name=f"{what}, until all are live (here bare is: what the rate allows)", unit="s",
            ours=figures("took_s"), bare=figures("least_s"), target=1.2,
        ),
        Line(name=f"its desks that were live within {START_S:g} s", unit="desks",
             ours=figures("live"), target=desks, higher=True),
        Line(name="its requests, on average", unit="requests/s", ours=figures("per_s"), target=granted),
        Line(name="its requests, in the fullest second", unit="requests/s", ours=figures("most_per_s"), target=None),
        Line(name=f"its requests answered with 429 (more than {granted:g} in a second)", unit="requests",
             ours=figures("throttled"), target=0),
        Line(name="its good requests per desk", unit="requests", ours=figures("per_desk"), target=None),
        Line(name="its memory per desk", unit="KiB", ours=figures("kib"), target=None),
    ]  # fmt: skip


def queue(scale: Scale) -> list[Line]:
    """Full batches, poll after poll: how many events a second are taken and durable."""
    rates, cpu, delays = [], [], []
    for turn in range(scale.rounds + 1):
        is_hint = turn == scale.rounds  # a round of its own, because looking costs something
        events = scale.queue_events
        with organisation(scale.cloud_desks) as (cloud, daemon, started):
            _check_live(started, scale.cloud_desks)
            cloud.ask(events=events)
            daemon.say(events=events, sample=is_hint)
            cloud.say(pour=True)
            figures = daemon.hear()
        _check_surprises(figures)
        if is_hint:
            _hint("queue", figures)
            continue
        rates.append(events / figures["took_s"])
        cpu.append(figures["cpu_s"] / events * 1e6)
        delays.append(figures["p99_ms"])
    return [
        Line(name="queue, batches of 100, taken and durable", unit="events/s", ours=rates, target=10_000, higher=True),
        Line(name="its CPU time", unit="µs/event", ours=cpu, target=None),
        Line(name="p99, from the batch to durable", unit="ms", ours=delays, target=None),
    ]


def webhook(scale: Scale) -> list[Line]:
    """Signed posts: how many a second are answered, by us once they are durable, and how soon."""
    flood: dict[str, list[Words]] = {_OURS: [], _BARE: []}
    paced: dict[str, list[Words]] = {_OURS: [], _BARE: []}
    for _ in range(scale.rounds):
        for side, run in ((_OURS, _posted_to_us), (_BARE, _posted_bare)):
            flood[side].append(run(scale, posts=scale.webhook_posts))
            paced[side].append(run(scale, posts=scale.webhook_paced, rate=scale.webhook_rate))
    _hint("webhook", _posted_to_us(scale, posts=scale.webhook_posts, sample=True))

    def line(found: dict[str, list[Words]], key: str, name: str, unit: str, *, target: float | None) -> Line:
        higher = key == "per_s"
        ours, bare = ([one[key] for one in found[side]] for side in (_OURS, _BARE))
        return Line(name=name, unit=unit, ours=ours, bare=bare, target=target, higher=higher)

    busy = f"over {scale.webhook_connections} busy connections"
    steady = f"at {scale.webhook_rate:,}/s"
    return [
        line(flood, "per_s", f"webhook, signed posts {busy}, answered when durable", "posts/s", target=None),
        Line(
            name="the same, beside what is asked of it",
            unit="posts/s",
            ours=[one["per_s"] for one in flood[_OURS]],
            target=_POSTS_PER_S,
            higher=True,
        ),
        line(flood, "cpu_us", "its CPU time", "µs/post", target=None),
        line(flood, "p50_ms", f"p50, post to answer, {busy}", "ms", target=None),
        line(flood, "p99_ms", f"p99, post to answer, {busy}", "ms", target=None),
        line(paced, "p50_ms", f"p50, post to answer, {steady}", "ms", target=None),
        line(paced, "p99_ms", f"p99, post to answer, {steady}", "ms", target=None),
    ]


def _posted_to_us(scale: Scale, *, posts: int, rate: float | None = None, sample: bool = False) -> Words:
    port = _free_port()
    with organisation(scale.cloud_desks, port=port) as (cloud, daemon, started):
        _check_live(started, scale.cloud_desks)
        daemon.say(events=posts, sample=sample)
        answered = _load(scale, cloud, port=port, posts=posts, rate=rate)
        durable = daemon.hear()
    _check_surprises(durable)
    return {**durable, **answered, "cpu_us": durable["cpu_s"] / posts * 1e6}


def _posted_bare(scale: Scale, *, posts: int, rate: float | None = None) -> Words:
    """The same posts; the cloud is there for the names in them only."""
    with (
        Child("bench.cloudsite", {"desks": scale.cloud_desks}) as cloud,
        Child("bench.posted", {}) as server,
    ):
        cloud.hear()
        port = server.hear()["port"]
        server.ask(cpu=True)
        answered = _load(scale, cloud, port=port, posts=posts, rate=rate)
        return {**answered, "cpu_us": server.ask(cpu=True)["cpu_s"] / posts * 1e6}


def _load(scale: Scale, cloud: Child, *, port: int, posts: int, rate: float | None) -> Words:
    order = {"port": port, "path": PATH, "secret": SECRET, "posts": posts, "connections": scale.webhook_connections}
    with Child("bench.posts", {**order, "rate": rate, **cloud.ask(speakers=True)}) as load:
        figures = load.hear()
    if figures["statuses"] != {"204": posts}:
        raise AssertionError(f"the posts were answered with {figures['statuses']}")
    return {**figures, "per_s": posts / figures["took_s"]}


def _check_live(started: Words, desks: int) -> None:
    if started["live"] != desks:
        raise AssertionError(f"only {started['live']} of {desks} desks became live")


def _check_surprises(figures: Words) -> None:
    if figures["surprises"]:
        raise AssertionError(f"the mix of events surprised the daemon {figures['surprises']} times")


def _hint(name: str, figures: Words) -> None:
    """Say what dominates, apart from the table: places in code come and go."""
    places = ", ".join(f"{place} {share:.0%}" for place, share in figures["hints"])
    rows = f"{figures['per_commit']:.0f} records a commit"
    print(f"\n{name}: of the event loop's busy time: {places}; {rows} … ", end="", file=sys.stderr, flush=True)


def _free_port() -> int:
    """A port that nobody listens on, below those that the system deals out: it stays free until the daemon listens."""
    for port in random.SystemRandom().sample(range(20_000, 30_000), 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
