"""Metrics, readiness and the words to systemd."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hotdesk_daemon.ops.health import Readiness
from hotdesk_daemon.ops.metrics import Metrics
from hotdesk_daemon.ops.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_every_metric_is_rendered_under_its_documented_name() -> None:
    metrics = Metrics(version="1.2.3")
    metrics.stream_up.labels("osl-1").set(2)
    metrics.events.labels("Start").inc()
    metrics.commands.labels("Bookings Book", "done").inc()
    metrics.sync_runs.labels("connected", "applied").inc()
    metrics.journal_pruned.labels("records").inc()
    metrics.count_desks({"live": 3})

    names = {name for name, _ in samples(metrics)}

    assert {
        "hotdesk_breaker_open",
        "hotdesk_build_info",
        "hotdesk_command_retries_total",
        "hotdesk_commands_total",
        "hotdesk_desks",
        "hotdesk_drift_total",
        "hotdesk_events_total",
        "hotdesk_journal_pruned_total",
        "hotdesk_journal_quarantined_total",
        "hotdesk_journal_size_bytes",
        "hotdesk_journal_write_failures_total",
        "hotdesk_outbox_pending",
        "hotdesk_outbox_unknown",
        "hotdesk_parked",
        "hotdesk_sending_halted",
        "hotdesk_stream_up",
        "hotdesk_sync_runs_total",
        "hotdesk_undecodable_total",
    } == names


def test_counting_desks_replaces_the_count_before() -> None:
    metrics = Metrics(version="1")

    metrics.count_desks({"live": 3, "stale": 1})
    metrics.count_desks({"stale": 4})

    desks = {labels: value for (name, labels), value in samples(metrics).items() if name == "hotdesk_desks"}
    assert {frozenset({("state", "stale")}): 4.0} == desks


def test_two_daemons_in_one_process_count_apart() -> None:
    one, other = Metrics(version="1"), Metrics(version="1")

    one.drift.inc(5)

    assert 5 == samples(one)["hotdesk_drift_total", frozenset()]
    assert 0 == samples(other)["hotdesk_drift_total", frozenset()]


def test_readiness_says_why_not() -> None:
    assert Readiness(ready=True) == Readiness.unless([])
    assert Readiness(ready=False, reasons=("the journal is closed",)) == Readiness.unless(["the journal is closed"])


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(2)
        yield address, listener


def test_the_service_manager_hears_each_word_as_one_datagram(manager: tuple[str, socket.socket]) -> None:
    address, listener = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})

    notifier.status("opening\nthe journal")
    notifier.ready(status="12 desks")
    notifier.watchdog()
    notifier.reloading()
    notifier.stopping()

    heard = [listener.recv(4096).decode() for _ in range(5)]
    assert ["STATUS=opening the journal", "READY=1\nSTATUS=12 desks", "WATCHDOG=1"] == heard[:3]
    assert heard[3].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert int(heard[3].rpartition("=")[2]) > 0
    assert "STOPPING=1" == heard[4]
    assert 5 == notifier.sent


def test_an_abstract_address_is_understood() -> None:
    name = f"hotdesk-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(2)

        Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()

        assert b"READY=1" == listener.recv(4096)


def test_without_a_service_manager_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    nobody, deaf = Notifier({}), Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})

    nobody.ready()
    deaf.ready()

    assert 0 == nobody.sent == deaf.sent


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"WATCHDOG_USEC": "30000000"}, 15.0, id="watched"),
        pytest.param({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None, id="another process is watched"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="nonsense"),
        pytest.param({}, None, id="not watched"),
    ],
)
def test_the_watchdog_is_fed_twice_in_the_time_the_manager_waits(
    environ: dict[str, str], expected: float | None
) -> None:
    assert expected == Notifier(environ).watchdog_interval_s
