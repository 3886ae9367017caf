"""What ends no daemon: poisoned messages, a mistake of ours in one organisation, and the troubles of its neighbours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from hotdesk_daemon.xapi.cloud import inputs_of
from tests.scenarios.test_cloud_actions import posted
from tests.scenarios.test_cloud_hearing import book_on_device, counted, tell_status
from tests.scenarios.test_cloud_tokens import HOUR_S, NAME, activate_anew, cloud_of, refreshes, token_state
from tests.scenarios.test_start_and_stop import lines, readiness
from tests.scenarios.transports import over, over_cloud

if TYPE_CHECKING:
    import io

    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.xapi.cloud import EventsMessage, StatusMessage
    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud

#: How long an organisation rests after a mistake, and a little more.
ANEW_S = 40.0


# --- poisoned messages -----------------------------------------------------------------------------------------------

SCREENS = "Conference.Presentation.LocalInstance"
POISON: dict[str, dict[str, Any]] = {
    "no id": {"updated": {SCREENS: [{"SendingMode": "Off"}]}, "removed": [f"{SCREENS}[1]"]},
    "a null": {"updated": {SCREENS: [None]}, "removed": [f"{SCREENS}[1]"]},
    "a number": {"updated": {SCREENS: [7], f"{SCREENS}[1].SendingMode": "Off"}},
    "a text": {"updated": {SCREENS: "?", f"{SCREENS}[1].SendingMode": "Off"}},
    "a value and a group": {"updated": {"Standby": 1, "Standby.State": "Off"}},
    "depth": {"updated": {".".join("abcdefgh" * 400): 1}},
    "brackets": {"updated": {"[1].x": 1, "a[].b": 2, "a[[1]].c": 3, "": 4, ".": 5}, "removed": ["", ".", "[", "[1]"]},
}


@over_cloud
async def test_statuses_that_make_no_sense_are_kept_and_end_nothing(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    for changes in POISON.values():
        body = cloud.envelope("status", site.device) | {"changes": changes, "isFullSync": False}
        cloud.send(json.dumps(body).encode())
        await site.advance(2)
    book_on_device(site)
    await site.advance(5)

    assert [] == lines(log, "org.failed")
    assert site.agrees(), site.disagreement()
    kept = [record for record in await site.daemon.fleet.journal.history(site.desk_id(), limit=1000) if record.raw]
    assert 5 <= sum(record.kind == "Undecodable" for record in kept)
    assert (200, []) == await readiness(site)


@over("queue")
@pytest.mark.parametrize("poll_url", ["https://[bad", "http://", "https://x:99999/q", 7, {"a": 1}, "x" * 10_000])
async def test_a_place_that_is_none_ends_nothing(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, poll_url: object
) -> None:
    site = await open_site("local")
    cloud, real = cloud_of(site), cloud_of(site).queue.take
    with monkeypatch.context() as patch:
        said = json.dumps(poll_url).encode()
        patch.setattr(cloud.queue, "take", lambda: [b'{"type":"healthCheck"}],"pollUrl":' + said + b',"x":[0'])
        await site.advance(100)
    assert real == cloud.queue.take
    await site.advance(100)
    book_on_device(site)
    await site.advance(100)

    assert [] == lines(log, "org.failed")
    assert site.agrees(), site.disagreement()
    assert (200, []) == await readiness(site)


# --- mistakes of ours ------------------------------------------------------------------------------------------------


def let_fail(patch: pytest.MonkeyPatch, desk: str, *, times: int) -> list[None]:
    """Let a mistake be made with the next messages of a desk's devices; each that was made is noted."""
    made = list[None]()

    def mistaken(message: StatusMessage | EventsMessage, *, device: DeviceId, raw: bytes) -> Any:
        if device.endswith(desk) and len(made) < times:
            made.append(None)
            raise RuntimeError("a mistake")
        return inputs_of(message, device=device, raw=raw)

    patch.setattr("hotdesk_daemon.app.organisations.hearing.inputs_of", mistaken)
    return made


