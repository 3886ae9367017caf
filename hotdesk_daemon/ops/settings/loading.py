"""
Files and environment in, one checked value out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from hotdesk_daemon.core.errors import ConfigError
from hotdesk_daemon.ops.settings.checking import Check
from hotdesk_daemon.ops.settings.documents import Documents, read_documents
from hotdesk_daemon.ops.settings.environment import apply_environment
from hotdesk_daemon.ops.settings.rules import RULES, check_unique
from hotdesk_daemon.ops.settings.site import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """
    Read and check the whole configuration; nothing is started and no file is written.

    Args:
        path: the file; ``conf.d/*.toml`` beside it are laid over it in name order. None: defaults and environment.
        environ: overrides (``HOTDESK_SECTION__KEY``), and what secrets refer to.

    Raises:
        ConfigError: with one line per mistake, each "place: setting: what is wrong; how to mend it".

    """
    documents = Documents() if path is None else read_documents(path)
    problems, warnings = documents.problems, list[str]()
    apply_environment(documents, environ, warnings)
    check = Check(documents=documents, environ=environ, problems=problems, warnings=warnings, rules=RULES)
    settings = check.table(Settings, documents.data, ())
    check_unique(check, desks=documents.data.get("desk"), organisations=documents.data.get("organisation"))
    if problems or settings is None:
        raise ConfigError(*problems)
    return attrs.evolve(settings, warnings=tuple(warnings))
