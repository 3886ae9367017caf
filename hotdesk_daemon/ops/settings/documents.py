"""
Reading the configuration files and laying them over one another.

The result is plain TOML data with, for every key, the file and line it came from. What a file says wrongly *as a file*
(missing, wrong encoding, cut off, no TOML) becomes a problem here; what its values say is checked in ``checking``.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.ops.settings.places import KeyPath, line_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIMIT_BYTES: Final = 16 << 20
#: Lists of tables that add up over the files.
_LISTS: Final = ("desk", "organisation")
_BYTE_ORDER_MARKS: Final = {
    codecs.BOM_UTF8: "UTF-8 with a byte order mark",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


@attrs.frozen
class Place:
    """Where something stands, as people say it."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@attrs.define(kw_only=True)
class Documents:
    """The merged data, the place of every key, and the problems met on the way."""

    data: dict[str, Any] = attrs.field(factory=dict)
    places: dict[KeyPath, Place] = attrs.field(factory=dict)
    problems: list[str] = attrs.field(factory=list)
    main: Place = attrs.field(default=Place("configuration"))

    def place(self, path: KeyPath) -> Place:
        """Where *path* stands, or what is closest around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return self.main


def read_documents(path: Path, *, alone: bool = False) -> Documents:
    """Read the file at *path* and, unless *alone*, the ``*.toml`` of ``conf.d`` beside it in name order, over it."""
    documents = Documents(main=Place(str(path)))
    for file in [path, *(() if alone else _extra_files(path.parent / "conf.d", documents))]:
        text = _read(file, documents)
        data = None if text is None else _parse(text, file, documents)
        if text is not None and data is not None:
            _lay_over(documents, data, str(file), line_numbers(text))
    return documents


def _extra_files(directory: Path, documents: Documents) -> list[Path]:
    if not directory.is_dir():
        return []
    try:
        return sorted(file for file in directory.iterdir() if file.suffix == ".toml" and not file.name.startswith("."))
    except OSError as exc:
        documents.problems.append(f"{directory}: cannot be read: {exc.strerror}; mend its permissions")
        return []


def _read(file: Path, documents: Documents) -> str | None:
    """The text of *file*; None when that became a problem."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_LIMIT_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        documents.problems.append(f"{file}: cannot be read: {reason}; mend the path or its permissions")
        return None
    if len(data) > _LIMIT_BYTES:
        documents.problems.append(f"{file}: is longer than {_LIMIT_BYTES} bytes; is this the right file?")
        return None
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            documents.problems.append(f"{file}:1: is {encoding}; save it as plain UTF-8")
            return None
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        documents.problems.append(f"{file}:{line}: byte 0x{data[exc.start]:02x} is no UTF-8; save the file as UTF-8")
        return None


def _parse(text: str, file: Path, documents: Documents) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except ValueError as exc:
        documents.problems.append(_syntax_problem(str(exc), text, file))
    except RecursionError:
        documents.problems.append(f"{file}: is nested too deeply; is this the right file?")
    return None


def _syntax_problem(message: str, text: str, file: Path) -> str:
    """Say where TOML ends to make sense; a file cut off in the middle of a line ends there."""
    match = re.fullmatch(
        r"(?P<what>.*) \((?:at line (?P<line>\d+), column (?P<column>\d+)|at end of document)\)", message
    )
    last = text.count("\n") + (not text.endswith("\n"))
    if match is None:
        return f"{file}: {message}; mend the value"
    line = int(match["line"] or last)
    column = f", column {match['column']}" if match["column"] else ""
    cut_off = line >= last and not text.endswith("\n")
    mend = "the file seems to be cut off: complete it" if cut_off else "mend this line"
    return f"{file}:{line}: is no TOML: {match['what']}{column}; {mend}"


def _lay_over(documents: Documents, data: dict[str, Any], file: str, lines: Mapping[KeyPath, int]) -> None:
    """Put *data* over what is there: tables join, desks and organisations append, anything else replaces."""
    offsets = {}
    for name in _LISTS:
        there, new = documents.data.get(name), data.get(name)
        if isinstance(there, list) and isinstance(new, list):
            offsets[name] = len(there)
            data = {**data, name: there + new}
    for path, line in lines.items():
        documents.places[_shifted(path, offsets)] = Place(file, line)
    _join(documents.data, data)


def _shifted(path: KeyPath, offsets: Mapping[str, int]) -> KeyPath:
    """Return *path* as it is once its list's tables stand behind others."""
    match path:
        case (str(name), int(index), *rest) if name in offsets:
            return (name, index + offsets[name], *rest)
        case _:
            return path


def _join(below: dict[str, Any], above: dict[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _join(below[key], value)
        else:
            below[key] = value
