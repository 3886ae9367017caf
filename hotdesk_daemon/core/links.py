"""Acts of the link life: what connecting, losing and doubting a device's session does to the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core import sync
from hotdesk_daemon.core.desk import Device, Held, LinkState, altered
from hotdesk_daemon.core.inputs import (
    BookingEvent,
    BookingsListed,
    DeviceInput,
    Input,
    LinkDown,
    LinkUp,
    ListCause,
    ListFailed,
    Undecodable,
)

if TYPE_CHECKING:
    from hotdesk_daemon.core.draft import Draft
    from hotdesk_daemon.core.ids import DeviceId

#: Events kept while a list is under way; one more and they are applied at once and another list is asked for.
BUFFER_LIMIT: Final = 1000


def connect(draft: Draft, device: Device, up: LinkUp) -> Device:
    """A new session: the device's own Ids may belong to another boot, so they are forgotten until listed again."""
    sync.forget_lists(draft, device.device_id)
    _forget_ids(draft, device.device_id)
    device = attrs.evolve(
        device,
        link=LinkState.SYNCING,
        link_cause="connected",
        software=up.software,
        booking_timeout_s=up.booking_timeout_s,
    )
    draft.put_device(device)
    sync.want_list(draft, device.device_id, ListCause.CONNECTED)
    return device


def _forget_ids(draft: Draft, device_id: DeviceId) -> None:
    for booking in list(draft.bookings.values()):
        if device_id in booking.ids:
            ids = {key: own for key, own in booking.ids.items() if key != device_id}
            draft.put_booking(attrs.evolve(booking, ids=ids))


def disconnect(draft: Draft, device: Device, down: LinkDown) -> Device:
    sync.forget_lists(draft, device.device_id)
    draft.detail = down.cause
    return attrs.evolve(device, link_cause=down.cause)


def stay_down(draft: Draft, device: Device, down: LinkDown) -> Device:
    """Another reason than before: a device that refuses us is no longer only one that was not connected yet."""
    return attrs.evolve(device, link_cause=down.cause)


def restart(draft: Draft, device: Device, _: Input) -> Device:
    sync.forget_lists(draft, device.device_id)
    return attrs.evolve(device, link_cause="daemon started")


def resync(draft: Draft, device: Device, doubt: DeviceInput) -> Device:
    """The device says that its list changed in a way that no event describes."""
    cause = ListCause.UPDATED if type(doubt).__name__ == "Updated" else ListCause.SYNC_REQUIRED
    sync.want_list(draft, device.device_id, cause)
    return device


def list_by_wish(draft: Draft, device: Device, _: Input) -> Device:
    sync.want_list(draft, device.device_id, ListCause.ASKED)
    return device


def list_by_time(draft: Draft, device: Device, _: Input) -> Device:
    # Where not every change is pushed, what a timed list corrects was to be expected and is no drift.
    sync.want_list(draft, device.device_id, ListCause.UNPUSHED if draft.base.reconcile_s else ListCause.TIMED)
    return device


def hold_back(draft: Draft, device: Device, event: BookingEvent) -> Device:
    """While a list is under way events wait for it: the list may be older or newer than they are."""
    if draft.sync.listing is None:
        return device
    if len(draft.buffer) >= BUFFER_LIMIT:
        draft.detail = "too many wait already: applied at once, and listed again"
        sync.want_list(draft, device.device_id, ListCause.SURPRISE)
        return device
    draft.held = True
    draft.buffer = (*draft.buffer, Held(seq=draft.seq, event=event))
    return device


def unexpected(draft: Draft, device: Device, _: Input) -> Device:
    draft.count(surprises=1)
    return device


def keep_undecodable(draft: Draft, device: Device, garbled: Undecodable) -> Device:
    draft.count(undecodable=1)
    draft.detail = garbled.error
    sync.want_list(draft, device.device_id, ListCause.SURPRISE)
    return device


def list_applied(draft: Draft, device: Device, listed: BookingsListed) -> Device:
    """The list stands; whether the device is live again depends on doubts that came meanwhile."""
    sync.set_sync_timer(draft)
    again = draft.sync.waiting.get(device.device_id)
    # A doubt may wait under a cause of more haste (`sync.want_list`); these alone are no doubt that came meanwhile.
    doubtful = again not in (None, ListCause.TIMED, ListCause.UNPUSHED, ListCause.SURPRISE)
    return altered(
        device,
        link=LinkState.STALE if doubtful else LinkState.LIVE,
        link_cause="listed" if not doubtful else "listed, and doubted again meanwhile",
        listed_at=draft.now,
    )


def list_failed(draft: Draft, device: Device, failed: ListFailed) -> Device:
    """No list: try again later, with growing distance. What waited for it is applied without it."""
    if draft.sync.listing == device.device_id:
        draft.cause_seq = draft.sync.asked_seq
        draft.sync = altered(draft.sync, listing=None, cause=None, failures=draft.sync.failures + 1)
    draft.detail = failed.error
    sync.want_list(draft, device.device_id, ListCause.RETRY)
    return device
