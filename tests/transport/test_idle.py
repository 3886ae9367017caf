"""When a device that says or answers nothing is left, and when it is our own slowness."""

from __future__ import annotations

import asyncio

import pytest

from hotdesk_daemon.core.errors import LostAnswerError
from hotdesk_daemon.transport import SetbackKind
from hotdesk_daemon.transport.session import Session
from tests.transport.doubles import LIMIT_S, TICK_S, UPTIME_PATH, Noted, ScriptedDevice, a_device, a_link

UPTIME = " ".join(UPTIME_PATH)


class Pings(Noted):
    """What became of the pings."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.answers: list[bool] = []
        ping = Session.ping

        async def noted(session: Session, *, timeout_s: float) -> bool:
            answer = await ping(session, timeout_s=timeout_s)
            self.answers.append(answer)
            await self.note()
            return answer

        monkeypatch.setattr(Session, "ping", noted)


def chatter(device: ScriptedDevice) -> None:
    """Let the device say something at every request."""

    async def notify(*_: object) -> None:
        await device.notify()

    device.on_request = notify


# --- silence ----------------------------------------------------------------------------------------------------------


async def test_a_quiet_device_that_answers_when_asked_stays_connected() -> None:
    async with a_device() as device, a_link(device.url, idle_limit_s=TICK_S / 4) as running:
        await running.up()
        await device.noted.until(lambda: len(device.asked(UPTIME)) >= 3)

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


# --- our own slowness -------------------------------------------------------------------------------------------------


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


async def test_pongs_that_wait_behind_our_own_slowness_are_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    pings = Pings(monkeypatch)
    ping_s = TICK_S / 10
    async with a_device() as device, a_link(device.url, ping_interval_s=ping_s, ping_timeout_s=ping_s) as running:
        await running.up()
        running.sink.hold.clear()
        for _ in range(60):  # more than is read ahead
            await device.notify()
        await pings.until(lambda: pings.answers.count(False) >= 3)
        running.sink.hold.set()
        await pings.until(lambda: pings.answers[-1])

        await running.sink.until(lambda: len(running.sink.all("received")) == 60)
        assert ["up"] + ["received"] * 60 == running.sink.kinds()


# --- answers ---------------------------------------------------------------------------------------------------------


async def test_a_device_that_goes_on_talking_and_answers_nothing_is_left() -> None:
    async with a_device() as device, a_link(device.url, idle_limit_s=TICK_S, request_timeout_s=TICK_S) as running:
        await running.up()
        device.mute = True
        chatter(device)
        for _ in range(3):
            with pytest.raises(LostAnswerError):
                await running.link.call("xGet", {}, timeout_s=TICK_S / 10)
        await running.down()

        assert [("silent: no answer when asked",)] == running.sink.all("down")
        assert SetbackKind.SILENT is running.link.setback.kind


async def test_a_device_that_answers_some_requests_is_not_left_for_the_others() -> None:
    async with a_device() as device, a_link(device.url, idle_limit_s=TICK_S / 4) as running:
        await running.up()
        device.held = {"xCommand/Bookings/List"}
        chatter(device)
        for _ in range(4):
            with pytest.raises(LostAnswerError):
                await running.link.call("xCommand/Bookings/List", {}, timeout_s=TICK_S / 10)
        await device.noted.until(lambda: len(device.asked(UPTIME)) >= 2)

        assert running.link.is_up
        assert [] == running.sink.all("down")


async def test_answers_lost_now_and_then_are_not_lost_in_a_row() -> None:
    async with a_device() as device, a_link(device.url, idle_limit_s=TICK_S / 2, request_timeout_s=TICK_S) as running:
        await running.up()
        device.held = {"xCommand/Bookings/List"}
        for _ in range(2):
            for _ in range(2):
                with pytest.raises(LostAnswerError):
                    await running.link.call("xCommand/Bookings/List", {}, timeout_s=TICK_S / 10)
            await running.link.call("xGet", {"Path": ["Status"]})
        device.mute = True
        chatter(device)
        before = len(device.asked(UPTIME))
        await device.noted.until(lambda: len(device.asked(UPTIME)) >= before + 2)

        assert [] == running.sink.all("down")
