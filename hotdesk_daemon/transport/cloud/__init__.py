"""The Webex cloud as a way to devices: activation and tokens, queue and webhook, REST, the directory."""

from hotdesk_daemon.core.public_ids import kind_of, uuid_of
from hotdesk_daemon.transport.cloud.actions import (
    Action,
    Actions,
    ApprovedAction,
    DeprovisionAction,
    HealthCheckAction,
    ProvisionAction,
    UpdateAction,
)
from hotdesk_daemon.transport.cloud.activation import activate, complete, poll_url_of
from hotdesk_daemon.transport.cloud.budget import Budget
from hotdesk_daemon.transport.cloud.directory import (
    CloudDevice,
    DirectoryRead,
    FoundDesk,
    Selection,
    Workspace,
    read_directory,
)
from hotdesk_daemon.transport.cloud.hosts import Hosts
from hotdesk_daemon.transport.cloud.http import CloudHttp, ForbiddenError, NotFoundError, PauseError, whole_body
from hotdesk_daemon.transport.cloud.installation import Installation, InstallationStore, Remains
from hotdesk_daemon.transport.cloud.jwts import JWKS_URLS, Claims, JwtRefusedError, JwtVerifier, Refusal
from hotdesk_daemon.transport.cloud.link import CloudLink
from hotdesk_daemon.transport.cloud.oauth import Client, TokenRefusedError
from hotdesk_daemon.transport.cloud.queue import QueueReader, QueueSettings
from hotdesk_daemon.transport.cloud.rest import CloudRest
from hotdesk_daemon.transport.cloud.seen import Seen
from hotdesk_daemon.transport.cloud.supported import Supported, read_supported, supported_url
from hotdesk_daemon.transport.cloud.token_states import TokenState, TokenWatch
from hotdesk_daemon.transport.cloud.tokens import TokenKeeper
from hotdesk_daemon.transport.cloud.webhook import WebhookCheck, WebhookKind, webhook_app

__all__ = [
    "JWKS_URLS",
    "Action",
    "Actions",
    "ApprovedAction",
    "Budget",
    "Claims",
    "Client",
    "CloudDevice",
    "CloudHttp",
    "CloudLink",
    "CloudRest",
    "DeprovisionAction",
    "DirectoryRead",
    "ForbiddenError",
    "FoundDesk",
    "HealthCheckAction",
    "Hosts",
    "Installation",
    "InstallationStore",
    "JwtRefusedError",
    "JwtVerifier",
    "NotFoundError",
    "PauseError",
    "ProvisionAction",
    "QueueReader",
    "QueueSettings",
    "Refusal",
    "Remains",
    "Seen",
    "Selection",
    "Supported",
    "TokenKeeper",
    "TokenRefusedError",
    "TokenState",
    "TokenWatch",
    "UpdateAction",
    "WebhookCheck",
    "WebhookKind",
    "Workspace",
    "activate",
    "complete",
    "kind_of",
    "poll_url_of",
    "read_directory",
    "read_supported",
    "supported_url",
    "uuid_of",
    "webhook_app",
    "whole_body",
]
