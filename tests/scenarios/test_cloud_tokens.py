"""An organisation's tokens: a token endpoint that fails, tokens that rotate or are refused, and a move elsewhere."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import attrs
import msgspec
import pytest
from aiohttp import web

from hotdesk_daemon.app.activate import activate_organisation
from hotdesk_daemon.app.simulated import organisation_settings
from hotdesk_daemon.ops.settings import DaemonSettings, Settings
from hotdesk_daemon.simulator import DeskPlan, Floor, ScaledClock
from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
from tests.scenarios.crashing import CrashSite
from tests.scenarios.test_start_and_stop import lines, readiness
from tests.scenarios.transports import over, over_cloud

if TYPE_CHECKING:
    import io
    from collections.abc import AsyncIterator

    from hotdesk_daemon.ops.settings import OrganisationSettings
    from tests.scenarios.site import OpenSite, Site

HOUR_S = 3600.0
NAME = "simulated-org-1"


def cloud_of(site: Site) -> CloudOrganisation:
    assert site.cloud is not None
    return site.cloud.organisations[0]


def refreshes(site: Site) -> list[int]:
    """How the token endpoint answered, each time."""
    return [request.status for request in cloud_of(site).requests if request.path == "/v1/access_token"]


async def token_state(site: Site) -> list[str]:
    """The states that the metrics say the tokens are in: one."""
    page = await site.text("/metrics")
    gauge = [line for line in page.splitlines() if line.startswith("hotdesk_token_state{")]
    return [line.split('state="')[1].split('"')[0] for line in gauge if line.endswith(" 1.0")]


async def is_heard(site: Site) -> bool:
    return f'hotdesk_cloud_up{{org="{NAME}"}} 1.0' in await site.text("/metrics")


async def shown(site: Site, desk: int = 0) -> tuple[int, bool, int]:
    """Whether a desk can be read, is stale, and how many bookings it has."""
    status, answer = await site.call("GET", f"/api/v1/desks/{site.desk_id(desk)}")
    return status, answer["stale"], answer["bookings"]


def secrets_in(log: io.StringIO, site: Site) -> list[str]:
    told, cloud = log.getvalue(), cloud_of(site)
    return [secret for secret in (cloud.client_secret, cloud.refresh_token, *cloud.access_tokens) if secret in told]


async def activate_anew(site: Site) -> None:
    """What `hotdesk-daemon activate` does, beside the running daemon."""
    code = cloud_of(site).activation_code()
    await activate_organisation(code, settings=site.settings, wanted=site.settings.organisations[0], now=site.clock.now)
    await site.clock.settle()


# --- a token endpoint that fails -------------------------------------------------------------------------------------


@attrs.define
class Line:
    """The line to the token endpoint, which can be cut: then nobody answers."""

    endpoint: str
    is_cut: bool = False
    cut: int = 0
    url: str = ""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Line]:
        app = web.Application()
        app.router.add_post("/v1/access_token", self._pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/access_token"
            yield self
        finally:
            await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.is_cut:
            self.cut += 1
            assert request.transport is not None
            request.transport.abort()
            return web.Response()  # to nobody
        headers = {"Content-Type": request.headers["Content-Type"]}
        async with aiohttp.request("POST", self.endpoint, data=body, headers=headers) as answer:
            content = await answer.read()
            return web.Response(body=content, status=answer.status, content_type="application/json")


@asynccontextmanager
async def with_a_line(site: Site) -> AsyncIterator[Line]:
    """Let the daemon that is not started yet reach the token endpoint by a line that can be cut."""
    async with Line(f"{cloud_of(site).base}/v1/access_token").opened() as line:
        wanted = attrs.evolve(site.settings.organisations[0], oauth_url=line.url)
        site.settings = attrs.evolve(site.settings, organisations=(wanted,))
        await site.start()
        try:
            yield line
        finally:
            await site.stop_if_running()


@over("queue")
@pytest.mark.timeout(60)
async def test_tokens_that_cannot_be_renewed_for_a_day_and_then_can(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local", "hybrid", start=False)
    async with with_a_line(site) as line:
        site.device.people.book(30, "Desk", "person1@example.com", start=site.at(30 * 60))
        await site.advance(10)
        cloud_of(site).faults.enable("refresh_error", status=500)
        cloud_of(site).expire_tokens()
        await site.advance(12 * HOUR_S)

        assert ["failing"] == await token_state(site)
        assert not await is_heard(site)
        status, reasons = await readiness(site)
        assert (503, True) == (status, "cannot be renewed: the token endpoint answered 500" in reasons[0])
        assert [(200, True, 1), (200, True, 0)] == [await shown(site, desk) for desk in (0, 1)]

        cloud_of(site).faults.clear()
        line.is_cut = True
        await site.advance(12 * HOUR_S)

        status, reasons = await readiness(site)
        assert (503, True) == (status, "the token endpoint cannot be reached" in reasons[0])
        assert [(200, True, 1), (200, True, 0)] == [await shown(site, desk) for desk in (0, 1)]
        # For ever, and never more often than every few minutes.
        assert 12 * HOUR_S / 300 <= line.cut <= 12 * HOUR_S / 150 + 10

        missed = site.device.people.book(30, "Desk", "person1@example.com", start=site.at(32 * 60))
        line.is_cut = False
        await site.until(site.is_live)
        heard = site.device.people.book(30, "Desk", "person1@example.com", start=site.at(34 * 60))
        await site.advance(600)

        assert (200, []) == await readiness(site)
        assert (["valid"], True) == (await token_state(site), await is_heard(site))
        assert {missed, heard} <= {booking.meeting_id for booking in site.bookings()}
        assert ["", ""] == [site.disagreement(desk) for desk in (0, 1)]
        assert 1 == len(lines(log, "org.tokens_failing"))
        assert 2 == len(lines(log, "org.tokens_valid"))  # at the start, and now
        assert (1, 2) == (len(lines(log, "org.down")), len(lines(log, "org.up")))
        assert [] == secrets_in(log, site)


@over("webhook")
@pytest.mark.timeout(60)
async def test_while_tokens_cannot_be_renewed_a_webhook_is_heard_all_the_same(
    open_site: OpenSite, log: io.StringIO
) -> None:
    """
    Who posts needs no token of ours; the failure is told, and what we ask for meanwhile is not lost.
    """
    site = await open_site("local")
    cloud_of(site).faults.enable("refresh_error", status=500)
    cloud_of(site).expire_tokens()
    await site.advance(24 * HOUR_S)
    heard = site.device.people.book(30, "Desk", "person1@example.com", start=site.at(30 * 60))
    await site.advance(5)

    assert ["failing"] == await token_state(site)
    assert [heard] == [booking.meeting_id for booking in site.bookings()]
    status, reasons = await readiness(site)
    assert (503, True) == (status, "cannot be renewed" in reasons[0])

    await site.book(begins_in_min=120)
    cloud_of(site).faults.clear()
    await site.advance(600)

    assert (200, []) == await readiness(site)
    for parked in site.parked():
        await site.call("POST", f"/api/v1/commands/{parked.command_id}/retry")
    await site.advance(60)

    assert [("Bookings Book", "done")] == await site.outbox()
    assert site.agrees(), site.disagreement()
    assert (1, 2) == (len(lines(log, "org.tokens_failing")), len(lines(log, "org.tokens_valid")))


@over_cloud
@pytest.mark.timeout(60)
async def test_a_token_that_is_refused_early_is_renewed_without_anybody_noticing(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    before = len(refreshes(site))
    cloud_of(site).expire_tokens()
    asked = await site.book()
    await site.advance(120)

    assert [200] == refreshes(site)[before:]
    assert asked["id"] == site.booking().booking_id
    assert ("created", False) == (site.booking().state, site.is_stale)
    assert [] == lines(log, "org.tokens_failing")
    assert (200, []) == await readiness(site)


# --- a refresh token that is refused ---------------------------------------------------------------------------------


@over("queue")
async def test_a_device_unheard_for_another_reason_says_that_a_person_has_to_activate(open_site: OpenSite) -> None:
    site = await open_site("local")
    site.floor.faults.enable("poll_error", status=502)
    await site.advance(5 * 60)
    (device,) = site.state().devices.values()
    assert "502" in device.link_cause

    cloud_of(site).new_refresh_token()
    cloud_of(site).expire_tokens()
    site.floor.faults.disable("poll_error")
    await site.advance(10 * 60)

    (device,) = site.state().devices.values()
    assert "run hotdesk-daemon activate" in device.link_cause


@over_cloud
@pytest.mark.timeout(60)
async def test_a_refused_refresh_token_waits_for_a_person_and_goes_on_by_itself(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    booked = site.device.people.book(30, "Desk", "person1@example.com", start=site.at(9 * 60))
    await site.advance(5)
    before = len(refreshes(site))
    cloud_of(site).new_refresh_token()
    cloud_of(site).expire_tokens()
    await site.book(begins_in_min=700)
    await site.advance(2 * HOUR_S)

    assert [400] == refreshes(site)[before:]  # asked once, and not again
    assert ["reauthorise"] == await token_state(site)
    status, reasons = await readiness(site)
    assert 503 == status
    assert f"Organisation {NAME} must be activated anew: the cloud refuses its refresh token." == reasons[0]
    assert booked in {booking.meeting_id for booking in site.bookings()}
    status, is_stale, bookings = await shown(site)
    assert (200, 2) == (status, bookings)
    assert is_stale or site.settings.organisations[0].webhook is not None
    assert 1 == len(lines(log, "org.reauthorise"))

    await activate_anew(site)
    await site.until(site.is_live)
    await site.advance(60)
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(11 * 60))
    await site.advance(5)

    assert (200, []) == await readiness(site)
    assert ["valid"] == await token_state(site)
    assert 3 == len(site.bookings())
    assert site.agrees(), site.disagreement()
    assert 1 == len(lines(log, "org.reauthorise"))
    assert [200] == refreshes(site)[before + 1 :]  # the activation's own
    assert [] == secrets_in(log, site)


@over_cloud
@pytest.mark.timeout(60)
async def test_a_person_who_activates_anew_ends_a_failure_at_once(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    cloud_of(site).faults.enable("refresh_error", status=500)
    cloud_of(site).expire_tokens()
    await site.book()
    await site.advance(600)
    assert ["failing"] == await token_state(site)

    cloud_of(site).faults.clear()
    cloud_of(site).new_refresh_token()
    await activate_anew(site)
    await site.advance(120)

    assert ["valid"] == await token_state(site)
    assert (200, []) == await readiness(site)
    assert site.agrees(), site.disagreement()
    assert 2 == len(lines(log, "org.tokens_valid"))


# --- tokens that rotate ----------------------------------------------------------------------------------------------


@over_cloud
@pytest.mark.timeout(60)
async def test_refresh_tokens_that_rotate_each_time_are_followed(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    before = len(refreshes(site))
    cloud_of(site).faults.enable("refresh_rotates")
    seen = {cloud_of(site).refresh_token}
    for _ in range(5):
        cloud_of(site).expire_tokens()
        await site.book(begins_in_min=60 * len(seen))
        await site.advance(60)
        seen.add(cloud_of(site).refresh_token)

    assert [200] * 5 == refreshes(site)[before:]
    assert 6 == len(seen)
    assert 5 == site.effects("booked")

    await site.stop()
    cloud_of(site).expire_tokens()
    await site.start()

    assert [200] * 6 == refreshes(site)[before:]
    assert [] == lines(log, "org.reauthorise")


def write_config(wanted: OrganisationSettings, directory: Path) -> Path:
    """A configuration file as a person would write it."""
    secret, path = directory / "secret", directory / "hotdesk.toml"
    secret.write_text(wanted.client_secret.reveal())
    secret.chmod(0o600)
    path.write_text(f"""
        [daemon]
        state_dir = "{directory / "state"}"
        [http]
        port = 0
        token = "env:CRASH_TOKEN"
        [log]
        format = "json"
        [[organisation]]
        id = "{wanted.id}"
        client_id = "{wanted.client_id}"
        client_secret = "file:{secret}"
        app_id = "{wanted.app_id}"
        jwks_url = "{wanted.jwks_url}"
        supported_url = "{wanted.supported_url}"
    """)
    return path


@attrs.define(eq=False)
class FirstUse:
    """The cloud looks at the state directory when it is first shown a token, and takes none while told so."""

    cloud: CloudOrganisation
    file: Path
    is_taken: bool = False
    stored: str = ""
    came: asyncio.Event = attrs.field(factory=asyncio.Event)

    def accepts(self, access: str) -> bool:
        if not self.came.is_set():
            self.stored = msgspec.json.decode(self.file.read_bytes())["refresh_token"]
            self.came.set()
            if not self.is_taken:
                self.cloud.faults.enable("refresh_error")  # it shall die before it can try anything else
        return self.is_taken


@pytest.mark.timeout(60)
@pytest.mark.may_block(reason="the simulated cloud looks at a file before it answers")
async def test_killed_between_a_rotated_refresh_token_and_its_use(tmp_path: Path) -> None:
    """
    The new token is on the disk before the cloud is shown anything that came with it, so a kill locks nobody out.
    """
    clock = ScaledClock()
    async with Floor((DeskPlan(workspace="Desk 1"),), clock=clock) as floor, SimulatedCloud(floor) as there:
        cloud, settings = there.organisations[0], Settings(daemon=DaemonSettings(state_dir=tmp_path / "state"))
        wanted = organisation_settings(there, cloud, settings)
        await activate_organisation(cloud.activation_code(), settings=settings, wanted=wanted, now=clock.now)
        config = await asyncio.to_thread(write_config, wanted, tmp_path)
        site = CrashSite(floor, clock, config, random.Random(1))
        old, file = cloud.refresh_token, tmp_path / "state" / "organisations" / f"{wanted.id}.json"
        await site.start()
        try:
            first = FirstUse(cloud, file)
            cloud.accepts = first.accepts  # type: ignore[method-assign]
            cloud.faults.enable("refresh_rotates", times=1)
            cloud.expire_tokens()
            cloud.queue.wake()
            async with asyncio.timeout(10):
                await first.came.wait()
            await site.kill()

            assert old != cloud.refresh_token == first.stored
            assert cloud.refresh(old) is None

            cloud.faults.clear()
            cloud.expire_tokens()
            cloud.requests.clear()
            again = FirstUse(cloud, file, is_taken=True)
            cloud.accepts = again.accepts  # type: ignore[method-assign]
            await site.start()
            async with asyncio.timeout(10):
                await again.came.wait()

            tokens = [request.status for request in cloud.requests if request.path == "/v1/access_token"]
            assert ([200], first.stored) == (tokens, again.stored)
            assert 0 == await site.stop()
            assert [] == site.errors
        finally:
            await site.kill()
