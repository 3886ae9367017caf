"""A keeper that nobody runs, as the doctor's: what is under way when it is closed still lasts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud import InstallationStore
from tests.transport.cloud.doubles import LIMIT_S

if TYPE_CHECKING:
    from pathlib import Path

    from tests.transport.cloud.doubles import Office


async def test_a_renewal_that_is_given_up_is_stored_before_the_keeper_is_closed(living: Office) -> None:
    before = await living.stored()
    asked = asyncio.create_task(living.keeper.renewed(before.access_token or ""))
    await asyncio.sleep(0)
    asked.cancel()
    async with asyncio.timeout(LIMIT_S):
        await asyncio.wait({asked})
        await living.keeper.close()
    after = await living.stored()

    assert before.access_token != after.access_token
    assert living.organisation.accepts(after.access_token or "")


async def test_a_closed_keeper_renews_nothing_any_more(living: Office) -> None:
    before = await living.stored()
    await living.keeper.close()
    with pytest.raises(TransientError, match="no more"):
        await living.keeper.renewed(before.access_token or "")

    assert before == await living.stored()


async def test_the_directory_of_all_state_is_closed_to_others_too(living: Office, tmp_path: Path) -> None:
    installation = await living.stored()
    store = InstallationStore(tmp_path / "state" / "organisations" / "org-1.json")
    await asyncio.to_thread(store.change, lambda _: installation)
    made = [tmp_path / "state", tmp_path / "state" / "organisations"]
    modes = await asyncio.to_thread(lambda: [path.stat().st_mode & 0o777 for path in made])

    assert [0o700, 0o700] == modes
