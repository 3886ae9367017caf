"""
A person in stored data: what they are known by, and data without them.

A person is named by one thing, an address, an id or a name; the others stand beside it wherever somebody is the
organizer of a booking. Each becomes a pseudonym that is drawn by chance and kept nowhere, so nobody can lead it back;
but it is the same everywhere, so that what was equal stays equal and history goes through the core as before. Titles
that only this person's bookings had become pseudonyms too.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from uuid import UUID

import attrs
import msgspec

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.public_ids import uuid_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

#: What holds raw bytes as text inside JSON.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_PUBLIC_ID: Final = re.compile(r"(ciscospark://[^/]+/[A-Z_]+/)([0-9a-fA-F-]{36})(.*)", re.DOTALL)
_MAY_BE_ESCAPED: Final = b"\\u"
#: A name this short is replaced where somebody is called so, and not where it may be a word.
_SHORTEST_NAME: Final = 4
#: Less of it would be found anywhere.
_LEAST_CODED: Final = 8
#: What a word is not part of: a longer address, id or word.
_BEFORE: Final = r"(?<![\w.+%@-])"
_BEHIND: Final = r"(?!\.?[\w@-])"
#: In a file a word may stand behind an escaped character.
_ESCAPED: Final = r"(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})"

Json = Any


@attrs.frozen(kw_only=True)
class Organizer:
    """Who organizes a booking, as any message has it; empty where it does not say."""

    email: str = ""
    id: str = ""
    name: str = ""


@attrs.define
class Traces:
    """
    What was found of a person and, to tell them apart, of others.

    Addresses and names are in lower case. ``by_name`` says that whoever is called so is the person.
    """

    emails: set[str] = attrs.field(factory=set)
    ids: set[str] = attrs.field(factory=set)
    names: set[str] = attrs.field(factory=set)
    titles: set[str] = attrs.field(factory=set)
    names_of_others: set[str] = attrs.field(factory=set)
    titles_of_others: set[str] = attrs.field(factory=set)
    originals: set[str] = attrs.field(factory=set)  # as they were written
    by_name: bool = False

    @classmethod
    def of(cls, person: str) -> Traces:
        """What is known of somebody who is named by an address, an id or a name."""
        found = cls(originals={person})
        if "@" in person:
            found.emails.add(person.lower())
            return found
        found.ids.add(person)
        with suppress(ProtocolError):
            found.ids.add(uuid_of(person))
            return found
        found.names.add(person.lower())
        found.by_name = True
        return found

    def knows(self, organizer: Organizer) -> bool:
        """Whether *organizer* is the person: by address or id, or by name where there is neither."""
        if (organizer.email or organizer.id) and not self.by_name:
            return organizer.email.lower() in self.emails or organizer.id in self.ids
        return organizer.name.lower() in self.names or organizer.email.lower() in self.emails

    def learn(self, value: Json) -> bool:
        """Note what is known beside the person in *value*; return whether anything of it is new."""
        before = len(self.emails) + len(self.ids) + len(self.names)
        for found, title in _organized(value):
            if self.knows(found):
                self.emails |= {found.email.lower()} - {""}
                self.ids |= {found.id} - {""}
                self.names |= {found.name.lower()} - {""}
                self.titles.add(title)
                self.originals |= {found.email, found.id, found.name, title} - {""}
            elif found != Organizer():
                self.names_of_others.add(found.name.lower())
                self.titles_of_others.add(title)
        return len(self.emails) + len(self.ids) + len(self.names) > before

    @property
    def shared_names(self) -> set[str]:
        """Names that others have too."""
        return self.names & self.names_of_others

    def begin_again(self) -> None:
        """Forget who the others are: somebody who was one may be known as the person by now."""
        self.names_of_others.clear()
        self.titles_of_others.clear()


def _organized(value: Json) -> Iterator[tuple[Organizer, str]]:
    """Every organizer in *value*, with the title beside them."""
    if isinstance(value, dict):
        plain = {_plain(key): member for key, member in value.items()}
        organizer = organizer_of(plain)
        if organizer is not None:
            yield organizer, _text(plain.get("title"))
        for member in value.values():
            yield from _organized(member)
    elif isinstance(value, list):
        for member in value:
            yield from _organized(member)


def organizer_of(plain: dict[str, Json]) -> Organizer | None:
    """The organizer of an object whose keys are in lower case and without underscores; None if it has none."""
    inner = plain.get("organizer")
    if isinstance(inner, dict):
        told = {_plain(key): _text(member) for key, member in inner.items()}
        name = told.get("name") or " ".join(filter(None, (told.get("firstname"), told.get("lastname"))))
        return Organizer(email=told.get("email", ""), id=told.get("id", ""), name=name)
    if not plain.keys() & {"organizeremail", "organizerid", "organizername"}:
        return None
    return Organizer(
        email=_text(plain.get("organizeremail")),
        id=_text(plain.get("organizerid")),
        name=_text(plain.get("organizername")),
    )


def _plain(key: str) -> str:
    return key.replace("_", "").lower()


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


class Eraser:
    """
    Data without a person.

    Args:
        traces: what they are known by.
        token: what the pseudonyms are made of; by chance unless it is given.
    """

    def __init__(self, traces: Traces, *, token: str = "") -> None:
        token = token or secrets.token_hex(4)
        self._traces = traces
        self._names = {name: f"Erased {token}{_number(n)}" for n, name in enumerate(sorted(traces.names))}
        titles = sorted(traces.titles - traces.titles_of_others - {""})
        self._titles = {title: f"Erased title {token}{_number(n)}" for n, title in enumerate(titles)}
        everywhere = {
            email: f"erased-{token}{_number(n)}@erased.invalid" for n, email in enumerate(sorted(traces.emails))
        }
        for n, one in enumerate(sorted(traces.ids)):
            everywhere[one.lower()] = _other_id(one, f"erased-{token}{_number(n)}")
        local = traces.shared_names | {name for name in traces.names if len(name) < _SHORTEST_NAME}
        everywhere |= {name: other for name, other in self._names.items() if name not in local}
        self._everywhere = everywhere
        self._local = [name.encode() for name in sorted(local)]
        self._pattern = re.compile(_any_of(everywhere, rf"{_BEFORE}(?:{{}}){_BEHIND}"), re.IGNORECASE)
        plain, coded = self._forms()
        strict = _any_of(plain, rf"(?:{_BEFORE}|{_ESCAPED})(?:{{}}){_BEHIND}")
        self._strict = re.compile(f"{strict}|{_any_of(coded, '(?:{})')}".encode(), re.IGNORECASE)
        titled = {form for title in self._titles for form in (title, json.dumps(title)[1:-1])}
        self._known = [form.lower().encode() for form in sorted({*plain, *coded})]
        self._loose = [*self._known, *(form.lower().encode() for form in sorted(titled)), *self._local]

    def _forms(self) -> tuple[set[str], set[str]]:
        """How something of the person may stand in a file: as text, escaped or not, and within base64."""
        texts = {*self._everywhere, *self._traces.ids}
        for text in list(texts):
            texts |= {text.upper(), text.title()}
        plain = {form for text in texts for form in (text, json.dumps(text)[1:-1], quote(text))}
        as_written = texts | self._traces.originals
        coded = {form for text in as_written for form in _base64_forms(text.encode(errors="surrogatepass"))}
        return {form for form in plain if len(form) >= _SHORTEST_NAME}, {f for f in coded if len(f) >= _LEAST_CODED}

    def find(self, data: bytes) -> int:
        """How often the person's address, id or name stands in *data*, in any form."""
        folded = data.lower()
        if not any(form in folded for form in self._known):  # ten times as fast as the expression
            return 0
        return sum(1 for _ in self._strict.finditer(data))

    def may_hold(self, data: bytes) -> bool:
        """Whether *data* has to be looked into: letters may be written as escapes, any of them."""
        folded = data.lower()
        return _MAY_BE_ESCAPED in folded or any(form in folded for form in self._loose)

    def json(self, data: bytes) -> bytes:
        """JSON of our own without the person; the same bytes if they are not in it."""
        if not self.may_hold(data):
            return data
        value = msgspec.json.decode(data)
        without = self.value(value)
        return data if without == value else msgspec.json.encode(without)

    def message(self, data: bytes) -> bytes:
        """A message as it came without the person: JSON or any other text; the same bytes if they are not in it."""
        if not self.may_hold(data):
            return data
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return self._string(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        without = self.value(value)
        if without == value:
            return data
        return json.dumps(without, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")

    def line(self, line: bytes) -> bytes:
        """A line of a file, as `message`; it ends as it ended."""
        body = line.rstrip(b"\r\n")
        return self.message(body) + line[len(body) :]

    def value(self, value: Json) -> Json:
        """Any JSON value without the person."""
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, list):
            return [self.value(member) for member in value]
        if isinstance(value, dict):
            plain = {_plain(key): member for key, member in value.items()}
            organizer = organizer_of(plain)
            is_theirs = organizer is not None and self._traces.knows(organizer)
            member_of = self._member_of_theirs if is_theirs else self._member
            return {self.text(key): member_of(_plain(key), member) for key, member in value.items()}
        return value

    def _member(self, key: str, member: Json) -> Json:
        if key == "title" and isinstance(member, str) and member in self._titles:
            return self._titles[member]
        return self.value(member)

    def _member_of_theirs(self, key: str, member: Json) -> Json:
        """A member of an object that the person is the organizer in: there their name is theirs, whoever shares it."""
        if key == "organizername" and isinstance(member, str):
            return self._names.get(member.lower(), member)
        if key == "organizer" and isinstance(member, dict):
            return {name: self._named(_plain(name), one) for name, one in member.items()}
        return self._member(key, member)

    def _named(self, key: str, value: Json) -> Json:
        """A member of an organizer: their name may stand in one or in two."""
        if key in {"name", "firstname", "lastname"} and isinstance(value, str) and value:
            return self._names.get(value.lower()) or next(iter(self._names.values()), value)
        return self.value(value)

    def _string(self, text: str) -> str:
        """A text without the person; one that holds them in another encoding goes as a whole."""
        without = self.text(text)
        if _BASE64.fullmatch(without):
            return self._decoded(without)
        return "erased" if self.find(without.encode(errors="surrogatepass")) else without

    def _decoded(self, text: str) -> str:
        """Text that may be bytes in base64, which may hold a message."""
        padding = "=" * (-len(text) % 4)
        try:
            data = base64.b64decode(text + padding, validate=True)
        except (binascii.Error, ValueError):
            return text
        without = self.message(data)
        if without == data:
            return text
        coded = base64.b64encode(without).decode()
        return coded.rstrip("=") if padding else coded

    def text(self, text: str) -> str:
        """A text without the person's address, ids and name where they stand as words."""
        return self._pattern.sub(lambda match: self._everywhere[match[0].lower()], text)


def _any_of(values: Collection[str], frame: str) -> str:
    """An expression for any of *values*, the longest first, put into *frame*; one that never fits for none."""
    longest_first = sorted(values, key=lambda value: (-len(value), value))
    return frame.replace("{}", "|".join(map(re.escape, longest_first))) if values else "(?!)"


def _number(n: int) -> str:
    return f"-{n + 1}" if n else ""


def _other_id(known: str, otherwise: str) -> str:
    """An id of the same kind as *known*: a UUID, a public id of the cloud, or *otherwise*."""
    try:
        UUID(known)
    except ValueError:
        pass
    else:
        return str(UUID(bytes=secrets.token_bytes(16), version=4))
    padded = known + "=" * (-len(known) % 4)
    try:
        uri = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return otherwise
    found = _PUBLIC_ID.fullmatch(uri)
    if found is None:
        return otherwise
    other = f"{found[1]}{UUID(bytes=secrets.token_bytes(16), version=4)}{found[3]}"
    return base64.b64encode(other.encode()).decode().rstrip("=")


def _base64_forms(data: bytes) -> Iterator[str]:
    """What *data* looks like within base64, wherever it begins; without the ends, which its neighbours change."""
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        first = -(-8 * shift // 6)
        last = (8 * (shift + len(data))) // 6
        yield coded[first:last]
