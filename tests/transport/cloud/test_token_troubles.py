from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import attrs
import pytest
import pytest_asyncio

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud import TokenState
from hotdesk_daemon.transport.cloud.tokens import LOOK_EVERY
from tests.transport.cloud.doubles import TokenEndpoint, an_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hotdesk_daemon.simulator import ManualClock
    from hotdesk_daemon.simulator.cloud import CloudOrganisation
    from tests.transport.cloud.doubles import Office

AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)
RENEWED_AFTER = timedelta(hours=17)
LONGEST_WAIT = timedelta(seconds=300) + LOOK_EVERY

Nothing = Callable[[], Callable[[], None]]


@pytest_asyncio.fixture
async def endpoint(office: Office) -> AsyncIterator[TokenEndpoint]:
    """The token endpoint of an activated organisation, in place of its cloud's own."""
    await office.activate()
    async with an_endpoint() as endpoint:
        endpoint.says(access_token="access-new", expires_in=64_799, refresh_token="refresh-new")
        office.oauth_url = endpoint.url
        office.begin()
        await office.keeper.look()
        yield endpoint


async def token_of(office: Office) -> str:
    token = (await office.stored()).access_token
    assert token is not None
    return token


# --- that pass -------------------------------------------------------------------------------------------------------


async def test_a_day_of_failures_is_told_once_and_ends_by_itself(
    living: Office, organisation: CloudOrganisation, clock: ManualClock
) -> None:
    asked, first = len(living.refreshes()), await token_of(living)
    async with living.kept() as keeper:
        await living.passing.let(RENEWED_AFTER - timedelta(minutes=1))
        organisation.faults.enable("refresh_error")
        await living.passing.let(AN_HOUR - timedelta(minutes=1))
        assert first == await keeper.access()  # renewing begins early enough for that
        assert (TokenState.FAILING, True) == (keeper.state, "503" in keeper.cause)
        await living.passing.let(A_DAY)
        with pytest.raises(TransientError, match="503"):
            await keeper.access()
        assert [TokenState.VALID, TokenState.FAILING] == living.told.states

        organisation.faults.disable("refresh_error")
        healed = clock.now()
        await living.passing.let(LONGEST_WAIT)
        assert organisation.accepts(await keeper.access())
        await living.passing.let(AN_HOUR)

    assert [TokenState.VALID, TokenState.FAILING, TokenState.VALID] == living.told.states
    assert ["", "the token endpoint answered 503", ""] == living.told.causes
    failed = [at for at, status in living.refreshes()[asked:] if status == 503]
    gaps = [later - earlier for earlier, later in pairwise(failed)]
    assert gaps[0] <= LOOK_EVERY
    assert gaps[:6] == sorted(gaps[:6])
    assert all(timedelta(seconds=150) <= gap <= LONGEST_WAIT for gap in gaps[10:])
    assert [200] == [status for at, status in living.refreshes() if at > healed]


async def test_after_a_failure_nobody_asks_before_the_pause_is_over(
    living: Office, organisation: CloudOrganisation, clock: ManualClock
) -> None:
    first = await token_of(living)
    organisation.faults.enable("refresh_error", times=1)
    asked = len(living.refreshes())
    for _ in range(10):
        with pytest.raises(TransientError, match="503"):
            await living.keeper.renewed(first)
    assert asked + 1 == len(living.refreshes())

    await clock.advance(5)

    assert first != await living.keeper.renewed(first)
    assert asked + 2 == len(living.refreshes())


async def test_the_pause_that_the_cloud_asks_for_is_kept(
    office: Office, endpoint: TokenEndpoint, clock: ManualClock
) -> None:
    endpoint.status = 429
    endpoint.headers["Retry-After"] = "7200"
    first = await token_of(office)
    for _ in range(2):
        with pytest.raises(TransientError, match="429"):
            await office.keeper.renewed(first)
        await clock.advance(7199)
    endpoint.status = 200
    await clock.advance(1)

    assert "access-new" == await office.keeper.renewed(first)
    assert 2 == len(endpoint.forms)


@pytest.mark.parametrize("pause", ["0", "Mon, 04 May 2015 08:00:00 GMT"])
async def test_a_pause_that_is_over_already_does_not_let_us_ask_without_end(
    office: Office, endpoint: TokenEndpoint, pause: str
) -> None:
    endpoint.status = 503
    endpoint.headers["Retry-After"] = pause
    first = await token_of(office)
    for _ in range(5):
        with pytest.raises(TransientError, match="503"):
            await office.keeper.renewed(first)

    assert 1 == len(endpoint.forms)


async def test_a_cloud_that_refuses_every_token_does_not_have_one_renewed_for_each_request(
    living: Office, clock: ManualClock
) -> None:
    asked = len(living.refreshes())
    token = await living.keeper.renewed(await token_of(living))
    for _ in range(20):
        with pytest.raises(TransientError, match="refuses the one that it has just given"):
            await living.keeper.renewed(token)
    assert asked + 1 == len(living.refreshes())
    await clock.advance(5)

    assert token != await living.keeper.renewed(token)


