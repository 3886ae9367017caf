"""Floods of log lines: the first are written, the rest is counted and told of once."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from typing import Any

import attrs
import pytest
import structlog

from hotdesk_daemon.ops.floods import MOST, WINDOW_S
from hotdesk_daemon.ops.logs import close_logs, configure_logs, get_log
from hotdesk_daemon.ops.settings import LogFormat, LogLevel
from hotdesk_daemon.ops.writers import LINES


@attrs.define
class Hand:
    """A clock that is moved by hand."""

    at: float = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def out(hand: Hand) -> io.StringIO:
    stream = io.StringIO()
    configure_logs(level=LogLevel.DEBUG, form=LogFormat.JSON, stream=stream, environ={})
    use_floods(mono=hand)
    return stream


def use_floods(**options: Any) -> None:
    """Fold by other numbers, everything else as it is."""
    first, floods, *rest = structlog.get_config()["processors"]
    structlog.configure(processors=[first, attrs.evolve(floods, **options), *rest])


def lines_of(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def folded(out: io.StringIO) -> list[tuple[object, ...]]:
    return [
        (line["level"], line["folded"], line["lines"], line.get("desk_id"))
        for line in lines_of(out)
        if line["event"] == "log.folded"
    ]


def test_what_is_wrong_with_a_configuration_is_told_however_often_it_is_tried(out: io.StringIO) -> None:
    for number in range(3 * MOST):
        get_log().error("config.invalid", problem=f"mistake {number}")

    assert [f"mistake {number}" for number in range(3 * MOST)] == [line["problem"] for line in lines_of(out)]


def test_of_a_flood_the_first_lines_are_written_and_the_rest_is_told_as_a_number(out: io.StringIO, hand: Hand) -> None:
    before = LINES.folded
    for _ in range(MOST + 312):
        get_log(desk_id="osl-1").warning("desk.surprise")

    assert MOST == len(lines_of(out))
    assert 312 == LINES.folded - before

    hand.at += WINDOW_S
    get_log(desk_id="osl-1").warning("desk.surprise")

    assert [("warning", "desk.surprise", 312, "osl-1")] == folded(out)
    assert (MOST + 2, "desk.surprise") == (len(lines_of(out)), lines_of(out)[-1]["event"])


def test_a_flood_at_one_desk_hides_neither_another_desk_nor_another_event(out: io.StringIO) -> None:
    for _ in range(MOST + 1):
        get_log(desk_id="osl-1").warning("desk.surprise")
        get_log(org="acme").warning("webhook.refused")
    get_log(desk_id="osl-2").warning("desk.surprise")
    get_log(desk_id="osl-1").warning("desk.drift")
    get_log(org="other").warning("webhook.refused")

    last = [(line["event"], line.get("desk_id"), line.get("org")) for line in lines_of(out)[2 * MOST :]]
    assert [
        ("desk.surprise", "osl-2", None),
        ("desk.drift", "osl-1", None),
        ("webhook.refused", None, "other"),
    ] == last


def test_each_library_has_a_flood_of_its_own(out: io.StringIO) -> None:
    for _ in range(MOST + 1):
        get_log(logger="asyncio").error("library.message", message="slow")
    get_log(logger="aiohttp.server").error("library.message", message="failed")
    close_logs()

    assert [("error", "library.message", 1, None)] == folded(out)
    assert ["asyncio"] == [line["logger"] for line in lines_of(out) if line["event"] == "log.folded"]


def test_debug_lines_are_never_folded(out: io.StringIO) -> None:
    for _ in range(3 * MOST):
        get_log(desk_id="osl-1").debug("command.sent")

    assert 3 * MOST == len(lines_of(out))


def test_what_is_only_counted_is_told_at_the_end_and_before_logs_change(out: io.StringIO) -> None:
    for _ in range(MOST + 2):
        get_log().info("link.up")
    close_logs()
    close_logs()
    for _ in range(MOST + 3):
        get_log().info("link.up")
    configure_logs(level=LogLevel.INFO, form=LogFormat.JSON, stream=io.StringIO(), environ={})

    assert [("info", "link.up", 2, None), ("info", "link.up", 3, None)] == folded(out)


async def test_it_is_told_in_time_though_nothing_else_is_logged() -> None:
    told = asyncio.Event()

    class Telling(io.StringIO):
        def write(self, text: str) -> int:
            if "log.folded" in text:
                told.set()
            return super().write(text)

    configure_logs(level=LogLevel.INFO, form=LogFormat.JSON, stream=Telling(), environ={})
    use_floods(window_s=0.01)
    for _ in range(MOST + 1):
        get_log().info("link.up")

    async with asyncio.timeout(4):
        await told.wait()


def test_memory_is_bounded_by_forgetting_the_oldest_which_is_told(out: io.StringIO) -> None:
    use_floods(keys_kept=100)
    for _ in range(MOST + 5):
        get_log(desk_id="first").info("link.up")
    for number in range(100):
        get_log(desk_id=f"osl-{number}").info("link.up")

    assert [("info", "link.up", 5, "first")] == folded(out)

    get_log(desk_id="first").info("link.up")

    assert "first" == lines_of(out)[-1]["desk_id"]


def test_threads_may_log_together(out: io.StringIO) -> None:
    before = LINES.folded

    def work() -> None:
        for _ in range(1000):
            get_log(desk_id="osl-1").info("link.up")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=4)

    assert (MOST, 4000 - MOST) == (len(lines_of(out)), LINES.folded - before)
