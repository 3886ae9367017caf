"""
The configuration as it counts: files, environment, options and defaults made one, and where each value came from.

Secrets are shown by reference only.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.ops.settings.checking import dotted
from hotdesk_daemon.ops.settings.declared import settings_of
from hotdesk_daemon.ops.settings.documents import Place
from hotdesk_daemon.ops.settings.places import KeyPath
from hotdesk_daemon.ops.settings.site import Settings
from hotdesk_daemon.ops.settings.special import Table, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.ops.settings.loading import Loaded

_DEFAULT: Final = "default"


@attrs.frozen(kw_only=True)
class Value:
    """
    One setting that counts.

    ``literal`` is its value as TOML; None when there is none, and ``meaning`` says what that means. ``origin`` is where
    it stands; None for a default.
    """

    path: KeyPath
    literal: str | None
    meaning: str
    origin: Place | None

    def json(self) -> dict[str, Any]:
        """As JSON: name, value and origin."""
        value = None if self.literal is None else tomllib.loads(f"value = {self.literal}")["value"]
        shown = value.isoformat() if isinstance(value, datetime) else value
        origin = str(self.origin) if self.origin is not None else _DEFAULT
        return {"name": dotted(self.path), "value": shown, "origin": origin}


def effective(loaded: Loaded) -> Iterator[Value]:
    """Every setting of *loaded* that holds a value, in order of declaration."""
    return _walk(loaded, loaded.settings, Settings, ())


def render_effective(loaded: Loaded) -> str:
    """Return the whole as TOML, with the origin of each value behind it."""
    lines: list[str] = []
    table: KeyPath | None = None
    for value in effective(loaded):
        *around, key = value.path
        if tuple(around) != table:
            table = tuple(around)
            lines += ["", _heading(table)] if lines else [_heading(table)]
        origin = str(value.origin) if value.origin is not None else _DEFAULT
        shown = f"{key} = {value.literal}" if value.literal is not None else f"# {key}: {value.meaning}"
        lines.append(f"{shown}  # {origin}" if value.literal is not None else f"{shown} ({origin})")
    return "\n".join(lines) + "\n"


def _walk(loaded: Loaded, made: object, cls: type[Any], path: KeyPath) -> Iterator[Value]:
    """The plain settings of a table first, then its tables: so TOML wants it."""
    known = settings_of(cls).items()
    for key, (words, field) in known:
        if isinstance(words.kind, Table | Tables):
            continue
        value = getattr(made, field.name)
        here = (*path, key)
        is_unset = value is None or (value == () and field.default == ())
        yield Value(
            path=here,
            literal=None if is_unset else words.kind.render(value),
            meaning=words.none or "none",
            origin=loaded.documents.places.get(here),
        )
    for key, (words, field) in known:
        value = getattr(made, field.name)
        match words.kind:
            case Table(cls=inner) if value is not None:
                yield from _walk(loaded, value, inner, (*path, key))
            case Tables(cls=inner):
                for index, one in enumerate(value):
                    yield from _walk(loaded, one, inner, (*path, key, index))
            case _:
                pass


def _heading(path: KeyPath) -> str:
    name = ".".join(part for part in path if isinstance(part, str))
    return f"[[{name}]]" if isinstance(path[-1], int) else f"[{name}]"
