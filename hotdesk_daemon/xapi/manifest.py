"""
The access that a workspace integration asks for: no more than what the daemon reads, hears and sends.

The form is that of the Webex Workspace Integrations guide, "Manifest". Required is what a desk cannot be kept true
without; the rest is marked optional there, and an administrator may refuse it.
"""

from __future__ import annotations

from typing import Any, Final

from hotdesk_daemon.xapi.cloud import HELPFUL_EVENTS, WANTED_EVENTS, WANTED_STATUSES

_REQUIRED: Final = "required"
_OPTIONAL: Final = "optional"

#: Scopes of the REST API, with the role that reading an organisation's directory takes.
_SCOPES: Final = (
    {"scope": "spark-admin:devices_read", "access": _REQUIRED, "role": "id_readonly_admin"},
    {"scope": "spark-admin:workspaces_read", "access": _REQUIRED, "role": "id_readonly_admin"},
    {"scope": "spark:xapi_statuses", "access": _REQUIRED},
    {"scope": "spark:xapi_commands", "access": _REQUIRED},
)
_REQUIRED_STATUSES: Final = frozenset(
    {
        "Webex.DevicePersonalization.Personalized",
        "Webex.DevicePersonalization.Hotdesking.SessionStatus",
        "Bookings.Availability.Status",
        "SystemUnit.State.NumberOfActiveCalls",
    }
)
REQUIRED_COMMANDS: Final = (
    "Bookings.List",
    "Bookings.Book",
    "Bookings.Edit",
    "Bookings.Delete",
    "Webex.Registration.Logout",
)
#: What stage `warn` alone sends.
OPTIONAL_COMMANDS: Final = ("UserInterface.Message.Alert.Display",)
#: Not every release has them, and a list shows the same.
_OPTIONAL_EVENTS: Final = frozenset(
    {"Bookings.Updated", "Bookings.EditFailed", "Bookings.ExtensionFailed", "Bookings.CheckedIn"}
)


def manifest(*, app_id: str, vendor: str, email: str, only_required: bool = False) -> dict[str, Any]:
    """
    The manifest that Control Hub takes; every path is named, since it is not documented that wildcards of events are.

    Args:
        app_id: the integration's own UUID.
        vendor: who answers for it.
        email: how they are reached.
        only_required: leave out what is optional.

    """
    statuses = [_path(path, is_required=path in _REQUIRED_STATUSES) for path in WANTED_STATUSES]
    commands = [
        *(_path(path, is_required=True) for path in REQUIRED_COMMANDS),
        *(_path(path, is_required=False) for path in OPTIONAL_COMMANDS),
    ]
    events = [
        *(_path(path, is_required=path not in _OPTIONAL_EVENTS) for path in WANTED_EVENTS),
        *(_path(path, is_required=False) for path in HELPFUL_EVENTS),
    ]
    access = {"status": statuses, "commands": commands, "events": events}
    if only_required:
        access = {kind: [one for one in paths if one["access"] == _REQUIRED] for kind, paths in access.items()}
    return {
        "id": app_id,
        "manifestVersion": 1,
        "displayName": "hotdesk-daemon",
        "vendor": vendor,
        "email": email,
        "description": "Keeps the true state of shared desks and changes their bookings reliably.",
        "descriptionUrl": "",
        "tocUrl": "",
        "availability": "org_private",
        "apiAccess": [dict(scope) for scope in _SCOPES],
        "xapiAccess": access,
        "provisioning": {"type": "manual"},
    }


def _path(path: str, *, is_required: bool) -> dict[str, str]:
    return {"path": path, "access": _REQUIRED if is_required else _OPTIONAL}
