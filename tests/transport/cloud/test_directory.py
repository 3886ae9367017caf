from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import pytest_asyncio

from hotdesk_daemon.core.errors import HotdeskError, LostAnswerError, ProtocolError, TransientError
from hotdesk_daemon.simulator import DeskPlan, Floor, ManualClock
from hotdesk_daemon.simulator.cloud import SimulatedCloud
from hotdesk_daemon.simulator.cloud.ids import public_id
from hotdesk_daemon.transport.cloud import (
    CloudRest,
    DirectoryRead,
    ForbiddenError,
    PauseError,
    Selection,
    read_directory,
)
from tests.transport.cloud.answering import AnsweringCloud, Asked, Cut, Reply, a_caller, an_answering_cloud, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Item = dict[str, Any]


def uuid_for(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def a_workspace(name: str, **members: Any) -> Item:
    given = {"id": public_id("PLACE", uuid_for(name)), "displayName": name, "hotdeskingStatus": "on"}
    return given | {"locationId": public_id("LOCATION", uuid_for("Oslo")), "calendar": {"type": "none"}} | members


def a_device(name: str, place: str, **members: Any) -> Item:
    given = {"id": public_id("DEVICE", uuid_for(name)), "displayName": name, "tags": [], "type": "roomdesk"}
    return given | {"workspaceId": public_id("PLACE", uuid_for(place)), "permissions": ["xapi:all"]} | members


@attrs.define(eq=False)
class Listed:
    """A cloud that lists workspaces and devices, so many on a page."""

    cloud: AnsweringCloud
    rest: CloudRest
    workspaces: list[Any] = attrs.field(factory=list)
    devices: list[Any] = attrs.field(factory=list)
    page: int = 100
    failing: dict[tuple[str, int], Reply | Cut] = attrs.field(factory=dict)

    def answer(self, asked: Asked) -> Reply | Cut:
        kind, start = asked.path.rpartition("/")[2], int(asked.query.get("start", "0"))
        if (kind, start) in self.failing:
            return self.failing[kind, start]
        items = self.workspaces if kind == "workspaces" else self.devices
        end = start + self.page
        headers = (("Link", f'<{self.cloud.url}{asked.path}?start={end}>; rel="next"'),) if end < len(items) else ()
        return Reply(200, json.dumps({"items": items[start:end]}).encode(), headers)

    async def read(self, **selection: Any) -> DirectoryRead:
        return await read_directory(self.rest, Selection(**selection))

    async def names(self, **selection: Any) -> list[str]:
        return [desk.workspace.display_name for desk in (await self.read(**selection)).desks]


@pytest_asyncio.fixture
async def listed() -> AsyncIterator[Listed]:
    async with an_answering_cloud() as cloud, a_caller(cloud.url) as caller:
        rest = CloudRest(http=caller.http, budget=caller.budget, base_url=f"{cloud.url}/v1")
        listed = Listed(cloud, rest)
        cloud.decides = listed.answer
        yield listed


# --- what is found ---------------------------------------------------------------------------------------------------


async def test_a_workspace_with_a_device_is_a_desk(listed: Listed) -> None:
    listed.workspaces = [a_workspace("A1"), a_workspace("A2")]
    told = {"tags": ["hotdesk"], "product": "Desk Pro", "software": "RoomOS 26", "connectionStatus": "connected"}
    listed.devices = [a_device("one", "A1", **told)]

    read = await listed.read()

    [desk] = read.desks
    assert (uuid_for("A1"), "A1", uuid_for("Oslo")) == (
        desk.workspace.uuid,
        desk.workspace.display_name,
        desk.workspace.location,
    )
    [device] = desk.devices
    assert (listed.devices[0]["id"], uuid_for("one"), uuid_for("A1")) == (device.id, device.uuid, device.workspace)
    assert ("one", "Desk Pro", "RoomOS 26", "connected") == (
        device.display_name,
        device.product,
        device.software,
        device.connection_status,
    )
    assert frozenset({"hotdesk"}) == device.tags
    assert () == read.unusable


async def test_an_organisation_without_anything_has_no_desks(listed: Listed) -> None:
    assert DirectoryRead(desks=()) == await listed.read()


async def test_a_device_that_tells_hardly_anything_is_taken(listed: Listed) -> None:
    listed.workspaces = [{"id": public_id("PLACE", uuid_for("A1")), "hotdeskingStatus": "on"}]
    listed.devices = [{"id": uuid_for("one").upper(), "placeId": public_id("PLACE", uuid_for("A1"))}]

    [desk] = (await listed.read()).desks

    assert ("", None, "none") == (desk.workspace.display_name, desk.workspace.location, desk.workspace.calendar_kind)
    assert (uuid_for("one"), "unknown", None) == (
        desk.devices[0].uuid,
        desk.devices[0].connection_status,
        desk.devices[0].software,
    )


async def test_companions_are_one_desk_in_the_order_of_their_names(listed: Listed) -> None:
    listed.workspaces = [a_workspace("B"), a_workspace("A")]
    listed.devices = [a_device("z", "A"), a_device("y", "B"), a_device("x", "A"), a_device("w", "A")]

    desks = (await listed.read()).desks

    assert [("A", ["w", "x", "z"]), ("B", ["y"])] == [
        (desk.workspace.display_name, [device.display_name for device in desk.devices]) for desk in desks
    ]


async def test_ids_of_another_place_name_the_same_workspace(listed: Listed) -> None:
    listed.workspaces = [a_workspace("A1")]
    listed.devices = [a_device("one", "A1", workspaceId=public_id("PLACE", uuid_for("A1").upper(), where="eu"))]

    assert ["A1"] == await listed.names()


@pytest.mark.parametrize(
    ("calendar", "kind"),
    [
        ({"type": "none"}, "none"),
        ({"type": "google", "emailAddress": "person@example.com"}, "google"),
        ({"type": "microsoft", "emailAddress": "person@example.com"}, "microsoft"),
        ({}, "none"),
        (None, "none"),
    ],
)
async def test_the_workspace_says_which_calendar_it_has(listed: Listed, calendar: object, kind: str) -> None:
    listed.workspaces = [a_workspace("A1", calendar=calendar)]
    listed.devices = [a_device("one", "A1")]

    assert [kind] == [desk.workspace.calendar_kind for desk in (await listed.read()).desks]


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 7, 100])
async def test_every_page_is_read(listed: Listed, page: int) -> None:
    listed.page = page
    names = [f"desk {number:02}" for number in range(60)]
    listed.workspaces = [a_workspace(name) for name in names]
    listed.devices = [a_device(f"{name} {which}", name) for which in "ab" for name in reversed(names)]

    read = await listed.read()

    assert [(name, [f"{name} a", f"{name} b"]) for name in names] == [
        (desk.workspace.display_name, [device.display_name for device in desk.devices]) for desk in read.desks
    ]
    assert -(-60 // page) + -(-120 // page) == len(listed.cloud.asked)


@pytest.mark.parametrize("where", [("workspaces", 0), ("workspaces", 2), ("devices", 0), ("devices", 2)])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(403), ForbiddenError),
        (Reply(429), PauseError),
        (Reply(500), TransientError),
        (Cut.HALF, LostAnswerError),
        (reply({"items": "none"}), ProtocolError),
    ],
)
async def test_a_page_that_fails_leaves_nothing_known(
    listed: Listed, where: tuple[str, int], answer: Reply | Cut, error: type[HotdeskError]
) -> None:
    listed.page = 2
    listed.workspaces = [a_workspace(name) for name in "ABC"]
    listed.devices = [a_device(name, name) for name in "ABC"]
    listed.failing[where] = answer

    with pytest.raises(HotdeskError) as caught:
        await listed.read()

    assert error is type(caught.value)


