from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud import Budget, CloudHttp, TokenState
from hotdesk_daemon.transport.cloud.tokens import LOOK_EVERY
from tests.transport.cloud.doubles import an_endpoint

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.simulator import ManualClock
    from hotdesk_daemon.simulator.cloud import CloudOrganisation
    from tests.transport.cloud.doubles import Office

A_SECOND, AN_HOUR, A_DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
#: A token lasts for 18 hours and is renewed an hour before its end, at the next look.
RENEWED_AFTER = timedelta(hours=17)


async def token_of(office: Office) -> str:
    token = (await office.stored()).access_token
    assert token is not None
    return token


def an_http(office: Office) -> CloudHttp:
    clock = office.clock
    budget = Budget(rate_per_s=1_000, concurrency=100, mono=clock.mono, sleep=clock.sleep)
    return CloudHttp(session=office.session, tokens=office.keeper, budget=budget, now=clock.now)


# --- before and after an activation ----------------------------------------------------------------------------------


async def test_without_an_activation_there_is_no_token_and_nobody_is_asked(office: Office) -> None:
    async with office.kept() as keeper:
        await office.passing.let(AN_HOUR)
        with pytest.raises(TransientError, match="run hotdesk-daemon activate"):
            await keeper.access()

        assert (TokenState.NONE, [TokenState.NONE]) == (keeper.state, office.told.states)
        assert [] == office.refreshes()


async def test_an_activation_is_noticed_by_itself_and_told_once(office: Office) -> None:
    async with office.kept() as keeper:
        activated = await office.activate()
        await office.passing.let(LOOK_EVERY)

        assert activated.access_token == await keeper.access()
        await office.passing.let(AN_HOUR)
        assert ([TokenState.NONE, TokenState.VALID], [activated]) == (office.told.states, office.told.installations)
        assert 1 == len(office.refreshes())  # the activation's own


async def test_after_a_restart_the_token_on_the_disk_is_as_good_as_before(office: Office) -> None:
    activated = await office.activate()
    office.begin()

    async with office.kept() as keeper:
        assert activated.access_token == await keeper.access()

    assert 1 == len(office.refreshes())


async def test_a_look_at_nothing_new_has_no_effect(living: Office) -> None:
    held = living.keeper.installation
    for _ in range(5):
        await living.keeper.look()

    assert held is living.keeper.installation
    assert ([TokenState.VALID], 1) == (living.told.states, len(living.told.installations))


async def test_another_place_that_another_process_writes_is_told(living: Office) -> None:
    await living.rewrite(app_url="https://elsewhere.example.com/app")
    await living.keeper.look()

    assert "https://elsewhere.example.com/app" == living.told.installations[-1].app_url


# --- ahead of time ---------------------------------------------------------------------------------------------------


async def test_a_token_is_renewed_well_before_its_end(living: Office, clock: ManualClock) -> None:
    begun, first = clock.now(), await token_of(living)
    async with living.kept() as keeper:
        await living.passing.let(RENEWED_AFTER - timedelta(minutes=1))
        assert first == await keeper.access()
        await living.passing.let(timedelta(minutes=2))

        second = await keeper.access()
        assert first != second
        assert second == await token_of(living)
        await living.passing.let(2 * A_DAY)

    times = [at - begun for at, _ in living.refreshes()]
    assert 4 == len(times)
    for number, at in enumerate(times):
        assert number * RENEWED_AFTER <= at <= number * (RENEWED_AFTER + LOOK_EVERY)
    assert [TokenState.VALID] == living.told.states
    assert 1 == len(living.told.installations)


