"""
A lying world: events dropped, doubled, late, out of order; answers lost; restarts; cut links.

`World` is the truth: one desk's devices and calendar, as simple as can be. Whatever happened, once the faults stop and
the desk has listed, it must hold what the world holds, and no command may have had two effects.

One thing nobody can tell: a command was carried out, its answer and every event of it were lost, and a person undid it
before the next list. That looks as if nothing had been done, and it is sent again. Such commands are in ``undone``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hotdesk_daemon.core.commands import AlertDisplay, Book, Command, Delete, Edit, Logout
from hotdesk_daemon.core.desk import BookingState, CommandState, Desk, OpenCommand, SignInState
from hotdesk_daemon.core.ids import BookingId
from hotdesk_daemon.core.inputs import (
    BookAsked,
    BookingCreated,
    BookingEvent,
    BookingFailed,
    BookingMoved,
    BookingRequested,
    BookingsListed,
    CalendarKind,
    CommandAnswered,
    CommandSending,
    DaemonStarted,
    DeleteAsked,
    Deleted,
    DeskConfigured,
    EditAsked,
    End,
    Input,
    LinkDown,
    LinkUp,
    ListedBooking,
    ListFailed,
    Outcome,
    Personalized,
    ResyncAsked,
    SignOutAsked,
    Start,
    SyncRequired,
    TimerFired,
)
from hotdesk_daemon.core.policy import Policy, Stage, objection
from hotdesk_daemon.core.steps import ListBookings, SendCommand
from tests.core.soundness import decided
from tests.core.story import DESK, HYBRID, LOCAL, T0, A

if TYPE_CHECKING:
    from hotdesk_daemon.core.ids import CommandId

MINUTE = timedelta(minutes=1)
LONGEST = 240


@attrs.define(kw_only=True)
class Meeting:
    """A booking as the device has it."""

    meeting_id: str
    own_id: str
    start: datetime
    duration_min: int
    uuid: str | None = None
    is_started: bool = False

    @property
    def end(self) -> datetime:
        return self.start + self.duration_min * MINUTE


@attrs.define(kw_only=True)
class World:
    """One device and its calendar: the truth, and what it says of it."""

    calendar: CalendarKind
    is_nameless: bool = False  # events leave the MeetingId out wherever the schema allows that
    now: datetime = T0
    meetings: dict[str, Meeting] = attrs.field(factory=dict)
    personalized: bool = False
    made: int = 0
    next_own_id: int = 1
    pending: list[tuple[datetime, Meeting]] = attrs.field(factory=list)
    said: list[Input] = attrs.field(factory=list)

    def say(self, event: Input) -> None:
        self.said.append(event)

    def name(self, meeting: Meeting) -> str | None:
        return None if self.is_nameless else meeting.meeting_id

    def make(self, *, start: datetime, duration_min: int, uuid: str | None) -> None:
        """Local: at once. Hybrid: confirmed by the calendar, later."""
        self.made += 1
        meeting_id = uuid if uuid and self.calendar is LOCAL else f"meeting-{self.made}"
        if meeting_id in self.meetings:
            meeting_id = f"{meeting_id}-again"  # nothing says that a device recognises a repeated request
        own_id = f"webex-{self.next_own_id}"
        self.next_own_id += 1
        meeting = Meeting(meeting_id=meeting_id, own_id=own_id, start=start, duration_min=duration_min, uuid=uuid)
        if uuid is not None:
            self.say(BookingRequested(device=A, booking_request_uuid=uuid, start=start, duration_min=duration_min))
        if self.calendar is LOCAL:
            self.confirm(meeting)
        else:
            self.pending.append((self.now + 30 * timedelta(seconds=1), meeting))

    def confirm(self, meeting: Meeting) -> None:
        self.meetings[meeting.meeting_id] = meeting
        self.say(
            BookingCreated(
                device=A,
                booking_request_uuid=meeting.uuid,
                meeting_id=meeting.meeting_id,
                id=meeting.own_id,
                start=meeting.start,
                duration_min=meeting.duration_min,
            )
        )

    def refuse(self) -> None:
        """The calendar declines what waits for it."""
        for _, meeting in self.pending:
            self.say(BookingFailed(device=A, booking_request_uuid=meeting.uuid, failure_cause="Decline"))
        self.pending.clear()

    def move(self, meeting: Meeting, *, start: datetime, duration_min: int) -> None:
        meeting.start, meeting.duration_min = start, duration_min
        meeting.is_started = meeting.is_started and start <= self.now
        self.say(
            BookingMoved(
                device=A, meeting_id=self.name(meeting), id=meeting.own_id, start=start, duration_min=duration_min
            )
        )

    def delete(self, meeting: Meeting, cause: str = "Deleted") -> None:
        del self.meetings[meeting.meeting_id]
        self.say(Deleted(device=A, meeting_id=self.name(meeting), id=meeting.own_id, cause=cause))

    def sign(self, *, on: bool) -> None:
        if self.personalized is not on:
            self.personalized = on
            self.say(Personalized(device=A, value=on))

    def pass_time(self, now: datetime) -> None:
        self.now = now
        for due, meeting in self.pending[:]:
            if due <= now:
                self.pending.remove((due, meeting))
                self.confirm(meeting)
        for meeting in list(self.meetings.values()):
            if meeting.end <= now:
                del self.meetings[meeting.meeting_id]
                self.say(End(device=A, meeting_id=self.name(meeting), id=meeting.own_id))
            elif meeting.start <= now and not meeting.is_started:
                meeting.is_started = True
                self.say(Start(device=A, meeting_id=self.name(meeting), id=meeting.own_id))

    def carry_out(self, command: Command) -> Outcome:
        """Do what a command says."""
        match command:
            case Book():
                self.make(start=command.start, duration_min=command.duration_min, uuid=command.booking_request_uuid)
            case Delete() | Edit():
                meeting = self.meetings.get(command.meeting_id or "")
                if meeting is None:
                    return Outcome.REFUSED
                if isinstance(command, Delete):
                    self.delete(meeting)
                elif command.start is not None and command.duration_min is not None:
                    self.move(meeting, start=command.start, duration_min=command.duration_min)
            case Logout():
                for meeting in [m for m in self.meetings.values() if m.is_started and self.personalized]:
                    self.delete(meeting, "HotdeskSignout")
                self.sign(on=False)
            case AlertDisplay():
                pass
            case _:
                raise AssertionError("core decides no other command")
        return Outcome.ACCEPTED

    def reboot(self) -> None:
        """The device counts its own Ids anew."""
        for number, meeting in enumerate(self.meetings.values(), start=1):
            meeting.own_id = f"webex-{number}"
        self.next_own_id = len(self.meetings) + 1

    def show(self) -> BookingsListed:
        return BookingsListed(
            device=A,
            bookings=tuple(
                ListedBooking(id=m.own_id, meeting_id=m.meeting_id, start=m.start, end=m.end)
                for m in self.meetings.values()
            ),
        )


minutes = st.integers(min_value=-20, max_value=300)
durations = st.sampled_from([1, 30, 60, 120, 300, 1440])


class LyingWorld(RuleBasedStateMachine):
    """Rules are what people, the network and time do; `settle_down` at the end is peace."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(calendar=LOCAL)
        self.desk = Desk(desk_id=DESK)
        self.is_up = False
        self.handed: list[CommandId] = []
        self.effects: dict[CommandId, int] = {}
        self.undone: set[CommandId] = set()
        self.late: list[tuple[datetime, CommandId, Command]] = []
        self.undelivered: list[Input] = []
        self.delivered: list[Input] = []
        self.asked = 0
        self.lists: list[datetime] = []

    @initialize(calendar=st.sampled_from([LOCAL, HYBRID]), ruled=st.booleans(), is_nameless=st.booleans())
    def begin(self, calendar: CalendarKind, ruled: bool, is_nameless: bool) -> None:  # noqa: FBT001
        self.world.calendar = calendar
        self.world.is_nameless = is_nameless
        policy = Policy(max_duration_min=LONGEST) if ruled else Policy()
        self.give(DeskConfigured(desk=DESK, calendar=calendar, devices=(A,), policy=policy), DaemonStarted())
        self.connect()
        self.answer_list()

    # --- the daemon --------------------------------------------------------------------------------------------------

    def give(self, *inputs: Input) -> str | None:
        refusal = None
        for given in inputs:
            step = decided(self.desk, given, now=self.world.now)
            self.desk = step.desk
            refusal = step.refusal
            self.handed += [e.command.command_id for e in step.effects if isinstance(e, SendCommand)]
            self.lists += [self.world.now for e in step.effects if isinstance(e, ListBookings)]
        return refusal

    def connect(self) -> None:
        self.is_up = True
        self.undelivered.clear()
        self.delivered.clear()
        self.give(LinkUp(device=A), Personalized(device=A, value=self.world.personalized))

    def disconnect(self) -> None:
        self.is_up = False
        self.undelivered.clear()
        self.delivered.clear()
        self.give(LinkDown(device=A, cause="reset"))

    def hear(self) -> None:
        """What the world has said waits to be delivered, if anybody listens."""
        if self.is_up:
            self.undelivered += self.world.said
        self.world.said.clear()

    def deliver(self, event: Input) -> None:
        self.delivered = [*self.delivered[-5:], event]
        self.give(event)

    def answer_list(self) -> None:
        """A truthful list: what was said before it has been heard before it, unless it got lost."""
        if self.desk.sync.listing is not None:
            self.give(self.world.show(), Personalized(device=A, value=self.world.personalized))

    def longest_delay(self) -> timedelta:
        """How long the device and its calendar may be at a command whose answer is lost."""
        return timedelta(seconds=8 if self.world.calendar is LOCAL else 200)

    def carry_out(self, command_id: CommandId, command: Command) -> Outcome:
        before = self.fingerprint()
        outcome = self.world.carry_out(command)
        if before != self.fingerprint():
            self.effects[command_id] = self.effects.get(command_id, 0) + 1
        self.hear()
        return outcome

    def send(self, *, is_done: bool, is_answered: bool, is_late: bool = False, tries: int = 1) -> None:
        """The dispatcher's turn: tries of which it knows that nothing was done, and one of which it may not know."""
        if not self.handed or not self.is_up:
            return
        command_id = self.handed.pop(0)
        held = self.desk.commands.get(command_id)
        if held is None:
            return
        for attempt in range(held.attempts + 1, held.attempts + 1 + tries):
            if attempt > held.attempts + 1:
                self.give(CommandAnswered(command_id=command_id, outcome=Outcome.NOT_DONE))
            if self.give(CommandSending(command_id=command_id, device=A, attempt=attempt)) is not None:
                return
            self.assert_asked_for(self.desk.commands[command_id])
        outcome = Outcome.UNKNOWN
        if is_late and not is_answered:
            self.late.append((self.world.now + self.longest_delay(), command_id, held.command))
        elif is_done:
            outcome = self.carry_out(command_id, held.command)
        self.give(CommandAnswered(command_id=command_id, outcome=outcome if is_answered else Outcome.UNKNOWN))

    def assert_asked_for(self, command: OpenCommand) -> None:
        """What the rules decided leaves only while they ask for it."""
        if command.by_rule and not isinstance(command.command, AlertDisplay):
            booking = self.desk.bookings[command.booking_id or BookingId("")]
            why = objection(self.desk.policy, start=booking.start, duration_min=booking.duration_min)
            assert (Stage.ENFORCE, True) == (self.desk.stage, why is not None)

    def fingerprint(self) -> object:
        meetings = sorted((m.meeting_id, m.start, m.duration_min) for m in self.world.meetings.values())
        return meetings, [m.uuid for _, m in self.world.pending], self.world.personalized

    # --- people ------------------------------------------------------------------------------------------------------

    @rule(start=minutes, duration_min=durations, from_calendar=st.booleans())
    def someone_books(self, start: int, duration_min: int, from_calendar: bool) -> None:  # noqa: FBT001
        begins = self.world.now + start * MINUTE
        if begins + duration_min * MINUTE <= self.world.now:
            return
        uuid = None if from_calendar else f"device-{self.world.made}"
        self.world.make(start=begins, duration_min=duration_min, uuid=uuid)
        self.hear()

    @rule()
    def the_calendar_declines(self) -> None:
        self.world.refuse()
        self.hear()

    @precondition(lambda self: self.world.meetings)
    @rule(which=st.integers(0, 3), start=minutes, duration_min=durations)
    def someone_moves(self, which: int, start: int, duration_min: int) -> None:
        meetings = list(self.world.meetings.values())
        begins = self.world.now + start * MINUTE
        if begins + duration_min * MINUTE <= self.world.now:
            return
        for command_id, held in self.desk.commands.items():
            if isinstance(held.command, Edit) and held.moved_from == (begins, duration_min):
                self.undone.add(command_id)
        self.world.move(meetings[which % len(meetings)], start=begins, duration_min=duration_min)
        self.hear()

    @precondition(lambda self: self.world.meetings)
    @rule(which=st.integers(0, 3))
    def someone_deletes(self, which: int) -> None:
        meetings = list(self.world.meetings.values())
        meeting = meetings[which % len(meetings)]
        for command_id, held in self.desk.commands.items():
            if isinstance(held.command, Book) and held.command.booking_request_uuid == meeting.uuid:
                self.undone.add(command_id)
        self.world.delete(meeting)
        self.hear()

    @rule(on=st.booleans())
    def someone_signs(self, on: bool) -> None:  # noqa: FBT001
        self.world.sign(on=on)
        self.hear()

    @rule(start=minutes, duration_min=durations)
    def someone_asks_us_to_book(self, start: int, duration_min: int) -> None:
        self.asked += 1
        begins = self.world.now + start * MINUTE
        self.give(BookAsked(booking_request_uuid=f"ours-{self.asked}", start=begins, duration_min=duration_min))

    @precondition(lambda self: self.desk.bookings)
    @rule(which=st.integers(0, 3), start=minutes, duration_min=durations)
    def someone_asks_us_to_edit(self, which: int, start: int, duration_min: int) -> None:
        bookings = list(self.desk.bookings)
        begins = self.world.now + start * MINUTE
        self.give(EditAsked(booking_id=bookings[which % len(bookings)], start=begins, duration_min=duration_min))

    @precondition(lambda self: self.desk.bookings)
    @rule(which=st.integers(0, 3))
    def someone_asks_us_to_delete(self, which: int) -> None:
        bookings = list(self.desk.bookings)
        self.give(DeleteAsked(booking_id=bookings[which % len(bookings)]))

    @rule()
    def someone_asks_us_to_sign_out(self) -> None:
        self.give(SignOutAsked())

    @rule(longest=st.sampled_from([None, 30, LONGEST]), stage=st.sampled_from([Stage.ENFORCE, Stage.WARN]))
    def the_rules_change_before_a_command_leaves(self, longest: int | None, stage: Stage) -> None:
        """A booking that is too long by most of them comes first."""
        self.someone_books(start=60, duration_min=LONGEST + 60, from_calendar=True)
        while self.undelivered:
            self.deliver(self.undelivered.pop(0))
        policy = Policy(max_duration_min=longest)
        self.give(DeskConfigured(desk=DESK, calendar=self.world.calendar, devices=(A,), stage=stage, policy=policy))
        self.send(is_done=True, is_answered=True)

    # --- the network -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.undelivered)
    @rule(which=st.integers(0, 3))
    def an_event_comes(self, which: int) -> None:
        """Any of the next few: out of order, too."""
        self.deliver(self.undelivered.pop(which % len(self.undelivered)))

    @precondition(lambda self: self.undelivered)
    @rule()
    def all_events_come(self) -> None:
        while self.undelivered:
            self.deliver(self.undelivered.pop(0))

    @precondition(lambda self: self.undelivered)
    @rule()
    def an_event_is_lost(self) -> None:
        del self.undelivered[0]

    @precondition(lambda self: self.delivered)
    @rule(which=st.integers(0, 5))
    def an_event_comes_again(self, which: int) -> None:
        event = self.delivered[which % len(self.delivered)]
        if isinstance(event, BookingEvent):
            self.give(event)

    @precondition(lambda self: self.is_up)
    @rule()
    def the_link_drops(self) -> None:
        self.disconnect()

    @precondition(lambda self: not self.is_up)
    @rule()
    def the_link_comes_up(self) -> None:
        self.connect()
        self.answer_list()

    @rule()
    def the_device_reboots(self) -> None:
        self.world.reboot()
        self.disconnect()
        self.connect()

    @precondition(lambda self: self.is_up)
    @rule()
    def the_device_is_in_doubt(self) -> None:
        self.deliver(SyncRequired(device=A))

    @rule()
    def a_list_is_answered(self) -> None:
        self.answer_list()

    @precondition(lambda self: self.desk.sync.listing)
    @rule()
    def a_list_fails(self) -> None:
        self.give(ListFailed(device=A, error="timeout"))

    @precondition(lambda self: self.handed and self.is_up)
    @rule(is_done=st.booleans(), is_answered=st.booleans(), is_late=st.booleans(), tries=st.integers(1, 2))
    def a_command_is_sent(self, is_done: bool, is_answered: bool, is_late: bool, tries: int) -> None:  # noqa: FBT001
        self.send(is_done=is_done, is_answered=is_answered, is_late=is_late, tries=tries)

    @precondition(lambda self: self.handed and self.is_up)
    @rule(is_late=st.booleans())
    def an_answer_is_lost_and_the_list_comes_at_once(self, is_late: bool) -> None:  # noqa: FBT001
        """Before a slow device is done: what is sent again now is done twice."""
        self.send(is_done=True, is_answered=False, is_late=is_late)
        self.answer_list()
        self.answer_list()
        self.send(is_done=True, is_answered=True)

    @rule()
    def the_daemon_restarts(self) -> None:
        """Killed: what was handed out is forgotten with it, what was being sent is unknown."""
        self.handed.clear()
        self.disconnect()
        self.give(DaemonStarted())

    @precondition(lambda self: self.handed and self.is_up)
    @rule(is_done=st.booleans())
    def the_daemon_is_killed_while_it_sends(self, is_done: bool) -> None:  # noqa: FBT001
        command_id = self.handed.pop(0)
        held = self.desk.commands.get(command_id)
        if held is None or self.give(CommandSending(command_id=command_id, device=A, attempt=held.attempts + 1)):
            return
        if is_done:
            self.carry_out(command_id, held.command)
        self.the_daemon_restarts()

    @rule(seconds=st.sampled_from([1, 5, 20, 61, 400, 1000]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: int, *, is_answering: bool = False) -> None:
        end = self.world.now + timedelta(seconds=seconds)
        for _ in range(200):
            timer = self.desk.next_timer()
            if timer is None or timer.due > end:
                break
            self.pass_world_time(max(self.world.now, timer.due))
            self.give(TimerFired(key=timer.key))
            if is_answering:
                self.at_peace()
        self.pass_world_time(end)

    def pass_world_time(self, now: datetime) -> None:
        self.world.pass_time(now)
        for due, command_id, command in self.late[:]:
            if due <= now:
                self.late.remove((due, command_id, command))
                self.carry_out(command_id, command)
        self.hear()

    # --- what holds --------------------------------------------------------------------------------------------------

    @invariant()
    def no_command_had_two_effects(self) -> None:
        assert set() == {command_id for command_id, count in self.effects.items() if count > 1} - self.undone

    def at_peace(self) -> None:
        """Everything is delivered, answered and carried out."""
        for _ in range(100):
            if not (self.undelivered or self.handed or self.desk.sync.listing):
                return
            while self.undelivered:
                self.deliver(self.undelivered.pop(0))
            self.answer_list()
            self.send(is_done=True, is_answered=True)
        raise AssertionError("the daemon goes on and on")

    def teardown(self) -> None:
        """The faults stop; after one timed list the picture is the truth."""
        if not self.desk.devices:
            return
        if not self.is_up:
            self.connect()
        self.hear()
        self.at_peace()
        for _ in range(6):
            self.pass_time(1000, is_answering=True)
            self.at_peace()
        self.give(ResyncAsked())
        self.at_peace()

        truth = {m.meeting_id: (m.start, m.duration_min, m.is_started) for m in self.world.meetings.values()}
        picture = {
            b.meeting_id: (b.start, b.duration_min, b.state is BookingState.STARTED)
            for b in self.desk.bookings.values()
            if b.state in {BookingState.CREATED, BookingState.STARTED}
        }
        assert truth == picture
        assert not self.desk.is_stale
        assert self.world.personalized is (self.desk.devices[A].sign_in is not SignInState.SHARED)
        assert {CommandState.PARKED} >= {command.state for command in self.desk.commands.values()}
        self.no_command_had_two_effects()


TestLyingWorld = pytest.mark.timeout(60)(LyingWorld.TestCase)  # many runs in one test: seconds, more on slow machines
TestLyingWorld.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    phases=(Phase.generate,),  # shrinking takes minutes, and forty steps can be read
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
