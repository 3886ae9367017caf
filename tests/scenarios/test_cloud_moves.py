"""Devices and desks of a directory that move, go and come back, whose names clash, and that a restart finds changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from hotdesk_daemon.app.simulated import desk_settings
from hotdesk_daemon.core.desk import LinkState
from hotdesk_daemon.simulator import DeskPlan
from hotdesk_daemon.simulator.cloud import listings, server
from hotdesk_daemon.simulator.cloud.ids import public_id, uuid_in
from hotdesk_daemon.simulator.cloud.xapi import RestError
from hotdesk_daemon.simulator.desks import CURRENT_RELEASE
from tests.scenarios.test_cloud_desks import DIRECTORY_S, found, names, told
from tests.scenarios.test_cloud_hearing import counted
from tests.scenarios.test_cloud_tokens import cloud_of
from tests.scenarios.test_start_and_stop import readiness
from tests.scenarios.transports import over

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud

pytestmark = over("queue")

DUO: Final = DeskPlan(workspace="Desk 1", kind="local", releases=(CURRENT_RELEASE, CURRENT_RELEASE))
_LISTED: Final = {"devices": listings.devices, "workspaces": listings.workspaces}

Item = dict[str, Any]


def listed(
    patch: pytest.MonkeyPatch, how: Callable[[Item], Item | None], *, what: str = "devices", org: str = ""
) -> None:
    """Have the directory list each of its items otherwise, or not at all."""

    def items(organisation: Any) -> list[Item]:
        changed = (how(item) if org in ("", organisation.name) else item for item in _LISTED[what](organisation))
        return [item for item in changed if item is not None]

    patch.setattr(listings, what, items)


def moved(site: Site, station: Any, to_desk: int) -> Callable[[Item], Item]:
    """The listing of a device that stands at another desk."""
    cloud = cloud_of(site)
    target = public_id("PLACE", cloud.workspace_uuid(site.floor.desks[to_desk]))
    mine = cloud.device_id(station)
    return lambda item: item | {"workspaceId": target, "placeId": target} if item["id"] == mine else item


def places(site: Site) -> dict[str, list[str]]:
    """How each device of each desk is reached."""
    desks = site.daemon.fleet.desks()
    return {str(desk.desk_id): [device.link.value for device in desk.devices.values()] for desk in desks}


# --- devices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_device_that_moves_is_at_its_new_desk_alone_and_heard(
    open_site: OpenSite, transport: Cloud, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    site = await open_site("local", "local", transport=found(transport))
    cloud = cloud_of(site)
    mover, to_desk = (site.station(0), 1) if way == "up" else (site.station(1), 0)
    listed(monkeypatch, moved(site, mover, to_desk))
    await site.advance(DIRECTORY_S + 5)
    new, old = f"desk-{to_desk + 1}", f"desk-{2 - to_desk}"

    assert [LinkState.LIVE] * 2 == places(site)[new]
    assert [] == places(site).get(old, [])

    await site.advance(3 * DIRECTORY_S)
    assert {new: [LinkState.LIVE] * 2} == places(site)
    for listener in cloud.listeners:
        listener.full_sync()
    mover.people.book(30, "Desk", "person1@example.com", start=site.at(600))
    await site.advance(5)

    assert 0.0 == await counted(site, "stranger")
    (desk,) = site.daemon.fleet.desks()
    assert 1 == len(desk.bookings)

    cloud.faults.enable("refresh_error", status=400)
    cloud.expire_tokens()
    await site.advance(600)
    assert {new: [LinkState.DOWN] * 2} == places(site)


async def test_a_desk_whose_devices_are_all_replaced_lives_on(
    open_site: OpenSite, transport: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local", "local", transport=found(transport))
    first, second = moved(site, site.station(0), 1), moved(site, site.station(1), 0)
    listed(monkeypatch, lambda item: first(second(item)))
    await site.advance(DIRECTORY_S + 5)

    assert {"desk-1": [LinkState.LIVE], "desk-2": [LinkState.LIVE]} == places(site)
    site.station(1).people.book(30, "Desk", "person1@example.com", start=site.at(600))
    await site.advance(5)
    assert [1, 0] == [len(site.state(desk).bookings) for desk in range(2)]


async def test_a_companion_that_one_reading_leaves_out_stays(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site(DUO, transport=found(transport))
    hidden = cloud_of(site).device_uuid(site.station(0, 1))
    cloud_of(site).hidden.add(hidden)
    await site.advance(DIRECTORY_S + 5)
    assert {"desk-1": [LinkState.LIVE] * 2} == places(site)
    cloud_of(site).hidden.clear()
    await site.advance(DIRECTORY_S)
    cloud_of(site).hidden.add(hidden)  # it was there in between: the next one counts as the first
    await site.advance(DIRECTORY_S)

    assert {"desk-1": [LinkState.LIVE] * 2} == places(site)


async def test_a_device_is_asked_for_by_the_id_that_it_has_now(
    open_site: OpenSite, transport: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Another region, another id of the same device; the old one is not to be had there.
    """
    site = await open_site("local", transport=found(transport))
    cloud = cloud_of(site)
    new = public_id("DEVICE", cloud.device_uuid(site.device), where="urn:TEAM:eu-central-1_k")
    listed(monkeypatch, lambda item: item | {"id": new})
    asked: list[str] = []

    def noting(given: str) -> str:
        asked.append(given)
        return uuid_in(given)

    monkeypatch.setattr(server, "uuid_in", noting)
    await site.advance(DIRECTORY_S + 5)
    asked.clear()
    await site.book()
    await site.advance(5)

    assert {new} == {*asked}
    assert [("Bookings Book", "done")] == await site.outbox()


