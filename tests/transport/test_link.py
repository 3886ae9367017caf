from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from hotdesk_daemon.core.errors import LostAnswerError, RefusedError, TransientError
from hotdesk_daemon.transport import BackoffSettings, SetbackKind, Steps
from hotdesk_daemon.xapi.notifications import SUBSCRIPTIONS
from tests.transport.doubles import (
    BOOKING_EVENTS,
    LIMIT_S,
    SYNC_REQUIRED,
    TICK_S,
    TIMEOUT_PATH,
    UPTIME_PATH,
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


# --- calls -----------------------------------------------------------------------------------------------------------


async def test_answers_are_matched_on_their_id_in_whatever_order_they_come() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        device.held = {"xGet"}
        calls = [asyncio.create_task(running.link.call("xGet", {"Path": ["Status", str(n)]})) for n in range(3)]
        await device.noted.until(lambda: len(device.asked("xGet")) == 2 + 3)
        for request in reversed(device.asked("xGet")[2:]):
            device.results["xGet"] = f"value of {request['params']['Path'][1]}"
            await device.answer(device.sockets[0], request)

        assert ["value of 0", "value of 1", "value of 2"] == await asyncio.gather(*calls)


async def test_a_refusal_carries_the_devices_own_words() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        device.errors["xCommand/Bookings/Delete"] = (1, "Booking not found")

        with pytest.raises(RefusedError, match="Booking not found") as caught:
            await running.link.call("xCommand/Bookings/Delete", {"MeetingId": "m1"})

        assert 1 == caught.value.code


async def test_a_device_that_is_still_starting_did_nothing() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        device.errors["xCommand/Bookings/Delete"] = (-31997, "Not ready")

        with pytest.raises(TransientError) as caught:
            await running.link.call("xCommand/Bookings/Delete", {})

        assert not isinstance(caught.value, LostAnswerError)


async def test_without_a_session_nothing_leaves_us() -> None:
    async with a_device() as device:
        running = a_link(device.url)

        with pytest.raises(TransientError, match="not connected yet") as caught:
            await running.link.call("xGet", {})

        assert not isinstance(caught.value, LostAnswerError)


async def test_an_answer_that_does_not_come_in_time_is_lost_and_counted_when_it_comes() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        device.held = {"xGet"}

        with pytest.raises(LostAnswerError, match="within"):
            await running.link.call("xGet", {"Path": ["Status"]}, timeout_s=TICK_S)
        await device.answer(device.sockets[0], device.requests[-1])
        await running.sink.until(lambda: running.sink.all("undecodable"))

        assert "a reply nobody asked for" == running.sink.all("undecodable")[0][1]
        assert 1 == running.link.counters.unasked_replies
        assert running.link.is_up


async def test_a_cut_loses_every_pending_answer_at_once() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        device.held = {"xGet"}
        calls = [asyncio.create_task(running.link.call("xGet", {})) for _ in range(3)]
        await device.noted.until(lambda: len(device.asked("xGet")) == 2 + 3)
        device.sockets[0].transport.abort()

        errors = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), LIMIT_S)
        assert [LostAnswerError] * 3 == [type(error) for error in errors]
        assert all("connection broke" in str(error) for error in errors)
        await running.down()
        assert ["up", "down"] == running.sink.kinds()


async def test_requests_of_one_device_wait_for_a_place() -> None:
    async with a_device() as device, a_link(device.url, max_requests=2, request_timeout_s=LIMIT_S) as running:
        await running.up()
        device.held = {"xGet"}
        calls = [asyncio.create_task(running.link.call("xGet", {})) for _ in range(2)]
        await device.noted.until(lambda: len(device.asked("xGet")) == 2 + 2)

        with pytest.raises(TransientError, match="too many requests") as caught:
            await running.link.call("xSet", {}, timeout_s=TICK_S)

        assert not isinstance(caught.value, LostAnswerError)
        assert [] == device.asked("xSet")
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert {"status": "OK"} == await running.link.call("xSet", {})


async def test_cancelling_the_link_gives_up_pending_calls_and_closes() -> None:
    async with a_device() as device, a_link(device.url) as running:
        await running.up()
        device.held = {"xGet"}
        call = asyncio.create_task(running.link.call("xGet", {}))
        await device.noted.until(lambda: len(device.asked("xGet")) == 2 + 1)
        await running.stop()

        with pytest.raises(LostAnswerError):
            await call
        await asyncio.wait_for(device.sockets[0].wait_closed(), LIMIT_S)
        assert 1001 == device.sockets[0].close_code
        assert ["up"] == running.sink.kinds()


@pytest.mark.parametrize("turns", range(1, 40))
async def test_cancelling_at_any_moment_leaves_no_socket_and_no_task(turns: int) -> None:
    async with a_device() as device:
        running = a_link(device.url)
        async with running:
            for _ in range(turns):
                await asyncio.sleep(0)
            assert running.task is not None
            running.task.cancel()
            await asyncio.wait([running.task])

            assert running.task.cancelled()
        assert not running.link.is_up
        for socket in device.sockets:
            await asyncio.wait_for(socket.wait_closed(), LIMIT_S)


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


async def test_a_link_reads_no_further_while_its_sink_is_busy() -> None:
    async with a_device() as device, a_link(device.url, idle_limit_s=TICK_S / 4, request_timeout_s=TICK_S) as running:
        await running.up()
        running.sink.hold.clear()
        await device.notify()
        await device.notify()
        await running.sink.until(lambda: running.sink.all("received"))
        await asyncio.sleep(3 * TICK_S)  # far beyond the idle limit: our own slowness is not the device's silence

        assert ["up", "received"] == running.sink.kinds()
        running.sink.hold.set()
        await running.sink.until(lambda: len(running.sink.all("received")) == 2)
        assert ["up", "received", "received"] == running.sink.kinds()


# --- silence ---------------------------------------------------------------------------------------------------------


async def test_a_quiet_device_that_answers_when_asked_stays_connected() -> None:
    async with a_device() as device, a_link(device.url, idle_limit_s=TICK_S / 4) as running:
        await running.up()
        await device.noted.until(lambda: len(device.asked(" ".join(UPTIME_PATH))) >= 3)

        assert ["up"] == running.sink.kinds()


async def test_a_device_that_answers_pings_but_no_question_is_silent() -> None:
    async with (
        a_device() as device,
        a_link(
            device.url,
            idle_limit_s=TICK_S,
            request_timeout_s=TICK_S,
            ping_interval_s=TICK_S / 4,
            ping_timeout_s=LIMIT_S,
        ) as running,
    ):
        await running.up()
        device.mute = True
        await running.down()

        assert [("silent: no answer when asked",)] == running.sink.all("down")
        assert SetbackKind.SILENT is running.link.setback.kind


async def test_a_connection_without_pongs_is_silent() -> None:
    async with a_device() as device, a_link(device.url, ping_interval_s=TICK_S, ping_timeout_s=TICK_S) as running:
        await running.up()
        device.sockets[0].transport.pause_reading()
        await running.down()

        assert [("silent: no pong",)] == running.sink.all("down")


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
