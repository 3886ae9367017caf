"""
The messages of a workspace integration, from the queue or a webhook, to the same inputs as a device's own socket gives.

Both ways send the same objects: a ``status`` message has dotted paths and values, an ``events`` message dotted names
and fields (Webex Workspace Integrations guide, "Notifications"). What each of them means is read by the readers that
the socket's notifications go through.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs
import msgspec
from msgspec import Raw, Struct

from hotdesk_daemon.core.errors import ProtocolError, UndecodableError
from hotdesk_daemon.core.inputs import Input, Undecodable
from hotdesk_daemon.xapi.events import parse_event
from hotdesk_daemon.xapi.statuses import read_statuses
from hotdesk_daemon.xapi.times import parse_instant

if TYPE_CHECKING:
    from hotdesk_daemon.core.ids import DeviceId

#: The statuses that the daemon mirrors, as the cloud names them.
WANTED_STATUSES: Final = (
    "Webex.DevicePersonalization.Personalized",
    "Webex.DevicePersonalization.Hotdesking.SessionStatus",
    "Bookings.Availability.Status",
    "Bookings.Availability.TimeStamp",
    "Bookings.Current.Id",
    "SystemUnit.State.NumberOfActiveCalls",
    "SystemUnit.State.System",
    "Standby.State",
    "RoomAnalytics.PeopleCount.Current",
    "RoomAnalytics.PeoplePresence",
    "RoomAnalytics.RoomInUse",
    "Conference.Presentation.LocalInstance[*].SendingMode",
)
#: The events that bookings are followed by.
WANTED_EVENTS: Final = (
    "Bookings.SyncRequired",
    "Bookings.Updated",
    "Bookings.BookingRequested",
    "Bookings.BookingCreated",
    "Bookings.BookingFailed",
    "Bookings.BookingMoved",
    "Bookings.EditRequested",
    "Bookings.EditFailed",
    "Bookings.ExtensionRequested",
    "Bookings.ExtensionFailed",
    "Bookings.Start",
    "Bookings.End",
    "Bookings.CheckedIn",
    "Bookings.Deleted",
)
#: A device is about to restart.
BOOT_EVENT: Final = "BootEvent"
#: The events that tell something beside: nothing is missed that a list would not show.
HELPFUL_EVENTS: Final = (
    "Bookings.StartTimeBuffer",
    "Bookings.EndTimeBuffer",
    "Bookings.TimeRemaining",
    "Bookings.NotificationSnoozed",
    BOOT_EVENT,
)

_PREFIX: Final = "Bookings."
_INDEX: Final = re.compile(r"\A([^\[\]]+)\[([^\[\]]{1,20})\]\Z")
_DEEPEST: Final = 16
_COMMAND: Final = "xCommand/"
_BAD: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


# --- messages --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Batch:
    """The answer to one poll: each message as its JSON, and where to poll from here on if that was said."""

    messages: tuple[bytes, ...]
    poll_url: str | None = None


@attrs.frozen(kw_only=True)
class DeviceMessage:
    """
    What one device said.

    The ids are the cloud's public ones. ``at`` is when it was said, where that can be read.
    """

    device_id: str
    workspace_id: str | None = None
    org_id: str | None = None
    at: datetime | None = None


@attrs.frozen(kw_only=True)
class StatusMessage(DeviceMessage):
    """Statuses that changed; in a full sync all that are subscribed to, changed or not."""

    is_full_sync: bool = False
    updated: dict[str, object] = attrs.field(factory=dict)
    removed: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class EventsMessage(DeviceMessage):
    """Events: dotted name and the JSON of the fields."""

    events: tuple[tuple[str, bytes], ...] = ()

    @property
    def is_restart(self) -> bool:
        """Whether the device says that it is about to restart."""
        return any(key == BOOT_EVENT for key, _ in self.events)


@attrs.frozen(kw_only=True)
class HealthCheckMessage:
    """The cloud looks whether we are there; being polled or answered is all it wants."""


@attrs.frozen(kw_only=True)
class ActionMessage:
    """Something was done to the integration itself; ``jwt`` says what, to whoever verifies it."""

    jwt: str = attrs.field(repr=False)


Message = StatusMessage | EventsMessage | HealthCheckMessage | ActionMessage


class _Queue(Struct, gc=False):
    pollUrl: str | None = None  # noqa: N815 - the wire's name


class _Batch(Struct, gc=False):
    messages: list[Raw]
    pollUrl: str | None = None  # noqa: N815
    queue: _Queue | None = None


class _Changes(Struct, gc=False):
    updated: dict[str, object] | None = None
    removed: list[str] | None = None


class _Event(Struct, gc=False):
    key: str
    value: Raw = Raw(b"{}")


class _Message(Struct, gc=False):
    type: str
    deviceId: str = ""  # noqa: N815
    workspaceId: str | None = None  # noqa: N815
    orgId: str | None = None  # noqa: N815
    timestamp: str | None = None
    changes: _Changes | None = None
    isFullSync: bool = False  # noqa: N815
    events: list[_Event] | None = None
    jwt: str | None = None


_DECODE_BATCH: Final = msgspec.json.Decoder(_Batch).decode
_DECODE: Final = msgspec.json.Decoder(_Message).decode


def split_batch(body: bytes) -> Batch:
    """
    The messages of one poll, not yet understood.

    Raises:
        UndecodableError: *body* is no such answer.
    """
    try:
        batch = _DECODE_BATCH(body)
    except _BAD as exc:
        raise UndecodableError(f"no answer of the queue: {exc}", raw=body) from exc
    poll_url = batch.pollUrl or (batch.queue.pollUrl if batch.queue is not None else None)
    return Batch(messages=tuple(bytes(raw) for raw in batch.messages), poll_url=poll_url)


def parse_message(raw: bytes) -> Message:
    """
    What one message is.

    Raises:
        UndecodableError: it is none that we know, or says nothing of a device although it should.
    """
    try:
        told = _DECODE(raw)
    except _BAD as exc:
        raise UndecodableError(f"no message: {exc}", raw=raw) from exc
    match told.type:
        case "healthCheck":
            return HealthCheckMessage()
        case "action" if told.jwt is not None:
            return ActionMessage(jwt=told.jwt)
        case "status" | "events" if told.deviceId:
            return _device_message(told)
        case "status" | "events" | "action":
            raise UndecodableError(f"a message of type {told.type} that lacks what it is about", raw=raw)
        case _:
            raise UndecodableError(f"a message of the unknown type {told.type[:40]!r}", raw=raw)


def _device_message(told: _Message) -> StatusMessage | EventsMessage:
    who = {"device_id": told.deviceId, "workspace_id": told.workspaceId, "org_id": told.orgId}
    at = _instant(told.timestamp)
    if told.type == "events":
        events = tuple((event.key, bytes(event.value)) for event in told.events or ())
        return EventsMessage(**who, at=at, events=events)  # type: ignore[arg-type]  # the three ids
    changes = told.changes or _Changes()
    return StatusMessage(
        **who,  # type: ignore[arg-type]  # the three ids
        at=at,
        is_full_sync=told.isFullSync,
        updated=changes.updated or {},
        removed=tuple(changes.removed or ()),
    )


def _instant(text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ProtocolError:
        return None


# --- inputs ----------------------------------------------------------------------------------------------------------


def inputs_of(message: StatusMessage | EventsMessage, *, device: DeviceId, raw: bytes) -> tuple[Input, ...]:
    """
    The inputs that *message* is; none when nothing in it is mirrored.

    What cannot be understood becomes an `Undecodable`: the caller keeps *raw* beside it.
    """
    found: list[Input] = []
    if isinstance(message, EventsMessage):
        for key, value in message.events:
            _read_event(key, value, device, raw, found)
        return tuple(found)
    try:
        read_statuses(device, status_tree(message), found)
    except ProtocolError as exc:
        found.append(_undecodable(device, exc, raw, what="status message"))
    return tuple(found)


def _read_event(key: str, value: bytes, device: DeviceId, raw: bytes, found: list[Input]) -> None:
    if not key.startswith(_PREFIX):
        return
    name = key[len(_PREFIX) :]
    try:
        # An event without fields has been seen with an empty object, a null, and a list with a null in it.
        found.append(parse_event(name, Raw(value if value[:1] == b"{" else b"{}"), device=device))
    except (ProtocolError, *_BAD) as exc:
        found.append(_undecodable(device, exc, raw, what=f"event {key[:64]}"))


def _undecodable(device: DeviceId, exc: Exception, raw: bytes, *, what: str) -> Undecodable:
    return Undecodable(device=device, error=f"{what} in a message of {len(raw)} bytes: {exc}")


def status_tree(message: StatusMessage) -> dict[str, object]:
    """The dotted paths as the tree that a device would show below ``Status``."""
    root: dict[str, object] = {}
    for path, value in message.updated.items():
        _plant(root, path, value)
    for path in message.removed:
        _plant_gone(root, path)
    return root


def _plant(root: dict[str, object], path: str, value: object) -> None:
    *groups, leaf = path.split(".", _DEEPEST)
    node = root
    for word in groups:
        node = _descend(node, word)
    indexed = _INDEX.match(leaf)
    if indexed is not None and isinstance(value, dict):
        _descend(node, leaf).update(value)
    elif indexed is None:
        held = node.get(leaf)
        if isinstance(held, dict) and isinstance(value, dict):
            held.update(value)
        else:
            node[leaf] = value


def _plant_gone(root: dict[str, object], path: str) -> None:
    """A path that ceased to be: the ghost of its list's element, or a value that nobody knows."""
    words = path.split(".", _DEEPEST)
    node = root
    for word in words:
        if _INDEX.match(word):
            _descend(node, word)["ghost"] = "True"
            return
        if word is words[-1]:
            node.setdefault(word, None)
            return
        node = _descend(node, word)


