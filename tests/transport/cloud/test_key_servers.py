from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs
import msgspec
import pytest

from hotdesk_daemon.app.activate import activate_organisation
from hotdesk_daemon.app.simulated import organisation_settings
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.ops.settings import DaemonSettings, Settings
from hotdesk_daemon.simulator.cloud.signing import SigningKey
from hotdesk_daemon.transport.cloud import JWKS_URLS, JwtRefusedError, JwtVerifier, Refusal
from tests.transport.cloud.doubles import an_endpoint
from tests.transport.cloud.forgeries import FORGERIES, claims_of, saying, signed
from tests.transport.cloud.keyserver import refusal_of

if TYPE_CHECKING:
    from pathlib import Path

    from hotdesk_daemon.simulator import ManualClock
    from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
    from tests.transport.cloud.doubles import Office
    from tests.transport.cloud.keyserver import KeyServer

DEFAULT_URL = JWKS_URLS["us-east-2_a"]
PAST_A_REPEAT_S = 31.0


@pytest.mark.parametrize("region", JWKS_URLS)
async def test_the_region_says_by_our_table_where_the_keys_are(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, region: str
) -> None:
    await verifier.verify(organisation.token("update", region=region), organisation=None, used=())

    assert [JWKS_URLS[region]] == keys.asked


def test_no_key_server_is_for_tests_of_the_vendor() -> None:
    assert {"us-west-2_r", "us-east-2_a", "eu-central-1_k", "us-gov-west-1_a1"} == set(JWKS_URLS)


@pytest.mark.parametrize("region", [None, ""])
async def test_a_token_of_no_region_has_the_keys_of_the_default(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, cloud: SimulatedCloud, region: object
) -> None:
    good = saying(region=region)(cloud, organisation.token("update"))
    strange = signed(cloud.strangers_key, claims_of(good))

    await verifier.verify(good, organisation=None, used=())
    assert Refusal.UNKNOWN_KEY is await refusal_of(verifier, strange)

    assert {DEFAULT_URL} == set(keys.asked)


@pytest.mark.parametrize(
    ("region", "detail"),
    [
        ("mars-1_a", " (mars-1_a)"),
        ("us-east-1_int13", " (us-east-1_int13)"),
        ("https://elsewhere.example.com/jwks", ""),
        ("a" * 500, ""),
        ("mars\n", ""),
        (7, ""),
        (["us-east-2_a"], ""),
        (False, ""),
    ],
)
async def test_a_region_that_we_do_not_know_is_refused_with_the_remedy_and_nobody_is_asked(
    verifier: JwtVerifier,
    keys: KeyServer,
    organisation: CloudOrganisation,
    cloud: SimulatedCloud,
    region: object,
    detail: str,
) -> None:
    token = saying(region=region)(cloud, organisation.token("update"))

    with pytest.raises(JwtRefusedError, match=r"set organisation\.jwks_url") as caught:
        await verifier.verify(token, organisation=None, used=())

    assert Refusal.UNKNOWN_REGION is caught.value.refusal
    assert f"the token is refused: {Refusal.UNKNOWN_REGION}{detail}" == str(caught.value)
    assert [] == keys.asked


async def test_the_configured_keys_serve_every_region(office: Office, organisation: CloudOrganisation) -> None:
    for region in (None, "eu-central-1_k", "mars-1_a"):
        token = organisation.token("update", region=region)
        await office.verifier.verify(token, organisation=organisation.uuid, used=())

    assert [office.cloud.jwks_url] == office.fetched


@pytest.mark.parametrize("what", ["a stranger's key at an address", "a stranger's key brought along"])
async def test_nobody_asks_where_the_token_says(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, cloud: SimulatedCloud, what: str
) -> None:
    keys.offer(cloud.key)
    token = FORGERIES[what][0](cloud, organisation.token("update"))

    assert Refusal.SIGNATURE is await refusal_of(verifier, token)
    assert [DEFAULT_URL] == keys.asked


async def test_nobody_is_asked_for_keys_because_of_a_token_that_cannot_be_good(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, cloud: SimulatedCloud
) -> None:
    for what in ("a word", "endless", "claims without end", "alg none", "alg HS256 with the public key", "no kid"):
        await refusal_of(verifier, FORGERIES[what][0](cloud, organisation.token("update")))

    assert [] == keys.asked


