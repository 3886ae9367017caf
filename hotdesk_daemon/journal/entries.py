"""From stored bytes to core's values, one record at a time; what cannot be read is an error beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.journal import codec
from hotdesk_daemon.journal.records import Entry, StoredRecord

if TYPE_CHECKING:
    from hotdesk_daemon.core.desk import OpenCommand
    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.core.steps import Reason


def input_of(kind: str, data: bytes) -> Input | UndecodableError:
    """The input that was stored as *kind*, or what is wrong with it."""
    try:
        return codec.decode_input(kind, data)
    except UndecodableError as exc:
        return exc


def read_back(entry: Entry) -> StoredRecord:
    """All of *entry* in core's values."""
    faults: list[UndecodableError] = []
    given = input_of(entry.kind, entry.input)
    if isinstance(given, UndecodableError):
        faults.append(given)
    reasons: tuple[Reason, ...] = ()
    commands: tuple[OpenCommand, ...] = ()
    try:
        reasons = codec.decode_reasons(entry.reasons) if entry.reasons is not None else ()
    except UndecodableError as exc:
        faults.append(exc)
    try:
        commands = codec.decode_commands(entry.commands) if entry.commands is not None else ()
    except UndecodableError as exc:
        faults.append(exc)
    return StoredRecord(
        journal_seq=entry.journal_seq,
        desk_id=entry.desk_id,
        seq=entry.seq,
        at=entry.at,
        mono=entry.mono,
        source=entry.source,
        kind=entry.kind,
        cause_seq=entry.cause_seq,
        raw=entry.raw,
        part=entry.part,
        input=given,
        reasons=reasons,
        commands=commands,
        refusal=entry.refusal,
        faults=tuple(faults),
    )
