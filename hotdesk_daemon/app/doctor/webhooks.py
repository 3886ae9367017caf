"""Whether a webhook's address is one that a cloud could reach; whether it does is the cloud's to say."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hotdesk_daemon.app.doctor.findings import Finding, failed, fine, warned
from hotdesk_daemon.ops.settings import Events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdesk_daemon.ops.settings import OrganisationSettings


def look_at_webhook(wanted: OrganisationSettings) -> Iterator[Finding]:
    """One finding, where the organisation uses a webhook."""
    webhook = wanted.webhook
    if webhook is None or wanted.events is Events.QUEUE:
        return
    name, parts = "organisation.webhook", urlsplit(webhook.url)
    host = parts.hostname or ""
    if wanted.api_url is not None and _is_here(urlsplit(wanted.api_url).hostname or ""):
        yield fine(name, wanted.id, "the cloud is on this machine, so the webhook may be")
    elif parts.scheme != "https":
        yield failed(name, wanted.id, f"{webhook.url} is no https:// address, and the cloud posts to no other")
    elif _is_here(host):
        yield failed(name, wanted.id, f"{host} is this machine to whoever asks for it: the cloud cannot reach it")
    elif _is_private(host):
        yield warned(name, wanted.id, f"{host} is an address of a private network: the cloud hardly reaches it")
    else:
        yield fine(name, wanted.id, f"{host} could be reached")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.lower().endswith((".local", ".lan", ".internal"))
