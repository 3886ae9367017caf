"""New settings while the daemon serves: what they concern changes, everything else goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from hotdesk_daemon.core.desk import LinkState
from hotdesk_daemon.core.errors import ConfigError, TransientError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings import (
    DeskSettings,
    JournalSettings,
    PolicySettings,
    Secret,
    load_settings,
)
from tests.scenarios.reloading import lines, metric, sessions, with_desks
from tests.scenarios.site import ADMIN
from tests.scenarios.test_start_and_stop import FullDisk
from tests.scenarios.transports import over_socket

if TYPE_CHECKING:
    import io
    from collections.abc import Callable
    from pathlib import Path

    from hotdesk_daemon.ops.settings import Settings
    from tests.scenarios.site import OpenSite, Site


async def test_the_same_settings_change_nothing(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local", "hybrid")
    before = sessions(site)
    outcome = await site.reload(site.settings)

    assert ((), before) == (outcome.problems, sessions(site))
    assert [] == await site.steps() + await site.steps(1)
    assert [[]] == [line["settings"] for line in lines(log, "config.reloaded")]


@over_socket
async def test_a_desk_that_is_added_is_served_and_the_others_notice_nothing(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local", "hybrid", start=False)
    both = site.settings
    site.settings = with_desks(both, both.desks[0])
    await site.start(live=False)
    await site.until(lambda: not site.state().is_stale)
    before = sessions(site)
    await site.reload(both)
    await site.until(site.is_live)

    assert before == {device: session for device, session in sessions(site).items() if device in before}
    assert ["desk-1", "desk-2"] == [desk.desk_id for desk in site.daemon.fleet.desks()]
    assert [(1, ["desk-2"])] == [
        (line["desks_added"], line["desks_added_names"]) for line in lines(log, "config.reloaded")
    ]
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.book(desk=1)
    await site.advance(5)

    assert (1, 1) == (len(site.bookings(0)), len(site.bookings(1)))
    assert site.agrees(0)


@over_socket
async def test_a_desk_that_is_removed_is_let_go_and_comes_back_as_it_was(open_site: OpenSite) -> None:
    site = await open_site("local", "hybrid")
    await site.book(desk=1)
    await site.until(lambda: [b.state for b in site.bookings(1)] == ["created"])
    both, bookings = site.settings, [booking.meeting_id for booking in site.bookings(1)]
    before = sessions(site)
    await site.reload(with_desks(both, both.desks[0]))

    assert (404, ["desk-1"]) == (
        (await site.call("GET", "/api/v1/desks/desk-2"))[0],
        [desk.desk_id for desk in site.daemon.fleet.desks()],
    )
    assert 'desk="desk-2"' not in await site.text("/metrics")

    await site.reload(both)
    await site.until(site.is_live)

    assert bookings == [booking.meeting_id for booking in site.bookings(1)]
    assert before[next(iter(before))] == sessions(site)[next(iter(before))]
    steps = await site.steps(1, since=0)
    assert [*range(1, len(steps) + 1)] == [step.seq for step in steps]


async def test_rules_stage_and_times_reach_each_desk_that_they_concern(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    before = sessions(site)
    own = attrs.evolve(site.settings.desks[1], policy=PolicySettings(max_duration_s=7200.0), sync_interval_s=999.0)
    settings = attrs.evolve(
        with_desks(site.settings, site.settings.desks[0], own),
        daemon=attrs.evolve(site.settings.daemon, stage=Stage.OBSERVE),
        policy=PolicySettings(max_duration_s=3600.0),
        dispatch=attrs.evolve(site.settings.dispatch, deadline_s=60.0),
    )
    await site.reload(settings)

    first, second = site.state(0), site.state(1)
    assert (Stage.OBSERVE, Stage.OBSERVE) == (first.stage, second.stage)
    assert (60, 120) == (first.policy.max_duration_min, second.policy.max_duration_min)
    assert (60, 60, 999) == (first.deadline_s, second.deadline_s, second.sync_interval_s)
    assert before == sessions(site)

    site.device.people.book(90, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(5)

    assert "booking.rejected" in await site.codes()


async def test_each_concerned_desk_is_told_once_and_no_other_at_all(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    own = attrs.evolve(site.settings.desks[1], policy=PolicySettings(max_duration_s=7200.0))
    await site.reload(with_desks(site.settings, site.settings.desks[0], own))

    assert [] == await site.steps(0)
    assert ["DeskConfigured"] == [step.kind for step in await site.steps(1)]


@over_socket
async def test_another_password_renews_the_link_of_its_device_alone(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    before = sessions(site)
    device = site.station(1)
    changed = with_password(site.settings.desks[1], "another-planted-one")
    await site.reload(with_desks(site.settings, site.settings.desks[0], changed))

    first = next(iter(before))
    assert before[first] == sessions(site)[first]
    assert LinkState.DOWN is site.state(1).devices[DeviceId(device.device_id)].link  # the device knows the old one only

    await site.reload(site.settings)
    await site.until(site.is_live, limit_s=2.0)  # at once: it does not wait for a next try

    assert before[first] == sessions(site)[first]


def with_password(desk: DeskSettings, password: str) -> DeskSettings:
    devices = tuple(attrs.evolve(device, password=Secret(password)) for device in desk.devices)
    return attrs.evolve(desk, devices=devices)


@over_socket
async def test_a_secret_that_is_rotated_in_its_file_is_read_again(open_site: OpenSite, tmp_path: Path) -> None:
    site = await open_site("local", "local")
    one, other = site.settings.desks
    secret, configuration = tmp_path / "secret", tmp_path / "hotdesk.toml"
    device = one.devices[0]
    configuration.write_text(
        f'[[desk]]\nid = "{one.id}"\ncalendar = "local"\n'
        f'[[desk.device]]\nid = "{device.id}"\nurl = "{device.url}"\npassword = "file:{secret}"\n'
    )

    def load() -> Settings:
        return with_desks(site.settings, *load_settings(configuration, {}).desks, other)

    async def rotated(text: str) -> None:
        secret.write_text(text)
        outcome = site.daemon.reload.ask()
        await site.until(outcome.done, step_s=0.01)
        await site.clock.settle()

    site.daemon.reload.load = load

    await rotated(ADMIN.password)
    assert site.is_live()
    before = sessions(site)
    await rotated("another-planted-one")
    assert (True, False) == (site.is_stale, site.state(1).is_stale)
    await rotated(f"{ADMIN.password}\n")
    await site.until(site.is_live, limit_s=2.0)

    of_the_other = DeviceId(other.devices[0].id)
    assert before[of_the_other] == sessions(site)[of_the_other]


@over_socket
async def test_a_device_that_moves_to_another_desk_is_taken_along(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    one, other = site.settings.desks
    await site.reload(
        with_desks(site.settings, attrs.evolve(one, devices=other.devices), attrs.evolve(other, devices=one.devices))
    )
    await site.until(site.is_live)

    assert [[d.id for d in other.devices], [d.id for d in one.devices]] == [
        [*desk.devices] for desk in site.daemon.fleet.desks()
    ]


@over_socket
async def test_other_times_of_sockets_count_at_the_next_connect_and_drop_no_session(open_site: OpenSite) -> None:
    site = await open_site("local")
    before = sessions(site)
    sockets = attrs.evolve(site.settings.sockets, request_timeout_s=0.2)
    await site.reload(attrs.evolve(site.settings, sockets=sockets))
    assert before == sessions(site)

    site.device.reboot(1)
    await site.until(lambda: not site.is_live())
    await site.until(site.is_live)
    site.floor.faults.enable("no_reply", command="Bookings List")
    await site.call("POST", "/api/v1/desks/desk-1/resync")
    await site.real(lambda: site.state().sync.failures == 1)


CANNOT_BE_USED = {
    "mistakes": ConfigError("a.toml:3: http.prot: is no setting", "a.toml:9: desk[1].id: is missing"),
    "a disk that does not answer": TimeoutError(),
    "a file that went away": OSError(5, "Input/output error"),
    "a mistake of ours": KeyError("oops"),
}


@pytest.mark.parametrize("kind", CANNOT_BE_USED)
async def test_what_cannot_be_used_changes_nothing_and_is_told_line_by_line(
    open_site: OpenSite, log: io.StringIO, kind: str
) -> None:
    site = await open_site("local")
    error = CANNOT_BE_USED[kind]
    before = sessions(site)
    assert 1.0 == await metric(site, "hotdesk_config_last_reload_successful")
    when = await metric(site, "hotdesk_config_last_reload_success_timestamp_seconds")
    outcome = await site.reload(error)
    assert when == await metric(site, "hotdesk_config_last_reload_success_timestamp_seconds")

    expected = len(error.problems) if isinstance(error, ConfigError) else 1
    assert expected == len(outcome.problems) == len(lines(log, "config.invalid"))
    assert [expected] == [line["problems"] for line in lines(log, "config.reload_failed")]
    assert (0.0, before) == (await metric(site, "hotdesk_config_last_reload_successful"), sessions(site))

    await site.reload(site.settings)

    assert 1.0 == await metric(site, "hotdesk_config_last_reload_successful")
    assert when < await metric(site, "hotdesk_config_last_reload_success_timestamp_seconds")
    forget_mistakes(log)


def forget_mistakes(log: io.StringIO) -> None:
    """The mistake of ours was meant: the fixture need not find it."""
    kept = [line for line in log.getvalue().splitlines() if '"task":"reload"' not in line]
    log.seek(0)
    log.truncate()
    log.write("\n".join(kept))


async def test_what_needs_a_restart_is_told_by_name_and_keeps_its_value_and_the_rest_counts(
    open_site: OpenSite, log: io.StringIO, tmp_path: Any
) -> None:
    site = await open_site("local")
    settings = attrs.evolve(
        site.settings,
        daemon=attrs.evolve(site.settings.daemon, state_dir=tmp_path / "elsewhere", stage=Stage.OBSERVE),
        journal=JournalSettings(path=tmp_path / "other.sqlite3"),
        http=attrs.evolve(site.settings.http, port=1),
    )
    outcome = await site.reload(settings)

    waiting = ("daemon.state_dir", "journal.path", "http.port")
    assert waiting == outcome.waiting
    assert [list(waiting)] == [line["settings"] for line in lines(log, "config.restart_needed")]
    assert [["daemon.stage"]] == [line["settings"] for line in lines(log, "config.reloaded")]
    assert Stage.OBSERVE is site.state().stage
    assert (await site.call("GET", "/readyz"))[0] == 200


async def test_two_who_ask_at_once_get_one_reload_that_begins_after_both(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    first = site.daemon.reload.ask()
    second = site.daemon.reload.ask()
    await site.clock.settle()

    assert (first.result(), 1) == (second.result(), len(lines(log, "config.reloaded")))


async def test_who_asks_during_a_reload_gets_another_one(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    reload = site.daemon.reload
    asked: list[Any] = []
    reload.load = lambda: reading(site, lambda: asked.append(reload))
    first = reload.ask()
    await site.clock.settle()
    second = reload.ask()
    await site.clock.settle()

    assert (True, True, 2) == (first.done(), second.done(), len(asked))


def reading(site: Site, note: Callable[[], object]) -> Settings:
    note()
    return site.settings


async def test_a_reload_that_is_asked_for_while_it_starts_comes_when_it_serves(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local", start=False)
    starting = asyncio.create_task(site.start(live=False), name="the start")
    while not hasattr(site, "daemon"):  # noqa: ASYNC110 - nobody could set an event
        await asyncio.sleep(0)
    site.found = attrs.evolve(site.settings, policy=PolicySettings(max_duration_s=3600.0))
    site.daemon.reload_soon()
    assert not site.daemon.ready.is_set()
    await starting
    await site.clock.settle()

    assert (60, 1) == (site.state().policy.max_duration_min, len(lines(log, "config.reloaded")))


async def test_while_it_stops_nothing_is_reloaded(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    await site.stop()

    with pytest.raises(TransientError, match="stops"):
        site.daemon.reload.ask()
    site.daemon.reload_soon()
    assert 2 == len(lines(log, "config.reload_refused"))


async def test_another_token_of_the_door_counts_at_once(open_site: OpenSite) -> None:
    site = await open_site("local")
    http = attrs.evolve(site.settings.http, token=Secret("another-planted-one"))
    await site.reload(attrs.evolve(site.settings, http=http))
    status, _ = await site.call("POST", "/api/v1/desks/desk-1/resync")

    assert (401, "another-planted-one") == (status, site.daemon.token)


# --- what cannot be done at once --------------------------------------------------------------------------------------


@over_socket
async def test_a_desk_that_cannot_be_let_go_stays_without_its_devices_and_goes_with_the_next_reload(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local", "local")
    fewer = with_desks(site.settings, site.settings.desks[0])
    with FullDisk(site) as disk:
        site.station(1).people.book(30, "Desk", "person1@example.com", start=site.at(60))
        outcome = await site.reload(fewer)
        disk.is_full = False
    await site.real(lambda: not site.daemon.fleet.troubles())

    assert (("desk-2",), ["desk-2"]) == (outcome.staying, [line["desk_id"] for line in lines(log, "config.desk_stays")])
    assert ["desk-1", "desk-2"] == [desk.desk_id for desk in site.daemon.fleet.desks()]

    assert () == (await site.reload(fewer)).staying
    assert ["desk-1"] == [desk.desk_id for desk in site.daemon.fleet.desks()]


@over_socket
async def test_a_stop_in_the_middle_of_a_reload_does_not_wait_for_it(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local", "local")
    site.found = with_desks(site.settings, site.settings.desks[0])
    with FullDisk(site) as disk:
        site.station(1).people.book(30, "Desk", "person1@example.com", start=site.at(60))
        asking = asyncio.create_task(site.daemon.fleet.reload(remove_desks=False), name="somebody who asked over HTTP")
        await site.advance(5)
        assert not asking.done()
        disk.is_full = False
        await site.stop()

    with pytest.raises(TransientError, match="the daemon stops"):
        await asking
    assert 1 == len(lines(log, "config.reload_refused"))


@over_socket
async def test_an_authority_that_is_replaced_renews_its_device_although_the_old_file_is_gone(
    open_site: OpenSite, tmp_path: Path
) -> None:
    site = await open_site("local", "local", tls=True, start=False)
    assert site.floor.certificate is not None
    old, new = tmp_path / "old.pem", tmp_path / "new.pem"
    for path in (old, new):
        path.write_bytes(site.floor.certificate.pem)
    plain = site.settings
    site.settings = with_desks(plain, *(with_authority(desk, old) for desk in plain.desks))
    await site.start()
    before = sessions(site)
    old.unlink()
    refused = await site.reload(site.settings)
    assert (1, before) == (len(refused.problems), sessions(site))

    outcome = await site.reload(with_desks(plain, *(with_authority(desk, new) for desk in plain.desks)))
    await site.until(site.is_live)

    assert () == outcome.problems
    assert all(session != before[device] for device, session in sessions(site).items())


def with_authority(desk: DeskSettings, path: Path) -> DeskSettings:
    devices = tuple(attrs.evolve(device, ca_file=path) for device in desk.devices)
    return attrs.evolve(desk, devices=devices)
