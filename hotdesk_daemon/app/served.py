"""
A recording as a floor that says exactly what was said: to a daemon that is pointed at it, everything happens again.

Messages are told as they were recorded, at their distances, with every time in them moved so that the recording begins
now. Between its lists a desk's list is what the recording's own desk held at the moment, so that a list asked for at
another time than the recorded ones agrees with what was said.
"""

from __future__ import annotations

import functools
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec

from hotdesk_daemon.core.decide import decide
from hotdesk_daemon.core.desk import Booking, BookingState, Desk
from hotdesk_daemon.core.errors import ConfigError, ProtocolError, UndecodableError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import BookingsListed, DeviceInput, LinkDown, LinkUp, Undecodable
from hotdesk_daemon.journal.entries import input_of
from hotdesk_daemon.simulator.desks import CURRENT_RELEASE, DeskPlan
from hotdesk_daemon.simulator.entries import Entry as ListEntry
from hotdesk_daemon.simulator.entries import Person
from hotdesk_daemon.simulator.playback import Cue, Playback
from hotdesk_daemon.simulator.statuses import (
    ACTIVE_CALLS,
    AVAILABILITY,
    PEOPLE_COUNT,
    PERSONALIZED,
    SESSION_STATUS,
    STANDBY,
    SYSTEM_STATE,
)
from hotdesk_daemon.simulator.tree import flat
from hotdesk_daemon.xapi.cloud import EventsMessage, StatusMessage, parse_message, status_tree
from hotdesk_daemon.xapi.releases import release_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from hotdesk_daemon.app.recordings import Recording
    from hotdesk_daemon.core.desk import Device
    from hotdesk_daemon.core.ids import DeskId
    from hotdesk_daemon.core.inputs import Input
    from hotdesk_daemon.journal import Entry
    from hotdesk_daemon.simulator.floor import Floor
    from hotdesk_daemon.simulator.tree import Json, Path

#: Messages that are held in memory to be told.
MOST_CUES: Final = 500_000
_ALIVE: Final = frozenset({BookingState.CREATED, BookingState.STARTED})
_TIME: Final = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)\Z", re.ASCII)
_MICROSECONDS: Final = 7


@attrs.define(kw_only=True)
class Script:
    """
    What one desk will say. ``zero`` is the moment of its first list.

    ``silent`` are inputs of devices whose message was not recorded, so that nothing can be told of them.
    """

    desk: Desk
    zero: datetime | None = None
    devices: dict[DeviceId, str] = attrs.field(factory=dict)
    before: list[Cue] = attrs.field(factory=list)
    cues: list[Cue] = attrs.field(factory=list)
    silent: int = 0
    _held: dict[DeviceId, tuple[object, ...]] = attrs.field(factory=dict)

    @property
    def plan(self) -> DeskPlan:
        """The desk to build."""
        return DeskPlan(
            workspace=self.desk.desk_id,
            kind=self.desk.calendar.value,
            releases=tuple(self.devices.values()),
            devices=tuple(self.devices),
        )


def scripts(recording: Recording, *, desks: Collection[DeskId], shift_to: datetime | None) -> list[Script]:
    """
    What each desk of *recording* will say; with *shift_to* all times are moved so that the recording begins there.

    Raises:
        ConfigError: there is nothing to tell, or too much.
    """
    found: dict[DeskId, Script] = {}
    states: dict[DeskId, Desk] = {}
    shift: timedelta | None = None
    told = 0
    for item in recording.entries(desks=desks):
        if isinstance(item, Desk):
            states[item.desk_id] = item
            continue
        if shift is None:
            # Whole seconds: a time in a message keeps its fraction.
            shift = timedelta(0) if shift_to is None else timedelta(seconds=round((shift_to - item.at).total_seconds()))
        script = found.get(item.desk_id)
        if script is None:
            script = found[item.desk_id] = Script(desk=Desk(desk_id=item.desk_id))
        state = states.pop(item.desk_id, None)
        if state is not None:
            script.desk = state
            _begin(script, at=item.at, shift=shift)
        _take(script, item, shift=shift)
        told += 1
        if told > MOST_CUES:
            raise ConfigError(f"more than {MOST_CUES} inputs cannot be served; choose desks, or a shorter capture")
    if missing := [desk for desk in desks if desk not in found]:
        raise ConfigError(f"nothing is recorded of {', '.join(missing)}")
    served = [found[desk] for desk in sorted(found) if found[desk].devices]
    if not served:
        raise ConfigError("there is no device in this capture that could be served")
    return served


