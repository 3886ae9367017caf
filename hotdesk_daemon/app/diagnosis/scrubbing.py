"""
The last look at everything that goes into a bundle.

Each part leaves persons and secrets out by itself. This is for what nobody foresaw: values that are known to be secret,
addresses, and whatever looks like a token are blotted out wherever they stand.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon.ops.guard import scrub, scrub_text

if TYPE_CHECKING:
    from collections.abc import Iterable

_HIDDEN: Final = "<hidden>"
#: Shorter ones are words that stand in many places; nobody should have such a secret.
_SHORTEST: Final = 4
#: Names of local users that say nothing of anybody.
_COMMON: Final = frozenset({"admin", "administrator", "integrator", "user", "hotdesk", "hotdesk-daemon", "root"})
_TOKENS: Final = (
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,2}"),  # a signed token, RFC 7519
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"(?i)\b(password|passwd|secret|token|client_secret|authorization)(\s*[=:]\s*)(?!<)[^\s,;&\"'}]{4,}"),
    # Longer than any name or release, with letters and digits both; ids of UUIDs have dashes and are left.
    re.compile(r"(?<![A-Za-z0-9_+/=.-])(?=[A-Za-z0-9_+/=]*[0-9])(?=[A-Za-z0-9_+/=]*[A-Za-z])[A-Za-z0-9_+/=]{40,}"),
)
_DOCUMENT: Final = re.compile(r"\{.*\}\s*$", re.DOTALL)


class Scrubber:
    """Blots out *secrets* (values), *names* of people's choosing, and what looks like one of them."""

    def __init__(self, *, secrets: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        known |= {name for name in names if len(name) >= _SHORTEST and name.lower() not in _COMMON}
        self._known = sorted(known, key=len, reverse=True)  # one may stand in another

    def text(self, text: str) -> str:
        """*text* without them."""
        for known in self._known:
            text = text.replace(known, _HIDDEN)
        for token in _TOKENS:
            text = token.sub(_HIDDEN, text)
        return scrub_text(text)

    def document(self, value: Any) -> Any:  # noqa: ANN401 - as JSON has it
        """*value* with every text in it scrubbed; the names of its fields stay."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {str(key): self.document(one) for key, one in value.items()}
            case list() | tuple():
                return [self.document(one) for one in value]
            case _:
                return value

    def log(self, text: str) -> str:
        """Lines of a log: what stands in one as JSON is also without fields that may hold a person or a secret."""
        return "".join(f"{self.text(self._line(line))}\n" for line in text.splitlines())

    @staticmethod
    def _line(line: str) -> str:
        found = _DOCUMENT.search(line)
        if found is None:
            return line
        try:
            fields = json.loads(found[0])
        except (ValueError, RecursionError):
            return line
        return line[: found.start()] + json.dumps(scrub(fields), ensure_ascii=False)
