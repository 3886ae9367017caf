"""
The journal's JSON: what core's values look like in the store, and back, exactly.

msgspec writes and reads attrs classes by itself. Two places need a name beside the JSON, because a field's type there
is a base class: an input (its ``kind`` is stored in a column) and the command inside an `OpenCommand`. Bytes are the
same on every machine: fields come in a fixed order, mappings in the order they have, or sorted for digests.

A stored state carries a checksum: SQLite would not notice a changed letter, and a booking under a wrong name would
stand for ever. Inputs have none, for what they say is corrected by the next list.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Final, TypeVar

import attrs
import msgspec

from hotdesk_daemon.core.commands import DECIDED, Command
from hotdesk_daemon.core.desk import Desk, Held, OpenCommand, Sync
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import CommandId
from hotdesk_daemon.core.inputs import KINDS, BookingEvent, Input
from hotdesk_daemon.core.steps import Reason
from hotdesk_daemon.journal.errors import JournalRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Raise it when a state stored by earlier code would be read wrongly: a field that means something else now, or one
#: whose default is not what an earlier state had. Then states are rebuilt from what history there is.
STATE_VERSION: Final = 1

_T = TypeVar("_T")


class _StoredCommand(msgspec.Struct):
    kind: str
    open: msgspec.Raw


class _StoredDesk(msgspec.Struct):
    """``kinds`` are the classes of the open commands, ``buffered`` of the events that wait for a list."""

    kinds: dict[CommandId, str]
    desk: msgspec.Raw
    buffered: tuple[str, ...] = ()
    check: int | None = None  # CRC-32 of all else; none before it was introduced


class _Inner(msgspec.Struct):
    command: msgspec.Raw


class _Inners(msgspec.Struct):
    commands: dict[CommandId, _Inner]


class _Held(msgspec.Struct):
    seq: int
    event: msgspec.Raw


class _Buffer(msgspec.Struct):
    buffer: tuple[_Held, ...]


_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="deterministic").encode
_inputs: Final = {name: msgspec.json.Decoder(cls) for name, cls in KINDS.items()}
#: How each kind of input is read, for who reads very many; `decode_input` is for everybody else.
INPUT_DECODERS: Final[Mapping[str, Callable[[bytes], Input]]] = {name: each.decode for name, each in _inputs.items()}
_commands: Final = {name: msgspec.json.Decoder(cls) for name, cls in DECIDED.items()}
_reasons = msgspec.json.Decoder(tuple[Reason, ...])
_stored_command = msgspec.json.Decoder(_StoredCommand)
_stored_commands = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_open_command = msgspec.json.Decoder(OpenCommand)
_stored_desk = msgspec.json.Decoder(_StoredDesk)
_desk = msgspec.json.Decoder(Desk)
_inner = msgspec.json.Decoder(_Inner)
_inners = msgspec.json.Decoder(_Inners)
_buffer = msgspec.json.Decoder(_Buffer)
_events: Final = {name: msgspec.json.Decoder(cls) for name, cls in KINDS.items() if issubclass(cls, BookingEvent)}


def _snapshot_version() -> str:
    """Name the shape of a stored `Desk`, so that a snapshot taken by other code is never half understood."""
    shape = msgspec.json.schema_components([Desk, *DECIDED.values()])
    return f"{STATE_VERSION}-{hashlib.sha256(_encode_sorted(shape)).hexdigest()[:16]}"


#: What states are stored as; those of another version are read by `decode_desk_of`.
SNAPSHOT_VERSION: Final = _snapshot_version()

#: What the versions begin with whose states this code reads.
READABLE: Final = f"{STATE_VERSION}-"


def encode_input(value: Input) -> bytes:
    return _encode(value)


def decode_input(kind: str, data: bytes) -> Input:
    """The input that was stored as *kind*, or `UndecodableError` if this version does not know it (any more)."""
    decoder = _inputs.get(kind)
    if decoder is None:
        raise UndecodableError(f"unknown kind of input {kind!r}", raw=data)
    return _understood(decoder.decode, data, what=f"input {kind}")


def encode_reasons(reasons: tuple[Reason, ...]) -> bytes:
    return _encode(reasons)


def decode_reasons(data: bytes) -> tuple[Reason, ...]:
    return _understood(_reasons.decode, data, what="reasons")


def encode_command(command: OpenCommand) -> bytes:
    return _encode({"kind": type(command.command).__name__, "open": command})


def decode_command(data: bytes) -> OpenCommand:
    return _understood(_read_command, data, what="command")


def encode_commands(commands: tuple[OpenCommand, ...]) -> bytes:
    """All of a step's changed commands as one array."""
    return b"[" + b",".join(map(encode_command, commands)) + b"]"


def decode_commands(data: bytes) -> tuple[OpenCommand, ...]:
    return tuple(map(decode_command, _understood(_stored_commands.decode, data, what="commands")))


