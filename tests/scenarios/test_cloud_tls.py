"""A cloud that speaks TLS under an authority of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.simulator.certificates import make_certificate
from tests.scenarios.transports import over_cloud

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.site import OpenSite
    from tests.scenarios.transports import Cloud


@over_cloud
async def test_an_authority_of_one_s_own_is_trusted_when_it_is_named(
    open_site: OpenSite, transport: Cloud, tmp_path: Path
) -> None:
    certificate = await asyncio.to_thread(make_certificate)
    authority = tmp_path / "authority.pem"
    await asyncio.to_thread(authority.write_bytes, certificate.pem)
    trusting = attrs.evolve(transport, certificate=certificate, wanted={"ca_file": authority})
    site = await open_site("local", "hybrid", transport=trusting)
    await site.book()
    await site.advance(10)

    assert site.organisation().app_url.startswith("https://")
    assert ["created"] == [booking.state for booking in site.bookings()]
    assert ["", ""] == [site.disagreement(desk) for desk in range(2)]


@over_cloud
async def test_without_it_nothing_is_sent_there(open_site: OpenSite, transport: Cloud) -> None:
    certificate = await asyncio.to_thread(make_certificate)
    with pytest.raises(TransientError, match="certificate"):
        await open_site("local", transport=attrs.evolve(transport, certificate=certificate))
