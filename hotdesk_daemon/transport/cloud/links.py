"""
``Link`` headers (RFC 8288 section 3).

A listing says with them that it goes on. What cannot be read is therefore an error and not the end: a listing that is
cut short would look like desks that are gone.
"""

from __future__ import annotations

import re
from typing import Final

_TARGET: Final = re.compile(r"<([^<>]*)>\s*")
#: A name, and its value if it has one: quoted, in which ``\`` quotes, or up to the next delimiter.
_PARAMETER: Final = re.compile(r';\s*([^\s=;,"]*)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^;,"]*)))?\s*')
_QUOTED: Final = re.compile(r"\\(.)")
#: A list may have empty elements (RFC 9110 section 5.6.1).
_BETWEEN: Final = " \t,"


def link_to(relation: str, value: str) -> str | None:
    """
    The target of the first link of this relation, as it is written; None when there is none.

    Args:
        relation: such as ``next``, in lower case.
        value: of the header; several lines of it are joined by commas (RFC 9110 section 5.3).

    Raises:
        ValueError: *value* is no list of links.
    """
    rest = value.lstrip(_BETWEEN)
    while rest:
        if (target := _TARGET.match(rest)) is None:
            raise ValueError(f"no link: {rest[:100]!r}")
        relations, rest = _relations(rest[target.end() :])
        if relation in relations:
            return target[1]
        if rest and rest[0] != ",":
            raise ValueError(f"no parameter of a link: {rest[:100]!r}")
        rest = rest.lstrip(_BETWEEN)
    return None


def _relations(text: str) -> tuple[list[str], str]:
    """What the parameters that *text* begins with say about relations, and what comes after them."""
    relations: list[str] | None = None
    at = 0
    while (parameter := _PARAMETER.match(text, at)) is not None:
        at = parameter.end()
        name, quoted, plain = parameter.groups()
        if name.lower() == "rel" and relations is None:  # only the first one counts (section 3.3)
            said = plain or "" if quoted is None else _QUOTED.sub(r"\1", quoted)
            relations = said.lower().split()
    return relations or [], text[at:]
