"""
Text for people, without what others put into it.

What the daemon says of a step, a refusal or a lost connection is made of sentences of its own, and of what a device or
a service said: a cause, an error message. The former is known here and stays; the latter may hold a person's name and
is replaced, by the same words wherever it is repeated. So a reason that a replay makes out of redacted inputs reads as
the recorded one does after its redaction: whatever core joins, `Sentences.clean` takes apart at the same place.
"""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from hotdesk_daemon.captures.pseudonyms import remembered
from hotdesk_daemon.captures.vocabulary import PATH_WORDS, WORDS, is_path
from hotdesk_daemon.core.desk import BookingState, ChangeState, CommandState, LinkState, SignInState
from hotdesk_daemon.core.inputs import KINDS, CalendarKind, ListCause, Outcome
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.core.transitions import TABLES
from hotdesk_daemon.xapi.frames import ErrorCode
from hotdesk_daemon.xapi.valuespaces import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

_CACHED: Final = 8_192
_LONGEST_CACHED: Final = 2_000
#: Sentences within a sentence; ours have three.
_DEEPEST: Final = 64


def _each(sentences: str) -> list[str]:
    return [sentence.strip() for sentence in re.split(r"[|\n]", sentences) if sentence.strip()]


_STATES: Final = frozenset(
    state.value
    for states in (BookingState, ChangeState, CommandState, LinkState, SignInState, CalendarKind, Stage)
    for state in states
)
_ROWS: Final = frozenset(row.text for table in TABLES.values() for row in table.values())

#: Sentences of core's, as acts and rules say them.
_SAID_BY_CORE: Final = """
    asked by a person|it holds already|at other times|another device still shows it|moved|not answered in time
    asked for anew|refused|dropped|its effect holds|dropped by a person|a person dropped the command
    too many wait already: applied at once, and listed again|not done: sent again|as before|a call is running
    a deletion is under way already|a sign-out is under way already|the booking is known by another name now
    the booking would be over already|no such booking on this desk
    no such open command on this desk|no such device on this desk|nobody is signed in
    a call is running: signing out would end it|this desk has no such device: ignored
    the booking is still being confirmed and cannot be changed yet
    the booking is still being confirmed and cannot be deleted yet
    moved to times that are allowed|the booking was moved to times that are allowed
    the rules no longer ask for it|the rules no longer ask to put it back
    its booking was taken back before it was sent|taken back before it was sent
    its time was over before it could be sent
    the clock was set back while nobody ran: what is waited for moves with it
    its deadline passed before it could be sent|no list could settle it before its deadline
    the device took it, but it was never carried out|the daemon ended while it was being sent
    the answer was lost and no single booking in the list fits
    the answer was lost and nobody knows who is signed in now
    the answer was lost and somebody else has moved the booking
    not connected yet|connected|daemon started|listed|listed, and doubted again meanwhile
    listed after its end|not in the list|not in the list after its end|Desk booking
    it may have been shown: not shown again|too late to be shown|its time is over|a person ends it
    no maintenance is going on|the maintenance would be over already|maximum duration|opening hours
    no rules|within the rules (no rules)|accepted unasked: the stage was off|accepted unasked: maintenance was going on
    accepted unasked: it stood before we first looked
"""
#: Sentences of the ways to devices and of the dispatcher.
_SAID_ON_THE_WAY: Final = """
    not heard of yet|no message for too long|the integration was removed from the organisation
    a mistake in the program; see the log|the directory no longer lists it|the directory was not read yet
    the cloud refuses access to this device|the device is not connected to the cloud
    the desk is not of this site any more|removed from the configuration
    stopped before sending|withdrawn before it was sent|the deadline passed before the command could be sent
    the organisation is being activated anew|the tokens are kept no more|the cloud wants a pause|no address
    silent: no pong|silent: no answer when asked|the connection was lost|the device broke the WebSocket protocol
    the connection was lost while subscribing|more news than fits before the subscriptions were answered
    the device is not ready, it is still starting (-31997)
    the device's feedback subscriptions are used up (-31998): another client holds too many
    the host name cannot be resolved|the connection is refused|the connection was cut during the upgrade
    nothing can be connected to by this URL|the host does not answer as a WebSocket service
    HTTP is not enabled on the device (401 in clear text): use wss:// or enable HTTP
    the device is booting (502)|the device takes no more connections for now (503)|lost during the handshake
    no reason given|self-signed certificate|self signed certificate|certificate has expired
    unable to get local issuer certificate|it does not exist in Microsoft Teams mode
    the password cannot be read|no list stands in what was imported
"""
#: Sentences about what could not be understood, ours and the decoder's.
_SAID_OF_MESSAGES: Final = """
    not an instant|a booking without any id|a booking that ends before it starts|no booking is named
    the result is no object|the event is no object|Booking is no object|Status is no object
    a request, which devices do not send|neither an answer nor a notification|a reply nobody asked for
    a notification that is no feedback|Input data was truncated|invalid start byte|invalid continuation byte
    unexpected end of data|maximum recursion depth exceeded
    maximum recursion depth exceeded while deserializing an object
    Unknown command|Command returned an error.|No match on address expression|No match on address expression.
    Invalid or missing parameters|Too many requests|no message
"""
_WHOLE: Final = frozenset(
    {
        *_ROWS,
        *_STATES,
        *WORDS,
        *KINDS,
        *ListCause,
        *Outcome,
        *(code.name.lower().replace("_", " ") for code in ErrorCode),
        *(os.strerror(number) for number in errno.errorcode),
        *_each(_SAID_BY_CORE),
        *_each(_SAID_ON_THE_WAY),
        *_each(_SAID_OF_MESSAGES),
    }
)
#: What may stand before a colon and somebody else's words.
_OPEN: Final = frozenset(
    {
        *_ROWS,
        *COMMANDS,
        *_each("""
            the device refused it|the edit failed|the booking failed|put back to the accepted time|against the rules
            list asked for|Not allowed here|sending is stopped by a person|the certificate is refused
            the password cannot be had|the TLS handshake failed
            the connection failed|frame too big|the device refuses booking events|no access token|no frame|no result
            no message|no answer of the queue|the statuses cannot be read|what the cloud says cannot be stored
        """),
    }
)


