"""Activating an organisation, for the command line and for the simulated site."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from hotdesk_daemon.app.organisations.authority import authority
from hotdesk_daemon.app.organisations.notices import notifications_of, verifier_of
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud import Client, InstallationStore, activate, whole_body

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hotdesk_daemon.ops.settings import OrganisationSettings, Settings
    from hotdesk_daemon.transport.cloud import Installation

_FETCH_S = 30.0
_MOST_BYTES = 1 << 20


async def activate_organisation(
    code: str, *, settings: Settings, wanted: OrganisationSettings, now: Callable[[], datetime]
) -> Installation:
    """
    Activate *wanted*, an organisation of *settings*, by the code from Control Hub.

    Raises:
        JwtRefusedError: the code is not taken.
        TokenRefusedError: the cloud takes the code's token, or our client, for no good.
        PermanentError: the cloud refuses what the daemon tells it, or removed the integration meanwhile.
        TransientError: the cloud cannot be reached, or the state cannot be stored.
        ConfigError: what is stored, or the authority, cannot be used.
    """
    tls = await asyncio.to_thread(authority, wanted.ca_file)
    connector = aiohttp.TCPConnector(ssl=tls if tls is not None else True)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def fetch(url: str) -> bytes:
            timeout = aiohttp.ClientTimeout(total=_FETCH_S)
            try:
                async with session.get(url, timeout=timeout, allow_redirects=False) as response:
                    if response.status != 200:  # noqa: PLR2004 - RFC 9110 section 15.3.1
                        raise TransientError(f"{url} answered {response.status}")
                    return await whole_body(response, most_bytes=_MOST_BYTES)
            except (aiohttp.ClientError, TimeoutError) as exc:
                raise TransientError(f"{url} cannot be reached: {exc}") from exc

        return await activate(
            code,
            verifier=verifier_of(wanted, fetch=fetch, now=now),
            store=InstallationStore(settings.daemon.state_dir / "organisations" / f"{wanted.id}.json"),
            client=Client(client_id=wanted.client_id, client_secret=wanted.client_secret.reveal()),
            session=session,
            notifications=notifications_of(wanted),
            now=now,
            oauth_url=wanted.oauth_url,
            api_url=wanted.api_url,
        )
