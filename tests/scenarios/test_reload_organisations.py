"""New settings of organisations while the daemon serves: which come, go and change, and what becomes of their desks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from hotdesk_daemon.app.simulated import desk_settings
from hotdesk_daemon.core.desk import LinkState
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import CalendarKind
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings import DeskSettings, DeviceSettings, DispatchSettings, Events, SyncSettings
from hotdesk_daemon.simulator.cloud.xapi import RestError
from tests.scenarios.expecting import seen
from tests.scenarios.reloading import sessions
from tests.scenarios.test_start_and_stop import lines
from tests.scenarios.transports import over, over_cloud

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping

    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud


@over_cloud
async def test_an_organisation_that_is_not_concerned_keeps_its_streams(open_site: OpenSite) -> None:
    site = await open_site("local", "hybrid")
    before = sessions(site)
    settings = attrs.evolve(site.settings, sync=SyncSettings(interval_s=12_345.0), dispatch=DispatchSettings())
    await site.reload(settings)

    assert before == sessions(site)
    site.mark()
    await site.play("F01")
    await seen(site)


@over_cloud
async def test_an_organisation_with_another_secret_begins_anew_and_its_desks_stay(open_site: OpenSite) -> None:
    site = await open_site("local", "hybrid")
    desks = site.daemon.fleet.desks()
    wanted = attrs.evolve(site.settings.organisations[0], request_timeout_s=7.0)
    before = sessions(site)
    await site.reload(attrs.evolve(site.settings, organisations=(wanted,)))
    assert before == sessions(site)  # so far nothing needed new connections

    anew = attrs.evolve(wanted, supported_url=None)
    await site.reload(attrs.evolve(site.settings, organisations=(anew,)))
    await site.until(site.is_live)

    assert [d.desk_id for d in desks] == [d.desk_id for d in site.daemon.fleet.desks()]
    assert all(session != before[device] for device, session in sessions(site).items())
    site.mark()
    await site.play("F01")
    await seen(site)


@over_cloud
async def test_an_organisation_that_is_removed_takes_its_desks_with_it_and_may_come_back(open_site: OpenSite) -> None:
    site = await open_site("local", "hybrid")
    all_of_it = site.settings
    await site.reload(attrs.evolve(site.settings, organisations=(), desks=()))

    assert ([], 0) == (list(site.daemon.fleet.desks()), len(site.daemon.fleet.ways))
    assert "hotdesk_cloud_up{" not in await site.text("/metrics")

    await site.reload(all_of_it)
    await site.until(site.is_live)
    site.mark()
    await site.play("F01")
    await seen(site)


@over("webhook")
@pytest.mark.parametrize(("refused", "told"), [(False, "org.webhook_off"), (True, "org.webhook_left")])
async def test_a_webhook_that_is_not_configured_any_more_is_switched_off(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, refused: bool, told: str
) -> None:
    site = await open_site("local")
    cloud, real = site.organisation(), site.organisation().configure

    def configure(path: str, settings: Mapping[str, Any]) -> None:
        if refused and "queue" not in settings:
            raise RestError(400, "Bad request.")
        real(path, settings)

    monkeypatch.setattr(cloud, "configure", configure)
    wanted = attrs.evolve(site.settings.organisations[0], events=Events.QUEUE, webhook=None)
    await site.reload(attrs.evolve(site.settings, organisations=(wanted,)))
    await site.until(site.is_live)
    site.mark()
    await site.play("F01")

    assert refused == (cloud.webhook.settings is not None)
    assert 1 == len(lines(log, told))
    await seen(site)


# --- an organisation's desks ------------------------------------------------------------------------------------------


def found(transport: Cloud) -> Cloud:
    return attrs.evolve(transport, found=True, wanted={"directory_interval_s": 300.0})


@over("queue")
async def test_an_organisation_that_is_added_has_its_desks_found(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "hybrid", transport=found(transport), start=False)
    whole = site.settings
    site.settings = attrs.evolve(whole, organisations=())
    await site.start(live=False)
    assert [] == site.daemon.fleet.desks()

    await site.reload(whole)
    await site.until(site.is_live)

    assert ["desk-1", "desk-2"] == [desk.desk_id for desk in site.daemon.fleet.desks()]
    await site.book()
    await site.advance(10)
    assert site.agrees()


@over("queue")
async def test_a_found_desk_that_is_named_goes_on_under_its_name_and_is_found_again_when_it_is_not(
    open_site: OpenSite, transport: Cloud
) -> None:
    site = await open_site("local", "local", transport=found(transport))
    plain = site.settings
    before = sessions(site)
    await site.book()
    await site.advance(10)
    seq = site.state().seq
    own = named(site, stage=Stage.OBSERVE)
    await site.reload(attrs.evolve(plain, desks=(own,)))
    await site.until(site.is_live)

    assert (Stage.OBSERVE, Stage.ENFORCE) == (site.state(0).stage, site.state(1).stage)
    assert (1, True) == (len(site.bookings()), site.state().seq > seq)
    other = next(device for device in before if "desk-2" in device)
    assert before[other] == sessions(site)[other]

    await site.reload(plain)
    await site.until(site.is_live)

    assert ["desk-1", "desk-2"] == [desk.desk_id for desk in site.daemon.fleet.desks()]
    assert (Stage.ENFORCE, 1) == (site.state().stage, len(site.bookings()))
    assert before[other] == sessions(site)[other]


@over("queue")
async def test_a_desk_that_is_named_like_a_found_one_takes_the_name_and_the_found_one_gets_another(
    open_site: OpenSite, transport: Cloud
) -> None:
    site = await open_site("local", "local", transport=found(transport))
    plain, own = site.settings, named(site)
    await site.reload(attrs.evolve(plain, desks=(attrs.evolve(own, id="desk-2"),)))  # of the workspace of desk-1
    await site.advance(700)

    desks = {desk.desk_id: [*desk.devices] for desk in site.daemon.fleet.desks()}
    assert 2 == len(desks)
    assert [own.devices[0].id] == desks[DeskId("desk-2")]
    assert all(device.link is LinkState.LIVE for d in site.daemon.fleet.desks() for device in d.devices.values())


def named(site: Site, **settings: Any) -> DeskSettings:
    """The first desk as configuration would name it."""
    organisation = site.organisation()
    device = DeviceSettings(id="desk-1-named", webex_id=organisation.device_id(site.station()))
    return DeskSettings(
        id="desk-1",
        calendar=CalendarKind.LOCAL,
        organisation=site.settings.organisations[0].id,
        devices=(device,),
        **settings,
    )


@over_cloud
async def test_a_desk_that_is_moved_to_another_way_goes_on_where_it_stood(open_site: OpenSite) -> None:
    """
    Its organisation is gone, and its own socket is named instead.
    """
    site = await open_site("local")
    await site.book()
    await site.advance(10)
    by_socket = tuple(desk_settings(desk) for desk in site.floor.desks)
    await site.reload(attrs.evolve(site.settings, organisations=(), desks=by_socket))
    await site.until(site.is_live)

    assert ["socket"] == [ways.current.value for ways in site.daemon.fleet.ways.values()]
    assert 1 == len(site.bookings())
    assert site.agrees()


@over_cloud
async def test_another_rate_of_an_organisation_counts_at_once_and_drops_nothing(open_site: OpenSite) -> None:
    site = await open_site("local", "local")
    before = sessions(site)
    wanted = attrs.evolve(site.settings.organisations[0], rate_per_s=0.1, concurrency=1)
    await site.reload(attrs.evolve(site.settings, organisations=(wanted,)))
    assert before == sessions(site)
    began = site.clock.mono()
    await site.call("POST", "/api/v1/desks/desk-1/resync")
    await site.call("POST", "/api/v1/desks/desk-2/resync")
    await site.until(lambda: not any(worker.desk.sync.listing for worker in site.daemon.fleet.workers.values()))

    assert site.clock.mono() - began >= 10.0
