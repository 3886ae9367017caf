"""
One input in, one step out.

``decide`` is the whole behaviour of a desk. It is pure: the same desk, input and time give the same step on any
machine. Whoever calls it must make the step durable together with its input before performing its effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.core import handout, orders, settlement, sync, verdicts
from hotdesk_daemon.core import inputs as i
from hotdesk_daemon.core.aliases import find, is_known, match_listed, meeting_named
from hotdesk_daemon.core.desk import (
    OVER,
    Booking,
    BookingState,
    ChangeState,
    CommandState,
    Desk,
    Device,
    LinkState,
    OpenCommand,
    SignInState,
    Verdict,
    altered,
)
from hotdesk_daemon.core.draft import Draft
from hotdesk_daemon.core.ids import BookingId, CommandId, DeviceId
from hotdesk_daemon.core.mirror import FIELDS, PLAIN, mirrored
from hotdesk_daemon.core.steps import Life, Step
from hotdesk_daemon.core.transitions import BOOKING, CHANGE, COMMAND, LINK, SIGN_IN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

#: Bookings that are over are kept for late events and for people, this many at most.
OVER_KEPT: Final = 40


def decide(desk: Desk, given: i.Input, *, now: datetime) -> Step:
    """
    Decide what *given* does to *desk* at *now* (aware UTC).

    The caller must journal the returned step before performing any of its effects.
    """
    if type(given) in PLAIN and isinstance(given, i.StatusInput) and given.device in desk.devices:
        return _mirror_only(desk, given)
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
    return Step(desk=altered(desk, seq=desk.seq + 1, devices=devices))


# --- meeting the tables ----------------------------------------------------------------------------------------------


def _meet_link(draft: Draft, device: Device, given: i.Input, column: str) -> Device:
    row = LINK[device.link, column]
    draft.detail = ""
    new = row.act(draft, device, given) if row.act else device
    if len(row.to) == 1 and new.link is not row.to[0]:
        new = attrs.evolve(new, link=row.to[0])
    if new is not device:
        draft.put_device(new)
    if not row.quiet or draft.held or new.link is not device.link:
        _say(draft, Life.LINK, row.code, row.text, device.link, new.link, device=device.device_id)
    return new


def _meet_sign_in(draft: Draft, device_id: DeviceId, given: i.Input, column: str) -> None:
    device = draft.devices[device_id]
    row = SIGN_IN[device.sign_in, column]
    if row.act is None and row.to == (device.sign_in,) and row.quiet:
        return
    draft.detail = ""
    new = row.act(draft, device, given) if row.act else device
    if len(row.to) == 1 and new.sign_in is not row.to[0]:
        new = attrs.evolve(new, sign_in=row.to[0])
    if new is not device:
        draft.put_device(new)
    if not row.quiet or new.sign_in is not device.sign_in:
        booking = draft.bookings.get(new.signed_in_to or device.signed_in_to or BookingId(""))
        _say(draft, Life.SIGN_IN, row.code, row.text, device.sign_in, new.sign_in, device=device_id, booking=booking)


def _meet_booking(draft: Draft, booking: Booking | None, given: Any, column: str) -> Booking | None:  # noqa: ANN401
    """Look up the booking's row and do it; *given* is the input, or (list, entry) for ``BookingsListed/present``."""
    before = booking.state if booking else BookingState.ABSENT
    row = BOOKING[before, column]
    draft.detail = ""
    new: Booking | None = row.act(draft, booking, given) if row.act else booking
    if new is None:
        if not row.quiet and not draft.refusal:
            _say(draft, Life.BOOKING, row.code, row.text, before, before)
        return None
    if len(row.to) == 1 and new.state is not row.to[0]:
        new = attrs.evolve(new, state=row.to[0])
    if new.state is not before:
        new = attrs.evolve(new, changed_at=draft.now, changed_seq=draft.seq)
        if new.state in OVER:
            new = _close(draft, new)
        elif before in OVER:
            new = _reopen(new)
    if new is not booking:
        draft.put_booking(new)
    if not row.quiet or draft.detail or new.state is not before:
        cause = _cause(draft, new)
        _say(draft, Life.BOOKING, row.code, row.text, before, new.state, booking=new, cause_seq=cause)
    return new


def _close(draft: Draft, booking: Booking) -> Booking:
    """An over booking has no timers and no open change."""
    for timer in ("request", "change", "watch"):
        draft.clear_timer(f"{timer}:{booking.booking_id}")
    return attrs.evolve(booking, change=ChangeState.NONE, change_end=None)


