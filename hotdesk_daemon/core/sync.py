"""
When to ask for a list.

`Bookings List` is how the picture is made true again. Everything that casts doubt on it calls `want_list`; `pump`
starts the next list at the end of each step: one under way per desk, one waiting per device, and at least a spacing
between two, so that a flood of doubts costs one list more and not a thousand.
"""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from hotdesk_daemon.core.desk import LinkState, altered
from hotdesk_daemon.core.inputs import ListCause
from hotdesk_daemon.core.steps import Life, ListBookings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.core.draft import Draft
    from hotdesk_daemon.core.ids import DeviceId

_T = TypeVar("_T")

#: How long after the start of one list the next may start, by the reason for it.
_AT_ONCE = timedelta(0)
_SPACING: Final = {
    ListCause.CONNECTED: _AT_ONCE,
    ListCause.ASKED: _AT_ONCE,
    ListCause.LOST_ANSWER: _AT_ONCE,
    ListCause.SURPRISE: timedelta(seconds=10),
}
_SPACING_ELSE: Final = timedelta(seconds=2)
#: Where not every change is pushed: how long after a known start or end to look, spread over half a minute.
_AFTER_START: Final = (timedelta(minutes=1), timedelta(minutes=5))
_AFTER_END: Final = timedelta(minutes=1)
_EDGE_SPREAD_MS: Final = 30_000
_RETRY_CAP_S: Final = 60
_MOST_DOUBLINGS: Final = 6


def want_list(draft: Draft, device_id: DeviceId, cause: ListCause) -> None:
    """Ask for a list of one device; without a link there is none, and the next connect asks anyway."""
    device = draft.devices.get(device_id)
    if device is None or device.link is LinkState.DOWN:
        return
    waiting = draft.sync.waiting
    if device_id in waiting and _spacing(waiting[device_id]) <= _spacing(cause):
        return
    draft.sync = altered(
        draft.sync,
        waiting={**waiting, device_id: cause},
        wanted_seqs={**draft.sync.wanted_seqs, device_id: draft.seq},
    )


def want_any_list(draft: Draft, cause: ListCause) -> None:
    """Ask for a list of whichever device is connected, a live one before others."""
    connected = [d for d in draft.devices.values() if d.link is not LinkState.DOWN]
    for device in sorted(connected, key=lambda d: d.link is not LinkState.LIVE)[:1]:
        want_list(draft, device.device_id, cause)


def surprise(draft: Draft, device_id: DeviceId) -> None:
    """Something came that our picture cannot explain: count it and ask for a list."""
    draft.count(surprises=1)
    want_list(draft, device_id, ListCause.SURPRISE)


def pump(draft: Draft) -> None:
    """Start the next list if one is wanted, none is under way and the spacing is kept; else set the timer for it."""
    sync = draft.sync
    if sync.listing is not None or not sync.waiting:
        return
    due, device_id = min(((_earliest(draft, cause), key) for key, cause in sync.waiting.items()), key=lambda d: d[0])
    cause, wanted_seq = sync.waiting[device_id], sync.wanted_seqs[device_id]
    if due > draft.now:
        if "list" not in draft.timers or draft.timers["list"].due > due:
            draft.set_timer("list", due, cause_seq=wanted_seq)
        return
    draft.clear_timer("list")
    draft.sync = altered(
        sync,
        listing=device_id,
        cause=cause,
        waiting=_without(sync.waiting, device_id),
        wanted_seqs=_without(sync.wanted_seqs, device_id),
        count=sync.count + 1,
        started_at=draft.now,
        asked_seq=draft.seq,
    )
    draft.count(lists=1)
    draft.effects.append(ListBookings(device=device_id, cause=cause))
    draft.because(Life.DESK, "list.asked", f"list asked for: {cause}", device=device_id, cause_seq=wanted_seq)


def _earliest(draft: Draft, cause: ListCause) -> datetime:
    sync = draft.sync
    if sync.started_at is None:
        return draft.now
    if cause is ListCause.RETRY:
        return sync.started_at + timedelta(seconds=min(2 ** min(sync.failures, _MOST_DOUBLINGS), _RETRY_CAP_S))
    return sync.started_at + _spacing(cause)


def _spacing(cause: ListCause) -> timedelta:
    return _SPACING.get(cause, _SPACING_ELSE)


def set_sync_timer(draft: Draft) -> None:
    """Set the next timed list, spread by ±10 % so that a fleet does not list at once; the state alone says how far."""
    interval = draft.base.reconcile_s or draft.base.sync_interval_s
    spread = zlib.crc32(f"{draft.base.desk_id}:{draft.sync.count}".encode()) % 2001 - 1000
    due = draft.now + timedelta(seconds=interval * (1 + spread / 10_000))
    if draft.base.reconcile_s:
        late = timedelta(milliseconds=_EDGE_SPREAD_MS * (spread + 1000) // 2000)
        due = min([due, *_after_edges(draft, late)])
    draft.set_timer("sync", due)


def _after_edges(draft: Draft, spread: timedelta) -> list[datetime]:
    """When to look soon after a booking begins or ends: people sign in and out then, and nobody may tell."""
    alive = draft.living.values()
    looks = [booking.start + wait + spread for booking in alive for wait in _AFTER_START]
    looks += [booking.end + _AFTER_END + spread for booking in alive]
    return [look for look in looks if look > draft.now + _SPACING_ELSE]


def forget_lists(draft: Draft, device_id: DeviceId) -> None:
    """The link of *device_id* is gone, and with it the lists it was asked for."""
    sync = draft.sync
    if sync.listing == device_id:
        sync = altered(sync, listing=None, cause=None)
    if device_id in sync.waiting:
        sync = altered(
            sync, waiting=_without(sync.waiting, device_id), wanted_seqs=_without(sync.wanted_seqs, device_id)
        )
    draft.sync = sync


def _without(mapping: Mapping[DeviceId, _T], device_id: DeviceId) -> Mapping[DeviceId, _T]:
    return {key: value for key, value in mapping.items() if key != device_id}
