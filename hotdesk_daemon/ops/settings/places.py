"""
Where in a file each key stands.

``tomllib`` gives values without their lines, but a person who made a mistake wants the line. This scanner walks text
that ``tomllib`` has accepted, so it looks only for what it needs: headings, keys, and where values end. It never fails;
a key that it did not find has the line of the table around it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Keys and list indexes from the top of the document.
KeyPath = tuple[str | int, ...]

_TOKEN: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|\n"
    r"|[\[\]{}=.,]"
    r"|[^\s\[\]{}=.,\"'\#]+",
    re.DOTALL,
)


def line_numbers(text: str) -> Mapping[KeyPath, int]:
    """The line, counted from 1, of every key and heading of the TOML document *text*."""
    found: dict[KeyPath, int] = {}
    lengths: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, tokens in _statements(text):
        if tokens[0] == "[":
            is_list = tokens[1:2] == ["["]
            table = _heading(_keys(tokens), lengths, is_list=is_list)
            _note(found, table, number)
        elif "=" in tokens:
            _note(found, table + tuple(_keys(tokens[: tokens.index("=")])), number)
    return found


def _note(found: dict[KeyPath, int], path: KeyPath, number: int) -> None:
    """Keep the first line of *path* and of each table that it implies."""
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], number)


def _heading(keys: list[str], lengths: dict[KeyPath, int], *, is_list: bool) -> KeyPath:
    """The path that a heading opens: inside the newest element of every list of tables on its way."""
    path: KeyPath = ()
    for key in keys[:-1]:
        path = (*path, key)
        if path in lengths:
            path = (*path, lengths[path] - 1)
    path = (*path, keys[-1]) if keys else path
    if is_list:
        lengths[path] = lengths.get(path, 0) + 1
        path = (*path, lengths[path] - 1)
    return path


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each heading and each key with its value, as its first line and its tokens."""
    line, first, depth, tokens = 1, 1, 0, list[str]()
    for match in _TOKEN.finditer(text):
        piece = match[0]
        if not tokens:
            first = line
        if piece == "\n" and depth <= 0:
            if tokens:
                yield first, tokens
            tokens, depth = [], 0
        elif piece != "\n" and not piece.startswith("#"):
            tokens.append(piece)
            depth += (piece in "[{") - (piece in "]}")
        line += piece.count("\n")
    if tokens:
        yield first, tokens


def _keys(tokens: list[str]) -> list[str]:
    """The words of a dotted key or heading; numbers such as ``1.5`` in bare keys are words and dots too."""
    return [_unquoted(token) for token in tokens if token not in {"[", "]", ".", "="}]


def _unquoted(token: str) -> str:
    if token.startswith("'"):
        return token[1:-1]
    if token.startswith('"'):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return token