def _reopen(booking: Booking) -> Booking:
    """A booking that we held as over stands again; one that was rejected has to be judged anew."""
    verdict = Verdict.UNDECIDED if booking.verdict is Verdict.REJECTED else booking.verdict
    return attrs.evolve(booking, end_cause=None, verdict=verdict)


def _cause(draft: Draft, booking: Booking) -> int | None:
    """The decision of ours that a booking's event answers, if one is under way."""
    answered = (CommandState.SENDING, CommandState.TAKEN, CommandState.UNKNOWN)
    commands = (c for c in draft.commands.values() if c.booking_id == booking.booking_id and c.state in answered)
    return next((c.cause_seq for c in commands), None)


def _meet_change(draft: Draft, booking: Booking, given: i.Input, column: str) -> None:
    booking = draft.bookings.get(booking.booking_id, booking)
    if booking.is_over:
        return
    row = CHANGE[booking.change, column]
    draft.detail = ""
    new = row.act(draft, booking, given) if row.act else booking
    if len(row.to) == 1 and new.change is not row.to[0]:
        new = attrs.evolve(new, change=row.to[0])
    if new is not booking:
        draft.put_booking(new)
    if not row.quiet or new.change is not booking.change:
        cause = _cause(draft, new)
        _say(draft, Life.CHANGE, row.code, row.text, booking.change, new.change, booking=new, cause_seq=cause)


def _meet_command(draft: Draft, command: OpenCommand, given: i.Input, column: str) -> None:
    row = COMMAND[command.state, column]
    draft.detail = ""
    new = row.act(draft, command, given) if row.act else command
    if len(row.to) == 1 and new.state is not row.to[0]:
        new = attrs.evolve(new, state=row.to[0])
    if new is not command:
        draft.put_command(new)
    if not row.quiet or new.state is not command.state:
        _say(draft, Life.COMMAND, row.code, row.text, command.state, new.state, command=new)


def _say(draft: Draft, life: Life, code: str, text: str, before: str, after: str, **whose: Any) -> None:  # noqa: ANN401
    if draft.refusal is not None and before == after and life is not Life.COMMAND:
        return  # a wish that was refused has said why
    full = f"{text}: {draft.detail}" if draft.detail else text
    draft.because(life, code, full, before=before, after=after, **whose)
    draft.detail = ""


# --- statuses --------------------------------------------------------------------------------------------------------


def _status(draft: Draft, status: i.StatusInput) -> None:
    device = draft.devices.get(status.device)
    if device is None:
        _unknown_device(draft, status.device)
        return
    new = mirrored(device, status)
    if new is not device:
        draft.put_device(new)
    column = type(status).__name__
    if isinstance(status, i.Personalized):
        facet = {True: "true", False: "false", None: "unknown"}[status.value]
        column = f"{column}/{facet}"
    _meet_sign_in(draft, status.device, status, column)


def _unknown_device(draft: Draft, device: DeviceId) -> None:
    draft.count(surprises=1)
    draft.because(Life.DESK, "device.unknown", "this desk has no such device: ignored", device=device)


# --- booking events --------------------------------------------------------------------------------------------------


def _booking_event(draft: Draft, event: i.BookingEvent) -> None:
    device = draft.devices.get(event.device)
    if device is None:
        _unknown_device(draft, event.device)
        return
    _meet_link(draft, device, event, type(event).__name__)
    if device.link is not LinkState.DOWN and not draft.held:
        _apply_event(draft, event)


def _apply_event(draft: Draft, event: i.BookingEvent) -> None:
    column = type(event).__name__
    booking = _named(draft, event)
    booking = _meet_booking(draft, booking, event, column)
    if booking is not None:
        _meet_change(draft, booking, event, column)
        if booking.is_over:
            _forget_old(draft)
    _bookings_changed(draft, event, column)


def _named(draft: Draft, event: i.BookingEvent) -> Booking | None:
    uuid, meeting_id = event.booking_request_uuid, meeting_named(event)
    found = find(draft, uuid=uuid, meeting_id=meeting_id, own_id=event.id, device=event.device)
    if found is not None or not isinstance(event, i.BookingCreated) or event.booking_request_uuid is not None:
        return found
    # A request without a BookingRequestUUID can only be recognised by its times.
    nameless = [
        b
        for b in draft.bookings.values()
        if b.state is BookingState.REQUESTED
        and b.booking_request_uuid is None
        and (b.start, b.duration_min) == (event.start, event.duration_min)
    ]
    return nameless[0] if len(nameless) == 1 else None


