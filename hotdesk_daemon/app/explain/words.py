"""
How an explanation speaks: sentences whose times are still times, so that each reader gets them in their own zone.

Nothing in here names a person or quotes a title: of an input only those members are told that are listed below.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import attrs

from hotdesk_daemon.captures.quoting import quoted
from hotdesk_daemon.core import inputs as i
from hotdesk_daemon.core.mirror import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdesk_daemon.app.explain.causes import Cause


@attrs.frozen
class Since:
    """A moment whose distance matters to the reader."""

    at: datetime


@attrs.frozen
class Times:
    """From when until when something is."""

    start: datetime
    end: datetime


#: Text with moments in it.
Words: TypeAlias = tuple[str | datetime | Since | Times, ...]
_Given: TypeAlias = Any  # an input of the kind that a function is for


class Teller(Protocol):
    """Writes moments for a reader."""

    def tell(self, moment: datetime) -> str:
        """A moment."""

    def age(self, moment: datetime) -> str:
        """What follows a moment whose distance matters."""

    def span(self, start: datetime, end: datetime) -> str:
        """From when until when."""


def spoken(words: Words, teller: Teller) -> str:
    """*words* as text, with moments as *teller* writes them."""
    return "".join(_spoken(word, teller) for word in words)


def _spoken(word: str | datetime | Since | Times, teller: Teller) -> str:
    match word:
        case str():
            return word
        case Since(at=at):
            return f"{teller.tell(at)}{teller.age(at)}"
        case Times(start=start, end=end):
            return teller.span(start, end)
        case _:
            return teller.tell(word)


def span(start: datetime, duration_min: int) -> Words:
    """From when and for how long; what was told may lead beyond all calendars."""
    try:
        return (Times(start, start + timedelta(minutes=duration_min)), f" ({duration_min} min)")
    except OverflowError:
        return (start, f" for {duration_min} min")


def said(cause: Cause) -> Words:
    """What an input was: who said what, what a person wished, what time brought."""
    given = cause.given
    if given is None:
        return (f"{cause.kind}, which this version cannot read",)
    way = " (by the cloud)" if cause.source.startswith("cloud:") else ""
    if isinstance(given, i.StatusInput):
        return (f"{given.device} told {_status(given)}{way}",)
    told = _SAID.get(type(given))
    words = told(given) if told is not None else ()
    if isinstance(given, i.BookingEvent):
        return (f"{given.device} said {cause.kind}", *((": ", *words) if words else ()), way)
    if isinstance(given, i.DeviceInput):
        return (*(words or (f"{given.device} said {cause.kind}",)), way)
    return words or (cause.kind,)


def _status(given: i.StatusInput) -> str:
    kind = type(given).__name__
    if isinstance(given, i.Availability):
        return f"{kind}: {given.status or 'nothing new'}"
    if isinstance(given, i.Presentation):
        return f"{kind} {given.instance}: {given.sending_mode or 'gone'}"
    value = getattr(given, FIELDS[type(given)][1])
    return f"{kind}: {'unknown' if value is None else value}"


def timer(key: str) -> str:
    """What a timer is for; *key* is its name in the desk's state."""
    name, _, subject = key.partition(":")
    return _TIMERS[name].format(subject=subject) if name in _TIMERS else f"the timer {key}"


def fired(key: str) -> str:
    """What it means that a timer was due."""
    name, _, subject = key.partition(":")
    return _FIRED[name].format(subject=subject) if name in _FIRED else f"the timer {key} was due"


_TIMERS: Final[Mapping[str, str]] = {
    "request": "if {subject} is not confirmed by then, a list is asked for",
    "change": "if the change of {subject} is not answered by then, a list is asked for",
    "watch": "if the device has not told by then that {subject} began or ended, a list is asked for",
    "settle": "whoever is signed in at {subject} counts as the booking's user, if they stay until then",
    "leave": "whoever is still signed in at {subject} then counts as signed in without booking",
    "command": "{subject} is looked after, if nothing has settled it by then",
    "sync": "the timed list",
    "list": "the list that waits for its turn",
    "hand": "commands are handed out again",
    "maintenance": "the maintenance is over, and the desk is cared for again",
}


