"""
Files and environment in, one checked value out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.ops.settings.checking import Check, Look
from hotdesk_daemon.ops.settings.daemon import DaemonSettings, HttpSettings, JournalSettings
from hotdesk_daemon.ops.settings.declared import settings_of
from hotdesk_daemon.ops.settings.documents import Documents, read_documents
from hotdesk_daemon.ops.settings.environment import apply_environment, apply_options
from hotdesk_daemon.ops.settings.rules import RULES, check_unique
from hotdesk_daemon.ops.settings.site import Settings
from hotdesk_daemon.ops.settings.surroundings import look_around

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


#: What says where a daemon keeps things and where its door is.
_PLACES: Final[Mapping[str, tuple[type[Any], frozenset[str]]]] = {
    "daemon": (DaemonSettings, frozenset({"state_dir"})),
    "journal": (JournalSettings, frozenset({"path", "url"})),
    "http": (HttpSettings, frozenset({"host", "port", "token"})),
}


@attrs.frozen
class Loaded:
    """Checked settings, and where each of them stands."""

    settings: Settings
    documents: Documents


def load_settings(
    path: Path | None, environ: Mapping[str, str], *, options: Mapping[str, str] | None = None
) -> Settings:
    """
    Read and check the whole configuration; nothing is started and no file is written.

    Args:
        path: the file; ``conf.d/*.toml`` beside it are laid over it in name order. None: defaults and environment.
        environ: overrides (``HOTDESK_SECTION__KEY``), and what secrets refer to.
        options: overrides by the same names that the command line made; they stand over the environment.

    Raises:
        ConfigError: with one line per mistake, each "place: setting: what is wrong; how to mend it".

    """
    return read_settings(path, environ, options=options).settings


def read_settings(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    options: Mapping[str, str] | None = None,
    look: Look = Look.AT_SECRETS,
    again: bool = False,
) -> Loaded:
    """
    As `load_settings`, with where each setting stands; *look* says what beside the files is looked at.

    *again* is for a daemon that runs: files without any setting are then refused, because somebody is about to write
    them, and taken as they are they would let every desk go.
    """
    documents = Documents() if path is None else read_documents(path)
    problems, warnings = documents.problems, list[str]()
    if again and not documents.data and not problems:
        problems.append(f"{documents.main}: is empty; write it whole, best under another name, and rename it then")
    apply_environment(documents, environ, warnings)
    apply_options(documents, options or {})
    check = Check(documents=documents, environ=environ, problems=problems, warnings=warnings, rules=RULES, look=look)
    settings = check.table(Settings, documents.data, ())
    check_unique(check, desks=documents.data.get("desk"), organisations=documents.data.get("organisation"))
    if look is Look.AROUND:
        look_around(check, settings or _sound_parts(check))
    if problems or settings is None:
        raise ConfigError(*problems)
    return Loaded(attrs.evolve(settings, warnings=tuple(warnings)), documents)


def read_places(path: Path, environ: Mapping[str, str], *, options: Mapping[str, str] | None = None) -> Settings:
    """
    Only where a daemon keeps things and where its door is; the rest is as if nothing were written.

    A mistake elsewhere is for whoever starts or reloads a daemon. It must not keep anybody from one that runs, by the
    configuration that it was started with, least of all from stopping it.

    Raises:
        ConfigError: the file cannot be read, or one of these settings is wrong.

    """
    documents = read_documents(path)
    problems = documents.problems
    apply_environment(documents, environ, [])
    apply_options(documents, options or {})
    check = Check(documents=documents, environ=environ, problems=problems, warnings=[], rules=RULES, look=Look.AT_FILES)
    made: dict[str, Any] = {}
    for name, (cls, wanted) in _PLACES.items():
        raw = documents.data.get(name, {})
        if isinstance(raw, dict):  # what is no setting stays: it may be one of these, misspelt
            raw = {key: value for key, value in raw.items() if key in wanted or key not in settings_of(cls)}
        made[name] = check.table(cls, raw, (name,))
    if problems:
        raise ConfigError(*problems)
    return Settings(**made)


def _sound_parts(check: Check) -> Settings:
    """As much of settings with mistakes as says where things are kept: all mistakes are to be told at once."""
    aside, data = attrs.evolve(check, problems=[], warnings=[]), check.documents.data
    return Settings(
        daemon=aside.table(DaemonSettings, data.get("daemon", {}), ("daemon",)) or DaemonSettings(),
        journal=aside.table(JournalSettings, data.get("journal", {}), ("journal",)) or JournalSettings(),
        http=aside.table(HttpSettings, data.get("http", {}), ("http",)) or HttpSettings(),
    )
