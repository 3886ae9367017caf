"""What the settings of an organisation mean to its cloud: where to send, and what proves a post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotdesk_daemon.ops.settings import Events, WebhookProof
from hotdesk_daemon.transport.cloud import WebhookCheck, WebhookKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdesk_daemon.ops.settings import OrganisationSettings
    from hotdesk_daemon.transport.cloud import Installation

_KINDS = {
    WebhookProof.HMAC: WebhookKind.HMAC,
    WebhookProof.BASIC: WebhookKind.BASIC,
    WebhookProof.HEADER: WebhookKind.HEADER,
}


def check_of(wanted: OrganisationSettings) -> WebhookCheck | None:
    """What the cloud must show at our door; None where no webhook is expected."""
    webhook = wanted.webhook
    if webhook is None or wanted.events is Events.QUEUE:
        return None
    return WebhookCheck(kind=_KINDS[webhook.proof], secret=webhook.secret.reveal(), username=webhook.username)


def notifications_of(wanted: OrganisationSettings, installation: Installation | None = None) -> Mapping[str, Any]:
    """
    The part of the installation's settings that says where to send.

    What is not used is switched off, for it may have been used before.
    """
    told: dict[str, Any] = {"queue": {"state": "disabled" if wanted.events is Events.WEBHOOK else "enabled"}}
    webhook = wanted.webhook
    if webhook is not None and wanted.events is not Events.QUEUE:
        base = f"{webhook.url.rstrip('/')}/webex/{wanted.id}"
        proof: dict[str, Any] = {"targetUrl": f"{base}/events", "type": _KINDS[webhook.proof].value}
        if webhook.proof is WebhookProof.BASIC:
            proof |= {"username": webhook.username, "password": webhook.secret.reveal()}
        else:
            proof |= {"secret": webhook.secret.reveal()}
        told |= {"webhook": proof, "actionsUrl": f"{base}/actions"}
    if installation is not None:
        told["customer"] = {"id": installation.organisation}
    return told
