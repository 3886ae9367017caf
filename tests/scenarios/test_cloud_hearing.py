"""What an organisation hears: gaps in its queue, silence, two ways at once, messages that come late, again or never."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from aiohttp import web

from hotdesk_daemon.ops.settings import Events
from hotdesk_daemon.simulator.cloud.xapi import RestError
from tests.scenarios.test_cloud_actions import stored
from tests.scenarios.test_cloud_tokens import HOUR_S, cloud_of, is_heard
from tests.scenarios.test_cloud_webhook import answered, journaled, message
from tests.scenarios.test_start_and_stop import lines, readiness
from tests.scenarios.transports import over, over_cloud

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Mapping

    from hotdesk_daemon.simulator.cloud import CloudOrganisation
    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud

#: A gap is noticed at once, and the list that follows is soon there.
SOON_S = 120.0


def both(transport: Cloud, **wanted: object) -> Cloud:
    return attrs.evolve(transport, wanted={"events": Events.BOTH, **wanted})


def book_on_device(site: Site, *, hours: int = 48) -> None:
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60 * hours))


def tell_status(site: Site, values: Mapping[str, object], *, ahead: timedelta = timedelta(0)) -> None:
    """Put a status message into the queue that says it is of so much later."""
    cloud = cloud_of(site)
    said = (site.clock.now() + ahead).isoformat().replace("+00:00", "Z")
    body = cloud.envelope("status", site.device) | {"timestamp": said, "isFullSync": False}
    cloud.queue.put(json.dumps(body | {"changes": {"updated": values, "removed": []}}).encode())


def patches(site: Site) -> int:
    return sum(one.method == "PATCH" for one in cloud_of(site).requests)


def polls(site: Site) -> list[int]:
    """How the cloud answered each poll."""
    return [one.status for one in cloud_of(site).requests if one.path.endswith("/queue")]


async def counted(site: Site, kind: str) -> float:
    page = await site.text("/metrics")
    found = [line for line in page.splitlines() if "cloud_messages_total" in line and f'kind="{kind}"' in line]
    return sum(float(line.split()[-1]) for line in found)


# --- gaps ------------------------------------------------------------------------------------------------------------


def lost_with(cloud: CloudOrganisation, how: Callable[[list[bytes]], list[bytes]]) -> Callable[[], list[bytes]]:
    """Take messages off the queue, and let the first ones not arrive."""
    real, was_lost = cloud.queue.take, False

    def take() -> list[bytes]:
        nonlocal was_lost
        out = real()
        if not out or was_lost:
            return out
        was_lost = True
        return how(out)

    return take


def failing(_: list[bytes]) -> list[bytes]:
    raise RestError(504, "The gateway gave up.")


LOSSES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "failed": failing,
    "garbled": lambda _: [b'{"type":"events"', b"]"],
    "of another type": lambda out: [*out[:-1], out[-1] + b'],"pollUrl":7,"x":[0'],
}


@over("queue")
@pytest.mark.parametrize("how", LOSSES)
async def test_what_an_answer_lost_is_looked_up(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    site = await open_site("local")
    await site.advance(1)
    monkeypatch.setattr(cloud_of(site).queue, "take", lost_with(cloud_of(site), LOSSES[how]))
    book_on_device(site)
    await site.advance(SOON_S)

    assert 1 == len(site.bookings())
    assert site.agrees(), site.disagreement()
    assert 1 == len(lines(log, "org.gap"))
    assert (200, []) == await readiness(site)


@over("queue")
async def test_what_went_with_a_queue_is_looked_up(open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    cloud.faults.enable("poll_error", times=1, status=404)
    await site.until(lambda: 404 in polls(site), step_s=0.5)
    with monkeypatch.context() as patch:
        patch.setattr(cloud.queue, "put", lambda _: None)
        book_on_device(site)
    await site.advance(SOON_S)

    assert site.agrees(), site.disagreement()
    assert not site.is_stale


@over("queue")
async def test_what_stayed_in_the_queue_of_another_region_is_looked_up(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local")
    cloud, real = cloud_of(site), cloud_of(site).configure

    def configure(path: str, settings: Mapping[str, Any]) -> None:
        book_on_device(site)
        cloud.queue.take()
        real(path, settings)

    monkeypatch.setattr(cloud, "configure", configure)
    before = patches(site)
    cloud.move_region()
    await site.until(lambda: patches(site) > before, step_s=0.5)
    await site.advance(SOON_S)

    assert 1 == len(site.bookings())
    assert site.agrees(), site.disagreement()


@over("queue")
@pytest.mark.parametrize("first", [404, 502])
async def test_a_queue_that_fails_for_hours_is_never_taken_for_one_that_works(open_site: OpenSite, first: int) -> None:
    """
    Neither when the set-up names it again, nor when the silence lasts so long that it is set up anew.
    """
    site = await open_site("local")
    cloud = cloud_of(site)
    cloud.faults.enable("poll_error", times=1, status=first)
    await site.until(lambda: first in polls(site), step_s=0.5)
    cloud.faults.enable("poll_error", status=502)
    await site.advance(600)
    for _ in range(10):
        await site.advance(HOUR_S / 2)
        assert (site.is_stale, False) == (True, await is_heard(site))
        assert 503 == (await readiness(site))[0]

    cloud.faults.clear()
    await site.until(site.is_live, limit_s=SOON_S)

    assert (200, []) == await readiness(site)
    assert site.agrees()


@over("queue")
async def test_a_cloud_that_does_not_say_where_its_queue_is_is_asked_again(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local", start=False)
    cloud, times = cloud_of(site), 0
    real = cloud.app

    def app() -> dict[str, Any]:
        nonlocal times
        times += 1
        return {name: value for name, value in real().items() if name != "queue" or times > 2}

    monkeypatch.setattr(cloud, "app", app)
    await site.start(live=False)
    await site.clock.settle()
    assert 503 == (await readiness(site))[0]
    await site.until(site.is_live, limit_s=SOON_S)
    book_on_device(site)
    await site.advance(2)

    assert 3 == times
    assert site.agrees()


@over("queue")
async def test_a_set_up_that_fails_once_leaves_a_queue_that_works_alone(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local")
    cloud, real, failures = cloud_of(site), cloud_of(site).configure, 2

    def configure(path: str, settings: Mapping[str, Any]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise RestError(503, "Something went wrong.")
        real(path, settings)

    monkeypatch.setattr(cloud, "configure", configure)
    told = {"statuses": cloud.statuses, "commands": cloud.commands, "events": cloud.events}
    cloud.send_action("updateApproved", scopes="spark:xapi_statuses", xapiAccess=json.dumps(told))
    await site.until(lambda: not failures, step_s=0.5)
    await site.advance(600)

    assert not site.is_stale
    assert (200, []) == await readiness(site)


# --- silence ---------------------------------------------------------------------------------------------------------


@over_cloud
async def test_a_way_that_falls_silent_is_set_up_anew_and_everything_is_looked_at(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Every device says something once an hour, so a queue that answers and has never anything to say does not work.
    """
    site = await open_site("local")
    before = patches(site)
    monkeypatch.setattr(cloud_of(site), "send", lambda _: None)
    book_on_device(site)
    await site.advance(3 * HOUR_S)

    assert before + 1 == patches(site)
    assert ["no message for too long"] == [line["reason"] for line in lines(log, "org.down")]
    assert site.agrees(), site.disagreement()
    assert (200, []) == await readiness(site)


