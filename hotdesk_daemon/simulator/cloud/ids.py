"""
Ids as the cloud has them: UUIDs, and their public form.
"""

from __future__ import annotations

import base64
import uuid

_SPACE = uuid.UUID("3f7c6c2e-5b0d-4a3b-9c55-0d7a9f6b1e21")


def uuid_for(*names: str) -> str:
    """Return the UUID that belongs to these names, the same in every run."""
    return str(uuid.uuid5(_SPACE, "/".join(names)))


def public_id(kind: str, of: str, *, where: str = "us") -> str:
    """Return the public id of the `kind` (`DEVICE`, `PLACE`, `ORGANIZATION`, …) with the UUID *of*."""
    text = f"ciscospark://{where}/{kind}/{of}"
    return base64.b64encode(text.encode()).decode().rstrip("=")


def uuid_in(given: str) -> str:
    """Return the UUID in a public id, or *given* itself when it is none."""
    try:
        text = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        return given.lower()
    return text.rpartition("/")[2].lower()
