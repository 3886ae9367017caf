"""
Overrides from the environment: ``HOTDESK_SECTION__KEY`` stands over the files.

Desks and opening hours are lists and stand in files only. Variables that begin with ``HOTDESK_`` but have no double
underscore belong to others (the command line's own); one that looks like a slip of the pen gets a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon.ops.settings.declared import Setting, settings_of
from hotdesk_daemon.ops.settings.documents import Documents, Place
from hotdesk_daemon.ops.settings.kinds import suggestion
from hotdesk_daemon.ops.settings.site import Settings
from hotdesk_daemon.ops.settings.special import Table, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIX: Final = "HOTDESK_"
#: Where what an option set stands.
COMMAND_LINE: Final = Place("command line")


def overridable() -> dict[str, tuple[str, str, Setting]]:
    """Every variable that overrides a setting, with the setting's table, key and declaration."""
    return {
        f"{_PREFIX}{section}__{key}".upper(): (section, key, words)
        for section, cls in _sections()
        for key, (words, _) in settings_of(cls).items()
        if not isinstance(words.kind, Tables)
    }


def apply_environment(documents: Documents, environ: Mapping[str, str], warnings: list[str]) -> None:
    """Lay the overrides of *environ* over *documents*; unknown ones become problems, likely slips warnings."""
    known = overridable()
    for name in sorted(environ):
        if not name.startswith(_PREFIX):
            continue
        place = Place(f"environment {name}")
        if name in known:
            section, key, words = known[name]
            table = documents.data.setdefault(section, {})
            if isinstance(table, dict):  # else the file is wrong and says so
                table[key] = words.kind.from_text(environ[name])
                documents.places[section, key] = place
        elif "__" in name:
            hint = suggestion(name, known) or "; desks and opening hours stand in files only"
            documents.problems.append(f"{place}: names no setting{hint}")
        elif name.replace("_", "") in {other.replace("_", "") for other in known}:
            meant = next(other for other in known if other.replace("_", "") == name.replace("_", ""))
            warnings.append(f"{place}: is no override; two underscores part table and key: {meant}")


def apply_options(documents: Documents, options: Mapping[str, str]) -> None:
    """Lay what the command line set over *documents*; it is named like the variables."""
    known = overridable()
    for name, text in options.items():
        section, key, words = known[name]
        table = documents.data.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = words.kind.from_text(text)
            documents.places[section, key] = COMMAND_LINE


def _sections() -> Iterator[tuple[str, type[Any]]]:
    for section, (words, _) in settings_of(Settings).items():
        if isinstance(words.kind, Table):
            yield section, words.kind.cls
