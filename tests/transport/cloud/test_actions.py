from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud import (
    Action,
    ApprovedAction,
    DeprovisionAction,
    HealthCheckAction,
    JwtRefusedError,
    ProvisionAction,
    Refusal,
    UpdateAction,
)
from tests.transport.cloud.forgeries import FORGERIES, SOMEBODY_ELSE, claims_of

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
    from tests.transport.cloud.doubles import Office

Nothing = Callable[[], Callable[[], None]]


async def refusal_of(office: Office, token: str) -> Refusal:
    with pytest.raises(JwtRefusedError) as caught:
        await office.actions.take(token)
    return caught.value.refusal


# --- what is taken ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "claims", "action"),
    [
        ("update", {}, UpdateAction(moved=False)),
        ("updateApproved", {"scopes": "", "xapiAccess": "{}"}, ApprovedAction()),
        ("deprovision", {}, DeprovisionAction()),
        ("healthCheck", {}, HealthCheckAction()),
        ("provision", {}, ProvisionAction()),
    ],
)
async def test_an_action_is_named_and_its_id_is_on_the_disk_when_it_is_handed_on(
    living: Office, organisation: CloudOrganisation, name: str, claims: dict[str, object], action: Action
) -> None:
    token = organisation.token(name, **claims)

    assert action == await living.actions.take(token)
    assert claims_of(token)["jti"] == (await living.used())[-1]


async def test_another_refresh_token_takes_the_place_of_both_tokens(
    living: Office, organisation: CloudOrganisation
) -> None:
    before = await living.stored()

    action = await living.actions.take(organisation.token("update", refreshToken="refresh-new"))

    stored = await living.stored()
    assert UpdateAction(moved=False) == action
    assert ("refresh-new", None, None) == (stored.refresh_token, stored.access_token, stored.access_expires_at)
    assert (before.app_url, before.poll_url) == (stored.app_url, stored.poll_url)


async def test_another_place_leaves_the_tokens_good(living: Office, organisation: CloudOrganisation) -> None:
    before = await living.stored()
    url = "https://xapi-k.wbx2.com/app"

    action = await living.actions.take(organisation.token("update", appUrl=url, region="eu-central-1_k"))

    stored = await living.stored()
    assert UpdateAction(moved=True) == action
    assert (url, "eu-central-1_k", None) == (stored.app_url, stored.region, stored.poll_url)
    assert (before.refresh_token, before.access_token) == (stored.refresh_token, stored.access_token)


async def test_a_move_to_another_region_is_followed_with_the_new_token(
    living: Office, organisation: CloudOrganisation
) -> None:
    token = organisation.move_region()

    action = await living.actions.take(token)

    assert UpdateAction(moved=True) == action
    assert organisation.app_url == living.told.installations[-1].app_url
    assert organisation.accepts(await living.keeper.access())
    stored = await living.stored()
    assert (organisation.app_url, organisation.refresh_token) == (stored.app_url, stored.refresh_token)


async def test_an_approval_says_what_is_granted_now(living: Office, organisation: CloudOrganisation) -> None:
    access = '{"statuses": ["Standby.State"], "commands": ["Bookings.Book"], "events": []}'

    await living.actions.take(organisation.token("updateApproved", scopes="a,b", xapiAccess=access))

    stored = await living.stored()
    assert (("a", "b"), ("Standby.State",), ("Bookings.Book",), ()) == (
        stored.scopes,
        stored.statuses,
        stored.commands,
        stored.events,
    )


@pytest.mark.parametrize(
    ("claims", "lacking"),
    [
        ({}, "scopes, xapiAccess"),
        ({"scopes": "a"}, "xapiAccess"),
        ({"xapiAccess": "{}"}, "scopes"),
        ({"scopes": 7, "xapiAccess": "{}"}, "scopes"),
        ({"scopes": "a", "xapiAccess": "{"}, "xapiAccess"),
        ({"scopes": "a", "xapiAccess": "[]"}, "xapiAccess"),
    ],
)
async def test_an_approval_that_does_not_say_what_is_granted_takes_nothing_away(
    living: Office, organisation: CloudOrganisation, claims: dict[str, object], lacking: str
) -> None:
    before = living.store.path.read_bytes()

    with pytest.raises(JwtRefusedError, match=rf"\({lacking}\)") as caught:
        await living.actions.take(organisation.token("updateApproved", **claims))

    assert Refusal.INCOMPLETE is caught.value.refusal
    assert before == living.store.path.read_bytes()


