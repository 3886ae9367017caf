"""
Where a token may send us.

What a token says is signed, and still it takes our client secret and our tokens to wherever it says. So it may name
places of Webex only, and those that the configuration names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The domains of the addresses in activation codes, settings and key servers (Webex Workspace Integrations guide).
_DOMAINS: Final = ("webexapis.com", "wbx2.com", "webex.com", "ciscospark.com")
_PORTS: Final = {"https": 443, "http": 80}
#: Nothing that one parser takes for a host and the next one does not: no backslash, no user, no other script.
_PLAIN: Final = re.compile(
    r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:[/?#][!-\[\]-~]*)?", re.ASCII | re.IGNORECASE
)


@attrs.frozen
class Hosts:
    """The hosts of Webex, by https, and those of ``configured``: scheme, host and port."""

    configured: frozenset[tuple[str, str, int]] = frozenset()

    @classmethod
    def of(cls, urls: Iterable[str | None]) -> Hosts:
        """Those that *urls* of the configuration lead to; None is none."""
        return cls(frozenset(place for url in urls if url is not None and (place := _place(url)) is not None))

    def have(self, url: str) -> bool:
        """Whether *url* leads to one of them, beyond doubt."""
        place = _place(url) if _PLAIN.fullmatch(url) is not None else None
        if place is None:
            return False
        scheme, host, _ = place
        is_webex = scheme == "https" and any(host == domain or host.endswith(f".{domain}") for domain in _DOMAINS)
        return is_webex or place in self.configured


def _place(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None where they cannot be made out."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port
