"""What the settings of an organisation mean to its cloud."""

from __future__ import annotations

from typing import Any

import pytest

from hotdesk_daemon.app.organisations.notices import check_of, notifications_of, webhook_left
from hotdesk_daemon.ops.settings import Events, OrganisationSettings, Secret, WebhookProof, WebhookSettings

URL = "https://desks.example.com"


def wanted(events: Events, *, proof: WebhookProof | None = WebhookProof.HMAC) -> OrganisationSettings:
    webhook = None
    if proof is not None:
        webhook = WebhookSettings(url=f"{URL}/", secret=Secret("a secret of length"), proof=proof, username="me")
    return OrganisationSettings(
        id="acme", client_id="c", client_secret=Secret("of the client"), events=events, webhook=webhook
    )


@pytest.mark.parametrize(
    ("events", "queue", "webhook"),
    [
        (Events.QUEUE, "enabled", {"targetUrl": f"{URL}/webex/acme/events", "disabled": True}),
        (Events.WEBHOOK, "disabled", {"targetUrl": f"{URL}/webex/acme/events", "secret": "a secret of length"}),
        (Events.BOTH, "enabled", {"targetUrl": f"{URL}/webex/acme/events", "secret": "a secret of length"}),
    ],
)
def test_what_is_named_and_not_used_is_switched_off(events: Events, queue: str, webhook: dict[str, Any]) -> None:
    told = notifications_of(wanted(events))

    assert {"state": queue} == told["queue"]
    assert webhook | {"type": "hmac_signature"} == told["webhook"]
    assert (f"{URL}/webex/acme/actions" if events is not Events.QUEUE else None) == told.get("actionsUrl")
    assert (events is Events.QUEUE) == (check_of(wanted(events)) is None)


def test_without_a_webhook_there_is_nothing_to_switch_off() -> None:
    assert {"queue": {"state": "enabled"}} == notifications_of(wanted(Events.QUEUE, proof=None))


@pytest.mark.parametrize("shown", [{}, {"webhook": None}, {"webhook": {"targetUrl": URL, "disabled": True}}])
def test_without_a_webhook_left_over_there_is_nothing_to_switch_off(shown: dict[str, Any]) -> None:
    assert webhook_left(wanted(Events.QUEUE, proof=None), shown) is None


def test_a_password_goes_with_its_name() -> None:
    told = notifications_of(wanted(Events.WEBHOOK, proof=WebhookProof.BASIC))["webhook"]

    assert ("basic_authentication", "me", "a secret of length") == (told["type"], told["username"], told["password"])
    assert "secret" not in told