def _descend(node: dict[str, object], word: str) -> dict[str, object]:
    """
    The group *word* of *node*, made if it is missing; ``Word[3]`` is the element 3 of the list ``Word``.

    Raises:
        ProtocolError: something else stands there.
    """
    indexed = _INDEX.match(word)
    if indexed is None:
        below = node.setdefault(word, {})
        if isinstance(below, dict):
            return below
        raise ProtocolError(f"{word[:40]} is a value and a group at once")
    elements = node.setdefault(indexed[1], [])
    if not isinstance(elements, list):
        raise ProtocolError(f"{indexed[1][:40]} is a list and something else at once")
    for element in elements:
        if not isinstance(element, dict) or "id" not in element:
            raise ProtocolError(f"an element of {indexed[1][:40]} that is no object with an id")
        if str(element["id"]) == indexed[2]:
            return element
    made: dict[str, object] = {"id": indexed[2]}
    elements.append(made)
    return made


def cloud_name(method: str) -> str:
    """
    The cloud's name of a socket's method: ``Bookings.Book`` of ``xCommand/Bookings/Book``.

    Raises:
        ProtocolError: the cloud carries commands only.
    """
    if not method.startswith(_COMMAND):
        raise ProtocolError(f"the cloud has no {method}")
    return method[len(_COMMAND) :].replace("/", ".")
