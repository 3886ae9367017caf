"""
What callers may send: bodies and query parameters, one class per shape, and how they are read.

Strict: an unknown member or parameter is an error that names it. Lengths follow the value spaces of the RoomOS xAPI
schema 26.4.1, so that nothing is taken here that no device would take.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hotdesk_daemon.api.problems import Flaw, Kind, Problem, invalid
from hotdesk_daemon.api.wire import Occupancy
from hotdesk_daemon.core.desk import BookingState, CommandState

_LINE: Final = r"^[^\u0000-\u001f\u007f]*$"  # one line: control characters belong on no screen
_YEARS: Final = range(2000, 3000)  # far enough from where dates overflow
Line = Annotated[str, Meta(max_length=128, pattern=_LINE)]
Email = Annotated[str, Meta(max_length=128, pattern=r"^[^@\s\u0000-\u001f]+@[^@\s\u0000-\u001f]+$")]
Uuid = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
Start = Annotated[
    str,
    Meta(
        max_length=64,
        description='An RFC 3339 time with offset, or "now".',
        examples=["2026-11-21T09:00:00Z", "now"],
    ),
]
Minutes = Annotated[int, Meta(ge=1, le=1440, description="Minutes.")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Items in one answer.")]


class NewOrganizer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who the booking is for; a device lets the person with this e-mail address sign in."""

    name: Line | None = None
    email: Email | None = None
    id: Line | None = None


class NewBooking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A booking to ask for.

    Whoever gives a ``booking_request_uuid`` may repeat the request when its answer was lost: the same UUID on the same
    desk is the same wish.
    """

    start: Start
    duration_min: Minutes
    title: Line = ""
    organizer: NewOrganizer = NewOrganizer()
    booking_request_uuid: Uuid | None = None


class BookingChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change in a booking; what is not given stays."""

    start: Start | UnsetType = UNSET
    duration_min: Minutes | UnsetType = UNSET
    title: Line | UnsetType = UNSET


