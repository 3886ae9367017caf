"""
Activating an installation: from the code that an administrator copies to an installation that lasts.

The code is a token for a day. Verified, it says where the organisation's cloud is and holds the first refresh token;
with that an access token is got, the provisioning is completed, and the whole is stored (Webex Workspace Integrations
guide, "Activation").
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs
import msgspec

from hotdesk_daemon.core.errors import PermanentError, TransientError
from hotdesk_daemon.transport.cloud.http import CONNECT_TIMEOUT_S
from hotdesk_daemon.transport.cloud.installation import Installation, InstallationStore
from hotdesk_daemon.transport.cloud.jwts import JwtRefusedError, Refusal
from hotdesk_daemon.transport.cloud.oauth import refreshed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hotdesk_daemon.transport.cloud.jwts import Claims, JwtVerifier
    from hotdesk_daemon.transport.cloud.oauth import Client

_TIMEOUT_S: Final = 30.0


async def activate(  # noqa: PLR0913 - each is a thing of its own
    code: str,
    *,
    verifier: JwtVerifier,
    store: InstallationStore,
    client: Client,
    session: aiohttp.ClientSession,
    notifications: Mapping[str, object],
    now: Callable[[], datetime],
    oauth_url: str | None = None,
    api_url: str | None = None,
) -> Installation:
    """
    Take an activation code and store what lasts. Over a living installation of the same organisation all else stays.

    Args:
        code: as Control Hub shows it.
        verifier: believes it or not.
        store: of the organisation.
        client: who we are.
        session: makes the requests.
        notifications: how the cloud shall send: the members ``queue``, or ``webhook`` and ``actionsUrl``.
        now: the site's time.
        oauth_url: in place of the code's own.
        api_url: in place of the code's own.

    Raises:
        JwtRefusedError: the code is not taken.
        TokenRefusedError: the cloud takes the code's token, or our client, for no good.
        TransientError: the cloud cannot be reached, or the state cannot be stored: nothing has changed.
        ConfigError: what is stored is damaged.
    """
    held = await asyncio.to_thread(store.load)
    claims = await verifier.verify(
        code, organisation=held.organisation if held else None, used=held.jtis if held else ()
    )
    if claims.action != "provision":
        raise JwtRefusedError(Refusal.WRONG_ACTION, claims.action[:40])
    fresh = _installation(claims, held, now=now(), api_url=api_url)
    fresh = await refreshed(fresh, session=session, client=client, url=oauth_url or fresh.oauth_url, now=now())
    # Stored before it is completed: from here on the code is used up, and its token must not be lost.
    fresh = await _stored(store, fresh)
    settings = await complete(fresh, session=session, notifications=notifications)
    return await _stored(store, attrs.evolve(fresh, poll_url=poll_url_of(settings)))


async def _stored(store: InstallationStore, installation: Installation) -> Installation:
    try:
        stored = await asyncio.to_thread(store.change, lambda _: installation)
    except OSError as exc:
        raise TransientError(f"the activation cannot be stored: {exc}") from exc
    if stored is None:
        raise AssertionError("an installation was given")
    return stored


def _installation(claims: Claims, held: Installation | None, *, now: datetime, api_url: str | None) -> Installation:
    needed = {name: claims.text(name) for name in ("appUrl", "oauthUrl", "refreshToken")}
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise JwtRefusedError(Refusal.INCOMPLETE, ", ".join(missing))
    statuses, commands, events = granted(claims.all.get("xapiAccess"))
    installation = Installation(
        organisation=claims.organisation,
        organisation_name=claims.text("orgName") or "",
        app_id=str(claims.all["appId"]),
        region=claims.text("region"),
        app_url=needed["appUrl"] or "",
        oauth_url=needed["oauthUrl"] or "",
        api_url=api_url or claims.text("webexapisBaseUrl") or "https://webexapis.com/v1",
        refresh_token=needed["refreshToken"] or "",
        scopes=scopes_of(claims.all.get("scopes")),
        statuses=statuses,
        commands=commands,
        events=events,
        jtis=held.jtis if held is not None else (),
        activated_at=now,
    )
    return installation.with_jti(claims.jti)


async def complete(
    installation: Installation, *, session: aiohttp.ClientSession, notifications: Mapping[str, object]
) -> Mapping[str, Any]:
    """
    Tell the cloud that we are ready and how to send; give the installation's settings.

    Raises:
        TransientError: the cloud cannot be reached or is not in its right mind.
        PermanentError: it refuses.
    """
    body = {"provisioningState": "completed", **notifications}
    headers = {"Authorization": f"Bearer {installation.access_token}", "Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    try:
        async with session.patch(
            installation.app_url,
            data=msgspec.json.encode(body),
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            status, content = response.status, await response.read()
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise TransientError(f"the cloud cannot be reached: {type(exc).__name__}") from exc
    if status == 429 or status >= 500:  # noqa: PLR2004 - RFC 6585 section 4, RFC 9110 section 15.6
        raise TransientError(f"the cloud answered {status} to the completed provisioning")
    if not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3
        raise PermanentError(f"the cloud refused the completed provisioning with {status}")
    try:
        settings = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise TransientError("the cloud's answer cannot be read") from exc
    return settings if isinstance(settings, dict) else {}


def poll_url_of(settings: Mapping[str, Any]) -> str | None:
    """Where the queue of an installation is, by its settings."""
    queue = settings.get("queue")
    url = queue.get("pollUrl") if isinstance(queue, dict) else None
    return url if isinstance(url, str) and url else None


def scopes_of(value: object) -> tuple[str, ...]:
    """Scopes, which come as a list or as one text with commas or blanks."""
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return tuple(str(scope) for scope in value) if isinstance(value, list) else ()


def granted(value: object) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The paths of statuses, commands and events that were granted; in a token they are JSON inside a text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            value = {}
    access = value if isinstance(value, dict) else {}

    def paths(name: str) -> tuple[str, ...]:
        listed = access.get(name)
        return tuple(str(path) for path in listed) if isinstance(listed, list) else ()

    return paths("statuses"), paths("commands"), paths("events")