def play(floor: Floor, served: Iterable[Script], *, on_end: Callable[[DeskId], None]) -> None:
    """Put the desks of a *floor* that was built by the scripts' plans under them; *on_end* hears who has said all."""
    for desk, script in zip(floor.desks, served, strict=True):
        Playback(
            [station.device for station in desk.stations],
            before=script.before,
            cues=script.cues,
            on_end=functools.partial(on_end, script.desk.desk_id),
        )


# --- one desk --------------------------------------------------------------------------------------------------------


def _begin(script: Script, *, at: datetime, shift: timedelta) -> None:
    """A desk whose history begins in its middle: its devices are as they were then, and nothing is said before."""
    script.zero = at
    for device in script.desk.devices.values():
        _know(script, device.device_id, device.software)
        cue = Cue(after_s=0.0, device=device.device_id, statuses=_statuses_of(device))
        script.before.append(attrs.evolve(cue, bookings=_listing(script, device.device_id, shift=shift)))


def _take(script: Script, entry: Entry, *, shift: timedelta) -> None:
    given = _decided(script, entry)
    if not isinstance(given, DeviceInput):
        return
    device = given.device
    _know(script, device, given.software if isinstance(given, LinkUp) else None)
    is_first_list = script.zero is None and isinstance(given, BookingsListed)
    if is_first_list:
        script.zero = entry.at
    after_s = 0.0 if script.zero is None else (entry.at - script.zero).total_seconds()
    cue = Cue(after_s=after_s, device=device)
    is_said = True
    if isinstance(given, LinkDown):
        cue = attrs.evolve(cue, is_cut=True)
    elif entry.raw is not None and not isinstance(given, BookingsListed):
        cue = _said(cue, given, entry.raw, shift=shift)
    elif entry.part == 0 and not isinstance(given, BookingsListed | LinkUp):
        script.silent += 1
        is_said = False
    bookings = _listing(script, device, shift=shift)
    if not is_said and bookings is None:
        return
    cue = attrs.evolve(cue, bookings=bookings)
    (script.before if script.zero is None or is_first_list else script.cues).append(cue)


def _decided(script: Script, entry: Entry) -> Input | None:
    """Let the desk decide *entry*, as it was; None if that cannot be."""
    given = input_of(entry.kind, entry.input)
    if isinstance(given, UndecodableError):
        return None
    with suppress(Exception):  # what cannot be decided can still be told
        script.desk = decide(script.desk, given, now=entry.at).desk
    return given


def _know(script: Script, device: DeviceId, software: str | None) -> None:
    release = release_of(software)
    if release is not None or device not in script.devices:
        script.devices[device] = str(release) if release is not None else CURRENT_RELEASE


def _said(cue: Cue, given: DeviceInput, raw: bytes, *, shift: timedelta) -> Cue:
    """What a message says, whichever way it came."""
    try:
        message = _moved(msgspec.json.decode(raw), shift)
        if isinstance(message, dict) and "jsonrpc" in message:
            params = message.get("params")
            return _of_params(cue, params if isinstance(params, dict) else {})
        return _of_cloud(cue, msgspec.json.encode(message))
    except (msgspec.MsgspecError, ProtocolError, UnicodeError, RecursionError):
        return attrs.evolve(cue, frame=raw if isinstance(given, Undecodable) else None)


