"""
Names for what must not be told: the same thing has the same name in every capture that is written with the same key.

Without the key nobody can find out by trying what a name stands for. A name that was given here is recognised and left
as it is, whatever the key, so that what was redacted once may be redacted again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: What is shorter could be found by trying.
SHORTEST_KEY: Final = 16

_MARK_BYTES: Final = 6  # of 100,000 different titles two are the same by one chance in 50,000
_MARK: Final = r"[0-9a-f]{12}"
_OWN_EMAIL: Final = re.compile(rf"person-{_MARK}@example\.com")
_OWN_NAME: Final = re.compile(rf"Person {_MARK}")
_OWN_PERSON: Final = re.compile(rf"person-{_MARK}|00000000-0000-8000-8000-{_MARK}")
_OWN_TITLE: Final = re.compile(rf"title-{_MARK}")
_OWN_TEXT: Final = re.compile(rf"text-{_MARK}")
_OWN_KEY: Final = re.compile(rf"key-{_MARK}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: Ids that say nothing: counters of devices, UUIDs, and our own.
_PLAIN_ID: Final = re.compile(rf"[0-9]{{1,9}}|(?:webex|loc)-[0-9]{{1,9}}|id-{_MARK}|{_UUID.pattern}")
#: What desks and devices may be called in a configuration, and the ids that the cloud has for them.
_PLACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=-]{0,255}")
#: An id of the cloud, written out, and what those are of that are no person's.
_CLOUD: Final = re.compile(rf"ciscospark://([A-Za-z0-9:_-]{{1,60}})/([A-Z_]{{1,40}})/({_UUID.pattern})")
_SCHEME: Final = "ciscospark:"
_THINGS: Final = frozenset({"DEVICE", "PLACE", "WORKSPACE", "ORGANIZATION", "APPLICATION", "LOCATION"})
_LONGEST_ID: Final = 512
_CACHED: Final = 16_384
_LONGEST_CACHED: Final = 500


def remembered(
    name: Callable[[str], str], *, most: int = _CACHED, longest: int = _LONGEST_CACHED
) -> Callable[[str], str]:
    """*name* with a memory of *most* texts that are not longer than *longest* characters."""
    known = lru_cache(most)(name)
    return lambda text: known(text) if len(text) <= longest else name(text)


class Pseudonyms:
    """
    The names of one key.

    Blank text says nothing and stays as it is everywhere: to core an empty title is another thing than a title.

    Raises:
        ValueError: the key is shorter than `SHORTEST_KEY` bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"a key has {SHORTEST_KEY} bytes at least")
        self._key = hashlib.sha256(key).digest()
        self.email = remembered(self._email)
        self.name = remembered(self._name)
        self.person = remembered(self._person)
        self.title = remembered(self._title)
        self.alias = remembered(self._alias)
        self.place = remembered(self._place)

    def mark(self, kind: str, data: bytes) -> str:
        """Twelve hexadecimal digits that *data* has as one of this kind: a keyed BLAKE2b (RFC 7693)."""
        return hashlib.blake2b(data, digest_size=_MARK_BYTES, key=self._key, person=kind.encode()).hexdigest()

    def text(self, text: str) -> str:
        """Text that anybody may have written."""
        return text if _is_blank(text) or _OWN_TEXT.fullmatch(text) else f"text-{self._of('text', text)}"

    def key(self, text: str) -> str:
        """The name of a member that nobody knows."""
        return text if _is_blank(text) or _OWN_KEY.fullmatch(text) else f"key-{self._of('key', text)}"

    def _email(self, text: str) -> str:
        """A person's address; core compares addresses without regard to case."""
        folded = text.casefold()
        if _is_blank(text) or _OWN_EMAIL.fullmatch(folded):
            return folded
        return f"person-{self._of('person', folded)}@example.com"

    def _name(self, text: str) -> str:
        """A person's name."""
        if _is_blank(text) or _OWN_NAME.fullmatch(text):
            return text
        return self.email(text) if "@" in text else f"Person {self._of('name', text.casefold())}"

    def _person(self, text: str) -> str:
        """A person's id, of the shape that it has: a UUID stays one, and so does an id of the cloud."""
        if _is_blank(text) or _OWN_PERSON.fullmatch(text):
            return text
        if "@" in text:
            return self.email(text)
        if _UUID.fullmatch(text):
            return self._own_uuid(text)
        where, kind, uuid = _read_cloud(text)
        if not uuid:
            return f"person-{self._of('person id', text)}"
        return base64.b64encode(f"ciscospark://{where}/{kind}/{self._own_uuid(uuid)}".encode()).decode()

    def _own_uuid(self, uuid: str) -> str:
        if _OWN_PERSON.fullmatch(uuid):
            return uuid
        return f"00000000-0000-8000-8000-{self._of('person id', uuid.lower())}"

    def _title(self, text: str) -> str:
        """A booking's title: equal ones stay equal, and different ones different."""
        return text if _is_blank(text) or _OWN_TITLE.fullmatch(text) else f"title-{self._of('title', text)}"

    def _alias(self, text: str) -> str:
        """An id of a booking or of anything else: what could say more than which one it is, is replaced."""
        if _is_blank(text) or _PLAIN_ID.fullmatch(text):
            return text
        kind = _read_cloud(text)[1]
        if kind in _THINGS:
            return text
        return self.person(text) if kind else f"id-{self._of('id', text)}"

    def _place(self, text: str) -> str:
        """The name of a desk or device. It stays, unless it looks like a person's: an address, or their id."""
        if _is_blank(text) or _UUID.fullmatch(text):
            return text
        is_named = _PLACE.fullmatch(text) is not None and not _decoded(text).startswith(_SCHEME)
        return text if is_named or _read_cloud(text)[1] in _THINGS else f"id-{self._of('id', text)}"

    def _of(self, kind: str, text: str) -> str:
        return self.mark(kind, text.encode(errors="surrogatepass"))


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _read_cloud(text: str) -> tuple[str, str, str]:
    """Where an id of the cloud is from, what it is of, and the UUID in it; empty for anything else, or more."""
    found = _CLOUD.fullmatch(_decoded(text))
    return (found[1], found[2], found[3]) if found is not None else ("", "", "")


def _decoded(text: str) -> str:
    """What *text* is in base64, with or without its padding; empty if it is none."""
    if len(text) > _LONGEST_ID:
        return ""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
