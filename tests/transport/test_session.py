"""Requests to a device: matched, refused, lost, or never sent."""

from __future__ import annotations

import asyncio

import pytest

from hotdesk_daemon.core.errors import LostAnswerError, RefusedError, TransientError
from tests.transport.doubles import LIMIT_S, TICK_S, a_device, a_link


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
