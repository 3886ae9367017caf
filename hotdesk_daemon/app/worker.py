"""
The one who decides for a desk: takes what waits, steps, makes it durable, then lets it be seen and felt.

Per desk one worker and one order. A turn takes everything that waits (bounded), decides it against the state, commits
inputs and steps together, and only then shows the new state, answers people and performs the effects. If the journal
cannot be written, the turn waits with everything in hand until it can; meanwhile the mailbox fills and devices wait.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Never, Protocol

from hotdesk_daemon.app.mailbox import Letter, Mailbox
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk, LinkState, Timer
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import ClockSet, CommandAnswered, Input, TimerFired, Undecodable
from hotdesk_daemon.journal import JournalUnavailableError, Record
from hotdesk_daemon.ops.logs import get_log
from hotdesk_daemon.xapi.notifications import parse_feedback

if TYPE_CHECKING:
    from datetime import datetime

    from hotdesk_daemon.app.timekeeper import Timekeeper
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.core.steps import Effect, Step
    from hotdesk_daemon.journal import Journal
    from hotdesk_daemon.ops.clocks import Clock

#: Letters decided between two commits.
BATCH: Final = 256
#: Timers fired in one turn; more than a desk ever has at one moment, so that a clock that jumps cannot hold it.
TIMERS_A_TURN: Final = 256
#: Inputs between two snapshots of a desk.
SNAPSHOT_EVERY: Final = 64
#: A wall clock that leaves the steady one by more than this was set; a time service that only trims it stays below.
CLOCK_STEP_S: Final = 10.0
_RETRY_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)


class Surroundings(Protocol):
    """What a worker tells the rest of the daemon, always after the commit and never waiting."""

    def stepped(self, record: Record, step: Step) -> None:
        """One input was decided and is durable."""

    def freshened(self, before: Desk, after: Desk) -> None:
        """A turn ended."""

    def perform(self, desk: DeskId, effect: Effect) -> None:
        """Do what a step asks for."""

    def journal_failed(self, desk: DeskId, error: Exception) -> None:
        """A desk's commit failed; it is tried again."""

    def journal_worked(self, desk: DeskId, took_s: float) -> None:
        """A desk's commit succeeded, which took so long."""


class _Decided(NamedTuple):
    record: Record
    step: Step
    letter: Letter | None


