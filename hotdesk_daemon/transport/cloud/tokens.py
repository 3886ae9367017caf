"""
Keeping an organisation's tokens good.

The access token is renewed well before it ends, and when the cloud refuses it; the refresh token renews itself with
each use. Whatever comes back is on the disk before it is used: a refresh token that rotated away and was lost in a
crash would lock us out. So a renewal goes on to its end whoever gives up waiting for it, and what cannot be written is
kept in memory and written first thing when it can be. A renewal that fails is tried again for ever. Only the cloud's
plain no ends that, and then a person must run ``activate``, which is noticed by itself.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Never

import attrs

from hotdesk_daemon.core.errors import ConfigError, TransientError
from hotdesk_daemon.transport.cloud.installation import Installation, Remains
from hotdesk_daemon.transport.cloud.oauth import Client, TokenRefusedError, refreshed
from hotdesk_daemon.transport.cloud.token_states import TokenState, TokenWatch
from hotdesk_daemon.transport.cloud.undertakings import STOP_S, Undertakings, outcome

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    import aiohttp

    from hotdesk_daemon.transport.cloud.installation import InstallationStore

#: The access token lasts 18 hours: renewed an hour before its end, or at half of what is left if that is less.
_EARLY: Final = timedelta(hours=1)
#: The refresh token lasts 90 days and starts anew with a use at most once a day, so this keeps it young.
_REFRESH_HALF: Final = timedelta(days=45)
_REFRESH_AGAIN_S: Final = 86_400.0
_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 300.0
_MOST_DOUBLINGS: Final = 10
#: How often the file is looked at, which ``activate`` may have written.
LOOK_EVERY: Final = timedelta(seconds=30)

_NOT_ACTIVATED: Final = "not activated yet: run hotdesk-daemon activate"
_REMOVED: Final = "the integration was removed: run hotdesk-daemon activate"


@attrs.frozen
class _Unstored:
    """New tokens that are not on the disk yet, and what they were got with."""

    held: Installation
    new: Installation


class TokenKeeper:
    """
    The source of one organisation's access tokens.

    Args:
        store: where the installation lasts.
        client: who we are.
        session: makes the requests.
        oauth_url: in place of the installation's own.
        now: the site's time, which tokens last by.
        mono, sleep: its seconds, which waits are measured in; nobody can set them.
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
        mono: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
        watch: TokenWatch,
    ) -> None:
        self.state = TokenState.NONE
        self._is_told = False
        self.cause = _NOT_ACTIVATED
        self.installation: Installation | None = None
        self._store = store
        self._client = client
        self._session = session
        self._oauth_url = oauth_url
        self._now = now
        self._mono = mono
        self._sleep = sleep
        self._rng = rng
        self._watch = watch
        self._one_at_a_time = asyncio.Lock()
        self._under_way = Undertakings(f"tokens {store.path.stem}")
        self._renewal: asyncio.Task[str] | None = None
        self._absence = _NOT_ACTIVATED  # why there is no installation
        self._refusal = ""  # what the cloud's plain no was
        self._failure = ""  # why there are no new tokens at present
        self._damage = ""  # why the file cannot be looked at
        self._unstored: _Unstored | None = None
        self._failures = 0
        self._pause_until_mono = -math.inf
        self._renew_at: datetime | None = None
        self._refreshed_mono = -math.inf

    @property
    def has_good_token(self) -> bool:
        """Whether there is an access token that is not over, as far as we know."""
        is_refused = self.state in (TokenState.NONE, TokenState.REAUTHORISE)
        return not is_refused and self._good(rejected=None) is not None

    # --- the source of tokens ----------------------------------------------------------------------------------------

    async def access(self) -> str:
        """
        Give a token that should be good.

        Raises:
            TransientError: there is none at present; `run` keeps trying, unless a person is needed.
        """
        token = self._good(rejected=None)
        return token if token is not None else await self._renewed(rejected=None)

    async def renewed(self, rejected: str) -> str:
        """
        Give another token than *rejected*; whoever comes meanwhile waits for the same one.

        Raises:
            TransientError: there is none at present.
        """
        return await self._renewed(rejected=rejected)

    async def _renewed(self, *, rejected: str | None) -> str:
        while True:
            running = self._renewal
            if running is None or running.done():
                self._renewal = self._under_way.begin(self._renew(rejected), name="renewal")
                return await outcome(self._renewal)
            token = await outcome(running)
            if token != rejected:  # else it was begun by somebody whom another one was refused
                return token

    def _good(self, *, rejected: str | None) -> str | None:
        """The token in hand, if there is one that is neither *rejected* nor over."""
        held = self.installation
        if held is None or held.access_token in (None, rejected):
            return None
        is_over = held.access_expires_at is not None and held.access_expires_at <= self._now()
        return None if is_over else held.access_token

    # --- renewing ----------------------------------------------------------------------------------------------------

    async def _renew(self, rejected: str | None) -> str:
        """Another token than *rejected*; runs to its end in a task of its own."""
        async with self._one_at_a_time:
            token = self._good(rejected=rejected)
            if token is not None:
                return token
            if self._mono() < self._pause_until_mono:
                raise TransientError(f"no access token: {self.cause}")
            is_new = self._mono() - self._refreshed_mono < _FIRST_WAIT_S
            if is_new and self.installation is not None and self.installation.access_token == rejected is not None:
                # It is not the token's fault: each request would have another one renewed for nothing.
                raise TransientError("no access token: the cloud refuses the one that it has just given")
            if self._unstored is not None:
                await self._store_new(self._unstored)
                token = self._good(rejected=rejected)
                if token is not None:
                    return token
            self._unstored = await self._ask()
            token = await self._store_new(self._unstored)
            if token is None:  # another process activates; its token comes with the next look
                raise TransientError("the organisation is being activated anew")
            return token

    async def _ask(self) -> _Unstored:
        """Get new tokens."""
        held = self.installation
        if held is None or self._refusal:
            raise TransientError(f"no access token: {self.cause}")
        url = self._oauth_url or held.oauth_url
        try:
            new = await refreshed(held, session=self._session, client=self._client, url=url, now=self._now())
        except TokenRefusedError as exc:
            self._refusal = f"{exc}: run hotdesk-daemon activate"
            self._settle()
            raise TransientError(f"no access token: {exc}") from exc
        except TransientError as exc:
            self._failed(str(exc), pause_s=exc.retry_after_s)
            raise
        return _Unstored(held, new)

    async def _store_new(self, unstored: _Unstored) -> str | None:
        """Make new tokens last, and only then use them; None when another process has none yet."""
        try:
            stored = await asyncio.to_thread(self._keep, unstored)
        except (OSError, ConfigError) as exc:
            self._failed(f"the tokens cannot be stored: {exc}", pause_s=None)
            raise TransientError(f"no access token: {self.cause}") from exc
        self._unstored, self._failures, self._failure, self._damage = None, 0, "", ""
        self._pause_until_mono = -math.inf
        self._refreshed_mono = self._mono()
        self._take(stored)
        self._settle()
        return stored.access_token

    def _keep(self, unstored: _Unstored) -> Installation:
        """Write the tokens unless the file has moved on: then what the other process wrote stands."""
        new = unstored.new

        def how(found: Installation | None) -> Installation | None:
            if found is None or found.refresh_token != unstored.held.refresh_token:
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
        # A pause that is over already must not let us ask without end.
        self._pause_until_mono = self._mono() + max(pause_s, _FIRST_WAIT_S / 2)
        self._failure = cause
        self._settle()

    # --- the state ---------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Say how we stand, by all that is known; without effect when nothing is new."""
        held, trouble = self.installation, self._failure or self._damage
        if held is None and not self._damage:
            self._turn(TokenState.NONE, self._absence)
        elif self._refusal:
            self._turn(TokenState.REAUTHORISE, self._refusal)
        elif trouble:
            self._turn(TokenState.FAILING, trouble)
        elif held is not None and held.access_token is not None:
            self._turn(TokenState.VALID, "")
        elif self.state is TokenState.REAUTHORISE:  # another refresh token, which nobody has used yet
            self.state = TokenState.NONE

    def _turn(self, state: TokenState, cause: str) -> None:
        is_new = state is not self.state or not self._is_told
        self.state, self.cause, self._is_told = state, cause, True
        if is_new:
            self._watch.token_state(state, cause=cause)

    def _take(self, installation: Installation) -> None:
        before = self.installation
        self.installation = installation
        if before is None or (before.access_token, before.access_expires_at) != (
            installation.access_token,
            installation.access_expires_at,
        ):
            self._renew_at = self._time_to_renew(installation)
        if before is None or (before.app_url, before.activated_at) != (installation.app_url, installation.activated_at):
            self._watch.installation_changed(installation)

    def _time_to_renew(self, installation: Installation) -> datetime | None:
        end, now = installation.access_expires_at, self._now()
        return None if end is None else max(end - _EARLY, now + (end - now) / 2)

    def _follow(self, found: Installation) -> None:
        """Go on with what stands on the disk."""
        held = self.installation
        if held is None or (found.refresh_token, found.activated_at) != (held.refresh_token, held.activated_at):
            # What was said of the old token does not count.
            self._refusal, self._failure, self._failures, self._pause_until_mono = "", "", 0, -math.inf
            self._unstored = None
        self._take(found)

    def _let_go(self) -> None:
        """There is no installation any more."""
        self.installation, self._unstored, self._absence = None, None, _REMOVED
        self._refusal, self._failure, self._failures, self._pause_until_mono = "", "", 0, -math.inf

    # --- for ever ----------------------------------------------------------------------------------------------------

    async def change(self, how: Callable[[Installation], Installation]) -> Installation:
        """
        Take over what an action says: stored first, then used.

        Raises:
            TransientError: it cannot be stored now.
        """
        return await outcome(self._under_way.begin(self._change(how), name="change"))

    async def _change(self, how: Callable[[Installation], Installation]) -> Installation:
        async with self._one_at_a_time:
            try:
                stored = await asyncio.to_thread(self._store.change, lambda found: how(found) if found else None)
            except (OSError, ConfigError) as exc:
                raise TransientError(f"what the cloud says cannot be stored: {exc}") from exc
            if stored is None:
                raise TransientError("there is no activation that could change")
            self._damage = ""
            self._follow(stored)
            self._settle()
            return stored

    async def forget(self, jti: str | None = None) -> bool:
        """
        Remove the installation with its tokens, and use up the *jti* of what says so, in one step.

        False, and nothing happens, when that was used up before.

        Raises:
            TransientError: it cannot be removed now; nothing has changed.
        """
        return await outcome(self._under_way.begin(self._forget(jti), name="removal"))

    async def _forget(self, jti: str | None) -> bool:
        async with self._one_at_a_time:
            try:
                if jti is None:
                    await asyncio.to_thread(self._store.change, lambda _: None)
                elif not await asyncio.to_thread(self._store.remove, jti):
                    return False
            except (OSError, ConfigError) as exc:
                raise TransientError(f"the activation cannot be removed: {exc}") from exc
            self._damage = ""
            self._let_go()
            self._settle()
            return True

    async def look(self) -> None:
        """Take over what another process has written; without effect when nothing is new."""
        async with self._one_at_a_time:
            try:
                found = await asyncio.to_thread(self._store.look)
            except ConfigError as exc:
                self._damage = str(exc)
                self._settle()
                return
            self._damage = ""
            held = self.installation
            if isinstance(found, Installation):
                if held is None or found.generation != held.generation:
                    self._follow(found)
            elif isinstance(found, Remains) and held is not None:
                self._let_go()
            self._settle()

    async def close(self) -> None:
        """Let what is under way come to its end, where nobody ran `run`; afterwards nothing is renewed any more."""
        await self._end()

    async def run(self) -> Never:
        """Keep the tokens good until cancelled; what is under way then has a while to come to its end."""
        self._under_way.open()
        try:
            while True:
                await self.look()
                if self._wants_renewal():
                    with suppress(TransientError):  # told already, and tried again below
                        await self._renewed(rejected=self.installation.access_token if self.installation else None)
                await self._sleep(LOOK_EVERY.total_seconds())
        finally:
            await self._end()

    def _wants_renewal(self) -> bool:
        held = self.installation
        if held is None or self._refusal:
            return False
        now = self._now()
        is_due = self._renew_at is None or now >= self._renew_at
        if self._unstored is not None or held.access_token is None or is_due:
            return True
        is_old = held.refresh_expires_at is not None and now >= held.refresh_expires_at - _REFRESH_HALF
        return is_old and self._mono() - self._refreshed_mono >= _REFRESH_AGAIN_S

    # --- the end -----------------------------------------------------------------------------------------------------

    async def _end(self) -> None:
        """Let what is under way come to its end, and write what is not written yet; bounded."""
        await self._under_way.close()
        if self._unstored is not None:
            with suppress(OSError, ConfigError):  # TimeoutError is an OSError
                async with asyncio.timeout(STOP_S):
                    await asyncio.to_thread(self._keep, self._unstored)
