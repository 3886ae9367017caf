"""
The lines of a capture: what one is made of, as JSON, one object a line.

A capture is a header, then inputs in the order in which they were committed, each desk's beginning state before its
first input where its history does not begin there, and an end. `docs/captures.md` tells it to people, and
`docs/capture.schema.json`, which is made from these classes, to programs.

A later version of this program may add members, and lines of other types; both are passed over by who does not know
them. It may not change what a member means: that would be another version of the format. So everything that was ever
written stays readable.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from hotdesk_daemon.core.ids import DeskId

FORMAT: Final = "hotdesk-capture"
VERSION: Final = 1
#: Every type of line that this version knows.
TYPES: Final = ("header", "state", "input", "end")

_UTC: Final = {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"}

_Moment = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time", **_UTC})]
_Name = Annotated[str, Meta(min_length=1)]
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Number = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class Header(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="header"):
    """The first line: what this is and how it came about."""

    format: Annotated[str, Meta(pattern=f"^{FORMAT}$", description="Always the same, so that the file is known again.")]
    version: Annotated[int, Meta(ge=1, description=f"Version of the format; this describes {VERSION}.")]
    written_at: Annotated[_Moment, Meta(description="When the capture was begun, by the writer's clock.")]
    software: Annotated[_Name, Meta(description="What wrote it, with its version.")]
    origin: Annotated[
        _Name, Meta(description="How it came about: `journal`, `live`, `simulator` or `import`.", examples=["journal"])
    ]
    redacted: Annotated[bool, Meta(description="Persons are pseudonyms; titles and secrets are gone.")]
    steps: Annotated[bool, Meta(description="What came of each input stands beside it.")]
    journal: Annotated[
        _Name | None, Meta(description="Name of the journal that it is from; captures of one journal belong together.")
    ] = None
    pseudonyms: Annotated[
        _Name | None,
        Meta(description="Which key made the pseudonyms (not the key): the same where a person is the same in both."),
    ] = None
    desks: Annotated[tuple[_Name, ...], Meta(description="The desks asked for; all, if absent.")] = ()
    kinds: Annotated[
        tuple[_Name, ...],
        Meta(description="The kinds of input asked for; all, if absent. With some left out, steps cannot be compared."),
    ] = ()
    since: Annotated[_Moment | None, Meta(description="Asked for from this moment on; absent: from the beginning.")] = (
        None
    )
    until: Annotated[_Moment | None, Meta(description="Asked for up to this moment; absent: to the end.")] = None
    notes: Annotated[
        tuple[str, ...], Meta(description="For people: what is otherwise than asked for, what was guessed.")
    ] = ()


class StateLine(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type", tag="state"):
    """The state of a desk from which its first input here goes on, where that is not the first of all."""

    desk: Annotated[DeskId, Meta(min_length=1, description="The desk's name.")]
    seq: Annotated[_Count, Meta(description="How many inputs led to it.")]
    state: Annotated[
        Raw,
        Meta(
            description="The whole state, as the journal keeps it; its members are this program's own affair.",
            extra_json_schema={"type": "object"},
        ),
    ]


class InputLine(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type", tag="input"):
    """One input and, if the header says `steps`, what came of it."""

    desk: Annotated[DeskId, Meta(min_length=1, description="The desk's name.")]
    seq: Annotated[_Number, Meta(description="Number of the input among those of its desk: 1, 2, 3, … without gaps.")]
    journal_seq: Annotated[
        _Number, Meta(description="Number among the inputs of all desks, rising in the order of the commits.")
    ]
    at: Annotated[_Moment, Meta(description="Wall time at which it was decided.")]
    mono: Annotated[float, Meta(description="Monotonic clock then, in seconds from a beginning of the machine's own.")]
    source: Annotated[
        _Name,
        Meta(description="Who said it: `device:<id>`, `timer`, `api`, `daemon` or `dispatch`.", examples=["timer"]),
    ]
    kind: Annotated[_Name, Meta(description="Kind of the input; says how `input` is to be read.")]
    device: Annotated[_Name | None, Meta(description="The device that said it, if it was one.")] = None
    cause_seq: Annotated[
        _Count | None, Meta(description="Number (`seq`) of the earlier input that led to it, if one did.")
    ] = None
    part: Annotated[
        _Count, Meta(description="Of a message with several inputs: how many came before this; absent: none.")
    ] = 0
    input: Annotated[
        Raw,
        Meta(
            description="The input as it was understood; a string where what the journal holds is no JSON.",
            extra_json_schema={"type": ["object", "string"]},
        ),
    ]
    raw: Annotated[
        str | None,
        Meta(description="The message as it came; absent where there was none, or where an earlier `part` has it."),
    ] = None
    raw_base64: Annotated[bytes | None, Meta(description="The message as it came, where that is no UTF-8.")] = None
    reasons: Annotated[
        Raw | UnsetType,
        Meta(
            description="The rows of the tables that it met; absent where it met none.",
            extra_json_schema={"type": "array"},
        ),
    ] = UNSET
    commands: Annotated[
        Raw | UnsetType,
        Meta(
            description="The commands that it changed, in their new form; absent where there are none.",
            extra_json_schema={"type": "array"},
        ),
    ] = UNSET
    refusal: Annotated[str | None, Meta(description="Why a person's wish was refused, if it was.")] = None


class EndLine(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="end"):
    """The last line; a capture without it was cut off."""

    inputs: Annotated[_Count, Meta(description="How many input lines stand above.")]
    cut: Annotated[
        _Name | None,
        Meta(
            description="Why it ends where more was asked for: `size`, `duration`, `stopped` or `journal`.",
            examples=["size"],
        ),
    ] = None


Line = Header | StateLine | InputLine | EndLine

encode_line: Final = msgspec.json.Encoder().encode
line_decoder: Final = msgspec.json.Decoder(Line)
