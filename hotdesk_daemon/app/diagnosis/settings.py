"""The configuration as it counts, for a bundle: secrets as references, user names not at all."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.ops.settings import Secret
from hotdesk_daemon.ops.settings.declared import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.ops.settings import Settings

_WITHHELD: Final = frozenset({"username"})


def effective(settings: Settings) -> dict[str, Any]:
    """Every setting by its name in the file."""
    return {**_table(settings), "warnings": list(settings.warnings)}


def _table(made: attrs.AttrsInstance) -> dict[str, Any]:
    found = settings_of(type(made))
    return {key: _shown(key, getattr(made, field.name)) for key, (_, field) in found.items()}


def _shown(key: str, value: Any) -> Any:  # noqa: ANN401, PLR0911 - as JSON has it, and one for each kind
    match value:
        case _ if key in _WITHHELD:
            return "<withheld>"
        case Secret():
            return f"<secret, {value.origin}>"
        case Enum():
            return str(value.value)
        case Path() | datetime():
            return str(value)
        case tuple():
            return [_shown(key, one) for one in value]
        case _ if attrs.has(type(value)):
            return _table(value)
        case _:
            return value


def usernames(settings: Settings) -> Iterator[str]:
    """What users are called, on devices and at the webhook's door."""
    for desk in settings.desks:
        yield from (device.username for device in desk.devices)
    for organisation in settings.organisations:
        if organisation.webhook is not None:
            yield organisation.webhook.username
