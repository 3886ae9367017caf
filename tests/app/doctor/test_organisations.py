"""Faults of organisations, each found by its name, against a simulated cloud."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from hotdesk_daemon.app.doctor import Asked, Doctor
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings import Events, Secret, SelectSettings, WebhookSettings
from hotdesk_daemon.simulator import DeskPlan
from hotdesk_daemon.simulator.certificates import make_certificate
from hotdesk_daemon.simulator.statuses import CHECK_IN, TASK_SIGN_IN
from hotdesk_daemon.transport.cloud import Installation, InstallationStore
from tests.app.doctor.sites import QUEUE, Looked, a_site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOUND: Final = attrs.evolve(QUEUE, found=True)


def _store(site: Looked) -> InstallationStore:
    name = f"{site.settings.organisations[0].id}.json"
    return InstallationStore(site.settings.daemon.state_dir / "organisations" / name)


def _installed(**how: Any) -> Callable[[Looked], None]:
    """Have something else stand in the installation's file."""

    def change(found: Installation | None) -> Installation | None:
        return None if found is None else attrs.evolve(found, **how)

    def seed(site: Looked) -> None:
        _store(site).change(change)

    return seed


def _lasting(days: float) -> Callable[[Looked], None]:
    return _installed(refresh_expires_at=datetime.now(UTC) + timedelta(days=days))


def _without(kind: str, path: str) -> Callable[[Looked], None]:
    def seed(site: Looked) -> None:
        installation = _store(site).load()
        assert installation is not None
        _installed(**{kind: tuple(one for one in getattr(installation, kind) if one != path)})(site)

    return seed


def _removed(site: Looked) -> None:
    _store(site).change(lambda _: None)


def _damaged(site: Looked) -> None:
    _store(site).path.write_bytes(b"{half a fi")


def _refused(site: Looked) -> None:
    """The access token is over, and the cloud no longer takes the refresh token."""
    _installed(access_expires_at=datetime.now(UTC) - timedelta(minutes=1))(site)
    site.organisation.new_refresh_token()


def _failing(site: Looked) -> None:
    _installed(access_expires_at=datetime.now(UTC) - timedelta(minutes=1))(site)
    site.organisation.faults.enable("refresh_error")


def _off(site: Looked) -> None:
    site.change_organisation(api_url="http://127.0.0.1:1/v1")


def _unlisted(site: Looked) -> None:
    """The directory no longer has a device that the configuration names."""
    site.organisation.hidden.add(site.organisation.device_uuid(site.device))


def _other_calendar(site: Looked) -> None:
    first, *others = site.settings.desks
    site.change_desks(attrs.evolve(first, calendar=CalendarKind.LOCAL), *others)


def _to_webhook(url: str) -> Callable[[Looked], None]:
    webhook = WebhookSettings(url=url, secret=Secret("a simulated secret of some length"))
    return lambda site: site.change_organisation(events=Events.WEBHOOK, webhook=webhook)


def _warns(site: Looked) -> None:
    site.change_organisation(stage=Stage.WARN)
    _without("commands", "UserInterface.Message.Alert.Display")(site)


SEEDED: Final[dict[str, tuple[Callable[[Looked], None], str]]] = {
    "not activated": (_removed, "failed organisation.installation"),
    "damaged": (_damaged, "failed organisation.installation"),
    "token soon over": (_lasting(13), "warning organisation.refresh_token"),
    "token almost over": (_lasting(6), "failed organisation.refresh_token"),
    "token over": (_lasting(-1), "failed organisation.refresh_token"),
    "token refused": (_refused, "failed organisation.refresh_token"),
    "tokens not to be had": (_failing, "failed organisation.api"),
    "API not reached": (_off, "failed organisation.api"),
    "scope not granted": (_installed(scopes=("spark:xapi_statuses",)), "failed organisation.scopes"),
    "command not granted": (_without("commands", "Webex.Registration.Logout"), "failed organisation.access"),
    "status not granted": (_without("statuses", "Bookings.Availability.Status"), "failed organisation.access"),
    "alerts not granted": (_warns, "warning organisation.access"),
    "pushes less": (
        lambda site: _fault(site, "cloud_reduced"), "warning organisation.subscriptions",
    ),
    "nothing selected": (
        lambda site: site.change_organisation(select=SelectSettings(tags=("nobody",))), "failed organisation.selection",
    ),
    "a device gone": (lambda site: _fault(site, "reboot"), "warning organisation.connected"),
    "webhook in clear": (_to_webhook("http://desks.example.com"), "failed organisation.webhook"),
    "webhook at home": (_to_webhook("https://localhost"), "failed organisation.webhook"),
    "webhook inside": (_to_webhook("https://10.1.2.3"), "warning organisation.webhook"),
}  # fmt: skip


