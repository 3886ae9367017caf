"""
What can be made to go wrong, by name, for one device or for the whole floor, while everything runs.

A fault lasts until it is disabled, or for as many *times* as it was given. Faults marked as *acts* happen once, at the
moment they are enabled (or, with a `command`, when that command has been carried out).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

Option: TypeAlias = str | int | float | bool


@attrs.frozen(kw_only=True)
class FaultSpec:
    """One kind of fault: what it does and which options it takes, with their defaults."""

    title: str
    options: Mapping[str, Option] = attrs.field(factory=dict)
    acts: bool = False


def _spec(title: str, *, acts: bool = False, **options: Option) -> FaultSpec:
    return FaultSpec(title=title, options=options, acts=acts)


FAULTS: Final[Mapping[str, FaultSpec]] = {
    "upgrade_401": _spec("the HTTP upgrade is answered with 401: clear text not enabled"),
    "upgrade_403": _spec("the HTTP upgrade is answered with 403: wrong user or password"),
    "upgrade_502": _spec("the HTTP upgrade is answered with 502: the device is booting"),
    "upgrade_503": _spec("the HTTP upgrade is answered with 503: too many connections in a short time"),
    "cut_before": _spec("the socket is cut when the command arrives, which is not carried out", command=""),
    "cut_after": _spec("the command is carried out, then the socket is cut; no answer, no events", command=""),
    "late_reply": _spec("the answer comes late", command="", seconds=30.0),
    "no_reply": _spec("the command is carried out and never answered", command=""),
    "stray_reply": _spec("before the answer comes one with an id nobody used", command=""),
    "command_error": _spec("the command is refused", command="", code=1, message="Command returned an error."),
    "subscription_limit": _spec("the device takes this many subscriptions in all", limit=0),
    "reboot": _spec("the device restarts; new Ids, then SyncRequired", command="", seconds=30.0, acts=True),
    "duplicate": _spec("a notification is sent twice", path=""),
    "late": _spec("a notification comes late", path="", seconds=20.0),
    "reorder": _spec("a notification comes after the one that follows it", path=""),
    "lost": _spec("a notification is not sent", path=""),
    "malformed_frame": _spec("a frame that is no JSON", acts=True),
    "huge_frame": _spec("a frame of this many bytes", acts=True, size=10_000_000),
    "null_frame": _spec("notifications with null where an object or a value belongs", acts=True),
    "deep_frame": _spec("a frame nested this deep", acts=True, depth=100_000),
    "mute": _spec("the socket stays open and is neither read nor written, pings included"),
    "cut": _spec("all sockets are cut", acts=True),
    "clock_skew": _spec("the device's clock is off by hours", hours=3.0),
    "flicker": _spec("Personalized goes True and False again", acts=True, seconds=3.0),
    "unknown_count": _spec("the people count is -1: not known"),
    "camera_lid": _spec("the camera lid is closed, the people count is -1"),
    "teams_mode": _spec("Microsoft Teams is installed: other statuses, fewer commands"),
    "hybrid_delay": _spec("the calendar back end takes this long", seconds=45.0),
    "hybrid_decline": _spec("the calendar back end refuses", cause="Decline"),
    "hybrid_timeout": _spec("the calendar back end does not answer"),
    "sync_required_burst": _spec("SyncRequired this many times at once", acts=True, count=50),
    "cloud_error": _spec(
        "the cloud answers with this status, before or after acting",
        command="",
        status=503,
        when="before",
        retry_after=0,
    ),
    "poll_error": _spec("a poll of the queue is answered with this status", status=502, retry_after=0),
    "poll_malformed": _spec("a poll of the queue is answered with something that is no JSON"),
    "refresh_error": _spec("the token endpoint answers with this status", status=503),
    "refresh_rotates": _spec("the token endpoint gives another refresh token, the old one is dead"),
    "cloud_reduced": _spec("the cloud pushes only the narrowest of the lists that are public"),
    "no_meeting_id": _spec("events leave out the MeetingId where the schema allows it"),
}


class UnknownFaultError(ValueError):
    """There is no fault of that name, or it has no such option."""


@attrs.define
class Fault:
    """A fault that is on; `times` is how often it will still strike, None without end."""

    name: str
    options: dict[str, Option]
    times: int | None = None

    def text(self, option: str) -> str:
        """Return an option that is text."""
        return str(self.options[option])

    def number(self, option: str) -> float:
        """Return an option that is a number."""
        return float(self.options[option])

    def concerns(self, subject: str) -> bool:
        """Whether the fault strikes the command or the event *subject*; without a filter it strikes all."""
        wanted = str(self.options.get("command") or self.options.get("path") or "")
        return _plain(wanted) in ("", _plain(subject)) or _plain(subject).startswith(_plain(wanted) + " ")


def _plain(text: str) -> str:
    return text.replace("/", " ").replace(".", " ").strip().lower()


def _checked(name: str, options: Mapping[str, Option]) -> dict[str, Option]:
    if name not in FAULTS:
        message = f"no fault is called {name!r}; there are {', '.join(sorted(FAULTS))}"
        raise UnknownFaultError(message)
    known = FAULTS[name].options
    for option, value in options.items():
        if option not in known:
            message = f"fault {name!r} has no option {option!r}; it has {', '.join(sorted(known)) or 'none'}"
            raise UnknownFaultError(message)
        number = isinstance(known[option], int | float)
        if number != (isinstance(value, int | float) and not isinstance(value, bool)):
            message = f"option {option!r} of fault {name!r} must be {'a number' if number else 'text'}"
            raise UnknownFaultError(message)
    return {**known, **options}


class FaultBoard:
    """
    The faults that are on at one place; a place inside another (a device on a floor) also has those of the outer one.

    Listeners are told of every change as (name, fault), with None for a fault that has been switched off.
    """

    def __init__(self, outer: FaultBoard | None = None) -> None:
        self._outer = outer
        self._active: dict[str, Fault] = {}
        self._listeners: list[Callable[[str, Fault | None], None]] = []

    def listen(self, listener: Callable[[str, Fault | None], None]) -> None:
        """Tell *listener* of every change here and outside."""
        self._listeners.append(listener)
        if self._outer is not None:
            self._outer.listen(listener)

    @property
    def active(self) -> Mapping[str, Fault]:
        """The faults switched on here, without those outside."""
        return dict(self._active)

    def enable(self, name: str, *, times: int | None = None, **options: Option) -> Fault:
        """
        Switch a fault on, in place of an earlier one of its name.

        Raises:
            UnknownFaultError: no such fault or option, or a value of the wrong kind.

        """
        if times is not None and times < 1:
            message = f"a fault strikes at least once: times is {times}"
            raise UnknownFaultError(message)
        fault = Fault(name=name, options=_checked(name, options), times=times)
        if FAULTS[name].acts and not fault.options.get("command"):
            self._tell(name, fault)  # happens now and is over
            return fault
        self._active[name] = fault
        self._tell(name, fault)
        return fault

    def disable(self, name: str) -> None:
        """Switch a fault off; without effect when it is not on here."""
        if name not in FAULTS:
            _checked(name, {})
        if self._active.pop(name, None) is not None:
            self._tell(name, None)

    def clear(self) -> None:
        """Switch all faults off that are on here."""
        for name in tuple(self._active):
            self.disable(name)

    def find(self, name: str, subject: str = "") -> Fault | None:
        """Return the fault if it strikes *subject*, here or outside, without using it up."""
        fault = self._active.get(name)
        if fault is not None and fault.concerns(subject):
            return fault
        return self._outer.find(name, subject) if self._outer is not None else None

    def strike(self, name: str, subject: str = "") -> Fault | None:
        """Return the fault if it strikes *subject*, and use it up by one time."""
        fault = self._active.get(name)
        if fault is None or not fault.concerns(subject):
            return self._outer.strike(name, subject) if self._outer is not None else None
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self.disable(name)
        return fault

    def _tell(self, name: str, fault: Fault | None) -> None:
        for listener in tuple(self._listeners):
            listener(name, fault)