async def test_pages_in_a_circle_leave_nothing_known(listed: Listed) -> None:
    link = f'<{listed.cloud.url}/v1/devices?start=0>; rel="next"'
    listed.failing["devices", 0] = Reply(200, b'{"items": []}', (("Link", link),))

    with pytest.raises(ProtocolError, match="pages"):
        await listed.read()


async def test_what_is_listed_twice_counts_once_as_it_was_told_last(listed: Listed) -> None:
    listed.page = 2
    listed.workspaces = [a_workspace("A", displayName="old"), a_workspace("B"), a_workspace("A")]
    listed.devices = [a_device("one", "A"), a_device("two", "A"), a_device("one", "B"), a_device("two", "A")]

    read = await listed.read()

    assert [("A", ["two"]), ("B", ["one"])] == [
        (desk.workspace.display_name, [device.display_name for device in desk.devices]) for desk in read.desks
    ]


@pytest.mark.parametrize("is_usable", [False, True])
async def test_whether_a_device_can_be_used_is_as_it_was_told_last(listed: Listed, *, is_usable: bool) -> None:
    listed.workspaces = [a_workspace("A")]
    listed.devices = [a_device("one", "A", permissions=["xapi:all"] if last == is_usable else []) for last in (0, 1)]

    read = await listed.read()

    assert (int(is_usable), int(not is_usable)) == (len(read.desks), len(read.unusable))


