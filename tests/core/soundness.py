"""What holds of every step, whatever the input: every test's steps go through `assert_sound`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING
from unittest.mock import patch

from hotdesk_daemon.core import decide as decide_module
from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import SETTLED, BookingState, ChangeState, Desk
from hotdesk_daemon.core.noted import INFORMING
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.core.steps import Life, ListBookings, Reason, SendCommand, Step
from hotdesk_daemon.core.transitions import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hotdesk_daemon.core.inputs import Input

#: Moves that follow from the whole picture or from a command's fate, as transitions.py says.
WITHOUT_A_ROW = {
    (Life.COMMAND, "command.decided", "", "pending"),
    *(
        (Life.COMMAND, "command.done", before, "done")
        for before in ("pending", "sending", "taken", "unknown", "parked")
    ),
    *((Life.COMMAND, "command.refused", before, "refused") for before in ("pending", "sending", "taken", "unknown")),
    (Life.COMMAND, "command.dropped", "pending", "dropped"),
    *((Life.COMMAND, "command.parked", before, "parked") for before in ("sending", "taken", "unknown")),
    (Life.BOOKING, "booking.failed", "requested", "failed"),
    (Life.BOOKING, "booking.requested", "failed", "requested"),
    *((Life.BOOKING, "booking.rejected", state, state) for state in ("created", "started")),
    *((Life.CHANGE, "booking.reverted", before, "reverting") for before in ChangeState),
    *((Life.CHANGE, "change.dropped", before, "none") for before in ChangeState),
    (Life.CHANGE, "change.closed", "reverting", "none"),
}

Key = tuple[Life, str]


def decided(desk: Desk, given: Input, *, now: datetime) -> Step:
    """Decide, and check all that must hold of the step."""
    before = copy.deepcopy(desk)
    step = decide(desk, given, now=now)

    assert before == desk, "the desk that a step began with stays as it was"
    assert step == decide(before, given, now=now), "the same input on an equal desk gives the same step"
    if type(given) in INFORMING:
        with patch.object(decide_module, "INFORMING", frozenset()):
            assert step == decide(before, given, now=now), "the short way leads where the tables do"
    assert_sound(desk, step)
    return step


def assert_sound(before: Desk, step: Step) -> None:
    assert before.seq + 1 == step.desk.seq
    living = [(key, booking) for key, booking in step.desk.bookings.items() if not booking.is_over]
    assert living == [*step.desk.living.items()], "the living ones that are handed on are those of the bookings"
    for reason in step.reasons:
        assert reason.code
        assert reason.text
        assert reason.cause_seq is None or 0 < reason.cause_seq < step.desk.seq
        assert _has_a_row(reason), reason
    _assert_every_move_has_its_reason(before, step)
    _assert_commands_are_accounted_for(before, step)
    lists = [effect for effect in step.effects if isinstance(effect, ListBookings)]
    assert [step.desk.sync.listing][: len(lists)] == [effect.device for effect in lists]
    assert step.desk.sync.waiting.keys() == step.desk.sync.wanted_seqs.keys()
    for booking in step.desk.bookings.values():
        assert not booking.is_over or ChangeState.NONE is booking.change
    timers = {key.partition(":")[2] for key in step.desk.timers if key.startswith(("request:", "change:", "watch:"))}
    assert timers <= {b.booking_id for b in step.desk.bookings.values() if not b.is_over}


def _has_a_row(reason: Reason) -> bool:
    if (reason.life, reason.code, reason.before, reason.after) in WITHOUT_A_ROW:
        return True
    if not reason.before and not reason.after:
        return True  # says something of the desk, and moves nothing
    if reason.code == "booking.joined":
        return True
    rows = (row for (state, _), row in TABLES[reason.life].items() if state == reason.before)
    return any(row.code == reason.code and reason.after in row.to for row in rows)


def _assert_every_move_has_its_reason(before: Desk, step: Step) -> None:
    held = dict(_states(before))
    joined = any(reason.code == "booking.joined" for reason in step.reasons)
    for reason in step.reasons:
        key = _key(reason)
        if key is None or (not reason.before and not reason.after):
            continue
        if not joined:
            assert held.get(key, _birth(reason.life)) == reason.before, reason
        held[key] = reason.after
    if joined:
        return
    over = {b.booking_id for b in step.desk.bookings.values() if b.is_over}
    for key, state in _states(step.desk):
        if key[0] is Life.CHANGE and key[1] in over:
            continue  # a booking that is over has no open change
        assert held.get(key, _birth(key[0])) == state, f"{key} is {state} without a reason"


def _birth(life: Life) -> str:
    return {
        Life.BOOKING: BookingState.ABSENT.value, Life.CHANGE: "none", Life.LINK: "down", Life.SIGN_IN: "unknown",
    }.get(life, "")  # fmt: skip


def _key(reason: Reason) -> Key | None:
    match reason.life:
        case Life.BOOKING | Life.CHANGE:
            return (reason.life, reason.booking_id) if reason.booking_id else None
        case Life.LINK | Life.SIGN_IN:
            return (reason.life, reason.device) if reason.device else None
        case Life.COMMAND:
            return (reason.life, reason.command_id) if reason.command_id else None
        case Life.DESK:
            return None


def _states(desk: Desk) -> Iterator[tuple[Key, str]]:
    for device in desk.devices.values():
        yield (Life.LINK, device.device_id), device.link.value
        yield (Life.SIGN_IN, device.device_id), device.sign_in.value
    for booking in desk.bookings.values():
        yield (Life.BOOKING, booking.booking_id), booking.state.value
        yield (Life.CHANGE, booking.booking_id), booking.change.value
    for command in desk.commands.values():
        yield (Life.COMMAND, command.command_id), command.state.value


def _assert_commands_are_accounted_for(before: Desk, step: Step) -> None:
    changed = {command.command_id: command for command in step.commands}
    for command_id, command in step.desk.commands.items():
        assert command.state not in SETTLED
        assert before.commands.get(command_id) == command or changed[command_id] == command
    for command_id in before.commands.keys() - step.desk.commands.keys():
        assert changed[command_id].state in SETTLED, "a command that leaves the desk is settled in the outbox"
    for effect in step.effects:
        if isinstance(effect, SendCommand):
            assert Stage.OBSERVE is not step.desk.stage, "in observe nothing is ever sent"
            assert step.desk.commands[effect.command.command_id] == effect.command
