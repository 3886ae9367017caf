"""
What the cloud pushes: a fixed list, whatever a manifest asks for.

Cisco serves it at an address of each region; the sources that name its content do not agree, so it is asked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import attrs
import msgspec

from hotdesk_daemon.core.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdesk_daemon.transport.cloud.http import CloudHttp

_PATH: Final = "/xapi/api/apps/supportedSubscriptions"
_TIMEOUT_S: Final = 30.0


@attrs.frozen(kw_only=True)
class Supported:
    """The statuses and events that are pushed; ``*`` stands for words, ``[*]`` for any element of a list."""

    statuses: frozenset[str]
    events: frozenset[str]

    def missing(self, *, statuses: Iterable[str], events: Iterable[str]) -> tuple[str, ...]:
        """Which of these are not pushed, in order."""
        lacking = [path for path in statuses if not _covered(path, self.statuses)]
        return (*lacking, *(path for path in events if not _covered(path, self.events)))


class _Lists(msgspec.Struct):
    supportedStatuses: list[str]  # noqa: N815 - the wire's name
    supportedEvents: list[str]  # noqa: N815


def supported_url(app_url: str) -> str:
    """Where the list of the region is that *app_url* is in."""
    parts = urlsplit(app_url)
    return urlunsplit((parts.scheme, parts.netloc, _PATH, "", ""))


async def read_supported(http: CloudHttp, url: str) -> Supported:
    """
    Ask for the list.

    Raises:
        HotdeskError: it cannot be had; then nothing is known of what is pushed.
    """
    answer = await http.request("GET", url, timeout_s=_TIMEOUT_S)
    try:
        lists = msgspec.json.decode(answer.body, type=_Lists)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise ProtocolError(f"the list of what is pushed cannot be read: {exc}") from exc
    return Supported(statuses=frozenset(lists.supportedStatuses), events=frozenset(lists.supportedEvents))


def _covered(path: str, patterns: frozenset[str]) -> bool:
    return path in patterns or any(_matches(pattern, path) for pattern in patterns if "*" in pattern)


def _matches(pattern: str, path: str) -> bool:
    """Whether *pattern* covers *path*; a ``*`` at the end covers everything below, elsewhere one word."""
    *words, last = pattern.split(".")
    expressions = [re.escape(word).replace(r"\[\*\]", r"\[[^\]]+\]").replace(r"\*", r"[^.]+") for word in words]
    expressions.append(".+" if last == "*" else re.escape(last).replace(r"\[\*\]", r"\[[^\]]+\]"))
    return re.fullmatch(r"\.".join(expressions), path) is not None
