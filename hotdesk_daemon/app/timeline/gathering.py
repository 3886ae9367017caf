"""
From a recording to a timeline: the desk's inputs are decided again, and what lasts is written down.

Nothing but the desk's present state and the stretch itself is held, however long the history before it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.explain import NotRecordedError
from hotdesk_daemon.app.explain.states import history, step_on
from hotdesk_daemon.app.timeline.booked import BookingTracks
from hotdesk_daemon.app.timeline.tracks import CommandMark, Matter, Span, Start, Timeline, Track
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.desk import SETTLED, Desk, Device, LinkState, OpenCommand, SignInState
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.steps import Life
from hotdesk_daemon.journal import TailEntry
from hotdesk_daemon.journal.entries import input_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.app.timeline.axis import Axis
    from hotdesk_daemon.core.ids import CommandId, DeskId
    from hotdesk_daemon.core.steps import Step
    from hotdesk_daemon.journal import Entry

#: So many spans of one track, and commands, are kept; no day of a desk comes near.
MOST: Final = 50_000
#: A silence before a start that is shorter tells nothing.
_SILENCE: Final = timedelta(seconds=60)
#: The states that are usual, and therefore not drawn.
_USUAL: Final = frozenset({SignInState.SHARED.value, LinkState.LIVE.value, ""})
_Key = tuple[Matter, str]


def gather(
    recording: Recording,
    desk: DeskId,
    axis: Axis,
    *,
    now: datetime | None = None,
    tick: Callable[[], None] = lambda: None,
) -> Timeline:
    """
    The timeline of *desk* over *axis*.

    Args:
        recording: where its history is.
        desk: which one.
        axis: the stretch.
        now: the present, where it is known; else nothing is known behind the last input.
        tick: called for every input.

    Raises:
        NotRecordedError: nothing is recorded of such a desk, or nothing of it before the stretch is over.
        ConfigError: the recording cannot be used.
        JournalUnavailableError: it cannot be read.
    """
    before = next(recording.newest(desk, until=axis.since - timedelta(microseconds=1)), None)
    gathering = _Gathering(desk_id=desk, axis=axis, last_at=None if before is None else before.at)
    for item in history(recording, desk, last_seq=0 if before is None else before.seq):
        tick()
        if isinstance(item, Desk):
            gathering.begin(item)
        elif not gathering.take(item):
            break
    return gathering.timeline(now=now)


@attrs.define(kw_only=True)
class _Open:
    """A span that goes on."""

    since: datetime
    state: str
    text: str


class _Gathering:
    """A desk on its way through its history; *last_at* is when its last input before the stretch came."""

    def __init__(self, *, desk_id: DeskId, axis: Axis, last_at: datetime | None) -> None:
        self._desk = Desk(desk_id=desk_id)
        self._axis = axis
        self._known_since = None if last_at is None else axis.since
        self._last_at = last_at
        self._is_inside = self._is_past = self._is_cut = False
        self._inputs = self._unreadable = 0
        self._begins_at_seq = 0
        self._open: dict[_Key, _Open] = {}
        self._spans: dict[_Key, list[Span]] = {}
        self._bookings = BookingTracks(axis)
        self._commands: dict[CommandId, tuple[OpenCommand, datetime | None]] = {}
        self._starts: list[Start] = []

    def begin(self, desk: Desk) -> None:
        """Go on from a state that the recording has."""
        self._desk = desk
        self._begins_at_seq = self._begins_at_seq or 1

    def take(self, entry: Entry) -> bool:
        """One more input; False if it lies behind the stretch."""
        if entry.at >= self._axis.until:
            self._enter(self._axis.since)
            self._is_past = True
            return False
        self._begins_at_seq = self._begins_at_seq or entry.seq
        if self._known_since is None:
            self._known_since = max(entry.at, self._axis.since)
        given = input_of(entry.kind, entry.input)
        step = step_on(self._desk, TailEntry(entry.seq, entry.at, given))
        if entry.at >= self._axis.since:
            self._enter(self._known_since)
            self._unreadable += isinstance(given, UndecodableError)
            self._note(entry, self._desk, step)
        self._desk = step.desk
        self._last_at = entry.at
        return True

    def _enter(self, at: datetime) -> None:
        """Take down how everything stood when the stretch began."""
        if self._is_inside or self._known_since is None:
            return
        self._is_inside = True
        for key, state in _states(self._desk):
            self._open[key] = _Open(since=at, state=state, text="")
        self._bookings.enter(self._desk, at=at)
        self._commands = {name: (command, None) for name, command in self._desk.commands.items()}

    def _note(self, entry: Entry, before: Desk, step: Step) -> None:
        """Take down what an input changed."""
        self._inputs += 1
        if entry.kind == "DaemonStarted":
            last = self._last_at
            silent = last is not None and entry.at - last >= _SILENCE
            self._starts.append(Start(at=entry.at, silent_since=last if silent else None))
        if step.desk.devices is not before.devices:
            self._note_states(entry.at, step)
        self._bookings.note(before, step, at=entry.at)
        for command in step.commands:
            settled = entry.at if command.state in SETTLED else None
            self._commands[command.command_id] = (command, settled)

    def _note_states(self, at: datetime, step: Step) -> None:
        held = dict(_states(step.desk))
        for key in self._open.keys() | held.keys():
            state, known = held.get(key, ""), self._open.get(key)
            if known is None or known.state != state:
                self._close(key, at)
                self._open[key] = _Open(since=at, state=state, text=_why(key, step))

    def _close(self, key: _Key, at: datetime) -> None:
        known = self._open.pop(key, None)
        if known is None or known.state in _USUAL:
            return
        spans = self._spans.setdefault(key, [])
        if len(spans) < MOST:
            spans.append(Span(since=known.since, until=at, state=known.state, text=known.text))
        else:
            self._is_cut = True

    def timeline(self, *, now: datetime | None) -> Timeline:
        """
        All of it.

        Raises:
            NotRecordedError: there is nothing.
        """
        desk, axis = self._desk.desk_id, self._axis
        if self._known_since is None or self._last_at is None:
            when = " before the end of that time" if self._is_past else ""
            raise NotRecordedError(f"nothing is recorded of desk {desk}{when}")
        self._enter(axis.since)
        known_until = axis.until if self._is_past else min(axis.until, max(self._last_at, now or self._last_at))
        known_until = max(known_until, axis.since)
        for key in list(self._open):
            self._close(key, known_until)
        bars, elsewhen = self._bookings.bars(until=known_until)
        return Timeline(
            desk=desk,
            zone=axis.zone,
            since=axis.since,
            until=axis.until,
            known_since=self._known_since,
            known_until=known_until,
            bookings=bars,
            elsewhen=elsewhen,
            tracks=tuple(
                Track(matter=matter, name=name, spans=tuple(spans))
                for (matter, name), spans in sorted(self._spans.items())
            ),
            commands=tuple(self._marks()),
            starts=tuple(self._starts),
            inputs=self._inputs,
            notes=tuple(self._notes()),
        )

    def _marks(self) -> Iterator[CommandMark]:
        for command, settled_at in sorted(
            self._commands.values(), key=lambda pair: (pair[0].decided_at, pair[0].command_id)
        ):
            yield CommandMark(
                command_id=command.command_id,
                path=command.command.path,
                booking_id=command.booking_id,
                decided_at=command.decided_at,
                settled_at=settled_at,
                state=command.state,
                attempts=command.attempts,
                why=command.why,
                message=quoted(command.message),
            )

    def _notes(self) -> Iterator[str]:
        if self._begins_at_seq > 1:
            yield f"The history begins with input {self._begins_at_seq}: how the desk stood then is not known."
        if self._unreadable:
            yield f"{self._unreadable} inputs cannot be read by this version."
        if self._is_cut:
            yield f"Of each track the first {MOST} spans are told."


def _states(desk: Desk) -> Iterator[tuple[_Key, str]]:
    """Everything that lasts, by what and whose it is."""
    if not desk.devices:
        return
    yield (Matter.STALE, desk.desk_id), "stale" if desk.is_stale else ""
    for name, device in desk.devices.items():
        yield (Matter.SIGN_IN, name), device.sign_in.value
        yield (Matter.CALL, name), "in call" if device.in_call else ""
        yield (Matter.PEOPLE, name), _people(device)
        yield (Matter.LINK, name), device.link.value


def _people(device: Device) -> str:
    """How many people are there, else whether any are; nothing where nobody is, or nothing is known."""
    if device.people_count:
        return str(device.people_count)
    return "somebody" if device.people_presence and device.people_count is None else ""


def _why(key: _Key, step: Step) -> str:
    """What the rules said of it."""
    matter, name = key
    life = {Matter.SIGN_IN: Life.SIGN_IN, Matter.LINK: Life.LINK, Matter.STALE: Life.LINK}.get(matter)
    whose = [r for r in step.reasons if r.life is life and (matter is Matter.STALE or r.device == name)]
    return next((quoted(reason.text) for reason in whose if reason.before != reason.after), "")
