"""Starts as people type them: ``now``, so long from now, or a whole time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_FROM_NOW: Final = re.compile(r"\+(?:(\d{1,3})h)?(?:(\d{1,4})m)?", re.ASCII)


def start_time(text: str, *, now: Callable[[], datetime]) -> str:
    """
    *text* as the daemon takes it; *now* asks for the site's time, which need not be ours.

    Raises:
        click.BadParameter: It is none of the forms.
    """
    if text == "now":
        return text
    match = _FROM_NOW.fullmatch(text)
    if match and any(match.groups()):
        hours, minutes = (int(group or 0) for group in match.groups())
        return render_time(now() + timedelta(hours=hours, minutes=minutes))
    try:
        when = datetime.fromisoformat(text)
        if when.tzinfo is not None:
            return render_time(when)
    except (ValueError, OverflowError):
        pass
    raise click.BadParameter(
        f"{text!r} is neither now, nor +30m or +1h30m, nor a time with offset such as 2026-11-21T09:00:00Z",
        param_hint="--start",
    )


def render_time(when: datetime) -> str:
    """RFC 3339 in UTC and whole seconds."""
    return when.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def whole_time(text: str | None, *, option: str) -> datetime | None:
    """
    *text* as a moment; None stays None.

    Raises:
        click.BadParameter: It is no time with offset.
    """
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise click.BadParameter(f"{text!r} is no time with offset such as 2026-05-04T12:00:00Z", param_hint=option)
    return when