class SignOut(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sign out whoever is signed in, at one device or (null) at all of the desk."""

    device: Line | None = None
    even_in_call: bool = False


class Halt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why nothing is to be sent any more; shown to whoever asks."""

    why: Line = ""


class Maintenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Leave the desk alone for so long."""

    minutes: Annotated[int, Meta(ge=1, le=14 * 24 * 60)]


class Reload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is meant by a reload: many desks go only if that is said."""

    remove_desks: bool = False


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Takes no members."""


class DesksQuery(Struct, frozen=True, kw_only=True):
    """Which desks."""

    state: tuple[Occupancy, ...] = ()
    stale: bool | None = None
    limit: Limit = 500
    after: str | None = None


class BookingsQuery(Struct, frozen=True, kw_only=True):
    """Which bookings of a desk."""

    state: tuple[BookingState, ...] = ()
    limit: Limit = 500
    after: str | None = None


class CommandsQuery(Struct, frozen=True, kw_only=True):
    """Which commands."""

    desk: str | None = None
    state: tuple[CommandState, ...] = ()
    limit: Limit = 100
    before: str | None = None


class EventsQuery(Struct, frozen=True, kw_only=True):
    """Which steps of which desk; without ``since`` the newest."""

    desk: str
    since: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    limit: Limit = 100


Moment = Annotated[datetime, Meta(tz=True, description="An RFC 3339 time with offset.")]


class ExplainQuery(Struct, frozen=True, kw_only=True):
    """
    What of a desk to explain, and when.

    ``booking`` may be our id or its end, a MeetingId, a BookingRequestUUID or a device's Id. ``all`` tells what is over
    for longer than a day, too.
    """

    at: Moment | None = None
    since: Moment | None = None
    booking: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    all: bool = False


class StreamQuery(Struct, frozen=True, kw_only=True):
    """Which desks and which kinds of input; nothing given means all."""

    desk: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()


Shape = TypeVar("Shape", bound=Struct)


def parse_body(shape: type[Shape], raw: bytes) -> Shape:
    """
    Read a JSON body; nothing at all counts as ``{}``.

    Raises:
        Problem: 400 for what is no JSON, 422 for what is not of this *shape*.
    """
    try:
        value = msgspec.json.decode(raw) if raw else {}
    except msgspec.ValidationError as exc:  # well formed, but for instance a number of 5,000 digits
        raise invalid(_flaw(exc)) from exc
    except msgspec.DecodeError as exc:
        raise Problem(status=400, kind=Kind.MALFORMED, detail=f"no JSON: {exc}") from exc
    except RecursionError as exc:
        raise Problem(status=400, kind=Kind.MALFORMED, detail="JSON nested too deeply") from exc
    unknown = [
        Flaw(detail=f"unknown member {pointer.rpartition('/')[2]!r}", pointer=pointer)
        for pointer in _unknown(msgspec.inspect.type_info(shape), value, "#")
    ]
    if unknown:
        raise invalid(*unknown)
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as exc:
        raise invalid(_flaw(exc)) from exc


def parse_query(shape: type[Shape], pairs: Iterable[tuple[str, str]]) -> Shape:
    """
    Read query parameters as they came; those of a list may be repeated or separated by commas.

    Raises:
        Problem: 422 that names what is unknown or wrong.
    """
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        given.setdefault(name, []).append(text)
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    unknown = sorted(given.keys() - fields.keys())
    if unknown:
        raise invalid(*(Flaw(detail=f"unknown parameter {name!r}", parameter=name) for name in unknown))
    values: dict[str, Any] = {}
    for name, texts in given.items():
        if isinstance(fields[name].default, tuple):
            values[name] = [part for text in texts for part in text.split(",") if part]
        elif len(texts) > 1:
            raise invalid(Flaw(detail=f"{name}: given {len(texts)} times", parameter=name))
        else:
            values[name] = texts[0]
    try:
        return msgspec.convert(values, shape, strict=False)
    except msgspec.ValidationError as exc:
        raise invalid(_parameter_flaw(exc)) from exc


def parse_start(text: str, *, now: datetime) -> datetime:
    """
    A start as written by a caller, in UTC and whole seconds as devices have it.

    Raises:
        Problem: 422 for what is neither "now" nor a time of this millennium with an offset.
    """
    if text == "now":
        return now.astimezone(UTC).replace(microsecond=0)
    try:
        parsed: datetime = msgspec.convert(text, Annotated[datetime, Meta(tz=True)])
        start = parsed.astimezone(UTC).replace(microsecond=0)
    except (msgspec.ValidationError, OverflowError) as exc:
        raise invalid(
            Flaw(detail='start: "now" or an RFC 3339 time with offset is expected', pointer="#/start")
        ) from exc
    if start.year not in _YEARS:
        raise invalid(Flaw(detail=f"start: the year {start.year} is out of reach", pointer="#/start"))
    return start


def _unknown(info: msgspec.inspect.Type, value: object, pointer: str) -> Iterator[str]:
    """JSON pointers of every member that *info* does not know, however deep."""
    if isinstance(info, msgspec.inspect.UnionType):
        for part in info.types:
            yield from _unknown(part, value, pointer)
    elif isinstance(info, msgspec.inspect.StructType) and isinstance(value, Mapping):
        fields = {field.encode_name: field.type for field in info.fields}
        for name, member in value.items():
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name in fields:
                yield from _unknown(fields[name], member, place)
            else:
                yield place


def _flaw(exc: msgspec.ValidationError) -> Flaw:
    """What msgspec says with its place as a JSON pointer."""
    text, _, place = str(exc).partition(" - at ")
    pointer = "#" + "".join(f"/{part}" for part in re.findall(r"[^.\[\]`$]+", place))
    where = pointer.removeprefix("#/")
    return Flaw(detail=f"{where}: {text}" if where != "#" else text, pointer=pointer)


def _parameter_flaw(exc: msgspec.ValidationError) -> Flaw:
    """The same for query parameters, which have names instead of pointers."""
    text, _, place = str(exc).partition(" - at ")
    names = re.findall(r"[^.\[\]`$]+", place)
    return Flaw(detail=f"{names[0]}: {text}", parameter=names[0]) if names else Flaw(detail=text)
