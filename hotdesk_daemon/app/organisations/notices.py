"""What the settings of an organisation mean to its cloud: where to send and what, and what proves a post or a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotdesk_daemon.core.errors import HotdeskError
from hotdesk_daemon.ops.settings import Events, WebhookProof
from hotdesk_daemon.transport.cloud import (
    JWKS_URLS,
    Hosts,
    JwtVerifier,
    Supported,
    WebhookCheck,
    WebhookKind,
    read_supported,
)
from hotdesk_daemon.xapi.cloud import WANTED_EVENTS, WANTED_STATUSES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.ops.settings import OrganisationSettings
    from hotdesk_daemon.transport.cloud import Budget, CloudHttp, Installation

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


def verifier_of(
    wanted: OrganisationSettings, *, fetch: Callable[[str], Awaitable[bytes]], now: Callable[[], datetime]
) -> JwtVerifier:
    """What believes the organisation's tokens; they may lead to Webex, and to the hosts that *wanted* names."""
    return JwtVerifier(
        app_id=wanted.app_id,
        fetch=fetch,
        now=now,
        jwks_urls={"": wanted.jwks_url} if wanted.jwks_url else JWKS_URLS,
        hosts=Hosts.of((wanted.api_url, wanted.oauth_url, wanted.jwks_url, wanted.supported_url)),
    )


def notifications_of(wanted: OrganisationSettings, installation: Installation | None = None) -> Mapping[str, Any]:
    """
    The part of the installation's settings that says where to send.

    What is named here and not used is switched off, for it may have been used before.
    """
    told: dict[str, Any] = {"queue": {"state": "disabled" if wanted.events is Events.WEBHOOK else "enabled"}}
    webhook = wanted.webhook
    if webhook is not None:
        base = f"{webhook.url.rstrip('/')}/webex/{wanted.id}"
        shown: dict[str, Any] = {"targetUrl": f"{base}/events", "type": _KINDS[webhook.proof].value}
        if wanted.events is Events.QUEUE:
            shown["disabled"] = True
        elif webhook.proof is WebhookProof.BASIC:
            shown |= {"username": webhook.username, "password": webhook.secret.reveal()}
        else:
            shown["secret"] = webhook.secret.reveal()
        told["webhook"] = shown
        if wanted.events is not Events.QUEUE:
            told["actionsUrl"] = f"{base}/actions"
    if installation is not None:
        told["customer"] = {"id": installation.organisation}
    return told


def webhook_left(wanted: OrganisationSettings, shown: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """
    What switches a webhook off that the cloud has *shown* in the installation's settings and ours do not name any more.

    None when there is none. Ours may have named it once: what it posts to answers no more, or is somebody else by now.
    """
    left = shown.get("webhook")
    if wanted.webhook is not None or not isinstance(left, dict) or not left or left.get("disabled") is True:
        return None
    return {"webhook": {name: left[name] for name in ("targetUrl", "type") if name in left} | {"disabled": True}}


async def not_pushed(
    http: CloudHttp, budget: Budget, url: str, *, installation: Installation, log: FilteringBoundLogger
) -> tuple[str, ...] | None:
    """
    What of that which we live on is not pushed; None when that cannot be had.

    The cloud says at *url* what it pushes at all; an installation gets of that what it was granted.
    """
    try:
        async with budget.slot():
            supported = await read_supported(http, url)
    except HotdeskError as exc:
        log.info("org.supported_unknown", error=str(exc))
        return None
    granted = Supported(statuses=frozenset(installation.statuses), events=frozenset(installation.events))
    lacking = [some.missing(statuses=WANTED_STATUSES, events=WANTED_EVENTS) for some in (supported, granted)]
    return tuple(dict.fromkeys((*lacking[0], *lacking[1])))