# --- names -----------------------------------------------------------------------------------------------------------


async def test_a_desk_of_the_settings_keeps_its_name_from_one_that_was_found_before(
    open_site: OpenSite, transport: Cloud
) -> None:
    site = await open_site("local", "local", transport=found(transport))
    await site.stop()
    by_socket = attrs.evolve(desk_settings(site.floor.desks[1]), id="desk-1")
    site.settings = attrs.evolve(site.settings, desks=(by_socket,))
    await site.start(live=False)
    await site.until(lambda: 3 == len(names(site)))
    await site.until(lambda: all([LinkState.LIVE] == links for links in places(site).values()))

    others = {*names(site)} - {"desk-1"}
    assert 2 == len(others)
    await site.advance(60)  # the poll of before the stop is over by then
    site.station(1).people.book(30, "Desk", "person1@example.com", start=site.at(600))
    await site.advance(2 * DIRECTORY_S)
    held = {str(desk.desk_id): len(desk.bookings) for desk in site.daemon.fleet.desks()}
    assert (1, 1) == (held["desk-1"], sum(held[name] for name in others))


async def test_a_device_of_the_settings_keeps_its_name(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "local", transport=found(transport), start=False)
    by_socket = desk_settings(site.floor.desks[1])
    devices = (attrs.evolve(by_socket.devices[0], id="desk-1-1"),)
    site.settings = attrs.evolve(site.settings, desks=(attrs.evolve(by_socket, id="lobby", devices=devices),))
    await site.start(live=False)
    await site.until(lambda: 3 == len(names(site)))
    await site.until(lambda: all([LinkState.LIVE] == links for links in places(site).values()))

    of_desk = {str(desk.desk_id): [str(device) for device in desk.devices] for desk in site.daemon.fleet.desks()}
    assert ["desk-1-1"] == of_desk["lobby"]
    assert 3 == len({device for devices in of_desk.values() for device in devices})


# --- going and coming back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("comes_back", [True, False])
async def test_a_desk_that_cannot_be_let_go_yet_is_let_go_later_or_gets_its_devices_back(
    open_site: OpenSite, transport: Cloud, log: io.StringIO, *, comes_back: bool
) -> None:
    """
    A command under way may still be answered, so the desk stays to hear of it; none of its devices is reached.
    """
    site = await open_site("local", "local", transport=found(transport))
    cloud = cloud_of(site)
    site.station(1).faults.enable("no_reply", command="Bookings Book")
    await site.book(desk=1)
    cloud.hidden.add(cloud.workspace_uuid(site.floor.desks[1]))
    await site.until(lambda: bool(told(log, "org.desk_stays")), limit_s=3 * DIRECTORY_S)
    assert {"desk-1": [LinkState.LIVE], "desk-2": [LinkState.DOWN]} == places(site)
    await site.advance(2 * DIRECTORY_S)  # tried again, in vain
    assert 1 < len(told(log, "org.desk_stays"))

    site.floor.faults.clear()
    site.station(1).faults.clear()
    if comes_back:
        cloud.hidden.clear()
        await site.until(site.is_live, limit_s=2 * DIRECTORY_S)
        site.station(1).people.book(30, "Desk", "person1@example.com", start=site.at(900))
    cloud.withhold_no_more()
    await site.advance(2 * DIRECTORY_S)

    assert ["desk-1", "desk-2"][: 2 if comes_back else 1] == names(site)
    assert [] == told(log, "org.failed")
    if comes_back:
        assert site.agrees(1), site.disagreement(1)
        assert [("Bookings Book", "done")] == await site.outbox(1)


