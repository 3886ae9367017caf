"""Messages of a workspace integration, as a webhook's body, a queue's answer or a log has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdesk_daemon.captures.importing.told import Passed, Told, Way
from hotdesk_daemon.core.errors import ProtocolError
from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.public_ids import uuid_of
from hotdesk_daemon.xapi.cloud import ActionMessage, HealthCheckMessage, inputs_of, parse_message

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def told_by_message(raw: bytes, *, at: Callable[[datetime | None], datetime]) -> Told | Passed:
    """
    What a message tells.

    Args:
        raw: its JSON.
        at: gives the moment, from the message's own if it has one.

    Raises:
        UndecodableError: it cannot be understood.
    """
    message = parse_message(raw)
    if isinstance(message, HealthCheckMessage):
        return Passed.HEALTH
    if isinstance(message, ActionMessage):
        return Passed.ACTION
    device = DeviceId(short_id(message.device_id))
    inputs = inputs_of(message, device=device, raw=raw)
    moment = at(message.at)
    if not inputs:
        return Passed.NOT_MIRRORED
    return Told(
        at=moment,
        device=device,
        way=Way.CLOUD,
        inputs=inputs,
        raw=raw,
        desk=short_id(message.workspace_id) if message.workspace_id else None,
    )


def short_id(public_id: str) -> str:
    """The UUID in an id of the cloud; what is none stays as it is."""
    try:
        return uuid_of(public_id)
    except ProtocolError:
        return public_id