async def test_a_token_of_less_than_two_hours_is_renewed_at_half_of_them(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotdesk_daemon.simulator.cloud.organisation.ACCESS_LASTS", timedelta(minutes=40))
    await office.activate()
    async with office.kept():
        await office.passing.let(2 * AN_HOUR)

    assert 5 <= len(office.refreshes()) <= 8


@pytest.mark.parametrize(("lasts_min", "renewed_min"), [(90, 45), (119, 59.5), (180, 120)])
async def test_an_hour_before_the_end_or_half_of_what_is_left_is_early_enough(
    office: Office, monkeypatch: pytest.MonkeyPatch, lasts_min: float, renewed_min: float
) -> None:
    monkeypatch.setattr("hotdesk_daemon.simulator.cloud.organisation.ACCESS_LASTS", timedelta(minutes=lasts_min))
    await office.activate()
    async with office.kept():
        await office.passing.let(timedelta(minutes=renewed_min) - timedelta(seconds=5))
        assert 1 == len(office.refreshes())
        await office.passing.let(LOOK_EVERY + timedelta(seconds=5))
        assert 2 == len(office.refreshes())


async def test_what_a_token_of_before_the_start_has_left_is_halved(living: Office, clock: ManualClock) -> None:
    await clock.advance(64_799 - 1_200)
    living.begin()
    asked = len(living.refreshes())
    async with living.kept():
        await living.passing.let(timedelta(minutes=9))
        assert asked == len(living.refreshes())
        await living.passing.let(timedelta(minutes=2))
        assert asked + 1 == len(living.refreshes())


async def test_whoever_asks_when_it_is_over_has_it_renewed(living: Office, clock: ManualClock) -> None:
    first = await token_of(living)
    await clock.advance(64_799)

    assert first != await living.keeper.access() == await token_of(living)


# --- when the cloud refuses a token ----------------------------------------------------------------------------------


async def test_a_token_that_is_refused_is_renewed_and_the_request_made_again(
    living: Office, organisation: CloudOrganisation
) -> None:
    organisation.expire_tokens()
    seen = len(organisation.requests)

    answer = await an_http(living).request("GET", organisation.app_url, timeout_s=4)

    assert 200 == answer.status
    assert [401, 200, 200] == [one.status for one in list(organisation.requests)[seen:]]


async def test_a_new_token_that_is_refused_too_is_not_renewed_again(
    living: Office, organisation: CloudOrganisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organisation, "accepts", lambda _: False)
    seen = len(organisation.requests)

    with pytest.raises(TransientError, match="401"):
        await an_http(living).request("GET", organisation.app_url, timeout_s=4)

    assert [401, 200, 401] == [one.status for one in list(organisation.requests)[seen:]]


async def test_whoever_was_refused_an_older_token_gets_the_present_one(living: Office) -> None:
    first = await token_of(living)
    second = await living.keeper.renewed(first)
    asked = len(living.refreshes())

    assert [second] * 3 == [await living.keeper.renewed(first) for _ in range(3)]
    assert asked == len(living.refreshes())


# --- one for all -----------------------------------------------------------------------------------------------------


async def test_many_who_were_refused_share_one_renewal(living: Office, organisation: CloudOrganisation) -> None:
    first = await token_of(living)
    organisation.expire_tokens()
    asked = len(living.refreshes())

    tokens = await asyncio.gather(*(living.keeper.renewed(first) for _ in range(200)))

    assert {await token_of(living)} == set(tokens) != {first}
    assert asked + 1 == len(living.refreshes())


async def test_many_requests_over_http_share_one_renewal(living: Office, organisation: CloudOrganisation) -> None:
    organisation.expire_tokens()
    asked, http = len(living.refreshes()), an_http(living)

    answers = await asyncio.gather(*(http.request("GET", organisation.app_url, timeout_s=4) for _ in range(30)))

    assert {200} == {answer.status for answer in answers}
    assert asked + 1 == len(living.refreshes())


async def test_many_who_come_after_the_end_share_one_renewal(living: Office, clock: ManualClock) -> None:
    await clock.advance(64_800)
    asked = len(living.refreshes())

    tokens = await asyncio.gather(*(living.keeper.access() for _ in range(200)))

    assert 1 == len(set(tokens))
    assert asked + 1 == len(living.refreshes())


async def test_many_who_come_in_trouble_share_one_failure(living: Office, organisation: CloudOrganisation) -> None:
    first = await token_of(living)
    organisation.faults.enable("refresh_error")
    asked = len(living.refreshes())

    found = await asyncio.gather(*(living.keeper.renewed(first) for _ in range(200)), return_exceptions=True)

    assert {TransientError} == {type(one) for one in found}
    assert asked + 1 == len(living.refreshes())
    assert [TokenState.VALID, TokenState.FAILING] == living.told.states


async def test_a_token_that_is_good_is_given_while_another_is_on_its_way(living: Office) -> None:
    first = await token_of(living)
    async with an_endpoint() as endpoint:
        living.oauth_url = endpoint.url
        living.begin()
        await living.keeper.look()
        endpoint.says(access_token="access-new", expires_in=64_799)
        endpoint.holds.clear()
        renewal = asyncio.create_task(living.keeper.renewed(first))
        await endpoint.asked()

        assert first == await living.keeper.access()

        endpoint.holds.set()
        assert "access-new" == await renewal == await living.keeper.access()


# --- the refresh token -----------------------------------------------------------------------------------------------


async def test_a_token_that_rotates_is_on_the_disk_before_anybody_uses_what_came_with_it(
    living: Office, organisation: CloudOrganisation, clock: ManualClock
) -> None:
    organisation.faults.enable("refresh_rotates")
    for _ in range(3):
        await clock.advance(64_800)
        before = (await living.stored()).refresh_token

        access = await living.keeper.access()

        stored = await living.stored()
        assert (access, organisation.refresh_token) == (stored.access_token, stored.refresh_token)
        assert before != stored.refresh_token
        living.begin()  # as after a crash
        await living.keeper.look()
    assert organisation.accepts(await living.keeper.access())


async def test_a_refresh_token_is_used_at_half_of_its_life(
    living: Office, organisation: CloudOrganisation, clock: ManualClock
) -> None:
    now, asked = clock.now(), len(living.refreshes())
    half = now + AN_HOUR
    await living.rewrite(access_expires_at=now + timedelta(days=60), refresh_expires_at=half + timedelta(days=45))
    async with living.kept():
        await living.passing.let(AN_HOUR - A_SECOND)
        assert asked == len(living.refreshes())
        await living.passing.let(AN_HOUR)

        [(at, status)] = living.refreshes()[asked:]
        assert (True, 200) == (half <= at <= half + LOOK_EVERY, status)
        assert at + timedelta(days=90) == (await living.stored()).refresh_expires_at


async def test_a_refresh_token_that_stays_old_is_used_once_a_day(living: Office, clock: ManualClock) -> None:
    times: list[datetime] = []

    def answer(_form: dict[str, str]) -> tuple[int, object]:
        times.append(clock.now())
        return 200, {"access_token": f"access-{len(times)}", "expires_in": 300 * 86_400}

    async with an_endpoint() as endpoint:
        endpoint.answers, living.oauth_url = answer, endpoint.url
        now = clock.now()
        await living.rewrite(access_expires_at=now + 60 * A_DAY, refresh_expires_at=now + 40 * A_DAY)
        living.begin()
        async with living.kept():
            await living.passing.let(2 * A_DAY + AN_HOUR)

    assert 3 == len(times)
    assert all(A_DAY <= later - earlier <= A_DAY + LOOK_EVERY for earlier, later in pairwise(times))


async def test_an_action_with_another_refresh_token_has_the_next_token_made_of_it(
    living: Office, organisation: CloudOrganisation
) -> None:
    await living.actions.take(organisation.token("update", refreshToken=organisation.new_refresh_token()))

    assert organisation.accepts(await living.keeper.access())
    assert organisation.refresh_token == (await living.stored()).refresh_token


async def test_another_refresh_token_does_not_wait_for_what_the_old_one_failed(
    living: Office, organisation: CloudOrganisation
) -> None:
    organisation.faults.enable("refresh_error", times=1)
    with pytest.raises(TransientError, match="503"):
        await living.keeper.renewed(await token_of(living))

    await living.actions.take(organisation.token("update", refreshToken=organisation.new_refresh_token()))

    assert organisation.accepts(await living.keeper.access())
    assert [TokenState.VALID, TokenState.FAILING, TokenState.VALID] == living.told.states
