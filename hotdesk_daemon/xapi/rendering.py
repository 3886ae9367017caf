"""
Commands as devices take them, checked before they are sent.

Strict when writing: what the release of the device does not have, or a value outside of its space, is refused here with
the same error as if the device had refused it, only with a clearer text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core import commands
from hotdesk_daemon.core.errors import RefusedError
from hotdesk_daemon.xapi.times import render_instant
from hotdesk_daemon.xapi.valuespaces import COMMANDS, violations

if TYPE_CHECKING:
    from hotdesk_daemon.core.commands import Command
    from hotdesk_daemon.xapi.releases import Release

_Params = dict[str, str | int]


@attrs.frozen
class Rendered:
    """A method with its parameters, ready for a request."""

    method: str
    params: Mapping[str, str | int]


def render_command(command: Command, *, release: Release | None, teams: bool = False) -> Rendered:
    """
    *command* for a device with *release* (None: not known, taken for the newest).

    Raises:
        RefusedError: when the device cannot do it. Nothing was sent.
    """
    _require(command.path, release, teams=teams)
    return _checked(command.path, _params(command, release), release)


def render_list(release: Release | None) -> Rendered:
    """
    ``Bookings List`` of the desk itself, from today on.

    Without ``DayOffset`` the answer may begin in the past. From 11.23 the bookings of whoever is signed in are left
    out: before, they stand in the answer and cannot be told apart.
    """
    path = "Bookings List"
    params: _Params = {"DayOffset": 0}
    if "AccountType" in COMMANDS[path].params_at(release):
        params["AccountType"] = "Shared"
    return _checked(path, params, release)


def render_get(*, meeting_id: str | None, id: str | None, release: Release | None) -> Rendered:  # noqa: A002 # the schema's word
    """
    ``Bookings Get`` of one booking.

    Raises:
        RefusedError: when the release cannot find it by what is known of it.
    """
    path = "Bookings Get"
    return _checked(path, _address(path, meeting_id, id, release), release)


def _require(path: str, release: Release | None, *, teams: bool) -> None:
    spec = COMMANDS[path]
    if not spec.exists(release):
        raise RefusedError(f"{path} was not sent: RoomOS {release} does not have it")
    if not spec.exists(release, teams=teams):
        raise RefusedError(f"{path} was not sent: it does not exist in Microsoft Teams mode")


def _checked(path: str, params: _Params, release: Release | None) -> Rendered:
    found = violations(path, params, release=release)
    if found:
        problems = "; ".join(f"{each.parameter} {each.message}".lstrip() for each in found)
        raise RefusedError(f"{path} was not sent: {problems}")
    return Rendered(f"xCommand/{path.replace(' ', '/')}", params)


def _params(command: Command, release: Release | None) -> _Params:  # one return for each command
    match command:
        case commands.Book():
            return _book(command)
        case commands.BookingCommand():
            address = _address(command.path, command.meeting_id, command.id, release)
            return address | _changes(command)
        case commands.Respond():
            return _given(MeetingId=command.meeting_id, Type=command.type.value, Comment=command.comment)
        case commands.MessageCommand():
            return _message(command) | _place(command)
        case _:
            return {}


def _book(command: commands.Book) -> _Params:
    platform = command.meeting_platform
    return _given(
        BookingRequestUUID=command.booking_request_uuid,
        Title=command.title,
        StartTime=render_instant(command.start),
        Duration=command.duration_min,
        OrganizerName=command.organizer_name,
        OrganizerEmail=command.organizer_email,
        OrganizerId=command.organizer_id,
        MeetingPlatform=None if platform is None else platform.value,
    )


def _address(path: str, meeting_id: str | None, ident: str | None, release: Release | None) -> _Params:
    """The parameter that names the booking: ``MeetingId`` where both sides know it, for it outlives a reboot."""
    known = COMMANDS[path].params_at(release)
    if meeting_id and "MeetingId" in known:
        return {"MeetingId": meeting_id}
    if ident and "Id" in known:
        return {"Id": ident}
    keys = " or ".join(name for name in ("MeetingId", "Id") if name in known)
    raise RefusedError(f"{path} was not sent: RoomOS {release or ''} needs {keys}, which is not known")


def _changes(command: commands.BookingCommand) -> _Params:
    match command:
        case commands.Edit():
            start = None if command.start is None else render_instant(command.start)
            return _given(StartTime=start, Duration=command.duration_min, Title=command.title)
        case commands.Extend():
            return {"Duration": command.duration_min}
        case _:
            return {}


def _message(command: commands.MessageCommand) -> _Params:
    match command:
        case commands.AlertDisplay():
            return _given(Text=command.text, Title=command.title, Duration=command.duration_s)
        case commands.PromptDisplay():
            options = {f"Option.{number}": text for number, text in enumerate(command.options, start=1)}
            shown = _given(Text=command.text, Title=command.title, Duration=command.duration_s)
            return shown | options | _given(FeedbackId=command.feedback_id)
        case commands.PromptClear():
            return _given(FeedbackId=command.feedback_id)
        case commands.TextLineDisplay():
            return _given(Text=command.text, X=command.x, Y=command.y, Duration=command.duration_s)
        case _:
            return {}


def _place(command: commands.MessageCommand) -> _Params:
    target = command.target
    return _given(Target=None if target is None else target.value, PeripheralId=command.peripheral_id)


def _given(**params: str | int | None) -> _Params:
    return {name: value for name, value in params.items() if value is not None}
