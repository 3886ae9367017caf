"""
The settings of organisations of the Webex cloud, and of the door that their webhooks knock at.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Final

import attrs

from hotdesk_daemon.core.policy import Stage
from hotdesk_daemon.ops.settings.declared import setting
from hotdesk_daemon.ops.settings.desks import NAME, PolicySettings
from hotdesk_daemon.ops.settings.kinds import Choice, Duration, Flag, Number, Text, Whole
from hotdesk_daemon.ops.settings.secret import Secret
from hotdesk_daemon.ops.settings.special import FilePath, Listed, PublicId, SecretRef, Table, Url

#: The ``id`` of the manifest as shipped.
MANIFEST_ID: Final = "9d3c1f52-7a64-4e0b-8f1d-2b6c5a90e7d4"


class Events(Enum):
    """How the cloud sends what devices say."""

    QUEUE = "queue"
    WEBHOOK = "webhook"
    BOTH = "both"


class WebhookProof(Enum):
    """How the cloud proves that a post is its own."""

    HMAC = "hmac_signature"
    BASIC = "basic_authentication"
    HEADER = "authorization_header"


@attrs.frozen(kw_only=True)
class WebhookSettings:
    """
    How the organisation's cloud reaches us, for `events = "webhook"` or `"both"`.

    It posts to `<url>/webex/<organisation's id>/events` and `…/actions`; a proxy with TLS in front hands both on to the
    listener of `[webhook]`.
    """

    url: str = setting(Url(("https", "http"), "https://desks.example.com"), "Where the cloud finds that proxy.")
    proof: WebhookProof = setting(
        Choice(WebhookProof),
        "How a post proves itself: a signature over the body, a user name with password, or a fixed Authorization "
        "header. Only the signature proves the body too.",
        default=WebhookProof.HMAC,
    )
    secret: Secret = setting(
        SecretRef(), "The signature's key (20 characters at least), the password, or the whole header."
    )
    username: str = setting(Text(what="a user name"), "The user name that goes with a password.", default="hotdesk")


@attrs.frozen(kw_only=True)
class SelectSettings:
    """Which workspaces of the organisation are desks of ours: those that pass everything that is set."""

    hotdesking_only: bool = setting(
        Flag(), "Only workspaces that are hot desks in Control Hub (`hotdeskingStatus` `on`).", default=True
    )
    tags: tuple[str, ...] = setting(
        Listed(Text(what="a tag"), 'a list of tags such as ["hotdesk"]'),
        "Only workspaces with a device that carries one of these tags.",
        default=(),
    )
    locations: tuple[str, ...] = setting(
        Listed(PublicId("location", "LOCATION"), "a list of location ids"),
        "Only workspaces at these locations.",
        default=(),
    )
    workspaces: tuple[str, ...] = setting(
        Listed(PublicId("workspace", "PLACE"), "a list of workspace ids"), "Only these workspaces.", default=()
    )


@attrs.frozen(kw_only=True)
class OrganisationSettings:
    """One organisation whose workspace integration we are. `hotdesk-daemon activate` does the rest, once."""

    id: str = setting(NAME, "Our name for the organisation. Its state stands under it: do not rename.")
    client_id: str = setting(Text(what="a client id"), "The integration's client id, from Control Hub.")
    client_secret: Secret = setting(SecretRef(), "Its client secret, which Control Hub shows once.")
    app_id: str = setting(
        Text(what="a UUID", pattern=r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        "The `id` of the manifest that was uploaded; the default is that of `config/manifest.json`.",
        default=MANIFEST_ID,
    )
    events: Events = setting(
        Choice(Events),
        "How events come: by a `queue` that the daemon polls, which needs no way in; by a `webhook`; or by both.",
        default=Events.QUEUE,
    )
    webhook: WebhookSettings | None = setting(Table(WebhookSettings), "", default=None, none="no webhook")
    select: SelectSettings = setting(Table(SelectSettings), "", default=SelectSettings())
    rate_per_s: float = setting(
        Number(0.1, 1000),
        "Requests per second, of everything that is asked of this organisation's cloud. Its limits are not published; "
        "5 per second has 1,000 devices looked at in 10 minutes, three requests each.",
        default=5.0,
    )
    concurrency: int = setting(
        Whole(1, 500), "Requests under way at once. A request waits for its device, mostly about a second.", default=20
    )
    request_timeout_s: float = setting(
        Duration("1s", "5m"),
        "How long a request may take. Later the answer counts as lost, and the desk is listed to learn what became "
        "of it.",
        default=30.0,
        key="request_timeout",
    )
    sync_interval_s: float = setting(
        Duration("1m", "7d", step_s=1),
        "Time between two lists of a quiet desk where the cloud pushes every change.",
        default=3600.0,
        key="sync_interval",
    )
    reconcile_interval_s: float = setting(
        Duration("1m", "1d", step_s=1),
        "The same where it does not: so late may be seen what is not pushed. Desks are looked at soon after each "
        "known start and end besides.",
        default=600.0,
        key="reconcile_interval",
    )
    directory_interval_s: float = setting(
        Duration("1m", "1d", step_s=1),
        "Time between two readings of devices and workspaces.",
        default=600.0,
        key="directory_interval",
    )
    idle_limit_s: float = setting(
        Duration("10m", "1d", step_s=1),
        "After so long without any message the cloud is told anew where to send, and everything is listed: every "
        "device says something once an hour.",
        default=7200.0,
        key="idle_limit",
    )
    stage: Stage | None = setting(
        Choice(Stage),
        "What the daemon may do on the desks found here.",
        default=None,
        none="as their devices' tags say, else `daemon.stage`",
    )
    policy: PolicySettings | None = setting(
        Table(PolicySettings), "Rules of their own for the desks found here.", default=None, none="as `policy`"
    )
    api_url: str | None = setting(
        Url(("https", "http"), "https://webexapis.com/v1"),
        "The REST API, where a proxy or a simulated cloud stands in for the real one.",
        default=None,
        none="as the activation code says",
    )
    oauth_url: str | None = setting(
        Url(("https", "http"), "https://webexapis.com/v1/access_token"),
        "The token endpoint, likewise.",
        default=None,
        none="as the activation code says",
    )
    jwks_url: str | None = setting(
        Url(("https", "http"), "https://xapi-a.wbx2.com/jwks"),
        "The keys that activation codes and actions are verified with, likewise. It is never taken from a token, and "
        "must be set where the code's region is not known.",
        default=None,
        none="the one of the code's region",
    )
    supported_url: str | None = setting(
        Url(("https", "http"), "https://xapi-a.wbx2.com/xapi/api/apps/supportedSubscriptions"),
        "The list of what the cloud pushes, likewise. A code or an action may lead to the host of any of these four "
        "addresses, and to Webex's own by https; one that leads elsewhere is refused.",
        default=None,
        none="the one beside the installation",
    )
    ca_file: Path | None = setting(
        FilePath(),
        "PEM file of the authority that signed the certificates of these addresses.",
        default=None,
        none="the system's authorities",
    )


@attrs.frozen(kw_only=True)
class WebhookDoorSettings:
    """The listener for webhooks of all organisations; open only when one of them uses it."""

    host: str = setting(
        Text(what="an IP address or host name", pattern=r"[0-9A-Za-z:._%-]+"),
        "Address to listen on. It speaks no TLS: a proxy that does stands in front.",
        default="127.0.0.1",
    )
    port: int = setting(Whole(0, 65535), "Port to listen on; 0 takes a free one.", default=8481)