def _closed(sentences: frozenset[str]) -> frozenset[str]:
    """
    *sentences*, and what stands in them behind one that may stand before a colon.

    So it does not matter at which colon a text is taken apart first: what was said may itself begin like a sentence.
    """
    found = set(sentences)
    waiting = [*sentences]
    while waiting:
        sentence = waiting.pop()
        for colon in re.finditer(": ", sentence):
            rest = sentence[colon.end() :]
            if sentence[: colon.start()] in _OPEN and rest not in found:
                found.add(rest)
                waiting.append(rest)
    return frozenset(found)


KNOWN: Final = _closed(_WHOLE)
_BEFORE: Final = _closed(_OPEN)
_LONGEST_BEFORE: Final = max(map(len, _BEFORE)) + len(": ")

#: Sentences with places: n a number, m a method or command, w words of the schema, d a minute, e an exception's class,
#: r a release, s a state, z a time zone, q a request's own id, v the name of a desk or device; u and t are what others
#: said, in between and at the end.
_TEMPLATES: Final = """
    device {v} is not connected
    device {v} is not connected: {t}
    device {v}: the connection broke while {m} was sent
    device {v}: the connection broke before {m} was answered
    device {v}: no answer to {m} within {n} s
    device {v}: too many requests wait for an answer
    device {v} is not reached through the cloud: {t}
    device {v} is not of this site any more
    no device of desk {v} that could take the command is connected
    {m}: the device is not ready, it is still starting
    {m} is refused: {t}
    {m} was not sent: {t}
    {m} was not done: {t}
    {m}: the cloud's answer is no object ({q})
    {h}: no connection to the cloud: {t}
    {h}: no address
    {h}: the answer is lost ({q}): {t}
    {h} was not sent again: {t}
    RoomOS {r} does not have it
    RoomOS {r} needs {w}, which is not known
    RoomOS {r} needs {w} or {w}, which is not known
    {w} is required
    {w} the command has no such parameter
    {w} must be a string
    {w} must be an integer
    {w} is {n}; allowed are {n} to {n}
    {w} has {n} bytes of UTF-8; at most {n} are allowed
    {w} must have at least {n} bytes of UTF-8
    {w} must not contain line breaks
    no connection within {n} s
    no answer to the first requests within {n} s
    user or password are refused ({n})
    the WebSocket service is off (HTTP {n}): see NetworkServices Websocket
    closed by the device with code {n}
    the cloud answered {n}: {u} ({q})
    the cloud answered {n}: {u} ({q}); the access token is refused
    the answer could not be dealt with ({e}): this is a mistake of the daemon
    the timed list corrected {n} bookings
    {s} calendar, {n} devices
    maximum duration: {n} min asked, {n} min allowed
    opening hours: not open from start to end in {z}
    rejected by {t}
    within the rules (maximum duration {n} min)
    within the rules (opening hours in {z})
    within the rules (maximum duration {n} min, opening hours in {z})
    warned of {t}
    left alone until {d} UTC
    maintenance until {d} UTC: nothing is sent to this desk
    stage {s}: nothing is sent to this desk
    put back {n} times already: left as it is
    no answer to {n} attempts, and no effect
    the booking is {s}
    the command is {s} and no longer to be sent
    the command is {s}: only a parked one can be retried, and one under way not dropped
    a change of this booking is open already: {s}
    start: the year {n} is not within {n}–{n}
    duration: {n} min is not within {n}–{n}
    {k} could not be decided: {e}
    {k} could not be decided: this is a mistake of the daemon
    the list is incomplete: {n} of {n} rows
    the result has status {t}
    an instant in the year {n}
    unknown event Bookings {t}
    {w} is no object
    Status … {w} is no object
    {w} is a value and a group at once
    {w} is a list and something else at once
    an element of {w} that is no object with an id
    notification in a frame of {n} bytes: {t}
    event Bookings {w} in a frame of {n} bytes: {t}
    status message in a message of {n} bytes: {t}
    event {w} in a message of {n} bytes: {t}
    a message of type {s} that lacks what it is about
    JSON is malformed: {j} (byte {n})
    Expected `{y}`, got `{y}`
    Expected `{y}`, got `{y}` - at `{a}`
    Expected `{y}` {c} {n}
    Expected `{y}` {c} {n} - at `{a}`
    Object missing required field `{w}`
    Object missing required field `{w}` - at `{a}`
    'utf-8' codec can't decode byte {x} in position {n}: {t}
    Bad usage: Bad argument to parameter "{w}".
"""
_PLACES: Final = {
    "n": r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?",
    "m": r"[A-Za-z]+(?:[/. ][A-Za-z]+){0,6}",
    "h": r"[A-Z]{3,7} /[\w./-]{0,200}",
    "w": r"[\w.\[\]]{1,100}",
    "d": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}",
    "e": r"\w{0,60}(?:Error|Exception|Interrupt|Exit|Warning|Group)",
    "r": r"[0-9.]{0,20}",
    "s": r"[a-z ]{1,40}",
    "z": r"[\w/+-]{1,60}",
    "k": r"[A-Z][A-Za-z]{1,40}",
    "j": r"[a-z' ]{1,60}",
    "y": r"[a-z| ]{1,60}",
    "a": r"[$\w.\[\]…]{1,100}",
    "c": r"[<>]=?",
    "x": r"0x[0-9a-f]{2}",
    "q": r"[\w-]{1,100}",
    "v": r"\S{1,200}",
    "u": r".*",
    "t": r".*",
}
_PLACE: Final = re.compile(r"\{(\w)\}")
_MASK: Final = "…"
_OWN_REQUEST: Final = re.compile(r"HOTDESK_[0-9a-f-]{36}")
_DECODER: Final = """
    invalid character expected trailing characters unexpected end of input number out of range escape in string control
    object keys must be strings key or ':' , '' '}' ']' bool int float str null array object bytes none datetime
"""
_DECODER_WORDS: Final = frozenset(_DECODER.split())
_ADDRESS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "", "v1", "xapi", "api", "command", "status"})


