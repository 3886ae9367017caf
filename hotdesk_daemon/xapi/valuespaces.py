"""
The commands that this project sends or plays, with their value spaces from 9.15 to 26.4.1.

Source: the RoomOS xAPI schema files 9.15.17.4, 10.19.4.2, 11.14 to 11.27.2.0, 26.1.1 to 26.4.1. "Since 11.23"
means: not in 11.19, there in 11.23; releases between known ones count as the older of the two, releases after
26.4.1 as 26.4.1. What is not documented, only obvious, is ``one_of``: a booking command that names no booking
cannot mean one.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hotdesk_daemon.xapi.releases import Release
from hotdesk_daemon.xapi.specs import CommandSpec, ParamSpec, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMMANDS", "CommandSpec", "ParamSpec", "Violation", "violations"]

_R9_15 = Release.of(9, 15)
_R10_19 = Release.of(10, 19)
_R11_14 = Release.of(11, 14)
_R11_16 = Release.of(11, 16)
_R11_18 = Release.of(11, 18)
_R11_23 = Release.of(11, 23)
_R11_24 = Release.of(11, 24)
_R11_26 = Release.of(11, 26)
_R26_1 = Release.of(26, 1)

_PEOPLE = frozenset({"Admin", "User"})
_ADMIN = frozenset({"Admin"})
_DISPLAY = frozenset({"Admin", "Integrator", "RoomControl"})
_ANYONE = _DISPLAY | _PEOPLE

_PLATFORMS = ("MicrosoftTeams", "GoogleMeet", "Zoom", "Webex", "Other", "None")
_PROTOCOLS = ("SIP", "H323", "ISDN", "IP", "Spark", "WebRTC", "None")
_PLACES = ("OSD", "RoomScheduler", "Controller")


def _text(
    name: str,
    maximum: int = 128,
    *,
    minimum: int = 0,
    required: bool = False,
    since: Release | None = None,
    default: str | None = None,
    earlier: ParamSpec | None = None,
) -> ParamSpec:
    return ParamSpec(
        name=name,
        required=required,
        minimum=minimum,
        maximum=maximum,
        since=since,
        default=default,
        earlier=earlier,
    )


def _integer(name: str, minimum: int, maximum: int, *, required: bool = False, default: int | None = None) -> ParamSpec:
    return ParamSpec(name=name, kind="integer", required=required, minimum=minimum, maximum=maximum, default=default)


def _literal(
    name: str,
    values: tuple[str, ...],
    *,
    required: bool = False,
    since: Release | None = None,
    earlier: ParamSpec | None = None,
) -> ParamSpec:
    return ParamSpec(name=name, kind="literal", required=required, values=values, since=since, earlier=earlier)


def _key(
    name: str, *, required: bool = False, since: Release | None = None, earlier: ParamSpec | None = None
) -> ParamSpec:
    """A parameter that names a booking: never empty."""
    return _text(name, minimum=1, required=required, since=since, earlier=earlier)


def _command(
    path: str,
    *params: ParamSpec,
    since: Release = _R9_15,
    roles: frozenset[str] = _PEOPLE,
    teams: bool = True,
    one_of: tuple[str, ...] = (),
    multiline: bool = False,
) -> CommandSpec:
    return CommandSpec(
        path=path,
        roles=roles,
        params=MappingProxyType({spec.name: spec for spec in params}),
        since=since,
        teams=teams,
        one_of=one_of,
        multiline=multiline,
    )


_ID = _key("Id")
_MEETING_ID = _key("MeetingId")
_EITHER = ("MeetingId", "Id")
_REQUIRED_ID = _key("Id", required=True)
_REQUIRED_MEETING_ID = _key("MeetingId", required=True)
_DURATION = _integer("Duration", 1, 1440)
_WHAT = (_text("Title"), _text("StartTime"))
_WHO = tuple(_text(name, since=_R11_18) for name in ("OrganizerName", "OrganizerEmail", "OrganizerId"))
# Free text for a short while; what old devices took is an error since.
_CALL = (
    _literal("MeetingPlatform", _PLATFORMS, since=_R11_24, earlier=_text("MeetingPlatform", since=_R11_18)),
    _literal("Protocol", _PROTOCOLS, since=_R11_24, earlier=_text("Protocol", since=_R11_18)),
    _text("Number", since=_R11_18),
)

_BOOKINGS = (
    _command(
        "Bookings Book",
        _key("BookingRequestUUID"),
        _integer("Duration", 1, 1440, default=30),
        *_WHAT,
        *_WHO,
        *_CALL,
    ),
    _command(
        "Bookings Edit",
        _key("Id", since=_R11_23),
        _key("MeetingId", since=_R11_23, earlier=_REQUIRED_MEETING_ID),
        _DURATION,
        *_WHAT,
        *_WHO,
        *_CALL,
        since=_R11_14,
        one_of=_EITHER,
    ),
    _command(
        "Bookings Extend",
        _key("Id", since=_R11_23, earlier=_REQUIRED_ID),
        _key("MeetingId", since=_R11_23),
        _integer("Duration", 1, 1440, required=True),
        since=_R11_14,
        teams=False,
        one_of=_EITHER,
    ),
    _command(
        "Bookings Delete",
        # Id alone at first, MeetingId alone in 10.19, since then either.
        _key(
            "Id",
            since=_R11_14,
            earlier=ParamSpec(name="Id", required=True, minimum=1, maximum=128, until=_R10_19),
        ),
        _key("MeetingId", since=_R11_14, earlier=_key("MeetingId", required=True, since=_R10_19)),
        one_of=_EITHER,
    ),
    _command(
        "Bookings Get",
        _key("Id", since=_R11_23, earlier=_REQUIRED_ID),
        _key("MeetingId", since=_R11_23),
        one_of=_EITHER,
    ),
    _command(
        "Bookings List",
        _integer("Days", 1, 365),
        _integer("DayOffset", 0, 365, default=0),
        _integer("Limit", 1, 65534),
        _integer("Offset", 0, 65534, default=0),
        _literal("AccountType", ("Shared", "Personal", "SharedAndPersonal"), since=_R11_23),
        _literal("ScheduleType", ("Current", "Upcoming"), since=_R11_23),
    ),
    _command(
        "Bookings CheckIn",
        _ID,
        _MEETING_ID,
        _text("TrackingData", default="BookingsCheckIn_API"),
        since=_R26_1,
        one_of=_EITHER,
    ),
    _command(
        "Bookings CheckOut",
        _ID,
        _MEETING_ID,
        _text("TrackingData", default="BookingsCheckOut_API"),
        since=_R11_26,
        teams=False,
        one_of=_EITHER,
    ),
    _command(
        "Bookings Respond",
        _REQUIRED_MEETING_ID,
        _literal("Type", ("Accept", "Decline"), required=True),
        _text("Comment", 2048, minimum=1, since=_R11_16),
        since=_R10_19,
    ),
    _command(
        "Bookings NotificationSnooze",
        _integer("SecondsToSnooze", 1, 3600, default=300),
        _key("Id", since=_R11_23, earlier=_text("Id", default="")),
        _key("MeetingId", since=_R11_23),
        teams=False,
    ),
    _command("Bookings Clear", teams=False),
    _command(
        "Bookings Put",
        ParamSpec(name="body", required=True),
        roles=_ADMIN,
        teams=False,
        multiline=True,
    ),
)

_PLACE = (_literal("Target", _PLACES, since=_R26_1), _text("PeripheralId", since=_R26_1))
_SHOWN_S = _integer("Duration", 0, 3600, default=0)

_MESSAGES = (
    _command(
        "UserInterface Message Alert Display",
        _text("Text", 255, required=True),
        _text("Title", 255, default=""),
        _SHOWN_S,
        *_PLACE,
        roles=_DISPLAY,
    ),
    _command("UserInterface Message Alert Clear", *_PLACE, roles=_ANYONE),
    _command(
        "UserInterface Message Prompt Display",
        _text("Text", 255, required=True),
        _text("Title", 255),
        *(_text(f"Option.{number}", 255) for number in range(1, 6)),
        _text("FeedbackId", 255),
        _SHOWN_S,
        *_PLACE,
        roles=_DISPLAY,
    ),
    _command("UserInterface Message Prompt Clear", _text("FeedbackId", 255, default=""), *_PLACE, roles=_ANYONE),
    _command(
        "UserInterface Message Prompt Response",
        _integer("OptionId", 1, 5, required=True),
        _text("FeedbackId", 255, default=""),
        _literal("Origin", _PLACES, since=_R26_1),
        _text("PeripheralId", since=_R26_1),
        roles=_ANYONE,
    ),
    _command(
        "UserInterface Message TextLine Display",
        _text("Text", 140, required=True),
        # Left out means the default place, which the schema calls 0, outside of its own range.
        _integer("X", 1, 10000, default=0),
        _integer("Y", 1, 10000, default=0),
        _SHOWN_S,
        *_PLACE,
        roles=_DISPLAY,
    ),
    _command("UserInterface Message TextLine Clear", *_PLACE, roles=_ANYONE),
)

#: Every command of this vocabulary by its path, words separated by blanks.
COMMANDS: Final[Mapping[str, CommandSpec]] = MappingProxyType(
    {
        spec.path: spec
        for spec in (
            *_BOOKINGS,
            _command("Webex Registration Logout", roles=_ADMIN, teams=False),
            *_MESSAGES,
        )
    }
)


def violations(path: str, params: Mapping[str, object], *, release: Release | None) -> tuple[Violation, ...]:
    """
    Everything that a device with *release* (None: the newest known) would refuse about the command.

    Empty when the command is good. Roles and Teams mode are not looked at: they depend on who asks and when.
    """
    spec = COMMANDS.get(path)
    if spec is None:
        return (Violation(parameter="", message=f"there is no command {path!r}"),)
    if not spec.exists(release):
        return (Violation(parameter="", message=f"RoomOS {release} has no command {path!r}"),)
    return tuple(spec.violations(params, release))
