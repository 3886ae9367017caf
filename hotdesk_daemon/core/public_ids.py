"""
Public ids of the Webex cloud: what the configuration and the cloud itself call a device, a workspace, a location.

They are base64, often without padding, of ``ciscospark://<where>/<TYPE>/<uuid>``. The same thing can appear with
another ``<where>``, so ids are compared by UUID (developer.webex.com, "Webex APIs: IDs").
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Final

from hotdesk_daemon.core.errors import ProtocolError

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PLAIN: Final = re.compile(_UUID, re.ASCII)
_URI: Final = re.compile(rf"ciscospark://([^/\s]+)/([A-Z_]+)/({_UUID})(?:\|.*)?", re.ASCII)
_LONGEST: Final = 512


@lru_cache(maxsize=16_384)
def uuid_of(public_id: str) -> str:
    """
    The UUID, in lower case, that *public_id* stands for; a plain UUID stands for itself.

    Raises:
        ProtocolError: it is neither.
    """
    if _PLAIN.fullmatch(public_id):
        return public_id.lower()
    return _decoded(public_id)[3].lower()


def kind_of(public_id: str) -> str | None:
    """
    What the id is of (``DEVICE``, ``PLACE``, ``ORGANIZATION``); None for a plain UUID.

    Raises:
        ProtocolError: it is no id.
    """
    return None if _PLAIN.fullmatch(public_id) else _decoded(public_id)[2]


def _decoded(public_id: str) -> re.Match[str]:
    if len(public_id) <= _LONGEST:
        try:
            text = base64.b64decode(public_id + "=" * (-len(public_id) % 4), altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            text = ""
        found = _URI.fullmatch(text)
        if found is not None:
            return found
    raise ProtocolError(f"{public_id[:40]!r} is no id of the cloud")
