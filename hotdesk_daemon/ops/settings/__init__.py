"""Configuration: what can be set, read strictly, checked as a whole before anything starts."""

from hotdesk_daemon.ops.settings.checking import Look
from hotdesk_daemon.ops.settings.daemon import (
    DaemonSettings,
    DispatchSettings,
    HttpSettings,
    HybridSettings,
    JournalSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    SimulatorSettings,
    SimulatorTransport,
    SocketSettings,
    SyncSettings,
)
from hotdesk_daemon.ops.settings.desks import (
    Auth,
    DeskSettings,
    DeviceSettings,
    OpeningHours,
    PolicySettings,
    Verify,
    Way,
    Weekday,
)
from hotdesk_daemon.ops.settings.loading import Loaded, load_settings, read_places, read_settings
from hotdesk_daemon.ops.settings.organisations import (
    MANIFEST_ID,
    Events,
    OrganisationSettings,
    SelectSettings,
    WebhookDoorSettings,
    WebhookProof,
    WebhookSettings,
)
from hotdesk_daemon.ops.settings.policy_file import DeskRules, PolicyFile, load_policy_file
from hotdesk_daemon.ops.settings.safety import SafetySettings, StageSettings
from hotdesk_daemon.ops.settings.secret import Secret, ensure_http_token, fetched, stored_http_token
from hotdesk_daemon.ops.settings.site import Settings, desk_configured, policy_of

__all__ = [
    "MANIFEST_ID",
    "Auth",
    "DaemonSettings",
    "DeskRules",
    "DeskSettings",
    "DeviceSettings",
    "DispatchSettings",
    "Events",
    "HttpSettings",
    "HybridSettings",
    "JournalSettings",
    "Loaded",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "Look",
    "OpeningHours",
    "OrganisationSettings",
    "PolicyFile",
    "PolicySettings",
    "SafetySettings",
    "Secret",
    "SelectSettings",
    "Settings",
    "SimulatorSettings",
    "SimulatorTransport",
    "SocketSettings",
    "StageSettings",
    "SyncSettings",
    "Verify",
    "Way",
    "WebhookDoorSettings",
    "WebhookProof",
    "WebhookSettings",
    "Weekday",
    "desk_configured",
    "ensure_http_token",
    "fetched",
    "load_policy_file",
    "load_settings",
    "policy_of",
    "read_places",
    "read_settings",
    "stored_http_token",
]
