"""
One organisation: what was activated, and what its cloud says to what the daemon asks it.

The stored access token is used while it is good. One that is over is renewed as the daemon renews it: under the same
lock, stored before it is used, and taken over by a daemon that runs beside.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import attrs

from hotdesk_daemon.app.doctor.access import look_at_access
from hotdesk_daemon.app.doctor.clocks import Skew
from hotdesk_daemon.app.doctor.cloud_devices import cloud_only, look_at_settings
from hotdesk_daemon.app.doctor.directory import look_at_directory
from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, skipped, warned
from hotdesk_daemon.app.doctor.webhooks import look_at_webhook
from hotdesk_daemon.app.organisations.authority import authority
from hotdesk_daemon.app.organisations.register import Register
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.errors import ConfigError, HotdeskError, RefusedError
from hotdesk_daemon.ops.settings import OrganisationSettings, Settings
from hotdesk_daemon.transport.cloud import (
    Budget,
    Client,
    CloudHttp,
    CloudRest,
    InstallationStore,
    Selection,
    TokenKeeper,
    TokenState,
    read_directory,
    read_supported,
    supported_url,
    uuid_of,
)
from hotdesk_daemon.xapi.cloud import WANTED_EVENTS, WANTED_STATUSES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from hotdesk_daemon.ops.settings import SelectSettings
    from hotdesk_daemon.transport.cloud import DirectoryRead, Installation
    from hotdesk_daemon.transport.cloud.http import Answer

#: The whole look at one organisation.
LOOK_S: Final = 30.0
_FAILS_BELOW: Final = timedelta(days=7)
_WARNS_BELOW: Final = timedelta(days=14)
_REMEDY_DAMAGED: Final = "remove the file and run hotdesk-daemon activate"


class _Unwatched:
    """Nobody is told of the tokens: the findings tell."""

    def token_state(self, state: TokenState, *, cause: str) -> None:
        """Nothing."""

    def installation_changed(self, installation: Installation) -> None:
        """Nothing."""


class _DatedHttp(CloudHttp):
    """Notes how far the cloud's clock is from ours, by the ``Date`` of its answers (RFC 9110 section 6.6.1)."""

    ahead_s: float | None = None
    clock: Callable[[], datetime]

    async def request(self, method: str, url: str, **how: Any) -> Answer:  # noqa: ANN401 - passed on as it is
        before = self.clock()
        answer = await super().request(method, url, **how)
        after = self.clock()
        try:
            said = parsedate_to_datetime(answer.headers.get("Date", ""))
            # Whole seconds, cut; and half of the way there and back is nobody's mistake.
            middle, slack_s = before + (after - before) / 2, (after - before).total_seconds() / 2 + 1.0
            ahead_s = (said - middle).total_seconds()
        except (TypeError, ValueError, OverflowError):  # TypeError: a date without a zone
            return answer
        self.ahead_s = 0.0 if abs(ahead_s) <= slack_s else ahead_s
        return answer


