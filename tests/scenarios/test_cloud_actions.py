"""Actions: what the cloud does to an installation, what only pretends to be the cloud, and what comes of either."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs
import msgspec
import pytest

from hotdesk_daemon.core.desk import Desk, LinkState
from hotdesk_daemon.transport.cloud import Installation, InstallationStore, Refusal
from tests.scenarios.site import LIMIT_S
from tests.scenarios.test_cloud_tokens import NAME, activate_anew, cloud_of, refreshes, shown, token_state
from tests.scenarios.test_start_and_stop import lines, readiness
from tests.scenarios.transports import over, over_cloud
from tests.transport.cloud.forgeries import FORGERIES, SOMEBODY_ELSE, by_stranger, claims_of, saying, signed

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping

    from hotdesk_daemon.simulator.cloud import SimulatedCloud
    from tests.scenarios.site import OpenSite, Site
    from tests.scenarios.transports import Cloud
    from tests.transport.cloud.forgeries import Forge

HOUR_S: Final = 3600.0


def door(site: Site, what: str = "actions") -> str:
    webhook = site.settings.organisations[0].webhook
    assert webhook is not None
    return f"{webhook.url}/webex/{NAME}/{what}"


async def posted(site: Site, token: str) -> tuple[int, dict[str, str]]:
    """Post an action to its address; the answer."""
    body = json.dumps({"type": "action", "jwt": token})
    async with asyncio.timeout(LIMIT_S), aiohttp.request("POST", door(site), data=body) as response:
        content = await response.read()
    await site.clock.settle()
    return response.status, json.loads(content) if content else {}


async def delivered(site: Site, token: str, **more: object) -> int:
    """Have an action come by the way that the site has; the answer's status, which a queue does not have."""
    if site.settings.organisations[0].webhook is not None:
        return (await posted(site, token))[0]
    cloud_of(site).queue.put(json.dumps({"type": "action", "jwt": token, **more}).encode())
    await site.advance(0.5)
    return 401


def store_of(site: Site) -> InstallationStore:
    return InstallationStore(site.settings.daemon.state_dir / "organisations" / f"{NAME}.json")


async def stored(site: Site) -> Installation | None:
    return await asyncio.to_thread(store_of(site).load)


@attrs.frozen(kw_only=True)
class Standing:
    """Everything that an action which is not to be believed must leave as it is."""

    steps: list[int]
    desks: list[Desk]
    installation: Installation | None
    told: list[tuple[str, str]]


async def standing(site: Site) -> Standing:
    desks = range(len(site.floor.desks))
    return Standing(
        steps=[len(await site.steps(desk, since=0)) for desk in desks],
        desks=[site.state(desk) for desk in desks],
        installation=await stored(site),
        told=[(one.method, one.path) for one in cloud_of(site).requests if not one.path.endswith("/queue")],
    )


# --- actions that are not the cloud's --------------------------------------------------------------------------------


def of_another_region(cloud: SimulatedCloud, good: str) -> str:
    """Signed by somebody whose key stands in another region, under the name of ours."""
    return signed(cloud.strangers_key, claims_of(good) | {"region": "eu-central-1_k"}, kid=cloud.key.kid)


BAD: Final[Mapping[str, tuple[Forge, Refusal]]] = {
    **{name: bad for name, bad in FORGERIES.items() if name != "half a character"},  # which is no JSON either
    "another organisation": (saying(sub=SOMEBODY_ELSE), Refusal.WRONG_ORGANISATION),
    "another region's key": (of_another_region, Refusal.SIGNATURE),
    "another region's key under its own name": (by_stranger(kid="of-another-region"), Refusal.UNKNOWN_KEY),
    "an action that there is not": (saying(action="explode"), Refusal.WRONG_ACTION),
}


@over_cloud
@pytest.mark.timeout(30)
async def test_a_bad_action_is_refused_with_the_reason_and_changes_nothing(
    open_site: OpenSite, transport: Cloud, log: io.StringIO
) -> None:
    unhurried = attrs.evolve(transport, wanted={"directory_interval_s": 86_400.0})
    site = await open_site("local", "hybrid", transport=unhurried)
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(5)
    assert site.cloud is not None
    before, answers, reasons = await standing(site), set(), {}
    for name, (forge, _) in BAD.items():
        good = cloud_of(site).token("update", appUrl="https://elsewhere.example.com", refreshToken="stolen")
        told = len(lines(log, "org.action_refused"))
        answers.add(await delivered(site, forge(site.cloud, good)))
        await site.advance(61)  # what is refused for the same reason within a minute is not told again
        reasons[name] = [line["reason"].partition(" (")[0] for line in lines(log, "org.action_refused")[told:]]

    assert {name: [f"the token is refused: {refusal}"] for name, (_, refusal) in BAD.items()} == reasons
    assert {401} == answers
    assert before == await standing(site)
    assert (200, []) == await readiness(site)
    assert "stolen" not in log.getvalue()


