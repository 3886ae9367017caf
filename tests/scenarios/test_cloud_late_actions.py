"""Actions whose keys cannot be had for long: their age is what it was when they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.scenarios.test_cloud_actions import HOUR_S, posted, stored
from tests.scenarios.test_cloud_hearing import out_of_order
from tests.scenarios.test_cloud_tokens import cloud_of
from tests.scenarios.test_start_and_stop import lines, readiness
from tests.scenarios.transports import over

if TYPE_CHECKING:
    import io

    import pytest

    from tests.scenarios.site import OpenSite, Site


def without_keys(site: Site, patch: pytest.MonkeyPatch) -> None:
    """Let nobody have the keys of the cloud until the patch is undone."""
    assert site.cloud is not None
    patch.setattr(site.cloud.key, "public", out_of_order)


@over("queue")
async def test_an_update_that_waits_for_its_keys_for_an_hour_is_taken(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its refresh token is the only good one: refused, it would cost an activation."""
    site = await open_site("local")
    cloud = cloud_of(site)
    with monkeypatch.context() as patch:
        without_keys(site, patch)
        cloud.move_region()
        await site.advance(HOUR_S)
        assert [] == lines(log, "org.updated")
    await site.advance(400)

    held = await stored(site)
    assert held is not None
    assert (cloud.app_url, cloud.refresh_token) == (held.app_url, held.refresh_token)
    assert 1 == len(lines(log, "org.updated"))
    assert [] == lines(log, "org.action_refused")
    assert (200, []) == await readiness(site)


@over("queue")
async def test_an_action_that_was_old_when_it_came_is_refused_however_long_its_keys_take(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local")
    cloud = cloud_of(site)
    old = int(cloud.now().timestamp()) - 600
    with monkeypatch.context() as patch:
        without_keys(site, patch)
        cloud.send_action("update", refreshToken="stale", iat=old)
        await site.advance(HOUR_S)
    await site.advance(400)

    held = await stored(site)
    assert held is not None
    assert cloud.refresh_token == held.refresh_token
    assert ["the token is refused: it was issued too long ago"] == [
        line["reason"] for line in lines(log, "org.action_refused")
    ]


@over("webhook")
async def test_a_post_that_waits_for_its_keys_is_answered_that_it_may_come_again(
    open_site: OpenSite, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site("local")
    token = cloud_of(site).token("updateApproved", scopes="one", xapiAccess="{}")
    with monkeypatch.context() as patch:
        without_keys(site, patch)
        assert 503 == (await posted(site, token))[0]
        await site.advance(240)
        assert 503 == (await posted(site, token))[0]
    assert 204 == (await posted(site, token))[0]

    assert 1 == len(lines(log, "org.approved"))
    assert [] == lines(log, "org.action_refused")
