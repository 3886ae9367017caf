"""
One input in, one step out.

``decide`` is the whole behaviour of a desk. It is pure: the same desk, input and time give the same step on any
machine. Whoever calls it must make the step durable together with its input before performing its effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.core import handout, orders, settlement, sync, verdicts, waits
from hotdesk_daemon.core import inputs as i
from hotdesk_daemon.core.desk import Desk, Device, SignInState, altered
from hotdesk_daemon.core.devices import flush, take_event, take_link_input, take_list, take_status
from hotdesk_daemon.core.draft import Draft
from hotdesk_daemon.core.ids import BookingId, CommandId, DeviceId
from hotdesk_daemon.core.lookups import meet_booking, meet_change, meet_command, meet_link, meet_sign_in
from hotdesk_daemon.core.mirror import FIELDS, PLAIN, mirrored
from hotdesk_daemon.core.noted import INFORMING, is_known
from hotdesk_daemon.core.steps import Life, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


def decide(desk: Desk, given: i.Input, *, now: datetime) -> Step:
    """
    Decide what *given* does to *desk* at *now* (aware UTC).

    The caller must journal the returned step before performing any of its effects.
    """
    if type(given) in PLAIN and isinstance(given, i.StatusInput) and given.device in desk.devices:
        return _mirror_only(desk, given)
    if type(given) in INFORMING and isinstance(given, i.BookingEvent) and is_known(desk, given):
        return Step(altered(desk, seq=desk.seq + 1))
    draft = Draft(desk, now=now)
    ROUTES[type(given)](draft, given)
    if not draft.is_untouched:  # every desk has been through these before, so nothing else can come of them
        settlement.settle(draft)
        verdicts.judge(draft)
        sync.pump(draft)
        handout.pump(draft)
    return draft.step()


def _mirror_only(desk: Desk, status: i.StatusInput) -> Step:
    """A status that no life looks at; the commonest input by far, and this is all it can do."""
    device = desk.devices[status.device]
    new = mirrored(device, status)
    devices = desk.devices if new is device else {**desk.devices, status.device: new}
    return Step(altered(desk, seq=desk.seq + 1, devices=devices))


# --- commands, timers, people, ourselves -----------------------------------------------------------------------------


def _command_input(draft: Draft, given: i.CommandSending | i.CommandAnswered | i.RetryAsked | i.DropAsked) -> None:
    command = draft.commands.get(given.command_id)
    if command is None:
        _no_command(draft, given, given.command_id)
        return
    column = type(given).__name__
    if isinstance(given, i.CommandAnswered):
        column = f"{column}/{given.outcome}"
    meet_command(draft, command, given, column)


def _no_command(draft: Draft, given: i.Input, command_id: CommandId) -> None:
    if isinstance(given, i.CommandAnswered):
        draft.because(Life.DESK, "command.late", f"an answer to the settled command {command_id}")
    else:
        draft.refuse("no such open command on this desk")


def _timer(draft: Draft, fired: i.TimerFired) -> None:
    timer = draft.timers.get(fired.key)
    if timer is None or timer.due > draft.now:
        draft.because(Life.DESK, "timer.void", f"{fired.key} is not due")
        return
    draft.cause_seq = timer.cause_seq
    draft.clear_timer(fired.key)
    name, _, subject = fired.key.partition(":")
    if name == "sync":
        _timed_lists(draft, fired)
    elif name in ("request", "watch", "change"):
        booking = draft.bookings.get(BookingId(subject))
        if booking is not None and name != "change":
            meet_booking(draft, booking, fired, f"TimerFired/{name}")
        elif booking is not None:
            meet_change(draft, booking, fired, "TimerFired/change")
    elif name in ("settle", "leave") and subject in draft.devices:
        meet_sign_in(draft, DeviceId(subject), fired, f"TimerFired/{name}")
    elif name == "command" and subject in draft.commands:
        meet_command(draft, draft.commands[CommandId(subject)], fired, "TimerFired/command")
    elif name == "maintenance":
        _end_maintenance(draft, "its time is over")


def _timed_lists(draft: Draft, fired: i.TimerFired) -> None:
    for device in list(draft.devices.values()):
        meet_link(draft, device, fired, "TimerFired/sync")
    sync.set_sync_timer(draft)


def _wish_for_booking(draft: Draft, wish: i.BookAsked | i.EditAsked | i.DeleteAsked) -> None:
    column = type(wish).__name__
    if isinstance(wish, i.BookAsked):
        uuid = wish.booking_request_uuid
        same = (b for b in draft.bookings.values() if uuid in (b.booking_request_uuid, b.meeting_id))
        meet_booking(draft, next(same, None), wish, column)
        return
    booking = meet_booking(draft, draft.bookings.get(wish.booking_id), wish, column)
    if booking is not None and draft.refusal is None:
        meet_change(draft, booking, wish, column)


def _sign_out(draft: Draft, wish: i.SignOutAsked) -> None:
    """One device, or every one on which someone may be signed in."""
    targets = [wish.device] if wish.device is not None else list(draft.devices)
    if not targets or not draft.devices.keys() >= set(targets):
        draft.refuse("no such device on this desk")
        return
    if wish.device is None:
        signed_in = [d for d in targets if draft.devices[d].sign_in is not SignInState.SHARED]
        targets = signed_in or targets[:1]
    # All or nothing: a device in a call, which refuses, is asked before any other is told to sign out.
    for device_id in sorted(targets, key=lambda d: not draft.devices[d].in_call):
        meet_sign_in(draft, device_id, wish, "SignOutAsked")
        if draft.refusal is not None:
            return


def _resync(draft: Draft, wish: i.ResyncAsked) -> None:
    for device in list(draft.devices.values()):
        meet_link(draft, device, wish, "ResyncAsked")


def _maintain(draft: Draft, wish: i.MaintenanceAsked) -> None:
    if wish.until is None:
        if draft.maintenance_until is None:
            draft.refuse("no maintenance is going on")
        else:
            draft.clear_timer("maintenance")
            _end_maintenance(draft, "a person ends it")
    elif wish.until <= draft.now:
        draft.refuse("the maintenance would be over already")
    else:
        draft.maintenance_until = wish.until
        draft.set_timer("maintenance", wish.until)
        draft.because(Life.DESK, "desk.maintenance", f"left alone until {wish.until:%Y-%m-%d %H:%M} UTC")


def _end_maintenance(draft: Draft, text: str) -> None:
    draft.maintenance_until = None
    draft.because(Life.DESK, "desk.maintenance_over", text)


def _configured(draft: Draft, settings: i.DeskConfigured) -> None:
    draft.base = attrs.evolve(
        draft.base,
        calendar=settings.calendar,
        stage=settings.stage,
        policy=settings.policy,
        sync_interval_s=settings.sync_interval_s,
        deadline_s=settings.deadline_s,
        sign_in_settle_s=settings.sign_in_settle_s,
        booking_timeout_s=settings.booking_timeout_s,
        reconcile_s=settings.reconcile_s,
    )
    known = draft.devices
    for device_id in known:
        if device_id not in settings.devices:
            sync.forget_lists(draft, device_id)
    draft.devices = {d: known.get(d, Device(device_id=d)) for d in settings.devices}
    draft.because(Life.DESK, "desk.configured", f"{settings.calendar} calendar, {len(settings.devices)} devices")
    verdicts.reconsider(draft)
    flush(draft)


def _started(draft: Draft, started: i.DaemonStarted) -> None:
    """Whatever was under way when we ended is not under way any more."""
    waits.resume(draft)
    draft.buffer = ()
    draft.sync = altered(draft.sync, listing=None, cause=None, waiting={}, wanted_seqs={}, failures=0)
    for device in list(draft.devices.values()):
        meet_link(draft, device, started, "DaemonStarted")
        meet_sign_in(draft, device.device_id, started, "DaemonStarted")
    for command in sorted(draft.commands.values(), key=orders.by_decision):
        meet_command(draft, command, started, "DaemonStarted")


_EVENTS: Final = (
    i.BookingCreated, i.BookingFailed, i.BookingMoved, i.BookingRequested, i.CheckedIn, i.Deleted, i.EditFailed,
    i.EditRequested, i.End, i.EndTimeBuffer, i.ExtensionFailed, i.ExtensionRequested, i.NotificationSnoozed, i.Start,
    i.StartTimeBuffer, i.TimeRemaining,
)  # fmt: skip

ROUTES: Final[Mapping[type[i.Input], Callable[[Draft, Any], None]]] = {
    **dict.fromkeys(_EVENTS, take_event),
    **dict.fromkeys((i.LinkUp, i.LinkDown, i.ListFailed, i.SyncRequired, i.Updated, i.Undecodable), take_link_input),
    i.BookingsListed: take_list,
    **dict.fromkeys((i.CommandSending, i.CommandAnswered, i.RetryAsked, i.DropAsked), _command_input),
    i.TimerFired: _timer,
    **dict.fromkeys((i.BookAsked, i.EditAsked, i.DeleteAsked), _wish_for_booking),
    i.SignOutAsked: _sign_out,
    i.ResyncAsked: _resync,
    i.MaintenanceAsked: _maintain,
    i.DeskConfigured: _configured,
    i.ClockSet: waits.shift,
    i.DaemonStarted: _started,
    **dict.fromkeys((*FIELDS, *PLAIN), take_status),
}
