"""
The kinds of values that a setting may take: how each is checked, and how it is described to people.

A kind takes what TOML gave and returns the value the program uses, or raises ``ValueError`` with a text that says what
is wrong and what to write instead. Here are the plain kinds; ``special`` has those that know a subject.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
from abc import ABC, abstractmethod
from datetime import date, time
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from hotdesk_daemon.ops.settings.units import parse_duration, parse_size, render_duration, render_size

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


class Kind(ABC, Generic[T]):
    """One kind of value."""

    @abstractmethod
    def parse(self, raw: object) -> T:
        """Return the value that *raw* stands for; raises ``ValueError`` with what is wrong and how to mend it."""

    @abstractmethod
    def describe(self) -> str:
        """Say what to write, as the end of "write …"."""

    def from_text(self, text: str) -> object:
        """Return what TOML would have given for *text*, which came from the environment."""
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except ValueError:
            return text

    def render(self, value: T) -> str:
        """Write *value* as TOML would have it, for the reference."""
        return str(value)

    def mismatch(self, raw: object) -> ValueError:
        """Return the error for a value of the wrong type."""
        return ValueError(f"is {_said(raw)}; write {self.describe()}")


@attrs.frozen
class Flag(Kind[bool]):
    """True or false."""

    def parse(self, raw: object) -> bool:
        if not isinstance(raw, bool):
            raise self.mismatch(raw)
        return raw

    def describe(self) -> str:
        return "true or false"

    def render(self, value: bool) -> str:  # noqa: FBT001 - the base's signature
        return str(value).lower()


@attrs.frozen
class Whole(Kind[int]):
    """A whole number within bounds."""

    least: int
    most: int

    def parse(self, raw: object) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise self.mismatch(raw)
        if not self.least <= raw <= self.most:
            raise ValueError(f"{raw} is out of range; write {self.describe()}")
        return raw

    def describe(self) -> str:
        return f"a whole number from {self.least} to {self.most}"


@attrs.frozen
class Number(Kind[float]):
    """A number within bounds."""

    least: float
    most: float

    def parse(self, raw: object) -> float:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise self.mismatch(raw)
        if not self.least <= raw <= self.most:  # not-a-number compares with nothing
            raise ValueError(f"{raw} is out of range; write {self.describe()}")
        return float(raw)

    def describe(self) -> str:
        return f"a number from {self.least:g} to {self.most:g}"

    def render(self, value: float) -> str:
        return f"{value:g}"


class Words(Kind[T]):
    """Anything written as text."""

    def parse(self, raw: object) -> T:
        if not isinstance(raw, str):
            raise self.mismatch(raw)
        return self.read(raw)

    @abstractmethod
    def read(self, text: str) -> T:
        """Return the value that *text* stands for, or raise ``ValueError``."""

    def from_text(self, text: str) -> object:
        return text

    def render(self, value: T) -> str:
        return quoted(str(value))


@attrs.frozen
class Duration(Words[float]):
    """A length of time; the value is in seconds. ``step_s`` asks for whole multiples."""

    least: str
    most: str
    step_s: float = 0.0

    def read(self, text: str) -> float:
        try:
            seconds = parse_duration(text)
        except ValueError as exc:
            raise ValueError(f"{exc}; write {self.describe()}") from None
        in_steps = not self.step_s or seconds % self.step_s == 0
        if not (in_steps and parse_duration(self.least) <= seconds <= parse_duration(self.most)):
            raise ValueError(f'"{text}" is out of range; write {self.describe()}')
        return seconds

    def describe(self) -> str:
        unit = f" in steps of {render_duration(self.step_s)}" if self.step_s else ""
        example = "15m" if self.step_s > 1 else "20s"
        return f'a duration{unit} from "{self.least}" to "{self.most}", such as "{example}" or "1h30m"'

    def render(self, value: float) -> str:
        return f'"{render_duration(value)}"'


@attrs.frozen
class Size(Words[int]):
    """A number of bytes."""

    least: str
    most: str

    def read(self, text: str) -> int:
        try:
            size_bytes = parse_size(text)
        except ValueError as exc:
            raise ValueError(f"{exc}; write {self.describe()}") from None
        if not parse_size(self.least) <= size_bytes <= parse_size(self.most):
            raise ValueError(f'"{text}" is out of range; write {self.describe()}')
        return size_bytes

    def describe(self) -> str:
        return f'a size from "{self.least}" to "{self.most}", in B, KiB, MiB or GiB'

    def render(self, value: int) -> str:
        return f'"{render_size(value)}"'


@attrs.frozen
class Choice(Words[E]):
    """One word of a closed set."""

    words: type[E]

    def read(self, text: str) -> E:
        known = {str(word.value): word for word in self.words}
        if text not in known:
            raise ValueError(f'"{text}" is not known{suggestion(text, known)}; write {self.describe()}')
        return known[text]

    def describe(self) -> str:
        return _either(f'"{word.value}"' for word in self.words)

    def render(self, value: E) -> str:
        return f'"{value.value}"'


@attrs.frozen
class Text(Words[str]):
    """Text of a given pattern; ``what`` says in words what fits it."""

    what: str = "text"
    pattern: str = r"(?s).+"

    def read(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f'"{text}" does not fit; write {self.what}')
        return text

    def describe(self) -> str:
        return self.what


def quoted(text: str) -> str:
    """*text* as TOML writes it: its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean …?)`` if something known is much like *word*, else nothing."""
    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.5)
    return f' (did you mean "{folded[close[0]]}"?)' if close else ""


def _said(raw: object) -> str:
    """Name what was written, by its TOML type and, when short, its value."""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, int | float):
        return f"the number {raw}" if math.isfinite(raw) and abs(raw) < 1e12 else "a number"  # noqa: PLR2004
    if isinstance(raw, str):
        return f'the text "{raw}"' if len(raw) <= 60 else "a text"  # noqa: PLR2004
    if isinstance(raw, date | time):  # a datetime is a date
        return f"the time {raw}"
    return "a table" if isinstance(raw, dict) else "a list" if raw else "an empty list"


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