# --- both ways -------------------------------------------------------------------------------------------------------


@over("webhook")
async def test_with_both_ways_a_queue_that_fails_is_no_loss(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", transport=both(transport))
    cloud_of(site).faults.enable("poll_error", status=502)
    await site.advance(HOUR_S)
    site.mark()
    book_on_device(site)
    await site.advance(5)

    assert site.agrees(), site.disagreement()
    assert 0 == site.lists()
    assert not site.is_stale
    assert (200, []) == await readiness(site)


@over("webhook")
async def test_with_both_ways_a_message_counts_once_however_it_is_written(
    open_site: OpenSite, transport: Cloud
) -> None:
    site = await open_site("local", transport=both(transport))
    body = message(site)
    compact = json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True).encode()
    cloud_of(site).queue.put(compact)
    await site.advance(1)
    assert 204 == await answered(site, body)

    assert [0, 1] == [await journaled(site, body), await journaled(site, compact)]
    assert 1.0 == await counted(site, "duplicate")


# --- late, again, before its time ------------------------------------------------------------------------------------


@over("webhook")
async def test_a_post_that_was_forgotten_does_not_count_when_it_comes_again(open_site: OpenSite) -> None:
    site = await open_site("local")
    body = message(site)
    assert 204 == await answered(site, body)
    await site.advance(2 * HOUR_S + 300)
    assert 204 == await answered(site, body)
    await site.stop()
    await site.start()
    assert 204 == await answered(site, body)

    assert 1 == await journaled(site, body)
    assert 1.0 == await counted(site, "too old")


