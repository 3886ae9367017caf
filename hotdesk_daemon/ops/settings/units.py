"""
Durations and sizes as people write them: ``20s``, ``1h30m``, ``4MiB``.

A number without its unit is refused: nobody can tell whether 300 meant seconds or minutes.
"""

from __future__ import annotations

import re
from typing import Final

_SECONDS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(d|h|ms|m|s)")
_BYTES: Final = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_SIZE: Final = re.compile(r"([0-9]{1,15})(GiB|MiB|KiB|B)")


def parse_duration(text: str) -> float:
    """
    Seconds of a duration such as ``250ms``, ``20s`` or ``1h30m``: largest unit first, each at most once.

    Raises:
        ValueError: *text* is no such duration.

    """
    parts = _PART.findall(text)
    order = [list(_SECONDS).index(unit) for _, unit in parts]
    if not parts or "".join(number + unit for number, unit in parts) != text or order != sorted(set(order)):
        raise ValueError(f'"{text}" is no duration')
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def render_duration(seconds: float) -> str:
    """Write *seconds* as `parse_duration` reads it."""
    left_ms, text = round(seconds * 1000), ""
    for unit, unit_s in _SECONDS.items():
        number, left_ms = divmod(left_ms, round(unit_s * 1000))
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def parse_size(text: str) -> int:
    """
    Bytes of a size such as ``4MiB``.

    Raises:
        ValueError: *text* is no such size.

    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is no size')
    return int(match[1]) * _BYTES[match[2]]


def render_size(size_bytes: int) -> str:
    """Write *size_bytes* as `parse_size` reads it, in the largest unit that divides it."""
    for unit, unit_bytes in _BYTES.items():
        if size_bytes % unit_bytes == 0 and size_bytes:
            return f"{size_bytes // unit_bytes}{unit}"
    return "0B"
