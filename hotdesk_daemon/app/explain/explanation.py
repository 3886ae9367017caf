"""
Why a desk is as it is: a sentence for each thing of it, the moves that led there, and the chain of causes of each.

It is read from the recorded reasons, the newest first, so that a long history costs no more than a short one; only the
state itself is decided again, from the newest that is kept.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.explain import sentences
from hotdesk_daemon.app.explain.errors import NotRecordedError
from hotdesk_daemon.app.explain.moves import Met, Move, explained, freshness, link_of, sorted_out
from hotdesk_daemon.app.explain.naming import booking_named, born
from hotdesk_daemon.app.explain.past import MOST_RECORDS, Past
from hotdesk_daemon.app.explain.states import MOST_DECIDED, state_at
from hotdesk_daemon.app.explain.words import Words, timer
from hotdesk_daemon.core.desk import OVER, SETTLED, Booking, CommandState, Desk, LinkState, OpenCommand
from hotdesk_daemon.core.ids import BookingId, CommandId, DeskId, DeviceId
from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hotdesk_daemon.app.recordings import Recording

#: What is over for longer is told only to who asks for everything.
FRESH: Final = timedelta(hours=24)
#: So many records are walked over for no more than the last move of a connection or a sign-in.
MOST_FOR_LIVES: Final = 5_000
#: So many moves are told of one thing, the newest.
MOST_MOVES: Final = 200
_OVER: Final = frozenset({*(state.value for state in OVER), *(state.value for state in SETTLED)})


@attrs.frozen(kw_only=True)
class Thing:
    """
    Something of the desk that has states: its ``life`` and ``name``, its ``state``, and why, in words.

    ``moves`` are the oldest first; ``is_whole`` says whether they go back to its beginning.
    """

    life: Life
    name: str
    state: str
    words: Words
    moves: tuple[Move, ...]
    is_whole: bool
    booking_id: BookingId | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is of the past."""
        return self.state in _OVER


@attrs.frozen(kw_only=True)
class Pending:
    """A timer of the desk: what will happen when it is due, and the input that set it."""

    key: str
    due: datetime
    words: Words
    set_seq: int


@attrs.frozen(kw_only=True)
class Explanation:
    """
    A desk at a moment.

    ``seq`` and ``newest_at`` are those of its last input until then. ``is_stale`` and ``pending`` are None where the
    state is not known. ``notes`` are whole sentences about what was not looked at.
    """

    desk: DeskId
    at: datetime
    seq: int
    newest_at: datetime
    is_stale: bool | None
    things: tuple[Thing, ...]
    pending: tuple[Pending, ...] | None
    notes: tuple[str, ...]


def explain(
    recording: Recording,
    desk: DeskId,
    *,
    at: datetime | None = None,
    since: datetime | None = None,
    booking: str | None = None,
    over_too: bool = False,
    whole: bool = False,
) -> Explanation:
    """
    Explain *desk* as it was *at* a moment, or is.

    Args:
        recording: where its history is.
        desk: which one.
        at: the moment; that of its newest input without it.
        since: only what moved from then on.
        booking: only this booking, by any of its names, and the commands about it.
        over_too: what is over for longer than a day, too.
        whole: look at all of its history, however long that takes.

    Raises:
        NotRecordedError: nothing is recorded of such a desk, or of such a booking.
        AmbiguousError: several bookings are named so.
        ConfigError: the recording cannot be used.
        JournalUnavailableError: it cannot be read.
    """
    past = Past(recording, desk, until=at, most=None if whole else MOST_RECORDS)
    if past.newest is None:
        raise NotRecordedError.of_desk(desk, recording.desks())
    state = state_at(recording, past, until=at, most=None if whole else MOST_DECIDED)
    moment = at or past.newest.at
    wanted = None if booking is None else booking_named(booking, past=past, state=state)
    asked = _Asked(past=past, state=state, moment=moment, since=since, wanted=wanted, over_too=over_too)
    things = tuple(asked.things())
    names = None if wanted is None else {thing.name for thing in things}
    return Explanation(
        desk=desk,
        at=moment,
        seq=past.newest.seq,
        newest_at=past.newest.at,
        is_stale=None if state is None else state.is_stale,
        things=things,
        pending=None if state is None else _pending(state, names),
        notes=tuple(_notes(past, state, things)),
    )


def _pending(state: Desk, names: set[str] | None) -> tuple[Pending, ...]:
    """The timers, what is due first before the others; those of *names* only, if it is given."""
    return tuple(
        Pending(key=one.key, due=one.due, words=(timer(one.key),), set_seq=one.cause_seq)
        for one in sorted(state.timers.values(), key=lambda one: (one.due, one.key))
        if names is None or one.key.partition(":")[2] in names
    )


