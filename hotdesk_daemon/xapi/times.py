"""
Instants as devices write them: UTC, mostly ``2026-05-04T08:00:00Z``, in places with up to nine digits of fraction.

Also read are offsets with and without a colon, which older devices write in statuses.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from hotdesk_daemon.core.errors import ProtocolError

# No device means a year outside, and inside no sum of an instant and a duration can leave what datetime holds.
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2999


def parse_instant(text: str) -> datetime:
    """
    The instant that *text* means, aware and in UTC; digits beyond microseconds are cut.

    Without an offset it is UTC, as the schema says of all its times.

    Raises:
        ProtocolError: when *text* is no instant. The message leaves the text out, which may be anything.
    """
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not UTC:
            instant = _in_utc(instant, text)
    except (ValueError, OverflowError) as exc:
        raise ProtocolError("not an instant") from exc
    if _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        return instant
    raise ProtocolError(f"an instant in the year {instant.year}")


def _in_utc(instant: datetime, text: str) -> datetime:
    if instant.tzinfo is not None:
        return instant.astimezone(UTC)
    if len(text) <= len("2026-05-04"):
        raise ValueError("a date without a time of day")
    return instant.replace(tzinfo=UTC)


def render_instant(instant: datetime) -> str:
    """
    *instant* as commands take it: UTC with ``Z``, whole seconds, fractions cut.

    Raises:
        ValueError: when *instant* has no time zone; that is a mistake in this program.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