def _compiled(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    pattern, kinds, at = "", [], 0
    for place in _PLACE.finditer(template):
        pattern += re.escape(template[at : place.start()]) + f"({_PLACES[place[1]]})"
        kinds.append(place[1])
        at = place.end()
    return re.compile(pattern + re.escape(template[at:]), re.DOTALL), tuple(kinds)


_COMPILED: Final = tuple(_compiled(line.strip()) for line in _TEMPLATES.strip().splitlines())


class Sentences:
    """
    What becomes of text.

    Args:
        token: replaces what is not known.
        is_place: whether something is known as the name of a desk or a device, so that it may stay in a sentence.
    """

    def __init__(self, token: Callable[[str], str], is_place: Callable[[str], bool]) -> None:
        self._token = token
        self._is_place = is_place
        self.clean = remembered(self._clean, most=_CACHED, longest=_LONGEST_CACHED)

    def word(self, text: str) -> str:
        """What becomes of a value that is one of a few words, or a small number."""
        digits = text.removeprefix("-")
        is_number = digits.isdecimal() and digits.isascii() and len(digits) <= len("100000")
        return text if is_number else self.clean(text)

    def path(self, text: str) -> str:
        """What becomes of a path of the schema."""
        return text if is_path(text) else self.clean(text)

    def _clean(self, text: str) -> str:
        """The text, with whatever in it is not ours replaced."""
        parts = []
        for _ in range(_DEEPEST):
            ours, rest = self._split(text)
            if ours is None:
                break
            parts.append(ours)
            if rest is None:
                return "".join(parts)
            text = rest
        return "".join((*parts, self._plain(text)))

    def _plain(self, text: str) -> str:
        """A text that is not taken apart."""
        return text if not text or text.isspace() or text in KNOWN else self._token(text)

    def _split(self, text: str) -> tuple[str | None, str | None]:
        """What a sentence of ours begins with, cleaned, and the rest, whoever said it; None where there is none."""
        if text in KNOWN:
            return text, None
        for pattern, kinds in _COMPILED:
            found = pattern.fullmatch(text)
            if found is not None and (ours := self._filled(found, kinds)) is not None:
                return ours, found[len(kinds)] if kinds[-1:] == ("t",) else None
        at = text.rfind(": ", 0, _LONGEST_BEFORE)
        while at > 0:
            if text[:at] in _BEFORE:
                return f"{text[:at]}: ", text[at + 2 :]
            at = text.rfind(": ", 0, at)
        return None, None

    def _filled(self, found: re.Match[str], kinds: tuple[str, ...]) -> str | None:
        """The sentence up to its rest, its places cleaned; None if what stands at one shows that it is none of ours."""
        parts, at = [], 0
        for number, kind in enumerate(kinds, start=1):
            said = found[number]
            parts.append(found.string[at : found.start(number)])
            at = found.end(number)
            if kind == "t":
                return "".join(parts)
            if kind == "u":
                said = self._plain(said)
            elif kind == "v":
                said = said if self._is_place(said) else _MASK
            elif kind == "q":
                said = said if _OWN_REQUEST.fullmatch(said) else _MASK
            elif not _FITS.get(kind, _anything)(said):
                return None
            parts.append(said)
        return "".join((*parts, found.string[at:]))


def _anything(_: str) -> bool:
    return True


def _is_zone(text: str) -> bool:
    try:
        return ZoneInfo(text).key == text
    except (KeyError, ValueError, OSError):  # what is not found is a KeyError
        return False


def _is_method(text: str) -> bool:
    return text in COMMANDS or is_path(text)


_FITS: Final[dict[str, Callable[[str], bool]]] = {
    "m": _is_method,
    "h": lambda text: all(part in PATH_WORDS or part in _ADDRESS for part in re.split(r"[ /.]", text)),
    "w": is_path,
    "s": lambda text: text in _STATES or text in WORDS,
    "z": _is_zone,
    "k": lambda text: text in KINDS,
    "j": lambda text: all(word in _DECODER_WORDS for word in text.split()),
    "y": lambda text: all(word in _DECODER_WORDS for word in re.split(r"[| ]+", text)),
    "a": lambda text: all(word in PATH_WORDS or word.isdigit() for word in re.findall(r"\w+", text)),
}
