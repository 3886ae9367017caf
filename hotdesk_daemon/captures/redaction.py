"""
What is told to others: entries and states without persons, titles and secrets.

Persons get pseudonyms, titles and other people's text names that say nothing but which are the same. What core compares
is compared in the same way afterwards, and what core repeats is repeated in the same words: a redacted history replays
to the redacted steps. `docs/captures.md` says what this cannot promise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

import attrs
import msgspec

from hotdesk_daemon.captures.fields import Clean, Rule, plan
from hotdesk_daemon.captures.messages import Messages
from hotdesk_daemon.captures.pseudonyms import Pseudonyms
from hotdesk_daemon.captures.sentences import Sentences
from hotdesk_daemon.core.errors import UndecodableError
from hotdesk_daemon.core.ids import DeskId
from hotdesk_daemon.core.inputs import KINDS
from hotdesk_daemon.journal import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdesk_daemon.core.desk import Desk
    from hotdesk_daemon.core.steps import Reason
    from hotdesk_daemon.journal.records import Entry

_T = TypeVar("_T")

_NOTHING: Final = b"[]"
#: An input without text: who said it, and a number or a truth.
_TEXTLESS: Final = re.compile(
    rb'\{(?:"value":(?:null|true|false|-?[0-9]{1,9}),)?"device":"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"\}'
)
_TEXTLESS_KINDS: Final = frozenset(
    {"ActiveCalls", "PeopleCount", "PeoplePresence", "Personalized", "RoomInUse", "SyncRequired", "Updated"}
)
_OWN_ID: Final = {
    Rule.BOOKING: re.compile(r"(.+)\.(b[0-9]{1,12}(?:-[0-9]{1,9})?)", re.DOTALL),
    Rule.COMMAND: re.compile(r"(.+)\.(c[0-9]{1,12}\.[0-9]{1,9})", re.DOTALL),
}
#: What of an entry may have to be replaced.
_PARTS: Final = ("desk_id", "source", "kind", "raw", "input", "reasons", "commands", "refusal")
_CODE: Final = re.compile(r"[a-z_]{1,30}\.[a-z_]{1,30}")
_KIND: Final = re.compile(r"[A-Z][A-Za-z]{1,60}")
#: Names of desks and devices that are remembered.
_MOST_PLACES: Final = 200_000
_SOURCES: Final = frozenset({"timer", "api", "daemon", "dispatch", "device", "cloud"})
_TIMER: Final = re.compile(r"([a-z_]{1,20})(?::(.*))?", re.DOTALL)
#: Core's sentences that hold an id of the desk, by the reason's code: what is before and behind the id, and its kind.
_WITH_ID: Final = {
    "timer.void": ("", " is not due", Rule.TIMER),
    "booking.joined": ("one message names both: ", " is the same booking", Rule.BOOKING),
    "command.late": ("an answer to the settled command ", "", Rule.COMMAND),
}


class Redactor:
    """
    Makes what was recorded fit to be given away; *key* decides the pseudonyms, and has 16 bytes at least.

    An entry that cannot be read is redacted all the same: what is not known in it is replaced.
    """

    def __init__(self, *, key: bytes) -> None:
        self._names = Pseudonyms(key)
        self._places: set[str] = set()
        self._sentences = Sentences(self._names.text, self._places.__contains__)
        self._messages = Messages(self._names, self._sentences)
        self._plans: dict[type, tuple[tuple[str, Clean], ...]] = {}
        self._rules: Mapping[Rule, Clean] = {
            Rule.PLACE: self._place,
            Rule.BOOKING: lambda text: self._own_id(text, Rule.BOOKING),
            Rule.COMMAND: lambda text: self._own_id(text, Rule.COMMAND),
            Rule.TIMER: self._timer,
            Rule.ALIAS: self._names.alias,
            Rule.NAME: self._names.name,
            Rule.EMAIL: self._names.email,
            Rule.PERSON: self._names.person,
            Rule.TITLE: self._names.title,
            Rule.TEXT: self._sentences.clean,
            Rule.WORD: self._sentences.word,
            Rule.CODE: lambda text: text if _CODE.fullmatch(text) else self._names.text(text),
            Rule.RELEASE: self._messages.release,
            Rule.ZONE: self._zone,
        }

    def desk_id(self, desk_id: DeskId) -> DeskId:
        """The name that a desk has in what is redacted: mostly its own."""
        return DeskId(self._place(desk_id))

    def entry(self, entry: Entry) -> Entry:
        """*entry* without persons, titles and secrets; the same object if there is none in it."""
        desk_id, kind = DeskId(self._place(entry.desk_id)), entry.kind
        clean = (
            desk_id,
            self._source(entry.source),
            kind if kind in KINDS else self._kind(kind),
            None if entry.raw is None else self._messages.redact(entry.raw),
            self._input(kind, entry.input),
            self._reasons(entry.reasons),
            self._commands(entry.commands),
            None if entry.refusal is None else self._sentences.clean(entry.refusal),
        )
        held = (
            entry.desk_id, entry.source, kind, entry.raw, entry.input, entry.reasons, entry.commands, entry.refusal
        )  # fmt: skip
        return entry if clean == held else msgspec.structs.replace(entry, **dict(zip(_PARTS, clean, strict=True)))

    def state(self, desk: Desk) -> Desk:
        """*desk* without persons, titles and secrets."""
        clean: Desk = self._value(desk)
        return clean

    # --- parts of an entry -------------------------------------------------------------------------------------------

    def _kind(self, kind: str) -> str:
        """A kind that this version does not know: the name of a class of another one's."""
        return kind if _KIND.fullmatch(kind) else self._names.text(kind)

    def _source(self, source: str) -> str:
        if source in _SOURCES:
            return source
        kind, _, name = source.partition(":")
        return f"{kind}:{self._place(name)}" if kind in _SOURCES else self._names.text(source)

    def _input(self, kind: str, data: bytes) -> bytes:
        if kind in _TEXTLESS_KINDS and _TEXTLESS.fullmatch(data):
            return data
        return self._recoded(
            data, decode=lambda held: codec.decode_input(kind, held), clean=self._value, encode=codec.encode_input
        )

    def _reasons(self, data: bytes | None) -> bytes | None:
        if data is None or data == _NOTHING:
            return data
        return self._recoded(
            data,
            decode=codec.decode_reasons,
            clean=lambda reasons: tuple(map(self._reason, reasons)),
            encode=codec.encode_reasons,
        )

    def _commands(self, data: bytes | None) -> bytes | None:
        if data is None or data == _NOTHING:
            return data
        return self._recoded(
            data,
            decode=codec.decode_commands,
            clean=lambda commands: tuple(map(self._value, commands)),
            encode=codec.encode_commands,
        )

    def _recoded(
        self, data: bytes, *, decode: Callable[[bytes], _T], clean: Callable[[_T], _T], encode: Callable[[_T], bytes]
    ) -> bytes:
        """*data* cleaned as what it is; as a message that nobody knows, where this version cannot read it."""
        try:
            value = decode(data)
        except UndecodableError:
            return self._messages.redact(data)
        return encode(clean(value))

    def _reason(self, reason: Reason) -> Reason:
        clean: Reason = self._value(reason)
        before, behind, rule = _WITH_ID.get(reason.code, ("", "", None))
        named = reason.text.removeprefix(before).removesuffix(behind)
        if rule is None or f"{before}{named}{behind}" != reason.text:
            return clean
        return attrs.evolve(clean, text=f"{before}{self._rules[rule](named)}{behind}")

    # --- values of core ----------------------------------------------------------------------------------------------

    def _value(self, value: Any) -> Any:  # noqa: ANN401 - any of core's classes
        """*value* with each of its texts cleaned; the same object if none is another."""
        cls = type(value)
        fields = self._plans.get(cls)
        if fields is None:
            fields = self._plans[cls] = plan(cls, rules=self._rules, value=self._value)
        changes = {}
        for name, clean in fields:
            held = getattr(value, name)
            new = clean(held)
            if new is not held:
                changes[name] = new
        return attrs.evolve(value, **changes) if changes else value

    def _place(self, text: str) -> str:
        """The name of a desk or device; once it was met as one, it may stay in a sentence too."""
        place = self._names.place(text)
        if len(self._places) < _MOST_PLACES:
            self._places.add(place)
        return place

    def _own_id(self, text: str, rule: Rule) -> str:
        """An id that we made: the desk's, and a number."""
        found = _OWN_ID[rule].fullmatch(text)
        return self._names.alias(text) if found is None else f"{self._names.place(found[1])}.{found[2]}"

    def _timer(self, key: str) -> str:
        """A timer's key: its kind and, behind a colon, the booking, command or device that it is for."""
        found = _TIMER.fullmatch(key)
        if found is None:
            return self._names.text(key)
        kind, subject = found.groups()
        if subject is None:
            return key
        is_own = any(pattern.fullmatch(subject) for pattern in _OWN_ID.values())
        rule = Rule.BOOKING if _OWN_ID[Rule.BOOKING].fullmatch(subject) else Rule.COMMAND
        return f"{kind}:{self._own_id(subject, rule) if is_own else self._names.place(subject)}"

    def _zone(self, text: str) -> str:
        try:
            return ZoneInfo(text).key
        except (KeyError, ValueError, OSError):  # what is not found is a KeyError
            return self._names.text(text)
