"""
The kinds of values that know a subject: addresses, paths, fingerprints, times, secrets, and whole tables.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import attrs

from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.public_ids import kind_of
from hotdesk_daemon.ops.settings.kinds import Kind, Words, quoted
from hotdesk_daemon.ops.settings.secret import FORMS, Secret

T = TypeVar("T")


@attrs.frozen
class FilePath(Words[Path]):
    """A path; a relative one starts at the daemon's working directory."""

    def read(self, text: str) -> Path:
        if not text or "\0" in text or text.startswith("~"):
            raise ValueError(f"is no usable path; write {self.describe()} (~ is not expanded)")
        return Path(text)

    def describe(self) -> str:
        return "a path, absolute or from the working directory"


@attrs.frozen
class Url(Words[str]):
    """An address of one of the given schemes, without user, password, query or fragment."""

    schemes: tuple[str, ...]
    example: str
    default_path: str = ""

    def read(self, text: str) -> str:
        if "@" in text:  # not repeated: it may be a password, however oddly it is written
            raise ValueError(f"holds a user name or password; write {self.describe()}, and those as their own settings")
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port  # looking at the port checks it
        except ValueError as exc:
            raise ValueError(f"is no address ({exc}); write {self.describe()}") from None
        fits = parts.scheme in self.schemes and host and not re.search(r"[\s?#\x00-\x1f]", text)
        if not fits or parts.netloc.endswith(":"):
            raise ValueError(f'"{text}" is no address that fits; write {self.describe()}')
        return parts._replace(path=parts.path if parts.path.strip("/") else self.default_path).geturl()

    def describe(self) -> str:
        return f'an address such as "{self.example}"'


@attrs.frozen
class PublicId(Words[str]):
    """The id of a *what* in the Webex API, which is of the given type there; it stays as it is written."""

    what: str
    type: str

    def read(self, text: str) -> str:
        try:
            found = kind_of(text)
        except ProtocolError as exc:
            raise ValueError(f"{exc}; write {self.describe()}") from None
        if found not in (self.type, None):
            raise ValueError(f'"{text}" is the id of a {found}; write {self.describe()}')
        return text

    def describe(self) -> str:
        return f"a {self.what}'s id ({self.type}) as the Webex API shows it, or its UUID"


@attrs.frozen
class Fingerprint(Words[str]):
    """A SHA-256 fingerprint; the value is 64 lower-case hexadecimal digits."""

    def read(self, text: str) -> str:
        digits = text.lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
        if not re.fullmatch(r"[0-9a-f]{64}", digits):
            found = "a SHA-1 fingerprint" if re.fullmatch(r"[0-9a-f]{40}", digits) else "no SHA-256 fingerprint"
            raise ValueError(f"is {found}; write {self.describe()}")
        return digits

    def describe(self) -> str:
        return "64 hexadecimal digits, with or without colons"


@attrs.frozen
class WallTime(Words[int]):
    """A time of day; the value is in minutes after midnight."""

    def read(self, text: str) -> int:
        match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)", text)
        if match is None:
            raise ValueError(f'"{text}" is no time of day; write {self.describe()}')
        hours, minutes = (part for part in match.groups() if part is not None)
        return int(hours) * 60 + int(minutes)

    def describe(self) -> str:
        return 'a time such as "07:00", up to "24:00"'

    def render(self, value: int) -> str:
        return f'"{value // 60:02}:{value % 60:02}"'


@attrs.frozen
class Moment(Kind[datetime]):
    """A moment with its offset from UTC; the value is in UTC."""

    def parse(self, raw: object) -> datetime:
        value = raw
        if isinstance(raw, str):
            try:
                value = datetime.fromisoformat(raw)
            except ValueError:
                raise self.mismatch(raw) from None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.mismatch(raw)
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise self.mismatch(raw) from None

    def describe(self) -> str:
        return "a date and time with its offset, such as 2026-05-04T06:30:00Z"


@attrs.frozen
class Listed(Kind[tuple[T, ...]]):
    """A list, not empty, of one kind of value."""

    item: Kind[T]
    shown: str

    def parse(self, raw: object) -> tuple[T, ...]:
        if not isinstance(raw, list) or not raw:
            raise self.mismatch(raw)
        return tuple(self.item.parse(one) for one in raw)

    def describe(self) -> str:
        return self.shown

    def render(self, value: tuple[T, ...]) -> str:
        return f"[{', '.join(self.item.render(one) for one in value)}]"


@attrs.frozen
class SecretRef(Kind[Secret]):
    """A reference to a secret; whoever walks the tables fetches it, because that takes the environment."""

    def parse(self, raw: object) -> Secret:
        raise AssertionError("a secret is fetched by read_secret, not parsed")

    def describe(self) -> str:
        return f"{FORMS}, never the secret itself"

    def render(self, value: Secret) -> str:
        return quoted(value.origin.removeprefix("from "))

    def from_text(self, text: str) -> object:
        return text


@attrs.frozen
class Table(Kind[T]):
    """A table of its own, written under its own heading."""

    cls: type[T]

    def parse(self, raw: object) -> T:
        raise AssertionError("tables are walked, not parsed")

    def describe(self) -> str:
        return "a table"


@attrs.frozen
class Tables(Kind[tuple[T, ...]]):
    """Any number of tables under a heading in double brackets."""

    cls: type[T]

    def parse(self, raw: object) -> tuple[T, ...]:
        raise AssertionError("tables are walked, not parsed")

    def describe(self) -> str:
        return "a table for each"