def _bookings_changed(draft: Draft, given: i.Input, column: str) -> None:
    for device_id in draft.devices:
        _meet_sign_in(draft, device_id, given, column)


# --- links and lists -------------------------------------------------------------------------------------------------


def _link_input(draft: Draft, given: i.DeviceInput) -> None:
    device = draft.devices.get(given.device)
    if device is None:
        _unknown_device(draft, given.device)
        return
    column = type(given).__name__
    _meet_link(draft, device, given, column)
    if isinstance(given, i.LinkDown):
        _meet_sign_in(draft, given.device, given, column)
    _flush(draft)


def _flush(draft: Draft) -> None:
    """Apply what waited for the list, unless one is under way still."""
    if draft.sync.listing is not None:
        return
    waiting, draft.buffer = draft.buffer, ()
    for event in waiting:
        device = draft.devices.get(event.device)
        if device is not None and device.link is not LinkState.DOWN:
            _apply_event(draft, event)


def _listed(draft: Draft, listed: i.BookingsListed) -> None:
    device = draft.devices.get(listed.device)
    if device is None:
        _unknown_device(draft, listed.device)
        return
    if device.link is LinkState.DOWN:
        _meet_link(draft, device, listed, "BookingsListed")
        return
    cause = draft.sync.cause
    if draft.sync.listing == listed.device:
        draft.cause_seq = draft.sync.asked_seq
    adopting = all(d.listed_at is None for d in draft.devices.values())
    corrections = _apply_list(draft, listed)
    if draft.sync.listing == listed.device:
        draft.sync = attrs.evolve(draft.sync, listing=None, cause=None, failures=0)
    _meet_link(draft, draft.devices[listed.device], listed, "BookingsListed")
    if adopting:
        _adopt(draft)
    elif cause is i.ListCause.TIMED and corrections:
        draft.count(drift=corrections)
        draft.because(Life.DESK, "desk.drift", f"the timed list corrected {corrections} bookings", device=listed.device)
    _bookings_changed(draft, listed, "BookingsListed")
    for command in sorted(draft.commands.values(), key=orders.by_decision):
        _meet_command(draft, command, listed, "BookingsListed")
    _flush(draft)
    _forget_old(draft)


def _apply_list(draft: Draft, listed: i.BookingsListed) -> int:
    """Make the bookings what the list says; return how many of them it corrected."""
    before = {key: (b.state, b.start, b.duration_min) for key, b in draft.bookings.items()}
    seen: set[str] = set()
    nameless = tuple(entry for entry in listed.bookings if not is_known(draft, entry, listed.device))
    for entry in listed.bookings:
        match = match_listed(draft, entry, listed.device, rivals=nameless)
        if match is not None and match.booking_id in seen:
            match = None
        booking = _meet_booking(draft, match, (listed, entry), "BookingsListed/present")
        if booking is not None:
            seen.add(booking.booking_id)
            _meet_change(draft, booking, listed, "BookingsListed/present")
    for booking in list(draft.bookings.values()):
        if booking.booking_id in seen or booking.is_over:
            continue
        _meet_booking(draft, booking, listed, "BookingsListed/missing")
        _meet_change(draft, booking, listed, "BookingsListed/missing")
    after = {key: (b.state, b.start, b.duration_min) for key, b in draft.bookings.items()}
    return sum(1 for key, value in after.items() if before.get(key) != value)


def _adopt(draft: Draft) -> None:
    """What stood before we first looked is taken as it is: the rules are for what comes after."""
    for booking in list(draft.bookings.values()):
        if booking.origin == "list" and booking.changed_seq == draft.seq:
            draft.put_booking(verdicts.accept(booking))


def _forget_old(draft: Draft) -> None:
    """Keep the newest of the bookings that are over; those that a command still means stay."""
    if len(draft.bookings) <= OVER_KEPT:
        return
    meant = {c.booking_id for c in draft.commands.values()}
    over = [b for b in draft.bookings.values() if b.is_over and b.booking_id not in meant]
    for booking in sorted(over, key=lambda b: (b.changed_at, b.booking_id))[:-OVER_KEPT]:
        draft.drop_booking(booking.booking_id)


# --- commands, timers, people, ourselves -----------------------------------------------------------------------------


