"""
Numbers for Prometheus.

Names: ``hotdesk_``, a noun, the base unit, ``_total`` on counters. Each label has a closed set of values, or as many as
there are things of the configuration; ``desk`` is on two gauges only, for `DESK_SERIES` desks at most. What is declared
here is what ``docs/metrics.md`` lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs
import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily

from hotdesk_daemon.core import commands
from hotdesk_daemon.core.inputs import KINDS, ListCause
from hotdesk_daemon.ops.writers import LINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.core import Metric

#: What `Metrics.render` returns is of this type.
CONTENT_TYPE: Final = prometheus_client.CONTENT_TYPE_PLAIN_0_0_4
#: Desks that have series of their own, the first in the order of names; all desks are in the sums.
DESK_SERIES: Final = 5000

#: A commit on a good disk takes 0.3 ms; one that takes seconds is on a sick disk.
_COMMIT_BUCKETS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
#: Late by a few milliseconds is a busy loop; by half a second, somebody blocks it.
_LAG_BUCKETS: Final = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)

#: The values that a label can have: all of them, or in words where they come from the configuration.
Values = tuple[str, ...] | str
_ORG: Final = "id of an organisation of the configuration"
_DESK: Final = "id of a desk"
_COMMANDS: Final = tuple(
    sorted(
        kind.path
        for kind in vars(commands).values()
        if isinstance(kind, type) and issubclass(kind, commands.Command) and "path" in vars(kind)
    )
)
_TOKEN_STATES: Final = ("not activated", "valid", "failing", "reauthorise")


@attrs.frozen(kw_only=True)
class MetricSpec:
    """
    One metric: the name that its samples begin with, its type, its labels with their values, what it means.

    ``samples`` are the names of its samples, as an expression names them.
    """

    name: str
    kind: str
    meaning: str
    labels: Mapping[str, Values] = attrs.field(factory=dict)

    @property
    def samples(self) -> tuple[str, ...]:
        match self.kind:
            case "counter":
                return (f"{self.name}_total",)
            case "histogram":
                return tuple(f"{self.name}_{end}" for end in ("bucket", "count", "sum"))
            case "info":
                return (f"{self.name}_info",)
            case _:
                return (self.name,)


class DeskNumbers(NamedTuple):
    """One desk in numbers: its devices that are up, and when it was last heard, in seconds since 1970."""

    desk: str
    up: int
    heard_at: float | None


class Metrics:
    """
    Every metric of the daemon, in a registry of its own. Whoever knows the fact moves the number.

    ``specs`` has every metric by its name.
    """

    def __init__(self, *, version: str) -> None:
        # Else each counter has a second series that nobody reads.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry(auto_describe=False)
        self.specs: dict[str, MetricSpec] = {}
        self._desk_text = b""

        self.desks = self._gauge("desks", "Desks by how true their picture is.", state=("live", "stale"))
        self.last_event = self._gauge(
            "last_event_timestamp_seconds",
            "When any device was last heard: an event, a status or a list; at first when the daemon began.",
        )
        self.events = self._counter("events", "Inputs applied.", kind=tuple(KINDS))
        self.undecodable = self._counter("undecodable", "Messages that could not be understood, kept in the journal.")
        self.surprises = self._counter("surprises", "Events that did not fit what was held about their desk.")
        self._spec("gauge", "stream_up", "Devices of the desk that are connected and subscribed.", desk=_DESK)
        self._spec(
            "gauge",
            "stream_last_event_timestamp_seconds",
            "When a device of the desk was last heard; absent until one was.",
            desk=_DESK,
        )
        self.desks_left_out = self._gauge("desk_series_left_out", "Desks beyond those that have series of their own.")

        self.sync_runs = self._counter(
            "sync_runs",
            "Lists read, by what made us ask.",
            trigger=tuple(cause.value for cause in ListCause),
            outcome=("applied", "failed"),
        )
        self.sync_interval = self._gauge(
            "sync_interval_seconds", "The longest time that a desk with a link may go without a list."
        )
        self.drift = self._counter("drift", "Corrections by timed lists: what events should have told.")

        self.commands = self._counter(
            "commands",
            "Commands settled or parked.",
            command=_COMMANDS,
            outcome=("done", "refused", "dropped", "parked"),
        )
        self.command_retries = self._counter("command_retries", "Attempts repeated because nothing was done.")
        self.outbox_pending = self._gauge("outbox_pending", "Commands decided and not settled.")
        self.outbox_oldest = self._gauge(
            "outbox_oldest_unsent_seconds", "How long the oldest command that is not sent yet waits; 0 without one."
        )
        self.outbox_unknown = self._gauge("outbox_unknown", "Commands sent whose answer was lost.")
        self.parked = self._gauge("parked", "Commands that wait for a person.")
        self.breaker_open = self._gauge("breaker_open", "1 while commands of the rules are held back.")
        self.sending_halted = self._gauge("sending_halted", "1 while a person has stopped all sending.")
        self.sign_outs_unverified = self._counter(
            "sign_outs_unverified", "Sign-outs that a device took while somebody stayed signed in."
        )

        self.cloud_up = self._gauge("cloud_up", "Whether an organisation's cloud is heard: 1 or 0.", org=_ORG)
        self.cloud_messages = self._counter(
            "cloud_messages",
            "Messages of the cloud, and what they were.",
            org=_ORG,
            kind=(
                "status", "events", "healthCheck", "action", "duplicate", "overtaken", "too old", "stranger",
                "undecodable",
            ),
        )  # fmt: skip
        self.webhook_posts = self._counter(
            "webhook_posts",
            "Posts of the webhook.",
            org=_ORG,
            outcome=("taken", "refused", "busy", "too big"),
        )
        self.throttled = self._counter("cloud_throttled", "Answers of the cloud that asked for a pause.", org=_ORG)
        self.token_state = self._gauge(
            "token_state", "How an organisation's tokens stand: 1 for the state.", org=_ORG, state=_TOKEN_STATES
        )
        self.refresh_token_left = self._gauge(
            "refresh_token_left_seconds", "How long the refresh token lasts unless it is used.", org=_ORG
        )
        self.reload_successful = self._gauge(
            "config_last_reload_successful", "Whether the configuration could be used when it was last read: 1 or 0."
        )
        self.reload_success_time = self._gauge(
            "config_last_reload_success_timestamp_seconds", "When it was last read and could be used."
        )

        self.journal_size = self._gauge("journal_size_bytes", "Size of the journal with what SQLite keeps beside it.")
        self.journal_pruned = self._counter(
            "journal_pruned", "What retention took out of the journal.", kind=("records", "raw", "commands")
        )
        self.journal_failures = self._counter("journal_write_failures", "Commits that failed and were tried again.")
        self.journal_quarantined = self._counter("journal_quarantined", "Damaged journals that were put aside.")
        self.journal_writable = self._gauge("journal_writable", "Whether the last write to the journal succeeded.")
        self.journal_writable.set(1)
        self.journal_append = self._histogram(
            "journal_append_seconds", "How long it took until a desk's records were durable.", _COMMIT_BUCKETS
        )
        self.loop_lag = self._histogram(
            "loop_lag_seconds", "How late the event loop is for what is to happen each second.", _LAG_BUCKETS
        )
        self.registry.register(_LogLines(self))
        self._spec("info", "build", "The running version.", version="of the daemon")
        Info("hotdesk_build", "The running version.", registry=self.registry).info({"version": version})

    def count_desks(self, states: Mapping[str, int]) -> None:
        """Set how many desks are in each state; states that are not named have none."""
        self.desks.clear()
        for state, number in states.items():
            self.desks.labels(state).set(number)

    def tell_desks(self, desks: Iterable[DeskNumbers]) -> None:
        """
        Set the series of each desk, in the order of names; desks that are not told of have none any more.

        The text is made here: prometheus-client takes twenty times as long for it, 65 ms for 5,000 desks, in which
        nothing else happens.
        """
        up = [_head(self.specs["hotdesk_stream_up"])]
        heard = [_head(self.specs["hotdesk_stream_last_event_timestamp_seconds"])]
        left_out = 0
        for number, (desk, is_up, heard_at) in enumerate(desks):
            if number >= DESK_SERIES:
                left_out += 1
                continue
            label = _escaped(desk)
            up.append(f'hotdesk_stream_up{{desk="{label}"}} {is_up}.0\n')
            if heard_at is not None:
                heard.append(f'hotdesk_stream_last_event_timestamp_seconds{{desk="{label}"}} {heard_at!r}\n')
        self._desk_text = "".join((*up, *heard)).encode()
        self.desks_left_out.set(left_out)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format, but what `render_process` gives."""
        return generate_latest(self.registry) + self._desk_text

    # --- declaring ---------------------------------------------------------------------------------------------------

    def _spec(self, kind: str, name: str, meaning: str, /, **labels: Values) -> str:
        spec = MetricSpec(name=f"hotdesk_{name}", kind=kind, meaning=meaning, labels=labels)
        self.specs[spec.name] = spec
        return spec.name

    def _counter(self, name: str, meaning: str, /, **labels: Values) -> Counter:
        full = self._spec("counter", name, meaning, **labels)
        return Counter(full, meaning, tuple(labels), registry=self.registry)

    def _gauge(self, name: str, meaning: str, /, **labels: Values) -> Gauge:
        return Gauge(self._spec("gauge", name, meaning, **labels), meaning, tuple(labels), registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(self._spec("histogram", name, meaning), meaning, registry=self.registry, buckets=buckets)


class _LogLines:
    """The counts of log lines, which are the process's and not a daemon's."""

    def __init__(self, metrics: Metrics) -> None:
        spec = metrics._spec  # noqa: SLF001 - a part of it
        self._specs = metrics.specs
        spec("counter", "log_lines", "Log lines written.", level=("debug", "info", "warning", "error"))
        spec("counter", "log_lines_folded", "Log lines left out in floods; `log.folded` tells of them.")
        spec("counter", "log_lines_beside", "Log lines on stdout because systemd's journal did not take them.")
        spec("counter", "log_lines_lost", "Log lines that could be written nowhere.")

    def collect(self) -> Iterator[Metric]:
        lines = self._family("hotdesk_log_lines")
        for level in ("debug", "info", "warning", "error"):
            lines.add_metric((level,), LINES.written[level])
        yield lines
        for name, value in (("folded", LINES.folded), ("beside", LINES.beside), ("lost", LINES.lost)):
            family = self._family(f"hotdesk_log_lines_{name}")
            family.add_metric((), value)
            yield family

    def _family(self, name: str) -> CounterMetricFamily:
        spec = self._specs[name]
        return CounterMetricFamily(name, spec.meaning, labels=tuple(spec.labels))


#: What prometheus-client tells of the process, where the machine lets it; not read with the rest: it reads files.
PROCESS: Final = tuple(
    MetricSpec(name=name, kind=kind, meaning=meaning)
    for name, kind, meaning in (
        ("process_cpu_seconds", "counter", "Time that the process spent on a processor."),
        ("process_resident_memory_bytes", "gauge", "Memory in use."),
        ("process_virtual_memory_bytes", "gauge", "Memory that it may address."),
        ("process_start_time_seconds", "gauge", "When it began; absent where `/proc/stat` is hidden."),
        ("process_open_fds", "gauge", "Open files and connections."),
        ("process_max_fds", "gauge", "How many of those it may have."),
    )
)
_PROCESS_REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=_PROCESS_REGISTRY)


def render_process() -> bytes:
    """The metrics of the process; blocking, for it reads ``/proc``."""
    return generate_latest(_PROCESS_REGISTRY)


def _head(spec: MetricSpec) -> str:
    return f"# HELP {spec.name} {spec.meaning}\n# TYPE {spec.name} {spec.kind}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