# --- selection -------------------------------------------------------------------------------------------------------


@pytest.fixture
def street(listed: Listed) -> Listed:
    """Desks that differ in what can be selected by."""
    bergen = public_id("LOCATION", uuid_for("Bergen").upper())
    listed.workspaces = [
        a_workspace("tagged"),
        a_workspace("bergen", locationId=bergen),
        a_workspace("off", hotdeskingStatus="off"),
        a_workspace("unsaid"),
        a_workspace("nowhere", locationId=None),
    ]
    del listed.workspaces[3]["hotdeskingStatus"]
    names = [workspace["displayName"] for workspace in listed.workspaces]
    listed.devices = [a_device(f"at {name}", name) for name in names]
    listed.devices.append(a_device("second", "tagged", tags=["floor 3", "hotdesk"]))
    listed.devices.append(a_device("third", "off", tags=["hotdesk"]))
    return listed


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ({}, ["bergen", "nowhere", "tagged"]),
        ({"hotdesking_only": False}, ["bergen", "nowhere", "off", "tagged", "unsaid"]),
        ({"tags": frozenset({"hotdesk"})}, ["tagged"]),
        ({"tags": frozenset({"hotdesk", "other"}), "hotdesking_only": False}, ["off", "tagged"]),
        ({"tags": frozenset({"Hotdesk"})}, []),
        ({"tags": frozenset({"floor"})}, []),
        ({"locations": frozenset({uuid_for("Bergen")})}, ["bergen"]),
        ({"locations": frozenset({uuid_for("Oslo"), uuid_for("Bergen")})}, ["bergen", "tagged"]),
        ({"workspaces": frozenset({uuid_for("tagged"), uuid_for("off")})}, ["tagged"]),
        ({"workspaces": frozenset({uuid_for("tagged")}), "locations": frozenset({uuid_for("Bergen")})}, []),
        ({"workspaces": frozenset({uuid_for("tagged")}), "tags": frozenset({"floor 3"})}, ["tagged"]),
    ],
)
async def test_only_what_passes_every_filter_is_a_desk(street: Listed, selection: Item, names: list[str]) -> None:
    assert names == await street.names(**selection)


async def test_one_tagged_device_brings_its_companions(street: Listed) -> None:
    [desk] = (await street.read(tags=frozenset({"hotdesk"}))).desks

    assert ["at tagged", "second"] == [device.display_name for device in desk.devices]