@over_cloud
async def test_an_action_that_was_taken_is_not_taken_again(open_site: OpenSite, log: io.StringIO) -> None:
    """
    Not when the very message is repeated, not in another message, and not after a restart.
    """
    site = await open_site("local")
    token = cloud_of(site).token("updateApproved", scopes="one", xapiAccess="{}")
    await delivered(site, token)
    assert 1 == len(lines(log, "org.approved"))
    before = await standing(site)

    await delivered(site, token)
    assert 401 == await delivered(site, token, again=1)
    assert before == await standing(site)
    assert {"the token is refused: its jti was used before"} == {
        line["reason"] for line in lines(log, "org.action_refused")
    }

    await site.stop()
    await site.start()
    before = await standing(site)
    assert 401 == await delivered(site, token, again=2)
    assert before == await standing(site)
    assert 1 == len(lines(log, "org.approved"))


@over("queue")
async def test_what_comes_with_a_bad_action_is_heard(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    assert site.cloud is not None
    bad = saying(appId="11111111-2222-3333-4444-555555555555")(site.cloud, cloud.token("deprovision"))
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    cloud.queue.put(json.dumps({"type": "action", "jwt": bad}).encode())
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(120))
    await site.advance(5)

    assert 2 == len(site.bookings())
    assert site.agrees(), site.disagreement()
    assert 1 == len(lines(log, "org.action_refused"))


# --- actions that are --------------------------------------------------------------------------------------------


@over("webhook")
@pytest.mark.timeout(30)
async def test_a_health_check_is_answered_truthfully(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)

    async def health() -> tuple[int, dict[str, str]]:
        return await posted(site, cloud.token("healthCheck"))

    assert (200, {"operationalState": "operational", "tokensState": "valid"}) == await health()

    site.device.reboot(600)
    await site.clock.settle()
    assert (503, ["None of 1 desks is live."]) == await readiness(site)
    assert (200, {"operationalState": "impaired", "tokensState": "valid"}) == await health()

    await site.until(site.is_live)
    await site.advance(60)
    assert (200, {"operationalState": "operational", "tokensState": "valid"}) == await health()

    cloud.faults.enable("refresh_error", status=500)
    cloud.expire_tokens()
    await site.book()
    await site.advance(60)
    assert ["failing"] == await token_state(site)
    assert (200, {"operationalState": "impaired", "tokensState": "valid"}) == await health()

    cloud.faults.clear()
    cloud.new_refresh_token()
    await site.advance(600)
    assert ["reauthorise"] == await token_state(site)
    assert (200, {"operationalState": "token_invalid", "tokensState": "invalid"}) == await health()

    await activate_anew(site)
    await site.advance(60)
    assert (200, {"operationalState": "operational", "tokensState": "valid"}) == await health()
    assert [] == lines(log, "org.action_refused")


