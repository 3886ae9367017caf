"""The authority that vouches for the certificates of a cloud of one's own."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from hotdesk_daemon.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def authority(ca_file: Path | None) -> ssl.SSLContext | None:
    """
    Trust the authority in *ca_file*; None means those of the system. Blocks.

    Raises:
        ConfigError: there is none in it.
    """
    if ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"{ca_file}: no authority can be read from it: {exc}") from exc
