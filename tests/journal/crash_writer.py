"""Appends to a journal as fast as it can and prints ``desk seq`` for what was acknowledged, until it is killed."""

from __future__ import annotations

import asyncio
import sys

from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.journal import SqlJournal
from tests.journal.values import command, now, record


async def busy(journal: SqlJournal, desk_id: DeskId) -> None:
    seq = 0
    while True:
        seq += 1
        snapshots = [Desk(desk_id=desk_id, seq=seq)] if seq % 7 == 0 else []
        sent = command(f"{desk_id}.c{seq}")
        await journal.append([record(seq, desk_id=desk_id, commands=(sent,))], snapshots=snapshots)
        sys.stdout.write(f"{desk_id} {seq}\n")


async def main(url: str) -> None:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a text stream here
    async with SqlJournal.open(url, clock=now) as journal, asyncio.TaskGroup() as group:
        for n in range(8):
            group.create_task(busy(journal, DeskId(f"desk-{n}")))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
