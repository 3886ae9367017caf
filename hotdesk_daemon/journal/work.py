"""
One append on its way to the writer thread: core's values, already encoded.

Encoding happens on the event loop. It costs the same there as in the writer thread, for both share one interpreter
lock; but a value that cannot be stored is refused to the one who brought it, and the writer needs the lock less.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.ids import CommandId, DeskId
from hotdesk_daemon.journal.codec import (
    SNAPSHOT_VERSION,
    encode_command,
    encode_commands,
    encode_desk,
    encode_input,
    encode_reasons,
    encode_state,
)
from hotdesk_daemon.journal.dialect import Row
from hotdesk_daemon.journal.errors import JournalRefusedError
from hotdesk_daemon.journal.schema import to_micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hotdesk_daemon.core.desk import Desk, OpenCommand
    from hotdesk_daemon.journal.records import Record

_NO_REASONS = encode_reasons(())


@attrs.define(eq=False, kw_only=True)
class Work:
    """Rows as the tables take them; ``done`` is resolved when they are durable or never will be."""

    seqs: list[tuple[DeskId, int]]
    snapshot_seqs: list[tuple[DeskId, int]]
    rows: list[Row]
    commands: dict[CommandId, dict[str, object]]
    snapshots: dict[DeskId, dict[str, object]]
    size: int
    done: asyncio.Future[None]


def encode_work(
    records: Sequence[Record], snapshots: Sequence[Desk], *, now: datetime, done: asyncio.Future[None]
) -> Work:
    """
    Encode one append.

    Raises:
        JournalRefusedError: something in it cannot be stored.
    """
    rows: list[Row] = []
    commands: dict[CommandId, dict[str, object]] = {}
    states: dict[DeskId, dict[str, object]] = {}
    for record in records:
        try:
            rows.append(_row(record))
            for command in record.commands:
                commands[command.command_id] = command_row(record.desk_id, command, updated_at=record.at)
        except (TypeError, ValueError, OverflowError) as exc:
            raise JournalRefusedError(f"record {record.seq} of desk {record.desk_id} cannot be stored: {exc}") from exc
    for desk in snapshots:
        try:
            states[desk.desk_id] = snapshot_row(desk, now)
        except (TypeError, ValueError, OverflowError) as exc:
            raise JournalRefusedError(f"the snapshot of desk {desk.desk_id} cannot be stored: {exc}") from exc
    return Work(
        seqs=[(record.desk_id, record.seq) for record in records],
        snapshot_seqs=[(desk.desk_id, desk.seq) for desk in snapshots],
        rows=rows,
        commands=commands,
        snapshots=states,
        size=len(rows) + len(states),
        done=done,
    )


def _row(record: Record) -> Row:
    """In the order of ``dialect.RECORD_COLUMNS``."""
    return (
        record.desk_id,
        record.seq,
        to_micros(record.at),
        record.mono,
        record.source,
        record.kind,
        record.cause_seq,
        record.part,
        record.raw,
        encode_input(record.input),
        encode_reasons(record.reasons) if record.reasons else _NO_REASONS,
        encode_commands(record.commands) if record.commands else None,
        record.refusal,
    )


def command_row(desk_id: DeskId, command: OpenCommand, *, updated_at: datetime) -> dict[str, object]:
    """A row of the outbox."""
    return {
        "command_id": command.command_id,
        "desk_id": desk_id,
        "kind": type(command.command).__name__,
        "state": command.state.value,
        "decided_at": to_micros(command.decided_at),
        "updated_at": to_micros(updated_at),
        "body": encode_command(command),
    }


def snapshot_row(desk: Desk, now: datetime) -> dict[str, object]:
    """A row of the snapshots."""
    return {
        "desk_id": desk.desk_id,
        "seq": desk.seq,
        "version": SNAPSHOT_VERSION,
        "written_at": to_micros(now),
        "state": encode_desk(desk),
    }


def base_row(desk: Desk, now: datetime) -> dict[str, object]:
    """A row of the bases."""
    return {
        "desk_id": desk.desk_id,
        "seq": desk.seq,
        "version": SNAPSHOT_VERSION,
        "at": to_micros(now),
        "state": encode_state(desk),
    }
