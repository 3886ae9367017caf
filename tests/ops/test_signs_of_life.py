"""Metrics, readiness and the words to systemd."""

from __future__ import annotations

import io
import os
import socket
from typing import TYPE_CHECKING

import pytest
from prometheus_client import Counter, Gauge
from prometheus_client.parser import text_string_to_metric_families

from hotdesk_daemon.ops.health import Readiness
from hotdesk_daemon.ops.logs import configure_logs, get_log
from hotdesk_daemon.ops.metrics import DESK_SERIES, PROCESS, DeskNumbers, Metrics, render_process
from hotdesk_daemon.ops.notify import Notifier
from hotdesk_daemon.ops.settings import LogFormat, LogLevel
from hotdesk_daemon.transport.cloud import TokenState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_every_metric_is_rendered_under_its_documented_name_and_with_its_type_and_labels() -> None:
    metrics = Metrics(version="1.2.3")
    metrics.tell_desks([DeskNumbers("osl-1", 2, 1763719000.25)])
    for told in vars(metrics).values():
        if isinstance(told, Counter | Gauge) and told._labelnames:  # noqa: SLF001 - what it was declared with
            told.labels(**dict.fromkeys(told._labelnames, "x"))  # noqa: SLF001 - likewise
    families = {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}

    assert {spec.name if spec.kind != "info" else f"{spec.name}_info" for spec in metrics.specs.values()} == {*families}
    for spec in metrics.specs.values():
        family = families[spec.samples[0] if spec.kind == "info" else spec.name]
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert ({"info": "gauge"}.get(spec.kind, spec.kind), spec.meaning) == (family.type, family.documentation)
        assert {*spec.samples} == {sample.name for sample in family.samples}
        assert {*spec.labels} == labels


def test_desks_have_series_up_to_a_limit_and_the_rest_is_counted() -> None:
    metrics = Metrics(version="1")
    metrics.tell_desks(DeskNumbers(f"osl-{number:05}", number % 2, None) for number in range(DESK_SERIES + 7))

    told = [dict(labels)["desk"] for name, labels in samples(metrics) if name == "hotdesk_stream_up"]
    assert (DESK_SERIES, "osl-00000", "osl-04999") == (len(told), told[0], told[-1])
    assert 7 == samples(metrics)["hotdesk_desk_series_left_out", frozenset()]


def test_a_desk_that_is_gone_has_no_series_any_more_and_any_name_is_told() -> None:
    metrics = Metrics(version="1")
    metrics.tell_desks([DeskNumbers("gone", 1, 1.5)])
    metrics.tell_desks([DeskNumbers('osl/5 «"001"\\\n', 1, 1763719000.25)])

    desk = frozenset({("desk", 'osl/5 «"001"\\\n')})
    told = {key: value for key, value in samples(metrics).items() if key[0].startswith("hotdesk_stream")}
    assert {
        ("hotdesk_stream_up", desk): 1,
        ("hotdesk_stream_last_event_timestamp_seconds", desk): 1763719000.25,
    } == told


def test_lines_of_the_log_are_counted_by_level() -> None:
    configure_logs(level=LogLevel.INFO, form=LogFormat.JSON, stream=io.StringIO(), environ={})
    level = frozenset({("level", "error")})
    before = samples(Metrics(version="1"))["hotdesk_log_lines_total", level]
    get_log().error("daemon.failed", error="x")

    assert before + 1 == samples(Metrics(version="1"))["hotdesk_log_lines_total", level]


def test_the_process_is_told_of_with_its_documented_names() -> None:
    families = {family.name: family.type for family in text_string_to_metric_families(render_process().decode())}

    assert {spec.name: spec.kind for spec in PROCESS} == families


def test_the_states_of_tokens_are_all_that_there_are() -> None:
    assert (*TokenState,) == Metrics(version="1").specs["hotdesk_token_state"].labels["state"]


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


def test_a_change_of_state_that_the_manager_could_not_take_is_told_with_the_next_message(
    manager: tuple[str, socket.socket],
) -> None:
    address, listener = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    sent = -1
    while sent != notifier.sent:  # until its queue is full
        sent = notifier.sent
        notifier.status("busy")
    notifier.ready()
    notifier.watchdog()
    listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    heard = [listener.recv(4096) for _ in range(sent)]
    notifier.status("well")

    assert {b"STATUS=busy"} == {*heard}
    assert [b"READY=1", b"STATUS=well"] == [listener.recv(4096), listener.recv(4096)]
