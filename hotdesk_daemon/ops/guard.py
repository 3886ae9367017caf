"""
What must not reach a log line: persons and secrets.

Fields named like one are left out and their names noted under ``withheld``; what looks like a mail address or like
credentials inside a text is blotted out wherever it stands: in URLs (user and password, ``?token=``), after
``Authorization``, ``Bearer`` and ``Basic``, and signed tokens by their looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

_WITHHELD: Final = re.compile(
    r"title|organi[sz]er|e_?mail|password|passwd|passphrase|token|secret|authorization|cookie|credential|attendee",
    re.IGNORECASE,
)
_DOMAIN: Final = re.compile(r"@[^\s@<>\"'(),;:]+")
_NOT_BEFORE_AT: Final = frozenset(" \t\r\n\f\v@<>\"'(),;:")
_USER_INFO: Final = re.compile(r"://[^/\s@]+@")
_PARAMETER: Final = re.compile(
    r"\b((?:access_|refresh_|id_)?token|(?:client_)?secret|password|passwd|(?<=[?&])code|jwt|api_?key|signature)"
    r"=[^&\s\"',]+",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(r"(authorization\W{1,4})(?:\w+ )?[^\s\"',]+", re.IGNORECASE)
_SCHEME: Final = re.compile(r"\b(Bearer|Basic) (?=[^\s\"',]*[\d=])[^\s\"',]{8,}", re.IGNORECASE)
_JWT: Final = re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+\.[\w-]*")
_PLAIN: Final = (bool, int, float, type(None))
_known: dict[str, bool] = {}


def is_withheld(name: str) -> bool:
    """Whether a field of this name may hold a person or a secret."""
    verdict = _known.get(name)
    if verdict is None:
        # Names of fields stand in our code, so there are few; the bound is for what nobody foresaw.
        if len(_known) > 1000:  # noqa: PLR2004
            _known.clear()
        verdict = _known[name] = _WITHHELD.search(name) is not None
    return verdict


def scrub(value: object) -> Any:  # noqa: ANN401 - as JSON has it
    """Return *value* in plain JSON types with every mail address and credential in it blotted out."""
    kind = type(value)
    if kind is str:
        return scrub_text(value)  # type: ignore[arg-type]  # kind is str
    if kind in _PLAIN:
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): scrub(one) for key, one in value.items() if not is_withheld(str(key))}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [scrub(one) for one in value]
    return scrub_text(str(value))


def scrub_text(text: str) -> str:
    """Blot out mail addresses, the credentials of URLs and headers, and signed tokens."""
    # Looked for in the cheapest way first: nearly all texts have nothing of it, and every line has several.
    if "@" in text:
        text = _without_addresses(_USER_INFO.sub("://<hidden>@", text))
    if "=" in text:
        text = _PARAMETER.sub(r"\1=<hidden>", text)
    if "eyJ" in text:
        text = _JWT.sub("<token>", text)
    lowered = text.lower()
    if "authorization" in lowered:
        text = _HEADER.sub(r"\1<hidden>", text)
    if "bearer " in lowered or "basic " in lowered:
        text = _SCHEME.sub(r"\1 <hidden>", text)
    return text


def _without_addresses(text: str) -> str:
    """Blot out what stands around an ``@``; a pattern that began before it would take a long text for ever."""
    parts: list[str] = []
    done = 0
    for found in _DOMAIN.finditer(text):
        begin = found.start()
        while begin > done and text[begin - 1] not in _NOT_BEFORE_AT:
            begin -= 1
        if begin < found.start():
            parts += (text[done:begin], "<address>")
            done = found.end()
    return "".join((*parts, text[done:])) if parts else text
