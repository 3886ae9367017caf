"""The integration's manifest, for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.ops.settings import MANIFEST_ID
from hotdesk_daemon.xapi.manifest import manifest

if TYPE_CHECKING:
    from typing import Any

#: As shipped; an administrator names their own.
VENDOR = "Example"
EMAIL = "person@example.com"


def integration_manifest(
    *, app_id: str = MANIFEST_ID, vendor: str = VENDOR, email: str = EMAIL, only_required: bool = False
) -> dict[str, Any]:
    """The manifest that `config/manifest.json` holds, with what is told in place of its own."""
    return manifest(app_id=app_id, vendor=vendor, email=email, only_required=only_required)