class DeskWorker:
    """
    One desk's state, mailbox and turns.

    ``desk`` is the state after the last commit: what people see. ``live`` is set while a device of it is live.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        journal: Journal,
        clock: Clock,
        timekeeper: Timekeeper,
        surroundings: Surroundings,
        mailbox_limit: int = 1000,
    ) -> None:
        self.desk = desk
        self.mailbox = Mailbox(limit=mailbox_limit)
        self.live = asyncio.Event()
        self._journal = journal
        self._clock = clock
        self._timekeeper = timekeeper
        self._around = surroundings
        self._snapshot_seq = desk.seq
        self._is_turning = False
        self._spoiled: set[Timer] = set()  # timers that could not be decided, until the next start
        self._offset_s = offset_s(clock)
        self._timers, self._first = desk.timers, desk.next_timer()
        self._log = get_log(desk_id=desk.desk_id)
        self._resume_timers()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is being decided."""
        return not (self._is_turning or self.mailbox.wake.is_set())

    async def run(self) -> Never:
        """Take turns until cancelled."""
        while True:
            await self.mailbox.wake.wait()  # for ever: a desk may be quiet
            self._is_turning = True
            await self.turn()
            self._is_turning = False

    async def turn(self) -> None:
        """Decide what waits, up to `BATCH`, and what time has brought."""
        now = self._clock.now()
        decided = self._decide(self.mailbox.take(BATCH), now=now)
        if not decided:
            self._resume_timers()
            return
        desk = decided[-1].step.desk
        await self._commit([each.record for each in decided], desk)
        before, self.desk = self.desk, desk
        self._tell(decided)
        self._around.freshened(before, desk)
        self._resume_timers()

    async def snapshot(self) -> None:
        """Write the present state down, so that the next start need not replay the tail."""
        if self.desk.seq > self._snapshot_seq and not self.desk.buffer:
            await self._journal.append((), snapshots=(self.desk,))
            self._snapshot_seq = self.desk.seq

    # --- deciding ----------------------------------------------------------------------------------------------------

    def _decide(self, letters: list[Letter], *, now: datetime) -> list[_Decided]:
        mono = self._clock.mono()
        desk = self.desk
        decided: list[_Decided] = []
        for letter in (*self._clock_letters(now, mono), *letters):
            inputs = self._open(letter)
            for part, told in enumerate(inputs):
                given, step = self._step(desk, told, now=now)
                desk = step.desk
                raw = letter.raw if part == 0 else None
                last = letter if part == len(inputs) - 1 else None
                if given is not told:
                    raw = letter.raw or repr(told).encode()
                record = self._record(desk, given, step, letter, now=now, mono=mono, raw=raw, part=part)
                decided.append(_Decided(record, step, last))
        for timer in self._due_timers(desk, now=now):
            letter = Letter(source="timer", cause_seq=timer.cause_seq)
            fired = TimerFired(key=timer.key)
            given, step = self._step(desk, fired, now=now)
            desk = step.desk
            if given is not fired:  # it still stands in the state and would be met again at once, for ever
                self._spoiled.add(timer)
            decided.append(_Decided(self._record(desk, given, step, letter, now=now, mono=mono), step, None))
        return decided

    def _clock_letters(self, now: datetime, mono: float) -> tuple[Letter, ...]:
        """Before anything is decided by a clock that was set meanwhile, say so."""
        offset_s = now.timestamp() - mono
        by_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(by_s) < CLOCK_STEP_S:
            return ()
        return (Letter(source="clock", inputs=(ClockSet(by_s=round(by_s)),)),)

    def _due_timers(self, desk: Desk, *, now: datetime) -> list[Timer]:
        """Timers due now. Those that firing sets anew for the past wait for the next turn."""
        first = self._first_timer(desk)
        if first is None or first.due > now:
            return []
        due = (t for t in desk.timers.values() if t.due <= now and t not in self._spoiled)
        return sorted(due, key=lambda t: (t.due, t.key))[:TIMERS_A_TURN]

    @staticmethod
    def _open(letter: Letter) -> tuple[Input, ...]:
        if letter.params is None or letter.device is None:
            return letter.inputs
        return parse_feedback(letter.params, device=letter.device, raw=letter.raw or b"")

    def _step(self, desk: Desk, given: Input, *, now: datetime) -> tuple[Input, Step]:
        """
        Decide, and survive a mistake of ours: then an input that says so takes the place of *given*.

        So the journal can be replayed, and whoever waits for the step is refused rather than misled.
        """
        try:
            return given, decide(desk, given, now=now)
        except Exception as exc:  # noqa: BLE001 - the guard of one desk: its mistake must not end the others
            kind = type(given).__name__
            self._log.error("task.failed", task=f"decide {kind}", exc_info=exc)
            device = getattr(given, "device", None) or next(iter(desk.devices), DeviceId("none"))
            lost = Undecodable(device=device, error=f"{kind} could not be decided: {type(exc).__name__}")
            step = decide(desk, lost, now=now)
            return lost, step._replace(refusal=f"{kind} could not be decided: this is a mistake of the daemon")

    @staticmethod
    def _record(
        desk: Desk,
        given: Input,
        step: Step,
        letter: Letter,
        *,
        now: datetime,
        mono: float,
        raw: bytes | None = None,
        part: int = 0,
    ) -> Record:
        cause_seq = letter.cause_seq
        if cause_seq is None and step.commands and isinstance(given, CommandAnswered):
            cause_seq = next((c.cause_seq for c in step.commands), None)
        return Record(
            desk_id=desk.desk_id,
            seq=desk.seq,
            at=now,
            mono=mono,
            source=letter.source,
            kind=type(given).__name__,
            cause_seq=cause_seq,
            raw=raw,
            part=part,
            input=given,
            reasons=step.reasons,
            commands=step.commands,
            refusal=step.refusal,
        )

    # --- after deciding ----------------------------------------------------------------------------------------------

    async def _commit(self, records: list[Record], desk: Desk) -> None:
        """Make the turn durable, however long that takes: what is decided can be neither performed nor forgotten."""
        snapshots: tuple[Desk, ...] = ()
        if desk.seq - self._snapshot_seq >= SNAPSHOT_EVERY and not desk.buffer:
            snapshots = (desk,)
        tries = 0
        while True:
            began_mono = time.perf_counter()
            try:
                await self._journal.append(records, snapshots=snapshots)
            except JournalUnavailableError as exc:
                self._around.journal_failed(desk.desk_id, exc)
                await asyncio.sleep(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
                tries += 1
            else:
                break
        if snapshots:
            self._snapshot_seq = desk.seq
        self._around.journal_worked(desk.desk_id, time.perf_counter() - began_mono)

    def _tell(self, decided: list[_Decided]) -> None:
        for device in self.desk.devices.values():
            if device.link is LinkState.LIVE:
                self.live.set()
                break
        else:
            self.live.clear()
        for each in decided:
            self._around.stepped(each.record, each.step)
            for effect in each.step.effects:
                self._around.perform(self.desk.desk_id, effect)
            done = each.letter.done if each.letter is not None else None
            if done is not None and not done.done():
                done.set_result(each.step)

    def _first_timer(self, desk: Desk) -> Timer | None:
        """`Desk.next_timer`, looked for only when a step has touched the timers: few do."""
        if desk.timers is not self._timers:
            self._timers, self._first = desk.timers, desk.next_timer()
        return self._first

    def _resume_timers(self) -> None:
        timer = self._first_timer(self.desk)
        if self._spoiled and timer in self._spoiled:
            sound = (t for t in self.desk.timers.values() if t not in self._spoiled)
            timer = min(sound, key=lambda t: t.due, default=None)
        self._timekeeper.set(self.desk.desk_id, timer.due if timer else None, self.mailbox.wake.set)


def offset_s(clock: Clock) -> float:
    """By how much the wall clock is ahead of the steady one."""
    return clock.now().timestamp() - clock.mono()
