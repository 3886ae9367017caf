"""
Floors that stand still until a test advances the clock, and clients for their devices.
"""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from hotdesk_daemon.simulator import DeskPlan, Floor, ManualClock, Station
from tests.simulator.client import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def open_floor(clock: ManualClock) -> AsyncIterator[Callable[..., Awaitable[Floor]]]:
    """Start floors of the given plans; they stop with the test, and no simulated action may have failed."""
    async with contextlib.AsyncExitStack() as stack:
        floors: list[Floor] = []

        async def start(*plans: DeskPlan, **options: Any) -> Floor:
            floor = Floor(plans or (DeskPlan(workspace="Desk A"),), clock=clock, **options)
            floors.append(floor)
            return await stack.enter_async_context(floor)

        yield start
        assert [] == [failure for floor in floors for failure in floor.schedule.failures]


@pytest_asyncio.fixture
async def dial() -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Connect clients to stations; they close with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_client(station: Station, **options: Any) -> Client:
            token = base64.b64encode(f"{station.username}:{station.password}".encode()).decode()
            options.setdefault("additional_headers", {"Authorization": f"Basic {token}"})
            socket = await connect(
                station.url, compression=None, proxy=None, ping_interval=None, max_size=None, **options
            )
            client = Client(socket)
            stack.push_async_callback(client.close)
            return client

        yield open_client
