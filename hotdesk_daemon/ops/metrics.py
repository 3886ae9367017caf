"""
Numbers for Prometheus.

Names: ``hotdesk_``, a noun, the base unit, ``_total`` on counters. Labels come from closed sets; the one exception is
``desk``, on gauges with one series per desk only, so their number is the number of configured desks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Info, generate_latest

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What `Metrics.render` returns is of this type.
CONTENT_TYPE: Final = prometheus_client.CONTENT_TYPE_PLAIN_0_0_4

#: A commit on a good disk takes 0.3 ms; one that takes seconds is on a sick disk.


class Metrics:
    """Every metric of the daemon, in a registry of its own. Whoever knows the fact moves the number."""

    def __init__(self, *, version: str) -> None:
        # Else each counter has a second series that nobody reads.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry(auto_describe=True)
        self.stream_up = self._gauge("stream_up", "Devices of the desk that are connected and subscribed.", "desk")
        self.desks = self._gauge("desks", "Desks by how true their picture is: live, stale.", "state")
        self.events = self._counter("events", "Inputs applied.", "kind")
        self.commands = self._counter("commands", "Commands settled or parked.", "command", "outcome")
        self.command_retries = self._counter("command_retries", "Attempts repeated because nothing was done.")
        self.outbox_pending = self._gauge("outbox_pending", "Commands decided and not settled.")
        self.outbox_unknown = self._gauge("outbox_unknown", "Commands sent whose answer was lost.")
        self.parked = self._gauge("parked", "Commands that wait for a person.")
        self.breaker_open = self._gauge("breaker_open", "1 while commands of the rules are held back.")
        self.sending_halted = self._gauge("sending_halted", "1 while a person has stopped all sending.")
        self.sync_runs = self._counter("sync_runs", "Lists read.", "trigger", "outcome")
        self.drift = self._counter("drift", "Corrections by timed lists: what events should have told.")
        self.undecodable = self._counter("undecodable", "Messages that could not be understood, kept in the journal.")
        self.journal_size = self._gauge("journal_size_bytes", "Size of the journal with what SQLite keeps beside it.")
        self.journal_pruned = self._counter("journal_pruned", "What retention took out of the journal.", "kind")
        self.journal_failures = self._counter("journal_write_failures", "Commits that failed and were tried again.")
        self.journal_quarantined = self._counter("journal_quarantined", "Damaged journals that were put aside.")
        self.cloud_up = self._gauge("cloud_up", "Organisations whose cloud is heard.", "org")
        self.cloud_messages = self._counter(
            "cloud_messages", "Messages of the cloud, and what they were.", "org", "kind"
        )
        self.webhook_posts = self._counter("webhook_posts", "Posts of the webhook by outcome.", "org", "outcome")
        self.throttled = self._gauge("cloud_throttled", "Answers of the cloud that asked for a pause.", "org")
        self.token_state = self._gauge(
            "token_state", "How an organisation's tokens stand: 1 for the state.", "org", "state"
        )
        self.refresh_token_left = self._gauge(
            "refresh_token_left_seconds", "How long the refresh token lasts unless it is used.", "org"
        )
        Info("hotdesk_build", "The running version.", registry=self.registry).info({"version": version})

    def count_desks(self, states: Mapping[str, int]) -> None:
        """Set how many desks are in each state; states that are not named have none."""
        self.desks.clear()
        for state, number in states.items():
            self.desks.labels(state).set(number)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"hotdesk_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"hotdesk_{name}", text, labels, registry=self.registry)
