"""Values to put into a journal: a few by hand, any at all by hypothesis."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import UnionType

import attrs
from hypothesis import strategies as st

from hotdesk_daemon.core.commands import DECIDED, Book, Command
from hotdesk_daemon.core.desk import CommandState, OpenCommand
from hotdesk_daemon.core.ids import CommandId, DeskId, DeviceId
from hotdesk_daemon.core.inputs import BookingCreated, BookingEvent
from hotdesk_daemon.core.steps import Life, Reason
from hotdesk_daemon.journal import Record

T0 = datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)
DESK = DeskId("osl-4-014")
OTHER = DeskId("osl-4-015")
REASON = Reason(life=Life.BOOKING, code="booking.created", text="confirmed", before="requested", after="created")

_PLAIN = {
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(max_size=20),
    datetime: st.datetimes(timezones=st.just(UTC)),
    type(None): st.none(),
}


def now() -> datetime:
    return T0


def command(name: str = "c1", *, state: CommandState = CommandState.PENDING, decided_s: int = 0) -> OpenCommand:
    decided_at = T0 + timedelta(seconds=decided_s)
    return OpenCommand(
        command_id=CommandId(name),
        command=Book(booking_request_uuid=f"uuid of {name}", start=T0, duration_min=60),
        state=state,
        cause_seq=1,
        decided_at=decided_at,
        deadline=decided_at + timedelta(minutes=15),
    )


def record(seq: int, *, desk_id: DeskId = DESK, commands: tuple[OpenCommand, ...] = (), raw: bytes = b"{}") -> Record:
    return Record(
        desk_id=desk_id,
        seq=seq,
        at=T0 + timedelta(seconds=seq),
        mono=seq + 0.5,
        source="device:room",
        kind="BookingCreated",
        cause_seq=seq - 1 or None,
        raw=raw,
        input=BookingCreated(device=DeviceId("room"), meeting_id=f"meeting {seq}", start=T0, duration_min=60),
        reasons=(REASON,),
        commands=commands,
        refusal="too late" if seq == 2 else None,
    )


def any_of(hint: typing.Any) -> st.SearchStrategy[typing.Any]:  # noqa: PLR0911  # one line per kind of type
    """Any value of the type *hint*, as core uses types."""
    if isinstance(hint, typing.NewType):
        return any_of(hint.__supertype__)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hint is Command:
        return st.one_of([any_of(cls) for cls in DECIDED.values()])
    if hint is BookingEvent:
        return st.nothing()  # only in a buffer, which a snapshot may not have
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {UnionType, typing.Union}:
        return st.one_of([any_of(part) for part in inner])
    if origin is tuple and inner[-1] is not Ellipsis:
        return st.tuples(*(any_of(part) for part in inner))
    if origin is tuple:
        inside = any_of(inner[0])
        return st.just(()) if inside.is_empty else st.lists(inside, max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(any_of(inner[0]), any_of(inner[1]), max_size=2)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    hints = typing.get_type_hints(hint)
    return st.builds(hint, **{field.name: any_of(hints[field.name]) for field in attrs.fields(hint)})
