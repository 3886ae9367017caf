"""``HttpFeedback Deregister``, which is for Admin only and asks for a slot (RoomOS xAPI schema 26.4.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from hotdesk_daemon.simulator import Floor, User
from tests.simulator.client import Client

OpenFloor = Callable[..., Awaitable[Floor]]
Dial = Callable[..., Awaitable[Client]]
METHOD = "xCommand/HttpFeedback/Deregister"


@pytest.mark.parametrize(("role", "code"), [("Admin", 1), ("User", -31999), ("Integrator", -31999)])
async def test_the_role_is_asked_before_the_slot(open_floor: OpenFloor, dial: Dial, role: str, code: int) -> None:
    floor = await open_floor(users=(User(name="somebody", password="secret", roles=frozenset({role})),))
    client = await dial(floor.desks[0].devices[0])

    assert code == (await client.error(METHOD))["code"]


@pytest.mark.parametrize("slot", [0, 5, "one"])
async def test_a_slot_that_no_device_has_is_refused(open_floor: OpenFloor, dial: Dial, slot: object) -> None:
    client = await dial((await open_floor()).desks[0].devices[0])

    assert "FeedbackSlot" in (await client.error(METHOD, FeedbackSlot=slot))["message"]


async def test_an_empty_slot_may_be_emptied(open_floor: OpenFloor, dial: Dial) -> None:
    client = await dial((await open_floor()).desks[0].devices[0])

    assert {"status": "OK"} == await client.call(METHOD, FeedbackSlot=1)
