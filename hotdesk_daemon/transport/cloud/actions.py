"""
Actions: what an administrator or the cloud does to the installation itself.

They come as signed tokens, by the queue or to an address of ours. What a token changes, and that its id is used up, is
on the disk in one step before it is handed on: nobody can have it acted on twice, and what could not be written may be
handed in again (Webex Workspace Integrations guide, "Actions").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.transport.cloud.activation import access_of, granted, scopes_of
from hotdesk_daemon.transport.cloud.jwts import JwtRefusedError, Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.transport.cloud.installation import Installation
    from hotdesk_daemon.transport.cloud.jwts import Claims, JwtVerifier
    from hotdesk_daemon.transport.cloud.tokens import TokenKeeper


@attrs.frozen(kw_only=True)
class Action:
    """An action that was verified, and stored as far as it changes what lasts."""


@attrs.frozen(kw_only=True)
class UpdateAction(Action):
    """Another refresh token, another place of the installation, or both: the organisation moved."""

    moved: bool


@attrs.frozen(kw_only=True)
class ApprovedAction(Action):
    """An administrator approved other scopes or paths."""


@attrs.frozen(kw_only=True)
class DeprovisionAction(Action):
    """The integration is removed from the organisation; its tokens are gone already."""


@attrs.frozen(kw_only=True)
class HealthCheckAction(Action):
    """The cloud wants to know how we are."""


@attrs.frozen(kw_only=True)
class ProvisionAction(Action):
    """An activation code that came by another way than a person; it is not acted on while an activation lives."""


class Actions:
    """Takes the action tokens of one organisation."""

    def __init__(self, *, verifier: JwtVerifier, keeper: TokenKeeper) -> None:
        self._verifier = verifier
        self._keeper = keeper

    async def take(self, token: str, *, came: datetime | None = None) -> Action:
        """
        Verify an action, make what it changes last, and say what it was; *came* is when, if it had to wait.

        Raises:
            JwtRefusedError: it is not taken; nothing has changed.
            TransientError: it cannot be verified or stored now; it may be handed in again.
        """
        held = self._keeper.installation
        if held is None:
            raise TransientError("there is no activation that an action could be for")
        claims = await self._verifier.verify(token, organisation=held.organisation, used=held.jtis, came=came)
        action = _action(claims)
        if action is None:
            raise JwtRefusedError(Refusal.WRONG_ACTION, claims.action[:40])
        if isinstance(action, DeprovisionAction):
            if not await self._keeper.forget(claims.jti):
                raise JwtRefusedError(Refusal.REPLAYED)
        else:
            await self._keeper.change(lambda found: _changed(found, claims))
        return action


def _action(claims: Claims) -> Action | None:
    match claims.action:
        case "update":
            return UpdateAction(moved=claims.text("appUrl") is not None)
        case "updateApproved":
            return ApprovedAction()
        case "deprovision":
            return DeprovisionAction()
        case "healthCheck":
            return HealthCheckAction()
        case "provision":
            return ProvisionAction()
        case _:
            return None


def _changed(found: Installation, claims: Claims) -> Installation:
    """*found* with what the action says, and with its id used up."""
    if claims.jti in found.jtis:  # two of the same at once: the other one was first
        raise JwtRefusedError(Refusal.REPLAYED)
    new = found.with_jti(claims.jti)
    if claims.action == "update":
        token, url = claims.text("refreshToken"), claims.address("appUrl")
        if token is not None:
            new = attrs.evolve(new, refresh_token=token, access_token=None, access_expires_at=None)
        if url is not None:
            new = attrs.evolve(new, app_url=url, poll_url=None, region=claims.text("region") or found.region)
    elif claims.action == "updateApproved":
        access, scopes = claims.all.get("xapiAccess"), claims.all.get("scopes")
        lacking = ["scopes"] if not isinstance(scopes, str | list) else []
        lacking += ["xapiAccess"] if access_of(access) is None else []
        if lacking:  # taken over as it is, it would take all away
            raise JwtRefusedError(Refusal.INCOMPLETE, ", ".join(lacking))
        statuses, commands, events = granted(access)
        new = attrs.evolve(new, scopes=scopes_of(scopes), statuses=statuses, commands=commands, events=events)
    return new
