"""
The commands that a desk can be told, typed.

These are values: ``xapi`` renders and checks them, ``dispatch`` sends them. Parameters are named as the RoomOS xAPI
names them, in our case style; ``None`` means that the parameter is not sent. Value spaces: RoomOS xAPI schema 26.4.1.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import attrs


class MeetingPlatform(StrEnum):
    MICROSOFT_TEAMS = "MicrosoftTeams"
    GOOGLE_MEET = "GoogleMeet"
    ZOOM = "Zoom"
    WEBEX = "Webex"
    OTHER = "Other"
    NONE = "None"


class Response(StrEnum):
    ACCEPT = "Accept"
    DECLINE = "Decline"


class MessageTarget(StrEnum):
    """Where a message appears; devices before 26.1 do not know the parameter."""

    OSD = "OSD"
    ROOM_SCHEDULER = "RoomScheduler"
    CONTROLLER = "Controller"


@attrs.frozen(kw_only=True)
class Command:
    """Anything that may be sent to a device; ``path`` is the xCommand path, words separated by blanks."""

    path: ClassVar[str]


@attrs.frozen(kw_only=True)
class Book(Command):
    """Ask for a booking. The outcome comes as an event; ``duration_min`` is 1–1440."""

    path = "Bookings Book"
    booking_request_uuid: str
    start: datetime
    duration_min: int
    title: str | None = None
    organizer_email: str | None = None
    organizer_name: str | None = None
    organizer_id: str | None = None
    meeting_platform: MeetingPlatform | None = None


@attrs.frozen(kw_only=True)
class BookingCommand(Command):
    """A command about one booking: ``meeting_id`` where there is one, else the device's own ``id``."""

    meeting_id: str | None = None
    id: str | None = None


@attrs.frozen(kw_only=True)
class Edit(BookingCommand):
    path = "Bookings Edit"
    start: datetime | None = None
    duration_min: int | None = None
    title: str | None = None


@attrs.frozen(kw_only=True)
class Extend(BookingCommand):
    path = "Bookings Extend"
    duration_min: int


@attrs.frozen(kw_only=True)
class Delete(BookingCommand):
    path = "Bookings Delete"


@attrs.frozen(kw_only=True)
class CheckIn(BookingCommand):
    path = "Bookings CheckIn"


@attrs.frozen(kw_only=True)
class CheckOut(BookingCommand):
    path = "Bookings CheckOut"


@attrs.frozen(kw_only=True)
class Respond(Command):
    path = "Bookings Respond"
    meeting_id: str
    type: Response
    comment: str | None = None


@attrs.frozen(kw_only=True)
class Logout(Command):
    """Sign out whoever is signed in, at once; it ends a running call. Needs the role Admin."""

    path = "Webex Registration Logout"


@attrs.frozen(kw_only=True)
class MessageCommand(Command):
    target: MessageTarget | None = None
    peripheral_id: str | None = None


@attrs.frozen(kw_only=True)
class AlertDisplay(MessageCommand):
    """``duration_s`` 0–3600; 0 stays until cleared."""

    path = "UserInterface Message Alert Display"
    text: str
    title: str | None = None
    duration_s: int | None = None


@attrs.frozen(kw_only=True)
class AlertClear(MessageCommand):
    path = "UserInterface Message Alert Clear"


@attrs.frozen(kw_only=True)
class PromptDisplay(MessageCommand):
    """``options`` are up to five; the answer names the one chosen by its number, from 1."""

    path = "UserInterface Message Prompt Display"
    text: str
    title: str | None = None
    options: tuple[str, ...] = ()
    feedback_id: str | None = None
    duration_s: int | None = None


@attrs.frozen(kw_only=True)
class PromptClear(MessageCommand):
    path = "UserInterface Message Prompt Clear"
    feedback_id: str | None = None


@attrs.frozen(kw_only=True)
class TextLineDisplay(MessageCommand):
    path = "UserInterface Message TextLine Display"
    text: str
    x: int | None = None
    y: int | None = None
    duration_s: int | None = None


@attrs.frozen(kw_only=True)
class TextLineClear(MessageCommand):
    path = "UserInterface Message TextLine Clear"


#: The commands that decisions of ``core`` may contain, by class name.
DECIDED: dict[str, type[Command]] = {cls.__name__: cls for cls in (Book, Edit, Delete, Logout, AlertDisplay)}