@over("webhook")
async def test_a_post_of_shortly_before_the_start_counts(open_site: OpenSite) -> None:
    """
    Nobody was there to take it, and the cloud tries again.
    """
    site = await open_site("local")
    body = message(site)
    await site.stop()
    await site.advance(120)
    await site.start()

    assert 204 == await answered(site, body)
    assert 1 == await journaled(site, body)


@over("queue")
async def test_what_waited_in_the_queue_counts_however_old_it_is(open_site: OpenSite) -> None:
    site = await open_site("local")
    body = message(site)
    await site.advance(4 * HOUR_S)
    cloud_of(site).queue.put(body)
    await site.advance(1)

    assert 1 == await journaled(site, body)


@over("queue")
async def test_a_device_whose_clock_is_ahead_is_believed_at_once_and_not_for_longer(open_site: OpenSite) -> None:
    site = await open_site("local")
    name = "Webex.DevicePersonalization.Personalized"
    tell_status(site, {name: "False"}, ahead=timedelta(days=1))
    await site.advance(1)
    tell_status(site, {name: "True"})
    await site.advance(1)
    assert [True] == [device.personalized for device in site.state().devices.values()]

    tell_status(site, {name: "False"}, ahead=timedelta(minutes=-5))  # said before, and on its way for long
    await site.advance(1)

    assert [True] == [device.personalized for device in site.state().devices.values()]
    assert 1.0 == await counted(site, "overtaken")


@over("queue")
async def test_what_was_said_before_a_reading_and_comes_after_it_is_not_believed(open_site: OpenSite) -> None:
    site = await open_site("local")
    name = "Webex.DevicePersonalization.Personalized"
    tell_status(site, {"Standby.State": "Off"})
    await site.advance(60)
    await site.call("POST", f"/api/v1/desks/{site.desk_id()}/resync")
    await site.advance(60)
    tell_status(site, {name: "True"}, ahead=timedelta(seconds=-90))
    await site.advance(1)

    assert [False] == [device.personalized for device in site.state().devices.values()]
    assert 1.0 == await counted(site, "overtaken")


# --- actions among messages ------------------------------------------------------------------------------------------


def out_of_order() -> dict[str, str]:
    raise web.HTTPServiceUnavailable


@over("queue")
async def test_an_action_whose_keys_cannot_be_had_holds_up_nothing_and_is_taken_late(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local")
    cloud, body = cloud_of(site), message(site)
    assert site.cloud is not None
    with monkeypatch.context() as keys:
        keys.setattr(site.cloud.key, "public", out_of_order)
        access = json.dumps({"statuses": ["Standby.State"], "commands": ["Bookings.Book"], "events": []})
        cloud.queue.put(body)
        cloud.send_action("updateApproved", scopes="one", xapiAccess=access)
        await site.advance(5)
        asked = len(polls(site))
        await site.advance(1200)
        held = await stored(site)
        assert held is not None
        assert ("one",) != held.scopes
        assert asked + 50 <= len(polls(site))
    await site.advance(400)

    held = await stored(site)
    assert held is not None
    assert ("one",) == held.scopes
    assert 1 == await journaled(site, body)