def _of_params(cue: Cue, params: Mapping[str, Any]) -> Cue:
    return attrs.evolve(cue, statuses=flat(params.get("Status")), events=_events(params.get("Event")))


def _of_cloud(cue: Cue, raw: bytes) -> Cue:
    message = parse_message(raw)
    if isinstance(message, StatusMessage):
        tree: Any = status_tree(message)
        return attrs.evolve(cue, statuses=flat(tree))
    if isinstance(message, EventsMessage):
        events = [_event(tuple(key.split(".")), msgspec.json.decode(body)) for key, body in message.events]
        return attrs.evolve(cue, events=events)
    return cue


def _events(tree: Any) -> list[tuple[Path, Mapping[Path, Json]]]:  # noqa: ANN401 - whatever a device sent
    if not isinstance(tree, dict):
        return []
    bookings = tree.get("Bookings")
    if isinstance(bookings, dict):
        return [_event(("Bookings", name), body) for name, body in bookings.items()]
    return [_event((name,), body) for name, body in tree.items()]


def _event(path: Path, body: Json) -> tuple[Path, Mapping[Path, Json]]:
    return path, flat(body, at=path) or {path: {}}


def _moved(value: Any, shift: timedelta) -> Any:  # noqa: ANN401 - any JSON
    """*value* with every time in it moved."""
    if isinstance(value, dict):
        return {name: _moved(below, shift) for name, below in value.items()}
    if isinstance(value, list):
        return [_moved(below, shift) for below in value]
    if shift and isinstance(value, str) and _TIME.match(value):
        return _moved_time(value, shift)
    return value


def _moved_time(text: str, shift: timedelta) -> str:
    fraction = _TIME.match(text)
    digits = (fraction[1] or "") if fraction is not None else ""
    try:
        when = datetime.fromisoformat(text.replace(digits, digits[:_MICROSECONDS], 1)) + shift
    except (ValueError, OverflowError):
        return text
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S}{digits}Z"


# --- its list and statuses -------------------------------------------------------------------------------------------


def _listing(script: Script, device: DeviceId, *, shift: timedelta) -> tuple[tuple[ListEntry, str], ...] | None:
    """The bookings that a list of *device* shows from now on; None if they are as they were."""
    alive = [
        booking
        for booking in script.desk.bookings.values()
        if booking.state in _ALIVE and (device in booking.ids or device in booking.seen_on or booking.meeting_id)
    ]
    held = tuple((b.booking_id, b.start, b.duration_min, b.meeting_id, b.title, b.ids.get(device)) for b in alive)
    if script._held.get(device, ()) == held:  # noqa: SLF001 - its own module
        return None
    script._held[device] = held  # noqa: SLF001
    return tuple((_list_entry(booking, shift=shift), booking.ids.get(device, "")) for booking in alive)


def _list_entry(booking: Booking, *, shift: timedelta) -> ListEntry:
    organizer = booking.organizer
    return ListEntry(
        key=booking.changed_seq,
        meeting_id=booking.meeting_id or "",
        title=booking.title,
        start=booking.start + shift,
        duration_min=booking.duration_min,
        organizer=Person(email=organizer.email or "", name=organizer.name or "", id=organizer.id or ""),
        request_uuid=booking.booking_request_uuid or "",
    )


def _statuses_of(device: Device) -> dict[Path, Json]:
    """What a device would show that is as we held it; what nobody knew is left as a fresh device has it."""
    known: dict[Path, str | int | None] = {
        PERSONALIZED: None if device.personalized is None else str(device.personalized),
        SESSION_STATUS: device.session_status,
        AVAILABILITY: device.availability,
        ACTIVE_CALLS: device.active_calls,
        SYSTEM_STATE: device.system_state,
        STANDBY: device.standby,
        PEOPLE_COUNT: device.people_count,
    }
    return {path: value for path, value in known.items() if value is not None}