async def test_an_activation_code_that_comes_as_an_action_changes_nothing_but_is_used_up(
    living: Office, organisation: CloudOrganisation
) -> None:
    before = await living.stored()
    code = organisation.activation_code(refreshToken="refresh-new", appUrl="https://elsewhere.example.com")

    await living.actions.take(code)

    stored = await living.stored()
    assert (before.refresh_token, before.app_url) == (stored.refresh_token, stored.app_url)
    with pytest.raises(JwtRefusedError) as caught:
        await living.activate(code)
    assert Refusal.REPLAYED is caught.value.refusal


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FORGERIES)
@pytest.mark.parametrize("name", ["update", "deprovision"])
async def test_a_forged_action_is_refused_and_changes_nothing(
    living: Office, organisation: CloudOrganisation, cloud: SimulatedCloud, name: str, what: str
) -> None:
    forge, reason = FORGERIES[what]
    before = living.store.path.read_bytes()
    good = organisation.token(name, refreshToken="refresh-new", appUrl="https://elsewhere.example.com")

    assert reason is await refusal_of(living, forge(cloud, good))

    assert before == living.store.path.read_bytes()
    assert await living.stored() == living.keeper.installation


async def test_an_action_for_another_organisation_is_refused(living: Office, organisation: CloudOrganisation) -> None:
    before = living.store.path.read_bytes()

    assert Refusal.WRONG_ORGANISATION is await refusal_of(living, organisation.token("deprovision", sub=SOMEBODY_ELSE))
    assert before == living.store.path.read_bytes()


@pytest.mark.parametrize("name", ["", "Update", "selfDestruct", "x" * 500])
async def test_an_action_that_nobody_knows_is_refused(
    living: Office, organisation: CloudOrganisation, name: str
) -> None:
    before = living.store.path.read_bytes()

    with pytest.raises(JwtRefusedError) as caught:
        await living.actions.take(organisation.token(name))

    assert Refusal.WRONG_ACTION is caught.value.refusal
    assert len(str(caught.value)) < 200
    assert before == living.store.path.read_bytes()


async def test_an_action_is_taken_once_also_after_a_restart(living: Office, organisation: CloudOrganisation) -> None:
    token = organisation.token("update", refreshToken="refresh-new")
    await living.actions.take(token)
    before = living.store.path.read_bytes()

    assert Refusal.REPLAYED is await refusal_of(living, token)
    living.begin()
    await living.keeper.look()
    assert Refusal.REPLAYED is await refusal_of(living, token)

    assert before == living.store.path.read_bytes()


async def test_of_the_same_action_by_two_ways_at_once_one_is_taken(
    living: Office, organisation: CloudOrganisation
) -> None:
    await living.actions.take(organisation.token("healthCheck"))
    token = organisation.token("deprovision")

    found = await asyncio.gather(*(living.actions.take(token) for _ in range(5)), return_exceptions=True)

    assert 1 == found.count(DeprovisionAction())
    refused = [one.refusal for one in found if isinstance(one, JwtRefusedError)]
    assert [Refusal.REPLAYED] * 4 == refused
    assert 1 == (await living.used()).count(claims_of(token)["jti"])


async def test_an_action_that_another_process_took_is_not_taken_again(
    living: Office, organisation: CloudOrganisation
) -> None:
    token = organisation.token("deprovision")
    await living.rewrite(jtis=(claims_of(token)["jti"],))

    assert Refusal.REPLAYED is await refusal_of(living, token)


# --- what may be handed in again -------------------------------------------------------------------------------------


async def test_without_an_activation_there_is_nothing_to_act_on(
    office: Office, organisation: CloudOrganisation
) -> None:
    token = organisation.token("healthCheck")
    with pytest.raises(TransientError, match="no activation"):
        await office.actions.take(token)

    await office.activate()
    await office.keeper.look()

    assert HealthCheckAction() == await office.actions.take(token)


async def test_an_action_that_cannot_be_stored_is_not_acted_on_and_stays_good(
    living: Office, organisation: CloudOrganisation, fill_the_disk: Nothing
) -> None:
    token = organisation.token("update", refreshToken="refresh-new")
    before = living.store.path.read_bytes()
    empty = fill_the_disk()
    with pytest.raises(TransientError, match="cannot be stored"):
        await living.actions.take(token)
    assert before == living.store.path.read_bytes()
    held = living.keeper.installation
    assert held is not None
    assert organisation.refresh_token == held.refresh_token
    empty()

    assert UpdateAction(moved=False) == await living.actions.take(token)


async def test_an_installation_that_was_taken_away_meanwhile_is_not_brought_back(
    living: Office, organisation: CloudOrganisation
) -> None:
    living.store.path.unlink()

    with pytest.raises(TransientError, match="no activation"):
        await living.actions.take(organisation.token("update", refreshToken="refresh-new"))

    assert not living.store.path.exists()
