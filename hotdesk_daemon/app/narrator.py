"""
What steps mean to people: log lines and numbers.

A step's reasons are already in words; here those that somebody would ask about become one line each, and everything
is counted. Nothing here names a person or a title.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon.core.desk import CommandState, Desk
from hotdesk_daemon.core.inputs import Undecodable
from hotdesk_daemon.ops.events import EVENTS
from hotdesk_daemon.ops.logs import Fold, get_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hotdesk_daemon.core.inputs import ListCause
    from hotdesk_daemon.core.steps import Reason, Step
    from hotdesk_daemon.journal import Record
    from hotdesk_daemon.ops.metrics import Metrics

#: Reasons told by whoever saw the fact first, or by the desk as a whole.
_TOLD_ELSEWHERE: Final = frozenset({"link.up", "link.down", "command.sent"})
#: Codes that mean the same line as another one.
_SAME: Final = {"booking.surprise": "desk.surprise", "link.unexpected": "desk.surprise"}
_COUNTED: Final = {
    CommandState.DONE: "done",
    CommandState.REFUSED: "refused",
    CommandState.DROPPED: "dropped",
    CommandState.PARKED: "parked",
}


class Narrator:
    """Tells and counts what the desks did."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._log = get_log()
        self._inputs: Counter[str] = Counter()
        self._journal_fold = Fold(self._log)
        self._stale_since: dict[str, float] = {}

    def stepped(self, record: Record, step: Step) -> None:
        """Tell of one durable step. Most only move a mirrored status: those cost no more than a count."""
        self._inputs[record.kind] += 1
        if not (step.reasons or step.commands):
            return
        for reason in step.reasons:
            self._reason(record, step, reason)
        self._count(record, step)

    def staleness(self, before: Desk, after: Desk, *, mono: float) -> None:
        """Tell when a desk's picture becomes doubtful and when it is right again; count what lists corrected."""
        if after.counters.drift > before.counters.drift:
            self._metrics.drift.inc(after.counters.drift - before.counters.drift)
        if before.is_stale == after.is_stale:
            return
        log = self._log.bind(desk_id=after.desk_id, journal_seq=after.seq)
        if after.is_stale:
            self._stale_since[after.desk_id] = mono
            causes = sorted({device.link_cause for device in after.devices.values()})
            log.warning("desk.stale", cause="; ".join(causes))
        else:
            since = self._stale_since.pop(after.desk_id, mono)
            log.info("desk.fresh", stale_s=round(mono - since, 3))

    def listed(self, cause: ListCause, *, failed: bool) -> None:
        """A device's list was read, or could not be."""
        self._metrics.sync_runs.labels(cause.value, "failed" if failed else "applied").inc()

    def journal_failed(self, error: Exception) -> None:
        """The journal could not be written."""
        self._journal_fold.down("journal", "journal.unavailable", error=str(error))

    def journal_worked(self) -> None:
        """The journal was written."""
        self._journal_fold.up("journal", "journal.recovered")

    def retried(self, desk_id: str, command_id: str, *, attempt: int, wait_s: float, cause: str) -> None:
        """A command was certainly not done and will be sent again."""
        self._metrics.command_retries.inc()
        say = self._log.warning if attempt == 1 else self._log.debug
        say("command.retried", desk_id=desk_id, command_id=command_id, attempt=attempt, wait_s=wait_s, cause=cause)

    def count_desks(self, desks: Iterable[Desk]) -> None:
        """Set the numbers that are counted over all desks, and bring the counts of inputs up to date."""
        for kind, number in self._inputs.items():
            self._metrics.events.labels(kind).inc(number)
        self._inputs.clear()
        states: Counter[str] = Counter()
        commands: Counter[CommandState] = Counter()
        for desk in desks:
            states["stale" if desk.is_stale else "live"] += 1
            commands.update(command.state for command in desk.commands.values())
            up = sum(1 for device in desk.devices.values() if device.link != "down")
            self._metrics.stream_up.labels(desk.desk_id).set(up)
        self._metrics.count_desks({"live": 0, "stale": 0, **states})
        self._metrics.outbox_pending.set(commands[CommandState.PENDING] + commands[CommandState.SENDING])
        self._metrics.outbox_unknown.set(commands[CommandState.UNKNOWN])
        self._metrics.parked.set(commands[CommandState.PARKED])

    # --- one reason --------------------------------------------------------------------------------------------------

    def _reason(self, record: Record, step: Step, reason: Reason) -> None:
        name = _SAME.get(reason.code, reason.code)
        event = EVENTS.get(name)
        if event is None or reason.code in _TOLD_ELSEWHERE:
            return
        fields: dict[str, Any] = {
            "desk_id": record.desk_id,
            "journal_seq": record.seq,
            "cause_seq": reason.cause_seq or record.cause_seq,
            "reason": reason.text,
            "device_id": reason.device,
            **_FIELDS.get(reason.life.value, _no_fields)(step, reason),
        }
        if name == "desk.surprise":
            fields |= {"kind": record.kind, "code": reason.code}
        say = getattr(self._log, event.level)
        say(name, **{key: value for key, value in fields.items() if value is not None})

    def _count(self, record: Record, step: Step) -> None:
        given = record.input
        metrics = self._metrics
        if isinstance(given, Undecodable):
            metrics.undecodable.inc()
        for command in step.commands:
            outcome = _COUNTED.get(command.state, "")
            if outcome:
                metrics.commands.labels(command.command.path, outcome).inc()


def _no_fields(_step: Step, _reason: Reason) -> dict[str, Any]:
    return {}


def _booking_fields(step: Step, reason: Reason) -> dict[str, Any]:
    booking = step.desk.bookings.get(reason.booking_id) if reason.booking_id else None
    if booking is None:
        return {"booking_id": reason.booking_id}
    return {
        "booking_id": booking.booking_id,
        "meeting_id": booking.meeting_id,
        "booking_request_uuid": booking.booking_request_uuid,
        "origin": booking.origin.value,
    }


def _command_fields(step: Step, reason: Reason) -> dict[str, Any]:
    command = next((c for c in step.commands if c.command_id == reason.command_id), None)
    return {
        "command_id": reason.command_id,
        "command": command.command.path if command else None,
        "booking_id": reason.booking_id or (command.booking_id if command else None),
    }


_FIELDS: Final[dict[str, Callable[[Step, Reason], dict[str, Any]]]] = {
    "booking": _booking_fields,
    "change": _booking_fields,
    "sign-in": lambda _step, reason: {"booking_id": reason.booking_id},
    "command": _command_fields,
}
