from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from hotdesk_daemon.transport import BackoffSettings, SetbackKind, Steps
from hotdesk_daemon.xapi.notifications import SUBSCRIPTIONS
from tests.transport.doubles import (
    BOOKING_EVENTS,
    LIMIT_S,
    SYNC_REQUIRED,
    TICK_S,
    TIMEOUT_PATH,
    VERSION_PATH,
    RunningLink,
    ScriptedDevice,
    a_device,
    a_link,
)

EVENTS = " ".join(BOOKING_EVENTS)


# --- standing up -----------------------------------------------------------------------------------------------------


async def test_a_session_reads_what_the_device_is_subscribes_to_parents_and_reports_up() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()

        assert [("up", "RoomOS 26.4.1 0123abc", 60)] == running.sink.news
        subscribed = [r["params"] for r in device.requests if r["method"] == "xFeedback/Subscribe"]
        assert [{"Query": list(path), "NotifyCurrentValue": True} for path in SUBSCRIPTIONS] == subscribed
        assert all(isinstance(request["id"], int) for request in device.requests)


async def test_news_from_before_the_session_stands_follow_after_up_in_order() -> None:
    async with a_device() as device:
        count = 0

        async def shout(socket: Any, request: dict[str, Any]) -> None:
            nonlocal count
            count += 1
            await device.notify({"Id": count, "Status": {}})
            await socket.send("{")

        device.on_request = shout
        async with a_link(device.url) as running:
            await running.sink.until(lambda: len(running.sink.all("received")) == len(SUBSCRIPTIONS) + 2)

            assert running.sink.kinds()[:3] == ["up", "received", "undecodable"]
            ids = [params["Id"] for (params,) in running.sink.all("received")]
            assert list(range(1, len(SUBSCRIPTIONS) + 3)) == ids


async def test_a_flood_before_the_session_stands_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotdesk_daemon.transport.setup.EARLY_FRAMES", 3)
    async with a_device() as device:

        async def shout(socket: Any, request: dict[str, Any]) -> None:
            await device.notify()

        device.on_request = shout
        device.held.add("xFeedback/Subscribe")
        async with a_link(device.url) as running:
            await running.down()

            assert SetbackKind.FLOOD is running.link.setback.kind


@pytest.mark.parametrize("path", [VERSION_PATH, TIMEOUT_PATH], ids=["version", "timeout"])
async def test_a_fact_that_the_role_may_not_read_is_unknown(path: list[str]) -> None:
    async with a_device() as device:
        device.errors[" ".join(path)] = (-31999, "Permission denied")
        async with a_link(device.url) as running:
            await running.up()

            expected = (None, 60) if path is VERSION_PATH else ("RoomOS 26.4.1 0123abc", None)
            assert [expected] == running.sink.all("up")


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("90", 90),
        (0, 0),
        (86_400, 86_400),
        (86_401, None),
        (10**12, None),
        ("9" * 5_000, None),
        ("999999999", None),
        (-1, None),
        (True, None),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_a_booking_timeout_that_nobody_can_mean_is_unknown(told: object, seconds: int | None) -> None:
    async with a_device() as device:
        device.results[" ".join(TIMEOUT_PATH)] = told
        async with a_link(device.url) as running:
            await running.up()

            assert [("RoomOS 26.4.1 0123abc", seconds)] == running.sink.all("up")


async def test_an_old_release_may_refuse_a_status() -> None:
    async with a_device() as device:
        device.errors[" ".join(SUBSCRIPTIONS[-1])] = (-32602, "No match on address expression")
        with capture_logs() as logs:
            async with a_link(device.url) as running:
                await running.up()

        refused = [line for line in logs if line["event"] == "link.subscription_refused"]
        assert [" ".join(SUBSCRIPTIONS[-1])] == [line["path"] for line in refused]


@pytest.mark.parametrize(
    ("key", "error", "kind", "wait_s"),
    [
        (EVENTS, (-31999, "Permission denied"), SetbackKind.EVENTS_REFUSED, 8),
        (" ".join(SUBSCRIPTIONS[1]), (-31998, "Subscriber count exceeded"), SetbackKind.SUBSCRIPTIONS, 8),
        (" ".join(VERSION_PATH), (-31997, "Not ready"), SetbackKind.NOT_READY, 1),
        (EVENTS, (-31997, "Not ready"), SetbackKind.NOT_READY, 1),
    ],
    ids=["events refused", "subscriptions used up", "still starting", "still starting at subscribing"],
)
async def test_a_session_that_is_of_no_use_is_ended_and_its_reason_told(
    key: str, error: tuple[int, str], kind: SetbackKind, wait_s: float
) -> None:
    async with a_device() as device:
        device.errors[key] = error
        async with a_link(device.url) as running:
            await running.waits.begun(1)

            assert [wait_s] == running.waits.asked
            assert kind is running.link.setback.kind
            assert ["down"] == running.sink.kinds()
            await asyncio.wait_for(device.sockets[0].wait_closed(), LIMIT_S)


async def test_a_device_that_answers_nothing_after_the_upgrade_is_left() -> None:
    async with a_device() as device:
        device.mute = True
        async with a_link(device.url, request_timeout_s=TICK_S) as running:
            await running.waits.begun(1)

            assert SetbackKind.NO_ANSWER is running.link.setback.kind


