"""
The format as a JSON Schema, made from the classes of the lines and of what core puts into them.

``python -m hotdesk_daemon.captures.schema --write FILE`` writes it, ``--check FILE`` says whether the file is current.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from hotdesk_daemon.captures.lines import VERSION, EndLine, Header, InputLine, StateLine
from hotdesk_daemon.core.commands import DECIDED
from hotdesk_daemon.core.desk import OpenCommand
from hotdesk_daemon.core.inputs import KINDS
from hotdesk_daemon.core.steps import Reason

_USAGE: Final = "usage: python -m hotdesk_daemon.captures.schema --write|--check FILE\n"
_LINES: Final = (Header, StateLine, InputLine, EndLine)
_DESCRIPTION: Final = (
    f"One line of a capture of format version {VERSION}; docs/captures.md tells how the lines belong together. Later "
    "versions may add members, and lines of other types: who reads passes over what it does not know."
)
_STORED_COMMAND: Final = {
    "description": "A command as it stands after the step.",
    "type": "object",
    "properties": {
        "kind": {"description": "The command's class.", "enum": sorted(DECIDED)},
        "open": {"$ref": "#/$defs/OpenCommand"},
    },
    "required": ["kind", "open"],
}

Schema = dict[str, Any]


def schema() -> Schema:
    """The whole document."""
    _, parts = msgspec.json.schema_components([*_LINES, Reason, OpenCommand, *KINDS.values()])
    for part in parts.values():
        _tidy(part)
    given = parts["InputLine"]
    given["properties"]["reasons"]["items"] = {"$ref": "#/$defs/Reason"}
    given["properties"]["commands"]["items"] = _STORED_COMMAND
    given["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": name}, "input": {"type": "object"}}},
            "then": {"properties": {"input": {"$ref": f"#/$defs/{name}"}}},
        }
        for name in KINDS
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a hotdesk capture",
        "description": _DESCRIPTION,
        "oneOf": [{"$ref": f"#/$defs/{line.__name__}"} for line in _LINES],
        "$defs": parts,
    }


def _tidy(part: Schema) -> None:
    """Make a class's docstring a description of one paragraph, without this project's own marks."""
    description = part.get("description")
    if description is not None:
        first = description.strip().split("\n\n", 1)[0]
        part["description"] = " ".join(first.replace("``", "`").split())


def render() -> str:
    """The document as text."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the document; 0 when it is current afterwards, 1 when it is not, 2 when asked wrongly."""
    match arguments:
        case ["--write", name]:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(render(), encoding="utf-8")
            return 0
        case ["--check", name]:
            path = Path(name)
            if path.is_file() and path.read_text(encoding="utf-8") == render():
                return 0
            sys.stderr.write(f"{name} is not what the lines' classes say: run `make capture-schema`\n")
            return 1
        case _:
            sys.stderr.write(_USAGE)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