_AFTER: Final = {
    "clean": ", after a clean stop",
    "failed": ", after it had failed",
    "killed": ", after it had been killed",
}
_FIRED: Final[Mapping[str, str]] = {
    "request": "no word on {subject} came in time",
    "change": "no answer to the change of {subject} came in time",
    "watch": "no word came in time that {subject} began or ended",
    "settle": "whoever signed in at {subject} stayed",
    "leave": "nobody was signed out at {subject} in time",
    "command": "the time of {subject} was up",
    "sync": "it was time for the timed list",
    "list": "it was the turn of the list that waited",
    "hand": "it was time to hand out commands again",
    "maintenance": "the time of the maintenance was over",
}


# --- what each kind tells --------------------------------------------------------------------------------------------


def _times(given: _Given) -> Words:
    return span(given.start, given.duration_min)


def _failure(given: _Given) -> Words:
    return (quoted(given.failure_cause),)


def _extension(given: i.ExtensionRequested) -> Words:
    return ("until ", given.new_end) if given.new_end is not None else ()


def _listed(given: i.BookingsListed) -> Words:
    count = len(given.bookings)
    skipped = f", {given.skipped} entries passed over" if given.skipped else ""
    return (f"{given.device}'s list came: {count} booking{'' if count == 1 else 's'}{skipped}",)


def _answered(given: i.CommandAnswered) -> Words:
    more = ", ".join(str(part) for part in (given.code, quoted(given.message)) if part)
    return (f"answer to {given.command_id}: {given.outcome}{f' ({more})' if more else ''}",)


def _edit(given: i.EditAsked) -> Words:
    words: Words = (f"a person wished another time or title of {given.booking_id}",)
    if given.start is not None:
        words += (": from ", given.start)
    if given.duration_min is not None:
        words += (f", {given.duration_min} min",)
    return words


def _maintenance(given: i.MaintenanceAsked) -> Words:
    if given.until is None:
        return ("a person ended the maintenance",)
    return ("a person wished the desk left alone until ", given.until)


def _connected(given: i.LinkUp) -> Words:
    return (f"{given.device} is connected{f', software {given.software}' if given.software else ''}",)


def _began(given: i.DaemonStarted) -> Words:
    version = f", version {given.version}" if given.version else ""
    return (f"the daemon started{version}{_AFTER.get(given.last_stop, '')}",)


def _settings(given: i.DeskConfigured) -> Words:
    devices = f"{len(given.devices)} device{'' if len(given.devices) == 1 else 's'}"
    return (f"settings: {given.calendar} calendar, {devices}, stage {given.stage}, {given.policy}",)


_SAID: Final[Mapping[type[i.Input], Callable[[_Given], Words]]] = {
    i.BookingRequested: _times,
    i.BookingCreated: _times,
    i.BookingMoved: _times,
    i.BookingFailed: _failure,
    i.EditFailed: _failure,
    i.ExtensionFailed: _failure,
    i.ExtensionRequested: _extension,
    i.Deleted: lambda given: (quoted(given.cause),),
    i.BookingsListed: _listed,
    i.ListFailed: lambda given: (f"{given.device}'s list could not be had: {quoted(given.error)}",),
    i.LinkUp: _connected,
    i.LinkDown: lambda given: (f"{given.device} is not connected any more: {quoted(given.cause)}",),
    i.Undecodable: lambda given: (f"{given.device} said something that cannot be read: {quoted(given.error)}",),
    i.CommandSending: lambda given: (f"{given.command_id} is sent to {given.device}, attempt {given.attempt}",),
    i.CommandAnswered: _answered,
    i.TimerFired: lambda given: (fired(given.key),),
    i.BookAsked: lambda given: ("a person wished a booking: ", *_times(given)),
    i.EditAsked: _edit,
    i.DeleteAsked: lambda given: (f"a person wished {given.booking_id} deleted",),
    i.SignOutAsked: lambda given: (f"a person wished whoever is signed in at {given.device or 'the desk'} signed out",),
    i.ResyncAsked: lambda _: ("a person wished a list",),
    i.MaintenanceAsked: _maintenance,
    i.RetryAsked: lambda given: (f"a person wished {given.command_id} tried again",),
    i.DropAsked: lambda given: (f"a person wished {given.command_id} dropped",),
    i.DeskConfigured: _settings,
    i.DaemonStarted: _began,
}
