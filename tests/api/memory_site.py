"""A site in memory: real desks, stepped by the real core, with nothing behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import msgspec

from hotdesk_daemon.api import Asked, CommandView, ReloadView, SafetyView, StreamItem, Watchers
from hotdesk_daemon.api.wire import Explanation
from hotdesk_daemon.app.explain import explain
from hotdesk_daemon.app.explain.shapes import shape
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import TransientError
from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
from hotdesk_daemon.core.inputs import (
    BookingCreated,
    BookingFailed,
    BookingsListed,
    CalendarKind,
    CommandAnswered,
    CommandSending,
    DeskConfigured,
    Input,
    LinkUp,
    Outcome,
)
from hotdesk_daemon.core.policy import Policy
from hotdesk_daemon.journal import MemoryReading, StoredRecord
from hotdesk_daemon.ops.health import Readiness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hotdesk_daemon.api import Lost, Site
    from hotdesk_daemon.core.desk import CommandState
    from hotdesk_daemon.core.ids import BookingId

NOW = datetime(2026, 5, 4, 8, 0, 0, 250_000, tzinfo=UTC)
LOCAL = DeskId("osl-4-014")
HYBRID = DeskId("osl/5 «001»")  # ids may need encoding on their way through a path
PANEL = DeviceId("panel")
TOKEN = "a-token-of-the-tests"
TITLE = "Ides of March"
EMAIL = "person1@example.com"


@attrs.define(eq=False)
class MemorySwitches:
    """Switches without files; ``trouble`` is raised by whatever is switched next, after it is done."""

    halted: str | None = None
    opened: str | None = "too many desks"
    trouble: TransientError | None = None

    def view(self) -> SafetyView:
        return SafetyView(halted=self.halted, breaker_open=self.opened, hit=3, most=50, window_s=600.0)

    async def halt(self, why: str) -> None:
        self.halted = why
        self._done()

    async def resume(self) -> None:
        self.halted = None
        self._done()

    async def close_breaker(self) -> None:
        self.opened = None
        self._done()

    def _done(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@attrs.define(eq=False)
class MemorySite:
    """
    What `app` is to the door, without journal and devices.

    ``trouble`` is raised by whatever is asked next, ``left`` is set when a watcher leaves;
    ``after_watch`` and ``after_wish`` happen soon after somebody came to watch or wished for something.
    """

    time: datetime = NOW
    may_remove: bool = False
    reloaded: ReloadView | Exception = attrs.field(factory=ReloadView)
    switches: MemorySwitches = attrs.field(factory=MemorySwitches)
    watchers: Watchers = attrs.field(factory=Watchers)
    ready: Readiness = attrs.field(factory=lambda: Readiness(ready=True))
    trouble: Exception | None = None
    after_watch: Callable[[MemorySite], object] | None = None
    after_wish: Callable[[MemorySite], object] | None = None
    left: asyncio.Event = attrs.field(factory=asyncio.Event)
    wishes: list[Input] = attrs.field(factory=list)
    _desks: dict[DeskId, Desk] = attrs.field(factory=dict)
    _steps: dict[DeskId, list[StreamItem]] = attrs.field(factory=dict)
    _records: dict[DeskId, list[StoredRecord]] = attrs.field(factory=dict)
    _commands: dict[CommandId, CommandView] = attrs.field(factory=dict)

    def feed(self, desk_id: DeskId, given: Input, *, source: str = "device:panel") -> Asked:
        """Step a desk and tell everybody who watches."""
        desk = self._desks.get(desk_id) or Desk(desk_id=desk_id)
        step = decide(desk, given, now=self.time)
        self._desks[desk_id] = step.desk
        for command in step.commands:
            view = CommandView(desk_id=desk_id, command=command, updated_at=self.time)
            self._commands[command.command_id] = view
        item = StreamItem(
            desk_id=desk_id,
            seq=step.desk.seq,
            at=self.time,
            source=source,
            kind=type(given).__name__,
            input=given,
            reasons=step.reasons,
            refusal=step.refusal,
            desk=step.desk,
        )
        self._steps.setdefault(desk_id, []).append(item)
        of_desk = self._records.setdefault(desk_id, [])
        of_desk.append(
            StoredRecord(
                journal_seq=sum(map(len, self._records.values())) + 1,
                desk_id=desk_id,
                seq=step.desk.seq,
                at=self.time,
                mono=0.0,
                source=source,
                kind=type(given).__name__,
                cause_seq=None,
                raw=None,
                part=0,
                input=given,
                reasons=step.reasons,
                commands=step.commands,
                refusal=step.refusal,
            )
        )
        self.watchers.publish(item)
        return Asked(refusal=step.refusal, booking_id=step.booking_id, seq=step.desk.seq)

    def confirm(self, booking_id: BookingId, desk_id: DeskId) -> None:
        """Let the device say that a requested booking stands."""
        booking = self._desks[desk_id].bookings[booking_id]
        self.feed(
            desk_id,
            BookingCreated(
                device=PANEL,
                booking_request_uuid=booking.booking_request_uuid,
                meeting_id=f"meeting {booking_id}",
                id="77",
                start=booking.start,
                duration_min=booking.duration_min,
                title=booking.title,
                organizer_email=booking.organizer.email,
            ),
        )

    def decline(self, booking_id: BookingId, desk_id: DeskId, *, cause: str = "Decline") -> None:
        """Let the calendar refuse a requested booking."""
        uuid = self._desks[desk_id].bookings[booking_id].booking_request_uuid
        self.feed(desk_id, BookingFailed(device=PANEL, booking_request_uuid=uuid, failure_cause=cause))

    def park_all(self) -> list[CommandId]:
        """Give every pending command up, which parks it."""
        pending = [view for view in self._commands.values() if view.command.state == "pending"]
        for view in pending:
            command_id = view.command.command_id
            self.feed(view.desk_id, CommandSending(command_id=command_id, device=PANEL, attempt=1), source="dispatch")
            answered = CommandAnswered(command_id=command_id, outcome=Outcome.GAVE_UP, message="tried long enough")
            self.feed(view.desk_id, answered, source="dispatch")
        return [view.command.command_id for view in pending]

    # --- what the door asks for ---

    def now(self) -> datetime:
        return self.time

    def desks(self) -> Sequence[Desk]:
        return list(self._desks.values())

    def desk(self, desk_id: DeskId) -> Desk | None:
        return self._desks.get(desk_id)

    async def ask(self, desk_id: DeskId, wish: Input) -> Asked:
        if self.trouble is not None:
            raise self.trouble
        self.wishes.append(wish)
        asked = self.feed(desk_id, wish, source="api")
        if self.after_wish is not None:
            asyncio.get_running_loop().call_soon(self.after_wish, self)
        return asked

    async def commands(
        self,
        *,
        desk_id: DeskId | None = None,
        states: frozenset[CommandState] | None = None,
        limit: int,
        before: CommandId | None = None,
    ) -> Sequence[CommandView]:
        if self.trouble is not None:
            raise self.trouble
        views = sorted(self._commands.values(), key=lambda v: (v.command.decided_at, v.command.command_id))
        views.reverse()
        if before is not None:
            views = views[[view.command.command_id for view in views].index(before) + 1 :]
        wanted = [
            view
            for view in views
            if (desk_id is None or view.desk_id == desk_id) and (states is None or view.command.state in states)
        ]
        return wanted[:limit]

    async def command(self, command_id: CommandId) -> CommandView | None:
        return self._commands.get(command_id)

    async def history(self, desk_id: DeskId, *, since_seq: int, limit: int) -> Sequence[StreamItem]:
        items = [attrs.evolve(item, desk=None) for item in self._steps[desk_id] if item.seq > since_seq]
        return items[:limit]

    async def explain(
        self, desk_id: DeskId, *, at: datetime | None, since: datetime | None, booking: str | None, over_too: bool
    ) -> Explanation:
        if self.trouble is not None:
            raise self.trouble
        found = explain(MemoryReading(self._records), desk_id, at=at, since=since, booking=booking, over_too=over_too)
        return msgspec.convert(shape(found), Explanation)

    @asynccontextmanager
    async def watch(
        self, *, desks: frozenset[DeskId] | None, kinds: frozenset[str] | None
    ) -> AsyncIterator[AsyncIterator[StreamItem | Lost]]:
        try:
            async with self.watchers.watch(desks=desks, kinds=kinds) as items:
                if self.after_watch is not None:
                    asyncio.get_running_loop().call_soon(self.after_watch, self)
                yield items
        finally:
            self.left.set()

    def quote(self, text: str) -> str:
        return text.replace("Kari", "…")

    async def reload(self, *, remove_desks: bool) -> ReloadView:
        self.may_remove = remove_desks
        if isinstance(self.reloaded, Exception):
            raise self.reloaded
        return self.reloaded

    def readiness(self) -> Readiness:
        return self.ready

    async def metrics(self) -> bytes:
        return b"hotdesk_desks 2\n"


def small_site() -> MemorySite:
    """One local desk with two hours as its limit, one hybrid desk without rules, both live and empty."""
    site = MemorySite()
    for desk_id, calendar, policy in (
        (LOCAL, CalendarKind.LOCAL, Policy(max_duration_min=120)),
        (HYBRID, CalendarKind.HYBRID, Policy()),
    ):
        settings = DeskConfigured(desk=desk_id, calendar=calendar, devices=(PANEL,), policy=policy)
        site.feed(desk_id, settings, source="daemon")
        site.feed(desk_id, LinkUp(device=PANEL, software="RoomOS 26.4.1"))
        site.feed(desk_id, BookingsListed(device=PANEL))
    return site


def booked(site: MemorySite, desk_id: DeskId = LOCAL, *, in_min: int = 60, number: int = 1) -> BookingId:
    """A confirmed booking with a title and an organizer, so many minutes from now."""
    site.feed(
        desk_id,
        BookingCreated(
            device=PANEL,
            meeting_id=f"meeting-{number}",
            id=str(number),
            start=site.time.replace(microsecond=0) + timedelta(minutes=in_min),
            duration_min=30,
            title=TITLE,
            organizer_name="Person One",
            organizer_email=EMAIL,
            organizer_id="person-1",
        ),
    )
    desk = site.desk(desk_id)
    assert desk is not None
    return next(b.booking_id for b in desk.bookings.values() if b.meeting_id == f"meeting-{number}")


def as_site(site: MemorySite) -> Site:
    """The type checker's proof that the memory site is a site."""
    return site


def full() -> TransientError:
    return TransientError("the desk's mailbox is full", retry_after_s=3)
