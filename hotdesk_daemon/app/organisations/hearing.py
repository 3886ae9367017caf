"""
From an organisation's messages to its desks' mailboxes.

A message counts as taken when everything in it is durable: only then may the queue be polled again and a webhook be
answered. Messages may come twice, late or in another order: what was heard already is counted and passed over, and a
status that a newer message or a later reading has overtaken is not news.

Messages have their own times, by clocks that need not agree with ours; readings have ours. The message that was heard
soonest after its own time tells how far the two may be apart.
"""

from __future__ import annotations

import asyncio
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import attrs

from hotdesk_daemon.app.ways import Ways
from hotdesk_daemon.core.errors import ProtocolError, TransientError, UndecodableError
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import Presentation, StatusInput
from hotdesk_daemon.core.mirror import mirrored
from hotdesk_daemon.transport.cloud import uuid_of
from hotdesk_daemon.xapi.cloud import (
    ActionMessage,
    EventsMessage,
    HealthCheckMessage,
    StatusMessage,
    inputs_of,
    parse_message,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdesk_daemon.app.fleet import Fleet
    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.transport.cloud import Seen

#: Devices that we do not know, remembered so that each is told of once.
_STRANGERS_KEPT: Final = 10_000
#: How long a device that the cloud refuses us is left alone, in the machine's time.
_DENIED_S: Final = 3600.0
#: How long before our start a post may have been made: it may have been tried in vain, and clocks differ.
_BEFORE_START: Final = timedelta(minutes=10)

_DeviceMessage = StatusMessage | EventsMessage


@attrs.define(eq=False, kw_only=True)
class Member:
    """One device of the organisation that is on a desk of ours."""

    uuid: str
    device: DeviceId
    desk: DeskId
    ways: Ways
    software: str | None = None
    is_connected: bool = True  # as the directory says: the device is in touch with the cloud
    forbidden_mono: float | None = None  # since when the cloud refuses us this device
    is_denial_told: bool = False
    awaits_directory: bool = True  # and with it its software: what it can be asked for depends on that
    told_at: dict[object, datetime] = attrs.field(factory=dict)
    read_mono: dict[object, float] = attrs.field(factory=dict)  # when what was read last was asked for
    lag_s: float = math.inf  # least from a message's own time to our steady clock at its hearing, of late
    fresh_lag_s: float = math.inf  # the same since the last reading: a clock that is set is not remembered for ever

    @property
    def obstacle(self) -> str | None:
        """Why this device is not reached although its organisation is; None when it should be."""
        if self.forbidden_mono is not None:
            return "the cloud refuses access to this device"
        if self.awaits_directory and self.software is None:
            return "the directory was not read yet"
        return None if self.is_connected else "the device is not connected to the cloud"


class Ears(Protocol):
    """What hearing tells beside the desks."""

    async def acted(self, token: str) -> None:
        """Take an action that came among the messages; one that is not to be believed is told, not raised."""

    def met_denial(self, device: DeviceId, error: str) -> None:
        """The cloud refuses us a device, for the first time or again."""

    def met_restart(self) -> None:
        """A device of ours restarts."""

    def met_stranger(self, uuid: str) -> None:
        """A message is of a device that is on no desk of ours."""

    async def met_garbage(self, raw: bytes, error: str) -> None:
        """A message could be understood by nobody; it must be kept."""

    def counted(self, kind: str) -> None:
        """One message: status, events, healthCheck, action, duplicate, overtaken, too old, stranger, undecodable."""


class Hearing:
    """
    The organisation's ears.

    ``members`` are its devices by UUID, ``others`` those that are listed and known to be no business of ours.
    ``is_up`` says whether the stream of messages stands; without it no device counts as reached, and with it those do
    that nothing stands against. *mono* is the machine's time, *now* and *now_mono* are the site's.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        seen: Seen,
        ears: Ears,
        mono: Callable[[], float],
        now: Callable[[], datetime],
        now_mono: Callable[[], float],
    ) -> None:
        self.members: dict[str, Member] = {}
        self.others: frozenset[str] = frozenset()
        self.is_up = False
        self.cause = "not connected yet"
        self._fleet = fleet
        self._seen = seen
        self._ears = ears
        self._mono = mono
        self._now = now
        self._now_mono = now_mono
        self._made, self._made_mono = now(), now_mono()
        self._strangers: set[str] = set()

    # --- messages ----------------------------------------------------------------------------------------------------

    async def take(self, messages: tuple[bytes, ...], *, is_posted: bool = False) -> None:
        """
        Hear *messages* in order; returns when all that they say is durable.

        Anybody may have recorded what *is_posted*: what is so old that we may have forgotten it does not count.

        Raises:
            TransientError: one could not be dealt with. When all are given again, those before it are not heard twice.
        """
        oldest = self._oldest() if is_posted else None
        waits = [await self._begin(raw, oldest) for raw in messages]
        for durable in waits:
            if not durable.done():  # most of them are with the first
                await asyncio.wait((durable,))  # as long as the journal takes: only what is durable is acknowledged
        if any(durable.cancelled() for durable in waits):
            raise TransientError("whoever brought the same message first gave up before it was heard")

    def _oldest(self) -> datetime:
        """
        The least moment of a post that counts: since then we remember what we heard.

        The clock may have been set since our start, and nobody knows whether it was right then or is now: the earlier
        moment counts.
        """
        now = self._now()
        began = min(self._made, now - timedelta(seconds=self._now_mono() - self._made_mono))
        return max(now - self._seen.kept, began - _BEFORE_START)

    async def _begin(self, raw: bytes, not_before: datetime | None) -> asyncio.Future[None]:
        known = self._seen.find(raw)
        if known is not None:
            self._ears.counted("duplicate")
            return known
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._seen.note(raw, durable)
        try:
            step = await self._hear(raw, not_before)
        except BaseException:
            # It has reached no desk. Whoever gives it again is heard, and whoever waits with us gives it again.
            self._seen.forget(raw)
            durable.cancel()
            raise
        if step is None:
            durable.set_result(None)
        else:
            step.add_done_callback(lambda _: _fulfil(durable))
        return durable

    async def _hear(self, raw: bytes, not_before: datetime | None) -> asyncio.Future[Step] | None:
        try:
            message = parse_message(raw)
        except UndecodableError as error:
            await self._ears.met_garbage(raw, str(error))
            return None
        match message:
            case ActionMessage(jwt=token):
                self._ears.counted("action")
                await self._ears.acted(token)
                return None
            case HealthCheckMessage():
                self._ears.counted("healthCheck")
                return None
            case _ if not_before is not None and message.at is not None and message.at < not_before:
                self._ears.counted("too old")
                return None
            case _:
                return await self._hear_device(message, raw)

    async def _hear_device(self, message: _DeviceMessage, raw: bytes) -> asyncio.Future[Step] | None:
        self._ears.counted("status" if isinstance(message, StatusMessage) else "events")
        member = await self._member(message.device_id, raw)
        if member is None:
            return None
        ways = member.ways
        if not member.is_connected:  # it speaks, whatever the directory said when last read
            member.is_connected = True
            await self.judge(member)
        if isinstance(message, EventsMessage) and message.is_restart:
            member.is_connected = False
            await self.judge(member)
            self._ears.met_restart()
        inputs = inputs_of(message, device=member.device, raw=raw)
        news = self._news(member, message, inputs)
        if not news or not ways.hears_cloud:
            return None
        return await self._fleet.told(member.device, news, raw=raw)

    async def _member(self, public_id: str, raw: bytes) -> Member | None:
        try:
            uuid = uuid_of(public_id)
        except ProtocolError as error:
            await self._ears.met_garbage(raw, str(error))
            return None
        member = self.members.get(uuid)
        if member is None:
            self._ears.counted("stranger")
            is_told = uuid in self.others or uuid in self._strangers
            if not is_told and len(self._strangers) < _STRANGERS_KEPT:
                self._strangers.add(uuid)
                self._ears.met_stranger(uuid)
        return member

    def _news(self, member: Member, message: _DeviceMessage, inputs: tuple[Input, ...]) -> tuple[Input, ...]:
        """What of *inputs* is neither overtaken nor, in a full sync, what we hold anyway."""
        if not isinstance(message, StatusMessage):
            return inputs
        news = tuple(given for given in inputs if not self._is_overtaken(member, message.at, given))
        if not message.is_full_sync:
            return news
        worker = self._fleet.workers.get(member.desk)
        held = worker.desk.devices.get(member.device) if worker is not None and worker.is_idle else None
        if held is None:  # something waits to be decided: only afterwards could be said what is news
            return news
        return tuple(g for g in news if not (isinstance(g, StatusInput) and mirrored(held, g) == held))

    def _is_overtaken(self, member: Member, at: datetime | None, given: Input) -> bool:
        if at is None or not isinstance(given, StatusInput):
            return False
        at = min(at, self._now())  # a clock that is ahead must not outdate what is said rightly after it
        lag_s = self._now_mono() - at.timestamp()
        member.lag_s, member.fresh_lag_s = min(member.lag_s, lag_s), min(member.fresh_lag_s, lag_s)
        what = _what(given)
        latest = member.told_at.get(what)
        is_old = latest is not None and at < latest
        if is_old or at.timestamp() + member.lag_s < member.read_mono.get(what, -math.inf):
            self._ears.counted("overtaken")
            return True
        member.told_at[what] = at
        return False

    def asking(self) -> float:
        """The moment at which a device is asked."""
        return self._now_mono()

    def read(self, webex_id: str, found: tuple[Input, ...], *, asked_mono: float) -> tuple[Input, ...]:
        """The cloud lets us at a device; what of that which was *found* it has not told otherwise since we asked."""
        member = self.members.get(uuid_of(webex_id))
        if member is None:
            return found
        member.is_denial_told = False
        news = []
        for given in found:
            what = _what(given)
            told_at = member.told_at.get(what)
            if told_at is None or told_at.timestamp() + member.lag_s <= asked_mono:
                member.read_mono[what] = asked_mono
                news.append(given)
        if member.fresh_lag_s < math.inf:
            member.lag_s, member.fresh_lag_s = member.fresh_lag_s, math.inf
        return tuple(news)

    # --- the stream --------------------------------------------------------------------------------------------------

    async def rise(self) -> None:
        """The stream stands: every device that nothing stands against is reached."""
        self.is_up = True
        for member in [*self.members.values()]:
            await self.judge(member)

    async def renew(self) -> None:
        """The stream stands, but messages may have been lost: every device that is reached has to be looked at."""
        self.is_up = True
        for member in [*self.members.values()]:
            member.told_at.clear()
            await self.judge(member)
            await member.ways.cloud_renewed()

    async def fall(self, cause: str) -> None:
        """The stream is gone: no device is reached."""
        self.is_up, self.cause = False, cause
        for member in [*self.members.values()]:
            await self.judge(member)

    async def directory_was_read(self) -> None:
        """The directory was read or cannot be: from here on no device waits for it."""
        for member in [*self.members.values()]:
            if member.awaits_directory:
                member.awaits_directory = False
                await self.judge(member)

    async def denied(self, webex_id: str, error: str) -> None:
        """The cloud refuses us a device: it is not reached, and tried again after a while."""
        member = self.members.get(uuid_of(webex_id))
        if member is None:
            return
        member.forbidden_mono = self._mono()
        if not member.is_denial_told:
            member.is_denial_told = True
            self._ears.met_denial(member.device, error)
        await self.judge(member)

    async def judge(self, member: Member) -> None:
        """Tell the device's ways whether it is reached."""
        if member.forbidden_mono is not None and self._mono() - member.forbidden_mono >= _DENIED_S:
            member.forbidden_mono = None
        obstacle = member.obstacle if self.is_up else self.cause
        if obstacle is None:
            await member.ways.cloud_up(software=member.software)
        else:
            member.told_at.clear()
            await member.ways.cloud_down(cause=obstacle)


def _what(status: Input) -> object:
    """What a status is of."""
    return (type(status), status.instance) if isinstance(status, Presentation) else type(status)


def _fulfil(durable: asyncio.Future[None]) -> None:
    if not durable.done():
        durable.set_result(None)
