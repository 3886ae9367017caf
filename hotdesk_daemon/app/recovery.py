"""From the journal to desks: the last snapshot, and what came after it, through the same core as when it happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.inputs import DaemonStarted, DeskConfigured, Input

if TYPE_CHECKING:
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import Stored


def rebuild(desk_id: DeskId, stored: Stored | None) -> Desk:
    """
    The state that *stored* leads to; a desk without history begins empty.

    A record that this version cannot read is passed over: it stays in the journal, and the list after the next
    connect corrects what it would have done.
    """
    desk = Desk(desk_id=desk_id)
    if stored is None:
        return desk
    if stored.snapshot is not None:
        desk = stored.snapshot
    for entry in stored.tail:
        if isinstance(entry.input, Input):
            desk = decide(desk, entry.input, now=entry.at).desk
        if desk.seq != entry.seq:
            desk = attrs.evolve(desk, seq=entry.seq)
    return desk


def beginning(desk: Desk, settings: DeskConfigured, *, version: str) -> tuple[Input, ...]:
    """The first inputs of a run: the settings where they are new, and that we have started."""
    held = DeskConfigured(
        desk=desk.desk_id,
        calendar=desk.calendar,
        devices=tuple(desk.devices),
        stage=desk.stage,
        policy=desk.policy,
        **{name: getattr(desk, name) for name in _NUMBERS},
    )
    started = DaemonStarted(version=version)
    return (started,) if desk.seq and held == settings else (settings, started)


_NUMBERS = tuple(
    field.name for field in attrs.fields(DeskConfigured) if field.name.endswith("_s") and field.type in ("int", int)
)
