"""
Verifying the tokens (JWT) by which the cloud activates an installation and tells it of actions.

They are signed with ES256. Where the keys are follows from the region through a table of ours, or from the
configuration, never from an address in the token (Webex Workspace Integrations guide, "JWT verification").
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import attrs
import jwt
import msgspec

from hotdesk_daemon.core.errors import HotdeskError, PermanentError, ProtocolError, TransientError
from hotdesk_daemon.transport.cloud.ids import uuid_of

#: The keys of each region (the clients that Cisco publishes have this table).
JWKS_URLS: Final[Mapping[str, str]] = {
    "us-west-2_r": "https://xapi-r.wbx2.com/jwks",
    "us-east-2_a": "https://xapi-a.wbx2.com/jwks",
    "eu-central-1_k": "https://xapi-k.wbx2.com/jwks",
    "us-east-1_int13": "https://xapi-intb.wbx2.com/jwks",
    "us-gov-west-1_a1": "https://xapi.gov.ciscospark.com/jwks",
}
DEFAULT_REGION: Final = "us-east-2_a"
#: Without an ``expiryTime`` a token is good for so long after it was issued.
FRESH_FOR: Final = timedelta(minutes=5)
#: How far the cloud's clock may be ahead of ours.
_SKEW: Final = timedelta(minutes=2)
#: Keys are asked for again because of an unknown ``kid`` at most so often.
_ASK_AGAIN: Final = timedelta(seconds=30)
_LONGEST: Final = 32_768
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")


class Refusal(StrEnum):
    """Why a token is refused."""

    MALFORMED = "it is no JWT"
    ALGORITHM = "it is not signed with ES256"
    UNKNOWN_KEY = "its key is none of the region's"
    SIGNATURE = "its signature is wrong"
    NO_ID = "it has no jti"
    REPLAYED = "its jti was used before"
    EXPIRED = "it has expired"
    TOO_OLD = "it was issued too long ago"
    FROM_THE_FUTURE = "it was issued in the future"
    WRONG_APP = "it is for another integration"
    WRONG_ORGANISATION = "it is for another organisation"
    WRONG_ACTION = "it is for another action"
    INCOMPLETE = "it lacks a claim that it must have"


class JwtRefusedError(PermanentError):
    """A token is not taken; ``refusal`` says why. Nothing of the token stands in the text."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(f"the token is refused: {refusal}" + (f" ({detail})" if detail else ""))
        self.refusal = refusal


@attrs.frozen(kw_only=True)
class Claims:
    """What a verified token says. ``organisation`` is a UUID; ``all`` are the claims as they came."""

    action: str
    organisation: str
    jti: str
    all: Mapping[str, Any] = attrs.field(repr=False)

    def text(self, name: str) -> str | None:
        """A claim that is text and not empty."""
        value = self.all.get(name)
        return value if isinstance(value, str) and value else None


