from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.errors import PermanentError, TransientError
from hotdesk_daemon.transport.cloud import DeprovisionAction, JwtRefusedError, Refusal, TokenState
from hotdesk_daemon.transport.cloud.tokens import LOOK_EVERY
from tests.transport.cloud.doubles import meanwhile
from tests.transport.cloud.forgeries import claims_of

if TYPE_CHECKING:
    from hotdesk_daemon.simulator.cloud import CloudOrganisation
    from tests.transport.cloud.doubles import Office

Nothing = Callable[[], Callable[[], None]]


async def test_what_is_removed_is_forgotten_and_told(living: Office) -> None:
    before = await living.stored()
    await living.keeper.forget()

    left = living.store.path.read_text()
    secrets = (before.refresh_token, before.access_token or "", before.app_url, before.organisation_name)
    assert [] == [secret for secret in secrets if secret in left]
    assert await asyncio.to_thread(living.store.load) is None
    assert (TokenState.NONE, None) == (living.keeper.state, living.keeper.installation)
    assert [TokenState.VALID, TokenState.NONE] == living.told.states
    with pytest.raises(TransientError, match="removed"):
        await living.keeper.access()


async def test_what_cannot_be_removed_is_passing_trouble(living: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.replace", fail)

    with pytest.raises(TransientError, match="cannot be removed"):
        await living.keeper.forget()

    assert await living.stored() == living.keeper.installation


async def test_a_removal_that_cannot_be_stored_is_not_used_up_and_may_be_handed_in_again(
    living: Office, organisation: CloudOrganisation, fill_the_disk: Nothing
) -> None:
    token, before = organisation.token("deprovision"), living.store.path.read_bytes()
    empty = fill_the_disk()
    for _ in range(2):
        with pytest.raises(TransientError, match="cannot be removed"):
            await living.actions.take(token)
    assert before == living.store.path.read_bytes()
    assert TokenState.VALID is living.keeper.state
    empty()

    assert DeprovisionAction() == await living.actions.take(token)
    assert (TokenState.NONE, None) == (living.keeper.state, living.keeper.installation)


async def test_a_damaged_file_is_no_end_of_the_removal(living: Office, organisation: CloudOrganisation) -> None:
    token, content = organisation.token("deprovision"), living.store.path.read_bytes()
    living.store.path.write_bytes(b"{")
    with pytest.raises(TransientError, match="damaged"):
        await living.actions.take(token)
    living.store.path.write_bytes(content)

    assert DeprovisionAction() == await living.actions.take(token)


async def test_what_was_used_before_a_removal_stays_used(living: Office, organisation: CloudOrganisation) -> None:
    """Neither the code that activated nor the action that removed may do so again, also not after a restart."""
    code, check, removal = (
        organisation.activation_code(),
        organisation.token("healthCheck"),
        organisation.token("deprovision"),
    )
    await living.activate(code)
    await living.keeper.look()
    await living.actions.take(check)
    await living.actions.take(removal)
    living.begin()
    with pytest.raises(JwtRefusedError) as of_code:
        await living.activate(code)
    assert Refusal.REPLAYED is of_code.value.refusal

    again = await living.activate()
    await living.keeper.look()

    assert {claims_of(token)["jti"] for token in (code, check, removal)} < set(again.jtis)
    for token in (check, removal):
        with pytest.raises(JwtRefusedError) as caught:
            await living.actions.take(token)
        assert Refusal.REPLAYED is caught.value.refusal
    assert again == await living.stored()


async def test_a_removal_is_noticed_and_so_is_the_activation_after_it(
    living: Office, organisation: CloudOrganisation
) -> None:
    async with living.kept() as keeper:
        await asyncio.to_thread(living.store.remove, "a-removal")
        await living.passing.let(LOOK_EVERY)
        assert (TokenState.NONE, None) == (keeper.state, keeper.installation)
        asked = len(living.refreshes())
        await living.passing.let(timedelta(days=1))
        assert asked == len(living.refreshes())

        await living.activate()
        await living.passing.let(LOOK_EVERY)

        assert organisation.accepts(await keeper.access())
        assert [TokenState.VALID, TokenState.NONE, TokenState.VALID] == living.told.states


async def test_who_gives_up_waiting_for_a_removal_does_not_stop_it(
    living: Office, organisation: CloudOrganisation
) -> None:
    taking = asyncio.create_task(living.keeper.forget("a-removal"))
    await asyncio.sleep(0)
    taking.cancel()
    await asyncio.wait([taking])

    with pytest.raises(TransientError, match="removed"):
        await living.keeper.renewed("any")
    assert ("a-removal",) == (await living.used())[-1:]


async def test_an_integration_that_is_removed_while_it_is_activated_stays_removed(office: Office) -> None:
    async def remove() -> None:
        await asyncio.to_thread(office.store.remove, "a-removal")

    async with meanwhile("PATCH", remove) as session:
        with pytest.raises(PermanentError, match="removed"):
            await office.activate(session=session)

    assert await asyncio.to_thread(office.store.load) is None
