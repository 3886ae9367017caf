"""Tokens that must not be taken, made out of good ones, each with the reason that it is refused for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hotdesk_daemon.simulator.cloud.ids import public_id, uuid_for
from hotdesk_daemon.transport.cloud import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.simulator.cloud import SimulatedCloud
    from hotdesk_daemon.simulator.cloud.signing import SigningKey

Forge = Callable[["SimulatedCloud", str], str]

SOMEBODY_ELSE: Final = public_id("ORGANIZATION", uuid_for("somebody else"))


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def packed(content: object) -> str:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def signed(key: SigningKey, content: object, **header: object) -> str:
    """Any content under any header, signed with ES256 whatever the header says."""
    said = {"alg": "ES256", "typ": "JWT", "kid": key.kid, **header}
    text = f"{packed({name: value for name, value in said.items() if value is not None})}.{packed(content)}"
    proof = jwt.get_algorithm_by_name("ES256").sign(text.encode(), key.private)
    return f"{text}.{packed(proof)}"


def altered(alter: Callable[[str], str]) -> Forge:
    """The text of a good token, altered."""
    return lambda _, good: alter(good)


def holding(content: object) -> Forge:
    """Something that is no claims, well signed."""
    return lambda cloud, _: signed(cloud.key, content)


def saying(**changes: object) -> Forge:
    """Claims of the cloud's own, well signed; None takes one away."""

    def forge(cloud: SimulatedCloud, good: str) -> str:
        claims = claims_of(good) | changes
        return signed(cloud.key, {name: value for name, value in claims.items() if value is not None})

    return forge


def issued(ago: timedelta, **changes: object) -> Forge:
    """Without an end of its own, issued so long ago."""

    def forge(cloud: SimulatedCloud, good: str) -> str:
        at = cloud.organisations[0].now() - ago
        return saying(iat=int(at.timestamp()), expiryTime=None, **changes)(cloud, good)

    return forge


def ending(later: timedelta) -> Forge:
    def forge(cloud: SimulatedCloud, good: str) -> str:
        return saying(expiryTime=(cloud.organisations[0].now() + later).isoformat())(cloud, good)

    return forge


def expiring(later: timedelta, **changes: object) -> Forge:
    """With the end of a standard token, beside whatever else it has."""

    def forge(cloud: SimulatedCloud, good: str) -> str:
        at = cloud.organisations[0].now() + later
        return saying(exp=at.timestamp(), **changes)(cloud, good)

    return forge


def under(**header: object) -> Forge:
    """The same claims under another header, signed by the cloud."""
    return lambda cloud, good: signed(cloud.key, claims_of(good), **header)


def by_stranger(**header: object) -> Forge:
    """The same claims signed by somebody else, who names the cloud's key."""

    def forge(cloud: SimulatedCloud, good: str) -> str:
        return signed(cloud.strangers_key, claims_of(good), **({"kid": cloud.key.kid} | header))

    return forge


def with_own_key(cloud: SimulatedCloud, good: str) -> str:
    """The key to verify with is brought along."""
    return by_stranger(jwk=cloud.strangers_key.public())(cloud, good)


def with_key_elsewhere(cloud: SimulatedCloud, good: str) -> str:
    """The key to verify with is said to be at an address."""
    return by_stranger(jku=f"{cloud.url}/elsewhere", x5u=f"{cloud.url}/elsewhere")(cloud, good)


def public_key_as_secret(cloud: SimulatedCloud, good: str) -> str:
    """HS256 with the cloud's public key for a secret, which whoever mixes up algorithms takes for good."""
    pem = cloud.key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{packed({'alg': 'HS256', 'kid': cloud.key.kid})}.{packed(claims_of(good))}"
    return f"{text}.{packed(hmac.new(pem, text.encode(), hashlib.sha256).digest())}"


def unsigned(cloud: SimulatedCloud, good: str) -> str:
    return f"{packed({'alg': 'none', 'kid': cloud.key.kid})}.{packed(claims_of(good))}."


def with_claims_exchanged(cloud: SimulatedCloud, good: str) -> str:
    header, _, proof = good.split(".")
    return f"{header}.{packed(claims_of(good) | {'appUrl': 'https://elsewhere.example.com'})}.{proof}"


