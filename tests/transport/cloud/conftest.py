"""A simulated cloud without desks, whose time stands still, and the daemon's side of its one organisation."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from hotdesk_daemon.simulator import Floor, ManualClock
from hotdesk_daemon.simulator.cloud import SimulatedCloud
from hotdesk_daemon.transport.cloud import CloudRest, InstallationStore, JwtVerifier
from tests.transport.cloud.answering import Api, a_caller, an_answering_cloud
from tests.transport.cloud.doubles import Office
from tests.transport.cloud.keyserver import KeyServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from hotdesk_daemon.simulator.cloud import CloudOrganisation


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(yields=1)


@pytest_asyncio.fixture
async def cloud(clock: ManualClock) -> AsyncIterator[SimulatedCloud]:
    async with Floor((), clock=clock) as floor, SimulatedCloud(floor) as cloud:
        yield cloud


@pytest.fixture
def organisation(cloud: SimulatedCloud) -> CloudOrganisation:
    return cloud.organisations[0]


@pytest_asyncio.fixture
async def office(
    cloud: SimulatedCloud, organisation: CloudOrganisation, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Office]:
    """Not activated yet."""
    async with aiohttp.ClientSession() as session:
        store = InstallationStore(tmp_path / "organisations" / "org-1.json")
        yield Office(cloud, organisation, clock, session, store)


@pytest_asyncio.fixture
async def living(office: Office) -> Office:
    """Activated, and looked at."""
    await office.activate()
    await office.keeper.look()
    return office


@pytest.fixture
def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Callable[[], None]]:
    """Let nothing be written from then on; what is returned ends it."""

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def begin() -> Callable[[], None]:
        was = os.fsync
        monkeypatch.setattr(os, "fsync", full)
        return lambda: monkeypatch.setattr(os, "fsync", was)

    return begin


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    """The REST API of a cloud that answers as a test says."""
    async with an_answering_cloud() as cloud, a_caller(cloud.url) as caller:
        yield Api(cloud, caller, CloudRest(http=caller.http, budget=caller.budget, base_url=f"{cloud.url}/v1/"))


@pytest.fixture
def keys(cloud: SimulatedCloud) -> KeyServer:
    return KeyServer(cloud.key)


@pytest.fixture
def verifier(keys: KeyServer, organisation: CloudOrganisation, clock: ManualClock) -> JwtVerifier:
    """As it is set up for the real cloud."""
    return JwtVerifier(app_id=organisation.app_id, fetch=keys.fetch, now=clock.now)