def _notes(past: Past, state: Desk | None, things: Sequence[Thing]) -> Iterator[str]:
    if past.is_cut:
        yield f"The history is longer than what was looked at: inputs {past.seq} to {past.seq + past.walked - 1}."
    if state is None:
        yield "What was pending is not told: too many inputs would have to be decided again to know the state."
    if any(len(thing.moves) >= MOST_MOVES for thing in things):
        yield f"Of each thing the newest {MOST_MOVES} moves are told."
    if past.unreadable:
        yield f"{past.unreadable} records cannot be read by this version."


def _is_told(command: OpenCommand) -> bool:
    """Whether its booking's own story tells all there is of a command that is settled."""
    return command.state is CommandState.DONE and command.booking_id is not None


@attrs.define(kw_only=True)
class _Asked:
    """One explanation in the making."""

    past: Past
    state: Desk | None
    moment: datetime
    since: datetime | None
    wanted: BookingId | None
    over_too: bool
    _met: dict[tuple[Life, str], list[Met]] = attrs.field(init=False)
    _explained: dict[tuple[Life, str], tuple[Move, ...]] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._look_back()
        self._met = sorted_out(self.past.kept())

    # --- looking back ------------------------------------------------------------------------------------------------

    def _look_back(self) -> None:
        """As far as is needed: to the moment asked for, else until everything that stands has been met."""
        if self.since is None and (self.over_too or self.state is None):
            self.past.back_to(1)
            return
        missing, oldest = self._needed()
        for record in itertools.chain((self.past.newest,), self.past.walk()):
            if record is None or (self.since is not None and record.at < self.since):
                return
            missing -= {(r.life, str(r.device)) for r in record.reasons if r.before != r.after}
            met = not missing or self.past.walked >= MOST_FOR_LIVES
            if self.since is None and met and record.seq <= oldest:
                self.past.is_cut = self.past.is_cut or bool(missing)
                return

    def _needed(self) -> tuple[set[tuple[Life, str]], int]:
        """The lives of devices whose last move is to be met, and the number of the oldest input that is to be."""
        if self.wanted is not None:
            return set(), born(self.wanted)
        if self.state is None:
            return set(), 1
        lives = {(life, str(device)) for device in self.state.devices for life in (Life.LINK, Life.SIGN_IN)}
        names = [*(b.booking_id for b in self.state.bookings.values() if self._is_shown(b)), *self.state.commands]
        return lives, min((born(name) for name in names), default=self.past.seq)

    def _is_shown(self, booking: Booking) -> bool:
        return self.over_too or not booking.is_over or booking.changed_at >= self.moment - FRESH

    # --- things ------------------------------------------------------------------------------------------------------

    def things(self) -> Iterator[Thing]:
        """Those asked for: the desk and its devices, then bookings, then commands."""
        if self.wanted is None:
            yield from self._of_devices()
        names = [self.wanted] if self.wanted is not None else self._bookings()
        yield from (self._booking(name) for name in names)
        yield from (self._command(command) for command in self._commands())

    def _of_devices(self) -> Iterator[Thing]:
        links = self._links()
        met = [one for device in links for one in self._met.get((Life.LINK, device), ())]
        moved = sorted((one for one in met if one.reason.before != one.reason.after), key=lambda one: one.record.seq)
        is_stale, met_by = freshness(links, moved)
        since = None if met_by is None else explained(self.past, met_by)
        if links and self._is_in_time(since):
            yield Thing(
                life=Life.DESK,
                name=self.past.desk_id,
                state="stale" if is_stale else "live",
                words=sentences.of_desk(stale=is_stale, since=since, state=self.state),
                moves=() if since is None else (since,),
                is_whole=since is not None,
            )
        for life in (Life.LINK, Life.SIGN_IN):
            for device in links:
                yield from self._of_device(life, device)

    def _links(self) -> dict[DeviceId, LinkState]:
        if self.state is not None:
            return {device.device_id: device.link for device in self.state.devices.values()}
        # The newest word on each link, also where it did not move.
        told = {
            reason.device: link_of(reason.after)
            for record in self.past.kept()
            for reason in record.reasons
            if reason.life is Life.LINK and reason.device is not None
        }
        return dict(sorted(told.items()))

    def _of_device(self, life: Life, device: DeviceId) -> Iterator[Thing]:
        held = self.state.devices.get(device) if self.state is not None else None
        moves = self._moves(life, device)
        last = next((move for move in reversed(moves) if move.is_move), None)
        if last is None and (held is None or self.since is not None):
            return
        tell = sentences.of_link if life is Life.LINK else sentences.of_sign_in
        state = (held.link if life is Life.LINK else held.sign_in).value if held is not None else ""
        state = state or (last.after if last is not None else "")
        shown = moves if self.since is not None or self.over_too else tuple(move for move in moves if move is last)
        yield Thing(
            life=life,
            name=device,
            state=state,
            words=tell(device, state, last, held),
            moves=shown,
            is_whole=last is not None,
        )

    def _bookings(self) -> list[BookingId]:
        """Those to tell of, what is over first, by their making."""
        held = self.state.bookings if self.state is not None else {}
        names = [name for name, booking in held.items() if self._is_shown(booking)]
        met = [BookingId(name) for life, name in self._met if life is Life.BOOKING]
        if self.since is not None:
            names = [name for name in met if self._moves(Life.BOOKING, name)]
        elif self.over_too or self.state is None:
            names = list(dict.fromkeys([*names, *(name for name in met if self.over_too or self._is_fresh(name))]))
        return sorted(names, key=lambda name: (born(name), name))

    def _is_fresh(self, name: BookingId) -> bool:
        """Whether a booking of which nothing but its moves is known stands, or was over within a day."""
        last = self._met[Life.BOOKING, name][-1]
        states = [met.reason.after for met in self._met[Life.BOOKING, name] if met.reason.life is Life.BOOKING]
        return last.record.at >= self.moment - FRESH or not states or states[-1] not in _OVER

    def _booking(self, name: BookingId) -> Thing:
        booking = self.state.bookings.get(name) if self.state is not None else None
        moves = self._moves(Life.BOOKING, name)
        if self.since is None and self.past.seq > born(name):
            moves = (*self._beginning(name), *moves)
        commands = sorted(
            (one for one in self._all_commands().values() if one.booking_id == name), key=lambda one: one.decided_at
        )
        lives = [move.after for move in moves if move.life is Life.BOOKING and move.is_move]
        return Thing(
            life=Life.BOOKING,
            name=name,
            state=booking.state.value if booking is not None else lives[-1] if lives else "",
            words=sentences.of_booking(name, booking, moves, commands, self.state),
            moves=moves,
            is_whole=self.past.seq <= born(name),
            booking_id=name,
        )

    def _beginning(self, name: BookingId) -> tuple[Move, ...]:
        """How a booking came to be, where the walk did not get that far."""
        record = self.past.record(born(name))
        if record is None:
            return ()
        met = sorted_out([record]).get((Life.BOOKING, name), ())
        return tuple(explained(self.past, one) for one in met)

    def _all_commands(self) -> dict[CommandId, OpenCommand]:
        """Each in its newest form; the open ones are those of the state."""
        return {**self.past.commands, **(self.state.commands if self.state is not None else {})}

    def _commands(self) -> list[OpenCommand]:
        held = self.state.commands if self.state is not None else {}
        every = self._all_commands().values()
        if self.wanted is not None:
            shown = [command for command in every if command.booking_id == self.wanted]
        elif self.over_too or self.since is not None:
            shown = [*every]
        else:
            fresh = self.moment - FRESH
            shown = [
                command
                for command in every
                if (command.state not in SETTLED if self.state is None else command.command_id in held)
                or (command.decided_at >= fresh and not _is_told(command))
            ]
        if self.since is not None:
            shown = [command for command in shown if self._moves(Life.COMMAND, command.command_id)]
        return sorted(shown, key=lambda command: (command.decided_at, command.command_id))

    def _command(self, command: OpenCommand) -> Thing:
        moves = self._moves(Life.COMMAND, command.command_id)
        return Thing(
            life=Life.COMMAND,
            name=command.command_id,
            state=command.state.value,
            words=sentences.of_command(command, moves),
            moves=moves,
            is_whole=self.past.seq <= command.cause_seq,
            booking_id=command.booking_id,
        )

    def _moves(self, life: Life, name: str) -> tuple[Move, ...]:
        """The newest rows that a thing met, of the time that is asked for."""
        if (life, name) not in self._explained:
            met = [one for one in self._met.get((life, name), ()) if self.since is None or one.record.at >= self.since]
            self._explained[life, name] = tuple(explained(self.past, one) for one in met[-MOST_MOVES:])
        return self._explained[life, name]

    def _is_in_time(self, move: Move | None) -> bool:
        return self.since is None or (move is not None and move.at >= self.since)
