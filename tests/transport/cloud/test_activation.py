from __future__ import annotations

import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.errors import PermanentError, TransientError
from hotdesk_daemon.transport.cloud import Client, JwtRefusedError, Refusal, TokenRefusedError, poll_url_of
from tests.transport.cloud.doubles import TOKEN_PATH, an_endpoint, meanwhile
from tests.transport.cloud.forgeries import FORGERIES, claims_of

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
    from hotdesk_daemon.transport.cloud import Installation
    from tests.transport.cloud.doubles import Office

NOWHERE = "http://127.0.0.1:9"  # the port of RFC 863, where nobody listens

Nothing = Callable[[], Callable[[], None]]


def patches(organisation: CloudOrganisation) -> list[int]:
    return [one.status for one in organisation.requests if one.method == "PATCH"]


async def refusal_of(office: Office, code: str) -> Refusal:
    with pytest.raises(JwtRefusedError) as caught:
        await office.activate(code)
    return caught.value.refusal


# --- a first activation ----------------------------------------------------------------------------------------------


async def test_an_activation_completes_the_provisioning_and_lasts(
    office: Office, organisation: CloudOrganisation
) -> None:
    code = organisation.activation_code()

    activated = await office.activate(code)

    assert organisation.is_live
    assert [("POST", TOKEN_PATH, 200), ("PATCH", organisation.app_path, 200)] == [
        (one.method, one.path, one.status) for one in organisation.requests
    ]
    stored = await office.stored()
    assert activated == stored
    assert (organisation.uuid, "Example org-1", organisation.app_id) == (
        stored.organisation,
        stored.organisation_name,
        stored.app_id,
    )
    assert (organisation.app_url, f"{office.cloud.url}{TOKEN_PATH}", office.cloud.api_url) == (
        stored.app_url,
        stored.oauth_url,
        stored.api_url,
    )
    assert f"{organisation.app_url}/queue" == stored.poll_url
    assert (claims_of(code)["jti"],) == stored.jtis
    assert ("spark:xapi_statuses", "spark:xapi_commands") == stored.scopes
    assert (organisation.statuses, organisation.commands, organisation.events) == (
        stored.statuses,
        stored.commands,
        stored.events,
    )
    assert organisation.refresh_token == stored.refresh_token
    assert stored.access_token in organisation.access_tokens
    assert office.clock.now() == stored.activated_at
    assert stored.access_expires_at is not None
    assert 64_799 == (stored.access_expires_at - office.clock.now()).total_seconds()