async def test_keys_of_other_kinds_are_passed_over(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, cloud: SimulatedCloud
) -> None:
    others = [{"kty": "RSA", "kid": "simulated-1"}, {"kty": "EC", "crv": "P-384", "kid": "x"}, {"kty": "EC"}]
    keys.offer(*others, cloud.key)

    claims = await verifier.verify(organisation.token("update"), organisation=None, used=())

    assert "update" == claims.action


async def test_new_keys_are_asked_for_when_one_is_not_known_but_not_for_every_forgery(
    verifier: JwtVerifier,
    keys: KeyServer,
    organisation: CloudOrganisation,
    cloud: SimulatedCloud,
    clock: ManualClock,
) -> None:
    fresh = SigningKey("simulated-2")
    await verifier.verify(organisation.token("update"), organisation=None, used=())
    for _ in range(20):
        assert Refusal.UNKNOWN_KEY is await refusal_of(verifier, signed(fresh, claims_of(organisation.token("update"))))
    assert 1 == len(keys.asked)

    keys.offer(cloud.key, fresh)
    await clock.advance(PAST_A_REPEAT_S)
    for key in (fresh, cloud.key, fresh):
        token = signed(key, claims_of(organisation.token("update")))
        await verifier.verify(token, organisation=None, used=())

    assert 2 == len(keys.asked)


async def test_keys_that_cannot_be_had_are_no_refusal_and_the_next_token_asks_at_once(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation
) -> None:
    token = organisation.token("update")
    keys.error = TransientError("out of reach")
    for _ in range(2):
        with pytest.raises(TransientError, match="out of reach"):
            await verifier.verify(token, organisation=None, used=())
    keys.error = None

    claims = await verifier.verify(token, organisation=None, used=())

    assert "update" == claims.action
    assert 3 == len(keys.asked)


async def test_a_key_that_is_broken_does_not_spoil_the_others(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, cloud: SimulatedCloud
) -> None:
    good = cloud.key.public()
    broken: tuple[object, ...] = (
        {"kty": "EC", "crv": "P-256", "kid": "a"},
        {"kty": "EC", "crv": "P-256", "kid": "b", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "kid": "c", "x": 7, "y": None},
        {"kty": "EC", "crv": "P-256", "kid": "d", "x": good["x"], "y": good["x"]},
        7,
        None,
        [],
    )
    for listed in ([*broken, good], [good, *broken]):
        keys.body = msgspec.json.encode({"keys": listed})
        fresh = JwtVerifier(app_id=organisation.app_id, fetch=keys.fetch, now=verifier.now)

        assert "update" == (await fresh.verify(organisation.token("update"), organisation=None, used=())).action


async def test_keys_that_come_in_pieces_are_read_to_their_end_by_the_command(
    cloud: SimulatedCloud, organisation: CloudOrganisation, clock: ManualClock, tmp_path: Path
) -> None:
    settings = Settings(daemon=DaemonSettings(state_dir=tmp_path))
    async with an_endpoint() as place:
        place.body, place.pieces = msgspec.json.encode({"keys": [cloud.key.public()]}), 3
        wanted = attrs.evolve(organisation_settings(cloud, organisation, settings), jwks_url=place.url)

        activated = await activate_organisation(
            organisation.activation_code(), settings=settings, wanted=wanted, now=clock.now
        )

    assert organisation.uuid == activated.organisation


BROKEN = {
    "no JSON": b"<html>",
    "no keys": b"{}",
    "a list": b"[]",
    "null": b"null",
    "endless": b"[" * 100_000,
    "not UTF-8": b'{"keys": ["\xff"]}',
    "keys in no list": b'{"keys": {}}',
    "keys that are none": b'{"keys": [7]}',
    "no point": b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "a", "x": "AA", "y": "AA"}]}',
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_broken_key_set_is_no_refusal(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, what: str
) -> None:
    keys.body = BROKEN[what]

    with pytest.raises(TransientError, match="has no key set"):
        await verifier.verify(organisation.token("update"), organisation=None, used=())


async def test_after_a_broken_key_set_the_next_token_asks_at_once(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, cloud: SimulatedCloud
) -> None:
    token = organisation.token("update")
    keys.body = b"<html>"
    with pytest.raises(TransientError):
        await verifier.verify(token, organisation=None, used=())
    keys.offer(cloud.key)

    claims = await verifier.verify(token, organisation=None, used=())

    assert "update" == claims.action