@attrs.define(kw_only=True)
class OrganisationLook:
    """An organisation to look at, and what came of it; ``stopped`` is what ended it before the end."""

    wanted: OrganisationSettings
    settings: Settings
    now: Callable[[], datetime]
    desks: frozenset[str] = frozenset()  # whose devices are asked; some of all where empty
    found: list[Finding] = attrs.field(factory=list)
    stopped: Finding | None = None
    skew: Skew | None = None

    @property
    def subject(self) -> str:
        """Its name."""
        return self.wanted.id

    async def make(self) -> None:
        """Look, in time whatever happens."""
        self.found.extend(look_at_webhook(self.wanted))
        try:
            async with asyncio.timeout(LOOK_S):
                await self._look()
        except TimeoutError:
            self.stopped = failed("organisation.api", self.subject, f"the look was not over within {LOOK_S:g} s")
        except ConfigError as exc:  # the authorities' file
            self.stopped = failed("organisation.api", self.subject, str(exc))

    async def _look(self) -> None:
        name = "organisation.installation"
        store = InstallationStore(self.settings.daemon.state_dir / "organisations" / f"{self.wanted.id}.json")
        try:
            installation = await asyncio.to_thread(store.load)
        except ConfigError as exc:
            self.stopped = failed(name, self.subject, str(exc), remedy=_REMEDY_DAMAGED)
            return
        if installation is None:
            self.stopped = failed(name, self.subject, "is not activated")
            return
        self.found.append(fine(name, self.subject, "is activated"))
        self.found.append(_refresh_token(self.subject, installation, now=self.now()))
        async with self._cloud(store) as (keeper, http, rest):
            await self._ask(installation, keeper=keeper, http=http, rest=rest)
            if http.ahead_s is not None:
                self.skew = Skew(name="organisation.clock", subject=self.subject, ahead_s=http.ahead_s)

    @asynccontextmanager
    async def _cloud(self, store: InstallationStore) -> AsyncIterator[tuple[TokenKeeper, _DatedHttp, CloudRest]]:
        """What the daemon asks its cloud with."""
        wanted = self.wanted
        tls = await asyncio.to_thread(authority, wanted.ca_file)
        connector = aiohttp.TCPConnector(ssl=tls if tls is not None else True)
        async with aiohttp.ClientSession(connector=connector) as session:
            keeper = TokenKeeper(
                store=store,
                client=Client(client_id=wanted.client_id, client_secret=wanted.client_secret.reveal()),
                session=session,
                oauth_url=wanted.oauth_url,
                now=self.now,
                mono=time.monotonic,
                sleep=_never,
                rng=random.Random(),
                watch=_Unwatched(),
            )
            budget = Budget(
                rate_per_s=wanted.rate_per_s,
                concurrency=wanted.concurrency,
                mono=time.monotonic,
                sleep=asyncio.sleep,
            )
            http = _DatedHttp(session=session, tokens=keeper, budget=budget, now=self.now)
            http.clock = self.now
            try:
                await keeper.look()
                base_url = wanted.api_url or (keeper.installation.api_url if keeper.installation is not None else "")
                yield keeper, http, CloudRest(http=http, budget=budget, base_url=base_url)
            finally:
                await keeper.close()

    async def _ask(self, installation: Installation, *, keeper: TokenKeeper, http: _DatedHttp, rest: CloudRest) -> None:
        try:
            await keeper.access()
        except HotdeskError as exc:
            if keeper.state is TokenState.REAUTHORISE:
                remedy = "run hotdesk-daemon activate with a new activation code from Control Hub"
                self.stopped = failed("organisation.refresh_token", self.subject, quoted(str(exc)), remedy=remedy)
            else:
                self.stopped = failed("organisation.api", self.subject, quoted(str(exc)))
            self._skip("organisation.directory", "organisation.subscriptions")
            self.found.extend(look_at_access(self.subject, self.wanted, self.settings, installation, proven=False))
            return
        directory = await self._directory(rest)
        proven = directory is not None
        self.found.extend(look_at_access(self.subject, self.wanted, self.settings, installation, proven=proven))
        if directory is not None:
            self.found.extend(look_at_directory(self.subject, self.settings, self.wanted, directory))
            await self._settings_of_devices(directory, rest)
        await self._pushed(http, installation)

    async def _settings_of_devices(self, directory: DirectoryRead, rest: CloudRest) -> None:
        path = self.settings.daemon.state_dir / "organisations" / f"{self.wanted.id}.desks.json"
        register = await asyncio.to_thread(Register.load, path)
        devices = list(cloud_only(self.settings, self.wanted, directory, register))
        self.found.extend(await look_at_settings(self.subject, devices, rest, desks=self.desks))

    async def _directory(self, rest: CloudRest) -> DirectoryRead | None:
        try:
            directory = await read_directory(rest, selection_of(self.wanted.select))
        except RefusedError as exc:
            self.found.append(fine("organisation.api", self.subject, "answers"))
            self.found.append(failed("organisation.directory", self.subject, quoted(str(exc))))
            return None
        except HotdeskError as exc:
            self.stopped = failed("organisation.api", self.subject, quoted(str(exc)))
            self._skip("organisation.directory")
            return None
        self.found.append(fine("organisation.api", self.subject, "answers"))
        self.found.append(
            fine("organisation.directory", self.subject, f"lists {len(directory.devices)} usable devices")
        )
        return directory

    async def _pushed(self, http: CloudHttp, installation: Installation) -> None:
        name = "organisation.subscriptions"
        try:
            supported = await read_supported(http, self.wanted.supported_url or supported_url(installation.app_url))
        except HotdeskError as exc:
            text = f"what is pushed cannot be had: {quoted(str(exc))}"
            self.found.append(warned(name, self.subject, text))
            return
        missing = supported.missing(statuses=WANTED_STATUSES, events=WANTED_EVENTS)
        if missing:
            self.found.append(warned(name, self.subject, f"the cloud does not push {', '.join(missing)}"))
        else:
            self.found.append(fine(name, self.subject, "all that is wanted is pushed"))

    def _skip(self, *names: str) -> None:
        self.found.extend(skipped(name, self.subject, "the cloud's API was not reached") for name in names)


def selection_of(select: SelectSettings) -> Selection:
    """The selection of desks as the directory's reading takes it."""
    return Selection(
        tags=frozenset(select.tags),
        locations=frozenset(map(uuid_of, select.locations)),
        workspaces=frozenset(map(uuid_of, select.workspaces)),
        hotdesking_only=select.hotdesking_only,
    )


def _refresh_token(subject: str, installation: Installation, *, now: datetime) -> Finding:
    name, expires = "organisation.refresh_token", installation.refresh_expires_at
    if expires is None:
        return fine(name, subject, "when it ends is not known")
    left = expires - now
    text = f"the refresh token lasts until {expires:%Y-%m-%d}, {left.days} days"
    if left <= timedelta():
        return failed(name, subject, f"the refresh token is over since {expires:%Y-%m-%d}")
    if left < _FAILS_BELOW:
        return failed(name, subject, text)
    if left < _WARNS_BELOW:
        return warned(name, subject, text)
    return fine(name, subject, text)


def _never(_seconds: float) -> Awaitable[None]:
    raise AssertionError("only `TokenKeeper.run` waits, and nobody runs it")
