"""The token endpoint: a refresh token in, an access token out (RFC 6749 section 6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import aiohttp
import attrs
import msgspec
from msgspec import Meta

from hotdesk_daemon.core.errors import PermanentError, TransientError
from hotdesk_daemon.transport.cloud.http import CONNECT_TIMEOUT_S, retry_after_s, whole_body
from hotdesk_daemon.transport.cloud.proxies import proxy_of

if TYPE_CHECKING:
    from hotdesk_daemon.transport.cloud.installation import Installation

_TIMEOUT_S: Final = 30.0
_MOST_BYTES: Final = 1 << 20
_LONGEST_S: Final = 400 * 86_400
#: Statuses of a plain no (RFC 6749 section 5.2), if the endpoint itself says so.
_REFUSED: Final = frozenset({400, 401, 403})


class TokenRefusedError(PermanentError):
    """The cloud does not take the refresh token, or not from this client: a person must activate anew."""


@attrs.frozen(kw_only=True)
class Client:
    """Who we are at the token endpoint; both come from Control Hub."""

    client_id: str
    client_secret: str = attrs.field(repr=False)


class _Reply(msgspec.Struct):
    access_token: Annotated[str, Meta(min_length=1, max_length=10_000)]
    expires_in: Annotated[float, Meta(gt=0, le=_LONGEST_S)]
    refresh_token: Annotated[str, Meta(max_length=10_000)] | None = None
    refresh_token_expires_in: Annotated[float, Meta(gt=0, le=_LONGEST_S)] | None = None


async def refreshed(
    installation: Installation, *, session: aiohttp.ClientSession, client: Client, url: str, now: datetime
) -> Installation:
    """
    *installation* with new tokens; they must be stored before they are used.

    Raises:
        TokenRefusedError: the refresh token is dead, or the client is not known.
        TransientError: the endpoint is not to be reached, or not in its right mind.
    """
    form = {
        "grant_type": "refresh_token",
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "refresh_token": installation.refresh_token,
    }
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    try:
        async with session.post(
            url, data=form, timeout=timeout, allow_redirects=False, proxy=proxy_of(url)
        ) as response:
            body = await whole_body(response, most_bytes=_MOST_BYTES)
            status, pause_s = response.status, retry_after_s(response.headers, now=now)
    except (aiohttp.ClientError, TimeoutError) as exc:
        # No text of the library's: it may name what was sent.
        raise TransientError(f"the token endpoint cannot be reached: {type(exc).__name__}") from exc
    if status in _REFUSED and _is_object(body):  # the endpoint's own words; a proxy's page is no answer of it
        raise TokenRefusedError(f"the token endpoint answered {status}: the refresh token or the client is refused")
    if not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3
        raise TransientError(f"the token endpoint answered {status}", retry_after_s=pause_s)
    try:
        reply = msgspec.json.decode(body, type=_Reply)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise TransientError("the token endpoint's answer cannot be read") from exc
    expires = now + timedelta(seconds=reply.expires_in)
    lasting_s = reply.refresh_token_expires_in
    return attrs.evolve(
        installation,
        access_token=reply.access_token,
        access_expires_at=expires,
        refresh_token=reply.refresh_token or installation.refresh_token,
        refresh_expires_at=now + timedelta(seconds=lasting_s) if lasting_s else installation.refresh_expires_at,
    )


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