async def test_after_a_success_waits_begin_small_again(
    living: Office, organisation: CloudOrganisation, clock: ManualClock
) -> None:
    for _ in range(2):
        token = await token_of(living)
        organisation.faults.enable("refresh_error", times=8)
        for _ in range(8):
            with pytest.raises(TransientError):
                await living.keeper.renewed(token)
            await clock.advance(300)
        await living.keeper.renewed(token)
        await clock.advance(5)
    token = await token_of(living)
    organisation.faults.enable("refresh_error", times=1)
    with pytest.raises(TransientError):
        await living.keeper.renewed(token)
    await clock.advance(5)

    assert token != await living.keeper.renewed(token)


async def test_tokens_that_cannot_be_stored_are_not_used(
    living: Office, organisation: CloudOrganisation, clock: ManualClock, fill_the_disk: Nothing
) -> None:
    first, before = await token_of(living), living.store.path.read_bytes()
    empty = fill_the_disk()

    with pytest.raises(TransientError, match="cannot be stored"):
        await living.keeper.renewed(first)

    assert before == living.store.path.read_bytes()
    assert first == await living.keeper.access()
    assert TokenState.FAILING is living.keeper.state
    empty()
    await clock.advance(5)
    assert first != await living.keeper.renewed(first) == await token_of(living)
    assert [TokenState.VALID, TokenState.FAILING, TokenState.VALID] == living.told.states


async def test_a_token_that_rotated_while_the_disk_was_full_is_stored_later(
    living: Office, organisation: CloudOrganisation, clock: ManualClock, fill_the_disk: Nothing
) -> None:
    first = await token_of(living)
    organisation.faults.enable("refresh_rotates", times=1)
    empty = fill_the_disk()
    with pytest.raises(TransientError, match="cannot be stored"):
        await living.keeper.renewed(first)
    empty()
    await clock.advance(300)

    assert first != await living.keeper.renewed(first)
    assert organisation.refresh_token == (await living.stored()).refresh_token


async def test_who_gives_up_waiting_does_not_lose_a_token_that_rotated(office: Office, endpoint: TokenEndpoint) -> None:
    used: set[str] = set()

    def answer(form: dict[str, str]) -> tuple[int, object]:
        if form["refresh_token"] in used:
            return 400, {}
        used.add(form["refresh_token"])
        number = len(used) + 1
        return 200, {"access_token": f"access-{number}", "expires_in": 64_799, "refresh_token": f"refresh-{number}"}

    endpoint.answers = answer
    first = await token_of(office)
    endpoint.holds.clear()
    quitter = asyncio.create_task(office.keeper.renewed(first))
    await endpoint.asked()
    quitter.cancel()
    await asyncio.wait([quitter])
    endpoint.holds.set()

    assert "access-2" == await office.keeper.renewed(first)
    assert "refresh-2" == (await office.stored()).refresh_token


async def test_who_gives_up_waiting_leaves_the_others_waiting(office: Office, endpoint: TokenEndpoint) -> None:
    first = await token_of(office)
    endpoint.holds.clear()
    waiting = [asyncio.create_task(office.keeper.renewed(first)) for _ in range(3)]
    await endpoint.asked()
    waiting[1].cancel()
    await asyncio.wait([waiting[1]])
    endpoint.holds.set()

    assert ["access-new", "access-new"] == [await waiting[0], await waiting[2]]
    assert 1 == len(endpoint.forms)


async def test_a_damaged_file_is_told_and_leaves_the_token_good(living: Office) -> None:
    first, content = await token_of(living), living.store.path.read_bytes()
    living.store.path.write_bytes(content[:-1])
    for _ in range(3):
        await living.keeper.look()

    assert [TokenState.VALID, TokenState.FAILING] == living.told.states
    assert "damaged" in living.keeper.cause
    assert first == await living.keeper.access()


async def test_a_file_that_is_mended_ends_the_trouble(living: Office) -> None:
    content = living.store.path.read_bytes()
    living.store.path.write_bytes(b"")
    await living.keeper.look()
    living.store.path.write_bytes(content)
    async with living.kept() as keeper:
        await living.passing.let(AN_HOUR)

        assert TokenState.VALID is keeper.state


# --- that need a person ----------------------------------------------------------------------------------------------


async def test_a_dead_refresh_token_waits_for_a_person_and_an_activation_ends_it(
    living: Office, organisation: CloudOrganisation
) -> None:
    async with living.kept() as keeper:
        organisation.new_refresh_token()  # without telling anybody: the old one is dead
        asked = len(living.refreshes())
        await living.passing.let(A_DAY)
        assert [400] == [status for _, status in living.refreshes()[asked:]]
        assert (TokenState.REAUTHORISE, True) == (keeper.state, "run hotdesk-daemon activate" in keeper.cause)
        with pytest.raises(TransientError, match="refused"):
            await keeper.access()
        assert asked + 1 == len(living.refreshes())

        await living.activate()
        await living.passing.let(LOOK_EVERY)

        assert organisation.accepts(await keeper.access())
        await living.passing.let(AN_HOUR)
        assert [TokenState.VALID, TokenState.REAUTHORISE, TokenState.VALID] == living.told.states
        assert 2 == len(living.told.installations)
        assert TokenState.VALID is keeper.state


