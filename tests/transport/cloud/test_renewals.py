"""Renewals that somebody gives up, that cannot be stored, or that the end of the daemon meets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud import TokenState, undertakings
from hotdesk_daemon.transport.cloud.tokens import LOOK_EVERY
from tests.transport.cloud.doubles import LIMIT_S, TokenEndpoint, an_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.simulator import ManualClock
    from hotdesk_daemon.simulator.cloud import CloudOrganisation
    from hotdesk_daemon.transport.cloud import TokenKeeper
    from tests.transport.cloud.doubles import Office

LONGEST_WAIT = timedelta(seconds=300) + LOOK_EVERY

Nothing = Callable[[], Callable[[], None]]


@pytest_asyncio.fixture
async def endpoint(office: Office) -> AsyncIterator[TokenEndpoint]:
    """The token endpoint of an activated organisation, in place of its cloud's own; tokens rotate with each use."""
    await office.activate()
    alive = (await office.stored()).refresh_token
    async with an_endpoint() as endpoint:

        def answer(form: dict[str, str]) -> tuple[int, object]:
            nonlocal alive
            if form["refresh_token"] != alive:
                return 400, {}
            alive = f"refresh-{len(endpoint.forms) + 1}"
            return 200, {"access_token": f"access-{len(endpoint.forms) + 1}", "expires_in": 64_799} | {
                "refresh_token": alive
            }

        endpoint.answers = answer
        office.oauth_url = endpoint.url
        office.begin()
        await office.keeper.look()
        yield endpoint


async def token_of(office: Office) -> str:
    token = (await office.stored()).access_token
    assert token is not None
    return token


async def stopped(task: asyncio.Task[str] | asyncio.Task[object]) -> None:
    task.cancel()
    async with asyncio.timeout(LIMIT_S):
        await asyncio.wait([task])


async def running(office: Office) -> asyncio.Task[object]:
    task: asyncio.Task[object] = asyncio.create_task(office.keeper.run(), name="keeper under test")
    await office.passing.let(timedelta(0))
    return task


async def asked_for(office: Office, endpoint: TokenEndpoint) -> asyncio.Task[str]:
    """A renewal that waits for its answer."""
    endpoint.holds.clear()
    renewal = asyncio.create_task(office.keeper.renewed(await token_of(office)))
    await endpoint.asked()
    return renewal


# --- given up --------------------------------------------------------------------------------------------------------


async def test_when_all_give_up_the_renewal_is_stored_all_the_same(office: Office, endpoint: TokenEndpoint) -> None:
    first = await token_of(office)
    endpoint.holds.clear()
    waiting = [asyncio.create_task(office.keeper.renewed(first)) for _ in range(20)]
    await endpoint.asked()
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    endpoint.holds.set()
    await office.keeper.change(lambda found: found)  # comes after what is under way

    assert ("access-2", "refresh-2") == ((await office.stored()).access_token, (await office.stored()).refresh_token)
    assert "access-2" == await office.keeper.access()
    assert 1 == len(endpoint.forms)


async def test_a_failure_that_nobody_waits_for_any_more_counts_and_disturbs_nobody(
    office: Office, endpoint: TokenEndpoint
) -> None:
    endpoint.answers = lambda _: (503, {})
    renewal = await asked_for(office, endpoint)
    await stopped(renewal)
    endpoint.holds.set()
    await office.keeper.look()

    assert (TokenState.FAILING, True) == (office.keeper.state, "503" in office.keeper.cause)
    with pytest.raises(TransientError, match="503"):
        await office.keeper.renewed(await token_of(office))
    assert 1 == len(endpoint.forms)


async def test_who_was_refused_the_very_token_that_others_get_asks_for_another(
    office: Office, endpoint: TokenEndpoint
) -> None:
    held = await token_of(office)

    found = await asyncio.gather(office.keeper.renewed("an older one"), office.keeper.renewed(held))

    assert [held, "access-2"] == found


async def test_an_action_given_up_is_stored_and_used_all_the_same(office: Office, endpoint: TokenEndpoint) -> None:
    renewal = await asked_for(office, endpoint)  # holds what changes
    jti = "an-action"
    change = asyncio.create_task(office.keeper.change(lambda found: found.with_jti(jti)))
    await asyncio.sleep(0)
    change.cancel()
    await asyncio.wait([change])
    endpoint.holds.set()
    await renewal
    await office.keeper.look()

    assert jti == (await office.stored()).jtis[-1]
    assert await office.stored() == office.keeper.installation


# --- not stored ------------------------------------------------------------------------------------------------------