@over("queue")
async def test_a_health_check_by_the_queue_is_counted_and_disturbs_nothing(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    before = await standing(site)
    cloud_of(site).queue.put(b'{"type":"healthCheck"}')
    await site.advance(1)

    assert before == await standing(site)
    assert 'hotdesk_cloud_messages_total{kind="healthCheck",org="simulated-org-1"} 1.0' in await site.text("/metrics")

    cloud_of(site).send_action("healthCheck")
    await site.advance(1)

    assert before.steps == (await standing(site)).steps
    assert [] == lines(log, "org.action_refused")
    assert (200, []) == await readiness(site)


@over_cloud
async def test_an_approval_is_taken_over_and_the_cloud_told_anew(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    before = await standing(site)
    access = json.dumps({"statuses": ["Standby.State"], "commands": ["Bookings.Book"], "events": ["Bookings.Start"]})
    cloud_of(site).send_action("updateApproved", scopes="one,two", xapiAccess=access)
    await site.advance(5)

    held, after = await stored(site), await standing(site)
    assert held is not None
    assert (("one", "two"), ("Standby.State",)) == (held.scopes, held.statuses)
    assert (("Bookings.Book",), ("Bookings.Start",)) == (held.commands, held.events)
    assert ["DeskConfigured"] == [step.kind for step in await site.steps()]  # looked at often, for little is granted
    assert [("PATCH", cloud_of(site).app_path)] == after.told[len(before.told) :]
    assert 1 == len(lines(log, "org.approved"))
    assert 1 == len(lines(log, "org.unsupported"))
    assert (200, []) == await readiness(site)


@over_cloud
@pytest.mark.timeout(30)
async def test_a_removed_integration_stops_stays_readable_and_may_come_back(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(6 * 60))
    await site.advance(5)
    cloud.send_action("deprovision")
    await site.advance(5)
    site.device.people.standby()  # the poll that was under way is answered
    await site.advance(5)
    assert [LinkState.DOWN] == [device.link for device in site.state().devices.values()]
    cloud.settings = {}
    cloud.webhook.settings = None
    await site.advance(60)
    asked = len(cloud.requests)
    await site.advance(2 * HOUR_S)

    assert (200, True, 1) == await shown(site)
    reason = f"Organisation {NAME} is not activated: run hotdesk-daemon activate."
    assert (503, [reason, "None of 1 desks is live."]) == await readiness(site)
    assert ["not activated"] == await token_state(site)
    assert None is await stored(site)
    assert asked == len(cloud.requests)
    assert 1 == len(lines(log, "org.deprovisioned"))

    await site.stop()
    await site.start(live=False)
    await site.advance(60)
    assert (200, True, 1) == await shown(site)
    assert (503, [reason, "None of 1 desks is live."]) == await readiness(site)

    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(8 * 60))
    cloud.new_refresh_token()
    await activate_anew(site)
    await site.until(site.is_live)
    await site.advance(60)

    assert (200, []) == await readiness(site)
    assert 2 == len(site.bookings())
    assert site.agrees(), site.disagreement()


@over("queue")
async def test_what_comes_after_a_removal_does_not_undo_the_next_activation(
    open_site: OpenSite, log: io.StringIO
) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    cloud.send_action("deprovision")
    cloud.send_action("healthCheck")
    await site.advance(10)
    cloud.new_refresh_token()
    await activate_anew(site)
    await site.advance(120)

    assert (200, []) == await readiness(site)
    assert site.is_live()
    assert 1 == len(lines(log, "org.deprovisioned"))


# --- a move to another region ----------------------------------------------------------------------------------------

DESKS = 8


class Spoken:
    """Every message about a device that the cloud hands on, and every token that it is shown."""

    def __init__(self, site: Site) -> None:
        cloud = cloud_of(site)
        self.events: Counter[bytes] = Counter()
        self.shown: list[str] = []
        self._send, self._accepts = cloud.send, cloud.accepts
        cloud.send = self._note  # type: ignore[method-assign]
        cloud.accepts = self._look  # type: ignore[method-assign]

    def _note(self, message: bytes) -> None:
        content: dict[str, Any] = msgspec.json.decode(message)
        for event in content.get("events", ()):
            if event["key"].startswith("Bookings."):
                self.events[message] += 1
        self._send(message)

    def _look(self, access: str) -> bool:
        self.shown.append(access)
        return self._accepts(access)


async def heard(site: Site) -> Counter[bytes]:
    """Every event of a booking that the journal holds, as it came."""
    found: Counter[bytes] = Counter()
    for desk in range(DESKS):
        for record in await site.daemon.fleet.journal.history(site.desk_id(desk), limit=100_000):
            if record.raw is not None and b'"key":"Bookings.' in record.raw:
                found[record.raw] += 1
    return found


@over_cloud
@pytest.mark.timeout(60)
async def test_a_move_to_another_region_under_load_loses_no_event(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site(*(["local", "hybrid"] * (DESKS // 2)))
    cloud, spoken = cloud_of(site), Spoken(site)
    old_path, old_tokens = cloud.app_path, set(cloud.access_tokens)
    await site.advance(1)
    for turn in range(60):
        desk = turn % DESKS
        site.station(desk).people.book(15, "Desk", "person1@example.com", start=site.at(60 + 20 * turn))
        if turn % 3 == 0:
            await site.book(desk=(desk + 1) % DESKS, begins_in_min=3000 + 20 * turn)
        if turn in (20, 40):
            cloud.move_region()
        await site.advance(0.7)
    await site.advance(120)

    assert {"events": 2, "kinds": [True]} == {
        "events": len(lines(log, "org.updated")),
        "kinds": [*{line["moved"] for line in lines(log, "org.updated")}],
    }
    assert [""] * DESKS == [site.disagreement(desk) for desk in range(DESKS)]
    assert spoken.events == await heard(site)
    assert 80 == sum(len(site.bookings(desk)) for desk in range(DESKS))
    assert [] == lines(log, "org.down")
    assert [] == [desk for desk in range(DESKS) if site.state(desk).is_stale]
    assert (200, []) == await readiness(site)

    done, requests = len(spoken.shown), len(cloud.requests)
    await site.book(begins_in_min=5000)
    await site.advance(120)
    assert set() == old_tokens & set(spoken.shown[done:])
    assert [] == [one.path for one in list(cloud.requests)[requests:] if one.path.startswith(old_path)]
    assert {200} == set(refreshes(site))
    assert 401 not in {one.status for one in cloud.requests}


@over("webhook")
async def test_a_second_move_before_the_first_is_over_is_followed(open_site: OpenSite, log: io.StringIO) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    cloud.move_region()
    cloud.move_region()
    await site.advance(300)

    held = await stored(site)
    assert held is not None
    assert (cloud.app_url, cloud.refresh_token) == (held.app_url, held.refresh_token)
    told = [request.path for request in cloud.requests if request.method == "PATCH"]
    assert cloud.app_path == told[-1]
    site.device.people.book(30, "Desk", "person1@example.com", start=site.at(60))
    await site.advance(5)
    assert 1 == len(site.bookings())
    assert (200, []) == await readiness(site)
    assert [] == lines(log, "org.reauthorise")
