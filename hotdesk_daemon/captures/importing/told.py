"""What was told: inputs of one device at one moment, from one message, answer or list."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from hotdesk_daemon.core.ids import DeviceId
from hotdesk_daemon.core.inputs import Input


class Way(StrEnum):
    """How it came; an entry's source begins with it."""

    CLOUD = "cloud"
    SOCKET = "device"


@attrs.frozen(kw_only=True)
class Told:
    """
    Inputs in their order.

    ``desk`` names the desk where that is known, ``software`` the release that is known of the device; ``begins`` says
    that a session begins here.
    """

    at: datetime
    device: DeviceId
    way: Way
    inputs: tuple[Input, ...]
    raw: bytes
    desk: str | None = None
    software: str | None = None
    booking_timeout_s: int | None = None
    begins: bool = False


class Passed(StrEnum):
    """What is passed over, counted, and said."""

    NOT_MIRRORED = "says nothing of bookings, sign-ins or occupancy"
    HEALTH = "health check"
    ACTION = "action, which holds a token"
    TWICE = "came twice"
    COMMAND = "command or its answer: a history has a command only with the decision that led to it"
    UNASKED = "answer to a question that is not there"
    OTHER = "other request or answer"
    REFUSED = "refusal of a device"
    NOT_KNOWN = "none of what can be imported"
