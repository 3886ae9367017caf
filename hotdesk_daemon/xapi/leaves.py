"""
Single values of the wire, read with tolerance.

Over a socket integers are numbers and everything else is a string; over other ways the same leaf may come as
``{"Value": "…"}`` with every value a string. What a device does not know it writes as an empty string.
"""

from __future__ import annotations

from typing import Final

from hotdesk_daemon.core.errors import ProtocolError

_TRUTH: Final = {"true": True, "false": False}
_LARGEST: Final = 1_000_000_000  # no count, minute or second of a device is larger; keeps sums in range


def unwrapped(value: object) -> object:
    """*value*, or what stands in it when it came as ``{"Value": …}``."""
    return value.get("Value", value) if isinstance(value, dict) else value


def read_text(value: object) -> str | None:
    """A string that says something; numbers as their digits; None for the rest and for what is blank."""
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if isinstance(value, dict):
        inner = unwrapped(value)
        return None if inner is value else read_text(inner)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def read_integer(value: object) -> int | None:
    """An integer, also out of a string of digits or a whole float; None for the rest and beyond a billion."""
    value = unwrapped(value)
    if isinstance(value, str):
        try:
            value = int(value) if len(value) <= len(str(_LARGEST)) + 1 else None
        except ValueError:
            return None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def read_truth(value: object) -> bool | None:
    """A boolean, which devices write as a literal in any case; None for the rest."""
    value = unwrapped(value)
    if isinstance(value, bool):
        return value
    return _TRUTH.get(value.lower()) if isinstance(value, str) else None


def is_ghost(element: dict[str, object]) -> bool:
    """Whether *element* of a list says only that it is gone."""
    return read_truth(element.get("ghost")) is True


def require_object(value: object, *, what: str) -> dict[str, object]:
    """
    *value* if it is a JSON object.

    Raises:
        ProtocolError: when it is not.
    """
    if isinstance(value, dict):
        return value
    raise ProtocolError(f"{what} is no object")