async def test_after_a_restart_a_dead_refresh_token_is_tried_once(
    living: Office, organisation: CloudOrganisation, clock: ManualClock
) -> None:
    organisation.new_refresh_token()
    await clock.advance(64_800)
    asked = len(living.refreshes())
    for _ in range(2):
        living.begin()
        async with living.kept() as keeper:
            await living.passing.let(AN_HOUR)
            assert TokenState.REAUTHORISE is keeper.state

    assert [400, 400] == [status for _, status in living.refreshes()[asked:]]


async def test_an_action_with_a_good_refresh_token_ends_the_wait_for_a_person(
    living: Office, organisation: CloudOrganisation
) -> None:
    fresh = organisation.new_refresh_token()
    with pytest.raises(TransientError, match="refused"):
        await living.keeper.renewed(await token_of(living))

    await living.actions.take(organisation.token("update", refreshToken=fresh))

    assert organisation.accepts(await living.keeper.access())
    assert [TokenState.VALID, TokenState.REAUTHORISE, TokenState.VALID] == living.told.states


async def test_an_activation_ends_failures_of_the_token_before_it(
    living: Office, organisation: CloudOrganisation
) -> None:
    organisation.faults.enable("refresh_error", times=1)
    with pytest.raises(TransientError):
        await living.keeper.renewed(await token_of(living))
    organisation.new_refresh_token()
    async with living.kept() as keeper:
        await living.activate()
        await living.passing.let(AN_HOUR)

        assert organisation.accepts(await keeper.access())
        assert TokenState.VALID is keeper.state


async def test_an_activation_that_is_noticed_by_an_action_ends_the_wait_for_a_person(
    living: Office, organisation: CloudOrganisation
) -> None:
    organisation.new_refresh_token()
    with pytest.raises(TransientError):
        await living.keeper.renewed(await token_of(living))
    await living.activate()
    await living.actions.take(organisation.token("healthCheck"))
    async with living.kept() as keeper:
        await living.passing.let(AN_HOUR)

        assert organisation.accepts(await keeper.access())
        assert TokenState.VALID is keeper.state


# --- while somebody else writes --------------------------------------------------------------------------------------


async def test_an_activation_meanwhile_stands(office: Office, endpoint: TokenEndpoint) -> None:
    first = await token_of(office)
    endpoint.holds.clear()
    renewal = asyncio.create_task(office.keeper.renewed(first))
    await endpoint.asked()
    await office.rewrite(refresh_token="refresh-of-another", access_token="access-of-another")
    endpoint.holds.set()

    assert "access-of-another" == await renewal == await office.keeper.access()
    assert "refresh-of-another" == (await office.stored()).refresh_token


async def test_an_activation_meanwhile_that_is_not_done_has_no_token_yet(
    office: Office, endpoint: TokenEndpoint
) -> None:
    first = await token_of(office)
    endpoint.holds.clear()
    renewal = asyncio.create_task(office.keeper.renewed(first))
    await endpoint.asked()
    await office.rewrite(refresh_token="refresh-of-another", access_token=None)
    endpoint.holds.set()

    with pytest.raises(TransientError, match="activated anew"):
        await renewal
    assert "access-new" == await office.keeper.access()
    assert "refresh-of-another" == endpoint.forms[-1]["refresh_token"]


async def test_a_removal_meanwhile_stands(office: Office, endpoint: TokenEndpoint) -> None:
    first = await token_of(office)
    endpoint.holds.clear()
    renewal = asyncio.create_task(office.keeper.renewed(first))
    await endpoint.asked()
    office.store.path.unlink()
    endpoint.holds.set()

    with pytest.raises(TransientError, match="is gone"):
        await renewal
    assert not office.store.path.exists()


async def test_what_is_written_meanwhile_beside_the_tokens_is_not_undone(
    office: Office, endpoint: TokenEndpoint
) -> None:
    first = await token_of(office)
    endpoint.holds.clear()
    renewal = asyncio.create_task(office.keeper.renewed(first))
    await endpoint.asked()
    await office.rewrite(jtis=("an-action",), poll_url="https://queue.example.com")
    endpoint.holds.set()
    await renewal

    stored = await office.stored()
    assert (("an-action",), "https://queue.example.com") == (stored.jtis, stored.poll_url)
    assert ("access-new", "refresh-new") == (stored.access_token, stored.refresh_token)
    assert stored == office.keeper.installation


async def test_a_change_is_made_of_what_stands_on_the_disk(living: Office) -> None:
    await living.rewrite(jtis=("an-action",))

    changed = await living.keeper.change(lambda found: attrs.evolve(found, poll_url=None))

    assert (("an-action",), None) == (changed.jtis, changed.poll_url)
    assert changed == await living.stored() == living.keeper.installation