def check_snapshot(desk: Desk) -> None:
    """Refuse a state that waits for a list: the events it buffers have no kind in the JSON."""
    if desk.buffer:
        raise JournalRefusedError(f"desk {desk.desk_id} cannot be snapshotted while events wait for a list")


def encode_desk(desk: Desk) -> bytes:
    """
    A snapshot; mappings keep their order, so that the restored state is walked through exactly like this one.

    Raises:
        JournalRefusedError: events are buffered.
    """
    check_snapshot(desk)
    return encode_state(desk)


def encode_state(desk: Desk) -> bytes:
    """Any state, also one whose events wait for a list."""
    stored = _StoredDesk(
        kinds=_kinds(desk),  # type: ignore[arg-type]  # its keys are ids
        desk=msgspec.Raw(_encode(desk)),
        buffered=tuple(type(held.event).__name__ for held in desk.buffer),
    )
    stored.check = _check(stored)
    return _encode(stored)


def rewrite_state(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """
    A stored state whose JSON *change* has rewritten, with a checksum that fits again; the same bytes if it did not.

    Raises:
        UndecodableError: it is no stored state, or is damaged.
    """
    stored = _understood(_stored_desk.decode, data, what="snapshot")
    if stored.check is not None and stored.check != _check(stored):
        raise UndecodableError("a stored state is damaged: its checksum is another", raw=data)
    before = bytes(stored.desk)
    after = change(before)
    if after == before:
        return data
    stored.desk = msgspec.Raw(after)
    stored.check = _check(stored)
    return _encode(stored)


def decode_desk(data: bytes) -> Desk:
    return _understood(_read_desk, data, what="snapshot")


def decode_desk_of(version: str, data: bytes) -> Desk:
    """
    The state that was stored as *version*, perhaps by other code.

    What that code did not know has its default, what this one does not know is left out. The list traffic is that of a
    desk which waits for nothing: it ended with the process that stored it.

    Raises:
        UndecodableError: it is damaged, or not to be read by this code.
    """
    if version == SNAPSHOT_VERSION:
        return decode_desk(data)
    if not version.startswith(READABLE):
        raise UndecodableError(f"a stored state of version {version!r} is not to be read by this one", raw=data)
    desk = decode_desk(data)
    return attrs.evolve(desk, sync=Sync(count=desk.sync.count, started_at=desk.sync.started_at), buffer=())


def digest_desk(desk: Desk) -> str:
    """A fingerprint of the whole state that does not depend on the order in which mappings were filled."""
    buffered = [type(held.event).__name__ for held in desk.buffer]
    parts = {"kinds": _kinds(desk), "buffered": buffered, "desk": desk}
    return hashlib.sha256(_encode_sorted(parts)).hexdigest()


def _check(stored: _StoredDesk) -> int:
    return zlib.crc32(_encode((stored.kinds, stored.buffered)), zlib.crc32(bytes(stored.desk)))


def _kinds(desk: Desk) -> dict[str, str]:
    return {command_id: type(open_.command).__name__ for command_id, open_ in desk.commands.items()}


def _read_command(data: bytes) -> OpenCommand:
    stored = _stored_command.decode(data)
    inner = _read_inner(stored.kind, _inner.decode(stored.open).command)
    return attrs.evolve(_open_command.decode(stored.open), command=inner)


def _read_desk(data: bytes) -> Desk:
    stored = _stored_desk.decode(data)
    if stored.check is not None and stored.check != _check(stored):
        raise UndecodableError("a stored state is damaged: its checksum is another", raw=data)
    desk = _desk.decode(stored.desk)
    if stored.buffered:
        desk = attrs.evolve(desk, buffer=_read_buffer(stored))
    if not desk.commands:
        return desk
    inners = _inners.decode(stored.desk).commands
    commands: Mapping[CommandId, OpenCommand] = {
        command_id: attrs.evolve(open_, command=_read_inner(stored.kinds[command_id], inners[command_id].command))
        for command_id, open_ in desk.commands.items()
    }
    return attrs.evolve(desk, commands=commands)


def _read_buffer(stored: _StoredDesk) -> tuple[Held, ...]:
    waiting = _buffer.decode(stored.desk).buffer
    return tuple(
        Held(seq=held.seq, event=_events[kind].decode(held.event))
        for kind, held in zip(stored.buffered, waiting, strict=True)
    )


def _read_inner(kind: str, data: msgspec.Raw) -> Command:
    return _commands[kind].decode(data)


def _understood(decode: Callable[[bytes], _T], data: bytes, *, what: str) -> _T:
    """Decode, or say what could not be decoded and hand back its bytes."""
    try:
        return decode(data)
    except (msgspec.DecodeError, KeyError, ValueError, OverflowError, RecursionError) as exc:
        raise UndecodableError(f"stored {what} cannot be read: {exc}", raw=bytes(data)) from exc