# --- what cannot be used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"personId": public_id("PEOPLE", uuid_for("person"))}, "somebody's personal device"),
        ({"type": "phone"}, "of the type phone"),
        ({"type": "accessory"}, "of the type accessory"),
        ({"permissions": []}, "may not command"),
        ({"permissions": ["xapi:readonly", "xapi:none"]}, "may not command"),
        ({"workspaceId": None}, "in no workspace"),
        ({"workspaceId": "nonsense"}, "in no workspace"),
        ({"displayName": None}, "cannot be read"),
        ({"displayName": "x" * 1_001}, "cannot be read"),
        ({"tags": "hotdesk"}, "cannot be read"),
        ({"connectionStatus": 7}, "cannot be read"),
    ],
)
async def test_a_device_that_cannot_be_used_is_told_and_spoils_no_other(
    listed: Listed, members: Item, why: str
) -> None:
    listed.workspaces = [a_workspace("A1"), a_workspace("A2")]
    listed.devices = [a_device("bad", "A1", **members), a_device("good", "A2")]

    read = await listed.read()

    assert ["A2"] == [desk.workspace.display_name for desk in read.desks]
    [(name, reason)] = read.unusable
    assert listed.devices[0]["id"] == name
    assert why in reason


@pytest.mark.parametrize("permissions", [None, ["xapi"], ["xapi:readonly", "xapi:all"]])
async def test_a_device_that_may_be_commanded_is_used(listed: Listed, permissions: list[str] | None) -> None:
    listed.workspaces = [a_workspace("A1")]
    listed.devices = [a_device("one", "A1", permissions=permissions)]

    assert ["A1"] == await listed.names()


async def test_a_companion_that_cannot_be_used_leaves_the_desk_its_others(listed: Listed) -> None:
    listed.workspaces = [a_workspace("A1")]
    listed.devices = [a_device("one", "A1"), a_device("phone", "A1", type="phone", tags=["hotdesk"])]

    [desk] = (await listed.read()).desks

    assert ["one"] == [device.display_name for device in desk.devices]
    assert [] == await listed.names(tags=frozenset({"hotdesk"}))


@pytest.mark.parametrize("item", [None, 7, "text", [], {}, {"id": None}, {"id": "nonsense"}, {"id": "x" * 9_999}])
async def test_an_item_that_is_none_is_told_and_spoils_no_other(listed: Listed, item: object) -> None:
    listed.workspaces = [item, a_workspace("A1")]
    listed.devices = [a_device("one", "A1"), item]

    read = await listed.read()

    assert ["A1"] == [desk.workspace.display_name for desk in read.desks]
    [(name, reason)] = read.unusable
    assert (True, True) == (len(name) <= 100, "cannot be read" in reason)


# --- a simulated cloud -----------------------------------------------------------------------------------------------


async def test_the_simulated_cloud_is_read_as_it_is() -> None:
    clock = ManualClock(yields=1)
    alone = DeskPlan(workspace="A")
    plans = (alone, DeskPlan(workspace="B", kind="hybrid"), DeskPlan(workspace="C", releases=alone.releases * 2))
    async with Floor(plans, clock=clock) as floor, SimulatedCloud(floor) as cloud, a_caller(cloud.url) as caller:
        organisation = cloud.organisations[0]
        organisation.access_tokens["token-1"] = clock.now() + timedelta(hours=1)
        rest = CloudRest(http=caller.http, budget=caller.budget, base_url=cloud.api_url)

        read = await read_directory(rest, Selection(tags=frozenset({"hotdesk"})))

        ids = {organisation.device_id(device) for _, device in organisation.stations()}

    assert [("A", "none", 1), ("B", "microsoft", 1), ("C", "none", 2)] == [
        (desk.workspace.display_name, desk.workspace.calendar_kind, len(desk.devices)) for desk in read.desks
    ]
    assert ids == {device.id for desk in read.desks for device in desk.devices}
    assert () == read.unusable
