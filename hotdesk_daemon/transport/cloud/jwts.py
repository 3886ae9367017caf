"""
Verifying the tokens (JWT) by which the cloud activates an installation and tells it of actions.

They are signed with ES256. Where the keys are follows from the region through a table of ours, or from the
configuration, never from an address in the token (Webex Workspace Integrations guide, "JWT verification").
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import attrs
import jwt
import msgspec

from hotdesk_daemon.core.errors import HotdeskError, PermanentError, ProtocolError, TransientError
from hotdesk_daemon.core.public_ids import uuid_of
from hotdesk_daemon.transport.cloud.hosts import Hosts

#: The keys of each region that customers are in (the clients that Cisco publishes have this table).
JWKS_URLS: Final[Mapping[str, str]] = {
    "us-west-2_r": "https://xapi-r.wbx2.com/jwks",
    "us-east-2_a": "https://xapi-a.wbx2.com/jwks",
    "eu-central-1_k": "https://xapi-k.wbx2.com/jwks",
    "us-gov-west-1_a1": "https://xapi.gov.ciscospark.com/jwks",
}
#: Of a token that names no region.
DEFAULT_REGION: Final = "us-east-2_a"
#: A token without an end of its own is good for so long after it was issued.
FRESH_FOR: Final = timedelta(minutes=5)
#: How far the cloud's clock may be ahead of ours.
_SKEW: Final = timedelta(minutes=2)
#: Keys are asked for again because of an unknown ``kid`` at most so often.
_ASK_AGAIN: Final = timedelta(seconds=30)
_LONGEST: Final = 32_768
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
#: Whose a token is and how long it is good we judge ourselves: these tokens have other claims than a library looks for.
_SIGNATURE_ONLY: Final[Any] = dict.fromkeys(
    (f"verify_{claim}" for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")), False
)
_REGION_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Refusal(StrEnum):
    """Why a token is refused."""

    MALFORMED = "it is no JWT"
    ALGORITHM = "it is not signed with ES256"
    UNKNOWN_REGION = "where the keys of its region are is not known: set organisation.jwks_url"
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
    FOREIGN_HOST = "it names an address that is neither Webex's, by https, nor at a host of the configuration"


class JwtRefusedError(PermanentError):
    """A token is not taken; ``refusal`` says why. No secret of the token stands in the text."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(f"the token is refused: {refusal}" + (f" ({detail})" if detail else ""))
        self.refusal = refusal


@attrs.frozen(kw_only=True)
class Claims:
    """
    What a verified token says.

    ``organisation`` is a UUID; ``all`` are the claims as they came; ``hosts`` are those that addresses may lead to.
    """

    action: str
    organisation: str
    jti: str
    all: Mapping[str, Any] = attrs.field(repr=False)
    hosts: Hosts

    def text(self, name: str) -> str | None:
        """A claim that is text and not empty."""
        value = self.all.get(name)
        return value if isinstance(value, str) and value else None

    def address(self, name: str) -> str | None:
        """
        A claim that is an address; None when it is absent.

        Raises:
            JwtRefusedError: it leads to where nothing of ours may go.
        """
        url = self.text(name)
        if url is not None and not self.hosts.have(url):
            raise JwtRefusedError(Refusal.FOREIGN_HOST, name)
        return url


@attrs.define(eq=False)
class _KeyRing:
    """The keys of one address, by their ids, and what came of asking for them."""

    keys: dict[str, jwt.PyJWK] = attrs.field(factory=dict)
    asked: datetime | None = None
    failures: int = 0
    error: str = ""
    one_at_a_time: asyncio.Lock = attrs.field(factory=asyncio.Lock)


