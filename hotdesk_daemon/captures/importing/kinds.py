"""What a JSON document is, and why it is not imported if it is not."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

import attrs
import msgspec

from hotdesk_daemon.captures.importing.documents import Document
from hotdesk_daemon.captures.lines import FORMAT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Kind(Enum):
    """What can be imported."""

    MESSAGE = "message of a workspace integration"
    FRAME = "JSON-RPC frame"
    LIST = "Bookings List result"
    RESULT = "result as devices print it over SSH"


@attrs.frozen(kw_only=True)
class Part:
    """A document, or a part of one, that is something."""

    kind: Kind
    document: Document

    @property
    def raw(self) -> bytes:
        return self.document.raw

    @property
    def value(self) -> dict[str, object]:
        value = self.document.value
        return value if isinstance(value, dict) else {}


@attrs.frozen(kw_only=True)
class Refusal:
    """Something that is not imported, and why, for people."""

    document: Document
    why: str


_MESSAGE_TYPES: Final = frozenset({"status", "events", "healthCheck", "action"})
_GRAPH: Final = "calendars are not imported, only what devices and the cloud say of desks"
_EMPTY_LIST: Final = frozenset({"status", "ResultInfo", "LastUpdated"})
#: Where whoever logs JSON puts what was logged.
_ENVELOPES: Final = ("message", "msg", "data", "payload", "frame", "body", "raw")
_TIMES: Final = ("time", "timestamp", "ts", "@timestamp")
_KNOWN: Final = (
    "is none of what can be imported: messages of a workspace integration, JSON-RPC frames, Bookings List results, "
    "results over SSH"
)
_DEEPEST: Final = 8
_encode: Final = msgspec.json.Encoder().encode
_BAD: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


def parts_of(document: Document, *, wanted: Kind | None = None) -> Iterator[Part | Refusal]:
    """
    What is in *document*: itself, or the elements of a list, of a queue's answer, or of an object that names them.

    Args:
        document: what to look at.
        wanted: take it as this, where it may be.
    """
    yield from _parts(document, wanted, 0)


def _parts(document: Document, wanted: Kind | None, depth: int) -> Iterator[Part | Refusal]:
    value = document.value
    kind = _kind(value, wanted)
    if kind is not None:
        yield Part(kind=kind, document=document)
        return
    why = _why_not(value) if isinstance(value, dict) else None
    within = [] if why is not None or depth == _DEEPEST else list(_within(document))
    if not within:
        yield Refusal(document=document, why=why or _KNOWN)
        return
    for inner in within:
        yield from _parts(inner, wanted, depth + 1)


def _kind(value: object, wanted: Kind | None) -> Kind | None:
    kind: Kind | None = None
    if isinstance(value, list):
        kind = Kind.LIST if value and all(map(_is_booking, value)) else None
    elif isinstance(value, dict):
        if "jsonrpc" in value or (wanted is Kind.FRAME and _is_bare_frame(value)):
            kind = Kind.FRAME
        elif _is_message(value):
            kind = Kind.MESSAGE
        elif "CommandResponse" in value or isinstance(value.get("Status"), dict):
            kind = Kind.RESULT
        elif _is_list(value) or (wanted is Kind.LIST and set(value) <= _EMPTY_LIST):
            kind = Kind.LIST
    return kind


def _is_message(value: Mapping[str, object]) -> bool:
    kind = value.get("type")
    if not isinstance(kind, str):
        return False
    return kind in _MESSAGE_TYPES and ("deviceId" in value or "jwt" in value or kind == "healthCheck")


def _is_bare_frame(value: Mapping[str, object]) -> bool:
    return "method" in value or ("id" in value and ("result" in value or "error" in value))


def _is_booking(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("Time"), dict) and ("Id" in value or "MeetingId" in value)


def _is_list(value: Mapping[str, object]) -> bool:
    rows = value.get("Booking")
    if isinstance(rows, list):
        return all(isinstance(row, dict) for row in rows)
    return isinstance(rows, dict) or (isinstance(value.get("ResultInfo"), dict) and "status" in value)


#: What is known and not imported: by what it is known, and why not.
_REFUSALS: Final[tuple[tuple[Callable[[Mapping[str, object]], object], str], ...]] = (
    (
        lambda value: value.get("format") == FORMAT,
        "is a capture already, which replay and the others read",
    ),
    (lambda value: any(key.startswith("@odata.") for key in value), f"is of Microsoft Graph: {_GRAPH}"),
    (
        lambda value: "subscriptionId" in value and "changeType" in value,
        f"is a change notification of Microsoft Graph: {_GRAPH}",
    ),
    (lambda value: {"iCalUId", "iCalUID"} & value.keys(), f"is an event of a calendar: {_GRAPH}"),
    (
        lambda value: {"access_token", "refresh_token", "id_token"} & value.keys(),
        "is the answer of a token service: it holds secrets, and nothing of a desk",
    ),
    (
        lambda value: "sessionId" in value and "workspaceId" in value,
        "is a hot desk session of the Webex API: it tells who booked, but nothing of what a desk's devices said",
    ),
    (
        lambda value: {"oauthUrl", "webexapisBaseUrl"} & value.keys(),
        "is the activation of a workspace integration: it holds secrets, and nothing of a desk",
    ),
)


def _why_not(value: Mapping[str, object]) -> str | None:
    """Why what is known is not imported."""
    return next((why for is_such, why in _REFUSALS if is_such(value)), None)


def _within(document: Document) -> Iterator[Document]:
    """What *document* is only the cover of: a list, an envelope, or an object with a name for each."""
    value = document.value
    if isinstance(value, list):
        yield from (_inner(document, element) for element in value if isinstance(element, dict | list))
    elif isinstance(value, dict):
        envelope = next((found for name in _ENVELOPES if (found := _unwrapped(value.get(name))) is not None), None)
        if envelope is not None:
            stamps = [str(value[name]) for name in _TIMES if isinstance(value.get(name), str | int | float)]
            yield _inner(document, envelope, prefix=" ".join((document.prefix, *stamps)))
        else:
            yield from (_inner(document, element) for element in value.values() if isinstance(element, dict | list))


def _unwrapped(value: object) -> dict[str, object] | None:
    """The object in a member of an envelope, where it is one or the text of one."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = msgspec.json.decode(value)
        except _BAD:
            return None
    is_known = isinstance(value, dict) and (_kind(value, Kind.FRAME) is not None or _why_not(value) is not None)
    return value if is_known and isinstance(value, dict) else None


def _inner(document: Document, value: object, *, prefix: str | None = None) -> Document:
    return attrs.evolve(document, value=value, raw=_encode(value), prefix=document.prefix if prefix is None else prefix)