def _command_input(draft: Draft, given: i.CommandSending | i.CommandAnswered | i.RetryAsked | i.DropAsked) -> None:
    command = draft.commands.get(given.command_id)
    if command is None:
        _no_command(draft, given, given.command_id)
        return
    column = type(given).__name__
    if isinstance(given, i.CommandAnswered):
        column = f"{column}/{given.outcome}"
    _meet_command(draft, command, given, column)


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
            _meet_booking(draft, booking, fired, f"TimerFired/{name}")
        elif booking is not None:
            _meet_change(draft, booking, fired, "TimerFired/change")
    elif name in ("settle", "leave") and subject in draft.devices:
        _meet_sign_in(draft, DeviceId(subject), fired, f"TimerFired/{name}")
    elif name == "command" and subject in draft.commands:
        _meet_command(draft, draft.commands[CommandId(subject)], fired, "TimerFired/command")


def _timed_lists(draft: Draft, fired: i.TimerFired) -> None:
    for device in list(draft.devices.values()):
        _meet_link(draft, device, fired, "TimerFired/sync")
    sync.set_sync_timer(draft)


def _wish_for_booking(draft: Draft, wish: i.BookAsked | i.EditAsked | i.DeleteAsked) -> None:
    column = type(wish).__name__
    if isinstance(wish, i.BookAsked):
        uuid = wish.booking_request_uuid
        same = (b for b in draft.bookings.values() if uuid in (b.booking_request_uuid, b.meeting_id))
        _meet_booking(draft, next(same, None), wish, column)
        return
    booking = _meet_booking(draft, draft.bookings.get(wish.booking_id), wish, column)
    if booking is not None and draft.refusal is None:
        _meet_change(draft, booking, wish, column)


def _sign_out(draft: Draft, wish: i.SignOutAsked) -> None:
    """One device, or every one on which someone may be signed in."""
    targets = [wish.device] if wish.device is not None else list(draft.devices)
    if not targets or not draft.devices.keys() >= set(targets):
        draft.refuse("no such device on this desk")
        return
    if wish.device is None:
        signed_in = [d for d in targets if draft.devices[d].sign_in is not SignInState.SHARED]
        targets = signed_in or targets[:1]
    for device_id in targets:
        _meet_sign_in(draft, device_id, wish, "SignOutAsked")


def _resync(draft: Draft, wish: i.ResyncAsked) -> None:
    for device in list(draft.devices.values()):
        _meet_link(draft, device, wish, "ResyncAsked")


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
    )
    known = draft.devices
    for device_id in known:
        if device_id not in settings.devices:
            sync.forget_lists(draft, device_id)
    draft.devices = {d: known.get(d, Device(device_id=d)) for d in settings.devices}
    draft.because(Life.DESK, "desk.configured", f"{settings.calendar} calendar, {len(settings.devices)} devices")
    _flush(draft)


def _started(draft: Draft, started: i.DaemonStarted) -> None:
    """Whatever was under way when we ended is not under way any more."""
    draft.buffer = ()
    draft.sync = attrs.evolve(draft.sync, listing=None, cause=None, waiting={}, failures=0)
    for device in list(draft.devices.values()):
        _meet_link(draft, device, started, "DaemonStarted")
        _meet_sign_in(draft, device.device_id, started, "DaemonStarted")
    for command in sorted(draft.commands.values(), key=orders.by_decision):
        _meet_command(draft, command, started, "DaemonStarted")


_EVENTS: Final = (
    i.BookingCreated, i.BookingFailed, i.BookingMoved, i.BookingRequested, i.CheckedIn, i.Deleted, i.EditFailed,
    i.EditRequested, i.End, i.EndTimeBuffer, i.ExtensionFailed, i.ExtensionRequested, i.NotificationSnoozed, i.Start,
    i.StartTimeBuffer, i.TimeRemaining,
)  # fmt: skip

ROUTES: Final[Mapping[type[i.Input], Callable[[Draft, Any], None]]] = {
    **dict.fromkeys(_EVENTS, _booking_event),
    **dict.fromkeys((i.LinkUp, i.LinkDown, i.ListFailed, i.SyncRequired, i.Updated, i.Undecodable), _link_input),
    i.BookingsListed: _listed,
    **dict.fromkeys((i.CommandSending, i.CommandAnswered, i.RetryAsked, i.DropAsked), _command_input),
    i.TimerFired: _timer,
    **dict.fromkeys((i.BookAsked, i.EditAsked, i.DeleteAsked), _wish_for_booking),
    i.SignOutAsked: _sign_out,
    i.ResyncAsked: _resync,
    i.DeskConfigured: _configured,
    i.DaemonStarted: _started,
    **dict.fromkeys((*FIELDS, *PLAIN), _status),
}
