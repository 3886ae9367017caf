"""
Messages as they came, without persons, titles and secrets.

What stays is what is known to say nothing of anybody: members that are known, with values that fit them. A message in
which nothing has to be replaced stays as it is, to the byte; one that is no JSON is replaced by its length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from hotdesk_daemon.captures.vocabulary import HARMLESS, KEYS, Content, content_at, is_path
from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.xapi.leaves import read_text
from hotdesk_daemon.xapi.times import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdesk_daemon.captures.pseudonyms import Pseudonyms
    from hotdesk_daemon.captures.sentences import Sentences

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_strings: Final = re.compile(rb'"([^"]*)"').findall
_HARMLESS: Final = frozenset(word.encode() for word in HARMLESS)
#: Values that may stand anywhere among harmless members: UUIDs, times, small numbers.
_PLAIN: Final = re.compile(
    rb"[0-9]{1,9}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})|"
    rb"webex-[0-9]{1,9}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|"
)
_has_long_number: Final = re.compile(rb"[\[:,\s]-?[0-9]{10}").search
#: As devices and this program name theirs: RoomOS 26.4.1 2e1a2b3c4d5, 0.2.0.dev3+g1a2b3c4.
_RELEASE: Final = re.compile(
    r"(?:RoomOS |ce|TC)?[0-9]{1,3}(?:\.[0-9]{1,4}){1,4}"
    r"(?:[ .][0-9a-f]{7,40})?(?:\.?(?:dev|rc|a|b)[0-9]{1,4})?(?:\+g[0-9a-f]{5,40})?"
)
_LARGEST: Final = 1_000_000_000
_GONE: Final = "redacted"
_BAD: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class Messages:
    """What becomes of messages."""

    def __init__(self, names: Pseudonyms, sentences: Sentences) -> None:
        self._names = names
        self._harmless_paths: dict[bytes, bool] = {}
        self._strings: dict[Content, Callable[[str], str]] = {
            Content.WORD: sentences.word,
            Content.TEXT: sentences.clean,
            Content.TIME: self._time,
            Content.PATH: sentences.path,
            Content.ALIAS: names.alias,
            Content.PLACE: names.alias,
            Content.RELEASE: self.release,
            Content.NAME: names.name,
            Content.EMAIL: names.email,
            Content.PERSON: names.person,
            Content.TITLE: names.title,
            Content.SECRET: lambda text: text and _GONE,
            Content.UNKNOWN: names.text,
        }

    def redact(self, raw: bytes) -> bytes:
        """*raw* without what must not be told; the same object if there is nothing of that."""
        try:
            message = _decode(raw)
            if self._is_fit(raw):
                return raw
            return _encode(self._value(message, Content.UNKNOWN))
        except _BAD:
            return _encode({"redacted": {"bytes": len(raw), "digest": self._names.mark("message", raw)}})

    def release(self, text: str) -> str:
        """The name of a release; what is none is text."""
        return text if _RELEASE.fullmatch(text) else self._names.text(text)

    def _is_fit(self, raw: bytes) -> bool:
        """Whether nothing in *raw*, which is JSON, has to be replaced; told without a look at its structure."""
        if b"\\" in raw or _has_long_number(raw):
            return False
        others = set(_strings(raw)) - _HARMLESS
        return all(_PLAIN.fullmatch(text) or self._is_harmless_path(text) for text in others)

    def _is_harmless_path(self, text: bytes) -> bool:
        """Whether it is a dotted name of a harmless status or event, or a public id of a device; few there are."""
        if len(text) > _LONGEST:
            return False
        known = self._harmless_paths.get(text)
        if known is None:
            said = text.decode()
            words = [word.partition("[")[0] for word in re.split(r"[./]", said)]
            known = is_path(said) and all(word in HARMLESS for word in words)
            known = known or (len(said) > _SHORT and self._names.alias(said) == said)
            if len(self._harmless_paths) >= _REMEMBERED:
                self._harmless_paths.clear()
            self._harmless_paths[text] = known
        return known

    def _value(self, value: object, content: Content) -> object:
        if isinstance(value, str):
            return self._strings[content](value)
        if isinstance(value, dict):
            return self._object(value, content)
        if isinstance(value, list):
            return [self._value(element, content) for element in value]
        if isinstance(value, bool) or value is None:
            return value
        return self._number(value, content)

    def _object(self, members: dict[str, object], content: Content) -> dict[str, object]:
        clean: dict[str, object] = {}
        for key, value in members.items():
            if key == "Organizer" and isinstance(value, dict):
                clean[key] = self._organizer(value)
            elif key == "Value":  # what another way wraps its values in
                clean[key] = self._value(value, content)
            elif key in KEYS:
                clean[key] = self._value(value, KEYS[key])
            elif is_path(key):
                clean[key] = self._value(value, content_at(key))
            else:
                clean[self._names.key(key)] = self._value(value, Content.UNKNOWN)
        return clean

    def _organizer(self, members: dict[str, object]) -> dict[str, object]:
        """A person, whose name is one although it may stand in two members."""
        names = [text for key in _NAME_PARTS if (text := read_text(members.get(key))) is not None]
        whole = self._names.name(" ".join(names))
        clean: dict[str, object] = {}
        for key, value in members.items():
            if key in _NAME_PARTS and read_text(value) is not None:
                clean[key], whole = whole, ""
            elif key == "Id":
                clean[key] = self._value(value, Content.PERSON)
            else:
                clean.update(self._object({key: value}, Content.UNKNOWN))
        return clean

    def _time(self, text: str) -> str:
        try:
            parse_instant(text)
        except ProtocolError:
            return self._names.text(text)
        return text

    def _number(self, value: object, content: Content) -> object:
        """A number: also persons, titles and ids may come as one, and a telephone number is one."""
        if content in _AS_TEXT:
            return self._strings[content](str(value))
        if content is Content.ALIAS:
            return value if isinstance(value, int) and abs(value) < _LARGEST else self._names.alias(str(value))
        is_small = isinstance(value, int | float) and abs(value) < _LARGEST
        return value if content is Content.WORD and is_small else 0


_NAME_PARTS: Final = ("FirstName", "LastName")
#: Public ids of the cloud are longer.
_SHORT: Final = 40
_LONGEST: Final = 256
_REMEMBERED: Final = 65_536
_AS_TEXT: Final = frozenset({Content.NAME, Content.EMAIL, Content.PERSON, Content.TITLE, Content.SECRET, Content.TEXT})
