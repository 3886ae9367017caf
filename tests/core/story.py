"""A desk under a story: inputs one after the other, time that passes, a dispatcher and a device that answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.desk import Booking, BookingState, Desk, Device, OpenCommand
from hotdesk_daemon.core.ids import DeskId, DeviceId
from hotdesk_daemon.core.inputs import (
    BookingCreated,
    BookingRequested,
    BookingsListed,
    CalendarKind,
    CommandAnswered,
    CommandSending,
    DaemonStarted,
    DeskConfigured,
    Input,
    LinkDown,
    LinkUp,
    ListedBooking,
    Outcome,
    Personalized,
    TimerFired,
)
from hotdesk_daemon.core.policy import Policy, Stage
from hotdesk_daemon.core.steps import ListBookings, SendCommand, Step
from tests.core.soundness import decided

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdesk_daemon.core.commands import Command

#: A Monday.
T0 = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
DESK = DeskId("osl-4-014")
A, B = DeviceId("osl-4-014-a"), DeviceId("osl-4-014-b")
U1, U2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
M1, M2 = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-2222-4222-8222-222222222222"
LOCAL, HYBRID = CalendarKind.LOCAL, CalendarKind.HYBRID


def after(minutes: float) -> datetime:
    """That many minutes after the story's beginning."""
    return T0 + timedelta(minutes=minutes)