@attrs.define(eq=False, kw_only=True)
class JwtVerifier:
    """
    Verifies tokens for one integration.

    Args:
        app_id: the ``id`` of our manifest.
        fetch: gets the body of a URL; raises `HotdeskError`.
        now: the site's time.
        jwks_urls: by region; one URL under the key ``""`` is taken for every region.
        hosts: which addresses in a token may lead to.
    """

    app_id: str
    fetch: Callable[[str], Awaitable[bytes]]
    now: Callable[[], datetime]
    jwks_urls: Mapping[str, str] = JWKS_URLS
    hosts: Hosts = attrs.field(factory=Hosts)
    _rings: dict[str, _KeyRing] = attrs.field(factory=dict)

    async def verify(
        self, token: str, *, organisation: str | None, used: Collection[str], came: datetime | None = None
    ) -> Claims:
        """
        The claims of *token*.

        Args:
            token: the compact form.
            organisation: its UUID, once it is known.
            used: the ids of tokens that were acted on.
            came: when it came, by which it is too old or not; now unless it had to wait.

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
        _check_time(claims, came if came is not None else self.now())
        if str(claims.get("appId", "")).lower() != self.app_id.lower():
            raise JwtRefusedError(Refusal.WRONG_APP)
        whose = _organisation(claims)
        if organisation is not None and whose != organisation:
            raise JwtRefusedError(Refusal.WRONG_ORGANISATION)
        action = claims.get("action")
        if not isinstance(action, str):
            raise JwtRefusedError(Refusal.INCOMPLETE, "action")
        return Claims(action=action, organisation=whose, jti=jti, all=claims, hosts=self.hosts)

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
        url = self._url(unverified.get("region"))
        key = await self._key(url, header.get("kid"))
        try:
            claims = jwt.decode(token, key=key, algorithms=["ES256"], options=_SIGNATURE_ONLY)
        except (jwt.PyJWTError, RecursionError, ValueError, TypeError) as exc:
            raise JwtRefusedError(Refusal.SIGNATURE) from exc
        try:
            json.dumps(claims, ensure_ascii=False).encode()  # what is taken over must be storable
        except (RecursionError, ValueError) as exc:
            raise JwtRefusedError(Refusal.MALFORMED, "half a character, or depth without end") from exc
        return dict(claims)

    def _url(self, region: object) -> str:
        urls = self.jwks_urls
        if "" in urls:
            return urls[""]
        if region is None or region == "":
            return urls[DEFAULT_REGION]
        if not isinstance(region, str) or region not in urls:
            is_name = isinstance(region, str) and _REGION_NAME.fullmatch(region) is not None
            raise JwtRefusedError(Refusal.UNKNOWN_REGION, str(region) if is_name else "")
        return urls[region]

    async def _key(self, url: str, kid: object) -> jwt.PyJWK:
        if not isinstance(kid, str) or not kid:
            raise JwtRefusedError(Refusal.UNKNOWN_KEY)
        ring = self._rings.setdefault(url, _KeyRing())
        if kid not in ring.keys:
            await self._learn(ring, kid, url)
        if kid not in ring.keys:
            raise JwtRefusedError(Refusal.UNKNOWN_KEY)
        return ring.keys[kid]

    async def _learn(self, ring: _KeyRing, kid: str, url: str) -> None:
        """
        Ask for the keys at *url* unless they were asked for just now; one asks, who comes meanwhile waits for them.

        Whoever gives up, or meets a failure, leaves it to the next to ask.
        """
        came, seen = self.now(), ring.failures
        async with ring.one_at_a_time:
            if kid in ring.keys or (ring.asked is not None and came <= ring.asked <= self.now()):
                return
            if ring.asked is not None and ring.asked > self.now():
                ring.asked = None  # the clock was set back: nobody knows how long ago that was
            since_asked = self.now() - ring.asked if ring.asked is not None else _ASK_AGAIN
            if since_asked < _ASK_AGAIN:  # anybody can have made us ask: this key may be newer than the answer
                wait_s = (_ASK_AGAIN - since_asked).total_seconds()
                raise TransientError("the keys of the cloud were asked for just now", retry_after_s=wait_s)
            if ring.failures != seen:  # what failed while we waited would fail us too
                raise TransientError(ring.error)
            try:
                ring.keys = _keys(await self.fetch(url), url)
            except HotdeskError as exc:
                ring.failures += 1
                ring.error = f"the keys of the cloud cannot be had: {exc}"
                raise TransientError(ring.error) from exc
            ring.asked = self.now()


def _check_time(claims: Mapping[str, Any], now: datetime) -> None:
    ends = [_moment(claims["expiryTime"])] if claims.get("expiryTime") is not None else []
    if claims.get("exp") is not None:  # none has one today; who sets it means it (RFC 7519 section 4.1.4)
        end = _seconds(claims["exp"], "exp")
        if end is None:
            raise JwtRefusedError(Refusal.INCOMPLETE, "exp")
        ends.append(end)
    issued = _seconds(claims.get("iat"), "iat")
    if issued is not None and issued > now + _SKEW:
        raise JwtRefusedError(Refusal.FROM_THE_FUTURE)
    if ends:
        if min(ends) <= now:
            raise JwtRefusedError(Refusal.EXPIRED)
    elif issued is None:
        raise JwtRefusedError(Refusal.INCOMPLETE, "iat")
    elif now - issued > FRESH_FOR:
        raise JwtRefusedError(Refusal.TOO_OLD)


def _seconds(value: object, name: str) -> datetime | None:
    """A moment in seconds since 1970; None when it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise JwtRefusedError(Refusal.INCOMPLETE, name) from exc


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
    """The EC keys of a JWK set (RFC 7517 section 5) by their ids; others and broken ones are passed over."""
    try:
        listed = msgspec.json.decode(body)["keys"]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, KeyError, TypeError) as exc:
        raise TransientError(f"{url} has no key set: {type(exc).__name__}") from exc
    if not isinstance(listed, list):
        raise TransientError(f"{url} has no key set: the keys are no list")
    found, broken = {}, 0
    for entry in listed:
        try:
            if entry.get("kty") == "EC" and entry.get("crv") == "P-256" and isinstance(entry.get("kid"), str):
                found[entry["kid"]] = jwt.PyJWK(entry, algorithm="ES256")
        except (jwt.PyJWTError, KeyError, TypeError, AttributeError, ValueError):
            broken += 1
    if broken and not found:
        raise TransientError(f"{url} has no key set: none of its keys can be read")
    return found