@over("queue")
async def test_an_organisation_that_a_mistake_ended_begins_anew_and_others_go_on(
    open_site: OpenSite, transport: Cloud, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local", "local", transport=attrs.evolve(transport, organisations=2))
    made = let_fail(monkeypatch, "-0001-1", times=1)
    site.mark()
    book_on_device(site)
    site.station(1).people.book(30, "Desk", "person2@example.com", start=site.at(600))
    await site.advance(5)

    assert [None] == made
    assert [NAME] == [line["org"] for line in lines(log, "org.failed")]
    assert [True, False] == [site.state(desk).is_stale for desk in range(2)]
    assert site.agrees(1), site.disagreement(1)
    assert 0 == site.lists(1)
    status, reasons = await readiness(site)
    assert (503, [True]) == (status, ["mistake" in reason for reason in reasons])

    await site.advance(ANEW_S)
    assert site.is_live()
    assert site.agrees(0), site.disagreement(0)  # what was said meanwhile is looked up
    assert (200, []) == await readiness(site)


@over_cloud
async def test_an_organisation_that_began_anew_lives_like_one_that_never_ended(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    with monkeypatch.context() as patch:
        patch.setattr(type(cloud.queue), "take", lambda _: [b'{"type":"healthCheck"}'])
        patch.setattr("hotdesk_daemon.app.organisations.pushed.Pushed.learn", mistake)
        patch.setattr("hotdesk_daemon.app.organisations.organisation.Organisation.take", mistake)
        cloud.send_action("updateApproved", scopes="one", xapiAccess='{"statuses":[],"commands":[],"events":[]}')
        await site.advance(2 * ANEW_S)
    assert 2 <= len(lines(log, "org.failed"))
    await site.advance(ANEW_S)
    assert site.is_live()

    before = len(refreshes(site))
    cloud.expire_tokens()  # which the next request notices
    await site.book()
    await site.advance(20)
    assert [200] == refreshes(site)[before:]
    assert [("Bookings Book", "done")] == await site.outbox()

    cloud.move_region()
    await site.advance(20)
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(900))
    await site.advance(20)
    assert site.agrees(), site.disagreement()
    assert ["valid"] == await token_state(site)


async def mistake(*_: object, **__: object) -> None:
    raise RuntimeError("a mistake")


# --- neighbours and health -------------------------------------------------------------------------------------------


@over("webhook")
async def test_how_an_organisation_is_does_not_depend_on_others(open_site: OpenSite, transport: Cloud) -> None:
    site = await open_site("local", "local", transport=attrs.evolve(transport, organisations=2))
    other = site.organisation(1)
    other.faults.enable("refresh_error", status=400)
    other.expire_tokens()
    await site.book(desk=1)
    await site.advance(HOUR_S)

    assert 503 == (await readiness(site))[0]
    shown = await posted(site, cloud_of(site).token("healthCheck"))
    assert (200, {"operationalState": "operational", "tokensState": "valid"}) == shown


@over("webhook")
async def test_tokens_that_are_over_are_not_said_to_be_valid(open_site: OpenSite) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    cloud.faults.enable("refresh_error", status=503)
    await site.advance(17.5 * HOUR_S)
    assert ["failing"] == await token_state(site)
    assert (200, "valid") == await tokens(site)

    await site.advance(2 * HOUR_S)
    assert ["failing"] == await token_state(site)
    assert (200, "invalid") == await tokens(site)

    cloud.faults.clear()
    await site.advance(600)
    assert (200, "valid") == await tokens(site)

    cloud.faults.enable("refresh_error", status=400)
    cloud.expire_tokens()
    await site.advance(20 * HOUR_S)
    assert (200, "invalid") == await tokens(site)
    cloud.faults.clear()
    await activate_anew(site)
    await site.advance(60)
    assert (200, "valid") == await tokens(site)


async def tokens(site: Site) -> tuple[int, str]:
    status, shown = await posted(site, cloud_of(site).token("healthCheck"))
    return status, shown["tokensState"]


@over("queue")
async def test_messages_of_nobody_are_kept_and_told_no_desk(open_site: OpenSite) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    seq = site.state().seq
    for name in ("nobody", "somebody"):
        body = cloud.envelope("status", site.device) | {"deviceId": f"{name}-who-is-no-device"}
        cloud.queue.put(json.dumps(body | {"changes": {"updated": {"Standby.State": "Off"}}}).encode())
    await site.advance(2)

    assert seq == site.state().seq
    assert 2.0 == await counted(site, "undecodable")
    tell_status(site, {"Standby.State": "Halfwake"})
    await site.advance(2)
    assert seq < site.state().seq
