from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.transport.cloud import JwtRefusedError, Refusal
from tests.transport.cloud.forgeries import FORGERIES, SOMEBODY_ELSE, claims_of, ending, expiring, issued, saying
from tests.transport.cloud.keyserver import refusal_of

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
    from hotdesk_daemon.transport.cloud import JwtVerifier
    from tests.transport.cloud.forgeries import Forge


# --- what is taken ---------------------------------------------------------------------------------------------------


async def test_a_good_token_says_what_it_is_for_and_whose(
    verifier: JwtVerifier, organisation: CloudOrganisation
) -> None:
    token = organisation.token("update", orgName="Example", extra="")

    claims = await verifier.verify(f"  {token}\n", organisation=organisation.uuid, used=("another",))

    assert ("update", organisation.uuid) == (claims.action, claims.organisation)
    assert claims_of(token)["jti"] == claims.jti
    assert ["Example", None, None] == [claims.text(name) for name in ("orgName", "extra", "iat")]


@pytest.mark.parametrize(
    "forge",
    [
        ending(timedelta(seconds=1)),
        saying(expiryTime="2026-05-04T08:00:01.123456789Z"),
        saying(expiryTime="2026-05-04T09:00:01", iat=None),
        issued(timedelta(minutes=5)),
        issued(timedelta(minutes=-2)),
        expiring(timedelta(seconds=1)),
        expiring(timedelta(seconds=1), iat=None),
        saying(appId="9D3C1F52-7A64-4E0B-8F1D-2B6C5A90E7D4"),
    ],
    ids=["nearly over", "nanoseconds", "no zone", "five minutes old", "a clock ahead", "exp", "exp alone", "capitals"],
)
async def test_what_is_just_good_enough_is_taken(
    verifier: JwtVerifier, organisation: CloudOrganisation, cloud: SimulatedCloud, forge: Forge
) -> None:
    token = forge(cloud, organisation.token("healthCheck"))

    claims = await verifier.verify(token, organisation=organisation.uuid, used=())

    assert "healthCheck" == claims.action


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FORGERIES)
async def test_a_forgery_is_refused_for_its_own_reason_and_not_repeated(
    verifier: JwtVerifier, organisation: CloudOrganisation, cloud: SimulatedCloud, what: str
) -> None:
    forge, reason = FORGERIES[what]
    good = organisation.activation_code()
    with pytest.raises(JwtRefusedError) as caught:
        await verifier.verify(forge(cloud, good), organisation=organisation.uuid, used=())

    assert reason is caught.value.refusal
    assert str(reason) in str(caught.value)
    assert organisation.refresh_token not in str(caught.value)


async def test_a_number_for_an_id_is_no_id(
    verifier: JwtVerifier, organisation: CloudOrganisation, cloud: SimulatedCloud
) -> None:
    assert Refusal.NO_ID is await refusal_of(verifier, saying(jti=7)(cloud, organisation.token("update")))


async def test_a_number_for_an_organisation_is_none(
    verifier: JwtVerifier, organisation: CloudOrganisation, cloud: SimulatedCloud
) -> None:
    assert Refusal.INCOMPLETE is await refusal_of(verifier, saying(sub=7)(cloud, organisation.token("update")))


async def test_a_token_is_for_one_organisation(verifier: JwtVerifier, organisation: CloudOrganisation) -> None:
    token = organisation.token("update", sub=SOMEBODY_ELSE)

    assert Refusal.WRONG_ORGANISATION is await refusal_of(verifier, token, organisation=organisation.uuid)


async def test_a_used_token_is_used_up(verifier: JwtVerifier, organisation: CloudOrganisation) -> None:
    token = organisation.token("update")

    assert Refusal.REPLAYED is await refusal_of(verifier, token, used=claims_of(token)["jti"])
