"""
Meeting the tables: look a row up, do what it says, and say why.

Each function takes one life of the desk, finds the row of its state and the input's column, lets the row's act make the
next value, and leaves a reason unless the row is quiet and nothing moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from hotdesk_daemon.core.desk import (
    OVER,
    Booking,
    BookingState,
    ChangeState,
    CommandState,
    Device,
    OpenCommand,
    Verdict,
    altered,
)
from hotdesk_daemon.core.ids import BookingId, DeviceId
from hotdesk_daemon.core.steps import Life
from hotdesk_daemon.core.transitions import BOOKING, CHANGE, COMMAND, LINK, SIGN_IN

if TYPE_CHECKING:
    from hotdesk_daemon.core import inputs as i
    from hotdesk_daemon.core.draft import Draft


def meet_link(draft: Draft, device: Device, given: i.Input, column: str) -> Device:
    row = LINK[device.link, column]
    draft.detail = ""
    new = row.act(draft, device, given) if row.act else device
    if len(row.to) == 1 and new.link is not row.to[0]:
        new = altered(new, link=row.to[0])
    if new is not device:
        draft.put_device(new)
    if not row.quiet or draft.held or new.link is not device.link:
        _say(draft, Life.LINK, row.code, row.text, device.link, new.link, device=device.device_id)
    return new


def meet_sign_in(draft: Draft, device_id: DeviceId, given: i.Input, column: str) -> None:
    device = draft.devices[device_id]
    row = SIGN_IN[device.sign_in, column]
    if row.act is None and row.to == (device.sign_in,) and row.quiet:
        return
    draft.detail = ""
    new = row.act(draft, device, given) if row.act else device
    if len(row.to) == 1 and new.sign_in is not row.to[0]:
        new = altered(new, sign_in=row.to[0])
    if new is not device:
        draft.put_device(new)
    if not row.quiet or new.sign_in is not device.sign_in:
        booking = draft.bookings.get(new.signed_in_to or device.signed_in_to or BookingId(""))
        _say(draft, Life.SIGN_IN, row.code, row.text, device.sign_in, new.sign_in, device=device_id, booking=booking)


def meet_booking(draft: Draft, booking: Booking | None, given: Any, column: str) -> Booking | None:  # noqa: ANN401
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
        new = altered(new, state=row.to[0])
    if new.state is not before:
        new = altered(new, changed_at=draft.now, changed_seq=draft.seq)
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
    return altered(booking, change=ChangeState.NONE, change_end=None)


def _reopen(booking: Booking) -> Booking:
    """A booking that we held as over stands again; one that was rejected has to be judged anew."""
    verdict = Verdict.UNDECIDED if booking.verdict is Verdict.REJECTED else booking.verdict
    return attrs.evolve(booking, end_cause=None, verdict=verdict)


def _cause(draft: Draft, booking: Booking) -> int | None:
    """The decision of ours that a booking's event answers, if one is under way."""
    answered = (CommandState.SENDING, CommandState.TAKEN, CommandState.UNKNOWN)
    commands = (c for c in draft.commands.values() if c.booking_id == booking.booking_id and c.state in answered)
    return next((c.cause_seq for c in commands), None)


def meet_change(draft: Draft, booking: Booking, given: i.Input, column: str) -> None:
    booking = draft.bookings.get(booking.booking_id, booking)
    if booking.is_over:
        return
    row = CHANGE[booking.change, column]
    draft.detail = ""
    new = row.act(draft, booking, given) if row.act else booking
    if len(row.to) == 1 and new.change is not row.to[0]:
        new = altered(new, change=row.to[0])
    if new is not booking:
        draft.put_booking(new)
    if not row.quiet or new.change is not booking.change:
        cause = _cause(draft, new)
        _say(draft, Life.CHANGE, row.code, row.text, booking.change, new.change, booking=new, cause_seq=cause)


def meet_command(draft: Draft, command: OpenCommand, given: i.Input, column: str) -> None:
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


def unknown_device(draft: Draft, device: DeviceId) -> None:
    draft.count(surprises=1)
    draft.because(Life.DESK, "device.unknown", "this desk has no such device: ignored", device=device)