async def test_what_is_pushed_may_change_while_a_desk_is_let_go(
    open_site: OpenSite, transport: Cloud, log: io.StringIO
) -> None:
    """
    Every desk is told, which must not give the leaving one its devices back.
    """
    site = await open_site("local", "local", transport=found(transport))
    cloud = cloud_of(site)
    site.station(1).faults.enable("no_reply", command="Bookings Book")
    await site.book(desk=1)
    cloud.hidden.add(cloud.workspace_uuid(site.floor.desks[1]))
    await site.until(lambda: "desk-2-1" not in site.daemon.fleet.ways, limit_s=3 * DIRECTORY_S, step_s=1)
    site.floor.faults.enable("cloud_reduced")
    cloud.send_action("updateApproved", scopes="one", xapiAccess='{"statuses":[],"commands":[],"events":[]}')
    await site.advance(60)
    assert 1 == len(told(log, "org.unsupported"))
    assert {"desk-1": [LinkState.LIVE], "desk-2": []} == places(site)
    assert ["desk-1-1"] == [*site.daemon.fleet.ways]

    site.station(1).faults.clear()
    cloud.withhold_no_more()
    await site.until(lambda: ["desk-1"] == names(site), limit_s=3 * DIRECTORY_S)
    cloud.hidden.clear()
    await site.until(site.is_live, limit_s=3 * DIRECTORY_S)
    assert ["desk-2-1"] == [*site.state(1).devices]


async def test_a_desk_that_was_let_go_does_not_come_back_with_a_restart(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "local", transport=found(transport))
    cloud = cloud_of(site)
    workspace = cloud.workspace_uuid(site.floor.desks[1])
    cloud.hidden |= {workspace, cloud.device_uuid(site.station(1))}
    await site.until(lambda: ["desk-1"] == names(site), limit_s=3 * DIRECTORY_S)
    await site.stop()
    asked = len(cloud.requests)
    await site.start(live=False)
    assert ["desk-1"] == names(site)
    await site.advance(60)

    assert ["desk-1"] == names(site)
    assert site.station(1).device_id not in {one.device for one in [*cloud.requests][asked:]}

    cloud.hidden.clear()
    await site.until(site.is_live, limit_s=2 * DIRECTORY_S)
    assert ["desk-1", "desk-2"] == names(site)  # its name was kept for it


# --- beside the selection --------------------------------------------------------------------------------------------


def unselected(monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, lambda item: item | {"hotdeskingStatus": "off"}, what="workspaces")


async def test_a_desk_of_the_settings_is_known_though_it_is_not_selected(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    unselected(monkeypatch)
    site = await open_site("local")

    assert [CURRENT_RELEASE in (device.software or "") for device in site.state().devices.values()] == [True]

    listed(monkeypatch, lambda item: item | {"connectionStatus": "disconnected"})
    await site.advance(660)
    assert [LinkState.DOWN] == [device.link for device in site.state().devices.values()]


async def test_a_device_that_is_listed_and_not_selected_has_the_directory_read_no_more_often(
    open_site: OpenSite, transport: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    They all speak once an hour, in an organisation of which few devices are desks.
    """
    second = "Desk 2"
    kept_out = {"hotdeskingStatus": "off"}
    listed(monkeypatch, lambda item: item | (kept_out if item["displayName"] == second else {}), what="workspaces")
    site = await open_site("local", "local", "local", transport=found(transport), live=False)
    cloud = cloud_of(site)
    listed(monkeypatch, lambda item: item | ({"personId": "x"} if item["displayName"].startswith("Desk 3") else {}))

    def readings() -> int:
        return sum(one.path == "/v1/devices" for one in cloud.requests)

    await site.advance(2 * DIRECTORY_S + 5)
    assert ["desk-1"] == names(site)
    before, strangers = readings(), await counted(site, "stranger")
    for number in (1, 2):
        site.station(number).people.book(30, "Desk", "person1@example.com", start=site.at(600))
    await site.advance(DIRECTORY_S - 30)

    assert strangers + 2 <= await counted(site, "stranger")
    assert before == readings()


async def test_a_device_of_the_settings_that_was_refused_is_tried_again_though_it_is_not_selected(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    unselected(monkeypatch)
    site = await open_site("local", start=False)
    cloud = cloud_of(site)
    cloud.elsewhere = {cloud.device_uuid(site.device)}
    await site.start(live=False)
    await site.advance(120)
    assert [LinkState.DOWN] == [device.link for device in site.state().devices.values()]
    cloud.elsewhere = set()
    await site.until(site.is_live, limit_s=5000, step_s=60)

    assert site.agrees()


# --- a directory that cannot be read ---------------------------------------------------------------------------------


async def test_a_directory_that_was_never_read_is_a_reason_not_to_be_ready(
    open_site: OpenSite, transport: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Item) -> Item:
        raise RestError(403, "The scope is missing.")

    site = await open_site("local", transport=found(transport), start=False)
    with monkeypatch.context() as patch:
        listed(patch, refuse)
        await site.start(live=False)
        await site.advance(3600)
        status, reasons = await readiness(site)
        assert (503, 1) == (status, len(reasons))
        assert "its directory cannot be read" in reasons[0]
    await site.until(site.is_live, limit_s=660)

    assert (200, []) == await readiness(site)
