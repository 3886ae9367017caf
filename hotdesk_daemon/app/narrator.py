"""
What steps mean to people: log lines and numbers.

A step's reasons are already in words; here those that somebody would ask about become one line each, and everything
is counted. Nothing here names a person or a title.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Never

import attrs

from hotdesk_daemon.core.commands import Logout
from hotdesk_daemon.core.desk import SETTLED, CommandState, Desk, LinkState, SignInState
from hotdesk_daemon.core.inputs import KINDS, DeviceInput, LinkDown, LinkUp, ListFailed, Undecodable
from hotdesk_daemon.core.steps import Life, Reason, Step
from hotdesk_daemon.journal import Record
from hotdesk_daemon.ops.events import CALL_FIELDS, COMMON_FIELDS, EVENTS
from hotdesk_daemon.ops.logs import Fold, get_log
from hotdesk_daemon.ops.metrics import DeskNumbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hotdesk_daemon.core.inputs import ListCause
    from hotdesk_daemon.ops.logs import Log
    from hotdesk_daemon.ops.metrics import Metrics

#: Reasons told by whoever saw the fact first, or by the desk as a whole.
TOLD_ELSEWHERE: Final = frozenset({"link.up", "link.down"})
#: Codes that mean the same line as another one.
SAME: Final = {"booking.surprise": "desk.surprise"}
#: What core gives as cause of a link that is down because we have just begun: no news to anybody.
_BEGINNING: Final = frozenset({"daemon started", "not connected yet"})
_PARKED: Final = "command.parked"
_LOOK_EVERY_S: Final = 1.0
#: Settled commands whose bookings are remembered: answers may come after the effect.
_SETTLED_KEPT: Final = 1000
#: Inputs that a device said, and nobody else.
_HEARD: Final = frozenset(
    name for name, kind in KINDS.items() if issubclass(kind, DeviceInput) and kind not in (LinkUp, LinkDown, ListFailed)
)
_COUNTED: Final = {
    CommandState.DONE: "done",
    CommandState.REFUSED: "refused",
    CommandState.DROPPED: "dropped",
    CommandState.PARKED: "parked",
}


class Narrator:
    """Tells and counts what the desks did. *wall* is the time that Prometheus lives by: the machine's."""

    def __init__(self, metrics: Metrics, *, wall: Callable[[], float] = time.time) -> None:
        self._metrics = metrics
        self._wall = wall
        self._log = get_log()
        self._inputs: Counter[str] = Counter()
        self._journal_fold = Fold(self._log)
        self._list_fold = Fold(self._log)
        self._overdue_fold = Fold(self._log)
        self._stale_since: dict[str, float] = {}
        self._heard_at: dict[str, float] = {}
        self._doubted: set[str] = set()
        self._flooded: set[str] = set()
        self._settled: OrderedDict[str, str] = OrderedDict()  # the newest settled commands and their bookings
        metrics.last_event.set(wall())

    def stepped(self, record: Record, step: Step) -> None:
        """Tell of one durable step. Most only move a mirrored status: those cost no more than a count."""
        self._inputs[record.kind] += 1
        if record.kind in _HEARD:
            self._heard_at[record.desk_id] = self._wall()
        if not (step.reasons or step.commands):
            return
        for reason in step.reasons:
            self._reason(record, step, reason)
        self._count(record, step)

    def staleness(self, before: Desk, after: Desk, *, mono: float) -> None:
        """Tell when a desk's picture becomes doubtful and when it is right again; count what lists corrected."""
        if after.counters is not before.counters and after.counters.drift > before.counters.drift:
            self._metrics.drift.inc(after.counters.drift - before.counters.drift)
        if after.counters is not before.counters and after.counters.surprises > before.counters.surprises:
            self._metrics.surprises.inc(after.counters.surprises - before.counters.surprises)
        if before.is_stale == after.is_stale:
            return
        desk_id = after.desk_id
        log = self._log.bind(desk_id=desk_id, journal_seq=after.seq)
        if after.is_stale:
            self._stale_since[desk_id] = mono
            self._grow_stale(log, after)
            return
        since = self._stale_since.pop(desk_id, None)
        fields = {} if since is None else {"stale_s": round(mono - since, 3)}
        say = log.debug if desk_id in self._doubted else log.info
        self._doubted.discard(desk_id)
        say("desk.fresh", **fields)

    def _grow_stale(self, log: Log, desk: Desk) -> None:
        doubted = [device for device in desk.devices.values() if device.link is LinkState.STALE]
        causes = {device.link_cause for device in doubted or desk.devices.values() if device.link is not LinkState.LIVE}
        if causes <= _BEGINNING:
            return  # a start says so once, for all desks
        if doubted:
            self._doubted.add(desk.desk_id)
        say = log.debug if doubted else log.info
        say("desk.stale", cause="the device says so" if doubted else "; ".join(sorted(causes)))

    def flooded(self, desk_id: str, *, size: int) -> None:
        """A desk's mailbox is full: told once until `drained`."""
        if desk_id not in self._flooded:
            self._flooded.add(desk_id)
            self._log.warning("desk.overflow", desk_id=desk_id, size=size)

    def drained(self, desk_id: str) -> None:
        """A desk's mailbox has been emptied."""
        if desk_id in self._flooded:
            self._flooded.discard(desk_id)
            self._log.info("desk.drained", desk_id=desk_id)

    def forget(self, desk_id: str) -> None:
        """A desk is not of this site any more."""
        self._stale_since.pop(desk_id, None)
        self._doubted.discard(desk_id)
        self._flooded.discard(desk_id)

    def listed(self, cause: ListCause, *, failed: bool) -> None:
        """A device's list was read, or could not be."""
        self._metrics.sync_runs.labels(cause.value, "failed" if failed else "applied").inc()

    def journal_failed(self, error: Exception) -> None:
        """The journal could not be written."""
        self._metrics.journal_writable.set(0)
        self._metrics.journal_failures.inc()
        self._journal_fold.down("journal", "journal.unavailable", error=str(error))

    def journal_took(self, seconds: float) -> None:
        """The journal was written, which took so long."""
        self._metrics.journal_append.observe(seconds)

    def journal_worked(self) -> None:
        """The journal can be written again."""
        self._metrics.journal_writable.set(1)
        self._journal_fold.up("journal", "journal.recovered")

    def retried(
        self, desk_id: str, command_id: str, *, booking_id: str | None, attempt: int, wait_s: float, cause: str
    ) -> None:
        """A command was certainly not done and will be sent again."""
        self._metrics.command_retries.inc()
        log = self._log if booking_id is None else self._log.bind(booking_id=booking_id)
        say = log.warning if attempt == 1 else log.debug
        say("command.repeated", desk_id=desk_id, command_id=command_id, attempt=attempt, wait_s=wait_s, cause=cause)

    def count_desks(self, desks: Iterable[Desk], *, now: datetime) -> None:
        """Set the numbers that are counted over all desks, and bring the counts of inputs up to date."""
        for kind, number in self._inputs.items():
            self._metrics.events.labels(kind).inc(number)
        self._inputs.clear()
        states: Counter[str] = Counter()
        commands: Counter[CommandState] = Counter()
        oldest, interval_s = now, 0
        numbers: list[DeskNumbers] = []
        heard_at: dict[str, float] = {}
        for desk in desks:
            states["stale" if desk.is_stale else "live"] += 1
            interval_s = max(interval_s, desk.reconcile_s or desk.sync_interval_s)
            for command in desk.commands.values():
                commands[command.state] += 1
                if command.state is CommandState.PENDING:  # since it was decided, or since a person wanted it again
                    again = command.deadline - timedelta(seconds=desk.deadline_s)
                    oldest = min(oldest, max(again, command.decided_at))
            up = sum(1 for device in desk.devices.values() if device.link is not LinkState.DOWN)
            heard = self._heard_at.get(desk.desk_id)
            if heard is not None:
                heard_at[desk.desk_id] = heard
            numbers.append(DeskNumbers(desk.desk_id, up, heard))
        self._heard_at = heard_at  # without desks that are gone
        if heard_at:
            self._metrics.last_event.set(max(heard_at.values()))
        self._metrics.tell_desks(numbers)
        self._metrics.count_desks({"live": 0, "stale": 0, **states})
        self._metrics.sync_interval.set(interval_s)
        self._metrics.outbox_pending.set(commands[CommandState.PENDING] + commands[CommandState.SENDING])
        self._metrics.outbox_oldest.set((now - oldest).total_seconds())
        self._metrics.outbox_unknown.set(commands[CommandState.UNKNOWN])
        self._metrics.parked.set(commands[CommandState.PARKED])

    async def watch_loop(self) -> Never:
        """Measure how late the event loop is, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOK_EVERY_S
            await asyncio.sleep(_LOOK_EVERY_S)
            self._metrics.loop_lag.observe(max(0.0, loop.time() - due))

    # --- one reason --------------------------------------------------------------------------------------------------

    def _reason(self, record: Record, step: Step, reason: Reason) -> None:
        name = SAME.get(reason.code, reason.code)
        if reason.code == "sign_in.over" and reason.after == SignInState.STAYING.value:
            name = "sign_in.staying"
        if reason.code not in TOLD_ELSEWHERE:
            self._tell(name, record, step, reason)
        # Whatever row parks a command, a person has to know it by the one line that says so.
        is_parked = reason.life is Life.COMMAND and reason.after == CommandState.PARKED.value != reason.before
        if is_parked and name != _PARKED:
            self._tell(_PARKED, record, step, reason)

    def _tell(self, name: str, record: Record, step: Step, reason: Reason) -> None:
        event = EVENTS.get(name)
        if event is None:
            return
        told = _Told(record, step, reason)
        found: dict[str, Any] = {
            "desk_id": record.desk_id,
            "booking_id": told.booking_id or self._settled.get(told.command_id),
            "command_id": told.command_id,
            "journal_seq": record.seq,
            "cause_seq": reason.cause_seq or record.cause_seq,
            "reason": reason.text,
            "device_id": reason.device or getattr(record.input, "device", None),
            **{field: FACTS[field](told) for field in event.fields if field not in COMMON_FIELDS},
        }
        fields = {key: value for key, value in found.items() if value not in {None, ""}}
        device = f"{record.desk_id} {fields.get('device_id')}"
        match name:
            case "list.failed":
                self._list_fold.down(device, "list.failed", **fields)
            case "command.overdue":
                self._overdue(told, fields)
            case _:
                if name == "list.applied":
                    self._list_fold.up(device, "list.recovered", **_common(fields))
                is_again = name == "command.sent" and fields.get("attempt", 1) > 1
                say = self._log.debug if is_again else getattr(self._log, event.level)
                say(name, **fields)

    def _overdue(self, told: _Told, fields: dict[str, Any]) -> None:
        command_id = told.reason.command_id or ""
        is_taken = told.reason.before == CommandState.TAKEN.value
        if is_taken and isinstance(told.of_command("command"), Logout) and not self._overdue_fold.is_down(command_id):
            self._metrics.sign_outs_unverified.inc()
        self._overdue_fold.down(command_id, "command.overdue", **fields)

    def _count(self, record: Record, step: Step) -> None:
        given = record.input
        metrics = self._metrics
        if isinstance(given, Undecodable):
            metrics.undecodable.inc()
        for command in step.commands:
            outcome = _COUNTED.get(command.state, "")
            if outcome:
                metrics.commands.labels(command.command.path, outcome).inc()
                self._overdue_fold.forget(command.command_id)
            if command.state in SETTLED and command.booking_id is not None:
                self._settled[command.command_id] = command.booking_id
                if len(self._settled) > _SETTLED_KEPT:
                    self._settled.popitem(last=False)


def _common(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What any line may have."""
    return {name: value for name, value in fields.items() if name in CALL_FIELDS}


