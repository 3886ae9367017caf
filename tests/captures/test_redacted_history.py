"""A redacted history replays to the redacted steps, whatever devices and people say in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from hotdesk_daemon.captures.redaction import Redactor
from hotdesk_daemon.core import inputs as i
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId, DeviceId
from hotdesk_daemon.core.policy import Hours, Policy, Stage
from hotdesk_daemon.core.steps import SendCommand
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.records import Entry
from tests.captures.recordings import replayed
from tests.journal.values import T0

if TYPE_CHECKING:
    from hotdesk_daemon.core.desk import OpenCommand

NAME: Final = DeskId("osl-4-014")
ROOM: Final = DeviceId("osl-4-014-a")
CANARY: Final = "Qzwx7"
KEY: Final = b"a key of more than sixteen bytes"

#: What may stand where somebody else writes: names, known words, and what looks like sentences of ours.
TEXTS: Final = st.sampled_from(
    [
        CANARY, f"{CANARY} is on leave", "Timeout", "refused", "", " ", "deleted", "unknown",
        f"connection lost: {CANARY}", f"device {CANARY} is not connected", f"the edit failed: {CANARY}",
        f"rejected by {CANARY}", f"listed: {CANARY}", f"{CANARY}: not confirmed",
    ]
)  # fmt: skip
TITLES: Final = st.sampled_from(["", CANARY, f"{CANARY}!", " "])
EMAILS: Final = st.sampled_from([None, f"{CANARY}@example.org", f"{CANARY.upper()}@EXAMPLE.org", "other@example.org"])
IDS: Final = st.sampled_from([None, "webex-1", "5b1c9a52-32f0-4a2e-9f0a-0d6a5f0b7c11", f"{CANARY}@google.com"])
TIMES: Final = st.sampled_from([T0 + timedelta(minutes=minutes) for minutes in (-30, 0, 10, 60)])
MINUTES: Final = st.sampled_from([20, 30, 90])


def _booking(kind: type[i.BookingEvent], **more: st.SearchStrategy[object]) -> st.SearchStrategy[i.Input]:
    return st.builds(kind, device=st.just(ROOM), booking_request_uuid=IDS, meeting_id=IDS, id=IDS, **more)


LISTED: Final = st.builds(
    lambda start, minutes, **more: i.ListedBooking(start=start, end=start + timedelta(minutes=minutes), **more),
    start=TIMES,
    minutes=MINUTES,
    id=IDS,
    meeting_id=IDS,
    title=TITLES,
    organizer_name=TITLES,
    organizer_email=EMAILS,
    organizer_id=EMAILS,
)
SAID: Final = st.one_of(
    _booking(i.BookingRequested, start=TIMES, duration_min=MINUTES, title=TITLES),
    _booking(i.BookingCreated, start=TIMES, duration_min=MINUTES, title=TITLES, organizer_email=EMAILS),
    _booking(i.BookingFailed, failure_cause=TEXTS),
    _booking(i.BookingMoved, start=TIMES, duration_min=MINUTES),
    _booking(i.EditRequested),
    _booking(i.EditFailed, failure_cause=TEXTS),
    _booking(i.Deleted, cause=TEXTS, organizer_id=EMAILS),
    _booking(i.Start),
    _booking(i.End),
    st.builds(i.BookingsListed, device=st.just(ROOM), bookings=st.lists(LISTED, max_size=3).map(tuple)),
    st.builds(i.ListFailed, device=st.just(ROOM), error=TEXTS),
    st.builds(i.LinkDown, device=st.just(ROOM), cause=TEXTS),
    st.builds(i.LinkUp, device=st.just(ROOM), software=st.sampled_from([None, "RoomOS 26.4.1", CANARY])),
    st.builds(i.Undecodable, device=st.just(ROOM), error=TEXTS),
    st.builds(i.SystemState, device=st.just(ROOM), value=st.sampled_from(["InCall", "Initialized", CANARY])),
    st.builds(i.Personalized, device=st.just(ROOM), value=st.booleans()),
    st.builds(i.BookAsked, booking_request_uuid=IDS.filter(bool), start=TIMES, duration_min=MINUTES, title=TITLES, organizer_email=EMAILS),  # noqa: E501
    st.builds(i.SignOutAsked),
)  # fmt: skip


class Story:
    """One desk, whatever is said of it, and its records."""

    def __init__(self) -> None:
        self.desk = Desk(desk_id=NAME)
        self.entries: list[Entry] = []
        self.now = T0 - timedelta(minutes=40)
        self.handed: list[OpenCommand] = []

    def say(self, given_input: i.Input, *, after_s: float = 5.0) -> None:
        self.now += timedelta(seconds=after_s)
        step = decide(self.desk, given_input, now=self.now)
        self.desk = step.desk
        self.handed += [effect.command for effect in step.effects if isinstance(effect, SendCommand)]
        self.entries.append(
            Entry(
                journal_seq=len(self.entries) + 1,
                desk_id=NAME,
                seq=step.desk.seq,
                at=self.now,
                mono=0.0,
                source=f"device:{ROOM}",
                kind=type(given_input).__name__,
                input=codec.encode_input(given_input),
                reasons=codec.encode_reasons(step.reasons),
                commands=codec.encode_commands(step.commands),
                refusal=step.refusal,
            )
        )


@settings(max_examples=200)
@given(data=st.data())
def test_whatever_is_said_a_redacted_history_replays_to_the_redacted_steps(data: st.DataObject) -> None:
    story = Story()
    calendar, stage = data.draw(st.sampled_from(list(i.CalendarKind))), data.draw(st.sampled_from(list(Stage)))
    hours = tuple(Hours(weekday=day, opens_min=0, closes_min=1440) for day in range(5))
    policy = Policy(max_duration_min=60, opening_hours=hours, time_zone="Europe/Oslo")
    story.say(i.DeskConfigured(desk=NAME, calendar=calendar, devices=(ROOM,), stage=stage, policy=policy))
    story.say(i.DaemonStarted(version="0.1.0"))
    story.say(i.LinkUp(device=ROOM))
    story.say(i.BookingsListed(device=ROOM))
    for _ in range(data.draw(st.integers(1, 12))):
        is_asked = data.draw(st.booleans())
        due = [timer for timer in story.desk.timers.values() if timer.due <= story.now + timedelta(seconds=5)]
        if due:
            story.say(i.TimerFired(key=due[0].key))
        elif story.handed:
            command = story.handed.pop(0).command_id
            story.say(i.CommandSending(command_id=command, device=ROOM, attempt=1))
            outcome = data.draw(st.sampled_from(list(i.Outcome)))
            story.say(i.CommandAnswered(command_id=command, outcome=outcome, message=data.draw(TEXTS)))
        elif is_asked and story.desk.bookings:
            booking = data.draw(st.sampled_from(sorted(story.desk.bookings)))
            story.say(
                data.draw(
                    st.one_of(
                        st.builds(
                            i.EditAsked, booking_id=st.just(BookingId(booking)), title=TITLES, start=st.none() | TIMES
                        ),
                        st.builds(i.DeleteAsked, booking_id=st.just(BookingId(booking))),
                        st.builds(i.DropAsked, command_id=st.sampled_from([*story.desk.commands, CommandId(CANARY)])),
                        st.builds(i.RetryAsked, command_id=st.sampled_from([*story.desk.commands, CommandId(CANARY)])),
                    )
                )
            )
        else:
            story.say(data.draw(SAID), after_s=data.draw(st.sampled_from([1.0, 70.0, 700.0])))
    redactor = Redactor(key=KEY)
    redacted = [redactor.entry(entry) for entry in story.entries]
    (found,) = replayed(*redacted)

    assert None is found.divergence
    assert len(redacted) == found.steps
    assert CANARY.lower() not in repr(redacted).lower()
    assert codec.digest_desk(Redactor(key=KEY).state(story.desk)) == codec.digest_desk(found.state)
