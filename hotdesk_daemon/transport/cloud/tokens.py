"""
Keeping an organisation's tokens good.

The access token is renewed well before it ends, and when the cloud refuses it; the refresh token renews itself with
each use. Whatever comes back is on the disk before it is used: a refresh token that rotated away and was lost in a
crash would lock us out. A refresh that fails is tried again for ever. Only the cloud's plain no ends that, and then a
person must run ``activate``, which is noticed by itself.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Never, Protocol

import attrs

from hotdesk_daemon.core.errors import ConfigError, TransientError
from hotdesk_daemon.transport.cloud.oauth import Client, TokenRefusedError, refreshed

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    import aiohttp

    from hotdesk_daemon.transport.cloud.installation import Installation, InstallationStore

#: The access token lasts 18 hours: renewed an hour before its end, or at half of what is left if that is less.
_EARLY: Final = timedelta(hours=1)
#: The refresh token lasts 90 days and starts anew with a use at most once a day, so this keeps it young.
_REFRESH_HALF: Final = timedelta(days=45)
_REFRESH_AGAIN: Final = timedelta(days=1)
_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 300.0
_MOST_DOUBLINGS: Final = 10
#: How often the file is looked at, which ``activate`` may have written.
LOOK_EVERY: Final = timedelta(seconds=30)


class TokenState(StrEnum):
    """How we stand with the cloud."""

    NONE = "not activated"
    VALID = "valid"
    FAILING = "failing"  # cannot be renewed at present; the old token may still be good
    REAUTHORISE = "reauthorise"  # the cloud refused the refresh token: a person must activate anew


class TokenWatch(Protocol):
    """Who is told when the state changes; once each."""

    def token_state(self, state: TokenState, *, cause: str) -> None:
        """The state is another one now."""

    def installation_changed(self, installation: Installation) -> None:
        """Another process activated, or an action said something new."""


class TokenKeeper:
    """
    The source of one organisation's access tokens.

    Args:
        store: where the installation lasts.
        client: who we are.
        session: makes the requests.
        oauth_url: in place of the installation's own.
        now, sleep_until: the site's time, which tokens last by.
        sleep: the machine's, waits between tries.
        rng: draws the jitter.
        watch: told of changes.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        *,
        store: InstallationStore,
        client: Client,
        session: aiohttp.ClientSession,
        oauth_url: str | None,
        now: Callable[[], datetime],
        sleep_until: Callable[[datetime], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
        watch: TokenWatch,
    ) -> None:
        self.state = TokenState.NONE
        self.cause = "not activated yet: run hotdesk-daemon activate"
        self.installation: Installation | None = None
        self._store = store
        self._client = client
        self._session = session
        self._oauth_url = oauth_url
        self._now = now
        self._sleep_until = sleep_until
        self._sleep = sleep
        self._rng = rng
        self._watch = watch
        self._one_at_a_time = asyncio.Lock()
        self._failures = 0
        self._pause_until: datetime | None = None
        self._refreshed_at: datetime | None = None

    # --- the source of tokens ----------------------------------------------------------------------------------------

    async def access(self) -> str:
        """
        Give a token that should be good.

        Raises:
            TransientError: there is none, and `run` is at it.
        """
        held = self.installation
        if held is not None and held.access_token is not None and not self._is_over(held):
            return held.access_token
        return await self._renewed(rejected=held.access_token if held is not None else None)

    async def renewed(self, rejected: str) -> str:
        """
        Give another token than *rejected*; whoever comes meanwhile waits for the same one.

        Raises:
            TransientError: there is none at present.
        """
        return await self._renewed(rejected=rejected)

    async def _renewed(self, *, rejected: str | None) -> str:
        async with self._one_at_a_time:
            held = self.installation
            if held is not None and held.access_token not in (None, rejected) and not self._is_over(held):
                return held.access_token or ""
            if self._pause_until is not None and self._now() < self._pause_until:
                raise TransientError(f"no access token: {self.cause}")
            return await self._refresh()

    def _is_over(self, held: Installation) -> bool:
        return held.access_expires_at is not None and held.access_expires_at <= self._now()

    # --- refreshing --------------------------------------------------------------------------------------------------

    async def _refresh(self) -> str:
        """Get new tokens and make them last; the caller holds the lock."""
        held = self.installation
        if held is None or self.state is TokenState.REAUTHORISE:
            raise TransientError(f"no access token: {self.cause}")
        url = self._oauth_url or held.oauth_url
        try:
            new = await refreshed(held, session=self._session, client=self._client, url=url, now=self._now())
            stored = await asyncio.to_thread(self._keep, held, new)
        except TokenRefusedError as exc:
            self._turn(TokenState.REAUTHORISE, f"{exc}: run hotdesk-daemon activate")
            raise TransientError(f"no access token: {exc}") from exc
        except TransientError as exc:
            self._failed(str(exc), pause_s=exc.retry_after_s)
            raise
        except (OSError, ConfigError) as exc:
            self._failed(f"the tokens cannot be stored: {exc}", pause_s=None)
            raise TransientError(f"no access token: {self.cause}") from exc
        self._failures, self._pause_until, self._refreshed_at = 0, None, self._now()
        self._take(stored)
        self._turn(TokenState.VALID, "")
        if stored.access_token is None:  # another process activated meanwhile; its token comes with the next look
            raise TransientError("the organisation is being activated anew")
        return stored.access_token

    def _keep(self, held: Installation, new: Installation) -> Installation:
        """Write *new* unless the file has moved on from *held*: then what the other process wrote stands."""

        def how(found: Installation | None) -> Installation | None:
            if found is None or found.refresh_token != held.refresh_token:
                return found
            return attrs.evolve(
                found,
                access_token=new.access_token,
                access_expires_at=new.access_expires_at,
                refresh_token=new.refresh_token,
                refresh_expires_at=new.refresh_expires_at,
            )

        stored = self._store.change(how)
        if stored is None:
            raise OSError(f"{self._store.path} is gone")
        return stored

    def _failed(self, cause: str, *, pause_s: float | None) -> None:
        self._failures += 1
        if pause_s is None:
            most_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures - 1, _MOST_DOUBLINGS))
            pause_s = self._rng.uniform(most_s / 2, most_s)
        self._pause_until = self._now() + timedelta(seconds=pause_s)
        self._turn(TokenState.FAILING, cause)

    def _turn(self, state: TokenState, cause: str) -> None:
        if state is not self.state:
            self.state, self.cause = state, cause
            self._watch.token_state(state, cause=cause)
        self.cause = cause

    def _take(self, installation: Installation) -> None:
        before = self.installation
        self.installation = installation
        if before is None or (before.app_url, before.activated_at) != (installation.app_url, installation.activated_at):
            self._watch.installation_changed(installation)

    # --- for ever ----------------------------------------------------------------------------------------------------

    async def change(self, how: Callable[[Installation], Installation]) -> Installation:
        """
        Take over what an action says: stored first, then used.

        Raises:
            TransientError: it cannot be stored now.
        """
        async with self._one_at_a_time:
            try:
                stored = await asyncio.to_thread(self._store.change, lambda found: how(found) if found else None)
            except (OSError, ConfigError) as exc:
                raise TransientError(f"what the cloud says cannot be stored: {exc}") from exc
            if stored is None:
                raise TransientError("there is no activation that could change")
            if self.installation is None or stored.refresh_token != self.installation.refresh_token:
                self._begin_anew()
            self._take(stored)
            return stored

    async def forget(self) -> None:
        """Remove the installation with its tokens."""
        async with self._one_at_a_time:
            await asyncio.to_thread(self._store.change, lambda _: None)
            self.installation = None
            self._turn(TokenState.NONE, "the integration was removed: run hotdesk-daemon activate")

    async def look(self) -> None:
        """Take over what another process has written; without effect when nothing is new."""
        async with self._one_at_a_time:
            try:
                found = await asyncio.to_thread(self._store.load)
            except ConfigError as exc:
                self._turn(TokenState.FAILING, str(exc))
                return
            held = self.installation
            if found is None or (held is not None and found.generation == held.generation):
                return
            if held is None or found.refresh_token != held.refresh_token:
                self._begin_anew()
            self._take(found)
            if self.state in (TokenState.NONE, TokenState.REAUTHORISE) and found.access_token is not None:
                self._turn(TokenState.VALID, "")

    def _begin_anew(self) -> None:
        """Another refresh token: what was said of the old one does not count."""
        self._failures, self._pause_until = 0, None
        if self.state is TokenState.REAUTHORISE:
            self.state = TokenState.NONE

    async def run(self) -> Never:
        """Keep the tokens good until cancelled."""
        while True:
            await self.look()
            if self._wants_refresh():
                with suppress(TransientError):  # told already, and tried again below
                    await self._renewed(rejected=self.installation.access_token if self.installation else None)
            await self._sleep_until(self._now() + LOOK_EVERY)

    def _wants_refresh(self) -> bool:
        held = self.installation
        if held is None or self.state is TokenState.REAUTHORISE:
            return False
        now = self._now()
        if held.access_token is None or held.access_expires_at is None or now >= held.access_expires_at - _EARLY:
            return True
        is_old = held.refresh_expires_at is not None and now >= held.refresh_expires_at - _REFRESH_HALF
        return is_old and (self._refreshed_at is None or now - self._refreshed_at >= _REFRESH_AGAIN)
