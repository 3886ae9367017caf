"""From the journal to desks: the last snapshot, and what came after it, through the same core as when it happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.inputs import DaemonStarted, DeskConfigured, Input
from hotdesk_daemon.ops.logs import get_log

if TYPE_CHECKING:
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import Stored
    from hotdesk_daemon.journal.records import TailEntry


def rebuild(desk_id: DeskId, stored: Stored | None) -> Desk:
    """
    The state that *stored* leads to; a desk without history begins empty.

    A record that this version cannot read, or cannot decide, is passed over: it stays in the journal, and the list
    after the next connect corrects what it would have done.
    """
    desk = Desk(desk_id=desk_id)
    if stored is None:
        return desk
    if stored.snapshot is not None:
        desk = stored.snapshot
    for entry in stored.tail:
        if isinstance(entry.input, Input):
            desk = _replayed(desk, entry.input, entry)
        if desk.seq != entry.seq:
            desk = attrs.evolve(desk, seq=entry.seq)
    return desk


def _replayed(desk: Desk, given: Input, entry: TailEntry) -> Desk:
    try:
        return decide(desk, given, now=entry.at).desk
    except Exception as exc:  # noqa: BLE001 - one record of one desk must not keep the whole site from starting
        task = f"replay {type(given).__name__}"
        get_log().error("task.failed", desk_id=desk.desk_id, journal_seq=entry.seq, task=task, exc_info=exc)
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