async def test_what_could_not_be_stored_is_stored_by_itself_before_anybody_is_asked_again(
    office: Office, endpoint: TokenEndpoint, fill_the_disk: Nothing
) -> None:
    first = await token_of(office)
    async with office.kept() as keeper:
        empty = fill_the_disk()
        with pytest.raises(TransientError, match="cannot be stored"):
            await keeper.renewed(first)
        await office.passing.let(timedelta(hours=1))
        assert (TokenState.FAILING, first) == (keeper.state, await keeper.access())
        empty()
        await office.passing.let(LONGEST_WAIT)

        assert (TokenState.VALID, "access-2") == (keeper.state, await keeper.access())
        assert ("access-2", "refresh-2") == (await token_of(office), (await office.stored()).refresh_token)
    assert 1 == len(endpoint.forms)
    assert [TokenState.VALID, TokenState.FAILING, TokenState.VALID] == office.told.states


async def test_what_was_over_before_it_could_be_stored_is_renewed_with_what_came_along(
    office: Office, endpoint: TokenEndpoint, clock: ManualClock, fill_the_disk: Nothing
) -> None:
    empty = fill_the_disk()
    with pytest.raises(TransientError, match="cannot be stored"):
        await office.keeper.renewed(await token_of(office))
    await clock.advance(64_800)
    empty()

    assert "access-3" == await office.keeper.access() == await token_of(office)
    assert "refresh-2" == endpoint.forms[-1]["refresh_token"]


async def test_an_activation_takes_the_place_of_what_could_not_be_stored(
    office: Office, endpoint: TokenEndpoint, fill_the_disk: Nothing
) -> None:
    empty = fill_the_disk()
    with pytest.raises(TransientError, match="cannot be stored"):
        await office.keeper.renewed(await token_of(office))
    empty()
    office.organisation.new_refresh_token()
    activated = await office.activate()
    async with office.kept() as keeper:
        assert (TokenState.VALID, activated.access_token) == (keeper.state, await keeper.access())
        await office.passing.let(timedelta(hours=1))

    assert activated == await office.stored()


async def test_an_activation_with_the_same_refresh_token_ends_the_wait_for_a_person(
    living: Office, organisation: CloudOrganisation
) -> None:
    """It is the client that was refused, and whoever mended that activates by the token that is still good."""
    organisation.client_secret, good = "another", organisation.client_secret
    async with living.kept() as keeper:
        with pytest.raises(TransientError, match="401"):
            await keeper.renewed(await token_of(living))
        assert TokenState.REAUTHORISE is keeper.state
        organisation.client_secret = good
        await living.clock.advance(1)

        await living.activate()
        await living.passing.let(LOOK_EVERY)

        assert TokenState.VALID is keeper.state
        assert organisation.accepts(await keeper.access())


# --- the end ---------------------------------------------------------------------------------------------------------


async def test_the_end_waits_for_a_token_that_is_on_its_way(office: Office, endpoint: TokenEndpoint) -> None:
    task = await running(office)
    renewal = await asked_for(office, endpoint)
    task.cancel()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not task.done()
    endpoint.holds.set()

    assert "access-2" == await renewal
    await stopped(task)
    assert "refresh-2" == (await office.stored()).refresh_token


async def test_the_end_does_not_wait_for_ever(
    office: Office, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undertakings, "STOP_S", 0.05)
    task = await running(office)
    renewal = await asked_for(office, endpoint)

    await stopped(task)

    assert task.cancelled()
    with pytest.raises(TransientError, match="no more"):
        await renewal
    endpoint.holds.set()


async def test_the_end_writes_what_could_not_be_stored(
    office: Office, endpoint: TokenEndpoint, fill_the_disk: Nothing
) -> None:
    task = await running(office)
    empty = fill_the_disk()
    with pytest.raises(TransientError, match="cannot be stored"):
        await office.keeper.renewed(await token_of(office))
    empty()

    await stopped(task)

    assert "refresh-2" == (await office.stored()).refresh_token
    office.begin()
    await office.keeper.look()
    assert "access-2" == await office.keeper.access()


async def test_after_the_end_nothing_is_begun(office: Office, endpoint: TokenEndpoint) -> None:
    first = await token_of(office)
    keeper: TokenKeeper = office.keeper
    await stopped(await running(office))

    for begin in (lambda: keeper.renewed(first), keeper.forget, lambda: keeper.change(lambda found: found)):
        with pytest.raises(TransientError, match="no more"):
            await begin()

    assert [] == endpoint.forms
    assert first == await token_of(office)
