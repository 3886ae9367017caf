"""A recording out of memory, to be replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.app.replaying import Replay
from hotdesk_daemon.core.desk import Desk
from hotdesk_daemon.journal import Entry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from hotdesk_daemon.app.replaying import Replayed
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.journal import StoredRecord


@attrs.frozen
class Kept:
    """Entries, and states before those that do not begin at 1."""

    items: tuple[Entry | Desk, ...]

    def desks(self) -> list[DeskId]:
        return sorted({item.desk_id for item in self.items})

    def entries(self, *, desks: Collection[DeskId] = (), until: datetime | None = None) -> Iterator[Entry | Desk]:
        return iter(self.items)

    def newest(self, desk_id: DeskId, *, until: datetime | None = None) -> Iterator[StoredRecord]:
        raise NotImplementedError

    def record(self, desk_id: DeskId, seq: int) -> StoredRecord | None:
        raise NotImplementedError


def replayed(*items: Entry | Desk) -> list[Replayed]:
    return Replay(Kept(items)).run()