def _fault(site: Looked, name: str) -> None:
    board = site.device.faults if name == "reboot" else site.organisation.faults
    board.enable(name)


@pytest.mark.parametrize("cloud", [QUEUE, FOUND, attrs.evolve(QUEUE, sockets=True)], ids=["named", "found", "both"])
async def test_of_a_healthy_organisation_there_is_nothing_to_tell(tmp_path: Path, cloud: Any) -> None:
    async with a_site(tmp_path, cloud=cloud) as site:
        assert [] == await site.told()


@pytest.mark.may_block(reason="the test writes the installation's file")
@pytest.mark.parametrize("fault", SEEDED)
async def test_a_seeded_fault_is_found_by_its_name_and_nothing_else(tmp_path: Path, fault: str) -> None:
    seed, expected = SEEDED[fault]
    async with a_site(tmp_path, cloud=FOUND) as site:
        seed(site)
        told = [one for one in await site.examine() if one.level not in ("ok", "skipped")]

        assert [expected] == [f"{one.level} {one.name}" for one in told]
        assert [site.settings.organisations[0].id] == [one.subject for one in told]
        assert all(one.remedy for one in told)


@pytest.mark.parametrize(
    ("seed", "expected"),
    [(_unlisted, "failed organisation.device"), (_other_calendar, "warning organisation.calendar")],
    ids=["not listed", "another calendar"],
)
async def test_a_named_desk_is_held_against_the_directory(
    tmp_path: Path, seed: Callable[[Looked], None], expected: str
) -> None:
    async with a_site(tmp_path, cloud=QUEUE) as site:
        seed(site)

        assert [expected] == await site.told()


@pytest.mark.parametrize("cloud", [QUEUE, FOUND], ids=["named", "found"])
async def test_the_settings_of_devices_that_only_the_cloud_reaches_are_looked_at(tmp_path: Path, cloud: Any) -> None:
    async with a_site(tmp_path, cloud=cloud) as site:
        site.device.configurations.put({CHECK_IN: "True", TASK_SIGN_IN: "On"})
        found = [one for one in await site.examine() if one.level != "ok"]
        of_one = await site.examine(Asked(checks=frozenset({"device.check_in"})))

    (desk, *_others) = {one.subject for one in found}
    assert ["warning device.check_in", "warning device.task_sign_in"] == [f"{one.level} {one.name}" for one in found]
    assert (True, []) == (desk.startswith("desk-1/"), _others)
    assert {"warning", "ok"} == {one.level.value for one in of_one}


@pytest.mark.parametrize("status", [403, 503])
async def test_settings_that_the_cloud_does_not_tell_are_said_not_to_be_looked_at(tmp_path: Path, status: int) -> None:
    async with a_site(tmp_path, cloud=FOUND) as site:
        site.device.faults.enable("cloud_error", command="configuration", status=status)
        found = [one for one in await site.examine() if one.level != "ok"]

    assert ["skipped organisation.settings"] * 2 == [f"{one.level} {one.name}" for one in found]
    assert ["desk-1/desk-1-1", "simulated-org-1"] == sorted(one.subject for one in found)
    assert ["of 2 devices without a socket of ours 1 were looked at"] == [
        one.text.partition(";")[0] for one in found if one.subject == "simulated-org-1"
    ]


