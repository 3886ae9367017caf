"""What is told of a desk that grows stale and fresh, and of a flood."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from hotdesk_daemon.app.narrator import Narrator
from hotdesk_daemon.core.desk import Desk, Device, LinkState
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.ops.logs import configure_logs
from hotdesk_daemon.ops.metrics import DESK_SERIES, Metrics
from hotdesk_daemon.ops.settings import LogFormat, LogLevel

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from pathlib import Path
    from typing import Any

PANEL: Final = DeviceId("panel")
LIVE: Final = Desk(
    desk_id=DeskId("osl-4-014"),
    devices={PANEL: Device(device_id=PANEL, link=LinkState.LIVE, link_cause="listed")},
)


@pytest.fixture
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as told:
        yield told


@pytest.fixture
def narrator(logs: object) -> Narrator:
    return Narrator(Metrics(version="test"))


def linked(link: LinkState, cause: str) -> Desk:
    return attrs.evolve(LIVE, devices={PANEL: attrs.evolve(LIVE.devices[PANEL], link=link, link_cause=cause)})


def lines(logs: list[MutableMapping[str, Any]]) -> list[tuple[object, ...]]:
    return [(line["log_level"], line["event"], line.get("cause"), line.get("stale_s")) for line in logs]


def test_a_lost_link_and_its_return_are_told_at_info(narrator: Narrator, logs: list[Any]) -> None:
    down = linked(LinkState.DOWN, "connection lost")
    narrator.staleness(LIVE, down, mono=10.0)
    narrator.staleness(down, LIVE, mono=12.5)

    assert [("info", "desk.stale", "connection lost", None), ("info", "desk.fresh", None, 2.5)] == lines(logs)


def test_a_mere_doubt_is_told_at_debug(narrator: Narrator, logs: list[Any]) -> None:
    doubted = linked(LinkState.STALE, "listed")
    narrator.staleness(LIVE, doubted, mono=1.0)
    narrator.staleness(doubted, LIVE, mono=2.0)

    assert [("debug", "desk.stale", "the device says so", None), ("debug", "desk.fresh", None, 1.0)] == lines(logs)


def test_a_restart_does_not_tell_of_every_desk_that_it_is_stale(narrator: Narrator, logs: list[Any]) -> None:
    begun = linked(LinkState.DOWN, "daemon started")
    narrator.staleness(LIVE, begun, mono=1.0)
    narrator.staleness(begun, LIVE, mono=1.5)

    assert [("info", "desk.fresh", None, 0.5)] == lines(logs)


def samples(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def test_desks_beyond_those_with_series_are_counted(logs: list[Any]) -> None:
    metrics = Metrics(version="test")
    desks = [Desk(desk_id=DeskId(f"osl-{number:05}")) for number in range(DESK_SERIES + 3)]
    Narrator(metrics).count_desks(desks, now=datetime(2026, 5, 4, 8, tzinfo=UTC))

    assert 3 == samples(metrics)["hotdesk_desk_series_left_out"]


class Full(io.StringIO):
    def write(self, text: str, /) -> int:
        raise OSError("no space left on device")


def test_lines_that_went_elsewhere_or_nowhere_are_in_the_metrics(tmp_path: Path) -> None:
    metrics = Metrics(version="test")
    before = samples(metrics)
    configure_logs(
        level=LogLevel.INFO, form=LogFormat.JOURNALD, stream=Full(), environ={}, journal=str(tmp_path / "away")
    )
    Narrator(metrics).flooded("osl-4-014", size=1)

    after = samples(metrics)
    assert [2, 2] == [  # it says besides that the journal is away
        after[f"hotdesk_log_lines_{kind}_total"] - before[f"hotdesk_log_lines_{kind}_total"]
        for kind in ("beside", "lost")
    ]


def test_a_flood_is_told_once_until_it_is_over(narrator: Narrator, logs: list[Any]) -> None:
    for _ in range(3):
        narrator.flooded("osl-4-014", size=1000)
    narrator.drained("osl-4-014")
    narrator.flooded("osl-4-014", size=1000)

    full, empty = ("warning", "desk.overflow", 1000), ("info", "desk.drained", None)
    assert [full, empty, full] == [(x["log_level"], x["event"], x.get("size")) for x in logs]