@attrs.define(eq=False, kw_only=True)
class JwtVerifier:
    """
    Verifies tokens for one integration.

    Args:
        app_id: the ``id`` of our manifest.
        fetch: gets the body of a URL; raises `TransientError`.
        now: the site's time.
        jwks_urls: by region; one URL under the key ``""`` is taken for every region.
    """

    app_id: str
    fetch: Callable[[str], Awaitable[bytes]]
    now: Callable[[], datetime]
    jwks_urls: Mapping[str, str] = JWKS_URLS
    _keys: dict[str, dict[str, jwt.PyJWK]] = attrs.field(factory=dict)
    _asked: dict[str, datetime] = attrs.field(factory=dict)

    async def verify(self, token: str, *, organisation: str | None, used: Collection[str]) -> Claims:
        """
        The claims of *token*.

        Args:
            token: the compact form.
            organisation: its UUID, once it is known.
            used: the ids of tokens that were acted on.

        Raises:
            JwtRefusedError: it is not to be believed, or not for us, or not now.
            TransientError: the keys cannot be had.
        """
        claims = await self._signed(token.strip())
        jti = claims.get("jti")
        if not isinstance(jti, str) or not jti:
            raise JwtRefusedError(Refusal.NO_ID)
        if jti in used:
            raise JwtRefusedError(Refusal.REPLAYED)
        self._check_time(claims)
        if str(claims.get("appId", "")).lower() != self.app_id.lower():
            raise JwtRefusedError(Refusal.WRONG_APP)
        whose = _organisation(claims)
        if organisation is not None and whose != organisation:
            raise JwtRefusedError(Refusal.WRONG_ORGANISATION)
        action = claims.get("action")
        if not isinstance(action, str):
            raise JwtRefusedError(Refusal.INCOMPLETE, "action")
        return Claims(action=action, organisation=whose, jti=jti, all=claims)

    # --- the signature -----------------------------------------------------------------------------------------------

    async def _signed(self, token: str) -> dict[str, Any]:
        """The claims, once the signature holds; until then only the region and the key's id are looked at."""
        if len(token) > _LONGEST:
            raise JwtRefusedError(Refusal.MALFORMED, f"longer than {_LONGEST} characters")
        try:
            header = jwt.get_unverified_header(token)
            unverified = jwt.decode(token, options={"verify_signature": False, "verify_exp": False})
        except (jwt.PyJWTError, RecursionError, ValueError, TypeError) as exc:
            raise JwtRefusedError(Refusal.MALFORMED) from exc
        if header.get("alg") != "ES256":
            raise JwtRefusedError(Refusal.ALGORITHM)
        region = unverified.get("region")
        key = await self._key(self._url(region), header.get("kid"))
        try:
            # Times are checked by what these tokens have, which are other claims than a library looks for.
            options: Any = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False)
            claims = jwt.decode(token, key=key, algorithms=["ES256"], options=options)
        except (jwt.PyJWTError, ValueError, TypeError) as exc:
            raise JwtRefusedError(Refusal.SIGNATURE) from exc
        return dict(claims)

    def _url(self, region: object) -> str:
        urls = self.jwks_urls
        return urls.get("") or urls.get(region if isinstance(region, str) else "", "") or urls[DEFAULT_REGION]

    async def _key(self, url: str, kid: object) -> jwt.PyJWK:
        if not isinstance(kid, str) or not kid:
            raise JwtRefusedError(Refusal.UNKNOWN_KEY)
        known = self._keys.get(url, {})
        if kid not in known and self.now() - self._asked.get(url, datetime.min.replace(tzinfo=UTC)) >= _ASK_AGAIN:
            self._asked[url] = self.now()
            known = self._keys[url] = _keys(await self._fetched(url), url)
        if kid not in known:
            raise JwtRefusedError(Refusal.UNKNOWN_KEY)
        return known[kid]

    async def _fetched(self, url: str) -> bytes:
        try:
            return await self.fetch(url)
        except HotdeskError as exc:
            del self._asked[url]  # the next token may ask at once
            raise TransientError(f"the keys of the cloud cannot be had: {exc}") from exc

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _check_time(self, claims: Mapping[str, Any]) -> None:
        now = self.now()
        expiry = claims.get("expiryTime")
        issued = _issued(claims.get("iat"))
        if issued is not None and issued > now + _SKEW:
            raise JwtRefusedError(Refusal.FROM_THE_FUTURE)
        if expiry is not None:
            if _moment(expiry) <= now:
                raise JwtRefusedError(Refusal.EXPIRED)
        elif issued is None:
            raise JwtRefusedError(Refusal.INCOMPLETE, "iat")
        elif now - issued > FRESH_FOR:
            raise JwtRefusedError(Refusal.TOO_OLD)


def _issued(value: object) -> datetime | None:
    """``iat``, in seconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise JwtRefusedError(Refusal.INCOMPLETE, "iat") from exc


def _moment(value: object) -> datetime:
    """An ISO 8601 moment with up to nine digits of fraction."""
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", str(value)))
    except ValueError as exc:
        raise JwtRefusedError(Refusal.INCOMPLETE, "expiryTime") from exc
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _organisation(claims: Mapping[str, Any]) -> str:
    try:
        return uuid_of(str(claims.get("sub", "")))
    except ProtocolError as exc:
        raise JwtRefusedError(Refusal.INCOMPLETE, "sub") from exc


def _keys(body: bytes, url: str) -> dict[str, jwt.PyJWK]:
    """The EC keys of a JWK set (RFC 7517 section 5) by their ids; others are passed over."""
    try:
        listed = msgspec.json.decode(body)["keys"]
        found = {}
        for entry in listed:
            if entry.get("kty") == "EC" and entry.get("crv") == "P-256" and isinstance(entry.get("kid"), str):
                found[entry["kid"]] = jwt.PyJWK(entry, algorithm="ES256")
    except (msgspec.MsgspecError, jwt.PyJWTError, KeyError, TypeError, AttributeError, ValueError) as exc:
        raise TransientError(f"{url} has no key set: {type(exc).__name__}") from exc
    return found
