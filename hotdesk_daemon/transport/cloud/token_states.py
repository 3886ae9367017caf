"""How we stand with the cloud by our tokens, and who is told of it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hotdesk_daemon.transport.cloud.installation import Installation


class TokenState(StrEnum):
    """How we stand with the cloud."""

    NONE = "not activated"
    VALID = "valid"
    FAILING = "failing"  # cannot be renewed, stored or looked at now; the token in hand may still be good
    REAUTHORISE = "reauthorise"  # the cloud refused the refresh token: a person must activate anew


class TokenWatch(Protocol):
    """Who is told when the state changes; once each."""

    def token_state(self, state: TokenState, *, cause: str) -> None:
        """The state is another one now."""

    def installation_changed(self, installation: Installation) -> None:
        """The installation is a new one or somewhere else, whether a person activated or an action said so."""
