"""
The state from which a stretch of a journal goes on: what was before, decided again from a snapshot or the beginning.

A state that waits for a list cannot be written; then the stretch begins a little earlier, where the desk last waited
for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.journal import Entry, codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal.reading import JournalReading

#: A list that is waited for so long that more comes meanwhile is no list.
_MOST_HELD: Final = 10_000


@attrs.frozen(kw_only=True)
class Beginning:
    """
    What a desk's stretch begins with: ``state`` if it is not the desk's first input, ``held`` what comes before it.

    ``note`` tells people, behind the desk's name, what is not as it was to be.
    """

    state: Desk | None = None
    held: tuple[Entry, ...] = ()
    note: str | None = None


def beginning(
    journal: JournalReading, desk: DeskId, *, journal_seq: int, tick: Callable[[], None] | None = None
) -> Beginning:
    """What *desk* goes on from at number *journal_seq* of *journal*; *tick* is called with every input before it."""
    last = journal.last_seq_before(desk, journal_seq)
    if last == 0:
        return Beginning()
    snapshot = journal.snapshot(desk)
    state = snapshot if snapshot is not None and snapshot.seq <= last else journal.base(desk) or Desk(desk_id=desk)
    good, held = state, []
    for entry in journal.entries_of(desk, after_seq=state.seq, before=journal_seq):
        if tick is not None:
            tick()
        if entry.seq != state.seq + 1:
            return _unknown(f"the inputs before {entry.seq} are not in the journal any more")
        state = _next(state, entry)
        held.append(entry)
        if not state.buffer:
            good = state
            held.clear()
        elif len(held) > _MOST_HELD:
            return _unknown("it waits for a list all the time")
    return Beginning(
        state=good if good.seq else None,
        held=tuple(held),
        note=f"begins {len(held)} inputs earlier, for it waited for a list" if held else None,
    )


def _next(state: Desk, entry: Entry) -> Desk:
    try:
        return decide(state, codec.decode_input(entry.kind, entry.input), now=entry.at).desk
    except UndecodableError:
        # What this version cannot read changes nothing; a replay goes on in the same way.
        return attrs.evolve(state, seq=entry.seq)


def _unknown(why: str) -> Beginning:
    return Beginning(note=f"the state it begins from is not known, so its steps cannot be compared: {why}")