@attrs.define(kw_only=True)
class Story:
    """``now`` moves by `wait` only; ``steps`` are all that was decided."""

    calendar: CalendarKind = LOCAL
    devices: tuple[DeviceId, ...] = (A,)
    stage: Stage = Stage.ENFORCE
    policy: Policy = attrs.field(factory=Policy)
    reconcile_s: int = 0
    desk: Desk = attrs.field(factory=lambda: Desk(desk_id=DESK))
    now: datetime = T0
    steps: list[Step] = attrs.field(factory=list)

    def feed(self, *inputs: Input) -> Step:
        """Decide these one after the other; gives the last step."""
        for given in inputs:
            step = decided(self.desk, given, now=self.now)
            self.desk = step.desk
            self.steps.append(step)
        return self.steps[-1]

    def configure(self) -> Step:
        return self.feed(
            DeskConfigured(
                desk=DESK,
                calendar=self.calendar,
                devices=self.devices,
                stage=self.stage,
                policy=self.policy,
                reconcile_s=self.reconcile_s,
            )
        )

    def start(self, *entries: ListedBooking) -> Story:
        """Configured, connected, listed: live, with *entries* adopted."""
        self.configure()
        self.feed(DaemonStarted(version="1"))
        for device in self.devices:
            self.feed(LinkUp(device=device), Personalized(device=device, value=False))
            self.answer_list(*entries)
        return self

    # --- time --------------------------------------------------------------------------------------------------------

    def wait(self, minutes: float = 0, *, seconds: float = 0, answering: bool = True) -> Story:
        """Let time pass, firing the timers that fall due on the way; a list asked for then shows what we hold."""
        end = self.now + timedelta(minutes=minutes, seconds=seconds)
        for _ in range(1000):
            timer = self.desk.next_timer()
            if timer is None or timer.due > end:
                break
            self.now = max(self.now, timer.due)
            step = self.feed(TimerFired(key=timer.key))
            if answering and any(isinstance(effect, ListBookings) for effect in step.effects):
                self.list_as(*self.as_held())
        self.now = end
        return self

    def as_held(self) -> tuple[ListedBooking, ...]:
        """The list of a device that agrees with us."""
        device = self.desk.sync.listing
        assert device is not None
        return tuple(
            ListedBooking(id=b.ids.get(device), meeting_id=b.meeting_id, start=b.start, end=b.end, title=b.title)
            for b in self.desk.bookings.values()
            if b.state in {BookingState.CREATED, BookingState.STARTED}
        )

    # --- lists -------------------------------------------------------------------------------------------------------

    def list_as(self, *entries: ListedBooking) -> Step:
        """Answer the list under way."""
        assert self.desk.sync.listing is not None, "no list is under way"
        return self.feed(BookingsListed(device=self.desk.sync.listing, bookings=entries))

    def answer_list(self, *entries: ListedBooking) -> Step:
        """Answer the list under way, and those that follow from it."""
        step = self.list_as(*entries)
        while self.desk.sync.listing is not None:
            step = self.list_as(*entries)
        return step

    @property
    def lists(self) -> list[ListBookings]:
        """Every list asked for so far."""
        return [effect for effect in self._effects() if isinstance(effect, ListBookings)]

    # --- commands ----------------------------------------------------------------------------------------------------

    @property
    def handed(self) -> list[OpenCommand]:
        """Every command handed to the dispatcher so far."""
        return [effect.command for effect in self._effects() if isinstance(effect, SendCommand)]

    @property
    def sent(self) -> list[Command]:
        return [command.command for command in self.handed]

    def _effects(self) -> Iterable[object]:
        return [effect for step in self.steps for effect in step.effects]

    def sending(self, *, device: DeviceId = A) -> OpenCommand:
        """The dispatcher takes the newest command and is about to send it."""
        command = self.handed[-1]
        attempt = self.desk.commands[command.command_id].attempts + 1
        step = self.feed(
            CommandSending(command_id=command.command_id, device=command.device or device, attempt=attempt)
        )
        assert step.refusal is None
        return command

    def send(self, outcome: Outcome = Outcome.ACCEPTED, *, message: str = "") -> OpenCommand:
        """The dispatcher sends the newest command, with this outcome."""
        command = self.sending()
        self.feed(CommandAnswered(command_id=command.command_id, outcome=outcome, message=message))
        return command

    @property
    def outbox(self) -> dict[str, str]:
        """The newest state of every command there ever was."""
        return {c.command_id: c.state.value for step in self.steps for c in step.commands}

    # --- looking -----------------------------------------------------------------------------------------------------

    @property
    def booking(self) -> Booking:
        """The desk's only booking."""
        (booking,) = self.desk.bookings.values()
        return booking

    @property
    def device(self) -> Device:
        return self.desk.devices[A]

    def codes(self, last: int = 1) -> list[str]:
        """The reasons' codes of the last steps."""
        return [reason.code for step in self.steps[-last:] for reason in step.reasons]

    def root(self, step: Step) -> set[str]:
        """The kinds of reasons that *step* leads back to by its causes."""
        causes = {reason.cause_seq for reason in step.reasons} - {None}
        if not causes:
            return {reason.code for reason in step.reasons}
        return {code for seq in causes if seq for code in self.root(self.steps[seq - 1])}

    # --- a booking of the desk ---------------------------------------------------------------------------------------

    def book_at_device(
        self, uuid: str = U1, *, meeting_id: str | None = None, at: float = 0, last: int = 60
    ) -> Booking:
        """Someone books on the screen, and it is confirmed."""
        meeting_id = meeting_id or (uuid if self.calendar is LOCAL else M1)
        self.feed(requested(uuid, at=at, last=last), created(meeting_id, uuid=uuid, at=at, last=last))
        return next(b for b in self.desk.bookings.values() if b.meeting_id == meeting_id)

    def reconnect(self, *, minutes: float = 0) -> Story:
        self.feed(LinkDown(device=A, cause="reset"))
        self.wait(minutes)
        self.feed(LinkUp(device=A))
        return self


def requested(
    uuid: str | None = U1, *, at: float = 0, last: int = 60, device: DeviceId = A, title: str = ""
) -> BookingRequested:
    return BookingRequested(device=device, booking_request_uuid=uuid, start=after(at), duration_min=last, title=title)


def created(
    meeting_id: str | None = M1,
    *,
    uuid: str | None = None,
    own: str | None = None,
    at: float = 0,
    last: int = 60,
    device: DeviceId = A,
    title: str = "",
    email: str | None = None,
) -> BookingCreated:
    return BookingCreated(
        device=device,
        meeting_id=meeting_id,
        booking_request_uuid=uuid,
        id=own,
        start=after(at),
        duration_min=last,
        title=title,
        organizer_email=email,
    )


def listed(
    meeting_id: str | None = M1,
    *,
    own: str | None = None,
    at: float = 0,
    last: int = 60,
    title: str = "",
    email: str | None = None,
) -> ListedBooking:
    return ListedBooking(
        id=own, meeting_id=meeting_id, start=after(at), end=after(at + last), title=title, organizer_email=email
    )
