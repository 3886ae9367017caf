"""An integration that is removed from an organisation while what lasts cannot be written."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING, Final

import pytest

from hotdesk_daemon.transport.cloud import InstallationStore
from tests.scenarios.test_start_and_stop import lines, readiness
from tests.scenarios.transports import over_cloud

if TYPE_CHECKING:
    import io

    from hotdesk_daemon.transport.cloud import Installation
    from tests.scenarios.site import OpenSite, Site

NAME: Final = "simulated-org-1"
NOT_ACTIVATED: Final = f"Organisation {NAME} is not activated: run hotdesk-daemon activate."


async def stored(site: Site) -> Installation | None:
    store = InstallationStore(site.settings.daemon.state_dir / "organisations" / f"{NAME}.json")
    return await asyncio.to_thread(store.load)


@over_cloud
@pytest.mark.timeout(30)
async def test_a_removal_that_cannot_be_stored_is_followed_when_it_can(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    site = await open_site("local")
    with monkeypatch.context() as context:
        context.setattr(os, "fsync", full)
        site.organisation().send_action("deprovision")
        await site.advance(5)
        assert await stored(site) is not None
        assert ([], 0) == (lines(log, "org.deprovisioned"), len(lines(log, "task.failed")))
        assert (200, []) == await readiness(site)
    await site.advance(120)

    assert await stored(site) is None
    assert (1, 0) == (len(lines(log, "org.deprovisioned")), len(lines(log, "task.failed")))
    status, reasons = await readiness(site)
    assert (503, True) == (status, NOT_ACTIVATED in reasons)
    assert [] == lines(log, "org.action_refused")