async def test_of_many_devices_in_the_cloud_some_are_asked_and_any_by_its_desk(tmp_path: Path) -> None:
    plans = [DeskPlan(workspace=f"Desk {number:02}") for number in range(1, 13)]
    async with a_site(tmp_path, *plans, cloud=attrs.evolve(FOUND, wanted={"rate_per_s": 1000.0})) as site:
        site.floor.desks[11].device.configurations.put({CHECK_IN: "True"})
        some = await site.told()
        named = await Doctor(site.settings, asked=Asked(desks=frozenset({"desk-12"})), around=site.around).examine()

    assert ["skipped organisation.settings"] == some
    assert [("device.check_in", True)] == [
        (one.name, one.subject.startswith("desk-12/")) for one in named if one.level != "ok"
    ]


async def test_old_releases_in_the_directory_are_told(tmp_path: Path) -> None:
    async with a_site(tmp_path, DeskPlan(workspace="Desk 1", releases=("11.23.1",)), cloud=FOUND) as site:
        assert ["warning organisation.release"] == await site.told()


async def test_a_good_token_is_used_and_none_renewed(tmp_path: Path) -> None:
    async with a_site(tmp_path, cloud=FOUND) as site:
        before = await asyncio.to_thread(_store(site).load)
        await site.examine()

        assert before == await asyncio.to_thread(_store(site).load)


@pytest.mark.may_block(reason="the test writes the installation's file")
async def test_a_token_that_is_over_is_renewed_and_stored(tmp_path: Path) -> None:
    async with a_site(tmp_path, cloud=FOUND) as site:
        _installed(access_expires_at=datetime.now(UTC) - timedelta(minutes=1))(site)
        before = _store(site).load()
        told = await site.told()
        after = _store(site).load()

        assert [] == told
        assert before is not None
        assert after is not None
        assert (before.generation + 1, True) == (after.generation, before.access_token != after.access_token)


async def test_a_cloud_behind_an_authority_of_its_own_is_refused_without_it(tmp_path: Path) -> None:
    certificate = await asyncio.to_thread(make_certificate)
    authority = tmp_path / "authority.pem"
    await asyncio.to_thread(authority.write_bytes, certificate.pem)
    cloud = attrs.evolve(FOUND, certificate=certificate, wanted={"ca_file": authority})
    async with a_site(tmp_path, cloud=cloud) as site:
        healthy = await site.told()
        site.change_organisation(ca_file=None)
        found = [one for one in await site.examine() if one.level == "failed"]

        assert [] == healthy
        assert [("organisation.api", True)] == [(one.name, "certificate" in one.text) for one in found]


async def test_a_directory_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    async with a_site(tmp_path, cloud=FOUND) as site:
        assert site.cloud is not None
        site.change_organisation(api_url=f"{site.cloud.url}/v2")

        assert ["failed organisation.directory"] == await site.told()


@pytest.mark.may_block(reason="the test writes the installation's file")
async def test_of_two_organisations_the_ill_one_is_named(tmp_path: Path) -> None:
    async with a_site(tmp_path, cloud=attrs.evolve(FOUND, organisations=2)) as site:
        _removed(site)
        found = await site.examine(Asked(checks=frozenset({"organisation.installation"})))

        told = [(one.subject, one.level.value) for one in found]
        assert [("simulated-org-1", "failed"), ("simulated-org-2", "ok")] == told


async def test_a_cloud_and_devices_that_agree_blame_this_machine_s_clock(tmp_path: Path) -> None:
    async with a_site(tmp_path, cloud=attrs.evolve(QUEUE, sockets=True)) as site:
        now = site.around.now
        site.around = attrs.evolve(site.around, now=lambda: now() - timedelta(seconds=20))

        assert ["warning machine.clock"] == await site.told()


async def test_one_cloud_alone_that_is_off_is_told_itself(tmp_path: Path) -> None:
    async with a_site(tmp_path, cloud=FOUND) as site:
        now = site.around.now
        site.around = attrs.evolve(site.around, now=lambda: now() - timedelta(minutes=3))

        assert ["failed organisation.clock", "skipped machine.clock"] == await site.told()
