"""What moved: the recorded reasons of a desk's past, sorted by what they are about."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import attrs

from hotdesk_daemon.app.explain.causes import Chain, chain_of
from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core.desk import Device, LinkState, is_stale
from hotdesk_daemon.core.steps import Life, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hotdesk_daemon.app.explain.past import Past
    from hotdesk_daemon.core.ids import DeviceId
    from hotdesk_daemon.journal import StoredRecord


@attrs.frozen(kw_only=True)
class Move:
    """
    A row that a thing met: a move of its state, or, where ``before`` and ``after`` are the same, what was said of it.

    ``chain`` leads from the root cause to it.
    """

    seq: int
    at: datetime
    life: Life
    code: str
    text: str
    before: str
    after: str
    chain: Chain

    @property
    def is_move(self) -> bool:
        return self.before != self.after


class Met(NamedTuple):
    """A reason and the record that it stands in."""

    record: StoredRecord
    reason: Reason


#: Reasons without a move that belong to a thing's story all the same: what the rules said, and what stands still.
_TOLD = frozenset(
    {
        "booking.rejected", "booking.moved", "booking.overdue", "booking.deletion_asked", "booking.joined",
        "booking.checked_in", "booking.surprise", "change.overdue", "change.given_up", "command.overdue",
        "command.not_sent", "command.waiting", "list.failed", "sign_in.sign_out_asked",
    }
)  # fmt: skip


def is_told(reason: Reason) -> bool:
    return reason.before != reason.after or reason.code in _TOLD


def whose(reason: Reason) -> tuple[Life, str] | None:
    """The thing that a reason is about; a booking's change belongs to the booking."""
    match reason.life:
        case Life.LINK | Life.SIGN_IN:
            return (reason.life, str(reason.device)) if reason.device is not None else None
        case Life.COMMAND:
            return (reason.life, str(reason.command_id)) if reason.command_id is not None else None
        case Life.BOOKING | Life.CHANGE:
            return (Life.BOOKING, str(reason.booking_id)) if reason.booking_id is not None else None
        case Life.DESK:
            return None


def sorted_out(records: Iterable[StoredRecord]) -> dict[tuple[Life, str], list[Met]]:
    """What each thing met, in the order of *records*."""
    found: dict[tuple[Life, str], list[Met]] = {}
    for record in records:
        for reason in record.reasons:
            thing = whose(reason)
            if thing is not None and is_told(reason):
                found.setdefault(thing, []).append(Met(record, reason))
    return found


def explained(past: Past, met: Met) -> Move:
    record, reason = met
    return Move(
        seq=record.seq,
        at=record.at,
        life=reason.life,
        code=reason.code,
        text=quoted(reason.text),
        before=reason.before,
        after=reason.after,
        chain=chain_of(past, record, reason),
    )


def freshness(devices: Mapping[DeviceId, LinkState], links: Sequence[Met]) -> tuple[bool, Met | None]:
    """
    Whether a desk with these *devices* and links is stale, and which of the moves of *links* (oldest first) made it so.

    None: it is so for longer than they go back.
    """
    held = dict(devices)
    for met in reversed(links):
        if met.reason.device in held:
            held[met.reason.device] = link_of(met.reason.before)
    stale, since = _is_stale(held), None
    for met in links:
        if met.reason.device in held:
            held[met.reason.device] = link_of(met.reason.after)
            now = _is_stale(held)
            if now is not stale:
                stale, since = now, met
    return stale, since


def link_of(state: str) -> LinkState:
    """A link's state as it was recorded; one that this version does not know is no link."""
    return LinkState(state) if state in set(LinkState) else LinkState.DOWN


def _is_stale(links: Mapping[DeviceId, LinkState]) -> bool:
    return is_stale(Device(device_id=device, link=link) for device, link in links.items())
