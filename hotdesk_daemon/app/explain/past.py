"""
What is looked at of one desk's history: its records from the newest backwards, as far as somebody asks and no further.

A desk that has been watched for a year has a million inputs, and the causes of its present state are mostly among the
last hundred. So the walk goes back only as far as it is told, and never over more than a bound; what lies further back
is looked up by number, one by one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.core.steps import Life

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.core.desk import OpenCommand
    from hotdesk_daemon.core.ids import CommandId, DeskId
    from hotdesk_daemon.journal import StoredRecord

#: So many records are walked over.
MOST_RECORDS: Final = 20_000
#: So many are looked up by number, behind those that were walked over.
MOST_LOOKUPS: Final = 1_000


class Past:
    """
    The history of a desk up to a moment.

    ``newest`` is its last record there; None if there is none. ``seq`` is the number of the oldest record that was
    walked over. ``commands`` are those that were met, in their newest form. What nothing came of (most statuses) is
    walked over and not kept.
    """

    def __init__(
        self, recording: Recording, desk_id: DeskId, *, until: datetime | None = None, most: int | None = MOST_RECORDS
    ) -> None:
        self.desk_id = desk_id
        self.commands: dict[CommandId, OpenCommand] = {}
        #: How many records this version could not read, or not wholly.
        self.unreadable = 0
        #: How many records were walked over.
        self.walked = 0
        #: Whether a bound ended the walk or the looking up.
        self.is_cut = False
        self._recording = recording
        self._rest = recording.newest(desk_id, until=until)
        self._walk_left = most
        self._lookups_left = MOST_LOOKUPS
        self._kept: dict[int, StoredRecord | None] = {}
        self._of_command: dict[CommandId, list[int]] = {}
        self.newest = next(self._rest, None)
        self.seq = self.newest.seq if self.newest is not None else 0
        if self.newest is not None:
            self._keep(self.newest)

    def walk(self) -> Iterator[StoredRecord]:
        """Further records, each older than the last, until the bound or the beginning."""
        while self._walk_left is None or self._walk_left > 0:
            record = next(self._rest, None)
            if record is None:
                return
            if self._walk_left is not None:
                self._walk_left -= 1
            self.seq = record.seq
            self._keep(record)
            yield record
        self.is_cut = self.is_cut or self.seq > 1

    def back_to(self, seq: int) -> bool:
        """Walk over everything down to this number; say whether that was possible."""
        if self.seq > seq:
            for record in self.walk():
                if record.seq <= seq:
                    break
        return self.seq <= seq

    def kept(self) -> list[StoredRecord]:
        """What was walked over and something came of, oldest first."""
        return [record for seq, record in sorted(self._kept.items()) if record is not None and seq >= self.seq]

    def record(self, seq: int) -> StoredRecord | None:
        """The record of this number; None if it is not there, or too many were looked up already."""
        if seq not in self._kept:
            if self._lookups_left <= 0:
                self.is_cut = True
                return None
            self._lookups_left -= 1
            self._kept[seq] = self._recording.record(self.desk_id, seq)
        return self._kept[seq]

    def command_seqs(self, command_id: CommandId, *, after: int, before: int) -> list[int]:
        """The numbers, between two others, of the records walked over that moved a command."""
        seqs = sorted(self._of_command.get(command_id, ()))
        return seqs[bisect_right(seqs, after) : bisect_left(seqs, before)]

    def _keep(self, record: StoredRecord) -> None:
        self.walked += 1
        self.unreadable += bool(record.faults)
        if record.reasons or record.commands:
            self._kept[record.seq] = record
        for command in record.commands:
            self.commands.setdefault(command.command_id, command)
        for reason in record.reasons:
            if reason.life is Life.COMMAND and reason.command_id is not None:
                self._of_command.setdefault(reason.command_id, []).append(record.seq)
