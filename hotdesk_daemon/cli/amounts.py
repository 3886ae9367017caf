"""Durations and sizes as options take them: ``90s``, ``1h30m``, ``100MB``, ``4MiB``."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from hotdesk_daemon.ops.settings.units import parse_duration, parse_size

_DECIMAL: Final = {"KB": 1000, "MB": 1000**2, "GB": 1000**3}
_SIZE: Final = re.compile(r"([0-9]{1,12})(KB|MB|GB)")


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's
        try:
            seconds = parse_duration(value)
        except ValueError:
            seconds = 0
        if not seconds:
            self.fail(f"{value!r} is no duration such as 90s, 10m or 1h30m", param, ctx)
        return seconds


class _Size(click.ParamType[int]):
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's
        found = _SIZE.fullmatch(value)
        try:
            size_bytes = int(found[1]) * _DECIMAL[found[2]] if found else parse_size(value)
        except ValueError:
            size_bytes = 0
        if not size_bytes:
            self.fail(f"{value!r} is no size such as 100MB or 64KiB", param, ctx)
        return size_bytes


#: Seconds, more than none.
DURATION: Final = _Duration()
#: Bytes, more than none.
SIZE: Final = _Size()


def render_bytes(size_bytes: int) -> str:
    """A size for people, in the unit that leaves one to three digits before the point."""
    amount, unit = float(size_bytes), "bytes"
    for larger in ("KB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - of one unit make one of the next
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "bytes" else f"{size_bytes} bytes"
