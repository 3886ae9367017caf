from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from hotdesk_daemon.core.errors import ConfigError, TransientError
from hotdesk_daemon.transport.cloud import JwtRefusedError, Refusal
from tests.transport.cloud.doubles import meanwhile
from tests.transport.cloud.forgeries import FORGERIES, SOMEBODY_ELSE, claims_of

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.cloud import CloudOrganisation, SimulatedCloud
    from tests.transport.cloud.doubles import Office


def patches(organisation: CloudOrganisation) -> list[int]:
    return [one.status for one in organisation.requests if one.method == "PATCH"]


async def refusal_of(office: Office, code: str) -> Refusal:
    with pytest.raises(JwtRefusedError) as caught:
        await office.activate(code)
    return caught.value.refusal


async def test_a_code_is_taken_once(office: Office, organisation: CloudOrganisation) -> None:
    code = organisation.activation_code()
    await office.activate(code)
    before = office.store.path.read_bytes()

    assert Refusal.REPLAYED is await refusal_of(office, code)

    assert before == office.store.path.read_bytes()
    assert [200] == patches(organisation)


async def test_another_organisations_code_leaves_the_installation_alone(
    office: Office, organisation: CloudOrganisation
) -> None:
    await office.activate()
    before = office.store.path.read_bytes()

    assert Refusal.WRONG_ORGANISATION is await refusal_of(office, organisation.activation_code(sub=SOMEBODY_ELSE))

    assert before == office.store.path.read_bytes()


@pytest.mark.parametrize("what", FORGERIES)
async def test_a_forged_code_leaves_a_living_installation_alone(
    office: Office, organisation: CloudOrganisation, cloud: SimulatedCloud, what: str
) -> None:
    forge, reason = FORGERIES[what]
    await office.activate()
    before = office.store.path.read_bytes()

    assert reason is await refusal_of(office, forge(cloud, organisation.activation_code()))

    assert before == office.store.path.read_bytes()


async def test_a_new_activation_loses_nothing_of_a_living_one(office: Office, organisation: CloudOrganisation) -> None:
    first = await office.activate()
    await office.rewrite(jtis=(*first.jtis, "an-action"))
    organisation.new_refresh_token()
    code = organisation.activation_code()

    second = await office.activate(code)

    assert (*first.jtis, "an-action", claims_of(code)["jti"]) == second.jtis
    assert organisation.refresh_token == second.refresh_token != first.refresh_token
    assert second.generation > first.generation
    ours = ("jtis", "refresh_token", "access_token", "generation")
    assert attrs.evolve(second, **{name: getattr(first, name) for name in ours}) == first


async def test_an_activation_that_fails_leaves_the_living_one_as_it_was(
    office: Office, organisation: CloudOrganisation
) -> None:
    await office.activate()
    before = office.store.path.read_bytes()
    organisation.faults.enable("refresh_error", times=1)

    with pytest.raises(TransientError):
        await office.activate()

    assert before == office.store.path.read_bytes()


async def test_a_damaged_installation_is_not_written_over(office: Office, organisation: CloudOrganisation) -> None:
    office.store.path.parent.mkdir()
    office.store.path.write_bytes(b"{")

    with pytest.raises(ConfigError, match="damaged"):
        await office.activate()

    assert b"{" == office.store.path.read_bytes()
    assert [] == list(organisation.requests)


async def test_an_action_that_the_daemon_takes_meanwhile_stays_used_up(
    office: Office, organisation: CloudOrganisation
) -> None:
    first = await office.activate()

    async def take() -> None:
        await office.rewrite(jtis=(*first.jtis, "an-action"))

    async with meanwhile("POST", take) as session:
        second = await office.activate(session=session)

    assert "an-action" in second.jtis


async def test_a_token_that_the_daemon_renews_meanwhile_is_not_lost(
    office: Office, organisation: CloudOrganisation
) -> None:
    organisation.faults.enable("refresh_rotates")

    async def renew() -> None:
        await office.keeper.look()
        held = office.keeper.installation
        assert held is not None
        assert held.access_token is not None
        await office.keeper.renewed(held.access_token)

    async with meanwhile("PATCH", renew) as session:
        activated = await office.activate(session=session)

    assert organisation.refresh_token == activated.refresh_token
