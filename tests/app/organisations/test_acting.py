"""Doing what actions say, whoever waits for it."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import structlog

from hotdesk_daemon.app.organisations.acting import Acting
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.simulator import ManualClock
from hotdesk_daemon.transport.cloud import ApprovedAction, HealthCheckAction, JwtRefusedError, Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from hotdesk_daemon.transport.cloud import Action

LIMIT_S = 4.0


class Office:
    """Takes actions as a test says, and notes what came of them."""

    def __init__(self) -> None:
        self.clock = ManualClock(yields=20)
        self.installation: object | None = object()
        self.troubles: list[Exception] = []
        self.taken: list[tuple[str, datetime]] = []
        self.followed: list[Action] = []
        self.refused: list[JwtRefusedError] = []
        self.hold = asyncio.Event()
        self.hold.set()
        tools = SimpleNamespace(
            wanted=SimpleNamespace(id="org"), clock=self.clock, sleep=self.clock.sleep, rng=random.Random(1)
        )
        self.acting = Acting(
            cast("Any", tools),
            actions=cast("Any", self),
            keeper=cast("Any", self),
            follow=self._follow,
            refused=self.refused.append,
            log=structlog.get_logger(),
        )

    async def take(self, token: str, *, came: datetime) -> Action:
        if self.troubles:
            raise self.troubles.pop(0)
        self.taken.append((token, came))
        await self.hold.wait()
        return HealthCheckAction() if token == "health" else ApprovedAction()

    async def _follow(self, action: Action) -> Mapping[str, str] | None:
        self.followed.append(action)
        return {"well": "yes"} if isinstance(action, HealthCheckAction) else None


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    office = Office()
    task = asyncio.create_task(office.acting.run(), name="the acting under test")
    yield office
    task.cancel()
    await asyncio.wait([task])


async def test_who_waits_is_shown_what_comes_of_it(office: Office) -> None:
    assert {"well": "yes"} == await office.acting.act("health", came=office.clock.now())
    office.troubles = [JwtRefusedError(Refusal.REPLAYED)]
    with pytest.raises(JwtRefusedError):
        await office.acting.act("health", came=office.clock.now())

    assert [Refusal.REPLAYED] == [error.refusal for error in office.refused]


async def test_what_was_taken_is_done_though_nobody_waits_for_it_any_more(office: Office) -> None:
    """
    It is used up: when it comes again it is refused.
    """
    office.hold.clear()
    waiting = asyncio.create_task(office.acting.act("approved", came=office.clock.now()))
    await office.clock.settle()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert [] == office.followed
    office.hold.set()
    await office.clock.settle()

    assert [ApprovedAction()] == office.followed


async def test_those_among_messages_are_taken_in_turn_and_by_the_time_that_they_came(office: Office) -> None:
    office.troubles = [TransientError("no keys") for _ in range(8)]
    began = office.clock.now()
    office.acting.add("first")
    await office.clock.advance(1.0)
    office.acting.add("second")
    await office.clock.advance(1.0)
    assert [] == office.taken
    await office.clock.advance(1200.0)

    assert [("first", 0.0), ("second", 1.0)] == [
        (token, (came - began).total_seconds()) for token, came in office.taken
    ]


async def test_one_that_is_refused_does_not_hold_up_the_next(office: Office) -> None:
    office.troubles = [JwtRefusedError(Refusal.SIGNATURE)]
    office.acting.add("forged")
    office.acting.add("good")
    await office.clock.settle()

    assert (["good"], 1) == ([token for token, _ in office.taken], len(office.refused))


async def test_what_waits_is_dropped_with_the_installation(office: Office) -> None:
    office.troubles = [TransientError("no keys")]
    office.acting.add("first")
    await office.clock.advance(0.5)
    office.installation = None
    await office.clock.advance(600.0)
    office.installation = object()
    office.acting.add("second")
    await office.clock.settle()

    assert ["second"] == [token for token, _ in office.taken]


async def test_not_any_number_may_wait(office: Office) -> None:
    for _ in range(100):
        office.acting.add("one")
    with pytest.raises(TransientError, match="too many"):
        office.acting.add("one more")
