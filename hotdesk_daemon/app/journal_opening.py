"""
From a journal, however it is found, to the desks' past.

A sound one is read. In the place of a damaged one a new one has begun: what can be read of the old is taken over, what
was open and cannot be is told, and every desk is listed anyway. A backup that was put back, and anything taken over, is
doubtful: more may have been sent than it knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from hotdesk_daemon.app.recovery import Past, rebuild
from hotdesk_daemon.core.desk import SETTLED, CommandState, OpenCommand, Sync
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import JournalDamagedError, Stored
from hotdesk_daemon.journal.damage import damaged_files
from hotdesk_daemon.journal.salvage import OpenOne, Salvaged, salvage
from hotdesk_daemon.ops.logs import get_log

if TYPE_CHECKING:
    from collections.abc import Collection

    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.journal import SqlJournal
    from hotdesk_daemon.journal.store import Aside

#: Numbers that are left free behind the last that is known, for those that were lost.
_GAP: Final = 1000
#: Where the old numbers are not known at all, the new ones begin at a multiple of this: far beyond any.
_FAR: Final = 10_000_000
#: Lost commands that are told one by one.
_TOLD: Final = 100
_OPEN: Final = frozenset(CommandState) - SETTLED
_REMEDY: Final = (
    "nothing has to be done: a new journal has begun and every desk is listed again; look into the old one with "
    "journal verify --journal FILE, and delete it when nobody wants it any more"
)


@attrs.frozen(kw_only=True)
class Found:
    """What a start goes by; ``records`` is how many inputs were read."""

    past: Past
    newest: Mapping[DeskId, Stored]
    records: int
    quarantined: int


async def find(journal: SqlJournal) -> Found:
    """
    The past of the desks in *journal*, of which a damaged one is put aside.

    Raises:
        JournalUnavailableError: it cannot be read now.
    """
    opening = await journal.opening()
    aside = opening.aside
    stored: Mapping[DeskId, Stored] = {}
    if aside is None:
        try:
            stored = await journal.load()
        except JournalDamagedError as exc:
            await journal.condemn(str(exc))
            aside = await journal.begin_anew((), first_seq=opening.first_seq)
    if aside is not None:
        first_seq = await _take_over(journal, aside)
        return _found(await journal.load(), first_seq=first_seq, is_doubtful=True, quarantined=1)
    await _tell_of_those_begun_anew(journal, stored)
    return _found(stored, first_seq=opening.first_seq, is_doubtful=opening.is_copy, quarantined=0)


def _found(stored: Mapping[DeskId, Stored], *, first_seq: int, is_doubtful: bool, quarantined: int) -> Found:
    return Found(
        past=Past(stored, first_seq=first_seq, is_doubtful=is_doubtful),
        newest=stored,
        records=sum(len(one.tail) for one in stored.values()),
        quarantined=quarantined,
    )


def tell_of(aside: Aside, *, desks: int, kept: int, lost: int | None) -> None:
    """
    Say in one line that a damaged journal was put aside.

    Args:
        aside: it.
        desks: whose state was taken over.
        kept: commands that were open, and are still.
        lost: commands that were open, and are not; None if nobody can tell.
    """
    get_log().error(
        "journal.quarantined",
        file=aside.file,
        error=aside.fault,
        remedy=_REMEDY,
        desks=desks,
        commands_kept=kept,
        commands_lost="unknown" if lost is None else lost,
    )


# --- a new journal in the place of a damaged one ---------------------------------------------------------------------


async def _take_over(journal: SqlJournal, aside: Aside) -> int:
    """Begin the new journal with what can be read of the old one; return behind which number it goes on."""
    file = Path(aside.file)
    found = await asyncio.to_thread(salvage, file)
    earlier = await asyncio.to_thread(damaged_files, Path(journal.file or file))
    first_seq = found.last_seq + _GAP if found.last_seq else _FAR * len(earlier)
    states = [_continued(rebuild(desk_id, stored), first_seq) for desk_id, stored in sorted(found.stored.items())]
    await journal.begin_with(states, first_seq=first_seq)
    kept = {command_id for desk in states for command_id in desk.commands}
    lost = [one for one in found.open_commands if one.command_id not in kept]
    tell_of(aside, desks=len(states), kept=len(kept), lost=_count(found, lost))
    _tell_of_lost(lost)
    return first_seq


def _count(found: Salvaged, lost: list[OpenOne]) -> int | None:
    return len(lost) if found.is_whole else None


def _continued(desk: Desk, seq: int) -> Desk:
    """A state that was read from a damaged journal, as the beginning of a new history; its lists have ended."""
    sync = Sync(count=desk.sync.count, started_at=desk.sync.started_at)
    return attrs.evolve(desk, seq=seq, sync=sync, buffer=())


def _tell_of_lost(lost: Collection[OpenOne]) -> None:
    for one in sorted(lost, key=lambda one: (one.desk_id, one.command_id))[:_TOLD]:
        get_log().error(
            "command.lost",
            desk_id=one.desk_id,
            command_id=one.command_id,
            command=one.open.command.path if one.open is not None else one.kind,
            booking_id=one.open.booking_id if one.open is not None else None,
            state=one.state,
        )


# --- desks that begin anew in a journal that goes on -----------------------------------------------------------------


async def _tell_of_those_begun_anew(journal: SqlJournal, stored: Mapping[DeskId, Stored]) -> None:
    """Tell of desks whose state could not be rebuilt, and of what was open on them."""
    for desk_id in [desk_id for desk_id, one in stored.items() if one.is_begun_anew]:
        rows = await journal.outbox(desk_id=desk_id, states=_OPEN, limit=_TOLD)
        get_log().error("desk.begun_anew", desk_id=desk_id, commands_lost=len(rows))
        opened = {row.command_id: row.open if isinstance(row.open, OpenCommand) else None for row in rows}
        _tell_of_lost(
            [
                OpenOne(
                    desk_id=desk_id,
                    command_id=row.command_id,
                    kind=row.kind,
                    state=row.state.value,
                    open=opened[row.command_id],
                )
                for row in rows
            ]
        )
        await journal.give_up(tuple(opened))