async def test_only_the_owner_can_read_what_lasts(office: Office) -> None:
    await office.activate()

    folder = office.store.path.parent
    assert 0o600 == stat.S_IMODE(office.store.path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert ["org-1.json", "org-1.lock"] == sorted(path.name for path in folder.iterdir())


async def test_the_cloud_is_told_where_to_send(office: Office, organisation: CloudOrganisation) -> None:
    webhook = {"targetUrl": "https://desks.example.com/events", "type": "hmac_signature", "secret": "s"}
    told = {"queue": {"state": "disabled"}, "webhook": webhook, "actionsUrl": "https://desks.example.com/actions"}

    activated = await office.activate(notifications=told)

    assert {"provisioningState": "completed", **told} == organisation.settings
    assert activated.poll_url is None


async def test_our_own_addresses_take_the_place_of_the_codes(office: Office, organisation: CloudOrganisation) -> None:
    office.configured = (NOWHERE,)
    code = organisation.activation_code(oauthUrl=NOWHERE)

    activated = await office.activate(code, oauth_url=f"{office.cloud.url}{TOKEN_PATH}", api_url=office.cloud.api_url)

    assert (NOWHERE, office.cloud.api_url) == (activated.oauth_url, activated.api_url)


async def test_a_code_that_says_little_is_enough(office: Office, organisation: CloudOrganisation) -> None:
    names = ("orgName", "scopes", "xapiAccess", "webexapisBaseUrl", "region", "manifestUrl", "userId")

    activated = await office.activate(organisation.activation_code(**dict.fromkeys(names)))

    assert ("", (), ()) == (activated.organisation_name, activated.scopes, activated.statuses)
    assert "https://webexapis.com/v1" == activated.api_url


@pytest.mark.parametrize(
    ("given", "scopes", "statuses"),
    [
        ({"scopes": ["a", "b"], "xapiAccess": {"statuses": ["S"]}}, ("a", "b"), ("S",)),
        ({"scopes": "a b,  c", "xapiAccess": '{"statuses": ["S"]}'}, ("a", "b", "c"), ("S",)),
        ({"scopes": 7, "xapiAccess": "{"}, (), ()),
        ({"scopes": "", "xapiAccess": '{"statuses": "S"}'}, (), ()),
        ({"scopes": {}, "xapiAccess": "[" * 5_000}, (), ()),
    ],
)
async def test_what_was_granted_comes_in_more_than_one_form(
    office: Office,
    organisation: CloudOrganisation,
    given: dict[str, object],
    scopes: tuple[str, ...],
    statuses: tuple[str, ...],
) -> None:
    activated = await office.activate(organisation.activation_code(**given))

    assert (scopes, statuses) == (activated.scopes, activated.statuses)


# --- codes that are not taken ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", FORGERIES)
async def test_a_forged_code_is_refused_and_nothing_is_stored_or_sent(
    office: Office, organisation: CloudOrganisation, cloud: SimulatedCloud, what: str
) -> None:
    forge, reason = FORGERIES[what]

    assert reason is await refusal_of(office, forge(cloud, organisation.activation_code()))

    assert not office.store.path.exists()
    assert [] == list(organisation.requests)


@pytest.mark.parametrize("claim", ["appUrl", "oauthUrl", "refreshToken"])
@pytest.mark.parametrize("value", [None, "", 7], ids=["missing", "empty", "number"])
async def test_a_code_without_what_it_must_have_is_refused(
    office: Office, organisation: CloudOrganisation, claim: str, value: object
) -> None:
    code = organisation.activation_code(**{claim: value})

    with pytest.raises(JwtRefusedError, match=claim) as caught:
        await office.activate(code)

    assert Refusal.INCOMPLETE is caught.value.refusal
    assert not office.store.path.exists()
    assert [] == list(organisation.requests)


async def test_an_action_is_no_code(office: Office, organisation: CloudOrganisation) -> None:
    assert Refusal.WRONG_ACTION is await refusal_of(office, organisation.token("update"))
    assert not office.store.path.exists()


# --- troubles on the way ---------------------------------------------------------------------------------------------


async def test_keys_that_cannot_be_had_leave_the_code_good(office: Office, organisation: CloudOrganisation) -> None:
    code = organisation.activation_code()
    office.cloud.key, kept = office.cloud.strangers_key, office.cloud.key  # the cloud shows another key

    assert Refusal.UNKNOWN_KEY is await refusal_of(office, code)
    assert not office.store.path.exists()

    office.cloud.key = kept
    assert organisation.uuid == (await office.activate(code)).organisation


@pytest.mark.parametrize("status", [500, 503, 429, 302, 404])
async def test_a_token_endpoint_in_trouble_leaves_the_code_good(
    office: Office, organisation: CloudOrganisation, status: int
) -> None:
    code = organisation.activation_code()
    organisation.faults.enable("refresh_error", times=1, status=status)

    with pytest.raises(TransientError, match=str(status)):
        await office.activate(code)
    assert not office.store.path.exists()

    assert organisation.uuid == (await office.activate(code)).organisation


async def test_a_token_endpoint_out_of_reach_leaves_the_code_good(
    office: Office, organisation: CloudOrganisation
) -> None:
    code = organisation.activation_code()

    with pytest.raises(TransientError, match="cannot be reached") as caught:
        await office.activate(code, oauth_url=NOWHERE)

    assert organisation.refresh_token not in str(caught.value)
    assert not office.store.path.exists()
    assert organisation.uuid == (await office.activate(code)).organisation


async def test_a_token_that_is_dead_needs_another_code(office: Office, organisation: CloudOrganisation) -> None:
    code = organisation.activation_code(refreshToken="refresh-0")

    with pytest.raises(TokenRefusedError, match="400"):
        await office.activate(code)

    assert not office.store.path.exists()


async def test_a_client_that_is_not_known_is_told_so(office: Office, organisation: CloudOrganisation) -> None:
    client = Client(client_id=organisation.client_id, client_secret="another")

    with pytest.raises(TokenRefusedError, match="401"):
        await office.activate(client=client)

    assert not office.store.path.exists()


async def test_a_full_disk_leaves_nothing_and_the_code_good(
    office: Office, organisation: CloudOrganisation, fill_the_disk: Nothing
) -> None:
    code = organisation.activation_code()
    empty = fill_the_disk()

    with pytest.raises(TransientError, match="cannot be stored"):
        await office.activate(code)
    assert ["org-1.lock"] == [path.name for path in office.store.path.parent.iterdir()]
    assert [] == patches(organisation)

    empty()
    assert organisation.uuid == (await office.activate(code)).organisation


async def test_a_place_out_of_reach_leaves_the_token_on_the_disk(
    office: Office, organisation: CloudOrganisation
) -> None:
    office.configured = (NOWHERE,)
    code = organisation.activation_code(appUrl=NOWHERE)

    with pytest.raises(TransientError, match="cannot be reached"):
        await office.activate(code)

    stored = await office.stored()
    assert (organisation.refresh_token, (claims_of(code)["jti"],)) == (stored.refresh_token, stored.jtis)
    assert (NOWHERE, None) == (stored.app_url, stored.poll_url)


async def test_a_place_that_refuses_is_no_passing_trouble(office: Office, organisation: CloudOrganisation) -> None:
    with pytest.raises(PermanentError, match="404"):
        await office.activate(organisation.activation_code(appUrl=f"{organisation.app_url}x"))


async def test_a_place_that_asks_for_a_pause_is_passing_trouble(
    office: Office, organisation: CloudOrganisation
) -> None:
    organisation.rate_per_s = 0

    with pytest.raises(TransientError, match="429"):
        await office.activate()


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"queue": "\xff"}', b"[" * 100_000])
async def test_a_place_that_makes_no_sense_is_passing_trouble(
    office: Office, organisation: CloudOrganisation, body: bytes
) -> None:
    async with an_endpoint() as place:
        place.body, office.configured = body, (place.url,)
        with pytest.raises(TransientError, match="cannot be read"):
            await office.activate(organisation.activation_code(appUrl=place.url))

    assert organisation.refresh_token == (await office.stored()).refresh_token


async def test_a_place_without_settings_has_no_queue(office: Office, organisation: CloudOrganisation) -> None:
    async with an_endpoint() as place:
        place.body, office.configured = b"[]", (place.url,)
        activated = await office.activate(organisation.activation_code(appUrl=place.url))

    assert activated.poll_url is None


async def test_a_rotated_token_is_on_the_disk_before_it_is_used(
    office: Office, organisation: CloudOrganisation
) -> None:
    organisation.faults.enable("refresh_rotates", times=1)
    found: list[Installation] = []

    async def look() -> None:
        found.append(await office.stored())

    async with meanwhile("PATCH", look) as session:
        await office.activate(session=session)

    assert [organisation.refresh_token] == [one.refresh_token for one in found]


# --- the address of the queue ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"queue": {"state": "enabled", "pollUrl": "https://q.example.com"}}, "https://q.example.com"),
        ({"queue": {"state": "disabled"}}, None),
        ({"queue": {"pollUrl": ""}}, None),
        ({"queue": {"pollUrl": 7}}, None),
        ({"queue": "enabled"}, None),
        ({}, None),
    ],
)
def test_the_settings_say_where_the_queue_is(settings: dict[str, object], url: str | None) -> None:
    assert url == poll_url_of(settings)
