"""
One organisation of the Webex cloud, from its activation to its last message.

Its life: without an activation it waits for one. With one it keeps the tokens, tells the cloud where to send, hears,
reads the directory, and takes its desks in and lets them go. A dead refresh token, a mute cloud or a flood is its own
affair: its desks grow stale and stay readable, those of others do not notice.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final, Never

import attrs

from hotdesk_daemon.app.organisations.acting import Acting
from hotdesk_daemon.app.organisations.following import DirectoryKeeper
from hotdesk_daemon.app.organisations.hearing import Hearing
from hotdesk_daemon.app.organisations.measuring import forget
from hotdesk_daemon.app.organisations.membership import Membership
from hotdesk_daemon.app.organisations.notices import (
    check_of,
    keeper_of,
    notifications_of,
    switch_off,
    verifier_of,
    webhook_left,
)
from hotdesk_daemon.app.organisations.pushed import Pushed
from hotdesk_daemon.app.organisations.quarantine import Quarantine
from hotdesk_daemon.app.organisations.sparing import Sparing
from hotdesk_daemon.app.organisations.standing import Standing
from hotdesk_daemon.app.organisations.stream import Stream
from hotdesk_daemon.app.organisations.waits import LONGEST_WAIT_S, backoff_s, happens_within
from hotdesk_daemon.core.errors import HotdeskError, TransientError
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.ops.settings import Events
from hotdesk_daemon.transport.cloud import (
    Action,
    Actions,
    ApprovedAction,
    Budget,
    CloudHttp,
    CloudRest,
    DeprovisionAction,
    HealthCheckAction,
    JwtRefusedError,
    QueueReader,
    Seen,
    TokenState,
    UpdateAction,
    poll_url_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import aiohttp
    from prometheus_client import Counter

    from hotdesk_daemon.app.organisations.register import Register
    from hotdesk_daemon.app.organisations.tools import Tools
    from hotdesk_daemon.core.ids import DeskId, DeviceId
    from hotdesk_daemon.ops.settings import DeskSettings, OrganisationSettings, Settings
    from hotdesk_daemon.transport.cloud import CloudLink, Installation, WebhookCheck

_HTTP_S: Final = 30.0


class Organisation:
    """
    See the module.

    It is the ears of its `Hearing`, the sink of its queue and its side of the webhook door; `standing` tells how it
    stands. *is_healthy* says whether the daemon is, for the cloud's health checks.
    """

    def __init__(
        self, tools: Tools, *, session: aiohttp.ClientSession, register: Register, is_healthy: Callable[[], bool]
    ) -> None:
        wanted = tools.wanted
        self.id = wanted.id
        self.tools = tools
        self.links: dict[DeviceId, CloudLink] = {}
        self.budget = Budget(
            rate_per_s=wanted.rate_per_s, concurrency=wanted.concurrency, mono=tools.mono, sleep=tools.sleep
        )
        self.check: WebhookCheck | None = check_of(wanted)
        self._log = get_log(org=wanted.id)
        self._quarantine = Quarantine(tools.file(".undecodable.jsonl"))
        self._keeper = keeper_of(tools, session=session, watch=self)
        self._http = CloudHttp(
            session=session, tokens=self._keeper, budget=self.budget, now=tools.clock.now, log=self._log
        )
        self._rest = CloudRest(http=self._http, budget=self.budget, base_url=wanted.api_url or "")
        verifier = verifier_of(wanted, fetch=self._fetch, now=tools.clock.now)
        actions = Actions(verifier=verifier, keeper=self._keeper)
        self._acting = Acting(
            tools, actions=actions, keeper=self._keeper, follow=self._follow, refused=self._refused, log=self._log
        )
        self._hearing = Hearing(
            fleet=tools.fleet,
            seen=Seen(mono=tools.mono, canonical=wanted.events is Events.BOTH),
            ears=self,
            mono=tools.mono,
            now=tools.clock.now,
            now_mono=tools.clock.mono,
        )
        self._stream = Stream(self._hearing, sleep=tools.sleep, log=self._log)
        self.membership = Membership(
            tools=tools,
            hearing=self._hearing,
            register=register,
            rest=self._rest,
            links=self.links,
        )
        self._directory = DirectoryKeeper(
            tools, rest=self._rest, membership=self.membership, hearing=self._hearing, log=self._log
        )
        self.standing = Standing(
            tools,
            keeper=self._keeper,
            hearing=self._hearing,
            directory=self._directory,
            http=self._http,
            is_healthy=is_healthy,
        )
        self._queue = QueueReader(
            http=self._http,
            sink=self,
            mono=tools.mono,
            sleep=tools.sleep,
            rng=random.Random(tools.rng.random()),
            log=self._log,
        )
        self._change = asyncio.Event()  # the installation is another one: tell the cloud anew where to send
        self._is_set_up = False
        self._pushed = Pushed(tools, http=self._http, budget=self.budget, membership=self.membership, log=self._log)
        self._counters: dict[str, Counter] = {}
        self._refusals = Sparing(tools.mono)
        self._is_presumed = True  # the next set-up counts as hearing, before anything was heard
        self._heard_mono = tools.mono()

    # --- desks -------------------------------------------------------------------------------------------------------

    async def take_in(self, desk: DeskSettings, *, anew: Collection[DeviceId] = ()) -> None:
        """Serve a desk that the configuration names, or serve it by other settings; see `Membership.name`."""
        await self.membership.name(desk, anew=anew)
        self._directory.wish()  # it knows the software of a device that is new to us

    async def let_go(self, desk: DeskSettings) -> None:
        """
        Serve a desk no more that the configuration named.

        Raises:
            TimeoutError: see `Housing.let_go`.
        """
        await self.membership.unname(desk)
        self._directory.wish()  # it may be found there from now on

    @property
    def found(self) -> frozenset[DeskId]:
        """The desks that the directory found."""
        return frozenset(known.desk for known in self.membership.found)

    # --- other settings ----------------------------------------------------------------------------------------------

    def change(self, wanted: OrganisationSettings, settings: Settings) -> None:
        """Take over settings that need no new connections; the desks are told by `retell`."""
        was, self.tools.wanted, self.tools.settings = self.tools.wanted, wanted, settings
        self.budget.change(rate_per_s=wanted.rate_per_s, concurrency=wanted.concurrency)
        for link in self.links.values():
            link.timeout_s = wanted.request_timeout_s
        if (was.select, was.directory_interval_s) != (wanted.select, wanted.directory_interval_s):
            self._directory.wish()

    async def end(self, cause: str) -> None:
        """It does not live any more, and none of its devices is reached by it."""
        await self._stream.fall(cause)

    async def leave(self) -> None:
        """Serve none of the desks that were found: the organisation is not of this site any more."""
        await self.membership.let_all_go()
        forget(self.tools.metrics, org=self.id)

    # --- running -----------------------------------------------------------------------------------------------------

    async def run(self) -> Never:
        """Live until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._stream.group = group
            group.create_task(self._keeper.run(), name=f"tokens org={self.id}")
            if self._events is not Events.WEBHOOK:
                group.create_task(self._queue.run(), name=f"queue org={self.id}")
            group.create_task(self._keep_set_up(), name=f"set-up org={self.id}")
            group.create_task(self._directory.run(), name=f"directory org={self.id}")
            group.create_task(self._acting.run(), name=f"actions org={self.id}")
        raise AssertionError("the tasks of an organisation never end")

    async def broken(self) -> None:
        """A mistake of ours ended `run`: its devices are not reached until it runs again."""
        self._is_set_up, self._is_presumed = False, True
        await self._stream.fall("a mistake in the program; see the log")

    @property
    def _events(self) -> Events:
        return self.tools.wanted.events

    async def _keep_set_up(self) -> Never:
        """Whenever there is an installation that was not told so yet, say where to send; watch over the silence."""
        failures = 0
        while True:
            self._change.clear()
            installation = self._keeper.installation
            if installation is None or self._keeper.state is TokenState.REAUTHORISE:
                self._is_set_up = False
                await self.stream_down(self._keeper.cause)
                if not self._hearing.is_up:  # whatever it fell for, this is what has to be mended now
                    await self._hearing.fall(self._keeper.cause)
                await happens_within(self._change, LONGEST_WAIT_S, sleep=self.tools.sleep)
                continue
            if not self._is_set_up:
                try:
                    await self._set_up(installation)
                    failures = 0
                except HotdeskError as exc:
                    failures += 1
                    (self._log.warning if failures == 1 else self._log.debug)("org.setup_failed", error=str(exc))
                    await self.stream_down(str(exc))
                    wait_s = backoff_s(failures, exc, rng=self.tools.rng)
                    await happens_within(self._change, wait_s, sleep=self.tools.sleep)
                    continue
            await happens_within(self._change, LONGEST_WAIT_S, sleep=self.tools.sleep)
            await self._mind_silence()

    async def _set_up(self, installation: Installation) -> None:
        """Complete the provisioning (again): the same said twice does no harm."""
        self._rest.base_url = self.tools.wanted.api_url or installation.api_url
        body = {"provisioningState": "completed", **notifications_of(self.tools.wanted, installation)}
        settings = await self._rest.patch_app(installation.app_url, body)
        await switch_off(webhook_left(self.tools.wanted, settings), installation, rest=self._rest, log=self._log)
        url = poll_url_of(settings)
        await self._keeper.change(lambda found: attrs.evolve(found, poll_url=url))
        if url is None and self._events is not Events.WEBHOOK:
            raise TransientError("the cloud did not say where its queue is")
        self._is_set_up = not self._change.is_set()  # changed while we said so: say it once more
        if self._queue.last_url not in (None, url):
            self._stream.note_gap()  # another queue: what the old one held may have stayed there
        self._queue.go_to(url)
        await self._pushed.learn(installation)
        self._directory.open()
        self._heard_mono = self.tools.mono()
        # A queue with nothing to say keeps its first answer back; it is taken to work unless a poll said otherwise.
        is_presumed, self._is_presumed = self._is_presumed and not self._queue.is_failing, False
        if self._events is not Events.QUEUE or self._queue.is_up or is_presumed:
            await self._stream.up()

    async def _mind_silence(self) -> None:
        """A way that fails in silence is met by the silence: every device says something once an hour."""
        limit_s = self.tools.clock.real_s(self.tools.wanted.idle_limit_s)
        if self._hearing.members and self.tools.mono() - self._heard_mono > limit_s:
            self._is_set_up, self._is_presumed = False, True
            await self._stream.fall("no message for too long")

    async def _fetch(self, url: str) -> bytes:
        answer = await self._http.request("GET", url, timeout_s=_HTTP_S, authorized=False)
        return answer.body

    # --- the stream --------------------------------------------------------------------------------------------------

    async def take(self, messages: tuple[bytes, ...]) -> None:
        """Hear messages of the queue."""
        self._heard_mono = self.tools.mono()
        await self._hearing.take(messages)

    async def take_post(self, body: bytes) -> None:
        """Hear a message of the webhook."""
        self._heard_mono = self.tools.mono()
        await self._hearing.take((body,), is_posted=True)

    async def garbled(self, body: bytes, error: str) -> None:
        """Keep what nobody understands."""
        await self.met_garbage(body, error)

    async def stream_up(self) -> None:
        """The queue is heard."""
        await self._stream.up()

    async def stream_down(self, cause: str, *, is_gap: bool = False) -> None:
        """The queue is not heard, and messages may be lost; not where a webhook brings the same."""
        await self._stream.down(cause, is_gap=is_gap, is_told_anyway=self._events is Events.BOTH and self._is_set_up)

    async def queue_gone(self) -> None:
        """Say anew where to send: the answer has the address."""
        self._stream.note_gap()  # whatever it held went with it
        self._tell_anew()

    # --- actions -----------------------------------------------------------------------------------------------------

    async def act(self, token: str) -> Mapping[str, str] | None:
        """
        Take an action; a health check is answered.

        Raises:
            JwtRefusedError: it is not to be believed.
            TransientError: it cannot be taken now.
        """
        return await self._acting.act(token, came=self.tools.clock.now())

    def _refused(self, error: JwtRefusedError) -> None:
        if self._refusals.may_tell(f"action: {error.refusal}"):
            self._log.warning("org.action_refused", reason=str(error))

    async def _follow(self, action: Action) -> Mapping[str, str] | None:
        match action:
            case HealthCheckAction():
                return self.standing.health()
            case DeprovisionAction():
                self._log.warning("org.deprovisioned")
                self._queue.go_to(None)
                self._is_set_up = False
                await self._stream.fall("the integration was removed from the organisation")
            case UpdateAction(moved=moved):
                self._log.info("org.updated", moved=moved)
                self._tell_anew()
            case ApprovedAction():
                self._log.info("org.approved")
                self._tell_anew()
            case _:
                self._log.info("org.action_ignored", action=type(action).__name__)
        return None

    def _tell_anew(self) -> None:
        """Have the cloud told where to send, though it was told already."""
        self._is_set_up = False
        self._change.set()

    async def acted(self, token: str) -> None:
        """Take an action that came among messages, in its turn: those need not wait until its keys are fetched."""
        self._acting.add(token)

    def met_denial(self, device: DeviceId, error: str) -> None:
        """Say once that the cloud refuses us a device."""
        self._log.warning("org.device_forbidden", device_id=device, error=error)

    def met_restart(self) -> None:
        """A device restarts: whether it came back is for the directory to say, if it does not speak before."""
        self._directory.wish()

    def met_stranger(self, uuid: str) -> None:
        """A device that we do not know speaks: look into the directory."""
        self._log.info("org.stranger", webex_id=uuid)
        self._directory.wish()

    async def met_garbage(self, raw: bytes, error: str) -> None:
        """Keep what nobody understands."""
        self._log.warning("org.undecodable", error=error, size_bytes=len(raw))
        self.counted("undecodable")
        try:
            await asyncio.to_thread(self._quarantine.keep, raw, error=error, at=self.tools.clock.now())
        except OSError as exc:
            raise TransientError(f"a message cannot be kept: {exc}") from exc

    def counted(self, kind: str) -> None:
        """Count one message."""
        counter = self._counters.get(kind)
        if counter is None:  # looking a labelled counter up costs more than counting
            counter = self._counters[kind] = self.tools.metrics.cloud_messages.labels(org=self.id, kind=kind)
        counter.inc()

    def posted(self, outcome: str) -> None:
        """Count one post of the webhook."""
        self.tools.metrics.webhook_posts.labels(org=self.id, outcome=outcome).inc()
        if outcome == "refused" and self._refusals.may_tell("post"):
            self._log.warning("webhook.refused")

    # --- tokens ------------------------------------------------------------------------------------------------------

    def token_state(self, state: TokenState, *, cause: str) -> None:
        """Tell of the tokens, once each."""
        match state:
            case TokenState.VALID:
                self._log.info("org.tokens_valid")
                self._change.set()
            case TokenState.FAILING:
                self._log.warning("org.tokens_failing", error=cause)
            case TokenState.REAUTHORISE:
                self._log.error("org.reauthorise", error=cause)
            case TokenState.NONE:
                self._log.warning("org.not_activated", error=cause)

    def installation_changed(self, installation: Installation) -> None:
        """There is an installation, or another one."""
        self._is_presumed = True
        self._rest.base_url = self.tools.wanted.api_url or installation.api_url
        self._tell_anew()
