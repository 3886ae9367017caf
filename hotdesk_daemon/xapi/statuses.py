"""
Trees of statuses to inputs: of a notification, where only what changed stands, or of a whole answer.

Which statuses are mirrored is the table at the end. What is not mirrored is passed over; a mirrored status with a
value that nobody knows is an input whose value is None, for then we know that we do not know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hotdesk_daemon.core import inputs
from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import Input
from hotdesk_daemon.xapi.leaves import is_ghost, read_integer, read_text, read_truth, require_object
from hotdesk_daemon.xapi.times import parse_instant

#: The parents of everything mirrored, each to be read with one ``xGet`` or in one ``xQuery``.
MIRRORED_STATUS_PATHS: Final = (
    ("Status", "Bookings"),
    ("Status", "Webex", "DevicePersonalization"),
    ("Status", "SystemUnit", "State"),
    ("Status", "Standby"),
    ("Status", "RoomAnalytics"),
    ("Status", "Conference", "Presentation"),
)

_Found = list[Input]
_Reader = Callable[[DeviceId, object, _Found], None]
_PRESENCE: Final = {"yes": True, "no": False}


def parse_status(tree: object, *, device: DeviceId, path: tuple[str, ...] = ()) -> tuple[Input, ...]:
    """
    The mirrored statuses in the answer to an ``xGet`` or ``xQuery``.

    Args:
        tree: the result.
        device: whose statuses they are.
        path: where *tree* stands: the path of the ``xGet``, which answers with the bare subtree. Empty for an
            ``xQuery``, which answers from the root.

    Raises:
        ProtocolError: when *tree* is no tree.
    """
    for word in reversed(path):
        tree = {word: tree}
    root = require_object(tree, what="the result")
    found: _Found = []
    read_statuses(device, root.get("Status", {}), found)
    return tuple(found)


def read_statuses(device: DeviceId, tree: object, found: _Found) -> None:
    """
    Add the mirrored statuses of *tree*, which stands below ``Status``, to *found*.

    Raises:
        ProtocolError: when a single value stands where there must be a group.
    """
    if isinstance(tree, dict):
        _read_group(device, tree, _ROOT, found)
    else:
        raise ProtocolError("Status is no object")


class _Group(dict[str, "_Reader | _Group"]):
    """A group of the table; its own name is in the messages."""


def _read_group(device: DeviceId, tree: dict[str, object], table: _Group, found: _Found) -> None:
    for word, value in tree.items():
        entry = table.get(word)
        if entry is None:
            continue
        if not isinstance(entry, _Group):
            entry(device, value, found)
        elif isinstance(value, dict):
            _read_group(device, value, entry, found)
        else:
            raise ProtocolError(f"Status … {word} is no object")


def _personalized(device: DeviceId, value: object, found: _Found) -> None:
    found.append(inputs.Personalized(device=device, value=read_truth(value)))


def _session_status(device: DeviceId, value: object, found: _Found) -> None:
    found.append(inputs.SessionStatus(device=device, value=read_text(value)))


def _availability(device: DeviceId, value: object, found: _Found) -> None:
    group = require_object(value, what="Status Bookings Availability")
    if "Status" not in group and "TimeStamp" not in group:
        return
    text = read_text(group.get("TimeStamp"))
    try:
        timestamp = None if text is None else parse_instant(text)
    except ProtocolError:
        timestamp = None
    status = read_text(group.get("Status"))
    found.append(inputs.Availability(device=device, status=status, timestamp=timestamp))


def _current_id(device: DeviceId, value: object, found: _Found) -> None:
    found.append(inputs.CurrentBooking(device=device, id=read_text(value)))


def _active_calls(device: DeviceId, value: object, found: _Found) -> None:
    found.append(inputs.ActiveCalls(device=device, value=_count(value)))


def _system_state(device: DeviceId, value: object, found: _Found) -> None:
    found.append(inputs.SystemState(device=device, value=read_text(value)))


def _standby_state(device: DeviceId, value: object, found: _Found) -> None:
    found.append(inputs.StandbyState(device=device, value=read_text(value)))


def _people_count(device: DeviceId, value: object, found: _Found) -> None:
    found.append(inputs.PeopleCount(device=device, value=_count(value)))


def _people_presence(device: DeviceId, value: object, found: _Found) -> None:
    word = read_text(value)
    found.append(inputs.PeoplePresence(device=device, value=_PRESENCE.get(word.lower()) if word else None))


def _room_in_use(device: DeviceId, value: object, found: _Found) -> None:
    found.append(inputs.RoomInUse(device=device, value=read_truth(value)))


def _presentations(device: DeviceId, value: object, found: _Found) -> None:
    elements = value if isinstance(value, list) else [value]
    for element in elements:
        instance = require_object(element, what="Status Conference Presentation LocalInstance[n]")
        ident = read_text(instance.get("id"))
        if ident is None:
            continue
        if is_ghost(instance):
            found.append(inputs.Presentation(device=device, instance=ident, sending_mode=None))
        elif "SendingMode" in instance:
            mode = read_text(instance["SendingMode"])
            found.append(inputs.Presentation(device=device, instance=ident, sending_mode=mode))


def _count(value: object) -> int | None:
    """A number of people or calls; negative means that the device does not know."""
    number = read_integer(value)
    return number if number is not None and number >= 0 else None


_ROOT: Final = _Group(
    Bookings=_Group(Availability=_availability, Current=_Group(Id=_current_id)),
    Webex=_Group(
        DevicePersonalization=_Group(Personalized=_personalized, Hotdesking=_Group(SessionStatus=_session_status))
    ),
    SystemUnit=_Group(State=_Group(NumberOfActiveCalls=_active_calls, System=_system_state)),
    Standby=_Group(State=_standby_state),
    RoomAnalytics=_Group(
        PeopleCount=_Group(Current=_people_count),
        PeoplePresence=_people_presence,
        RoomInUse=_room_in_use,
    ),
    Conference=_Group(Presentation=_Group(LocalInstance=_presentations)),
)
