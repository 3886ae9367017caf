"""What the settings of an organisation mean to its cloud: where to send, what proves posts and tokens, who we are."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from hotdesk_daemon.core.errors import RefusedError
from hotdesk_daemon.ops.settings import Events, WebhookProof
from hotdesk_daemon.transport.cloud import (
    JWKS_URLS,
    Client,
    Hosts,
    InstallationStore,
    JwtVerifier,
    TokenKeeper,
    WebhookCheck,
    WebhookKind,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    import aiohttp
    from structlog.typing import FilteringBoundLogger

    from hotdesk_daemon.app.organisations.tools import Tools
    from hotdesk_daemon.ops.settings import OrganisationSettings
    from hotdesk_daemon.transport.cloud import CloudRest, Installation, TokenWatch

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


async def switch_off(
    webhook: Mapping[str, Any] | None, installation: Installation, *, rest: CloudRest, log: FilteringBoundLogger
) -> None:
    """Have the cloud post no more to where nobody of ours listens; it may refuse, which keeps us from nothing."""
    if webhook is None:
        return
    try:
        await rest.patch_app(installation.app_url, webhook)
    except RefusedError as exc:
        log.warning("org.webhook_left", error=str(exc))
    else:
        log.info("org.webhook_off")


def keeper_of(tools: Tools, *, session: aiohttp.ClientSession, watch: TokenWatch) -> TokenKeeper:
    """What keeps the organisation's tokens."""
    wanted, clock = tools.wanted, tools.clock

    async def sleep(seconds: float) -> None:
        await tools.sleep(clock.real_s(seconds))

    return TokenKeeper(
        store=InstallationStore(tools.file(".json")),
        client=Client(client_id=wanted.client_id, client_secret=wanted.client_secret.reveal()),
        session=session,
        oauth_url=wanted.oauth_url,
        now=clock.now,
        mono=clock.mono,
        sleep=sleep,
        rng=random.Random(tools.rng.random()),
        watch=watch,
    )