async def test_whoever_comes_while_the_keys_are_on_their_way_waits_for_them(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation
) -> None:
    keys.holds.clear()
    both = [
        asyncio.create_task(verifier.verify(organisation.token(action), organisation=None, used=()))
        for action in ("update", "healthCheck")
    ]
    await keys.noted.until(lambda: keys.asked)
    keys.holds.set()

    found = await asyncio.gather(*both, return_exceptions=True)

    assert ["update", "healthCheck"] == [getattr(one, "action", one) for one in found]


async def test_who_gives_up_on_the_keys_leaves_them_to_the_next(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation
) -> None:
    token = organisation.token("update")
    keys.holds.clear()
    quitter = asyncio.create_task(verifier.verify(token, organisation=None, used=()))
    await keys.noted.until(lambda: keys.asked)
    quitter.cancel()
    await asyncio.wait([quitter])
    keys.holds.set()

    claims = await verifier.verify(token, organisation=None, used=())

    assert "update" == claims.action


async def test_a_failure_is_shared_by_whoever_waited_for_it_and_the_next_asks_anew(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation
) -> None:
    keys.holds.clear()
    keys.error = TransientError("out of reach")
    tokens = [organisation.token("update") for _ in range(50)]
    waiting = [asyncio.create_task(verifier.verify(token, organisation=None, used=())) for token in tokens]
    await keys.noted.until(lambda: keys.asked)
    keys.holds.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert {TransientError} == {type(one) for one in found}
    assert 1 == len(keys.asked)
    keys.error = None

    assert "update" == (await verifier.verify(tokens[0], organisation=None, used=())).action


async def test_many_who_come_at_once_share_one_fetch(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation
) -> None:
    keys.holds.clear()
    waiting = [
        asyncio.create_task(verifier.verify(organisation.token("update"), organisation=None, used=()))
        for _ in range(50)
    ]
    await keys.noted.until(lambda: keys.asked)
    waiting[0].cancel()  # who asks may give up: one of the others asks in its place
    await asyncio.wait([waiting[0]])
    keys.holds.set()

    assert ["update"] * 49 == [one.action for one in await asyncio.gather(*waiting[1:])]
    assert 2 == len(keys.asked)


async def test_a_forgery_does_not_have_a_genuine_token_of_a_new_key_refused(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, cloud: SimulatedCloud, clock: ManualClock
) -> None:
    """
    The key may be newer than the answer that the forgery made us get: who sent it is to come again.
    """
    fresh = SigningKey("simulated-2")
    forged = signed(cloud.strangers_key, claims_of(organisation.token("update")))
    assert Refusal.UNKNOWN_KEY is await refusal_of(verifier, forged)
    keys.offer(cloud.key, fresh)
    await clock.advance(10.0)
    genuine = signed(fresh, claims_of(organisation.token("update")))
    with pytest.raises(TransientError) as caught:
        await verifier.verify(genuine, organisation=None, used=())
    assert (20.0, 1) == (caught.value.retry_after_s, len(keys.asked))

    await clock.advance(20.0)
    assert "update" == (await verifier.verify(genuine, organisation=None, used=())).action
    await clock.advance(PAST_A_REPEAT_S)
    assert Refusal.UNKNOWN_KEY is await refusal_of(verifier, forged)


async def test_new_keys_are_asked_for_at_once_when_our_clock_was_a_day_ahead(
    verifier: JwtVerifier, keys: KeyServer, organisation: CloudOrganisation, cloud: SimulatedCloud, clock: ManualClock
) -> None:
    fresh = SigningKey("simulated-2")
    verifier.now = lambda: clock.now() + timedelta(days=1)
    assert Refusal.TOO_OLD is await refusal_of(verifier, organisation.token("update"))
    verifier.now = clock.now
    keys.offer(cloud.key, fresh)
    token = signed(fresh, claims_of(organisation.token("update")))

    assert "update" == (await verifier.verify(token, organisation=None, used=())).action


async def test_a_token_that_waited_for_its_keys_is_as_old_as_it_was_when_it_came(
    verifier: JwtVerifier, organisation: CloudOrganisation, clock: ManualClock
) -> None:
    token, came = organisation.token("update"), clock.now()
    await clock.advance(86_400.0)

    assert "update" == (await verifier.verify(token, organisation=None, used=(), came=came)).action
    assert Refusal.TOO_OLD is await refusal_of(verifier, token)
