from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.app.organisations.notices import verifier_of
from hotdesk_daemon.ops.settings import OrganisationSettings, Secret
from hotdesk_daemon.transport.cloud import JWKS_URLS, Hosts, JwtRefusedError, Refusal

if TYPE_CHECKING:
    from hotdesk_daemon.simulator import ManualClock
    from hotdesk_daemon.simulator.cloud import CloudOrganisation
    from tests.transport.cloud.doubles import Office

CONFIGURED = Hosts.of(("http://127.0.0.1:8080/jwks", "https://proxy.example.com/v1", "http://[::1]:81", None))

WEBEX = (
    *JWKS_URLS.values(),
    "https://webexapis.com/v1/access_token",
    "https://webexapis.com",
    "https://WebexAPIs.com:443/v1",
    "https://xapi-k.wbx2.com/xapi/api/organizations/a/apps/b?c=d#e",
    "https://api-usgov.webex.com/v1",
    "HTTPS://xapi.gov.ciscospark.com/app",
)
OURS = (
    "http://127.0.0.1:8080",
    "http://127.0.0.1:8080/us-east-2_a/app",
    "https://proxy.example.com/anything",
    "https://PROXY.example.com:443/",
    "http://[::1]:81/app",
)
FOREIGN = (
    "",
    "no address at all",
    "https://",
    "https:///v1",
    "//webexapis.com/v1",
    "webexapis.com/v1",
    "ftp://webexapis.com/v1",
    "http://webexapis.com/v1",
    "https://elsewhere.example.com/v1",
    "https://webexapis.com.example.com/v1",
    "https://notwebexapis.com/v1",
    "https://example.com/webexapis.com",
    "https://example.com?webexapis.com",
    "https://example.com#.webexapis.com",
    "https://webexapis.com@example.com/v1",
    "https://user:word@webexapis.com/v1",
    "https://example.com\\@webexapis.com/v1",
    "https://example.com\\.webexapis.com/v1",
    "https://webexapis.com:port/v1",
    "https://webexapis.com:99999/v1",
    "https://webexapis.com\n.example.com/v1",
    "https://webexapis.com/v 1",
    "https://webexapis.com\u3002/v1",
    "https://w\u0435bex.com/v1",
    "https://[webexapis.com/v1",
    " https://webexapis.com/v1",
    "http://127.0.0.1:8081/app",
    "http://127.0.0.1/app",
    "http://localhost:8080/app",
    "https://127.0.0.1:8080/app",
    "http://proxy.example.com/v1",
    "https://sub.proxy.example.com/v1",
)


@pytest.mark.parametrize("url", [*WEBEX, *OURS])
def test_a_token_may_lead_to_webex_and_to_where_the_configuration_leads(url: str) -> None:
    assert CONFIGURED.have(url)


@pytest.mark.parametrize("url", FOREIGN)
def test_a_token_may_lead_nowhere_else(url: str) -> None:
    assert not CONFIGURED.have(url)


@pytest.mark.parametrize("url", OURS)
def test_without_configuration_there_is_webex_only(url: str) -> None:
    assert not Hosts().have(url)


@pytest.mark.parametrize("name", ["api_url", "oauth_url", "jwks_url", "supported_url"])
async def test_every_address_of_the_settings_counts(clock: ManualClock, name: str) -> None:
    async def fetch(_url: str) -> bytes:
        return b""

    wanted = OrganisationSettings(
        id="acme",
        client_id="client",
        client_secret=Secret("secret", origin="a test"),
        **{name: "http://cloud.example.com:8080/x"},  # type: ignore[arg-type]  # one of four of one type
    )
    hosts = verifier_of(wanted, fetch=fetch, now=clock.now).hosts

    assert hosts.have("http://cloud.example.com:8080/y")
    assert hosts.have("https://webexapis.com/v1")
    assert not hosts.have("http://cloud.example.com/y")


# --- what comes of it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["appUrl", "oauthUrl", "webexapisBaseUrl"])
@pytest.mark.parametrize("url", ["https://elsewhere.example.com/v1", "http://webexapis.com/v1"])
async def test_a_code_that_leads_elsewhere_is_refused_and_nothing_is_stored_or_sent(
    office: Office, organisation: CloudOrganisation, claim: str, url: str
) -> None:
    code = organisation.activation_code(**{claim: url})

    with pytest.raises(JwtRefusedError, match=rf"neither Webex's.* \({claim}\)") as caught:
        await office.activate(code)

    assert Refusal.FOREIGN_HOST is caught.value.refusal
    assert not office.store.path.exists()
    assert [] == list(organisation.requests)


async def test_a_code_may_lead_to_webex(office: Office, organisation: CloudOrganisation) -> None:
    url = "https://webexapis.com/v1"

    activated = await office.activate(organisation.activation_code(webexapisBaseUrl=url))

    assert url == activated.api_url


async def test_an_action_that_leads_elsewhere_is_refused_and_changes_nothing(
    living: Office, organisation: CloudOrganisation
) -> None:
    before = living.store.path.read_bytes()
    token = organisation.token("update", refreshToken="refresh-new", appUrl="https://elsewhere.example.com/app")

    for _ in range(2):  # it is not used up either
        with pytest.raises(JwtRefusedError) as caught:
            await living.actions.take(token)
        assert Refusal.FOREIGN_HOST is caught.value.refusal

    assert before == living.store.path.read_bytes()
    assert await living.stored() == living.keeper.installation
