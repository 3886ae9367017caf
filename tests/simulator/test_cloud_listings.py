"""A simulated cloud of many desks: what is looked for is found at once, and a page costs what stands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from hotdesk_daemon.simulator import DeskPlan, Floor, ManualClock
from hotdesk_daemon.simulator.cloud import SimulatedCloud, listings, organisation
from hotdesk_daemon.simulator.cloud.ids import public_id
from hotdesk_daemon.simulator.desks import CURRENT_RELEASE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.simulator.cloud import CloudOrganisation

DESKS = 40
PAGE = 5


@pytest_asyncio.fixture
async def cloud() -> AsyncIterator[SimulatedCloud]:
    """Every desk has two devices."""
    plans = [DeskPlan(workspace=f"Desk {n}", releases=(CURRENT_RELEASE, CURRENT_RELEASE)) for n in range(DESKS)]
    async with Floor(plans, clock=ManualClock(yields=1)) as floor, SimulatedCloud(floor) as cloud:
        yield cloud


@pytest.fixture
def held(cloud: SimulatedCloud) -> CloudOrganisation:
    return cloud.organisations[0]


class Counted:
    """Counts the calls of a function of a module."""

    def __init__(self, patch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.calls = 0
        self._real = getattr(module, name)
        patch.setattr(module, name, self)

    def __call__(self, *args: Any, **options: Any) -> Any:
        self.calls += 1
        return self._real(*args, **options)


async def read(cloud: SimulatedCloud, what: str) -> list[list[dict[str, Any]]]:
    """Every page of a listing."""
    held = cloud.organisations[0]
    reply = held.refresh(held.refresh_token)
    assert reply is not None
    pages, url = [], f"{cloud.api_url}/{what}?max={PAGE}"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {reply['access_token']}"}) as session:
        while url:
            async with session.get(url) as response:
                pages.append((await response.json())["items"])
                url = str(response.links["next"]["url"]) if "next" in response.links else ""
    return pages


@pytest.mark.parametrize(("what", "maker", "count"), [("devices", "_device", 80), ("workspaces", "_workspace", 40)])
async def test_every_page_makes_only_what_stands_on_it(
    cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch, what: str, maker: str, count: int
) -> None:
    made = Counted(monkeypatch, listings, maker)

    pages = await read(cloud, what)

    assert [PAGE] * (count // PAGE) == [len(page) for page in pages]
    assert count == len({item["id"] for page in pages for item in page})
    assert count == made.calls


@pytest.mark.parametrize("what", ["devices", "workspaces"])
async def test_what_is_hidden_is_not_listed_and_what_changes_is(
    cloud: SimulatedCloud, held: CloudOrganisation, what: str
) -> None:
    desk = held.desks[3]
    whole = [item["id"] for page in await read(cloud, what) for item in page]
    held.hidden = {held.workspace_uuid(desk), held.device_uuid(desk.device)}
    some = [item["id"] for page in await read(cloud, what) for item in page]

    assert len(whole) - 1 == len(some)
    assert [one for one in whole if one in some] == some

    held.hidden.clear()
    desk.device.reboot(600)
    devices = {item["id"]: item for page in await read(cloud, "devices") for item in page}
    assert "disconnected" == devices[held.device_id(desk.device)]["connectionStatus"]


async def test_a_device_is_found_without_looking_at_the_others(
    held: CloudOrganisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = {held.device_uuid(device): (desk, device) for desk, device in held.stations()}
    named = Counted(monkeypatch, organisation, "uuid_for")

    assert [device for _, device in devices.values()] == [held.find(uuid) for uuid in devices]
    assert None is held.find("11111111-2222-4333-8444-555555555555")
    assert 0 == named.calls

    for desk, device in devices.values():
        told = held.envelope("events", device)
        assert (held.device_id(device), public_id("PLACE", held.workspace_uuid(desk))) == (
            told["deviceId"],
            told["workspaceId"],
        )
    assert 6 * len(devices) >= named.calls
