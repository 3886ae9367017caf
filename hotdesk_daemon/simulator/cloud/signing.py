"""
The key that the simulated cloud signs its tokens (JWT) with.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Mapping


class SigningKey:
    """An EC P-256 key with its id."""

    def __init__(self, kid: str = "simulated-1") -> None:
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return *claims* as a signed token."""
        return jwt.encode(dict(claims), self.private, algorithm="ES256", headers={"kid": self.kid})

    def public(self) -> dict[str, str]:
        """Return the public half as a JWK."""
        numbers = self.private.public_key().public_numbers()
        point = {"x": _number(numbers.x), "y": _number(numbers.y)}
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "alg": "ES256", **point}


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(32, "big")).decode().rstrip("=")
