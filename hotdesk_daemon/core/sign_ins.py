"""
Acts of the sign-in life: pairing what `Personalized` says with the bookings.

`Personalized` tells that someone is signed in, never who. A sign-in during a booking counts once it has stayed for the
settle time: a wrong user is signed out again within seconds (F27). After its booking a sign-in leaves, or stays on
while a call lasts (F28–F30).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core import handout, orders, sync
from hotdesk_daemon.core.commands import Logout
from hotdesk_daemon.core.desk import Booking, Device, SignInState, altered
from hotdesk_daemon.core.inputs import Input, ListCause, SignOutAsked

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft

#: How long a device may take to sign a user out after the booking, outside of calls.
LEAVE_AFTER: Final = timedelta(seconds=120)


def arrive(draft: Draft, device: Device, _: Input) -> Device:
    """Someone signed in: to the running booking if there is one, which the device will now check."""
    booking = draft.active_booking()
    if booking is None:
        return altered(device, sign_in=SignInState.UNBOOKED, signed_in_to=None)
    if device.signed_in_to == booking.booking_id and booking.signed_in:
        draft.detail = "as before"
        return altered(device, sign_in=SignInState.BOOKED)
    seconds = draft.base.sign_in_settle_s
    draft.set_timer(f"settle:{device.device_id}", draft.now + timedelta(seconds=seconds))
    return altered(device, sign_in=SignInState.CHECKING, signed_in_to=booking.booking_id)


def depart(draft: Draft, device: Device, _: Input) -> Device:
    draft.clear_timer(f"settle:{device.device_id}")
    draft.clear_timer(f"leave:{device.device_id}")
    return altered(device, signed_in_to=None)


def confirm(draft: Draft, device: Device, _: Input) -> Device:
    """The sign-in has stayed: it is the booking's user."""
    _mark(draft, device)
    return device


def _mark(draft: Draft, device: Device) -> None:
    booking = draft.bookings.get(device.signed_in_to) if device.signed_in_to else None
    if booking is not None and not booking.signed_in:
        draft.put_booking(altered(booking, signed_in=True))


def join(draft: Draft, device: Device, _: Input) -> Device:
    """Signed in before there was a booking: the first one that runs is theirs (F23)."""
    booking = draft.active_booking()
    if booking is None:
        return device
    draft.clear_timer(f"leave:{device.device_id}")
    joined = altered(device, sign_in=SignInState.BOOKED, signed_in_to=booking.booking_id)
    _mark(draft, joined)
    return joined


def recheck(draft: Draft, device: Device, event: Input) -> Device:
    """Bookings changed while the device still checks the user."""
    if _current(draft, device) is not None:
        return device
    draft.clear_timer(f"settle:{device.device_id}")
    return join(draft, altered(device, sign_in=SignInState.UNBOOKED, signed_in_to=None), event)


def follow(draft: Draft, device: Device, event: Input) -> Device:
    """Bookings changed while someone is signed in to one, which may not be theirs to use any more."""
    if _current(draft, device) is not None:
        return device
    if draft.active_booking() is not None:
        return join(draft, device, event)
    if device.in_call:
        draft.detail = "a call is running"
        return altered(device, sign_in=SignInState.STAYING)
    draft.set_timer(f"leave:{device.device_id}", draft.now + LEAVE_AFTER)
    return altered(device, sign_in=SignInState.LEAVING)


def _current(draft: Draft, device: Device) -> Booking | None:
    booking = draft.bookings.get(device.signed_in_to) if device.signed_in_to else None
    return booking if booking is not None and draft.is_active(booking) else None


def call_began(draft: Draft, device: Device, _: Input) -> Device:
    if not device.in_call:
        return device
    draft.clear_timer(f"leave:{device.device_id}")
    return altered(device, sign_in=SignInState.STAYING)


def call_ended(draft: Draft, device: Device, _: Input) -> Device:
    if device.in_call:
        return device
    draft.set_timer(f"leave:{device.device_id}", draft.now + LEAVE_AFTER)
    return altered(device, sign_in=SignInState.LEAVING)


def overstay(draft: Draft, device: Device, _: Input) -> Device:
    """Nobody was signed out although the booking is over: say so, and look again."""
    sync.want_list(draft, device.device_id, ListCause.UNANSWERED)
    return altered(device, signed_in_to=None)


def sign_out(draft: Draft, device: Device, wish: SignOutAsked) -> Device:
    """A person wants the device signed out; a running call is ended only when they said so."""
    if draft.sends_nothing is not None:
        draft.refuse(draft.sends_nothing)
    elif device.in_call and not wish.even_in_call:
        draft.refuse(handout.CALL_RUNS)
    elif any(isinstance(c.command, Logout) and c.device == device.device_id for c in draft.open_commands()):
        draft.detail = "a sign-out is under way already"
    else:
        booking = _current(draft, device)
        orders.order(
            draft,
            Logout(),
            why="asked by a person",
            booking=booking,
            device=device.device_id,
            even_in_call=wish.even_in_call,
        )
    return device


def nobody(draft: Draft, device: Device, _: SignOutAsked) -> Device:
    draft.refuse("nobody is signed in")
    return device