#: By what is wrong. Which organisation, which id and which action it is for are tested where they are known.
FORGERIES: Final[Mapping[str, tuple[Forge, Refusal]]] = {
    "nothing": (altered(lambda _: ""), Refusal.MALFORMED),
    "a word": (altered(lambda _: "hello"), Refusal.MALFORMED),
    "no signature at all": (altered(lambda good: good.rpartition(".")[0]), Refusal.MALFORMED),
    "half a character": (altered(lambda good: "\ud800." + good), Refusal.MALFORMED),
    "endless": (altered(lambda good: good + "a" * 40_000), Refusal.MALFORMED),
    "a list for claims": (holding([1]), Refusal.MALFORMED),
    "claims without end": (holding(b'{"a":' * 4_000), Refusal.MALFORMED),
    "a number for kid": (under(kid=7), Refusal.MALFORMED),
    "alg none": (unsigned, Refusal.ALGORITHM),
    "alg HS256 with the public key": (public_key_as_secret, Refusal.ALGORITHM),
    "alg in small letters": (under(alg="es256"), Refusal.ALGORITHM),
    "alg ES384": (under(alg="ES384"), Refusal.ALGORITHM),
    "unknown kid": (under(kid="nobody"), Refusal.UNKNOWN_KEY),
    "no kid": (under(kid=None), Refusal.UNKNOWN_KEY),
    "empty kid": (under(kid=""), Refusal.UNKNOWN_KEY),
    "a stranger's key": (by_stranger(), Refusal.SIGNATURE),
    "a stranger's key brought along": (with_own_key, Refusal.SIGNATURE),
    "a stranger's key at an address": (with_key_elsewhere, Refusal.SIGNATURE),
    "other claims": (with_claims_exchanged, Refusal.SIGNATURE),
    "signature cut": (altered(lambda good: good.rpartition(".")[0] + "."), Refusal.SIGNATURE),
    "a number for jti": (saying(jti=7), Refusal.NO_ID),
    "no jti": (saying(jti=None), Refusal.NO_ID),
    "empty jti": (saying(jti=""), Refusal.NO_ID),
    "over": (ending(timedelta(seconds=-1)), Refusal.EXPIRED),
    "over just now": (ending(timedelta(0)), Refusal.EXPIRED),
    "over by exp": (expiring(timedelta(0)), Refusal.EXPIRED),
    "over by exp alone": (expiring(timedelta(seconds=-1), expiryTime=None), Refusal.EXPIRED),
    "over but not by exp": (expiring(timedelta(days=1), expiryTime="2026-05-04T07:59:59Z"), Refusal.EXPIRED),
    "a word for exp": (saying(exp="tomorrow"), Refusal.INCOMPLETE),
    "true for exp": (saying(exp=True), Refusal.INCOMPLETE),
    "an exp beyond all dates": (saying(exp=1e300), Refusal.INCOMPLETE),
    "half a character in a claim": (saying(orgName="\ud800"), Refusal.MALFORMED),
    "issued too long ago": (issued(timedelta(minutes=5, seconds=1)), Refusal.TOO_OLD),
    "issued in the future": (issued(timedelta(minutes=-3)), Refusal.FROM_THE_FUTURE),
    "no time at all": (saying(iat=None, expiryTime=None), Refusal.INCOMPLETE),
    "a date that is none": (saying(expiryTime="tomorrow"), Refusal.INCOMPLETE),
    "issued beyond all dates": (saying(iat=1e18), Refusal.INCOMPLETE),
    "another app": (saying(appId="11111111-2222-3333-4444-555555555555"), Refusal.WRONG_APP),
    "no app": (saying(appId=None), Refusal.WRONG_APP),
    "no organisation": (saying(sub=None), Refusal.INCOMPLETE),
    "an organisation that is none": (saying(sub="c29tZWJvZHk"), Refusal.INCOMPLETE),
    "a number for organisation": (saying(sub=7), Refusal.INCOMPLETE),
    "no action": (saying(action=None), Refusal.INCOMPLETE),
    "a number for action": (saying(action=7), Refusal.INCOMPLETE),
}
