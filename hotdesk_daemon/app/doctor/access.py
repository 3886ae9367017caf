"""What an administrator granted, against what the manifest asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, warned
from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.transport.cloud import Supported
from hotdesk_daemon.xapi.manifest import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.ops.settings import OrganisationSettings, Settings
    from hotdesk_daemon.transport.cloud import Installation

#: Their use is the proof: the directory cannot be read without them, and not every activation code names them.
_PROVEN_BY_DIRECTORY: Final = frozenset({"spark-admin:devices_read", "spark-admin:workspaces_read"})
_REQUIRED: Final = "required"


def look_at_access(
    subject: str, wanted: OrganisationSettings, settings: Settings, installation: Installation, *, proven: bool
) -> Iterator[Finding]:
    """Scopes and paths; *proven* says that the directory could be read."""
    asked = manifest(app_id=wanted.app_id, vendor="", email="")
    yield _scopes(subject, asked, installation, proven=proven)
    yield _paths(subject, asked, installation, warns=_may_warn(wanted, settings))


def _scopes(subject: str, asked: dict[str, Any], installation: Installation, *, proven: bool) -> Finding:
    required = {one["scope"] for one in asked["apiAccess"] if one["access"] == _REQUIRED}
    missing = sorted(required - set(installation.scopes) - _PROVEN_BY_DIRECTORY)
    if missing:
        return failed("organisation.scopes", subject, f"not granted: {', '.join(missing)}")
    unproven = "" if proven else "; those of the directory are not proven"
    return fine("organisation.scopes", subject, f"all that are required are granted{unproven}")


def _paths(subject: str, asked: dict[str, Any], installation: Installation, *, warns: bool) -> Finding:
    name, missing = "organisation.access", _missing(asked["xapiAccess"], installation)
    required = [path for path, access in missing if access == _REQUIRED]
    optional = [path for path, access in missing if access != _REQUIRED]
    if required:
        return failed(name, subject, f"not granted: {', '.join(required)}")
    if warns and any(path.startswith("UserInterface.Message") for path in optional):
        return warned(name, subject, f"not granted, and stage warn needs it: {', '.join(optional)}")
    also = f"; of the others not: {', '.join(optional)}" if optional else ""
    return fine(name, subject, f"all that is required is granted{also}")


def _missing(access: dict[str, list[dict[str, str]]], installation: Installation) -> list[tuple[str, str]]:
    """Paths that nothing granted covers, with how much they are wanted."""
    granted = {"status": installation.statuses, "commands": installation.commands, "events": installation.events}
    found = []
    for kind, paths in access.items():
        covering = Supported(statuses=frozenset(granted[kind]), events=frozenset())
        lacking = set(covering.missing(statuses=[one["path"] for one in paths], events=()))
        found += [(one["path"], one["access"]) for one in paths if one["path"] in lacking]
    return found


def _may_warn(wanted: OrganisationSettings, settings: Settings) -> bool:
    stages = {wanted.stage or settings.daemon.stage, *(one.stage for one in settings.stages)}
    stages |= {desk.stage for desk in settings.desks if desk.organisation == wanted.id and desk.stage is not None}
    return Stage.WARN in stages