@attrs.frozen
class _Told:
    """One reason with everything that its line may draw on."""

    record: Record
    step: Step
    reason: Reason

    @property
    def command_id(self) -> Any:  # noqa: ANN401 - text, if any
        return self.reason.command_id or getattr(self.record.input, "command_id", None)

    @property
    def booking_id(self) -> Any:  # noqa: ANN401 - likewise
        return self.reason.booking_id or self.of_command("booking_id")

    def of_booking(self, name: str) -> Any:  # noqa: ANN401 - a field of any kind
        booking_id = self.reason.booking_id
        return getattr(self.step.desk.bookings.get(booking_id), name, None) if booking_id is not None else None

    def of_command(self, name: str) -> Any:  # noqa: ANN401 - likewise
        wanted = self.command_id
        changed = (c for c in self.step.commands if c.command_id == wanted)
        return getattr(next(changed, self.step.desk.commands.get(wanted)), name, None)


#: Where the lines' own fields come from; which line has which stands in ``ops.events``.
FACTS: Final[Mapping[str, Callable[[_Told], Any]]] = {
    "booking_id": lambda told: told.booking_id,
    "meeting_id": lambda told: told.of_booking("meeting_id"),
    "booking_request_uuid": lambda told: told.of_booking("booking_request_uuid"),
    "origin": lambda told: told.of_booking("origin"),
    "cause": lambda told: told.of_booking("end_cause"),
    "command_id": lambda told: told.command_id,
    "command": lambda told: getattr(told.of_command("command"), "path", None),
    "attempt": lambda told: told.of_command("attempts"),
    "message": lambda told: told.of_command("message"),
    "kind": lambda told: told.record.kind,
    "code": lambda told: told.reason.code,
    "error": lambda told: getattr(told.record.input, "error", None),
    "size_bytes": lambda told: len(told.record.raw or b""),
    "bookings": lambda told: len(getattr(told.record.input, "bookings", ())),
    "skipped": lambda told: getattr(told.record.input, "skipped", None),
}