# --- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        b"{",
        b"null",
        b"[]",
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"2.0","id":99,"result":1}',
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}',
        b'{"jsonrpc":"2.0","method":"xOther","params":{}}',
        b"\xff\xfe",
        b"[" * 5_000,
    ],
    ids=["cut", "null", "array", "neither", "unknown id", "no id", "other method", "no utf-8", "deep"],
)
async def test_a_frame_that_means_nothing_is_kept_and_the_session_goes_on(frame: bytes) -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        await device.sockets[0].send(frame, text=False)
        await device.notify()
        await running.sink.until(lambda: running.sink.all("received"))

        assert ["up", "undecodable", "received"] == running.sink.kinds()
        assert frame == running.sink.all("undecodable")[0][0]
        assert [(SYNC_REQUIRED,)] == running.sink.all("received")


async def test_a_frame_over_the_limit_is_noted_and_the_link_starts_again() -> None:
    async with a_device() as device, a_link(device.url, max_frame_bytes=2_000) as running:
        await running.up()
        await device.notify({"Id": 0, "Status": {"x": "y" * 5_000}})
        await running.waits.begun(1)

        assert ["up", "undecodable", "down"] == running.sink.kinds()
        frame, error = running.sink.all("undecodable")[0]
        assert b"" == frame
        assert "limit of 2000 bytes" in error
        running.waits.end_one()
        await running.up(2)


# --- up and down -----------------------------------------------------------------------------------------------------

DOUBLING = BackoffSettings(normal=Steps(least_s=0, first_s=1, cap_s=1000), proven_after_s=30)


async def _cut(device: ScriptedDevice, running: RunningLink, times: int) -> None:
    device.sockets[-1].transport.abort()
    await running.waits.begun(times)
    running.waits.end_one()


async def test_waits_grow_until_a_session_has_proven_itself_by_a_frame() -> None:
    async with a_device() as device, a_link(device.url, backoff=DOUBLING) as running:
        for times in range(1, 4):
            await running.up(times)
            await _cut(device, running, times)
        await running.up(4)
        await device.notify()
        await running.sink.until(lambda: running.sink.all("received"))
        await _cut(device, running, 4)

        assert [1, 2, 4, 1] == running.waits.asked


async def test_a_session_that_stood_long_enough_has_proven_itself_without_a_word() -> None:
    time = [0.0]
    async with a_device() as device, a_link(device.url, clock=lambda: time[0], backoff=DOUBLING) as running:
        for times, stood_s in enumerate([0, 29, 30], start=1):
            await running.up(times)
            time[0] += stood_s
            await _cut(device, running, times)

        assert [1, 2, 1] == running.waits.asked


async def test_a_frame_that_breaks_every_session_is_met_ever_more_rarely() -> None:
    async with a_device() as device, a_link(device.url, backoff=DOUBLING, max_frame_bytes=2_000) as running:
        for times in range(1, 4):
            await running.up(times)
            assert {"status": "OK"} == await running.link.call("xGet", {"Path": ["Status"]})
            await device.notify({"Id": 0, "Status": {"x": "y" * 5_000}})
            await running.waits.begun(times)
            running.waits.end_one()

        assert [1, 2, 4] == running.waits.asked


async def test_down_and_up_are_told_once_each_however_often_it_is_tried() -> None:
    async with a_device() as device:
        device.refuse_with = 502
        with capture_logs() as logs:
            async with a_link(device.url) as running:
                for count in range(1, 4):
                    await running.waits.begun(count)
                    running.waits.end_one()
                await running.waits.begun(4)
                device.refuse_with = None
                running.waits.end_one()
                await running.up()

        assert ["down", "up"] == running.sink.kinds()
        levels = [line["log_level"] for line in logs if line["event"] == "link.down"]
        assert ["warning", "debug", "debug", "debug"] == levels
        assert 1 == len([line for line in logs if line["event"] == "link.up"])
        assert 4 == running.link.counters.setbacks[SetbackKind.BOOTING]


async def test_a_new_reason_of_the_same_kind_is_told_too() -> None:
    async with a_device() as device:
        async with a_link(device.url) as running:
            for count, status in enumerate([404, 404, 500, 500], start=1):
                device.refuse_with = status
                running.waits.end_one()
                await running.waits.begun(count)

        told = [cause for (cause,) in running.sink.all("down")]
        assert ["(HTTP 404)", "(HTTP 500)"] == [cause[cause.index("(") : cause.index(")") + 1] for cause in told]
        assert running.link.setback.cause == told[-1]


async def test_closing_drops_the_session_and_connects_again() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        running.link.close("the password was changed")
        await running.down()
        await running.waits.begun(1)
        running.waits.end_one()
        await running.up(2)

        assert [("the password was changed",)] == running.sink.all("down")


async def test_a_polite_goodbye_is_a_setback_like_any_other() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        await device.sockets[0].close(1000)
        await running.waits.begun(1)

        assert [("closed by the device with code 1000",)] == running.sink.all("down")
        assert [2] == running.waits.asked


async def test_no_frame_carries_more_than_json_rpc_asks_for() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()

        assert {"jsonrpc", "id", "method", "params"} == set(device.requests[0])
        assert "2.0" == json.loads(json.dumps(device.requests[0]))["jsonrpc"]
