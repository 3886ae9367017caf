"""Faults of devices, each found by its name: real devices, real sockets, real certificates."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs
import pytest

from hotdesk_daemon.app.doctor import Asked, devices, known_checks
from hotdesk_daemon.ops.settings import Secret, Verify, Way
from hotdesk_daemon.simulator import DeskPlan, User
from hotdesk_daemon.simulator.certificates import Certificate, make_certificate
from hotdesk_daemon.simulator.statuses import CHECK_IN, COUNT_OUT_OF_CALL, TASK_SIGN_IN
from hotdesk_daemon.transport import SslContexts
from tests.app.doctor.sites import Looked, a_site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hotdesk_daemon.simulator.tree import Value

AUTHENTICATION: Final = ("Webex", "Hotdesking", "UserAuthentication")


async def test_of_a_healthy_floor_there_is_nothing_to_tell(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        assert [] == await site.told()


async def test_a_look_changes_nothing_on_a_device(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        effects = [*site.device.effects]
        await site.examine()
        await _until(lambda: not site.device.listeners)

        assert ["HttpFeedback Deregister", "Bookings List"] == [path for path, _ in site.device.commands_received]
        assert effects == site.device.effects


def _configured(path: tuple[str | int, ...], value: Value) -> Callable[[Looked], None]:
    return lambda site: _put(site, path, value)


def _put(site: Looked, path: tuple[str | int, ...], value: Value) -> None:
    site.device.configurations.put({path: value})


def _faulty(name: str, **options: Any) -> Callable[[Looked], None]:
    return lambda site: _enable(site, name, **options)


def _enable(site: Looked, name: str, **options: Any) -> None:
    site.device.faults.enable(name, **options)


def _little_user(site: Looked) -> None:
    site.device.users = (attrs.evolve(site.device.users[0], roles=frozenset({"User"})),)


def _refuse_lists(site: Looked) -> None:
    site.device.faults.enable("command_error", command="Bookings List")


def _url(site: Looked) -> str:
    return site.floor.desks[0].stations[0].url


SEEDED: Final[dict[str, tuple[Callable[[Looked], None], list[str]]]] = {
    "nobody answers": (lambda site: site.change_device(url="ws://127.0.0.1:1/ws"), ["failed device.reachable"]),
    "no such name": (lambda site: site.change_device(url="wss://desk.invalid/ws"), ["failed device.reachable"]),
    "another password": (
        lambda site: site.change_device(password=Secret("another")), ["failed device.credentials"],
    ),
    "another user": (lambda site: site.change_device(username="nobody"), ["failed device.credentials"]),
    "not Admin": (_little_user, ["failed device.role"]),
    "HTTP off": (_faulty("upgrade_401"), ["failed device.service"]),
    "service off": (lambda site: site.change_device(url=f"{_url(site)}x"), ["failed device.service"]),
    "too many connections": (_faulty("upgrade_503"), ["failed device.connections"]),
    "booting": (_faulty("upgrade_502"), ["warning device.ready"]),
    "other releaser: check-in": (_configured(CHECK_IN, "True"), ["warning device.check_in"]),
    "other releaser: tasks": (_configured(TASK_SIGN_IN, "On"), ["warning device.task_sign_in"]),
    "no sign-in": (_configured(AUTHENTICATION, "Disabled"), ["warning device.user_authentication"]),
    "people not counted": (_configured(COUNT_OUT_OF_CALL, "Off"), ["warning device.people_count"]),
    "Teams": (_faulty("teams_mode"), ["failed device.teams"]),
    "no subscriptions left": (_faulty("subscription_limit", limit=0), ["failed device.subscriptions"]),
    "few subscriptions left": (_faulty("subscription_limit", limit=3), ["failed device.subscriptions"]),
    "clock off": (_faulty("clock_skew", hours=0.5), ["failed device.clock"]),
    "clock a little off": (_faulty("clock_skew", hours=0.005), ["warning device.clock"]),
    "a list that is refused": (_refuse_lists, ["failed device.bookings"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", SEEDED)
async def test_a_seeded_fault_is_found_by_its_name_and_nothing_else(tmp_path: Path, fault: str) -> None:
    seed, expected = SEEDED[fault]
    async with a_site(tmp_path) as site:
        seed(site)
        told = [one for one in await site.examine() if one.level not in ("ok", "skipped")]

        assert expected == [f"{one.level} {one.name}" for one in told]
        assert ["desk-1/device-0001-1"] == [one.subject for one in told]
        assert all(one.remedy for one in told)


@pytest.mark.parametrize(("release", "known"), [("11.23.1", True), ("10.19.4", False)])
async def test_an_old_release_is_told_with_what_it_lacks(tmp_path: Path, release: str, *, known: bool) -> None:
    async with a_site(tmp_path, DeskPlan(workspace="Desk 1", releases=(release,))) as site:
        found = {one.name: one for one in await site.examine() if one.level != "ok"}

        assert "SyncRequired" in found["device.release"].text
        assert known is ("device.personalized" not in found)


async def test_a_device_that_is_mute_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_ANSWER_S", 0.05)
    async with a_site(tmp_path) as site:
        site.device.faults.enable("no_reply")

        assert ["failed device.answers"] == [one for one in await site.told() if "skipped" not in one]


async def test_a_device_that_starts_says_so_once(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.device.boots.state = "starting"

        assert ["warning device.ready"] == [one for one in await site.told() if "skipped" not in one]


async def test_when_all_clocks_agree_this_machine_s_is_blamed_once(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        now = site.around.now
        site.around = attrs.evolve(site.around, now=lambda: now() - timedelta(minutes=3))
        found = [one for one in await site.examine() if one.level != "ok"]

        assert [("machine.clock", "failed")] == [(one.name, one.level) for one in found]
        assert "s behind" in found[0].text


async def test_with_a_daemon_beside_no_more_than_one_subscription_is_tried(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.device.faults.enable("subscription_limit", limit=1)
        visit = devices.Visit(
            desk=site.settings.desks[0],
            device=site.settings.desks[0].devices[0],
            sockets=site.settings.sockets,
            contexts=SslContexts(),
            now=site.around.now,
            runs=True,
        )
        await visit.make()

        assert ["ok"] == [one.level for one in visit.found if one.name == "device.subscriptions"]


async def test_a_device_that_goes_by_the_cloud_is_not_visited(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.change_device(way=Way.CLOUD)
        await site.examine()

        assert [] == site.device.commands_received


async def test_only_what_is_wanted_is_told(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        _little_user(site)
        _put(site, CHECK_IN, "True")
        found = await site.examine(Asked(checks=frozenset(known_checks("device.role")), desks=frozenset({"desk-1"})))

        assert [("device.role", "failed", "desk-1/device-0001-1")] == [(o.name, o.level, o.subject) for o in found]


async def test_what_keeps_a_wanted_check_from_being_made_is_told(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        site.device.faults.enable("upgrade_403")
        found = await site.examine(Asked(checks=frozenset({"device.role"}), desks=frozenset({"desk-1"})))

        assert [("device.credentials", "failed")] == [(one.name, one.level) for one in found]


# --- TLS -------------------------------------------------------------------------------------------------------------


async def _certified(site: Looked, certificate: Certificate) -> None:
    """Have the first device show another certificate."""
    server = site.floor.desks[0].stations[0].server
    await server.stop()
    server.tls = certificate.context
    await server.start()


@pytest.mark.parametrize(
    ("lasts", "pinned", "expected"),
    [
        (timedelta(days=200), True, []),
        (timedelta(days=10), True, ["warning device.certificate_expiry"]),
        (timedelta(days=-1), True, ["warning device.certificate_expiry"]),
        (timedelta(days=-1), False, ["failed device.certificate"]),
        (timedelta(days=200), False, []),
    ],
    ids=["good", "soon", "pinned though over", "over", "by an authority"],
)
async def test_a_certificate_is_judged_by_its_end_and_by_what_it_must_be(
    tmp_path: Path, *, lasts: timedelta, pinned: bool, expected: list[str]
) -> None:
    certificate = await asyncio.to_thread(make_certificate, lasts=lasts)
    authority = tmp_path / "authority.pem"
    await asyncio.to_thread(authority.write_bytes, certificate.pem)
    async with a_site(tmp_path, DeskPlan(workspace="Desk 1")) as site:
        await _certified(site, certificate)
        trust = {"fingerprint_sha256": certificate.fingerprint} if pinned else {"ca_file": authority}
        site.change_device(url=site.floor.desks[0].stations[0].url, **trust)

        assert expected == [one for one in await site.told() if "skipped" not in one]
        over = [
            one.remedy for one in await site.examine() if one.name == "device.certificate" and one.level == "failed"
        ]
        assert all(remedy.startswith("renew it on the device") for remedy in over)


async def test_another_certificate_than_the_pinned_one_is_told_with_its_fingerprint(tmp_path: Path) -> None:
    async with a_site(tmp_path, DeskPlan(workspace="Desk 1"), tls=True) as site:
        assert site.floor.certificate is not None
        site.change_device(fingerprint_sha256="0" * 64)
        found = next(one for one in await site.examine() if one.name == "device.certificate")

        assert "failed" == found.level
        assert site.floor.certificate.fingerprint in found.text


async def test_a_certificate_of_nobody_known_is_refused(tmp_path: Path) -> None:
    async with a_site(tmp_path, DeskPlan(workspace="Desk 1"), tls=True) as site:
        assert ["failed device.certificate"] == [one for one in await site.told() if "skipped" not in one]


async def test_a_check_that_is_switched_off_is_a_warning(tmp_path: Path) -> None:
    async with a_site(tmp_path, DeskPlan(workspace="Desk 1"), tls=True) as site:
        site.change_device(verify=Verify.OFF)

        assert ["warning device.verification", "skipped device.certificate"] == await site.told()


async def test_a_port_that_speaks_no_tls_is_told_as_such(tmp_path: Path) -> None:
    async def say_no(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(say_no, "127.0.0.1", 0) as server, a_site(tmp_path) as site:
        site.change_device(url=f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws")

        assert ["failed device.certificate"] == [one for one in await site.told() if "skipped" not in one]


async def test_forty_devices_are_visited_sixteen_at_a_time(tmp_path: Path) -> None:
    plans = [DeskPlan(workspace=f"Desk {number}") for number in range(1, 41)]
    async with a_site(tmp_path, *plans, users=(User(name="admin", password="simulated"),)) as site:
        found = await site.examine(Asked(checks=frozenset({"device.role"})))

        assert 40 == len({one.subject for one in found if one.level == "ok"})


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(4):
        while not reached():  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0)
