"""
Activating an installation: from the code that an administrator copies to an installation that lasts.

The code is a token for a day. Verified, it says where the organisation's cloud is and holds the first refresh token;
with that an access token is got and stored, and the provisioning is completed (Webex Workspace Integrations guide,
"Activation"). The daemon may be at work on the same installation meanwhile: only what the activation says is changed of
what stands on the disk.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs
import msgspec

from hotdesk_daemon.core.errors import PermanentError, TransientError
from hotdesk_daemon.transport.cloud.http import CONNECT_TIMEOUT_S, whole_body
from hotdesk_daemon.transport.cloud.installation import Installation, InstallationStore
from hotdesk_daemon.transport.cloud.jwts import JwtRefusedError, Refusal
from hotdesk_daemon.transport.cloud.oauth import refreshed
from hotdesk_daemon.transport.cloud.proxies import proxy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from hotdesk_daemon.transport.cloud.jwts import Claims, JwtVerifier
    from hotdesk_daemon.transport.cloud.oauth import Client

_TIMEOUT_S: Final = 30.0
_MOST_BYTES: Final = 1 << 20
_API_URL: Final = "https://webexapis.com/v1"
#: What an activation says of an installation, and what came with its first access token.
_SAID: Final = (
    "organisation_name",
    "app_id",
    "region",
    "app_url",
    "oauth_url",
    "api_url",
    "refresh_token",
    "refresh_expires_at",
    "access_token",
    "access_expires_at",
    "scopes",
    "statuses",
    "commands",
    "events",
    "activated_at",
)


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
    Take an activation code and store what lasts.

    Of a living installation of the same organisation all stays that the code says nothing of, the used ids before all.

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
        TokenRefusedError: the cloud takes the code's token, or our client, for no good; nothing has changed.
        PermanentError: the cloud refuses the completed provisioning, or removed the integration meanwhile.
        TransientError: the cloud cannot be reached, or the state cannot be stored. If the token was stored before that,
            the code is used up, and the daemon completes what is left; else the code is as good as before.
        ConfigError: what is stored is damaged.
    """
    held = await asyncio.to_thread(store.look)
    claims = await verifier.verify(
        code,
        organisation=held.organisation if isinstance(held, Installation) else None,
        used=held.jtis if held is not None else (),
    )
    if claims.action != "provision":
        raise JwtRefusedError(Refusal.WRONG_ACTION, claims.action[:40])
    fresh = _installation(claims, now=now(), api_url=api_url)
    fresh = await refreshed(fresh, session=session, client=client, url=oauth_url or fresh.oauth_url, now=now())
    # Stored before it is completed: from here on the code is used up, and its token must not be lost.
    await _changed(store, lambda found: _activated(found, fresh, jti=claims.jti))
    poll_url = poll_url_of(await complete(fresh, session=session, notifications=notifications))
    stored = await _changed(store, lambda found: _polled(found, fresh, poll_url))
    if stored is None:
        raise PermanentError("the integration was removed while it was activated")
    return stored


async def _changed(
    store: InstallationStore, how: Callable[[Installation | None], Installation | None]
) -> Installation | None:
    try:
        return await asyncio.to_thread(store.change, how)
    except OSError as exc:
        raise TransientError(f"the activation cannot be stored: {exc}") from exc


def _activated(found: Installation | None, fresh: Installation, *, jti: str) -> Installation:
    """*found*, as it stands on the disk now, with what the activation says."""
    if found is None:
        return fresh.with_jti(jti)
    if found.organisation != fresh.organisation:  # another activation was quicker
        raise JwtRefusedError(Refusal.WRONG_ORGANISATION)
    if jti in found.jtis:
        raise JwtRefusedError(Refusal.REPLAYED)
    return attrs.evolve(found, **{name: getattr(fresh, name) for name in _SAID}).with_jti(jti)


def _polled(found: Installation | None, fresh: Installation, poll_url: str | None) -> Installation | None:
    """*found* with the address of its queue, unless it has moved elsewhere since."""
    if found is None or found.app_url != fresh.app_url:
        return found
    return attrs.evolve(found, poll_url=poll_url)


def _installation(claims: Claims, *, now: datetime, api_url: str | None) -> Installation:
    app_url, oauth_url = claims.address("appUrl"), claims.address("oauthUrl")
    base_url, refresh_token = claims.address("webexapisBaseUrl"), claims.text("refreshToken")
    if app_url is None or oauth_url is None or refresh_token is None:
        needed = {"appUrl": app_url, "oauthUrl": oauth_url, "refreshToken": refresh_token}
        raise JwtRefusedError(Refusal.INCOMPLETE, ", ".join(name for name, value in needed.items() if value is None))
    statuses, commands, events = granted(claims.all.get("xapiAccess"))
    return Installation(
        organisation=claims.organisation,
        organisation_name=claims.text("orgName") or "",
        app_id=str(claims.all["appId"]),
        region=claims.text("region"),
        app_url=app_url,
        oauth_url=oauth_url,
        api_url=api_url or base_url or _API_URL,
        refresh_token=refresh_token,
        scopes=scopes_of(claims.all.get("scopes")),
        statuses=statuses,
        commands=commands,
        events=events,
        activated_at=now,
    )


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
            proxy=proxy_of(installation.app_url),
        ) as response:
            status, content = response.status, await whole_body(response, most_bytes=_MOST_BYTES)
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


def access_of(value: object) -> Mapping[str, object] | None:
    """What was granted of the xAPI, which in a token is JSON inside a text; None when nothing is said of it."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def granted(value: object) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The paths of statuses, commands and events that were granted; none where nothing is said of them."""
    access = access_of(value) or {}

    def paths(name: str) -> tuple[str, ...]:
        listed = access.get(name)
        return tuple(str(path) for path in listed) if isinstance(listed, list) else ()

    return paths("statuses"), paths("commands"), paths("events")
