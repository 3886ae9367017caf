"""
The lines of a capture: what one is made of, as JSON, one object a line.

A capture is a header, then inputs in the order in which they were committed, each desk's beginning state before its
first input where its history does not begin there, and an end. `docs/captures.md` tells it to people, and
`docs/capture.schema.json`, which is made from these classes, to programs.

A later version of the format may add members, and kinds of lines with a version of their own; it may not change what a
member means. So everything that was ever written stays readable.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

FORMAT: Final = "hotdesk-capture"
VERSION: Final = 1


class Header(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="header"):
    """
    The first line: what this is and how it came about.

    ``origin`` is ``journal``, ``live``, ``simulator`` or ``import``; ``journal`` names the journal that it is from.
    ``steps`` says that what came of each input stands beside it. ``desks`` and ``kinds`` are what was asked for where
    not everything was. ``notes`` are for people: what an importer guessed.
    """

    format: str
    version: int
    written_at: datetime
    software: str
    origin: str
    redacted: bool
    steps: bool
    journal: str | None = None
    desks: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    notes: tuple[str, ...] = ()


class StateLine(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type", tag="state"):
    """The state of a desk after ``seq`` inputs, from which its first input here goes on; as in the journal."""

    desk: str
    seq: int
    state: Raw


class InputLine(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type", tag="input"):
    """
    One input, and with ``steps`` what came of it.

    ``journal_seq`` orders the inputs of all desks, ``seq`` numbers those of one. ``at`` is the wall time it was decided
    at, ``mono`` the monotonic clock in seconds. ``source`` and ``kind`` are the journal's; ``device`` is who said it,
    where it was one. ``raw`` is the message as it came, ``raw_base64`` where it is no UTF-8; ``part`` counts the
    inputs behind the first of one message. ``reasons`` and ``commands`` are absent where there are none.
    """

    desk: str
    seq: int
    journal_seq: int
    at: datetime
    mono: float
    source: str
    kind: str
    device: str | None = None
    cause_seq: int | None = None
    part: int = 0
    input: Raw
    raw: str | None = None
    raw_base64: bytes | None = None
    reasons: Raw | UnsetType = UNSET
    commands: Raw | UnsetType = UNSET
    refusal: str | None = None


class EndLine(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="end"):
    """The last line: how many inputs there are, and why it ends where not by itself (``size``, ``duration``)."""

    inputs: int
    cut: str | None = None


Line = Header | StateLine | InputLine | EndLine

encode_line: Final = msgspec.json.Encoder().encode
decode_line: Final = msgspec.json.Decoder(Line).decode
